// Any bytes as event content and as ledger record: refused by rule, or a value that is said again and read back equal.
// The first byte chooses between raw bytes and an event made from them, so that the fuzzer reaches every type.
#include <google/protobuf/stubs/logging.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/base/status.h"
#include "common/wire/content.h"
#include "common/wire/ledger.h"
#include "tests/support/sample_events.h"

namespace {

using medflyt::EventId;

void Require(bool holds) {
  if (!holds) std::abort();
}

void ReadContent(medflyt::wire::ContentCodec& codec, std::string_view bytes) {
  const auto event = codec.Decode(bytes, EventId());
  if (!event.ok()) {
    Require(medflyt::BrokenRuleOf(event.status()).has_value());
    return;
  }
  std::string again;
  Require(codec.Encode(*event, again).ok());
  const auto twice = codec.Decode(again, EventId());
  Require(twice.ok() && *twice == *event);
}

void ReadLedger(medflyt::wire::LedgerCodec& codec, std::string_view bytes) {
  const auto record = codec.Decode(bytes);
  if (!record.ok()) {
    Require(medflyt::BrokenRuleOf(record.status()).has_value());
    return;
  }
  const auto again = codec.Encode(*record);
  Require(again.ok() && *again == bytes);
}

// An event whose values the input draws, with one byte of its content replaced.
void ReadAlteredEvent(medflyt::wire::ContentCodec& codec, std::string_view input) {
  size_t next = 0;
  auto draw = [&input, &next](uint64_t least, uint64_t most) {
    const uint64_t byte = next < input.size() ? static_cast<uint8_t>(input[next++]) : 0;
    return most - least == ~uint64_t{0} ? byte : least + byte % (most - least + 1);
  };
  const size_t at = draw(0, 255);
  const char with = static_cast<char>(draw(0, 255));
  const auto type = static_cast<medflyt::event::Type>(draw(0, medflyt::event::kTypeCount - 1));
  const auto event = medflyt::testing::EventMaker(draw).Any(type);
  std::string bytes;
  Require(codec.Encode(event, bytes).ok());
  bytes[at % bytes.size()] = with;
  ReadContent(codec, bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const google::protobuf::LogSilencer silent;
  static medflyt::wire::ContentCodec content;
  static medflyt::wire::LedgerCodec ledger;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  const std::string_view rest = input.substr(1);
  switch (input.front() & 3) {
    case 0:
      ReadContent(content, rest);
      break;
    case 1:
      ReadLedger(ledger, rest);
      break;
    default:
      ReadAlteredEvent(content, rest);
      break;
  }
  return 0;
}
