// A log that goes on from one which its owner closed: what it says of that one, and what came back from it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/audit/evidence_files.h"

namespace medflyt::audit {
namespace {

using ::medflyt::testing::EvidenceFiles;
using ::medflyt::testing::EvidenceLog;
using ::medflyt::testing::kNyborgId;
using ::medflyt::testing::kOdenseId;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kClosed = "odense.example/closed";

// Of the closed log its owner kept two entries of five; two that it had issued to Nyborg came back, one that never
// arrived is said again.
class GenerationTest : public ::testing::Test {
 protected:
  GenerationTest() {
    for (const uint64_t number : {1U, 2U, 3U, 4U, 5U}) {
      const auto event = EvidenceFiles::Sealed(kClosed, kOdenseId, kNyborgId, number);
      files_.keys_[event.id] = event.event_key;
      closed_.Append(event.entry);
    }
    opened_ = {closed_.Note(5),
               TreeSize(2),
               {{kNyborgId, PairNumber(4), PairNumber(7)}},
               crypto::Sha256("first"),
               crypto::Sha256("second")};
    files_.Append(EvidenceFiles::Record(opened_));                                               // 0
    CameBack(2, 4);                                                                              // 1
    CameBack(3, 5);                                                                              // 2
    files_.Append(EvidenceFiles::Record(wire::EntryReissued{kClosed, LeafIndex(1)}));            // 3
    files_.AppendEvent(EvidenceFiles::Sealed(EvidenceFiles::kOrigin, kOdenseId, kNyborgId, 5));  // 4
    files_.peer_.Append("what it had before");
    files_.peer_.Append(EvidenceFiles::Record(
        wire::EventReceived{EvidenceFiles::kOrigin, LeafIndex(4), merkle::LeafHash(files_.entries_[4]), ""}));
    files_.AppendReceipts({LeafIndex(1)}, 1, 2, {{LeafIndex(4), 1}});  // 5
  }
  // Under a head of the closed log of that size.
  void CameBack(uint64_t index, uint64_t size) {
    const uint64_t at = files_.Append(
        EvidenceFiles::Record(wire::EventReceived{kClosed, LeafIndex(index), closed_.leaf_hash(LeafIndex(index)), ""}));
    files_.beside_[ReceivedPath(LeafIndex(at))] = closed_.Batch({LeafIndex(index)}, 0, size).SerializeAsString();
  }
  Trust BelievedBy(const EvidenceFiles& files) {
    Trust trust = files.Believed();
    trust.keys.push_back({closed_.identity().keys[0], TreeSize(0), TreeSize(6)});
    trust.owners[kClosed] = kOdenseId;
    return trust;
  }
  Report Verify(const EvidenceFiles& files) {
    return EvidenceFiles::Verify(files.Export(), BelievedBy(files), &files.keys_);
  }
  // The findings where Nyborg's events with these numbers came behind all that, of its log as it is open.
  std::vector<FindingCode> Receiving(const std::vector<uint64_t>& numbers, PairNumber last_received) {
    EvidenceFiles files = files_;
    wire::GenerationOpened opened = opened_;
    opened.pairs[0].last_received = last_received;
    files.entries_[0] = EvidenceFiles::Record(opened);
    std::vector<LeafIndex> leaves;
    for (const uint64_t number : numbers) {
      const auto event = EvidenceFiles::Sealed(EvidenceFiles::kPeerOrigin, kNyborgId, kOdenseId, number);
      files.keys_[event.id] = event.event_key;
      leaves.push_back(files.peer_.Append(event.entry));
    }
    files.AppendReceived(leaves, 0, files.peer_.size());
    return CodesOf(Verify(files));
  }
  static std::vector<FindingCode> CodesOf(const Report& report) {
    std::vector<FindingCode> codes;
    for (const Finding& finding : report.findings) codes.push_back(finding.code);
    return codes;
  }
  // The findings where the owner wrote something else in place of that entry.
  std::vector<FindingCode> Instead(uint64_t index, const decltype(wire::LedgerRecord::record)& record) {
    EvidenceFiles files = files_;
    files.entries_[index] = EvidenceFiles::Record(record);
    return CodesOf(Verify(files));
  }

