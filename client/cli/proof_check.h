// What a standalone proof of an event is worth beside what was seen of its log.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/checkpoint_store.h"
#include "client/cli/context.h"
#include "client/cli/look.h"
#include "client/cli/node_log.h"
#include "common/directory/authority.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/tlog_proof.h"

namespace medflyt::cli {

// Whether this very checkpoint, whose signature holds, is among those seen of its log. A verification that failed
// (LOG_FORKED), with both kept as evidence, where one of its size has another root. Of other sizes alone nothing is
// shown: the log itself would have to.
[[nodiscard]] absl::StatusOr<bool> WasSeen(const Context& context, const CheckpointStore& store,
                                           const tlog::OpenedCheckpoint& opened);

// As a node answers for an event.
struct GivenProof {
  tlog::TlogProof proof;
  std::string entry;
  std::string origin;                      // of the log that it is about
  std::vector<std::string> verifier_keys;  // of that log, by the node's word
};

struct CheckedProof {
  bool provisional = true;   // its checkpoint is not shown to be one with what was seen of that log
  bool key_by_node = false;  // nobody but the node has named the log's key
};

// That the entry stands in the log, under a key of those in `named`, else the one pinned in the store, else by the
// node's word, which is held against what was seen of the log only where that key has signed what was seen. Where that
// is the node's own log, whose head was just looked at, both heads are shown to be of one log, and the proof's is kept:
// then it is not provisional. The head is absent where this client may not look.
//
// A verification that failed: what tlog::VerifyTlogProof says, and LOG_FORKED with the evidence kept.
// FAILED_PRECONDITION (LOG_KEY_NOT_NAMED) where only the pinned key is known, and it has not signed.
[[nodiscard]] absl::StatusOr<CheckedProof> CheckProof(const Context& context, NodeLog& log,
                                                      const CheckpointStore& store,
                                                      std::span<const directory::LogKey> named,
                                                      const std::optional<SeenHead>& head, const GivenProof& given);

// Tells that a proof under this checkpoint is provisional, and why.
void TellProvisional(const Context& context, const tlog::Checkpoint& checkpoint);

}  // namespace medflyt::cli
