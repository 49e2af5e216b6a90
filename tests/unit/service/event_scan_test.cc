// What a watch is shown, in the order of the log, also where records of receipt are made once more while it watches.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "common/entry/seal.h"
#include "server/exchange/kept.h"
#include "server/exchange/record_again.h"
#include "server/service/event_reader.h"
#include "tests/support/log_fixture.h"
#include "tests/unit/directory/sample.h"
#include "tests/unit/service/receiving_fixture.h"

namespace medflyt::service {
namespace {

using ::testing::ElementsAre;
using testing::kKerteminde;
using testing::kNyborg;
using testing::kOdense;
using ::testing::UnorderedElementsAre;

class EventScanTest : public testing::LogFixture {
 protected:
  // An event of Nyborg's, refused because its key is not there; the id that it is shown by.
  std::string Receive(uint64_t number) {
    const auto id = random_.NewId<EventId>();
    const std::string origin = peers_.Find(kNyborg)->logs.back().origin;
    const auto entry = entry::SealEntry(id, random_.NewId<crypto::Nonce>(), "content", crypto::Key::Random(), origin);
    EXPECT_TRUE(entry.ok()) << entry.status();
    On([&](log::Appender& appender) {
      v1::EventBatch batch;
      batch.add_indices(number);
      batch.add_entries(*entry);
      batch.add_key_ids(std::string(random_.NewId<KeyId>().bytes()));
      std::string row = exchange::StartKept({0}, batch);
      exchange::SetRecord(
          row, 0,
          appender.AppendUndecodable(kNyborg, PairNumber(number), id,
                                     {origin, LeafIndex(number), crypto::Sha256(*entry)}, "KEY_MISSING"));
      appender.batch().Put(store::Table::kOutbox, log::PairRowKey('r', kNyborg, number), row);
      appender.peer(kNyborg).received = PairNumber(number);
    });
    return id.ToHex();
  }
  static std::vector<std::string> Shown(EventScan& scan) {
    const auto next = scan.Next(100);
    EXPECT_TRUE(next.ok()) << next.status();
    std::vector<std::string> ids;
    if (!next.ok()) return ids;
    for (const v1::WatchEventsResponse& each : next->responses) {
      if (each.has_event()) ids.push_back(each.event().event_id());
    }
    return ids;
  }

  directory::Directory peers_ = *directory::Directory::Create({testing::Odense(), testing::Nyborg()});
};

TEST_F(EventScanTest, GoesOnWhereWhatItHasShownIsRecordedAgain) {
  const std::string first = Receive(1);
  const std::string second = Receive(2);
  OpenNext();
  const EventReader reader(kOdense, *log_, *keys_, [this] { return peers_; });
  EventScan scan(reader, log::Position(0));
  EXPECT_THAT(Shown(scan), ElementsAre(first, second));
  On([&](log::Appender& appender) {
    EXPECT_TRUE(exchange::RecordAllAgain(log_->reader(), kNyborg, PairNumber(2), PairNumber(2), appender).ok());
  });
  EXPECT_THAT(Shown(scan), ElementsAre(second)) << "where it stands now";
  const std::string third = Receive(3);
  EXPECT_THAT(Shown(scan), ElementsAre(third));
}

// A watch that begins while some of an issuer's records are made once more, and others are not yet.
TEST_F(EventScanTest, WhatIsRecordedAgainIsShownOnceWhereItStandsWhileThatIsUnfinished) {
  std::vector<std::string> ids;
  for (uint64_t number = 1; number <= 8; ++number) ids.push_back(Receive(number));
  OpenNext();
  On([&](log::Appender& appender) {
    auto part = exchange::ReadRecorded(log_->reader(), kNyborg, PairNumber(1));
    ASSERT_TRUE(part.ok()) << part.status();
    part->rows.resize(2);
    exchange::RecordAgain(kNyborg, *std::move(part), appender);
    exchange::StageRepetition(kNyborg, {PairNumber(1), PairNumber(3)}, appender.batch());
  });
  for (const bool known : {true, false}) {
    const EventReader reader(kOdense, *log_, *keys_, [this, known] {
      return known ? peers_ : *directory::Directory::Create({testing::Odense()});
    });
    EventScan scan(reader, log::Position(0));
    EXPECT_THAT(Shown(scan), ElementsAre(ids[2], ids[3], ids[4], ids[5], ids[6], ids[7], ids[0], ids[1]));
  }
}

using DepartedTest = testing::ReceivingFixture;

TEST_F(DepartedTest, WhatWasReceivedIsShownAndItsCasesNamedWhoeverLeftTheDirectory) {
  const CaseId one = random_.NewId<CaseId>();
  const CaseId two = random_.NewId<CaseId>();
  const keys::DataKey key = NewKey();
  Receive(PairNumber(1), one, key);
  Receive(PairNumber(2), one, key);
  issuer_ = kKerteminde;
  origin_ = "kerteminde.example/log";
  Receive(PairNumber(1), two, NewKey());

  const EventReader reader(kOdense, *log_, *keys_, [] { return *directory::Directory::Create({testing::Odense()}); });
  EventScan scan(reader, log::Position(0));
  const auto page = scan.Next(100);
  ASSERT_TRUE(page.ok()) << page.status();
  std::vector<uint32_t> issuers;
  for (const v1::WatchEventsResponse& each : page->responses) {
    if (each.has_event()) issuers.push_back(each.event().content().issuer());
  }
  EXPECT_THAT(issuers, ElementsAre(kNyborg.number(), kNyborg.number(), kKerteminde.number()));
  EXPECT_THAT(page->cases, UnorderedElementsAre(one, two)) << "which the watch's record names";
}

}  // namespace
}  // namespace medflyt::service
