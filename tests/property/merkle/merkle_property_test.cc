// Builders and verifiers against the slow reference, over random sizes, leaves and alterations.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "common/merkle/compact_range.h"
#include "common/merkle/multi_proof.h"
#include "common/merkle/proof.h"
#include "tests/support/reference_tree.h"

namespace medflyt::merkle {
namespace {

using testing::ReferenceTree;

constexpr size_t kLargest = 600;

const ReferenceTree& Tree() {
  static const ReferenceTree tree = ReferenceTree::Numbered(kLargest);
  return tree;
}

size_t AnySize() { return *rc::gen::inRange<size_t>(1, kLargest + 1); }

Hash AnyOtherHash(const Hash& hash) {
  Hash other = hash;
  other.data()[*rc::gen::inRange<size_t>(0, Hash::kSize)] ^= *rc::gen::inRange<uint8_t>(1, 255);
  return other;
}

std::vector<LeafIndex> AnyIndices(size_t size) {
  std::set<uint64_t> chosen;
  if (*rc::gen::arbitrary<bool>()) {
    const auto begin = *rc::gen::inRange<uint64_t>(0, size);
    const auto end = *rc::gen::inRange<uint64_t>(begin + 1, size + 1);
    for (uint64_t i = begin; i < end; ++i) chosen.insert(i);
  }
  const auto single =
      *rc::gen::nonEmpty(rc::gen::container<std::vector<uint64_t>>(rc::gen::inRange<uint64_t>(0, size)));
  chosen.insert(single.begin(), single.end());
  std::vector<LeafIndex> indices;
  for (const uint64_t index : chosen) indices.emplace_back(index);
  return indices;
}

std::vector<Hash> LeavesOf(const std::vector<LeafIndex>& indices) {
  std::vector<Hash> leaves;
  for (const LeafIndex index : indices) leaves.push_back(Tree().leaf_hashes()[index.value()]);
  return leaves;
}

bool LeadsTo(const absl::StatusOr<Hash>& computed, const Hash& root) { return computed.ok() && *computed == root; }

// One alteration of a proof: a hash changed, removed, added, or two different ones swapped.
Proof Altered(const Proof& good) {
  Proof bad = good;
  const auto position = *rc::gen::inRange<size_t>(0, good.size() + 1);
  const auto at = static_cast<std::ptrdiff_t>(position);
  if (position == good.size()) {
    bad.push_back(*rc::gen::arbitrary<bool>() || good.empty() ? Hash() : good.back());
    return bad;
  }
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      bad[position] = AnyOtherHash(bad[position]);
      break;
    case 1:
      bad.erase(bad.begin() + at);
      break;
    case 2:
      bad.insert(bad.begin() + at, bad[position]);
      break;
    default:
      std::swap(bad[position], bad[*rc::gen::inRange<size_t>(0, good.size())]);
      RC_PRE(bad != good);
  }
  return bad;
}

RC_GTEST_PROP(MerkleProperty, InclusionProofIsTheReferencesAndNoOtherIsAccepted, ()) {
  const size_t size = AnySize();
  const auto index = *rc::gen::inRange<size_t>(0, size);
  const Proof proof = *BuildInclusionProof(Tree(), LeafIndex(index), TreeSize(size));
  RC_ASSERT(proof == Tree().InclusionPath(index, size));
  const Hash root = Tree().Root(size);
  const Hash& leaf = Tree().leaf_hashes()[index];
  RC_ASSERT(VerifyInclusion(LeafIndex(index), TreeSize(size), leaf, proof, root).ok());
  RC_ASSERT(!VerifyInclusion(LeafIndex(index), TreeSize(size), leaf, Altered(proof), root).ok());
  RC_ASSERT(!VerifyInclusion(LeafIndex(index), TreeSize(size), AnyOtherHash(leaf), proof, root).ok());
}

RC_GTEST_PROP(MerkleProperty, ConsistencyProofIsTheReferencesAndNoOtherIsAccepted, ()) {
  const size_t size2 = AnySize();
  const auto size1 = *rc::gen::inRange<size_t>(1, size2 + 1);
  const Proof proof = *BuildConsistencyProof(Tree(), TreeSize(size1), TreeSize(size2));
  RC_ASSERT(proof == Tree().ConsistencyPath(size1, size2));
  const Hash root1 = Tree().Root(size1);
  const Hash root2 = Tree().Root(size2);
  RC_ASSERT(VerifyConsistency(TreeSize(size1), TreeSize(size2), root1, root2, proof).ok());
  RC_ASSERT(!VerifyConsistency(TreeSize(size1), TreeSize(size2), root1, root2, Altered(proof)).ok());
  RC_ASSERT(!VerifyConsistency(TreeSize(size1), TreeSize(size2), AnyOtherHash(root1), root2, proof).ok());
  RC_ASSERT(!VerifyConsistency(TreeSize(size1), TreeSize(size2), root1, AnyOtherHash(root2), proof).ok());
}

RC_GTEST_PROP(MerkleProperty, MultiProofLeadsToTheRoot, ()) {
  const size_t size = AnySize();
  const auto indices = AnyIndices(size);
  const Proof proof = *BuildMultiProof(Tree(), indices, TreeSize(size));
  RC_ASSERT(*RootFromMultiProof(indices, LeavesOf(indices), TreeSize(size), proof) == Tree().Root(size));
}

RC_GTEST_PROP(MerkleProperty, MultiProofIsNoLongerThanTheSinglesTogether, ()) {
  const size_t size = AnySize();
  const auto indices = AnyIndices(size);
  const Proof proof = *BuildMultiProof(Tree(), indices, TreeSize(size));
  std::set<Hash> distinct;
  for (const LeafIndex index : indices) {
    const auto path = Tree().InclusionPath(index.value(), size);
    distinct.insert(path.begin(), path.end());
  }
  for (const Hash& hash : proof) RC_ASSERT(distinct.contains(hash));
  RC_ASSERT(std::set<Hash>(proof.begin(), proof.end()).size() == proof.size());
}

RC_GTEST_PROP(MerkleProperty, AlteredMultiProofNeverLeadsToTheRoot, ()) {
  const size_t size = AnySize();
  const auto indices = AnyIndices(size);
  const Hash root = Tree().Root(size);
  const Proof proof = *BuildMultiProof(Tree(), indices, TreeSize(size));
  const auto with_bad_proof = RootFromMultiProof(indices, LeavesOf(indices), TreeSize(size), Altered(proof));
  RC_ASSERT(!LeadsTo(with_bad_proof, root));

  auto leaves = LeavesOf(indices);
  Hash& leaf = leaves[*rc::gen::inRange<size_t>(0, leaves.size())];
  leaf = AnyOtherHash(leaf);
  const auto with_bad_leaf = RootFromMultiProof(indices, leaves, TreeSize(size), proof);
  RC_ASSERT(with_bad_leaf.ok());
  RC_ASSERT(*with_bad_leaf != root);
}

RC_GTEST_PROP(MerkleProperty, LeavesUnderOtherIndicesNeverLeadToTheRoot, ()) {
  const size_t size = AnySize();
  const auto indices = AnyIndices(size);
  const auto others = AnyIndices(size);
  RC_PRE(others != indices);
  const Proof proof = *BuildMultiProof(Tree(), indices, TreeSize(size));
  const auto computed = RootFromMultiProof(others, LeavesOf(indices), TreeSize(size), proof);
  RC_ASSERT(!LeadsTo(computed, Tree().Root(size)));
}

RC_GTEST_PROP(MerkleProperty, CompactRangeSurvivesStorageAtAnySize, ()) {
  const size_t size = AnySize();
  const auto cut = *rc::gen::inRange<size_t>(0, size + 1);
  CompactRange range;
  for (size_t i = 0; i < cut; ++i) range.Append(Tree().leaf_hashes()[i]);
  auto restored = *CompactRange::FromHashes(TreeSize(cut), range.Hashes());
  for (size_t i = cut; i < size; ++i) restored.Append(Tree().leaf_hashes()[i]);
  RC_ASSERT(restored.size() == TreeSize(size));
  RC_ASSERT(restored.Root() == Tree().Root(size));
  RC_ASSERT(restored == *CompactRange::FromSource(TreeSize(size), Tree()));
}

}  // namespace
}  // namespace medflyt::merkle
