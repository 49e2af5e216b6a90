// The next log of a node whose peers hold more of the present one than its store does, while the node is stopped. Two
// officers have decided it on the running node, and what peers hold was fetched back then (exchange::Recovery).
//
//   step                                                            a repetition after a crash finds, and goes on with
//   1 what peers gave back is verified once more, and the new
//     log's first record encoded; the new log's key in
//     `<log_key>.next`, synced                                      that file                                    -> 2
//   2 one synced batch: the present log is closed with the head
//     that the store has, and an empty one is open                  that head                                    -> 3
//   3 one synced batch: the new log's first entries
//     (exchange::RecoverySubmission); the plan is gone              a log that is not empty                      -> 4
//   4 start-up epoch and its file: of the new log
//   5 own card: the closed log until its highest known head, then
//     the new one                                                   that card                                    -> 6
//   6 `<log_key>.next` takes the place of `log_key`                 the end
//
// In between the node does not start (CheckRecoveryIsOver).
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/tlog/note_key.h"
#include "server/node/config.h"
#include "server/node/node.h"
#include "server/store/store.h"

namespace medflyt::node {

struct Recovered {
  std::string closed_origin;
  TreeSize closed_size;   // of the highest head that is known
  tlog::VerifierKey key;  // of the new log
};

// Blocks; durable on OK. One caller, and no node on the store. FAILED_PRECONDITION: RECOVERY_NOT_DECIDED, STORE_IN_USE,
// STORE_OF_ANOTHER_LOG where a store of another log was put there otherwise than by --restore. The errors of starting
// a node, of
// exchange::ReadEvidence, and of the files that it replaces; after each of them it may be repeated.
[[nodiscard]] absl::StatusOr<Recovered> OpenNextLog(const Config& config, const Environment& environment);

// FAILED_PRECONDITION (RECOVERY_UNFINISHED) where the store's open log has another origin than this, which is that of
// the node's key. The errors of reading it.
[[nodiscard]] absl::Status CheckRecoveryIsOver(const store::Reader& store, const std::string& origin);

}  // namespace medflyt::node
