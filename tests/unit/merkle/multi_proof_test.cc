#include "common/merkle/multi_proof.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <vector>

#include "tests/support/reference_tree.h"
#include "tests/unit/merkle/rule_of.h"

namespace medflyt::merkle {
namespace {

using testing::ReferenceTree;

std::vector<LeafIndex> Indices(std::initializer_list<uint64_t> values) { return {values.begin(), values.end()}; }

std::vector<Hash> LeavesOf(const ReferenceTree& tree, const std::vector<LeafIndex>& indices) {
  std::vector<Hash> leaves;
  for (const LeafIndex index : indices) leaves.push_back(tree.leaf_hashes()[index.value()]);
  return leaves;
}

TEST(MultiProof, OrderIsTheDocumentedOne) {
  const auto tree = ReferenceTree::Numbered(6);
  const auto proof = BuildMultiProof(tree, Indices({1, 4}), TreeSize(6));
  ASSERT_TRUE(proof.ok());
  EXPECT_EQ(*proof, (Proof{tree.Range(0, 1), tree.Range(2, 4), tree.Range(5, 6)}));
}

TEST(MultiProof, EverySubsetOfEverySmallTree) {
  const auto tree = ReferenceTree::Numbered(10);
  for (size_t size = 1; size <= tree.size(); ++size) {
    for (uint64_t set = 1; set < uint64_t{1} << size; ++set) {
      std::vector<LeafIndex> indices;
      for (uint64_t i = 0; i < size; ++i) {
        if ((set >> i & 1) != 0) indices.emplace_back(i);
      }
      const auto proof = BuildMultiProof(tree, indices, TreeSize(size));
      ASSERT_TRUE(proof.ok());
      const auto root = RootFromMultiProof(indices, LeavesOf(tree, indices), TreeSize(size), *proof);
      ASSERT_TRUE(root.ok()) << root.status();
      EXPECT_EQ(*root, tree.Root(size));
    }
  }
}

TEST(MultiProof, OfOneLeafHoldsTheHashesOfItsInclusionProof) {
  const auto tree = ReferenceTree::Numbered(23);
  for (size_t index = 0; index < tree.size(); ++index) {
    auto multi = *BuildMultiProof(tree, Indices({index}), TreeSize(23));
    auto single = tree.InclusionPath(index, 23);
    std::sort(multi.begin(), multi.end());
    std::sort(single.begin(), single.end());
    EXPECT_EQ(multi, single);
  }
}

TEST(MultiProof, AllLeavesNeedNoHashAndNoNode) {
  const auto tree = ReferenceTree::Numbered(300);
  std::vector<LeafIndex> indices;
  for (uint64_t i = 0; i < 300; ++i) indices.emplace_back(i);
  const auto proof = BuildMultiProof(tree, indices, TreeSize(300));
  ASSERT_TRUE(proof.ok());
  EXPECT_TRUE(proof->empty());
  EXPECT_EQ(tree.asked(), 0u);
  EXPECT_EQ(*RootFromMultiProof(indices, tree.leaf_hashes(), TreeSize(300), {}), tree.Root(300));
}

TEST(MultiProof, AnAppendedRunCostsOnlyItsFlanks) {
  const auto tree = ReferenceTree::Numbered(1000);
  std::vector<LeafIndex> indices;
  for (uint64_t i = 700; i < 956; ++i) indices.emplace_back(i);
  const auto proof = BuildMultiProof(tree, indices, TreeSize(1000));
  ASSERT_TRUE(proof.ok());
  EXPECT_LE(proof->size(), 20u);
  EXPECT_EQ(*RootFromMultiProof(indices, LeavesOf(tree, indices), TreeSize(1000), *proof), tree.Root(1000));
}

TEST(MultiProof, AnyAlterationIsRefusedOrLeadsElsewhere) {
  const auto tree = ReferenceTree::Numbered(21);
  const auto indices = Indices({2, 3, 7, 8, 16, 20});
  const auto leaves = LeavesOf(tree, indices);
  const Proof good = *BuildMultiProof(tree, indices, TreeSize(21));
  const Hash root = tree.Root(21);
  const auto accepted = [&](const std::vector<LeafIndex>& i, const std::vector<Hash>& l, uint64_t n, const Proof& p) {
    const auto computed = RootFromMultiProof(i, l, TreeSize(n), p);
    return computed.ok() && *computed == root;
  };
  ASSERT_TRUE(accepted(indices, leaves, 21, good));
  for (size_t i = 0; i < good.size(); ++i) {
    Proof bad = good;
    bad[i].data()[0] ^= 1;
    EXPECT_FALSE(accepted(indices, leaves, 21, bad));
    bad = good;
    bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(RuleOf(RootFromMultiProof(indices, leaves, TreeSize(21), bad).status()), "MULTI_PROOF_INVALID");
  }
  for (size_t i = 0; i <= good.size(); ++i) {
    Proof bad = good;
    bad.insert(bad.begin() + static_cast<std::ptrdiff_t>(i), root);
    EXPECT_EQ(RuleOf(RootFromMultiProof(indices, leaves, TreeSize(21), bad).status()), "MULTI_PROOF_INVALID");
  }
  for (size_t i = 0; i < leaves.size(); ++i) {
    auto bad = leaves;
    bad[i].data()[31] ^= 0x80;
    EXPECT_FALSE(accepted(indices, bad, 21, good));
  }
  auto swapped = leaves;
  std::swap(swapped[0], swapped[1]);
  EXPECT_FALSE(accepted(indices, swapped, 21, good));
  EXPECT_FALSE(accepted(Indices({2, 3, 7, 8, 17, 20}), leaves, 21, good));
  EXPECT_FALSE(accepted(Indices({2, 3, 7, 9, 16, 20}), leaves, 21, good));
  // A size only counts where it changes the shape around the leaves; these do.
  for (const uint64_t size : {22u, 24u, 32u, 40u}) EXPECT_FALSE(accepted(indices, leaves, size, good)) << size;
}

TEST(MultiProof, BadIndicesAreRefusedByBuilderAndVerifier) {
  const auto tree = ReferenceTree::Numbered(8);
  const auto max = std::numeric_limits<uint64_t>::max();
  const std::vector<std::pair<std::vector<LeafIndex>, uint64_t>> cases = {
      {{}, 8}, {Indices({3, 3}), 8}, {Indices({4, 3}), 8}, {Indices({8}), 8}, {Indices({0}), 0}, {Indices({max}), max}};
  for (const auto& [indices, size] : cases) {
    EXPECT_EQ(RuleOf(BuildMultiProof(tree, indices, TreeSize(size)).status()), "MULTI_PROOF_INVALID");
    const std::vector<Hash> leaves(indices.size());
    EXPECT_EQ(RuleOf(RootFromMultiProof(indices, leaves, TreeSize(size), Proof(3)).status()), "MULTI_PROOF_INVALID");
  }
  EXPECT_EQ(tree.asked(), 0u);
}

TEST(MultiProof, AnotherNumberOfLeafHashesIsRefused) {
  const auto tree = ReferenceTree::Numbered(8);
  const auto indices = Indices({1, 5});
  const Proof proof = *BuildMultiProof(tree, indices, TreeSize(8));
  auto leaves = LeavesOf(tree, indices);
  leaves.push_back(leaves.back());
  EXPECT_EQ(RuleOf(RootFromMultiProof(indices, leaves, TreeSize(8), proof).status()), "MULTI_PROOF_INVALID");
  leaves.resize(1);
  EXPECT_EQ(RuleOf(RootFromMultiProof(indices, leaves, TreeSize(8), proof).status()), "MULTI_PROOF_INVALID");
}

TEST(MultiProof, AHugeClaimedSizeIsRefusedAtOnce) {
  std::vector<LeafIndex> indices;
  for (uint64_t i = 0; i < 4096; ++i) indices.emplace_back(i << 40);
  const std::vector<Hash> leaves(indices.size());
  EXPECT_FALSE(RootFromMultiProof(indices, leaves, TreeSize(kMaxTreeSize), {}).ok());
}

}  // namespace
}  // namespace medflyt::merkle
