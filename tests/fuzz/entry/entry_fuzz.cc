// Any bytes as an entry, and an honest sealed entry with bytes of it replaced by the input.
#include <google/protobuf/stubs/logging.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/status.h"
#include "common/entry/parse.h"
#include "common/entry/seal.h"

namespace {

using medflyt::crypto::Key;
using medflyt::entry::ParsedEntry;
using medflyt::entry::SealedView;

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const google::protobuf::LogSilencer silent;
  static medflyt::wire::LedgerCodec ledger;
  static const Key key = *Key::FromBytes(std::string(32, 'K'));
  static const std::string honest = *medflyt::entry::SealEntry(*medflyt::EventId::FromBytes(std::string(16, 'e')),
                                                               medflyt::crypto::Nonce(), "content", key, "origin");
  const std::string_view input(reinterpret_cast<const char*>(data), size);

  const auto parsed = medflyt::entry::ParseEntry(input, ledger);
  if (parsed.ok()) {
    if (const auto* sealed = std::get_if<SealedView>(&*parsed)) {
      Require(sealed->ciphertext.data() + sealed->ciphertext.size() == input.data() + input.size());
      Require(!medflyt::entry::OpenEntry(*sealed, key, "origin").ok());
    } else {
      Require(*ledger.Encode(std::get<medflyt::wire::LedgerRecord>(*parsed)) == input);
    }
  } else {
    Require(medflyt::BrokenRuleOf(parsed.status()).has_value());
  }

  // Two bytes of position, then what is put there.
  if (size < 3) return 0;
  std::string altered = honest;
  const size_t at = (static_cast<size_t>(data[0]) * 256 + data[1]) % altered.size();
  altered.replace(at, size - 2, input.substr(2));
  const auto sealed = medflyt::entry::ParseSealed(altered);
  const bool opens = sealed.ok() && medflyt::entry::OpenEntry(*sealed, key, "origin").ok();
  Require(opens == (altered == honest));
  return 0;
}
