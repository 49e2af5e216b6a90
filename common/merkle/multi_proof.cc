#include "common/merkle/multi_proof.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "common/base/status.h"

namespace medflyt::merkle {
namespace {

absl::Status MultiProofInvalid(std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "MULTI_PROOF_INVALID", field, message);
}

absl::Status CheckIndices(std::span<const LeafIndex> indices, TreeSize size) {
  if (size.value() > kMaxTreeSize) return MultiProofInvalid("size", "tree size is too large");
  if (indices.empty()) return MultiProofInvalid("indices", "no leaf index is given");
  const auto disorder = std::adjacent_find(indices.begin(), indices.end(), std::greater_equal<>());
  if (disorder != indices.end()) return MultiProofInvalid("indices", "leaf indices are not strictly increasing");
  if (indices.back().value() >= size.value())
    return MultiProofInvalid("indices", "leaf index is not below the tree size");
  return absl::OkStatus();
}

// How many of the indices, all within [begin, end), lie left of `middle`.
size_t CountLeft(std::span<const LeafIndex> indices, uint64_t begin, uint64_t middle, uint64_t end) {
  if (indices.size() == end - begin) return static_cast<size_t>(middle - begin);
  const auto first_right = std::lower_bound(indices.begin(), indices.end(), LeafIndex(middle));
  return static_cast<size_t>(first_right - indices.begin());
}

// Recursion is as deep as the tree is high: at most 63.
absl::Status Collect(const NodeSource& source, std::span<const LeafIndex> indices, uint64_t begin, uint64_t end,
                     Proof& proof) {
  if (indices.empty()) {
    MEDFLYT_ASSIGN_OR_RETURN(const Hash hash, SubtreeHash(source, begin, end));
    proof.push_back(hash);
    return absl::OkStatus();
  }
  if (indices.size() == end - begin) return absl::OkStatus();
  const uint64_t middle = begin + LeftChildLeaves(end - begin);
  const size_t left = CountLeft(indices, begin, middle, end);
  MEDFLYT_RETURN_IF_ERROR(Collect(source, indices.first(left), begin, middle, proof));
  return Collect(source, indices.subspan(left), middle, end, proof);
}

// Walks the tree as Collect does, consuming leaf hashes and proof from the front.
class Folder {
 public:
  Folder(std::span<const Hash> leaf_hashes, std::span<const Hash> proof) : leaves_(leaf_hashes), proof_(proof) {}

  // Meaningless once a hash was missing; then it stops walking, so that a peer's claimed size costs nothing.
  Hash Fold(std::span<const LeafIndex> indices, uint64_t begin, uint64_t end) {
    if (ran_out_) return Hash();
    if (indices.empty()) return Next(proof_);
    if (end - begin == 1) return Next(leaves_);
    const uint64_t middle = begin + LeftChildLeaves(end - begin);
    const size_t left_count = CountLeft(indices, begin, middle, end);
    const Hash left = Fold(indices.first(left_count), begin, middle);
    const Hash right = Fold(indices.subspan(left_count), middle, end);
    return NodeHash(left, right);
  }

  [[nodiscard]] bool ran_out() const { return ran_out_; }
  [[nodiscard]] bool used_up() const { return proof_.empty(); }

 private:
  Hash Next(std::span<const Hash>& hashes) {
    if (hashes.empty()) {
      ran_out_ = true;
      return Hash();
    }
    const Hash& next = hashes.front();
    hashes = hashes.subspan(1);
    return next;
  }

  std::span<const Hash> leaves_;
  std::span<const Hash> proof_;
  bool ran_out_ = false;
};

}  // namespace

absl::StatusOr<Proof> BuildMultiProof(const NodeSource& source, std::span<const LeafIndex> indices, TreeSize size) {
  MEDFLYT_RETURN_IF_ERROR(CheckIndices(indices, size));
  Proof proof;
  MEDFLYT_RETURN_IF_ERROR(Collect(source, indices, 0, size.value(), proof));
  return proof;
}

absl::StatusOr<Hash> RootFromMultiProof(std::span<const LeafIndex> indices, std::span<const Hash> leaf_hashes,
                                        TreeSize size, std::span<const Hash> proof) {
  MEDFLYT_RETURN_IF_ERROR(CheckIndices(indices, size));
  if (leaf_hashes.size() != indices.size()) {
    return MultiProofInvalid("leaf_hashes", "number of leaf hashes is not that of the indices");
  }
  Folder folder(leaf_hashes, proof);
  const Hash root = folder.Fold(indices, 0, size.value());
  if (folder.ran_out()) return MultiProofInvalid("proof", "proof is too short");
  if (!folder.used_up()) return MultiProofInvalid("proof", "proof is too long");
  return root;
}

}  // namespace medflyt::merkle
