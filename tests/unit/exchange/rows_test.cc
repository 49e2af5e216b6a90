// The rows that the exchange keeps: what was written is read, and nothing else is.
#include <gtest/gtest.h>

#include <set>

#include "common/base/status.h"
#include "server/exchange/admitted.h"
#include "server/exchange/fork_evidence.h"
#include "server/exchange/kept.h"
#include "server/exchange/log_key_pins.h"
#include "server/store/memory_store.h"
#include "tests/support/evidence_log.h"

namespace medflyt::exchange {
namespace {

using testing::EvidenceLog;

const AuthorityId kIssuer = *AuthorityId::Parse("29189722");

std::string Encoded(const std::vector<KeptEvent>& events, const v1::EventBatch& batch) {
  std::vector<uint32_t> positions;
  for (const KeptEvent& event : events) positions.push_back(event.position);
  std::string row = StartKept(positions, batch);
  for (size_t i = 0; i < events.size(); ++i) SetRecord(row, i, events[i].record);
  return row;
}

class Kept : public ::testing::Test {
 protected:
  void Put(uint64_t first, const std::vector<KeptEvent>& events, const v1::EventBatch& batch) {
    store::Batch rows;
    rows.Put(store::Table::kOutbox, log::PairRowKey('r', kIssuer, first), Encoded(events, batch));
    ASSERT_TRUE(store->Commit(rows, store::Durability::kSynced).ok());
  }

  store::MemoryDisk disk;
  std::unique_ptr<store::Store> store = *store::OpenMemoryStore(disk, 1);
};

TEST_F(Kept, AnyEventIsFoundByItsNumberWithAProofThatHolds) {
  EvidenceLog issuer("nyborg.example/log", 5);
  for (int i = 0; i < 40; ++i) issuer.Append("entry " + std::to_string(i));
  Put(1, {{1, log::Position(100)}, {2, log::Position(101)}},
      issuer.Batch({LeafIndex(3), LeafIndex(5), LeafIndex(9)}, 0, 20));
  Put(3, {{0, log::Position(200)}}, issuer.Batch({LeafIndex(33)}, 20, 40));

  const auto second = FindKept(*store, kIssuer, PairNumber(2));
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->first, PairNumber(1));
  const auto received = ReceivedAt(*second, PairNumber(2));
  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_EQ(received->entry, "entry 9");
  EXPECT_EQ(received->origin, "nyborg.example/log");
  EXPECT_EQ(received->index, LeafIndex(9));
  EXPECT_EQ(received->leaf_hash, issuer.leaf_hash(LeafIndex(9)));
  EXPECT_EQ(received->tlog_proof, issuer.Proof(LeafIndex(9), 20).Serialize());

  const auto third = FindReceived(*store, {kIssuer, PairNumber(3), log::Position(200)});
  ASSERT_TRUE(third.ok());
  EXPECT_EQ(third->tlog_proof, issuer.Proof(LeafIndex(33), 40).Serialize());
  EXPECT_TRUE(absl::IsNotFound(FindKept(*store, kIssuer, PairNumber(4)).status()));
  EXPECT_TRUE(absl::IsNotFound(FindKept(*store, *AuthorityId::Parse("35209115"), PairNumber(1)).status()));

