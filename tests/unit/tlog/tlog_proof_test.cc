#include "common/tlog/tlog_proof.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "tests/support/reference_tree.h"
#include "tests/unit/tlog/keys.h"

namespace medflyt::tlog {
namespace {

using testing::ReferenceTree;

class TlogProofTest : public ::testing::Test {
 protected:
  TlogProof Make(size_t index, std::string extra = "") const {
    TlogProof proof;
    proof.extra = std::move(extra);
    proof.index = LeafIndex(index);
    proof.hashes = tree_.InclusionPath(index, tree_.size());
    proof.checkpoint = SignCheckpoint(checkpoint_, log_);
    return proof;
  }
  bool Verifies(const TlogProof& proof, size_t leaf) const {
    return VerifyTlogProof(proof, tree_.leaf_hashes()[leaf], known_).ok();
  }

  ReferenceTree tree_ = ReferenceTree::Numbered(13);
  NoteSigner log_ = TestLog("odense.example/log");
  std::vector<VerifierKey> known_ = {log_.verifier_key()};
  Checkpoint checkpoint_ = *Checkpoint::Create("odense.example/log", TreeSize(13), tree_.Root(13));
};

TEST_F(TlogProofTest, HasTheSpecifiedForm) {
  const TlogProof proof = Make(12, "age-v1");
  std::string expected = "c2sp.org/tlog-proof@v1\nextra YWdlLXYx\nindex 12\n";
  for (const auto& hash : proof.hashes) expected += Base64Encode(hash.bytes()) + "\n";
  expected += "\n" + proof.checkpoint.Serialize();
  EXPECT_EQ(proof.Serialize(), expected);
  EXPECT_EQ(proof.hashes.size(), 2u);
}

TEST_F(TlogProofTest, ParsesBackAndVerifiesForEveryLeaf) {
  for (size_t index = 0; index < tree_.size(); ++index) {
    for (const char* extra : {"", "x"}) {
      const TlogProof proof = Make(index, extra);
      const auto parsed = TlogProof::Parse(proof.Serialize());
      ASSERT_TRUE(parsed.ok()) << parsed.status();
      EXPECT_EQ(*parsed, proof);
      const auto opened = VerifyTlogProof(*parsed, tree_.leaf_hashes()[index], known_);
      ASSERT_TRUE(opened.ok()) << opened.status();
      EXPECT_EQ(opened->checkpoint, checkpoint_);
      for (size_t other = 0; other < tree_.size(); ++other) EXPECT_EQ(Verifies(*parsed, other), other == index);
    }
  }
}

TEST_F(TlogProofTest, OfATreeOfOneLeafHasNoHashes) {
  const auto one = ReferenceTree::Numbered(1);
  TlogProof proof;
  proof.checkpoint = SignCheckpoint(*Checkpoint::Create("odense.example/log", TreeSize(1), one.Root(1)), log_);
  const std::string bytes = proof.Serialize();
  EXPECT_TRUE(bytes.starts_with("c2sp.org/tlog-proof@v1\nindex 0\n\nodense.example/log\n1\n"));
  EXPECT_TRUE(VerifyTlogProof(*TlogProof::Parse(bytes), one.leaf_hashes()[0], known_).ok());
}

TEST_F(TlogProofTest, AnyFlippedBitIsRefused) {
  const std::string bytes = Make(5).Serialize();
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = bytes;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      const auto parsed = TlogProof::Parse(bad);
      EXPECT_FALSE(parsed.ok() && Verifies(*parsed, 5)) << "byte " << i << " bit " << bit;
    }
  }
}

