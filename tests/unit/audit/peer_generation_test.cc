// A peer that goes on in another log: its numbers go on there, and two officers have let it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
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

constexpr const char* kSecond = "nyborg.example/2";
constexpr const char* kThird = "nyborg.example/3";

// Nyborg's events 1 and 2 are received from its first log; what comes then is each test's.
class PeerGenerationTest : public ::testing::Test {
 protected:
  PeerGenerationTest() {
    for (const uint64_t number : {1U, 2U}) files_.peer_.Append(Sealed(EvidenceFiles::kPeerOrigin, number, true));
    files_.AppendReceived({LeafIndex(0), LeafIndex(1)}, 0, 2);
  }
  std::string Sealed(const char* origin, uint64_t number, bool with_key) {
    const auto event = EvidenceFiles::Sealed(origin, kNyborgId, kOdenseId, number);
    if (with_key) files_.keys_[event.id] = event.event_key;
    return event.entry;
  }
  // Issued and received there.
  void Receive(EvidenceLog& log, uint64_t number, bool with_key = true) {
    const uint64_t before = log.size();
    const LeafIndex leaf = log.Append(Sealed(log.origin().c_str(), number, with_key));
    const uint64_t at =
        files_.Append(EvidenceFiles::Record(wire::EventReceived{log.origin(), leaf, log.leaf_hash(leaf), ""}));
    files_.beside_[ReceivedPath(LeafIndex(at))] = log.Batch({leaf}, before, log.size()).SerializeAsString();
  }
  [[nodiscard]] Trust WithoutCards() const {
    Trust trust = files_.Believed();
    for (const EvidenceLog* log : {&second_, &third_}) {
      trust.keys.push_back({log->identity().keys[0], TreeSize(0), std::nullopt});
    }
    trust.owners.clear();
    return trust;
  }
  [[nodiscard]] Trust WithCards() const {
    Trust trust = WithoutCards();
    trust.owners = files_.Believed().owners;
    for (const char* origin : {kSecond, kThird}) trust.owners.emplace(origin, kNyborgId);
    return trust;
  }
  [[nodiscard]] std::vector<FindingCode> Codes(const Trust& trust) const {
    std::vector<FindingCode> codes;
    for (const Finding& finding : EvidenceFiles::Verify(files_.Export(), trust, &files_.keys_).findings) {
      codes.push_back(finding.code);
    }
    return codes;
  }

  EvidenceFiles files_;
  EvidenceLog second_{kSecond, 'q'};
  EvidenceLog third_{kThird, 'r'};
};

class NextNumberTest : public PeerGenerationTest, public ::testing::WithParamInterface<uint64_t> {
 protected:
  // What is found where the second log's first event has this number.
  std::vector<FindingCode> Expected() const {
    if (GetParam() == 3) return {};
    return {GetParam() < 3 ? FindingCode::kPairNumberReused : FindingCode::kPairNumberGap};
  }
};
INSTANTIATE_TEST_SUITE_P(Numbers, NextNumberTest, ::testing::Values(1, 2, 3, 4));

TEST_P(NextNumberTest, GoesOnFromTheLogBefore) {
  Receive(second_, GetParam());
  EXPECT_EQ(Codes(WithCards()), Expected());
  EXPECT_EQ(Codes(WithoutCards()), Expected()) << "the events say whose they are";
}

// What was not opened has a number, too, whether or not it is known whose log it stands in.
TEST_F(PeerGenerationTest, UnopenedEventsOfAnotherLogAreNoGap) {
  Receive(second_, 3, /*with_key=*/false);
  Receive(third_, 4);
  EXPECT_THAT(Codes(WithCards()), IsEmpty());
  EXPECT_THAT(Codes(WithoutCards()), IsEmpty());
  Receive(third_, 6);
  EXPECT_THAT(Codes(WithCards()), ElementsAre(FindingCode::kPairNumberGap));
}

TEST_F(PeerGenerationTest, AnUnopenedEventWhoseLogIsKnownTakesItsNumber) {
  Receive(second_, 3, /*with_key=*/false);
  Receive(third_, 3);
  EXPECT_THAT(Codes(WithCards()), ElementsAre(FindingCode::kPairNumberReused));
}

TEST_F(PeerGenerationTest, AnotherAuthoritysEventInAPeersLogIsFound) {
  const auto foreign = EvidenceFiles::Sealed(kSecond, kOdenseId, kNyborgId, 3);
  files_.keys_[foreign.id] = foreign.event_key;
  const LeafIndex leaf = second_.Append(foreign.entry);
  const uint64_t at =
      files_.Append(EvidenceFiles::Record(wire::EventReceived{kSecond, leaf, second_.leaf_hash(leaf), ""}));
  files_.beside_[ReceivedPath(LeafIndex(at))] = second_.Batch({leaf}, 0, 1).SerializeAsString();
  EXPECT_THAT(Codes(WithCards()), ElementsAre(FindingCode::kIssuerForeign));
}

