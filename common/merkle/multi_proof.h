// One proof for many leaves of one tree: the leaves of a batch share most of their paths.
//
// The proof holds the hashes of the maximal subtrees of the RFC 6962 tree that contain none of the leaves, in the order
// in which a depth-first walk meets them, left child before right. It is therefore minimal, and the only one for its
// leaves and size. Example, size 6, leaves 1 and 4: hash of leaf 0, hash over [2,4), hash of leaf 5. A run of k
// consecutive leaves costs k - 1 node hashes and the two flanks.
#pragma once

#include <span>

#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/merkle/proof.h"
#include "common/merkle/subtree.h"

namespace medflyt::merkle {

// `indices` is strictly increasing and not empty, the last below `size` <= kMaxTreeSize; else INVALID_ARGUMENT
// (MULTI_PROOF_INVALID). Otherwise only the source's errors.
[[nodiscard]] absl::StatusOr<Proof> BuildMultiProof(const NodeSource& source, std::span<const LeafIndex> indices,
                                                    TreeSize size);

// The root that the leaves and the proof lead to; the caller compares it with a signed one. `leaf_hashes[i]` is the
// hash of leaf `indices[i]`. INVALID_ARGUMENT (MULTI_PROOF_INVALID) for indices as above, another number of leaf
// hashes than of indices, or a proof with a hash too few or too many. Time is linear in leaves and proof, whatever
// the size says.
[[nodiscard]] absl::StatusOr<Hash> RootFromMultiProof(std::span<const LeafIndex> indices,
                                                      std::span<const Hash> leaf_hashes, TreeSize size,
                                                      std::span<const Hash> proof);

}  // namespace medflyt::merkle
