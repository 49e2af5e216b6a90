#include "common/merkle/proof.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/reference_tree.h"
#include "tests/unit/merkle/rule_of.h"

namespace medflyt::merkle {
namespace {

using testing::ReferenceTree;

constexpr size_t kLeaves = 33;

Hash Flipped(Hash hash) {
  hash.data()[17] ^= 0x20;
  return hash;
}

TEST(InclusionProof, EveryLeafOfEverySizeIsBuiltAsInTheRfcAndAccepted) {
  const auto tree = ReferenceTree::Numbered(kLeaves);
  for (size_t size = 1; size <= kLeaves; ++size) {
    const Hash root = tree.Root(size);
    for (size_t index = 0; index < size; ++index) {
      const auto proof = BuildInclusionProof(tree, LeafIndex(index), TreeSize(size));
      ASSERT_TRUE(proof.ok()) << proof.status();
      EXPECT_EQ(*proof, tree.InclusionPath(index, size));
      const Hash& leaf = tree.leaf_hashes()[index];
      EXPECT_TRUE(VerifyInclusion(LeafIndex(index), TreeSize(size), leaf, *proof, root).ok());
      EXPECT_EQ(*RootFromInclusion(LeafIndex(index), TreeSize(size), leaf, *proof), root);
    }
  }
}

TEST(InclusionProof, AnyAlterationIsRefused) {
  const auto tree = ReferenceTree::Numbered(kLeaves);
  for (size_t size = 1; size <= kLeaves; ++size) {
    const Hash root = tree.Root(size);
    for (size_t index = 0; index < size; ++index) {
      const Proof good = tree.InclusionPath(index, size);
      const Hash& leaf = tree.leaf_hashes()[index];
      const auto refused = [&](size_t i, size_t n, const Hash& l, const Proof& p, const Hash& r) {
        return RuleOf(VerifyInclusion(LeafIndex(i), TreeSize(n), l, p, r)) == "INCLUSION_PROOF_INVALID";
      };
      EXPECT_TRUE(refused(index, size, Flipped(leaf), good, root));
      EXPECT_TRUE(refused(index, size, leaf, good, Flipped(root)));
      EXPECT_TRUE(refused(size, size, leaf, good, root));
      EXPECT_TRUE(refused(index, 0, leaf, good, root));
      for (size_t other = 0; other < size; ++other) {
        if (other != index) {
          EXPECT_TRUE(refused(other, size, leaf, good, root));
        }
      }
      for (size_t i = 0; i < good.size(); ++i) {
        Proof bad = good;
        bad[i] = Flipped(bad[i]);
        EXPECT_TRUE(refused(index, size, leaf, bad, root));
        bad = good;
        bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(i));
        EXPECT_TRUE(refused(index, size, leaf, bad, root));
      }
      for (size_t i = 0; i <= good.size(); ++i) {
        Proof bad = good;
        bad.insert(bad.begin() + static_cast<std::ptrdiff_t>(i), root);
        EXPECT_TRUE(refused(index, size, leaf, bad, root));
      }
    }
  }
}

TEST(InclusionProof, HugeSizesAndIndicesAreRefusedWithoutAsking) {
  const auto tree = ReferenceTree::Numbered(4);
  const auto max = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(RuleOf(BuildInclusionProof(tree, LeafIndex(0), TreeSize(max)).status()), "PROOF_OUT_OF_RANGE");
  EXPECT_EQ(RuleOf(BuildInclusionProof(tree, LeafIndex(4), TreeSize(4)).status()), "PROOF_OUT_OF_RANGE");
  EXPECT_EQ(RuleOf(BuildInclusionProof(tree, LeafIndex(0), TreeSize(0)).status()), "PROOF_OUT_OF_RANGE");
  EXPECT_EQ(tree.asked(), 0u);
  EXPECT_FALSE(RootFromInclusion(LeafIndex(max), TreeSize(max), Hash(), {}).ok());
  EXPECT_FALSE(RootFromInclusion(LeafIndex(max - 1), TreeSize(max), Hash(), Proof(10)).ok());
  EXPECT_FALSE(RootFromInclusion(LeafIndex(0), TreeSize(max), Hash(), Proof(65)).ok());
}

TEST(InclusionProof, PassesOnTheSourcesError) {
  const auto tree = ReferenceTree::Numbered(5);
  EXPECT_EQ(BuildInclusionProof(tree, LeafIndex(2), TreeSize(8)).status().code(), absl::StatusCode::kNotFound);
}

TEST(ConsistencyProof, EveryPairOfSizesIsBuiltAsInTheRfcAndAccepted) {
  const auto tree = ReferenceTree::Numbered(kLeaves);
  for (size_t size2 = 1; size2 <= kLeaves; ++size2) {
    for (size_t size1 = 1; size1 <= size2; ++size1) {
      const auto proof = BuildConsistencyProof(tree, TreeSize(size1), TreeSize(size2));
      ASSERT_TRUE(proof.ok()) << proof.status();
      EXPECT_EQ(*proof, tree.ConsistencyPath(size1, size2)) << size1 << " " << size2;
      const auto verdict =
          VerifyConsistency(TreeSize(size1), TreeSize(size2), tree.Root(size1), tree.Root(size2), *proof);
      EXPECT_TRUE(verdict.ok()) << size1 << " " << size2 << " " << verdict;
    }
  }
}

TEST(ConsistencyProof, AnyAlterationIsRefused) {
  const auto tree = ReferenceTree::Numbered(kLeaves);
  for (size_t size2 = 1; size2 <= kLeaves; ++size2) {
    for (size_t size1 = 1; size1 <= size2; ++size1) {
      const Proof good = tree.ConsistencyPath(size1, size2);
      const Hash root1 = tree.Root(size1);
      const Hash root2 = tree.Root(size2);
      const auto refused = [&](size_t n1, size_t n2, const Hash& r1, const Hash& r2, const Proof& p) {
        return RuleOf(VerifyConsistency(TreeSize(n1), TreeSize(n2), r1, r2, p)) == "CONSISTENCY_PROOF_INVALID";
      };
      EXPECT_TRUE(refused(size1, size2, Flipped(root1), root2, good));
      EXPECT_TRUE(refused(size1, size2, root1, Flipped(root2), good));
      EXPECT_TRUE(refused(0, size2, root1, root2, good));
      if (size1 != size2) {
        EXPECT_TRUE(refused(size1, size2, root2, root1, good));
        EXPECT_TRUE(refused(size2, size1, root1, root2, good));
        EXPECT_TRUE(refused(size1, size1, root1, root2, good));
        EXPECT_TRUE(refused(size1, size2, root1, root2, {}));
      }
      for (size_t i = 0; i < good.size(); ++i) {
        Proof bad = good;
        bad[i] = Flipped(bad[i]);
        EXPECT_TRUE(refused(size1, size2, root1, root2, bad));
        bad = good;
        bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(i));
        EXPECT_TRUE(refused(size1, size2, root1, root2, bad));
      }
      for (size_t i = 0; i <= good.size(); ++i) {
        Proof bad = good;
        bad.insert(bad.begin() + static_cast<std::ptrdiff_t>(i), root1);
        EXPECT_TRUE(refused(size1, size2, root1, root2, bad));
      }
    }
  }
}

