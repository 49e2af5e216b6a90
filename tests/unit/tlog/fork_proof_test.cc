#include "common/tlog/fork_proof.h"

#include <gtest/gtest.h>

#include "common/base/status.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/cosignature.h"

namespace medflyt::tlog {
namespace {

NoteSigner SignerFor(std::string_view origin, char seed) {
  return *NoteSigner::Create(origin, crypto::Signer(*crypto::Key::FromBytes(std::string(crypto::Key::kSize, seed))));
}

class ForkProofTest : public ::testing::Test {
 protected:
  static std::string Note(const NoteSigner& signer, uint64_t size, std::string_view root) {
    return SignCheckpoint(*Checkpoint::Create(signer.verifier_key().name(), TreeSize(size), merkle::LeafHash(root)),
                          signer)
        .Serialize();
  }
  std::string RuleOf(const ForkProof& proof, std::vector<VerifierKey> keys) {
    const auto proven = VerifyForkProof(proof, keys);
    if (proven.ok()) return "proven";
    const auto broken = BrokenRuleOf(proven.status());
    return broken ? broken->rule : "";
  }

  const NoteSigner log_ = SignerFor("nyborg.example/log", 1);
  const NoteSigner other_ = SignerFor("odense.example/log", 2);
  const std::vector<VerifierKey> keys_ = {log_.verifier_key()};
  const ForkProof proof_ = {Note(log_, 7, "one"), Note(log_, 7, "two")};
};

TEST_F(ForkProofTest, TwoRootsOfOneSizeConvinceWhoHasTheKey) {
  const auto parsed = ForkProof::Parse(proof_.Serialize());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, proof_);
  const auto proven = VerifyForkProof(*parsed, keys_);
  ASSERT_TRUE(proven.ok()) << proven.status();
  EXPECT_EQ(proven->first.size(), TreeSize(7));
  EXPECT_EQ(proven->first.origin(), "nyborg.example/log");
  EXPECT_NE(proven->first.root(), proven->second.root());
}

TEST_F(ForkProofTest, NothingElseIsAProof) {
  EXPECT_EQ(RuleOf({proof_.first, proof_.first}, keys_), "FORK_NOT_PROVEN");
  EXPECT_EQ(RuleOf({proof_.first, Note(log_, 8, "two")}, keys_), "FORK_NOT_PROVEN") << "a log may grow";
  EXPECT_EQ(RuleOf({proof_.first, Note(other_, 7, "two")}, {log_.verifier_key(), other_.verifier_key()}),
            "FORK_NOT_PROVEN")
      << "two logs";
  EXPECT_EQ(RuleOf({proof_.first, Note(SignerFor("nyborg.example/log", 3), 7, "two")}, keys_), "NOTE_UNSIGNED");
  EXPECT_EQ(RuleOf({Note(SignerFor("nyborg.example/log", 3), 7, "two"), proof_.second}, keys_), "NOTE_UNSIGNED");
  EXPECT_EQ(RuleOf(proof_, {other_.verifier_key()}), "NOTE_UNSIGNED");
}

TEST_F(ForkProofTest, AWitnessCannotSpeakForTheLog) {
  const auto witness = *Cosigner::Create("nyborg.example/log",
                                         crypto::Signer(*crypto::Key::FromBytes(std::string(crypto::Key::kSize, 9))));
  const auto checkpoint = *Checkpoint::Create("nyborg.example/log", TreeSize(7), merkle::LeafHash("two"));
  const SignedNote cosigned{checkpoint.Format(), {*witness.Cosign(checkpoint, absl::FromUnixSeconds(1'790'000'000))}};
  EXPECT_EQ(RuleOf({proof_.first, cosigned.Serialize()}, {log_.verifier_key(), witness.verifier_key()}),
            "CHECKPOINT_NOT_BY_LOG");
}

// No altered file is a proof of what the log did not sign.
TEST_F(ForkProofTest, NoAlteredFileProvesAnything) {
  const std::string text = proof_.Serialize();
  for (size_t at = 0; at < text.size(); ++at) {
    for (const char bit : {'\x01', '\x20'}) {
      std::string flipped = text;
      flipped[at] = static_cast<char>(flipped[at] ^ bit);
      const auto parsed = ForkProof::Parse(flipped);
      EXPECT_FALSE(parsed.ok() && VerifyForkProof(*parsed, keys_).ok()) << at;
    }
    EXPECT_FALSE(ForkProof::Parse(text.substr(0, at)).ok()) << at;
  }
  EXPECT_FALSE(ForkProof::Parse(text + "\n").ok());
  EXPECT_FALSE(ForkProof::Parse(text + text).ok());
  EXPECT_FALSE(ForkProof::Parse("medflyt fork proof v1\n99999999999999999999\n").ok());
  EXPECT_FALSE(ForkProof::Parse("medflyt fork proof v1\n0\n0\n").ok());
}

}  // namespace
}  // namespace medflyt::tlog