TEST_F(TlogProofTest, AnyCutOrTailIsRefused) {
  const std::string bytes = Make(5).Serialize();
  for (size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(TlogProof::Parse(bytes.substr(0, cut)).ok()) << cut;
  EXPECT_FALSE(TlogProof::Parse(bytes + "\n").ok());
  EXPECT_FALSE(TlogProof::Parse(bytes + "x").ok());
  EXPECT_FALSE(TlogProof::Parse("\n" + bytes).ok());
}

TEST_F(TlogProofTest, RefusesOtherHeads) {
  const std::string tail = "\n" + Make(5).checkpoint.Serialize();
  const std::string hash = Base64Encode(std::string(32, 'h')) + "\n";
  const std::string header = "c2sp.org/tlog-proof@v1\n";
  ASSERT_TRUE(TlogProof::Parse(header + "index 5\n" + hash + tail).ok());
  std::string many;
  for (size_t i = 0; i < kMaxTlogProofHashes; ++i) many += hash;
  ASSERT_TRUE(TlogProof::Parse(header + "index 5\n" + many + tail).ok());
  for (const std::string& bad : {header + "index 5\n" + many + hash + tail,
                                 std::string("c2sp.org/tlog-proof@v2\nindex 5\n") + tail,
                                 "C2SP.org/tlog-proof@v1\nindex 5\n" + tail,
                                 header + tail,
                                 header + "index\n" + tail,
                                 header + "index \n" + tail,
                                 header + "index 05\n" + tail,
                                 header + "index -5\n" + tail,
                                 header + "index 5 \n" + tail,
                                 header + "index  5\n" + tail,
                                 header + "index 9223372036854775808\n" + tail,
                                 header + "Index 5\n" + tail,
                                 header + "index 5\nindex 5\n" + tail,
                                 header + "index 5\nextra eA==\n" + tail,  // wrong order
                                 header + "extra \nindex 5\n" + tail,
                                 header + "extra\nindex 5\n" + tail,
                                 header + "extra eA\nindex 5\n" + tail,
                                 header + "extra eB==\nindex 5\n" + tail,
                                 header + "extra eA== \nindex 5\n" + tail,
                                 header + "extra eA==\nextra eA==\nindex 5\n" + tail,
                                 header + "index 5\n" + hash.substr(4) + tail,
                                 header + "index 5\n " + hash + tail,
                                 header + "index 5\n" + Base64Encode(std::string(33, 'h')) + "\n" + tail,
                                 header + "index 5\r\n" + tail,
                                 header + "index 5\n" + hash,
                                 header + "index 5\n" + hash + "\n"}) {
    EXPECT_FALSE(TlogProof::Parse(bad).ok()) << bad;
  }
  EXPECT_EQ(RuleOf(TlogProof::Parse(header + "index 5\n\nno note\n").status()), "NOTE_MALFORMED");
  EXPECT_EQ(RuleOf(TlogProof::Parse("").status()), "TLOG_PROOF_MALFORMED");
  EXPECT_EQ(RuleOf(TlogProof::Parse(std::string(kMaxTlogProofBytes + 1, 'a')).status()), "TLOG_PROOF_MALFORMED");
}

TEST_F(TlogProofTest, RefusesAnotherLogsKeyAndAnotherRoot) {
  const TlogProof good = Make(5);
  const auto& leaf = tree_.leaf_hashes()[5];
  const std::vector<VerifierKey> strangers = {TestLog("odense.example/log", 'S').verifier_key()};
  EXPECT_EQ(RuleOf(VerifyTlogProof(good, leaf, strangers).status()), "NOTE_UNSIGNED");

  TlogProof bad = good;
  bad.checkpoint = SignCheckpoint(*Checkpoint::Create("odense.example/log", TreeSize(13), tree_.Root(12)), log_);
  EXPECT_EQ(RuleOf(VerifyTlogProof(bad, leaf, known_).status()), "INCLUSION_PROOF_INVALID");
  bad.checkpoint = SignCheckpoint(*Checkpoint::Create("odense.example/log", TreeSize(5), tree_.Root(13)), log_);
  EXPECT_EQ(RuleOf(VerifyTlogProof(bad, leaf, known_).status()), "INCLUSION_PROOF_INVALID");
  bad = good;
  bad.hashes.pop_back();
  EXPECT_EQ(RuleOf(VerifyTlogProof(bad, leaf, known_).status()), "INCLUSION_PROOF_INVALID");
}

TEST_F(TlogProofTest, AskedForWitnessesMustHaveCosigned) {
  const auto witness = TestWitness("nyborg.example/witness", 'w');
  const auto policy = *Policy::Parse("log " + log_.verifier_key().Format() + "\nwitness w " +
                                     witness.verifier_key().Format() + "\nquorum w\n");
  TlogProof proof = Make(5);
  const auto& leaf = tree_.leaf_hashes()[5];
  EXPECT_EQ(RuleOf(VerifyTlogProof(proof, leaf, policy).status()), "POLICY_QUORUM_NOT_MET");
  proof.checkpoint.signatures.push_back(*witness.Cosign(checkpoint_, absl::FromUnixSeconds(1)));
  EXPECT_TRUE(VerifyTlogProof(*TlogProof::Parse(proof.Serialize()), leaf, policy).ok());
  EXPECT_EQ(RuleOf(VerifyTlogProof(proof, tree_.leaf_hashes()[4], policy).status()), "INCLUSION_PROOF_INVALID");
}

}  // namespace
}  // namespace medflyt::tlog
