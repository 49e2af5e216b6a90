// Any bytes as a client's command: refused by rule, or a command that is written back to one with the same meaning.
#include <google/protobuf/stubs/logging.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "common/base/status.h"
#include "common/wire/command.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

class FixedRandom final : public medflyt::RandomSource {
 public:
  void Fill(uint8_t* out, size_t size) override { std::memset(out, 7, size); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const google::protobuf::LogSilencer silent;
  FixedRandom random;
  medflyt::v1::Command message;
  if (!message.ParseFromArray(data, static_cast<int>(size))) return 0;
  const auto command = medflyt::wire::CommandFromProto(message, "officer", random);
  if (!command.ok()) {
    Require(medflyt::BrokenRuleOf(command.status()).has_value());
    return 0;
  }
  const auto written = medflyt::wire::CommandToProto(*command);
  Require(written.ok());
  const auto again = medflyt::wire::CommandFromProto(*written, "officer", random);
  Require(again.ok());
  Require(medflyt::wire::CommandToProto(*again)->SerializeAsString() == written->SerializeAsString());
  return 0;
}