class AdmissionTest : public PeerGenerationTest {
 protected:
  void Admit(const EvidenceLog& log, AuthorityId peer = kNyborgId) {
    Admit(log.origin(), log.identity().keys[0], peer);
  }
  void Admit(const std::string& origin, const tlog::VerifierKey& key, AuthorityId peer = kNyborgId) {
    files_.Append(EvidenceFiles::Record(
        wire::PeerGenerationAdmitted{peer, origin, key.Format(), crypto::Sha256("first"), crypto::Sha256("second")}));
  }
  // The peer's card has all three logs.
  [[nodiscard]] std::vector<FindingCode> Found() const {
    directory::Authority card;
    card.id = kNyborgId;
    for (const EvidenceLog* log : {&files_.peer_, &second_, &third_}) {
      card.logs.push_back({log->origin(), {{log->identity().keys[0], TreeSize(0), std::nullopt}}});
    }
    Trust trust = WithCards();
    trust.cards = {card};
    return Codes(trust);
  }
};

TEST_F(AdmissionTest, ALaterLogThatWasAdmittedIsTaken) {
  Admit(second_);
  Receive(second_, 3);
  Receive(second_, 4);
  EXPECT_THAT(Found(), IsEmpty());
  Receive(third_, 5);
  EXPECT_THAT(Found(), ElementsAre(FindingCode::kPeerNotAdmitted)) << "each log is admitted by itself";
}

TEST_F(AdmissionTest, ALaterLogThatNobodyAdmittedIsFoundOnce) {
  Receive(second_, 3);
  Receive(second_, 4);
  Admit(second_);
  Receive(second_, 5);
  EXPECT_THAT(Found(), ElementsAre(FindingCode::kPeerNotAdmitted));
  EXPECT_THAT(Codes(WithCards()), IsEmpty()) << "which log is later is not known without the card itself";
}

TEST_F(AdmissionTest, AnotherKeyOrAnotherPeerAdmitsNothing) {
  Admit(kSecond, testing::LogSigner(kSecond, 'x').verifier_key());
  Admit(second_, kOdenseId);
  Receive(second_, 3);
  EXPECT_THAT(Found(), ElementsAre(FindingCode::kPeerNotAdmitted));
}

// The first contact takes the log that is open, and knows those before it.
TEST_F(AdmissionTest, AnEarlierLogThanTheFirstNeedsNone) {
  files_ = EvidenceFiles();
  Receive(second_, 1);
  Receive(files_.peer_, 2);
  Receive(second_, 3);
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(AdmissionTest, ReceiptsAreTakenOfAnAdmittedLogOnly) {
  const uint64_t sent = files_.AppendEvent(EvidenceFiles::Sealed(EvidenceFiles::kOrigin, kOdenseId, kNyborgId, 1));
  second_.Append(EvidenceFiles::Record(
      wire::EventReceived{EvidenceFiles::kOrigin, LeafIndex(sent), merkle::LeafHash(files_.entries_[sent]), ""}));
  const std::string receipt = second_.Receipt({LeafIndex(0)}, 0, 1).SerializeAsString();
  const entry::AcceptedHead head = second_.Head(1);
  const uint64_t at = files_.Append(EvidenceFiles::Record(
      wire::ReceiptsLogged{kSecond, head.size, head.root, {{LeafIndex(sent), 1}}, crypto::Sha256(receipt)}));
  files_.beside_[ReceiptPath(LeafIndex(at))] = receipt;
  EXPECT_THAT(Found(), ElementsAre(FindingCode::kPeerNotAdmitted));
}

TEST_F(AdmissionTest, ARecordThatIsNotUnderstoodMayBeOne) {
  files_.Append("\x7A\x01x");  // a kind of a later version
  Receive(second_, 3);
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(AdmissionTest, InALogThatGoesOnFromAnotherItMayStandInThatOne) {
  EvidenceLog closed("odense.example/closed", 'c');
  closed.Append("what was there");
  files_ = EvidenceFiles();
  files_.Append(EvidenceFiles::Record(wire::GenerationOpened{closed.Note(1),
                                                             TreeSize(1),
                                                             {{kNyborgId, PairNumber(0), PairNumber(2)}},
                                                             crypto::Sha256("first"),
                                                             crypto::Sha256("second")}));
  Receive(files_.peer_, 2);
  Receive(second_, 3);
  EXPECT_THAT(Found(), IsEmpty());
}

}  // namespace
}  // namespace medflyt::audit
