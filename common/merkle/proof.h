// Inclusion and consistency proofs (RFC 9162 sections 2.1.3 and 2.1.4): made from a NodeSource, checked without one.
#pragma once

#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/merkle/subtree.h"
#include "common/merkle/tree_hasher.h"

namespace medflyt::merkle {

using Proof = std::vector<Hash>;

// The proof that leaf `index` is in the tree of `size` leaves: from the leaf's sibling up to the root's child.
// INVALID_ARGUMENT (PROOF_OUT_OF_RANGE) unless index < size <= kMaxTreeSize; else only the source's errors.
[[nodiscard]] absl::StatusOr<Proof> BuildInclusionProof(const NodeSource& source, LeafIndex index, TreeSize size);

// The proof that the tree of `size1` leaves is a prefix of that of `size2`; empty for equal sizes. INVALID_ARGUMENT
// (PROOF_OUT_OF_RANGE) unless 0 < size1 <= size2 <= kMaxTreeSize: nothing is to be proven about an empty tree.
[[nodiscard]] absl::StatusOr<Proof> BuildConsistencyProof(const NodeSource& source, TreeSize size1, TreeSize size2);

// The root that the proof leads to (section 2.1.3.2 without its last comparison). INVALID_ARGUMENT
// (INCLUSION_PROOF_INVALID) when the index is not below the size or the proof has another length than this leaf's.
[[nodiscard]] absl::StatusOr<Hash> RootFromInclusion(LeafIndex index, TreeSize size, const Hash& leaf_hash,
                                                     std::span<const Hash> proof);

// OK only when the proof leads from the leaf to `root`; else INVALID_ARGUMENT (INCLUSION_PROOF_INVALID).
[[nodiscard]] absl::Status VerifyInclusion(LeafIndex index, TreeSize size, const Hash& leaf_hash,
                                           std::span<const Hash> proof, const Hash& root);

// OK only when the proof connects both roots (section 2.1.4.2), or sizes and roots are equal and the proof is empty;
// else INVALID_ARGUMENT (CONSISTENCY_PROOF_INVALID). A size1 of 0 is an error: every tree begins with the empty one,
// so the caller must have decided before that it knows nothing of the log.
[[nodiscard]] absl::Status VerifyConsistency(TreeSize size1, TreeSize size2, const Hash& root1, const Hash& root2,
                                             std::span<const Hash> proof);

}  // namespace medflyt::merkle
