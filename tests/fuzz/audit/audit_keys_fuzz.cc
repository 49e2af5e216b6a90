// The texts in a bundle that name keys.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/audit/bundle_file.h"

using namespace medflyt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto keys = audit::ParseEventKeys(input); keys.ok() && audit::FormatEventKeys(*keys) != input) std::abort();
  if (const auto trust = audit::ParseBundleKeys(input); trust.ok()) {
    const auto again = audit::ParseBundleKeys(audit::FormatBundleKeys(*trust));
    if (!again.ok() || again->keys != trust->keys || again->owners != trust->owners) std::abort();
  }
  return 0;
}
