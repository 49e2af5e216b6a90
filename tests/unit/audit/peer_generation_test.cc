// A peer that goes on in another log: its numbers go on there.
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

}  // namespace
}  // namespace medflyt::audit
