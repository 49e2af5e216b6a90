// Proof that a log has forked, by its entries: one index with two leaves, each proven under a checkpoint that the log
// signed. The two checkpoints may be of any sizes, so it takes two recipients of one entry and no common witness. As
// with fork_proof.h, the log's public key is all that is needed to check it.
//
//   medflyt leaf fork proof v1\n
//   <the first leaf's hash, base64>\n
//   <bytes of the first tlog-proof, decimal>\n
//   <the first tlog-proof: c2sp.org/tlog-proof@v1 without extra data>
//   <the second leaf's hash, base64>\n
//   <bytes of the second tlog-proof, decimal>\n
//   <the second tlog-proof>
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/tlog/tlog_proof.h"

namespace medflyt::tlog {

inline constexpr size_t kMaxLeafForkProofBytes = 2 * kMaxTlogProofBytes + 256;

struct ProvenLeaf {
  Hash leaf_hash;
  TlogProof proof;

  friend bool operator==(const ProvenLeaf&, const ProvenLeaf&) = default;
};

// Taken apart; nothing in it is verified yet.
struct LeafForkProof {
  ProvenLeaf first;
  ProvenLeaf second;

  // INVALID_ARGUMENT (FORK_PROOF_MALFORMED) for any other text than Serialize writes of proofs without extra data.
  [[nodiscard]] static absl::StatusOr<LeafForkProof> Parse(std::string_view text);
  // Leaves the proofs' extra data out: it is not authenticated.
  [[nodiscard]] std::string Serialize() const;

  friend bool operator==(const LeafForkProof&, const LeafForkProof&) = default;
};

// Whether a file begins as a proof of this form does.
[[nodiscard]] bool IsLeafForkProof(std::string_view text);

// The index and its two leaves, if they prove a fork. The keys are those that are valid for each checkpoint's size.
// Errors of VerifyTlogProof for either, and INVALID_ARGUMENT (FORK_NOT_PROVEN) where origin or index are not the same,
// or the leaf is.
struct ProvenLeafFork {
  Checkpoint first;
  Checkpoint second;
  LeafIndex index;
};
[[nodiscard]] absl::StatusOr<ProvenLeafFork> VerifyLeafForkProof(const LeafForkProof& proof,
                                                                 std::span<const VerifierKey> first_keys,
                                                                 std::span<const VerifierKey> second_keys);

}  // namespace medflyt::tlog
