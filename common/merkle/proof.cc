#include "common/merkle/proof.h"

#include <algorithm>
#include <bit>
#include <string_view>

#include "common/base/status.h"

namespace medflyt::merkle {
namespace {

absl::Status OutOfRange(std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "PROOF_OUT_OF_RANGE", field, message);
}

absl::Status InclusionInvalid(std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "INCLUSION_PROOF_INVALID", "proof", message);
}

absl::Status ConsistencyInvalid(std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "CONSISTENCY_PROOF_INVALID", "proof", message);
}

}  // namespace

absl::StatusOr<Hash> SubtreeHash(const NodeSource& source, uint64_t begin, uint64_t end) {
  // From the smallest perfect subtree, at the right, to the largest, at the left.
  const uint64_t leaves = end - begin;
  auto level = static_cast<unsigned>(std::countr_zero(leaves));
  uint64_t start = end - (uint64_t{1} << level);
  MEDFLYT_ASSIGN_OR_RETURN(Hash hash, source.Node(level, start >> level));
  while (start != begin) {
    level = static_cast<unsigned>(std::countr_zero(start - begin));
    start -= uint64_t{1} << level;
    MEDFLYT_ASSIGN_OR_RETURN(const Hash left, source.Node(level, start >> level));
    hash = NodeHash(left, hash);
  }
  return hash;
}

absl::StatusOr<Proof> BuildInclusionProof(const NodeSource& source, LeafIndex index, TreeSize size) {
  if (size.value() > kMaxTreeSize) return OutOfRange("size", "tree size is too large");
  if (index.value() >= size.value()) return OutOfRange("index", "leaf index is not below the tree size");
  Proof proof;
  uint64_t begin = 0;
  uint64_t end = size.value();
  while (end - begin > 1) {
    const uint64_t middle = begin + LeftChildLeaves(end - begin);
    const bool left = index.value() < middle;
    MEDFLYT_ASSIGN_OR_RETURN(const Hash sibling,
                             left ? SubtreeHash(source, middle, end) : SubtreeHash(source, begin, middle));
    proof.push_back(sibling);
    (left ? end : begin) = middle;
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

absl::StatusOr<Proof> BuildConsistencyProof(const NodeSource& source, TreeSize size1, TreeSize size2) {
  if (size2.value() > kMaxTreeSize) return OutOfRange("size2", "tree size is too large");
  if (size1.value() == 0 || size1.value() > size2.value()) {
    return OutOfRange("size1", "first tree size is zero or exceeds the second");
  }
  Proof proof;
  uint64_t begin = 0;
  uint64_t end = size2.value();
  while (end != size1.value()) {
    const uint64_t middle = begin + LeftChildLeaves(end - begin);
    const bool left = size1.value() <= middle;
    MEDFLYT_ASSIGN_OR_RETURN(const Hash sibling,
                             left ? SubtreeHash(source, middle, end) : SubtreeHash(source, begin, middle));
    proof.push_back(sibling);
    (left ? end : begin) = middle;
  }
  // Where the first tree is itself a subtree of the second, the verifier has its hash: the first root.
  if (begin != 0) {
    MEDFLYT_ASSIGN_OR_RETURN(const Hash shared, SubtreeHash(source, begin, end));
    proof.push_back(shared);
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

absl::StatusOr<Hash> RootFromInclusion(LeafIndex index, TreeSize size, const Hash& leaf_hash,
                                       std::span<const Hash> proof) {
  if (index.value() >= size.value()) return InclusionInvalid("leaf index is not below the tree size");
  uint64_t node = index.value();
  uint64_t last = size.value() - 1;
  Hash hash = leaf_hash;
  for (const Hash& sibling : proof) {
    if (last == 0) return InclusionInvalid("proof is too long");
    if ((node & 1) != 0 || node == last) {
      hash = NodeHash(sibling, hash);
      // A last node without a right sibling moves up unchanged until it is a right child.
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = NodeHash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0) return InclusionInvalid("proof is too short");
  return hash;
}

absl::Status VerifyInclusion(LeafIndex index, TreeSize size, const Hash& leaf_hash, std::span<const Hash> proof,
                             const Hash& root) {
  MEDFLYT_ASSIGN_OR_RETURN(const Hash computed, RootFromInclusion(index, size, leaf_hash, proof));
  if (computed != root) return InclusionInvalid("proof does not lead to the root");
  return absl::OkStatus();
}

absl::Status VerifyConsistency(TreeSize size1, TreeSize size2, const Hash& root1, const Hash& root2,
                               std::span<const Hash> proof) {
  if (size1.value() == 0) return ConsistencyInvalid("first tree is empty");
  if (size1.value() > size2.value()) return ConsistencyInvalid("first tree is larger than the second");
  if (size1.value() == size2.value()) {
    if (!proof.empty()) return ConsistencyInvalid("proof is too long");
    if (root1 != root2) return ConsistencyInvalid("equal sizes have different roots");
    return absl::OkStatus();
  }
  // A first tree that is perfect is itself the first node of the path.
  const bool perfect = std::has_single_bit(size1.value());
  if (proof.empty()) return ConsistencyInvalid("proof is too short");
  const Hash& start = perfect ? root1 : proof.front();
  if (!perfect) proof = proof.subspan(1);

  uint64_t node = size1.value() - 1;
  uint64_t last = size2.value() - 1;
  while ((node & 1) != 0) {
    node >>= 1;
    last >>= 1;
  }
  Hash hash1 = start;
  Hash hash2 = start;
  for (const Hash& sibling : proof) {
    if (last == 0) return ConsistencyInvalid("proof is too long");
    if ((node & 1) != 0 || node == last) {
      hash1 = NodeHash(sibling, hash1);
      hash2 = NodeHash(sibling, hash2);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash2 = NodeHash(hash2, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0) return ConsistencyInvalid("proof is too short");
  if (hash1 != root1) return ConsistencyInvalid("proof does not lead to the first root");
  if (hash2 != root2) return ConsistencyInvalid("proof does not lead to the second root");
  return absl::OkStatus();
}

}  // namespace medflyt::merkle
