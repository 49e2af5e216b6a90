// A part of a log: all tiles, and the entries and what is kept beside them of some bundles.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/audit/evidence_files.h"

namespace medflyt::audit {
namespace {

using medflyt::testing::EvidenceFiles;
using medflyt::testing::kNyborgId;
using medflyt::testing::kOdenseId;
using medflyt::testing::SealedSample;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kSize = 600;
const Part kMiddle{LeafIndex(256), TreeSize(512)};

// 600 entries. What stands in the second bundle goes on from what stands in the first: pair numbers, a chain of
// receipts, and a batch of received events that begins before it.
class PartTest : public ::testing::Test {
 protected:
  PartTest() {
    for (uint64_t number : {1U, 2U, 3U, 4U}) {
      const SealedSample event = EvidenceFiles::Sealed(EvidenceFiles::kPeerOrigin, kNyborgId, kOdenseId, number);
      log_.keys_[event.id] = event.event_key;
      log_.peer_.Append(event.entry);
    }
    while (log_.entries_.size() < 253) Issue();
    for (uint64_t index : {0U, 1U, 2U}) {
      log_.peer_.Append(EvidenceFiles::Record(
          wire::EventReceived{EvidenceFiles::kOrigin, LeafIndex(index), merkle::LeafHash(log_.entries_[index]), ""}));
    }
    log_.AppendReceipts({LeafIndex(4)}, 0, 6, {{LeafIndex(0), 1}});                // 253
    log_.AppendReceived({LeafIndex(0), LeafIndex(1), LeafIndex(2)}, 0, 6);         // 254 to 256
    log_.AppendReceipts({LeafIndex(5), LeafIndex(6)}, 6, 7, {{LeafIndex(1), 2}});  // 257
    Issue();                                                                       // 258
    log_.AppendReceived({LeafIndex(3)}, 6, 7);                                     // 259
    while (log_.entries_.size() < kSize) Issue();
  }
  void Issue() { log_.AppendEvent(EvidenceFiles::Sealed(EvidenceFiles::kOrigin, kOdenseId, kNyborgId, ++issued_)); }
  [[nodiscard]] EvidenceFiles::Files Exported() const { return WithoutTheRest(log_.Export()); }
  static EvidenceFiles::Files WithoutTheRest(EvidenceFiles::Files files) {
    for (const char* outside : {"tile/entries/000", "tile/entries/002.p/88"}) EXPECT_EQ(files.erase(outside), 1U);
    for (const uint64_t record : {253U, 254U}) {
      EXPECT_EQ(files.erase(ReceiptPath(LeafIndex(record))) + files.erase(ReceivedPath(LeafIndex(record))), 1U);
    }
    return files;
  }
  [[nodiscard]] Report Verify(const EvidenceFiles::Files& files, const Trust& trust) const {
    return EvidenceFiles::Verify(files, trust, &log_.keys_, /*beside=*/true, kMiddle);
  }
  [[nodiscard]] Report Verify(const EvidenceFiles::Files& files) const { return Verify(files, log_.Believed()); }

