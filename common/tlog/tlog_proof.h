// `.tlog-proof` files: c2sp.org/tlog-proof@v1. A detached signature: an entry's inclusion proof with the checkpoint it
// leads to, checked offline with the log's public key alone.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/merkle/proof.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/policy.h"

namespace medflyt::tlog {

inline constexpr size_t kMaxTlogProofBytes = kMaxNoteBytes + 128 * 1024;
inline constexpr size_t kMaxTlogProofHashes = 63;

// A proof taken apart; nothing in it is verified yet.
struct TlogProof {
  std::string extra;  // opaque and not authenticated; empty for none
  LeafIndex index;
  merkle::Proof hashes;  // from the leaf's sibling up to the root's child
  SignedNote checkpoint;

  // INVALID_ARGUMENT (TLOG_PROOF_MALFORMED, or NOTE_MALFORMED for the checkpoint) unless the bytes are what Serialize
  // writes: header, optional extra line, index, hashes, blank line, checkpoint.
  [[nodiscard]] static absl::StatusOr<TlogProof> Parse(std::string_view bytes);
  [[nodiscard]] std::string Serialize() const;

  friend bool operator==(const TlogProof&, const TlogProof&) = default;
};

// The checkpoint under which the proof shows the leaf with this hash. Errors of OpenCheckpoint, and INVALID_ARGUMENT
// (INCLUSION_PROOF_INVALID) when the proof does not lead from the leaf to the checkpoint's root.
[[nodiscard]] absl::StatusOr<OpenedCheckpoint> VerifyTlogProof(const TlogProof& proof, const merkle::Hash& leaf_hash,
                                                               std::span<const VerifierKey> verifiers);
// The same under a policy: errors of Policy::Check in place of OpenCheckpoint's.
[[nodiscard]] absl::StatusOr<OpenedCheckpoint> VerifyTlogProof(const TlogProof& proof, const merkle::Hash& leaf_hash,
                                                               const Policy& policy);

}  // namespace medflyt::tlog
