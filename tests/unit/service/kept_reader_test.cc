// What is kept beside a log's records, wherever a page begins, also once some were recorded again in the next log or a
// peer's card is gone; and how it is found by where it stands in its issuer's logs.
#include "server/service/kept_reader.h"

#include <gmock/gmock.h>

#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/entry/receipt.h"
#include "common/event/command.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/checkpoint.h"
#include "server/exchange/kept.h"
#include "server/exchange/kept_leaf.h"
#include "server/exchange/kept_receipt.h"
#include "server/exchange/record_again.h"
#include "tests/support/log_fixture.h"
#include "tests/support/rule_of.h"
#include "tests/unit/directory/sample.h"

namespace medflyt::service {
namespace {

using testing::kNyborg;

class KeptReaderTest : public testing::LogFixture {
 protected:
  using Batches = std::map<uint64_t, std::string>;  // by the index of the record beside which they are kept

  // One batch: events that stand there in Nyborg's log, the last one at its end.
  void Receive(const std::vector<uint64_t>& indices) { Receive(nyborg_.logs.front().origin, indices); }
  void Receive(const std::string& origin, const std::vector<uint64_t>& indices) {
    v1::EventBatch batch;
    const auto checkpoint = tlog::Checkpoint::Create(origin, TreeSize(indices.back() + 1), crypto::Sha256("root"));
    ASSERT_TRUE(checkpoint.ok());
    // As many as lead from the last leaf of such a tree to its root.
    for (int i = std::popcount(indices.back()); i > 0; --i)
      batch.add_multi_proof(std::string(crypto::Hash::kSize, 'n'));
    batch.set_checkpoint(tlog::SignCheckpoint(*checkpoint, signer_).Serialize());
    std::vector<uint32_t> positions;
    for (const uint64_t index : indices) {
      positions.push_back(static_cast<uint32_t>(positions.size()));
      batch.add_indices(index);
      batch.add_entries(EntryAt(origin, index));
      batch.add_key_ids(std::string(random_.NewId<KeyId>().bytes()));
    }
    const uint64_t first = log_->peer(kNyborg).received.value() + 1;
    batches_[log_->head().size.value()] = batch.SerializeAsString();
    On([&](log::Appender& appender) {
      std::string row = exchange::StartKept(positions, batch);
      for (size_t i = 0; i < indices.size(); ++i) {
        const crypto::Hash leaf = merkle::LeafHash(batch.entries(static_cast<int>(i)));
        exchange::SetRecord(row, i,
                            appender.AppendUndecodable(kNyborg, PairNumber(first + i), random_.NewId<EventId>(),
                                                       {origin, LeafIndex(indices[i]), leaf}, "EVENT_MALFORMED"));
      }
      appender.batch().Put(store::Table::kOutbox, log::PairRowKey('r', kNyborg, first), row);
      appender.peer(kNyborg).received = PairNumber(first + indices.size() - 1);
    });
  }
  static std::string EntryAt(const std::string& origin, uint64_t index) {
    return "event at " + std::to_string(index) + " of " + origin;
  }
  // The first `rows` rows from that number on.
  void RecordAgain(uint64_t from, size_t rows) {
    auto part = exchange::ReadRecorded(log_->reader(), kNyborg, PairNumber(from));
    ASSERT_TRUE(part.ok()) << part.status();
    ASSERT_GE(part->rows.size(), rows);
    part->rows.resize(rows);
    On([&](log::Appender& appender) { exchange::RecordAgain(kNyborg, *std::move(part), appender); });
  }

  event::Command Proposal() {
    event::AgreementTerms terms;
    terms.capacity = 2;
    terms.price_ore = 1'250'000;
    terms.valid_from = Date(2026, 1, 1);
    terms.valid_to = Date(2027, 12, 31);
    terms.notice_days = 90;
    terms.legal_basis = "SEL-11";
    terms.council_case = "2026-17";
    return {"an.officer", event::ProposeAgreement{random_.NewId<CaseId>(), testing::kOdense, kNyborg, terms}};
  }
  // That of our event there, the next one to Nyborg, which the log of Nyborg's with that origin has at `index`.
  void LogReceipt(const std::string& origin, LeafIndex event, uint64_t index) {
    const tlog::NoteSigner by = testing::NoteSignerOf(origin, 20);
    const auto checkpoint = tlog::Checkpoint::Create(origin, TreeSize(index + 1), crypto::Sha256("root"));
    ASSERT_TRUE(checkpoint.ok());
    v1::Receipt receipt;
    receipt.set_checkpoint(tlog::SignCheckpoint(*checkpoint, by).Serialize());
    receipt.add_leaf_indices(index);
    auto head = tlog::OpenCheckpoint(receipt.checkpoint(), std::span(&by.verifier_key(), 1));
    ASSERT_TRUE(head.ok()) << head.status();
    const entry::VerifiedReceipt verified{*std::move(head), {{event, LeafIndex(index), ""}}, {clock_.Now()}};
    On([&](log::Appender& appender) {
      log::PeerState& peer = appender.peer(kNyborg);
      peer.receipted = PairNumber(peer.receipted.value() + 1);
      peer.origin = origin;
      appender.batch().Put(store::Table::kOutbox, log::PairRowKey('c', kNyborg, peer.receipted.value()),
                           exchange::EncodeReceipt(receipt, verified));
      const auto record = wire::LedgerCodec().Encode(
          {appender.now(), wire::ReceiptsLogged{origin, checkpoint->size(), checkpoint->root(), wire::RunsOf({event}),
                                                crypto::Sha256("")}});
      ASSERT_TRUE(record.ok()) << record.status();
      appender.AppendLedger(*record);
    });
  }

