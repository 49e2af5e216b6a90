// Any bytes as a batch, and an honest batch with bytes of its message replaced by the input: nothing is ever taken for
// proven that is not in the log.
#include <google/protobuf/stubs/logging.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/entry/batch.h"
#include "tests/support/evidence_log.h"

namespace {

using medflyt::LeafIndex;
using medflyt::testing::EvidenceLog;

void Require(bool holds) {
  if (!holds) std::abort();
}

const EvidenceLog& Log() {
  static const EvidenceLog log = [] {
    EvidenceLog made("odense.example/log", 's');
    for (int i = 0; i < 20; ++i) made.Append("entry " + std::to_string(i));
    return made;
  }();
  return log;
}

void Check(std::string_view message) {
  static const medflyt::entry::AcceptedHead accepted = Log().Head(7);
  medflyt::v1::EventBatch batch;
  if (!batch.ParseFromArray(message.data(), static_cast<int>(message.size()))) return;
  const auto verified = medflyt::entry::VerifyBatch(batch, Log().identity(), accepted);
  if (!verified.ok()) {
    Require(medflyt::BrokenRuleOf(verified.status()).has_value());
    return;
  }
  Require(!verified->entries.empty());
  for (const auto& entry : verified->entries) {
    Require(entry.index.value() < Log().size());
    Require(entry.bytes == Log().entry(entry.index));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const google::protobuf::LogSilencer silent;
  static const std::string honest = Log().Batch({LeafIndex(8), LeafIndex(9), LeafIndex(12)}, 7, 15).SerializeAsString();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Check(input);
  // Two bytes of position, one of how many are replaced, then by what.
  if (size < 3) return 0;
  std::string altered = honest;
  const size_t at = (static_cast<size_t>(data[0]) * 256 + data[1]) % altered.size();
  altered.replace(at, data[2] % 32, input.substr(3));
  Check(altered);
  return 0;
}
