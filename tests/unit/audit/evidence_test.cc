// Receipts, received events and opened events: each thing that is dropped, changed or made up is found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/support/log_handover.h"
#include "tests/unit/audit/evidence_files.h"

namespace medflyt::audit {
namespace {

using directory::LogKey;
using ::medflyt::testing::EvidenceFiles;
using ::medflyt::testing::EvidenceLog;
using ::medflyt::testing::kNyborgId;
using ::medflyt::testing::kOdenseId;
using ::medflyt::testing::SealedSample;
using ::medflyt::testing::TiledLog;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;

std::vector<FindingCode> CodesOf(const Report& report) {
  std::vector<FindingCode> codes;
  for (const Finding& finding : report.findings) codes.push_back(finding.code);
  return codes;
}

// Two events to Nyborg with their receipts, two events from Nyborg, one local event, and a grant.
class EvidenceTest : public ::testing::Test {
 protected:
  EvidenceTest() {
    for (uint64_t number : {1U, 2U}) {
      files_.AppendEvent(EvidenceFiles::Sealed(EvidenceFiles::kOrigin, kOdenseId, kNyborgId, number));  // 0, 1
    }
    for (uint64_t number : {1U, 2U, 3U}) Peer(number);
    files_.AppendReceived({LeafIndex(0), LeafIndex(1)}, 0, 3);  // 2, 3
    Acknowledge(0, "");
    Acknowledge(1, "ISSUER_HAS_NO_RIGHT");
    files_.AppendReceipts({LeafIndex(3), LeafIndex(4)}, 0, 5, {{LeafIndex(0), 2}});  // 4
    files_.AppendEvent(EvidenceFiles::Sealed(EvidenceFiles::kOrigin, kOdenseId, kOdenseId, 1,
                                             event::Type::kExtractImported));                               // 5
    files_.Append(EvidenceFiles::Record(wire::KeyGranted{kNyborgId, key_, crypto::Sha256("commitment")}));  // 6
    files_.AppendReceived({LeafIndex(2)}, 3, 5);                                                            // 7
    files_.AppendEvent(EvidenceFiles::Sealed(EvidenceFiles::kOrigin, kOdenseId, kNyborgId, 3));             // 8
    Acknowledge(8, "");
    files_.AppendReceipts({LeafIndex(5)}, 5, 6, {{LeafIndex(8), 1}});  // 9
  }
  void Peer(uint64_t number) {
    const SealedSample event = EvidenceFiles::Sealed(EvidenceFiles::kPeerOrigin, kNyborgId, kOdenseId, number);
    files_.keys_[event.id] = event.event_key;
    files_.peer_.Append(event.entry);
  }
  // The peer logs that it received an entry of ours.
  void Acknowledge(uint64_t index, const std::string& rule) {
    files_.peer_.Append(EvidenceFiles::Record(
        wire::EventReceived{EvidenceFiles::kOrigin, LeafIndex(index), merkle::LeafHash(files_.entries_[index]), rule}));
  }
  // The findings where the log's owner itself writes and signs other entries.
  Report Rewritten(const std::function<void(std::vector<std::string>&)>& change) {
    std::vector<std::string> entries = files_.entries_;
    change(entries);
    return files_.Verify(files_.ExportOf(entries));
  }
  Report Damaged(const std::function<void(EvidenceFiles::Files&)>& damage) {
    EvidenceFiles::Files files = files_.Export();
    damage(files);
    return files_.Verify(files);
  }

