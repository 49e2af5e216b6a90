// A handover is proven by the old key's signature under a tree that ends with the new key's name, and by nothing less.
#include "common/entry/handover.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/status.h"
#include "tests/support/evidence_log.h"
#include "tests/support/log_handover.h"
#include "tests/unit/directory/sample.h"

namespace medflyt::entry {
namespace {

using testing::AppendHandover;
using testing::EvidenceLog;
using testing::HandoverProof;
using testing::NoteSignerOf;

constexpr char kOrigin[] = "nyborg.example/log";

class HandoverTest : public ::testing::Test {
 protected:
  HandoverTest() {
    for (int i = 0; i < 6; ++i) log_.Append("entry " + std::to_string(i));
    record_ = AppendHandover(log_, next_.verifier_key());
  }
  // "OK", or the rule that it breaks as the proof that the old key handed the log over to this one at this size.
  std::string Judged(const std::string& proof, uint64_t from = 7) {
    return JudgedFor(old_.verifier_key(), {next_.verifier_key(), TreeSize(from), std::nullopt, proof});
  }
  static std::string JudgedFor(const tlog::VerifierKey& before, const directory::LogKey& next) {
    const absl::Status status = VerifyHandover(before, next);
    return status.ok() ? "OK" : testing::RuleOf(status);
  }

  const tlog::NoteSigner old_ = NoteSignerOf(kOrigin, 20);
  const tlog::NoteSigner next_ = NoteSignerOf(kOrigin, 24);
  EvidenceLog log_{kOrigin, 20};
  LeafIndex record_;
};

TEST_F(HandoverTest, IsProvenByARecordUnderACheckpointThatBothKeysSigned) {
  EXPECT_EQ(Judged(HandoverProof(log_, record_, 7, {next_})), "OK");
  const tlog::TlogProof proof = *tlog::TlogProof::Parse(HandoverProof(log_, record_, 7, {next_}));
  const auto made = MakeHandover(log_.entry(record_), record_, proof.hashes, proof.checkpoint.Serialize());
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(*made, proof.Serialize());
}

TEST_F(HandoverTest, ASignatureOfOneKeyIsNotEnough) {
  EXPECT_EQ(Judged(HandoverProof(log_, record_, 7, {})), "LOG_KEY_NOT_HANDED_OVER");
  const EvidenceLog by_next = testing::ContinuedUnder(log_, 24);
  EXPECT_EQ(Judged(HandoverProof(by_next, record_, 7, {})), "LOG_KEY_NOT_HANDED_OVER");
  const EvidenceLog by_a_thief = testing::ContinuedUnder(log_, 99);
  EXPECT_EQ(Judged(HandoverProof(by_a_thief, record_, 7, {next_})), "LOG_KEY_NOT_HANDED_OVER");
  EXPECT_EQ(Judged(HandoverProof(log_, record_, 7, {NoteSignerOf(kOrigin, 99)})), "LOG_KEY_NOT_HANDED_OVER");
  EXPECT_EQ(Judged(""), "LOG_KEY_NOT_HANDED_OVER");
}

// What anybody can make who has seen a checkpoint of the old key.
TEST_F(HandoverTest, ACheckpointOfTheOldKeyThatAnotherSignsAgainHandsNothingOver) {
  const tlog::NoteSigner thief = NoteSignerOf(kOrigin, 99);
  const auto judged = [&](LeafIndex index, uint64_t size) {
    return JudgedFor(old_.verifier_key(),
                     {thief.verifier_key(), TreeSize(size), std::nullopt, HandoverProof(log_, index, size, {thief})});
  };
  EXPECT_EQ(judged(LeafIndex(4), 5), "LOG_KEY_NOT_HANDED_OVER") << "an entry of another kind";
  EXPECT_EQ(judged(record_, 7), "LOG_KEY_NOT_HANDED_OVER") << "the record names another key";
  // A record of the thief's own is in no tree that the old key signed.
  EvidenceLog forged = log_;
  const LeafIndex own = AppendHandover(forged, thief.verifier_key());
  tlog::TlogProof proof = *tlog::TlogProof::Parse(HandoverProof(log_, record_, 7, {thief}));
  proof.extra = forged.entry(own);
  EXPECT_EQ(JudgedFor(old_.verifier_key(), {thief.verifier_key(), TreeSize(7), std::nullopt, proof.Serialize()}),
            "LOG_KEY_NOT_HANDED_OVER");
}

TEST_F(HandoverTest, IsOfOneSizeAndOneLog) {
  log_.Append("an entry behind it");
  EXPECT_EQ(Judged(HandoverProof(log_, record_, 7, {next_})), "OK");
  EXPECT_EQ(Judged(HandoverProof(log_, record_, 7, {next_}), 8), "LOG_KEY_NOT_HANDED_OVER");
  EXPECT_EQ(Judged(HandoverProof(log_, record_, 7, {next_}), 6), "LOG_KEY_NOT_HANDED_OVER");
  EXPECT_EQ(Judged(HandoverProof(log_, record_, 8, {next_}), 7), "LOG_KEY_NOT_HANDED_OVER");
  EXPECT_EQ(Judged(HandoverProof(log_, record_, 8, {next_}), 8), "LOG_KEY_NOT_HANDED_OVER");
  // Another log of the same keys' owner, in which it was handed over.
  EvidenceLog other("nyborg.example/other", 20);
  for (uint64_t i = 0; i < 6; ++i) other.Append(log_.entry(LeafIndex(i)));
  const LeafIndex there = AppendHandover(other, next_.verifier_key());
  EXPECT_EQ(Judged(HandoverProof(other, there, 7, {next_})), "LOG_KEY_NOT_HANDED_OVER");
}

TEST_F(HandoverTest, NoByteOfItCanBeChanged) {
  const std::string good = HandoverProof(log_, record_, 7, {next_});
  for (size_t at = 0; at < good.size(); ++at) {
    std::string changed = good;
    changed[at] = static_cast<char>(changed[at] ^ 0x01);
    EXPECT_EQ(Judged(changed), "LOG_KEY_NOT_HANDED_OVER") << "byte " << at;
  }
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(Judged(good.substr(0, size)), "LOG_KEY_NOT_HANDED_OVER") << "cut at " << size;
  }
}

}  // namespace
}  // namespace medflyt::entry