  EvidenceFiles log_;
  uint64_t issued_ = 0;
};

TEST_F(PartTest, LeadsToTheSignedRootAndToWhatIsKeptBesideIt) {
  const Report report = Verify(Exported());
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_EQ(report.size, TreeSize(kSize));
  EXPECT_EQ(report.outside, kSize - 256);
  EXPECT_EQ(report.sealed + report.ledger, 256U);
  LedgerCounts expected;
  expected.received = 2;
  expected.received_proven = 1;
  expected.batch_outside = 1;
  expected.receipts = expected.receipts_proven = 1;
  expected.receipted = 2;
  EXPECT_EQ(report.records, expected);
  EXPECT_EQ(report.events.opened, 256U - 3 + 1);
}

TEST_F(PartTest, IsNoWholeLog) {
  const Report report = log_.Verify(Exported());
  EXPECT_FALSE(report.verified());
}

TEST_F(PartTest, WhatIsWrongInItIsNamed) {
  const auto first_of = [this](const std::function<void(EvidenceFiles::Files&)>& damage) {
    EvidenceFiles::Files files = Exported();
    damage(files);
    const Report report = Verify(files);
    return report.findings.empty() ? "" : std::string(NameOf(report.findings[0].code));
  };
  EXPECT_EQ(first_of([](auto& files) { files.erase("tile/entries/001"); }), NameOf(FindingCode::kBundleMissing));
  EXPECT_EQ(first_of([](auto& files) { files.at("tile/entries/001")[70] ^= 1; }), NameOf(FindingCode::kEntryMismatch));
  EXPECT_EQ(first_of([](auto& files) { files.at("tile/0/000")[70] ^= 1; }), NameOf(FindingCode::kTileMismatch));
  EXPECT_EQ(first_of([](auto& files) { files.erase("tile/0/002.p/88"); }), NameOf(FindingCode::kTileMissing));
  EXPECT_EQ(first_of([](auto& files) { files.erase(ReceiptPath(LeafIndex(257))); }),
            NameOf(FindingCode::kReceiptMissing));
  EXPECT_EQ(first_of([](auto& files) { files.at(ReceiptPath(LeafIndex(257))).back() ^= 1; }),
            NameOf(FindingCode::kReceiptAltered));
  EXPECT_EQ(first_of([](auto& files) { files.at(ReceivedPath(LeafIndex(259)))[40] ^= 1; }),
            NameOf(FindingCode::kReceivedUnproven));
}

TEST_F(PartTest, NumbersAreGaplessFromTheFirstThatIsThere) {
  std::vector<std::string> entries = log_.entries_;
  const SealedSample again = EvidenceFiles::Sealed(EvidenceFiles::kOrigin, kOdenseId, kNyborgId, 300);
  log_.keys_[again.id] = again.event_key;
  entries[400] = again.entry;
  const Report report = Verify(WithoutTheRest(log_.ExportOf(entries)));
  ASSERT_FALSE(report.verified());
  EXPECT_EQ(report.findings[0].code, FindingCode::kPairNumberReused);
  EXPECT_EQ(report.findings[0].entry, LeafIndex(400));
}

TEST_F(PartTest, ACheckpointKeptOfATimeBeforeItIsStillCompared) {
  Trust trust = log_.Believed();
  trust.kept = {*tlog::Checkpoint::Create(EvidenceFiles::kOrigin, TreeSize(100), crypto::Sha256("another history"))};
  const Report report = Verify(Exported(), trust);
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].code, FindingCode::kLogForked);
}

// The rest of one batch may have come before the part, and no more.
TEST_F(PartTest, ReceivedBatchesThatWereLeftOutAreFound) {
  for (int i = 0; i < 300; ++i)
    log_.peer_.Append(
        EvidenceFiles::Sealed(EvidenceFiles::kPeerOrigin, kNyborgId, kOdenseId, 5 + static_cast<uint64_t>(i)).entry);
  std::vector<LeafIndex> leaves;
  for (uint64_t leaf = 7; leaf < 307; ++leaf) leaves.emplace_back(leaf);
  log_.entries_.resize(256);
  log_.beside_.clear();
  log_.AppendReceived({leaves.begin(), leaves.begin() + 150}, 0, 307);
  log_.AppendReceived({leaves.begin() + 150, leaves.end()}, 307, 307);
  EvidenceFiles::Files files = log_.Export();
  files.erase("tile/entries/000");
  const Part rest{LeafIndex(256), TreeSize(556)};
  const auto findings = [&] { return EvidenceFiles::Verify(files, log_.Believed(), nullptr, true, rest).findings; };
  EXPECT_THAT(findings(), IsEmpty());
  files.erase(ReceivedPath(LeafIndex(256)));
  EXPECT_THAT(findings(), IsEmpty()) << "they may be the rest of a batch";
  files.erase(ReceivedPath(LeafIndex(406)));
  ASSERT_FALSE(findings().empty());
  EXPECT_EQ(findings()[0].code, FindingCode::kReceivedMissing);
}

TEST(Part, IsRoundedToBundlesAndToTheEndOfTheLog) {
  EXPECT_EQ(Part::Around(LeafIndex(257), TreeSize(258), TreeSize(600)), (Part{LeafIndex(256), TreeSize(512)}));
  EXPECT_EQ(Part::Around(LeafIndex(256), TreeSize(512), TreeSize(600)), (Part{LeafIndex(256), TreeSize(512)}));
  EXPECT_EQ(Part::Around(LeafIndex(0), TreeSize(513), TreeSize(600)), (Part{LeafIndex(0), TreeSize(600)}));
}

}  // namespace
}  // namespace medflyt::audit
