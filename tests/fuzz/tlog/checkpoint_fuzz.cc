// Checkpoint texts: one spelling each, and only valid values inside.
#include <string>

#include "common/tlog/checkpoint.h"
#include "tests/fuzz/tlog/require.h"

using namespace medflyt;
using namespace medflyt::tlog;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = Input(data, size);
  if (const auto checkpoint = Checkpoint::Parse(input); checkpoint.ok()) {
    Require(checkpoint->Format() == input);
    Require(!checkpoint->origin().empty() && checkpoint->size().value() <= merkle::kMaxTreeSize);
    const auto again =
        Checkpoint::Create(checkpoint->origin(), checkpoint->size(), checkpoint->root(), checkpoint->extensions());
    Require(again.ok() && *again == *checkpoint);
  }
  Require(!OpenCheckpoint(input, {}).ok());
  return 0;
}