  const KeyId key_ = *KeyId::FromBytes(std::string(16, 'g'));
  EvidenceFiles files_;
};

TEST_F(EvidenceTest, WholeEvidenceHoldsAndIsCounted) {
  const Report report = files_.Verify(files_.Export());
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_EQ(report.sealed, 4U);
  EXPECT_EQ(report.ledger, 6U);
  LedgerCounts expected;
  expected.received = expected.received_proven = 3;
  expected.receipts = expected.receipts_proven = 2;
  expected.receipted = 3;
  expected.receipts_refusing = 1;
  expected.grants = 1;
  EXPECT_EQ(report.records, expected);
  OpenedCounts opened;
  opened.opened = 7;
  EXPECT_EQ(report.events, opened);
}

TEST_F(EvidenceTest, WithoutWhatIsBesideTheRecordsAloneAreChecked) {
  const Report report = EvidenceFiles::Verify(files_.Export(), files_.Believed(), nullptr, false);
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_EQ(report.records.receipts, 2U);
  EXPECT_EQ(report.records.receipts_proven, 0U);
  EXPECT_EQ(report.records.receipts_not_checked, 2U);
  EXPECT_EQ(report.records.received_not_checked, 3U);
  EXPECT_EQ(report.events, OpenedCounts());
}

// A copy that grew after the last export of what is kept beside the log.
TEST_F(EvidenceTest, WhatWasNotExportedIsCountedAndWhatWasDroppedIsFound) {
  EvidenceFiles::Files files = files_.Export();
  files.erase(ReceivedPath(LeafIndex(7)));
  files.erase(ReceiptPath(LeafIndex(9)));
  Work work;
  work.beside = true;
  const auto verify = [&](uint64_t until) {
    work.beside_until = TreeSize(until);
    return *VerifyLog(medflyt::testing::ReaderOf(files), files_.Believed(), work);
  };
  const Report grown = verify(7);
  EXPECT_THAT(grown.findings, IsEmpty());
  EXPECT_EQ(grown.records.received_proven, 2U);
  EXPECT_EQ(grown.records.received_not_checked, 1U);
  EXPECT_EQ(grown.records.receipts_proven, 1U);
  EXPECT_EQ(grown.records.receipts_not_checked, 1U);
  EXPECT_THAT(CodesOf(verify(8)), ElementsAre(FindingCode::kReceivedMissing)) << "it states to have that one";
  EXPECT_EQ(verify(10).records.receipts_not_checked, 0U);
  EXPECT_THAT(CodesOf(verify(10)), ElementsAre(FindingCode::kReceivedMissing, FindingCode::kReceiptMissing));
  files.erase(ReceiptPath(LeafIndex(4)));
  EXPECT_THAT(CodesOf(verify(7)), ElementsAre(FindingCode::kReceiptMissing)) << "of before the export ended";
}

TEST_F(EvidenceTest, WithoutThePeersKeyNothingOfItIsProvenAndNothingAccused) {
  Trust trust = files_.Believed();
  trust.keys.pop_back();
  const Report report = EvidenceFiles::Verify(files_.Export(), trust, nullptr);
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_EQ(report.records.without_peer_key, 5U);
  EXPECT_EQ(report.records.receipts_proven + report.records.received_proven, 0U);
}

TEST_F(EvidenceTest, DroppedReceiptIsFound) {
  const Report report = Damaged([](auto& files) { files.erase(ReceiptPath(LeafIndex(4))); });
  EXPECT_THAT(report.findings, ElementsAre(Finding{FindingCode::kReceiptMissing, "tile/entries/000.p/10", LeafIndex(4),
                                                   EvidenceFiles::kPeerOrigin}));
  EXPECT_EQ(report.records.receipts_proven, 1U) << "the next one hides nothing and is not hidden";
}

TEST_F(EvidenceTest, AnyChangedByteOfAReceiptIsFound) {
  const std::string receipt = files_.beside_.at(ReceiptPath(LeafIndex(9)));
  for (size_t i = 0; i < receipt.size(); ++i) {
    const Report report = Damaged([&](auto& files) { files.at(ReceiptPath(LeafIndex(9)))[i] ^= 1; });
    EXPECT_THAT(CodesOf(report), ElementsAre(FindingCode::kReceiptAltered)) << i;
  }
}

TEST_F(EvidenceTest, ReceiptThatDoesNotProveWhatWasLoggedOfItIsFound) {
  const auto logged = [&](const std::vector<LeafIndex>& leaves, uint64_t from, uint64_t size,
                          const entry::AcceptedHead& head, std::vector<wire::IndexRun> runs) {
    EvidenceFiles files = files_;
    const std::string bytes = files.peer_.Receipt(leaves, from, size).SerializeAsString();
    files.entries_[9] = EvidenceFiles::Record(
        wire::ReceiptsLogged{EvidenceFiles::kPeerOrigin, head.size, head.root, std::move(runs), crypto::Sha256(bytes)});
    files.beside_[ReceiptPath(LeafIndex(9))] = bytes;
    return CodesOf(files.Verify(files.Export()));
  };
  const entry::AcceptedHead six = files_.peer_.Head(6);
  EXPECT_THAT(logged({LeafIndex(5)}, 5, 6, six, {{LeafIndex(8), 1}}), IsEmpty()) << "as it was";
  const auto invalid = ElementsAre(FindingCode::kReceiptInvalid);
  EXPECT_THAT(logged({LeafIndex(4)}, 5, 6, six, {{LeafIndex(8), 1}}), invalid) << "another event's";
  EXPECT_THAT(logged({LeafIndex(2)}, 5, 6, six, {{LeafIndex(8), 1}}), invalid) << "no receipt";
  EXPECT_THAT(logged({LeafIndex(5)}, 5, 6, six, {{LeafIndex(5), 1}, {LeafIndex(8), 1}}), invalid) << "one more";
  EXPECT_THAT(logged({LeafIndex(5)}, 3, 6, six, {{LeafIndex(8), 1}}), invalid) << "does not begin at the last one";
  EXPECT_THAT(logged({LeafIndex(5)}, 5, 6, {TreeSize(6), crypto::Sha256("x")}, {{LeafIndex(8), 1}}), invalid);
  EXPECT_THAT(logged({LeafIndex(5)}, 5, 6, {TreeSize(7), six.root}, {{LeafIndex(8), 1}}), invalid);
  // Signed by another than the peer.
  EvidenceFiles forged = files_;
  forged.peer_ = medflyt::testing::EvidenceLog(EvidenceFiles::kPeerOrigin, 'f');
  for (uint64_t i = 0; i < 6; ++i) forged.peer_.Append(files_.peer_.entry(LeafIndex(i)));
  const std::string bytes = forged.peer_.Receipt({LeafIndex(5)}, 5, 6).SerializeAsString();
  forged.entries_[9] = EvidenceFiles::Record(
      wire::ReceiptsLogged{EvidenceFiles::kPeerOrigin, six.size, six.root, {{LeafIndex(8), 1}}, crypto::Sha256(bytes)});
  forged.beside_[ReceiptPath(LeafIndex(9))] = bytes;
  EXPECT_THAT(CodesOf(EvidenceFiles::Verify(forged.Export(), files_.Believed(), nullptr)), invalid);
}

TEST_F(EvidenceTest, ReceiptsOutOfOrderOrForWhatWasNotThereAreFound) {
  const auto with = [&](std::vector<wire::IndexRun> runs, TreeSize size, const crypto::Hash& root) {
    const Report report = Rewritten([&](auto& entries) {
      entries.push_back(EvidenceFiles::Record(
          wire::ReceiptsLogged{EvidenceFiles::kPeerOrigin, size, root, runs, crypto::Sha256("")}));
    });
    return report.findings.empty() ? std::optional<FindingCode>() : report.findings[0].code;
  };
  const entry::AcceptedHead six = files_.peer_.Head(6);
  EXPECT_EQ(with({{LeafIndex(8), 1}}, six.size, six.root), FindingCode::kReceiptOutOfOrder) << "twice";
  EXPECT_EQ(with({{LeafIndex(1), 1}}, six.size, six.root), FindingCode::kReceiptOutOfOrder);
  EXPECT_EQ(with({{LeafIndex(10), 1}}, six.size, six.root), FindingCode::kReceiptAhead) << "of itself";
  EXPECT_EQ(with({{LeafIndex(9), 5}}, six.size, six.root), FindingCode::kReceiptAhead);
  EXPECT_EQ(with({{LeafIndex(9), 1}}, TreeSize(5), six.root), FindingCode::kPeerRolledBack);
  EXPECT_EQ(with({{LeafIndex(9), 1}}, six.size, crypto::Sha256("x")), FindingCode::kPeerForked);
  EXPECT_EQ(with({{LeafIndex(9), 1}}, six.size, six.root), FindingCode::kReceiptMissing);
}

TEST_F(EvidenceTest, ReceivedEntriesThatAreMissingOrChangedAreFound) {
  const auto missing = Damaged([](auto& files) { files.erase(ReceivedPath(LeafIndex(2))); });
  EXPECT_THAT(CodesOf(missing), ElementsAre(FindingCode::kReceivedMissing, FindingCode::kReceivedMissing));
  EXPECT_EQ(missing.findings[1].entry, LeafIndex(3));
  const std::string batch = files_.beside_.at(ReceivedPath(LeafIndex(7)));
  for (size_t i = 0; i < batch.size(); i += 3) {
    const Report report = Damaged([&](auto& files) { files.at(ReceivedPath(LeafIndex(7)))[i] ^= 1; });
    // The sequence counts the batches of a stream, and stands outside all proofs.
    EXPECT_TRUE(i < 2 || !report.verified()) << i;
    EXPECT_THAT(report.findings, Each(Field(&Finding::entry, LeafIndex(7)))) << i;
  }
}

TEST_F(EvidenceTest, ReceivedEventThatIsNotInItsIssuersLogIsFound) {
  const auto with = [&](const v1::EventBatch& batch) {
    return CodesOf(Damaged([&](auto& files) { files.at(ReceivedPath(LeafIndex(7))) = batch.SerializeAsString(); }));
  };
  EXPECT_THAT(with(files_.peer_.Batch({LeafIndex(2)}, 3, 5)), IsEmpty());
  EXPECT_THAT(with(files_.peer_.Batch({LeafIndex(1), LeafIndex(2)}, 3, 6)), IsEmpty()) << "as good a proof";
  const auto unproven = ElementsAre(FindingCode::kReceivedUnproven);
  v1::EventBatch batch = files_.peer_.Batch({LeafIndex(2)}, 3, 5);
  batch.mutable_consistency_proof(0)->back() ^= 1;
  EXPECT_THAT(with(batch), unproven);
  batch = files_.peer_.Batch({LeafIndex(2)}, 3, 5);
  batch.mutable_multi_proof(0)->back() ^= 1;
  EXPECT_THAT(with(batch), unproven);
  // A second history of the peer, well signed.
  medflyt::testing::EvidenceLog fork(EvidenceFiles::kPeerOrigin, 'p');
  for (uint64_t i = 0; i < 5; ++i) {
    fork.Append(i == 2 ? files_.peer_.entry(LeafIndex(2)) : "other " + std::to_string(i));
  }
  EXPECT_THAT(with(fork.Batch({LeafIndex(2)}, 3, 5)), unproven) << "it does not continue what came before";
  EXPECT_THAT(with(fork.Batch({LeafIndex(2)}, 0, 3)), unproven) << "one size, two roots";
  EXPECT_THAT(with(files_.peer_.Batch({LeafIndex(1)}, 3, 5)), ElementsAre(FindingCode::kReceivedMissing));
}

TEST_F(EvidenceTest, ReceivedTwiceOrOutOfOrderIsFound) {
  for (const uint64_t again : {2U, 1U, 0U}) {
    const Report report =
        Rewritten([&](auto& entries) { entries.push_back(EvidenceFiles::Record(files_.ReceivedOf(again))); });
    EXPECT_THAT(CodesOf(report), ElementsAre(FindingCode::kReceivedOutOfOrder)) << again;
    EXPECT_EQ(report.findings[0].entry, LeafIndex(10));
  }
}

TEST_F(EvidenceTest, KeyGivenAwayAfterItsDestructionIsFound) {
  const auto destroyed = EvidenceFiles::Record(wire::KeyDestroyed{key_});
  const auto granted = EvidenceFiles::Record(wire::KeyGranted{kNyborgId, key_, crypto::Sha256("commitment")});
  EXPECT_THAT(CodesOf(Rewritten([&](auto& entries) {
                entries.insert(entries.end(), {granted, destroyed});
              })),
              IsEmpty());
  EXPECT_THAT(CodesOf(Rewritten([&](auto& entries) {
                entries.insert(entries.end(), {destroyed, granted});
              })),
              ElementsAre(FindingCode::kGrantAfterDestroying));
}

// Of a card with two keys the second begins behind the record; the verifier is told neither where a key alone is named.
TEST_F(EvidenceTest, HandoverToAnotherKeyThanTheCardsIsFound) {
  const tlog::VerifierKey first = files_.Signer('o').verifier_key();
  const tlog::VerifierKey present = files_.Signer().verifier_key();
  EvidenceFiles files = files_;
  files.entries_.resize(2);
  const uint64_t at = files.Append(EvidenceFiles::Record(wire::LogKeyHandedOver{present.Format()}));
  files.AppendEvent(EvidenceFiles::Sealed(EvidenceFiles::kOrigin, kOdenseId, kNyborgId, 3));
  const auto codes = [&](std::vector<LogKey> keys) {
    Trust trust;
    trust.keys = std::move(keys);
    const Report report = EvidenceFiles::Verify(files.Export(), trust, nullptr);
    EXPECT_EQ(report.records.handovers, 1U);
    return CodesOf(report);
  };
  EXPECT_THAT(codes({{first, TreeSize(0), TreeSize(at + 1)}, {present, TreeSize(at + 1), std::nullopt}}), IsEmpty());
  EXPECT_THAT(codes({{present, TreeSize(0), std::nullopt}}), IsEmpty());
  EXPECT_THAT(codes({{first, TreeSize(0), TreeSize(at)}, {present, TreeSize(at), std::nullopt}}),
              ElementsAre(FindingCode::kHandoverMismatch));
  EXPECT_THAT(codes({{first, TreeSize(0), TreeSize(at + 1)},
                     {files_.Signer('x').verifier_key(), TreeSize(at + 1), TreeSize(at + 2)},
                     {present, TreeSize(at + 2), std::nullopt}}),
              ElementsAre(FindingCode::kHandoverMismatch));
}

// The log ended with the record when both keys signed it; the new key may sign no other log with that record.
TEST_F(EvidenceTest, LogRewrittenBeforeItsHandoverIsFound) {
  EvidenceLog log(EvidenceFiles::kOrigin, 'o');
  const tlog::NoteSigner next = files_.Signer();
  for (const uint64_t index : {0U, 1U}) log.Append(files_.entries_[index]);
  const LeafIndex record = testing::AppendHandover(log, next.verifier_key());
  std::vector<std::string> entries;
  for (uint64_t index = 0; index < log.size(); ++index) entries.push_back(log.entry(LeafIndex(index)));
  entries.push_back(files_.entries_[5]);
  std::vector<std::string> rewritten = entries;
  rewritten[0] = files_.entries_[8];
  const auto found = [&](const TiledLog& exported, const std::string& proof) {
    Trust trust;
    trust.keys = {{log.identity().keys[0], TreeSize(0), TreeSize(3)},
                  {next.verifier_key(), TreeSize(3), std::nullopt, proof}};
    const Report report = EvidenceFiles::Verify(exported.files(), trust, nullptr, /*beside=*/false);
    EXPECT_EQ(report.kept_checked, 0U);
    return std::vector<Finding>(report.findings.begin(), report.findings.end());
  };
  const std::string proof = testing::HandoverProof(log, record, 3, {next});
  EXPECT_THAT(found(TiledLog(entries, next), proof), IsEmpty());
  EXPECT_THAT(
      found(TiledLog(rewritten, next), proof),
      ElementsAre(Finding{FindingCode::kLogForked, "checkpoint", std::nullopt, "handover checkpoint of size 3"}));
  // A copy of before the handover, and a proof that one key alone has signed: officers may have admitted the other.
  EXPECT_THAT(found(TiledLog({entries[0], entries[1]}, files_.Signer('o')), proof), IsEmpty());
  EXPECT_THAT(found(TiledLog(rewritten, next), testing::HandoverProof(log, record, 3, {})), IsEmpty());
}

TEST_F(EvidenceTest, RejectionsAndRefusalsAreCounted) {
  EvidenceFiles files = files_;
  files.Append(EvidenceFiles::Record(wire::RejectionsRecorded{kNyborgId, "NUMBER_GAP", 29'900'000, 4}));
  files.peer_.Append("no entry");
  const std::string refused = EvidenceFiles::Record(files.ReceivedOf(6, "ENTRY_MALFORMED"));
  const uint64_t index = files.Append(refused);
  files.beside_[ReceivedPath(LeafIndex(index))] = files.peer_.Batch({LeafIndex(6)}, 5, 7).SerializeAsString();
  const Report report = files.Verify(files.Export());
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_EQ(report.records.rejections, 1U);
  EXPECT_EQ(report.records.refused, 1U);
}

class OpenedTest : public EvidenceTest {
 protected:
  Report With(const SealedSample& event, bool with_key = true) {
    EvidenceFiles files = files_;
    files.AppendEvent(event, with_key);
    return files.Verify(files.Export());
  }
  static SealedSample ToNyborg(uint64_t number, event::Type type = event::Type::kEnrolmentProposed) {
    return EvidenceFiles::Sealed(EvidenceFiles::kOrigin, kOdenseId, kNyborgId, number, type);
  }
};

TEST_F(OpenedTest, ReusedPairNumberIsFound) {
  EXPECT_THAT(With(ToNyborg(4)).findings, IsEmpty());
  for (const uint64_t number : {1U, 2U, 3U}) {
    EXPECT_THAT(With(ToNyborg(number)).findings,
                ElementsAre(Finding{FindingCode::kPairNumberReused, "tile/entries/000.p/11", LeafIndex(10),
                                    "number " + std::to_string(number) + " to 29189722"}));
  }
}

TEST_F(OpenedTest, MissingPairNumberIsFoundUnlessItMayBeUnopened) {
  EXPECT_THAT(CodesOf(With(ToNyborg(5))), ElementsAre(FindingCode::kPairNumberGap));
  EvidenceFiles files = files_;
  files.AppendEvent(ToNyborg(4), false);
  files.AppendEvent(ToNyborg(5));
  const Report unopened = files.Verify(files.Export());
  EXPECT_THAT(unopened.findings, IsEmpty());
  EXPECT_EQ(unopened.events.without_key, 1U);
  files.AppendEvent(ToNyborg(7));
  EXPECT_THAT(CodesOf(files.Verify(files.Export())), ElementsAre(FindingCode::kPairNumberGap)) << "used up";
}

TEST_F(OpenedTest, ErasedEventsAreCountedApart) {
  EvidenceFiles files = files_;
  const SealedSample erased = ToNyborg(4);
  files.AppendEvent(erased, false);
  files.keys_[erased.id] = std::nullopt;
  const Report report = files.Verify(files.Export());
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_EQ(report.events.erased, 1U);
  EXPECT_EQ(report.events.without_key, 0U);
}

TEST_F(OpenedTest, GapOrReuseAmongReceivedEventsIsFound) {
  for (const auto& [number, code] :
       {std::pair(5U, FindingCode::kPairNumberGap), std::pair(3U, FindingCode::kPairNumberReused)}) {
    EvidenceFiles files = files_;
    const SealedSample event = EvidenceFiles::Sealed(EvidenceFiles::kPeerOrigin, kNyborgId, kOdenseId, number);
    files.keys_[event.id] = event.event_key;
    files.peer_.Append(event.entry);
    files.AppendReceived({LeafIndex(6)}, 5, 7);
    EXPECT_THAT(CodesOf(files.Verify(files.Export())), ElementsAre(code));
  }
}

TEST_F(OpenedTest, EventOfATypeThatItsIssuerMayNotIssueIsFound) {
  const Report report = With(ToNyborg(4, event::Type::kExtractImported));
  EXPECT_THAT(CodesOf(report), ElementsAre(FindingCode::kIssuedWithoutRight));
  EXPECT_EQ(report.findings[0].detail, "ExtractImported");
  EXPECT_THAT(CodesOf(With(EvidenceFiles::Sealed(EvidenceFiles::kOrigin, kNyborgId, kNyborgId, 1,
                                                 event::Type::kExtractImported))),
              ElementsAre(FindingCode::kIssuerForeign));
}

TEST_F(OpenedTest, KeyOrContentThatIsNotTheCommittedOneIsFound) {
  SealedSample wrong_key = ToNyborg(4);
  wrong_key.event_key = crypto::Key::Random();
  EXPECT_THAT(CodesOf(With(wrong_key)), ElementsAre(FindingCode::kKeyMismatch));
  SealedSample changed = ToNyborg(4);
  changed.entry.back() ^= 1;
  EXPECT_THAT(CodesOf(With(changed)), ElementsAre(FindingCode::kSealBroken));
  const SealedSample foreign = EvidenceFiles::Sealed(EvidenceFiles::kPeerOrigin, kOdenseId, kNyborgId, 4);
  EXPECT_THAT(CodesOf(With(foreign)), ElementsAre(FindingCode::kSealBroken)) << "sealed for another log";
  const SealedSample garbage =
      EvidenceFiles::FromContent(EvidenceFiles::kOrigin, *EventId::FromBytes(std::string(16, 'x')), "\x08");
  const Report report = With(garbage);
  EXPECT_THAT(CodesOf(report), ElementsAre(FindingCode::kContentMalformed));
  EXPECT_EQ(report.events.failed, 1U);
  EXPECT_EQ(report.findings[0].entry, LeafIndex(10));
  EXPECT_THAT(With(garbage, false).findings, IsEmpty()) << "unopened";
}

TEST(EventKeysTest, OneFormOnly) {
  EventKeys keys;
  keys[*EventId::FromBytes(std::string(16, 'b'))] = crypto::Key::Random();
  keys[*EventId::FromBytes(std::string(16, 'a'))] = std::nullopt;
  const std::string text = FormatEventKeys(keys);
  EXPECT_TRUE(text.starts_with("61616161616161616161616161616161 erased\n6262"));
  const auto parsed = ParseEventKeys(text);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, keys);
  EXPECT_TRUE(ParseEventKeys("")->empty());
  const std::string id(32, '6');
  for (const std::string& wrong :
       {text + "\n", text.substr(0, text.size() - 1), text + text, std::string("\n"), id, id + "\n", id + " \n",
        id + " gone\n", id + " 6262\n", id + "  erased\n", std::string(32, 'A') + " erased\n",
        text.substr(text.find('\n') + 1) + text.substr(0, text.find('\n') + 1)}) {
    EXPECT_FALSE(ParseEventKeys(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace medflyt::audit
