// Whatever is encoded is read back, and whatever is read is within bounds, for every type of event, record and command.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/event/catalogue.h"
#include "common/wire/command.h"
#include "common/wire/content.h"
#include "common/wire/day_number.h"
#include "common/wire/ledger.h"
#include "tests/support/sample_events.h"

namespace medflyt::wire {
namespace {

using testing::EventMaker;

uint64_t Draw(uint64_t least, uint64_t most) {
  if (most == ~uint64_t{0}) {
    const auto any = *rc::gen::arbitrary<uint64_t>();
    return any < least ? least : any;
  }
  return *rc::gen::inRange<uint64_t>(least, most + 1);
}
EventMaker Maker() { return EventMaker(Draw); }
event::Type AnyType() { return static_cast<event::Type>(Draw(0, event::kTypeCount - 1)); }

// One byte changed, cut off, put in or doubled.
std::string Altered(std::string bytes) {
  const size_t at = Draw(0, bytes.size() - 1);
  switch (Draw(0, 3)) {
    case 0:
      bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(Draw(1, 255)));
      break;
    case 1:
      bytes.resize(at);
      break;
    case 2:
      bytes.insert(at, 1, static_cast<char>(Draw(0, 255)));
      break;
    default:
      bytes += bytes.substr(at);
      break;
  }
  return bytes;
}

TEST(ContentProperty, EveryTypeIsReadBackEqual) {
  ContentCodec codec;
  std::string bytes;
  for (size_t i = 0; i < event::kTypeCount; ++i) {
    const event::Type type = static_cast<event::Type>(i);
    EXPECT_TRUE(rc::check(std::string(event::NameOf(type)), [&codec, &bytes, type] {
      const event::Event event = Maker().Any(type);
      const auto encoded = codec.Encode(event, bytes);
      RC_ASSERT(encoded.ok());
      const auto decoded = codec.Decode(bytes, event.header.id);
      RC_ASSERT(decoded.ok());
      RC_ASSERT(*decoded == event);
    }));
  }
}

RC_GTEST_PROP(ContentProperty, OtherEventsHaveOtherBytes, ()) {
  ContentCodec codec;
  EventMaker maker = Maker();
  const event::Event a = maker.Any(AnyType());
  event::Event b = maker.Any(event::TypeOf(a.body));
  b.header = a.header;
  std::string a_bytes;
  std::string b_bytes;
  RC_ASSERT(codec.Encode(a, a_bytes).ok());
  RC_ASSERT(codec.Encode(b, b_bytes).ok());
  RC_ASSERT((a_bytes == b_bytes) == (a == b));
}

RC_GTEST_PROP(ContentProperty, AlteredBytesAreRefusedOrAnotherValidEvent, ()) {
  ContentCodec codec;
  const event::Event event = Maker().Any(AnyType());
  std::string bytes;
  RC_ASSERT(codec.Encode(event, bytes).ok());
  const auto decoded = codec.Decode(Altered(bytes), event.header.id);
  if (!decoded.ok()) {
    const auto broken = BrokenRuleOf(decoded.status());
    RC_ASSERT(broken.has_value());
    RC_ASSERT((broken->rule == "CONTENT_MALFORMED" && decoded.status().code() == absl::StatusCode::kInvalidArgument) ||
              (broken->rule == "EVENT_TYPE_UNKNOWN" && decoded.status().code() == absl::StatusCode::kUnimplemented));
    return;
  }
  // Valid means that it can be said again.
  std::string again;
  RC_ASSERT(codec.Encode(*decoded, again).ok());
  const auto twice = codec.Decode(again, event.header.id);
  RC_ASSERT(twice.ok());
  RC_ASSERT(*twice == *decoded);
}

RC_GTEST_PROP(ContentProperty, ErrorsNeverHoldTheValue, ()) {
  EventMaker maker = Maker();
  const event::Event event = maker.Any(event::Type::kRelocationAnnounced);
  v1::Content content;
  ContentToProto(event, content);
  auto& body = *content.mutable_relocation_announced();
  const std::string digits = body.cpr();
  body.set_cpr(digits + "0");
  const auto read = ContentFromProto(content, event.header.id);
  RC_ASSERT(!read.ok());
  RC_ASSERT(std::string(read.status().ToString()).find(digits) == std::string::npos);
}

RC_GTEST_PROP(DayNumberProperty, NextDayHasTheNextNumber, ()) {
  const Date day = Maker().Day();
  RC_ASSERT(DateOfDayNumber(DayNumber(day)) == day);
  RC_ASSERT(DayNumber(day + 1) == DayNumber(day) + 1);
}

LedgerRecord AnyRecord() {
  EventMaker maker = Maker();
  LedgerRecord record{.recorded_at = maker.Time(), .record = {}};
  switch (Draw(0, 10)) {
    case 0:
      record.record = EventReceived{maker.Text(1, 255), LeafIndex(Draw(0, ~uint64_t{0})), maker.Id<Hash>(),
                                    maker.Bool() ? maker.Rule() : std::string()};
      break;
    case 1: {
      std::set<uint64_t> chosen;
      for (uint64_t n = Draw(1, 30); n > 0; --n) chosen.insert(Draw(0, 60));
      std::vector<LeafIndex> indices;
      for (uint64_t index : chosen) indices.emplace_back(index);
      record.record = ReceiptsLogged{maker.Text(1, 255), TreeSize(Draw(1, ~uint64_t{0})), maker.Id<Hash>(),
                                     RunsOf(indices), maker.Id<Hash>()};
      break;
    }
    case 2:
      record.record = RejectionsRecorded{maker.Authority(), maker.Rule(), static_cast<int64_t>(Draw(0, 4'000'000'000)),
                                         Draw(1, ~uint64_t{0})};
      break;
    case 3:
      record.record = KeyGranted{maker.Authority(), maker.Id<KeyId>(), maker.Id<Hash>()};
      break;
    case 4:
      record.record = LogKeyHandedOver{maker.Text(1, 320)};
      break;
    case 5:
      record.record = PeerReleased{maker.Authority(), maker.Id<Hash>(), maker.Id<Hash>()};
      break;
    case 6:
      record.record = PeerGenerationAdmitted{maker.Authority(), maker.Text(1, 255), maker.Text(1, 320),
                                             maker.Id<Hash>(), maker.Id<Hash>()};
      break;
    case 7: {
      std::vector<ClosedPair> pairs;
      for (uint64_t n = Draw(0, 5); n > 0; --n) {
        pairs.push_back({maker.Authority(), PairNumber(Draw(0, ~uint64_t{0})), PairNumber(Draw(0, 9))});
      }
      std::sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) { return a.peer < b.peer; });
      pairs.erase(
          std::unique(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) { return a.peer == b.peer; }),
          pairs.end());
      record.record = GenerationOpened{maker.Text(1, 1000) + "\n" + maker.Text(1, 1000), TreeSize(Draw(0, 1000)), pairs,
                                       maker.Id<Hash>(), maker.Id<Hash>()};
      break;
    }
    case 8:
      record.record = EntryReissued{maker.Text(1, 255), LeafIndex(Draw(0, ~uint64_t{0}))};
      break;
    case 9:
      record.record = DirectoryChanged{maker.Id<Hash>(), maker.Number(0, ~0U), maker.MaybeId<Hash>()};
      break;
    default:
      record.record = KeyDestroyed{maker.Id<KeyId>()};
      break;
  }
  return record;
}

