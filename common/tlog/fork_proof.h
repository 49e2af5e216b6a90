// Proof that a log has forked: two checkpoints of one origin and size with two roots, both signed by the log. Whoever
// has the log's public key can check it; nothing else need be believed.
//
//   medflyt fork proof v1\n
//   <bytes of the first note, decimal>\n
//   <the first note>
//   <bytes of the second note, decimal>\n
//   <the second note>
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/tlog/checkpoint.h"

namespace medflyt::tlog {

inline constexpr size_t kMaxForkProofBytes = 2 * kMaxNoteBytes + 128;

// Taken apart; nothing in it is verified yet.
struct ForkProof {
  std::string first;  // signed notes
  std::string second;

  // INVALID_ARGUMENT (FORK_PROOF_MALFORMED) for any other text than Serialize writes of two notes.
  [[nodiscard]] static absl::StatusOr<ForkProof> Parse(std::string_view text);
  [[nodiscard]] std::string Serialize() const;

  friend bool operator==(const ForkProof&, const ForkProof&) = default;
};

// The two checkpoints, whose signatures were verified, if they prove a fork. Errors of OpenCheckpoint for either, and
// INVALID_ARGUMENT (FORK_NOT_PROVEN) where they are of different origins or sizes, or agree.
struct ProvenFork {
  Checkpoint first;
  Checkpoint second;
};
[[nodiscard]] absl::StatusOr<ProvenFork> VerifyForkProof(const ForkProof& proof, std::span<const VerifierKey> log_keys);

}  // namespace medflyt::tlog
