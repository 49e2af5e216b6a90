#include "common/tlog/leaf_fork_proof.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "tests/support/reference_tree.h"
#include "tests/unit/tlog/keys.h"

namespace medflyt::tlog {
namespace {

using testing::ReferenceTree;

constexpr std::string_view kOrigin = "nyborg.example/log";

// Thirteen leaves, of which the one at 4 is another in the second tree, which has grown by eight.
class LeafForkProofTest : public ::testing::Test {
 protected:
  LeafForkProofTest() {
    for (size_t i = 0; i < 21; ++i) other_.Append(i == 4 ? "what never was" : "leaf " + std::to_string(i));
  }

  static ProvenLeaf Leaf(const ReferenceTree& tree, const NoteSigner& signer, size_t index) {
    const auto checkpoint =
        *Checkpoint::Create(signer.verifier_key().name(), TreeSize(tree.size()), tree.Root(tree.size()));
    return {tree.leaf_hashes()[index],
            {"", LeafIndex(index), tree.InclusionPath(index, tree.size()), SignCheckpoint(checkpoint, signer)}};
  }
  std::string RuleOfProof(const LeafForkProof& proof) const { return RuleOfProof(proof, keys_, keys_); }
  static std::string RuleOfProof(const LeafForkProof& proof, const std::vector<VerifierKey>& first,
                                 const std::vector<VerifierKey>& second) {
    const auto proven = VerifyLeafForkProof(proof, first, second);
    return proven.ok() ? "proven" : RuleOf(proven.status());
  }