RC_GTEST_PROP(LedgerProperty, EveryRecordIsReadBackEqual, ()) {
  LedgerCodec codec;
  const LedgerRecord record = AnyRecord();
  const auto bytes = codec.Encode(record);
  RC_ASSERT(bytes.ok());
  const auto decoded = codec.Decode(*bytes);
  RC_ASSERT(decoded.ok());
  RC_ASSERT(*decoded == record);
}

RC_GTEST_PROP(LedgerProperty, ARecordHasOneForm, ()) {
  LedgerCodec codec;
  const auto bytes = codec.Encode(AnyRecord());
  RC_ASSERT(bytes.ok());
  const std::string altered = Altered(*bytes);
  const auto decoded = codec.Decode(altered);
  if (!decoded.ok()) return;
  const auto again = codec.Encode(*decoded);
  RC_ASSERT(again.ok());
  RC_ASSERT(*again == altered);
}

RC_GTEST_PROP(LedgerProperty, RunsCoverExactlyTheirIndices, ()) {
  std::set<uint64_t> chosen;
  for (uint64_t n = Draw(0, 40); n > 0; --n) chosen.insert(Draw(0, 60));
  std::vector<LeafIndex> indices;
  for (uint64_t index : chosen) indices.emplace_back(index);
  std::set<uint64_t> covered;
  uint64_t next = 0;
  for (const IndexRun& run : RunsOf(indices)) {
    RC_ASSERT(run.count > 0U);
    RC_ASSERT(run.first.value() >= next);
    next = run.first.value() + run.count + 1;
    for (uint64_t i = 0; i < run.count; ++i) covered.insert(run.first.value() + i);
  }
  RC_ASSERT(covered == chosen);
}

}  // namespace
}  // namespace medflyt::wire
