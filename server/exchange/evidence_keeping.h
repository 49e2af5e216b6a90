// What shows, or suggests, that a peer shows different logs to different eyes: the rows, and how they are stored.
//
//   kOutbox 'x' ‖ u32 peer ‖ u64 microseconds   ->  version 3 (u8) ‖ u8 proven ‖ u64 dropped ‖ u64 accepted size ‖
//                                                  accepted root (32) ‖ u32 length ‖ accepted note ‖ u32 length ‖
//                                                  presented note ‖ u32 length ‖ proof by leaves
//
// Proven: two heads of one size with two roots, each signed by the log's key, or two leaves at one index, each under
// such a head (common/tlog/leaf_fork_proof.h). Then nothing more is taken of that log, which the presented note names;
// its owner goes on in another one that two officers admit. A consistency proof that does not hold is only suspicious,
// because the proof itself is not signed: it is kept and told, and the peer may come back with one that holds. How many
// rows there are: evidence_rows.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/directory/identity.h"
#include "common/entry/batch.h"
#include "server/exchange/evidence_rows.h"
#include "server/exchange/scheduler.h"
#include "server/log/sequencer.h"
#include "server/store/store.h"

namespace medflyt::exchange {

struct ForkEvidence {
  AuthorityId peer;
  absl::Time found_at;
  bool proven = false;
  uint64_t dropped = 0;  // suspicions of this peer that were dropped until then
  entry::AcceptedHead accepted;
  std::string accepted_note;   // empty where only size and root were kept
  std::string presented_note;  // signed by the log's key
  std::string leaf_proof;      // the file of a proof by leaves; empty where the two heads are the proof
};

// One after the other, by peer, oldest first. DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::Status VisitForkEvidence(const store::Reader& store,
                                             absl::FunctionRef<void(const ForkEvidence&)> visit);
[[nodiscard]] absl::StatusOr<std::vector<ForkEvidence>> ReadForkEvidence(const store::Reader& store);

// The origin that a note states; empty where it is no checkpoint's. Nothing is verified.
[[nodiscard]] std::string StatedOrigin(std::string_view note);

// Thread-safe. A log that is proven to be forked is not listened to, so its proof is never made again: one that the
// queue turned away is submitted again every few seconds, until it is durable. What is lost with a crash before is
// lost. A suspicion comes again with what was suspicious; one that the queue turns away is lost.
class EvidenceKeeping {
 public:
  // Borrows all; `rows` is the sequencer's.
  EvidenceKeeping(log::SubmissionQueue& queue, const Clock& clock, Scheduler& scheduler, Logger& logger,
                  EvidenceRows& rows);

  // Durable soon after. Of proofs of one log no more than are stored of it. `details` is for the diagnostic log.
  void Keep(ForkEvidence evidence, std::string_view details);
  // Submits what was turned away.
  void Flush();

 private:
  struct Shared;
  class EvidenceSubmission;

  static void Arm(const std::shared_ptr<Shared>& shared);
  static void SubmitAgain(const std::shared_ptr<Shared>& shared);

  const std::shared_ptr<Shared> shared_;  // outlived by the timers and submissions that hold it
};

}  // namespace medflyt::exchange