  EvidenceFiles files_;
  EvidenceLog closed_{kClosed, 'c'};
  wire::GenerationOpened opened_;
};

TEST_F(GenerationTest, WhatCameBackIsProvenAndNumbersGoOn) {
  const Report report = Verify(files_);
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_EQ(report.goes_on_from, kClosed);
  EXPECT_EQ(report.records.came_back, 2U);
  EXPECT_EQ(report.records.received_proven, 2U);
  EXPECT_EQ(report.records.receipts_proven, 1U);
  EXPECT_EQ(report.records.reissued, 1U);
  EXPECT_EQ(report.events.opened, 3U);
}

TEST_F(GenerationTest, WhatItSaysOfTheLogBeforeMustHold) {
  const auto with = [&](auto change) {
    wire::GenerationOpened opened = opened_;
    change(opened);
    return Instead(0, opened);
  };
  using enum FindingCode;
  EXPECT_THAT(with([](auto&) {}), IsEmpty());
  // Signed by another key, of a size that the card does not let the key sign, no checkpoint, more kept than there was.
  EXPECT_THAT(with([](auto& o) { o.closed_checkpoint = EvidenceLog(kClosed, 'x').Note(0); }),
              ::testing::Contains(kGenerationMismatch));
  EXPECT_THAT(with([&](auto& o) {
                EvidenceLog longer = closed_;
                longer.Append("beyond what the card lets the key sign");
                o.closed_checkpoint = longer.Note(6);
              }),
              ElementsAre(kGenerationMismatch));
  EXPECT_THAT(with([](auto& o) { o.closed_checkpoint = "no note"; }), ::testing::Contains(kGenerationMismatch));
  EXPECT_THAT(with([](auto& o) { o.kept_size = TreeSize(6); }), ::testing::Contains(kGenerationMismatch));
  // The record stands at the beginning alone.
  EXPECT_THAT(Instead(3, opened_), ::testing::Contains(kGenerationMismatch));
  // What is said again was in that log.
  EXPECT_THAT(Instead(3, wire::EntryReissued{kClosed, LeafIndex(5)}), ElementsAre(kGenerationMismatch));
  EXPECT_THAT(Instead(3, wire::EntryReissued{EvidenceFiles::kPeerOrigin, LeafIndex(1)}),
              ElementsAre(kGenerationMismatch));
}

// Its store was of before the log that it goes on from: what it had of an earlier one of its own came back, and is said
// again, once each and in no order. Another's log is none of these, nor is an earlier one where it kept anything.
TEST_F(GenerationTest, WhereNothingWasKeptAnEarlierLogOfItsOwnIsGoneOnFrom) {
  constexpr const char* kEarlier = "odense.example/earlier";
  using Records = std::vector<std::pair<std::string, uint64_t>>;
  const auto codes = [&](const Records& reissued, TreeSize kept) {
    EvidenceFiles files;
    wire::GenerationOpened opened = opened_;
    opened.kept_size = kept;
    files.Append(EvidenceFiles::Record(opened));
    for (const auto& [origin, index] : reissued) {
      files.Append(EvidenceFiles::Record(wire::EntryReissued{origin, LeafIndex(index)}));
    }
    Trust trust = BelievedBy(files);
    trust.owners[kEarlier] = kOdenseId;
    return CodesOf(EvidenceFiles::Verify(files.Export(), trust, &files.keys_));
  };
  using enum FindingCode;
  EXPECT_THAT(codes({{kEarlier, 7}, {kEarlier, 3}}, TreeSize(0)), IsEmpty());
  EXPECT_THAT(codes({{kEarlier, 7}, {kEarlier, 7}}, TreeSize(0)), ElementsAre(kGenerationMismatch));
  EXPECT_THAT(codes({{kClosed, 0}}, TreeSize(0)), ElementsAre(kGenerationMismatch)) << "of which nothing was kept";
  EXPECT_THAT(codes({{EvidenceFiles::kPeerOrigin, 7}}, TreeSize(0)), ElementsAre(kGenerationMismatch));
  EXPECT_THAT(codes({{kEarlier, 7}}, TreeSize(2)), ElementsAre(kGenerationMismatch));
}

// Without a card nobody says that the log before the lost one is its own: what comes back of it, for several and under
// several peers' heads, accuses nobody.
TEST_F(GenerationTest, WhatComesBackOfAnEarlierLogThatNoCardNamesAccusesNobody) {
  constexpr const char* kEarlier = "odense.example/earlier";
  EvidenceLog earlier(kEarlier, 'e');
  EvidenceFiles files;
  wire::GenerationOpened opened = opened_;
  opened.kept_size = TreeSize(0);
  files.Append(EvidenceFiles::Record(opened));
  const AuthorityId kerteminde = *AuthorityId::Parse("29189706");
  for (const auto& [recipient, number] :
       {std::pair(kNyborgId, 12U), std::pair(kerteminde, 3U), std::pair(kNyborgId, 13U)}) {
    const auto event = EvidenceFiles::Sealed(kEarlier, kOdenseId, recipient, number);
    files.keys_[event.id] = event.event_key;
    const LeafIndex leaf = earlier.Append(event.entry);
    const uint64_t record =
        files.Append(EvidenceFiles::Record(wire::EventReceived{kEarlier, leaf, earlier.leaf_hash(leaf), ""}));
    files.beside_[ReceivedPath(LeafIndex(record))] = earlier.Batch({leaf}, 0, earlier.size()).SerializeAsString();
  }
  Trust trust = BelievedBy(files);
  trust.owners.clear();
  trust.cards.clear();
  trust.keys.push_back({earlier.identity().keys[0], TreeSize(0), std::nullopt});
  EXPECT_THAT(CodesOf(EvidenceFiles::Verify(files.Export(), trust, &files.keys_)), IsEmpty());
}

// What was received before may be recorded again, from any number on; then the peer's numbers go on without a gap.
TEST_F(GenerationTest, ThePeersNumbersGoOnFromTheLastReceived) {
  using enum FindingCode;
  const PairNumber last(7);
  EXPECT_THAT(Receiving({8, 9}, last), IsEmpty());
  EXPECT_THAT(Receiving({6, 7, 8}, last), IsEmpty());
  EXPECT_THAT(Receiving({1, 2}, PairNumber()), IsEmpty());
  EXPECT_THAT(Receiving({9}, last), ElementsAre(kPairNumberGap));
  EXPECT_THAT(Receiving({6, 8}, last), ElementsAre(kPairNumberGap));
  EXPECT_THAT(Receiving({7, 7}, last), ElementsAre(kPairNumberReused));
  EXPECT_THAT(Receiving({2}, PairNumber()), ElementsAre(kPairNumberGap));
}

TEST_F(GenerationTest, APairThatIsNotNamedBeginsAtOne) {
  wire::GenerationOpened opened = opened_;
  opened.pairs = {{*AuthorityId::Parse("29189706"), PairNumber(4), PairNumber()}};
  EXPECT_THAT(Instead(0, opened), ElementsAre(FindingCode::kPairNumberGap)) << "the event with number 5";
  EvidenceFiles files = files_;
  files.AppendEvent(
      EvidenceFiles::Sealed(EvidenceFiles::kOrigin, kOdenseId, kOdenseId, 40, event::Type::kExtractImported));
  EXPECT_THAT(CodesOf(Verify(files)), IsEmpty()) << "of the owner's own events nothing is said";
}

// The record that names the closed log is not there: what came back is known by whose log it was, and was for several.
TEST_F(GenerationTest, APartWithoutTheFirstRecordAccusesNobodyOfWhatCameBack) {
  EvidenceFiles files = files_;
  EvidenceLog closed = closed_;
  closed.Append(EvidenceFiles::Sealed(kClosed, kOdenseId, *AuthorityId::Parse("29189706"), 1).entry);
  const auto last = EvidenceFiles::Sealed(kClosed, kOdenseId, kNyborgId, 6);
  files.keys_[last.id] = last.event_key;
  closed.Append(last.entry);
  while (files.entries_.size() < 256) files.Append("outside the part");
  for (const uint64_t index : {4U, 5U, 6U}) {
    const LeafIndex leaf(index);
    const uint64_t at =
        files.Append(EvidenceFiles::Record(wire::EventReceived{kClosed, leaf, closed.leaf_hash(leaf), ""}));
    files.beside_[ReceivedPath(LeafIndex(at))] = closed.Batch({leaf}, 0, index + 1).SerializeAsString();
  }
  files.Append(EvidenceFiles::Record(wire::EntryReissued{kClosed, LeafIndex(3)}));
  Trust trust = BelievedBy(files);
  trust.keys.back().until = TreeSize(8);
  const Part rest{LeafIndex(256), TreeSize(files.entries_.size())};
  const Report report = EvidenceFiles::Verify(files.Export(), trust, &files.keys_, /*beside=*/true, rest);
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_EQ(report.records.received_proven, 3U);
  EXPECT_EQ(report.events.opened, 2U);
}

// What a peer gives back of a log that it had closed itself has no proof that one head goes on from another.
TEST_F(GenerationTest, WhatAPeerGaveBackOfItsClosedLogIsProvenByItsOwnHeads) {
  EvidenceLog former("nyborg.example/former", 'f');
  EvidenceFiles files = files_;
  for (const uint64_t number : {6U, 7U}) {
    const auto event = EvidenceFiles::Sealed("nyborg.example/former", kNyborgId, kOdenseId, number);
    files.keys_[event.id] = event.event_key;
    const LeafIndex leaf = former.Append(event.entry);
    const uint64_t at =
        files.Append(EvidenceFiles::Record(wire::EventReceived{former.origin(), leaf, former.leaf_hash(leaf), ""}));
    files.beside_[ReceivedPath(LeafIndex(at))] = former.Batch({leaf}, 0, former.size()).SerializeAsString();
  }
  const auto codes = [&](std::optional<TreeSize> until) {
    Trust trust = BelievedBy(files);
    trust.keys.push_back({former.identity().keys[0], TreeSize(0), until});
    trust.owners[former.origin()] = kNyborgId;
    return CodesOf(EvidenceFiles::Verify(files.Export(), trust, &files.keys_));
  };
  EXPECT_THAT(codes(TreeSize(3)), IsEmpty());
  EXPECT_THAT(codes(std::nullopt), ElementsAre(FindingCode::kReceivedUnproven)) << "of an open log it could be proven";
}

// Whoever kept a later checkpoint of the closed log than the one with which it is closed, or another of that size.
TEST_F(GenerationTest, WhatWasSeenOfTheClosedLogIsHeldAgainstWhereItIsSaidToEnd) {
  const auto with_kept = [&](const std::string& note) {
    Trust trust = files_.Believed();
    trust.keys.push_back({closed_.identity().keys[0], TreeSize(0), TreeSize(6)});
    trust.owners[kClosed] = kOdenseId;
    trust.kept = {*tlog::StatedCheckpoint(note)};
    return EvidenceFiles::Verify(files_.Export(), trust, &files_.keys_).findings;
  };
  EXPECT_THAT(with_kept(closed_.Note(5)), IsEmpty());
  EXPECT_THAT(with_kept(closed_.Note(4)), IsEmpty()) << "what a closed log continued nobody can prove any more";
  const std::string at = "tile/entries/000.p/6";
  closed_.Append("what was seen, and is lost");
  EXPECT_THAT(with_kept(closed_.Note(6)),
              ElementsAre(Finding{FindingCode::kLogRolledBack, at, LeafIndex(0),
                                  "kept checkpoint of size 6 of odense.example/closed, which it closes at 5"}));
  EvidenceLog rewritten(kClosed, 'c');
  for (int i = 0; i < 5; ++i) rewritten.Append("another");
  EXPECT_THAT(with_kept(rewritten.Note(5)),
              ElementsAre(Finding{FindingCode::kLogForked, at, LeafIndex(0),
                                  "kept checkpoint of size 5 of odense.example/closed, which it closes at 5"}));
}

TEST_F(GenerationTest, AnEntryThatTheClosedLogNeverHadIsFound) {
  EvidenceLog forged(kClosed, 'x');
  for (const uint64_t number : {1U, 2U, 9U}) {
    forged.Append(EvidenceFiles::Sealed(kClosed, kOdenseId, kNyborgId, number).entry);
  }
  EvidenceFiles files = files_;
  files.entries_[1] =
      EvidenceFiles::Record(wire::EventReceived{kClosed, LeafIndex(2), forged.leaf_hash(LeafIndex(2)), ""});
  files.beside_[ReceivedPath(LeafIndex(1))] = forged.Batch({LeafIndex(2)}, 0, 3).SerializeAsString();
  const Report report = Verify(files);
  ASSERT_FALSE(report.findings.empty());
  EXPECT_EQ(report.findings.front().code, FindingCode::kReceivedUnproven);
}

}  // namespace
}  // namespace medflyt::audit