TEST(ConsistencyProof, ARewrittenLeafIsFound) {
  auto honest = ReferenceTree::Numbered(9);
  ReferenceTree forked;
  for (size_t i = 0; i < 20; ++i) forked.Append(i == 4 ? "rewritten" : "leaf " + std::to_string(i));
  const auto proof = BuildConsistencyProof(forked, TreeSize(9), TreeSize(20));
  ASSERT_TRUE(proof.ok());
  EXPECT_TRUE(VerifyConsistency(TreeSize(9), TreeSize(20), forked.Root(9), forked.Root(20), *proof).ok());
  EXPECT_FALSE(VerifyConsistency(TreeSize(9), TreeSize(20), honest.Root(9), forked.Root(20), *proof).ok());
}

TEST(ConsistencyProof, NothingIsConsistentWithTheEmptyTree) {
  const auto tree = ReferenceTree::Numbered(8);
  const Hash root = tree.Root(8);
  for (const uint64_t size2 : {0u, 1u, 8u}) {
    for (const Proof& proof : {Proof{}, Proof{root}, Proof{EmptyRoot()}}) {
      for (const Hash& root1 : {root, EmptyRoot()}) {
        const auto verdict = VerifyConsistency(TreeSize(0), TreeSize(size2), root1, root1, proof);
        EXPECT_EQ(RuleOf(verdict), "CONSISTENCY_PROOF_INVALID") << size2;
      }
    }
  }
}

TEST(ConsistencyProof, BuilderRefusesSizesOutOfRange) {
  const auto tree = ReferenceTree::Numbered(4);
  const auto max = std::numeric_limits<uint64_t>::max();
  for (const auto& [size1, size2] : {std::pair<uint64_t, uint64_t>{0, 4}, {0, 0}, {4, 3}, {1, max}, {max, max}}) {
    EXPECT_EQ(RuleOf(BuildConsistencyProof(tree, TreeSize(size1), TreeSize(size2)).status()), "PROOF_OUT_OF_RANGE");
  }
  EXPECT_FALSE(VerifyConsistency(TreeSize(1), TreeSize(max), Hash(), Hash(), Proof(70)).ok());
  EXPECT_FALSE(VerifyConsistency(TreeSize(max - 1), TreeSize(max), Hash(), Hash(), Proof(70)).ok());
}

}  // namespace
}  // namespace medflyt::merkle
