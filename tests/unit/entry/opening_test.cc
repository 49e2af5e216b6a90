// One event opened for a third party: only the whole and right evidence counts.
#include "common/entry/opening.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "common/base/status.h"
#include "common/entry/seal.h"
#include "tests/support/evidence_log.h"

namespace medflyt::entry {
namespace {

using testing::EvidenceLog;

std::string RuleOf(const absl::Status& status) {
  const auto broken = BrokenRuleOf(status);
  return broken ? broken->rule : std::string(status.ToString());
}

class OpeningTest : public ::testing::Test {
 protected:
  OpeningTest() {
    log_.Append("before");
    index_ = log_.Append(Entry(event_));
    for (int i = 0; i < 9; ++i) log_.Append("after " + std::to_string(i));
  }

  std::string Entry(const event::Event& event, std::string_view origin = "nyborg.example/log") {
    std::string content;
    EXPECT_TRUE(codec_.Encode(event, content).ok());
    return *SealEntry(event.header.id, nonce_, content, data_key_, origin);
  }
  absl::StatusOr<OpenedEvent> Open(std::string_view entry, const Key& event_key, std::string_view proof) {
    return OpenForThirdParty(entry, event_key, proof, log_.identity(), codec_);
  }
  std::string Proof() const { return log_.Proof(index_, log_.size()).Serialize(); }

  wire::ContentCodec codec_;
  EvidenceLog log_{"nyborg.example/log", 'n'};
  const Nonce nonce_ = *Nonce::FromBytes(std::string(24, 'n'));
  const Key data_key_ = *Key::FromBytes(std::string(32, 'D'));
  const event::Event event_{.header = {.id = *EventId::FromBytes(std::string(16, 'e')),
                                       .issuer = *AuthorityId::Parse("29189722"),
                                       .recipient = *AuthorityId::Parse("29189706"),
                                       .case_id = *CaseId::FromBytes(std::string(16, 'c')),
                                       .number = PairNumber(1),
                                       .recorded_at = absl::FromUnixSeconds(1'795'000'000),
                                       .officer = "nyb-17"},
                            .body = event::RelocationAnnounced{.cpr = *registry::CprNumber::Parse("6101901234"),
                                                               .provider = *AuthorityId::Parse("35209115"),
                                                               .from = *MunicipalityCode::Parse("0450"),
                                                               .to = *MunicipalityCode::Parse("0440"),
                                                               .effective_date = Date(2026, 12, 1),
                                                               .legal_basis = "FVL-28"}};
  const Key event_key_ = EventKeyOf(data_key_, event_.header.id);
  LeafIndex index_;
};

TEST_F(OpeningTest, ShowsTheEventAndWhereItStands) {
  const auto opened = Open(log_.entry(index_), event_key_, Proof());
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->event, event_);
  EXPECT_EQ(opened->index, index_);
  EXPECT_EQ(opened->leaf_hash, log_.leaf_hash(index_));
  EXPECT_EQ(opened->head.checkpoint.size(), TreeSize(log_.size()));
}

TEST_F(OpeningTest, AProofAlteredInAnyByteIsRefused) {
  const std::string proof = Proof();
  for (size_t i = 0; i < proof.size(); ++i) {
    for (const int mask : {0x01, 0x20, 0x80}) {
      std::string altered = proof;
      altered[i] = static_cast<char>(altered[i] ^ mask);
      const auto opened = Open(log_.entry(index_), event_key_, altered);
      ASSERT_FALSE(opened.ok()) << "byte " << i;
      EXPECT_EQ(RuleOf(opened.status()), "OPENING_PROOF_INVALID");
    }
    EXPECT_FALSE(Open(log_.entry(index_), event_key_, proof.substr(0, i)).ok());
  }
  EXPECT_FALSE(Open(log_.entry(index_), event_key_, proof + "\n").ok());
}

TEST_F(OpeningTest, AnEntryAlteredInAnyByteIsRefused) {
  const std::string entry = log_.entry(index_);
  for (size_t i = 0; i < entry.size(); ++i) {
    std::string altered = entry;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    EXPECT_EQ(RuleOf(Open(altered, event_key_, Proof()).status()), "OPENING_PROOF_INVALID") << i;
  }
}

TEST_F(OpeningTest, AnotherKeyOpensNothing) {
  for (size_t i = 0; i < Key::kSize; ++i) {
    std::string bytes(event_key_.ExposeView());
    bytes[i] = static_cast<char>(bytes[i] ^ 1);
    EXPECT_EQ(RuleOf(Open(log_.entry(index_), *Key::FromBytes(bytes), Proof()).status()), "KEY_COMMITMENT_MISMATCH");
  }
}

TEST_F(OpeningTest, AnotherLogsProofIsRefused) {
  EvidenceLog other("kerteminde.example/log", 'k');
  other.Append("before");
  const LeafIndex index = other.Append(Entry(event_, "kerteminde.example/log"));
  const std::string proof = other.Proof(index, other.size()).Serialize();
  EXPECT_EQ(RuleOf(Open(other.entry(index), event_key_, proof).status()), "OPENING_PROOF_INVALID");
  EXPECT_EQ(RuleOf(OpenForThirdParty(other.entry(index), event_key_, proof,
                                     {"nyborg.example/log", other.identity().keys}, codec_)
                       .status()),
            "OPENING_PROOF_INVALID");
  EXPECT_TRUE(OpenForThirdParty(other.entry(index), event_key_, proof, other.identity(), codec_).ok());
}

TEST_F(OpeningTest, WhatNothingVouchesForIsRefused) {
  auto proof = log_.Proof(index_, log_.size());
  proof.extra = "note";
  EXPECT_EQ(RuleOf(Open(log_.entry(index_), event_key_, proof.Serialize()).status()), "OPENING_PROOF_INVALID");

  proof = log_.Proof(index_, log_.size());
  const EvidenceLog witness("witness.example", 'w');
  auto foreign = tlog::SignedNote::Parse(witness.Note(0))->signatures.front();
  proof.checkpoint.signatures.push_back(foreign);
  EXPECT_EQ(RuleOf(Open(log_.entry(index_), event_key_, proof.Serialize()).status()), "OPENING_PROOF_INVALID");
}

TEST_F(OpeningTest, OtherEntriesOfTheLogAreNoEvents) {
  const LeafIndex other(0);
  const std::string proof = log_.Proof(other, log_.size()).Serialize();
  EXPECT_EQ(RuleOf(Open(log_.entry(other), event_key_, proof).status()), "ENTRY_MALFORMED");
}

TEST_F(OpeningTest, ContentThatIsNoEventIsRefused) {
  const LeafIndex index =
      log_.Append(*SealEntry(event_.header.id, nonce_, "no content", data_key_, "nyborg.example/log"));
  const std::string proof = log_.Proof(index, log_.size()).Serialize();
  EXPECT_EQ(RuleOf(Open(log_.entry(index), event_key_, proof).status()), "CONTENT_MALFORMED");
}

}  // namespace
}  // namespace medflyt::entry