  std::vector<uint64_t> visited;
  ASSERT_TRUE(VisitKept(*store, kIssuer, PairNumber(2), [&](const KeptRow& row) {
                visited.push_back(row.first.value());
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(visited, (std::vector<uint64_t>{1, 3}));
  visited.clear();
  ASSERT_TRUE(VisitKept(*store, kIssuer, PairNumber(3), [&](const KeptRow& row) {
                visited.push_back(row.first.value());
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(visited, (std::vector<uint64_t>{3}));
}

TEST_F(Kept, TheNoteOfAnAcceptedHeadIsFoundWhereMoreCameSince) {
  EvidenceLog issuer("nyborg.example/log", 5);
  for (int i = 0; i < 40; ++i) issuer.Append("entry " + std::to_string(i));
  Put(1, {{0, log::Position(100)}}, issuer.Batch({LeafIndex(3)}, 0, 10));
  Put(2, {{0, log::Position(101)}}, issuer.Batch({LeafIndex(12)}, 10, 20));
  Put(3, {{0, log::Position(102)}}, issuer.Batch({LeafIndex(33)}, 20, 40));
  for (const uint64_t size : {10U, 20U, 40U}) {
    EXPECT_EQ(AcceptedNote(*store, kIssuer, issuer.Head(size)), issuer.Note(size)) << size;
  }
  EXPECT_EQ(AcceptedNote(*store, kIssuer, issuer.Head(30)), "");
  EXPECT_EQ(AcceptedNote(*store, kIssuer, {TreeSize(20), crypto::Sha256("another root")}), "");
}

TEST_F(Kept, IssuersAreToldOnceEachAndInOrder) {
  const auto none = KeptIssuers(*store);
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_TRUE(none->empty());
  const AuthorityId other = *AuthorityId::Parse("00000007");
  store::Batch batch;
  for (const uint64_t first : {1U, 2U, 300U})
    batch.Put(store::Table::kOutbox, log::PairRowKey('r', kIssuer, first), "");
  batch.Put(store::Table::kOutbox, log::PairRowKey('r', other, ~uint64_t{0}), "");
  batch.Put(store::Table::kOutbox, log::PairRowKey('p', *AuthorityId::Parse("00000003"), 1), "of another kind");
  ASSERT_TRUE(store->Commit(batch, store::Durability::kSynced).ok());
  const auto issuers = KeptIssuers(*store);
  ASSERT_TRUE(issuers.ok()) << issuers.status();
  EXPECT_EQ(*issuers, (std::vector<AuthorityId>{other, kIssuer}));
}

TEST_F(Kept, ARowThatDoesNotParseIsAnErrorNotACrash) {
  const std::string good = Encoded({{0, log::Position(1)}}, v1::EventBatch());
  EXPECT_TRUE(DecodeKept(PairNumber(1), good).ok());
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_TRUE(absl::IsDataLoss(DecodeKept(PairNumber(1), good.substr(0, size)).status())) << size;
  }
  std::string newer = good;
  newer[0] = 2;
  EXPECT_FALSE(DecodeKept(PairNumber(1), newer).ok());
  std::string many = good;
  many[1] = '\x7f';
  EXPECT_FALSE(DecodeKept(PairNumber(1), many).ok());
  // A position beyond the batch.
  const auto row = DecodeKept(PairNumber(1), Encoded({{7, log::Position(1)}}, v1::EventBatch()));
  ASSERT_TRUE(row.ok());
  EXPECT_TRUE(absl::IsDataLoss(row->ParseBatch().status()));
  EXPECT_TRUE(absl::IsDataLoss(ReceivedAt(*row, PairNumber(1)).status()));
}

TEST_F(Kept, EvidenceThatDoesNotParseIsAnError) {
  store::Batch rows;
  rows.Put(store::Table::kOutbox, log::PairRowKey('x', kIssuer, 1), "not evidence");
  ASSERT_TRUE(store->Commit(rows, store::Durability::kSynced).ok());
  EXPECT_TRUE(absl::IsDataLoss(ReadForkEvidence(*store).status()));
}

TEST(EvidenceRows, NoProofOfALogTakesThePlaceOfAnothersAfterARestartEither) {
  EvidenceRows rows;
  for (uint64_t i = 0; i < kMaxProofs; ++i) EXPECT_TRUE(rows.Add(kIssuer, "closed", i, true).has_value());
  EXPECT_FALSE(rows.Add(kIssuer, "closed", 10, true).has_value());
  EXPECT_TRUE(rows.Add(kIssuer, "open", 11, true).has_value());
  EvidenceRows recalled;
  for (uint64_t i = 0; i < kMaxProofs; ++i) recalled.Found(kIssuer, "closed", i, true, 0);
  EXPECT_FALSE(recalled.Add(kIssuer, "closed", 10, true).has_value());
  EXPECT_TRUE(recalled.Add(kIssuer, "open", 11, true).has_value());
}

TEST(IsOwn, OnlyWhatAPeerSentIsItsFault) {
  const auto own = [](absl::StatusCode code, std::string_view rule) {
    return IsOwn(RuleError(code, rule, "", "for this test"));
  };
  EXPECT_TRUE(own(absl::StatusCode::kFailedPrecondition, "STORE_FENCED"));
  EXPECT_TRUE(own(absl::StatusCode::kUnknown, "STORE_OUTCOME_UNKNOWN"));
  EXPECT_TRUE(own(absl::StatusCode::kResourceExhausted, "QUEUE_FULL"));
  EXPECT_TRUE(own(absl::StatusCode::kUnavailable, "NODE_STOPPING"));
  EXPECT_TRUE(own(absl::StatusCode::kUnimplemented, "EVENT_TYPE_UNKNOWN"));
  EXPECT_TRUE(own(absl::StatusCode::kOutOfRange, "LEAF_INDEX_OUT_OF_RANGE"));
  EXPECT_TRUE(own(absl::StatusCode::kNotFound, "KEY_UNKNOWN"));
  for (const char* rule :
       {"ROW_MALFORMED", "KEY_ROW_MALFORMED", "KEK_UNREADABLE", "STATE_ROW_CORRUPT", "TILE_MISSING"}) {
    EXPECT_TRUE(own(absl::StatusCode::kDataLoss, rule)) << rule;
  }
  EXPECT_TRUE(IsOwn(absl::DataLossError("no rule")));
  EXPECT_TRUE(IsOwn(absl::InternalError("no rule")));
  for (const char* rule : {"LOG_FORKED", "KEY_COMMITMENT_MISMATCH", "GRANT_COMMITMENT_MISMATCH", "GRANT_NOT_OPENED"}) {
    EXPECT_FALSE(own(absl::StatusCode::kDataLoss, rule)) << rule;
  }
  EXPECT_FALSE(own(absl::StatusCode::kInvalidArgument, "BATCH_MALFORMED"));
  EXPECT_FALSE(own(absl::StatusCode::kFailedPrecondition, "NUMBER_GAP"));
  EXPECT_FALSE(own(absl::StatusCode::kPermissionDenied, "HELLO_AUTHORITY_MISMATCH"));
  EXPECT_FALSE(own(absl::StatusCode::kNotFound, "EXCHANGE_KEY_DESTROYED"));
}

TEST(Admitted, WhatWasWrittenIsReadAndNothingElse) {
  const AdmittedLog admitted{crypto::Sha256("first"), crypto::Sha256("second"), "nyborg.example/log/2+00000000+AQ=="};
  const std::string row = EncodeAdmitted(admitted);
  EXPECT_EQ(row, "\x01" + std::string(crypto::Sha256("first").bytes()) + std::string(crypto::Sha256("second").bytes()) +
                     "nyborg.example/log/2+00000000+AQ==");
  const auto read = DecodeAdmitted(row);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, admitted);
  for (const size_t size : {size_t{0}, size_t{1}, size_t{64}, size_t{65}}) {
    EXPECT_EQ(BrokenRuleOf(DecodeAdmitted(row.substr(0, size)).status())->rule, "ROW_MALFORMED") << size;
  }
  EXPECT_FALSE(DecodeAdmitted("\x02" + row.substr(1)).ok());
  EXPECT_EQ(AdmittedKey(kIssuer, "o"),
            "admitted" + std::string("\x01\xbd\x66\x5a", 4) + std::string(crypto::Sha256("o").bytes()));

  store::MemoryDisk disk;
  const auto store = *store::OpenMemoryStore(disk, 1);
  store::Batch batch;
  batch.Put(store::Table::kMeta, AdmittedKey(kIssuer, "o"), row);
  ASSERT_TRUE(store->Commit(batch, store::Durability::kSynced).ok());
  EXPECT_EQ(*FindAdmitted(*store, kIssuer, "o"), admitted);
  EXPECT_EQ(*FindAdmitted(*store, kIssuer, "p"), std::nullopt);
  EXPECT_EQ(*FindAdmitted(*store, *AuthorityId::Parse("35209115"), "o"), std::nullopt);
}

TEST(LogKeyPins, WhatWasWrittenIsReadAndNothingElse) {
  const PinnedKeys keys = {{EvidenceLog("o", 1).identity().keys[0], TreeSize(0)},
                           {EvidenceLog("o", 2).identity().keys[0], TreeSize(260)}};
  const std::string first = keys[0].key.Format();
  const std::string second = keys[1].key.Format();
  ASSERT_LT(first.size(), 256U);
  const std::string row = EncodePinned(keys);
  EXPECT_EQ(row, "\x01" + std::string(9, '\0') + static_cast<char>(first.size()) + first + std::string(6, '\0') +
                     std::string("\x01\x04\0", 3) + static_cast<char>(second.size()) + second);
  const auto read = DecodePinned(row);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, keys);
  const size_t one = 1 + 8 + 2 + first.size();
  for (size_t size = 0; size < row.size(); ++size) {
    if (size == one) continue;
    EXPECT_EQ(BrokenRuleOf(DecodePinned(row.substr(0, size)).status())->rule, "ROW_MALFORMED") << size;
  }
  EXPECT_FALSE(DecodePinned("\x02" + row.substr(1)).ok());
  EXPECT_EQ(PinnedRowKey(kIssuer, "o"),
            "log-keys" + std::string("\x01\xbd\x66\x5a", 4) + std::string(crypto::Sha256("o").bytes()));
}

TEST(LogKeyPins, KnownLogsAreReadAsTheyWereWritten) {
  const std::set<crypto::Hash> logs = {crypto::Sha256("o"), crypto::Sha256("p")};
  const std::string row = EncodeKnownLogs(logs);
  EXPECT_EQ(row.size(), 1U + 2 * crypto::Hash::kSize);
  EXPECT_EQ(row.front(), '\x01');
  const auto read = DecodeKnownLogs(row);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, logs);
  for (size_t size = 0; size < row.size(); ++size) {
    if (size == 1 + crypto::Hash::kSize) continue;
    EXPECT_EQ(BrokenRuleOf(DecodeKnownLogs(row.substr(0, size)).status())->rule, "ROW_MALFORMED") << size;
  }
  EXPECT_FALSE(DecodeKnownLogs("\x02" + row.substr(1)).ok());
  EXPECT_EQ(KnownLogsKey(kIssuer), "known-logs" + std::string("\x01\xbd\x66\x5a", 4));
}

TEST(PeersRule, OnlyWhatHasARulesFormIsRepeated) {
  EXPECT_EQ(PeersRule("NUMBER_GAP", "FAULT"), "NUMBER_GAP");
  EXPECT_EQ(PeersRule("", "FAULT"), "FAULT");
  EXPECT_EQ(PeersRule("rule with blanks\nand lines", "FAULT"), "FAULT");
  EXPECT_EQ(PeersRule(std::string(65, 'A'), "FAULT"), "FAULT");
}

}  // namespace
}  // namespace medflyt::exchange