  absl::StatusOr<Batches> Read(const log::Generation& log, uint64_t first) {
    v1::ListKeptResponse response;
    const TreeSize end = log.last ? log.last->size : log_->head().size;
    MEDFLYT_RETURN_IF_ERROR(KeptReader(log_->reader(), log_->peers()).Read(log, LeafIndex(first), end, response));
    Batches read;
    for (const v1::Kept& kept : response.kept()) read[kept.record()] = kept.received();
    return read;
  }
  // Of the closed log, what it had before it was closed.
  void ExpectEachPageOfTheClosedLog() {
    const log::Generation& closed = log_->reader().generations().all().front();
    ASSERT_TRUE(closed.last);
    for (uint64_t first = 0; first < closed.last->size.value(); ++first) {
      const auto read = Read(closed, first);
      ASSERT_TRUE(read.ok()) << read.status() << " from " << first;
      EXPECT_EQ(*read, Batches(batches_.lower_bound(first), batches_.end())) << "from " << first;
    }
  }

  static directory::Authority NyborgOfTwoLogs() {
    directory::Authority nyborg = testing::Nyborg();
    const std::string next = "medflyt.example/29189722/2";
    nyborg.logs.front().keys.back().until = TreeSize(1000);
    nyborg.logs.push_back({next, {{testing::NoteSignerOf(next, 30).verifier_key(), TreeSize(0), std::nullopt}}});
    return nyborg;
  }
  const directory::Authority nyborg_ = NyborgOfTwoLogs();
  const directory::Directory peers_ = *directory::Directory::Create({testing::Odense(), nyborg_});
  Batches batches_;  // of the first log
};

TEST_F(KeptReaderTest, APageMayBeginAtAnyRecord) {
  Receive({1, 2});
  Receive({5, 6, 8});
  Receive({9});
  OpenNext();
  ExpectEachPageOfTheClosedLog();
}

TEST_F(KeptReaderTest, WhatWasRecordedAgainIsKeptBesideEachOfItsRecords) {
  Receive({1, 2});
  Receive({5, 6, 8});
  Receive({9});
  Receive({12, 13});
  OpenNext();
  const uint64_t again = log_->head().size.value();
  RecordAgain(3, 3);
  ExpectEachPageOfTheClosedLog();
  const auto open = Read(log_->reader().generations().open(), 0);
  ASSERT_TRUE(open.ok()) << open.status();
  EXPECT_EQ(*open, (Batches{{again, batches_[2]}, {again + 3, batches_[5]}, {again + 4, batches_[6]}}));
}

TEST_F(KeptReaderTest, BothLogsAreReadWhileARepetitionIsUnfinished) {
  Receive({1, 2});
  Receive({5, 6, 8});
  Receive({9});
  OpenNext();
  const uint64_t again = log_->head().size.value();
  RecordAgain(1, 2);
  ExpectEachPageOfTheClosedLog();
  for (uint64_t first = 0; first < log_->head().size.value(); ++first) {
    const auto open = Read(log_->reader().generations().open(), first);
    ASSERT_TRUE(open.ok()) << open.status() << " from " << first;
    Batches expected{{again, batches_[0]}, {again + 2, batches_[2]}};
    expected.erase(expected.begin(), expected.lower_bound(first));
    EXPECT_EQ(*open, expected) << "from " << first;
  }
}

// The numbers of a later log of the issuer's stand behind those of an earlier one, however small the indices are.
TEST_F(KeptReaderTest, WhatAnEarlierLogOfTheIssuerHasIsFoundBeforeTheLaterOnes) {
  const std::string& first = nyborg_.logs[0].origin;
  const std::string& second = nyborg_.logs[1].origin;
  for (const uint64_t index : {1U, 2U, 40U}) Receive(first, {index});
  for (const uint64_t index : {1U, 2U, 4U, 8U, 16U}) Receive(second, {index});
  for (const auto& [origin, index, number] : std::vector<std::tuple<std::string, uint64_t, uint64_t>>{
           {first, 1, 1}, {first, 2, 2}, {first, 40, 3}, {second, 1, 4}, {second, 16, 8}}) {
    const auto leaf = exchange::FindKeptLeaf(*log_, peers_, kNyborg, origin, LeafIndex(index));
    ASSERT_TRUE(leaf.ok() && leaf->has_value()) << origin << " " << index << " " << leaf.status();
    EXPECT_EQ((*leaf)->leaf_hash, merkle::LeafHash(EntryAt(origin, index)));
    const auto found = exchange::FindKeptNumber(log_->reader().store(), kNyborg, log_->peer(kNyborg).received, origin,
                                                LeafIndex(index));
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->value(), number);
  }
  EXPECT_EQ(*exchange::FindKeptLeaf(*log_, peers_, kNyborg, first, LeafIndex(8)), std::nullopt);
  EXPECT_EQ(*exchange::KeptLogs(log_->reader().store(), kNyborg, PairNumber(8)), (std::vector{first, second}));
}

// A reader has no card at all, so what is kept is whose the rows say it is.
TEST_F(KeptReaderTest, WhatAPeerSentUnderEachOfItsLogsIsKeptOnceItsCardIsGone) {
  const std::string& first = nyborg_.logs[0].origin;
  const std::string& second = nyborg_.logs[1].origin;
  for (const uint64_t index : {1U, 2U, 40U}) Receive(first, {index});
  for (const uint64_t index : {1U, 4U}) Receive(second, {index});
  OpenNext();
  ExpectEachPageOfTheClosedLog();
  const Batches of_closed = batches_;
  const uint64_t later = log_->head().size.value();
  Receive(second, {6});
  On([&](log::Appender& appender) { appender.peer(kNyborg).origin = second; });
  const auto open = Read(log_->reader().generations().open(), 0);
  ASSERT_TRUE(open.ok()) << open.status();
  EXPECT_EQ(*open, (Batches{{later, batches_[later]}}));
  batches_ = of_closed;
  ExpectEachPageOfTheClosedLog();
}

// Each receipt is the one of its own events, of a log that the recipient has closed since as of the present one.
TEST_F(KeptReaderTest, ReceiptsOfARecipientWhoseCardIsGoneAreKept) {
  for (const size_t log : {0U, 1U}) {
    LeafIndex event;
    On([&](log::Appender& appender) {
      const auto issued = appender.Execute(Proposal());
      ASSERT_TRUE(issued.ok()) << issued.status();
      event = issued->front().leaf;
    });
    LogReceipt(nyborg_.logs[log].origin, event, log);
  }
  v1::ListKeptResponse response;
  ASSERT_TRUE(KeptReader(log_->reader(), log_->peers())
                  .Read(log_->reader().generations().open(), LeafIndex(0), log_->head().size, response)
                  .ok());
  ASSERT_EQ(response.kept_size(), 2);
  for (const int i : {0, 1}) {
    v1::Receipt receipt;
    ASSERT_TRUE(receipt.ParseFromString(response.kept(i).receipt()));
    const auto stated = tlog::StatedCheckpoint(receipt.checkpoint());
    ASSERT_TRUE(stated.ok()) << stated.status();
    EXPECT_EQ(stated->origin(), nyborg_.logs[static_cast<size_t>(i)].origin);
    EXPECT_EQ(receipt.leaves_size(), 1) << "made again out of what the recipient stated";
  }
}

TEST_F(KeptReaderTest, ARowThatIsLostIsToldOf) {
  Receive({1, 2});
  Receive({5, 6, 8});
  EXPECT_TRUE(Read(log_->reader().generations().open(), 0).ok());
  On([&](log::Appender& appender) {
    appender.batch().Delete(store::Table::kOutbox, log::PairRowKey('r', kNyborg, 3));
  });
  EXPECT_EQ(testing::RuleOf(Read(log_->reader().generations().open(), 0).status()), "ROW_MALFORMED");
}

TEST_F(KeptReaderTest, AnIssuerThatIssuedOutOfOrderIsReadToo) {
  Receive({9});
  Receive({5, 6});
  Receive({7});
  OpenNext();
  RecordAgain(1, 3);
  ExpectEachPageOfTheClosedLog();
}

}  // namespace
}  // namespace medflyt::service
