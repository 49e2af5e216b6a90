// One leaf's inclusion proof out of the multi-proof that its batch came with, so that a recipient's store alone can
// prove any event it received.
#pragma once

#include <cstddef>
#include <span>

#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/merkle/proof.h"

namespace medflyt::exchange {

// The proof (merkle::BuildInclusionProof's) of leaf `indices[which]` in the tree of `size`. Arguments as those of
// merkle::RootFromMultiProof, whose errors these are; INVALID_ARGUMENT (MULTI_PROOF_INVALID) for a `which` beyond.
[[nodiscard]] absl::StatusOr<merkle::Proof> InclusionFromMultiProof(std::span<const LeafIndex> indices,
                                                                    std::span<const crypto::Hash> leaf_hashes,
                                                                    TreeSize size, std::span<const crypto::Hash> proof,
                                                                    size_t which);

}  // namespace medflyt::exchange