  const ReferenceTree tree_ = ReferenceTree::Numbered(13);
  ReferenceTree other_;
  const NoteSigner log_ = TestLog(kOrigin);
  const NoteSigner stranger_ = TestLog(kOrigin, 's');
  const NoteSigner odense_ = TestLog("odense.example/log", 'o');
  const std::vector<VerifierKey> keys_ = {log_.verifier_key()};
};

TEST_F(LeafForkProofTest, HasTheFormThatIsWrittenDown) {
  const LeafForkProof proof{Leaf(tree_, log_, 4), Leaf(other_, log_, 4)};
  const std::string first = proof.first.proof.Serialize();
  const std::string second = proof.second.proof.Serialize();
  EXPECT_EQ(proof.Serialize(), "medflyt leaf fork proof v1\n" + Base64Encode(proof.first.leaf_hash.bytes()) + "\n" +
                                   std::to_string(first.size()) + "\n" + first +
                                   Base64Encode(proof.second.leaf_hash.bytes()) + "\n" + std::to_string(second.size()) +
                                   "\n" + second);
}

TEST_F(LeafForkProofTest, TwoLeavesAtOneIndexConvinceWhoHasTheKey) {
  const auto parsed = LeafForkProof::Parse(LeafForkProof{Leaf(tree_, log_, 4), Leaf(other_, log_, 4)}.Serialize());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const auto proven = VerifyLeafForkProof(*parsed, keys_, keys_);
  ASSERT_TRUE(proven.ok()) << proven.status();
  EXPECT_EQ(proven->first.origin(), kOrigin);
  EXPECT_EQ(proven->first.size(), TreeSize(13));
  EXPECT_EQ(proven->second.size(), TreeSize(21));
  EXPECT_EQ(proven->index, LeafIndex(4));
}

TEST_F(LeafForkProofTest, ALogThatHasGrownIsNoFork) {
  const ReferenceTree grown = ReferenceTree::Numbered(40);
  for (size_t i = 0; i < tree_.size(); ++i) {
    EXPECT_EQ(RuleOfProof({Leaf(tree_, log_, i), Leaf(grown, log_, i)}), "FORK_NOT_PROVEN") << "the same leaf at " << i;
    if (i == 4) continue;
    EXPECT_EQ(RuleOfProof({Leaf(tree_, log_, i), Leaf(other_, log_, 4)}), "FORK_NOT_PROVEN") << "two indices";
  }
  EXPECT_EQ(RuleOfProof({Leaf(tree_, log_, 4), Leaf(tree_, log_, 4)}), "FORK_NOT_PROVEN");
}

TEST_F(LeafForkProofTest, OfTwoLogsNothingIsProven) {
  EXPECT_EQ(RuleOfProof({Leaf(tree_, log_, 4), Leaf(other_, odense_, 4)}, keys_, {odense_.verifier_key()}),
            "FORK_NOT_PROVEN");
  EXPECT_EQ(RuleOfProof({Leaf(tree_, log_, 4), Leaf(other_, stranger_, 4)}), "NOTE_UNSIGNED");
  EXPECT_EQ(RuleOfProof({Leaf(other_, stranger_, 4), Leaf(tree_, log_, 4)}), "NOTE_UNSIGNED");
  EXPECT_EQ(RuleOfProof({Leaf(tree_, log_, 4), Leaf(other_, log_, 4)}, {odense_.verifier_key()}, keys_),
            "NOTE_UNSIGNED");
}

// A key that is valid for the first size only, a retired one, does not speak of the second.
TEST_F(LeafForkProofTest, EachCheckpointIsHeldToTheKeysOfItsOwnSize) {
  const std::vector<VerifierKey> retired = {stranger_.verifier_key()};
  EXPECT_EQ(RuleOfProof({Leaf(tree_, stranger_, 4), Leaf(other_, log_, 4)}, retired, keys_), "proven");
  EXPECT_EQ(RuleOfProof({Leaf(tree_, stranger_, 4), Leaf(other_, stranger_, 4)}, retired, keys_), "NOTE_UNSIGNED");
}

TEST_F(LeafForkProofTest, ALeafThatIsNotProvenIsNone) {
  const LeafForkProof proof{Leaf(tree_, log_, 4), Leaf(other_, log_, 4)};
  const auto with = [&proof](auto change) {
    LeafForkProof changed = proof;
    change(changed);
    return changed;
  };
  EXPECT_EQ(RuleOfProof(with([](LeafForkProof& p) { p.second.leaf_hash = merkle::LeafHash("invented"); })),
            "INCLUSION_PROOF_INVALID");
  EXPECT_EQ(RuleOfProof(with([](LeafForkProof& p) { std::swap(p.first.leaf_hash, p.second.leaf_hash); })),
            "INCLUSION_PROOF_INVALID");
  EXPECT_EQ(RuleOfProof(with([](LeafForkProof& p) { p.first.proof.hashes.pop_back(); })), "INCLUSION_PROOF_INVALID");
  EXPECT_EQ(RuleOfProof(with([](LeafForkProof& p) { std::swap(p.second.proof.hashes[0], p.second.proof.hashes[1]); })),
            "INCLUSION_PROOF_INVALID");
  EXPECT_EQ(RuleOfProof(with([](LeafForkProof& p) { p.first.proof.hashes.push_back(p.first.leaf_hash); })),
            "INCLUSION_PROOF_INVALID");
  for (const uint64_t index : {uint64_t{5}, uint64_t{13}, uint64_t{1} << 40}) {
    EXPECT_EQ(RuleOfProof(with([index](LeafForkProof& p) { p.first.proof.index = LeafIndex(index); })),
              "INCLUSION_PROOF_INVALID")
        << index;
  }
  // An inner node of the tree poses as a leaf: its path has not the length that the index asks for.
  EXPECT_EQ(RuleOfProof(with([this](LeafForkProof& p) {
              p.first.leaf_hash = tree_.Range(4, 6);
              p.first.proof.hashes.erase(p.first.proof.hashes.begin());
            })),
            "INCLUSION_PROOF_INVALID");
}

TEST_F(LeafForkProofTest, NoAlteredFileProvesAnything) {
  const std::string text = LeafForkProof{Leaf(tree_, log_, 4), Leaf(other_, log_, 4)}.Serialize();
  for (size_t at = 0; at < text.size(); ++at) {
    for (const char bit : {'\x01', '\x20'}) {
      std::string flipped = text;
      flipped[at] = static_cast<char>(flipped[at] ^ bit);
      const auto parsed = LeafForkProof::Parse(flipped);
      EXPECT_FALSE(parsed.ok() && VerifyLeafForkProof(*parsed, keys_, keys_).ok()) << at;
    }
    EXPECT_FALSE(LeafForkProof::Parse(text.substr(0, at)).ok()) << at;
  }
  EXPECT_FALSE(LeafForkProof::Parse(text + "\n").ok());
  EXPECT_FALSE(LeafForkProof::Parse(text + text).ok());
  EXPECT_FALSE(LeafForkProof::Parse("medflyt leaf fork proof v1\n").ok());
  EXPECT_FALSE(LeafForkProof::Parse("medflyt fork proof v1\n").ok());
}

TEST_F(LeafForkProofTest, NothingRidesBesideTheProof) {
  LeafForkProof proof{Leaf(tree_, log_, 4), Leaf(other_, log_, 4)};
  const std::string plain = proof.Serialize();
  proof.first.proof.extra = "a letter";
  EXPECT_EQ(proof.Serialize(), plain) << "extra data is left out";
  // And is not taken where somebody puts it in, with its size made right.
  const std::string inner = proof.first.proof.Serialize();
  const std::string bare = LeafForkProof::Parse(plain)->first.proof.Serialize();
  std::string stuffed = plain;
  const size_t at = stuffed.find(std::to_string(bare.size()) + "\n" + bare);
  ASSERT_NE(at, std::string::npos);
  stuffed.replace(at, std::to_string(bare.size()).size() + 1 + bare.size(),
                  std::to_string(inner.size()) + "\n" + inner);
  EXPECT_EQ(RuleOf(LeafForkProof::Parse(stuffed).status()), "FORK_PROOF_MALFORMED");
}

}  // namespace
}  // namespace medflyt::tlog
