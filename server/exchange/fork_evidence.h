// What shows, or suggests, that a peer shows different logs to different eyes.
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

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/directory/identity.h"
#include "common/entry/batch.h"
#include "common/tlog/leaf_fork_proof.h"
#include "server/exchange/context.h"
#include "server/exchange/kept_leaf.h"
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

// A head of a peer's log that was verified, with the note that it was verified by.
struct HeldHead {
  entry::AcceptedHead head;
  std::string note;  // signed by the log's key; empty where it is to be looked for among what is kept
};

// One after the other, by peer, oldest first. DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::Status VisitForkEvidence(const store::Reader& store,
                                             absl::FunctionRef<void(const ForkEvidence&)> visit);
[[nodiscard]] absl::StatusOr<std::vector<ForkEvidence>> ReadForkEvidence(const store::Reader& store);

// The origin that a note states; empty where it is no checkpoint's. Nothing is verified.
[[nodiscard]] std::string StatedOrigin(std::string_view note);

// At the start: which logs are proven to be forked, and which rows there are. Errors as above.
[[nodiscard]] absl::Status RecallForkEvidence(Context& context);

// Whether the error is one of which evidence is kept.
[[nodiscard]] bool SuggestsFork(const absl::Status& status);

// The signed note of what was accepted of the peer's log, where it came with the last batch or the last receipt that
// was kept, or with one of those just before, for more may have been stored meanwhile; else empty.
[[nodiscard]] std::string AcceptedNote(const store::Reader& store, AuthorityId peer,
                                       const entry::AcceptedHead& accepted);

// Keeps the evidence (durable soon after), tells the diagnostic log, and where it is proven stops the log at once.
// `presented` is a note whose signature was verified, and so is the accepted one, which is looked for among what came
// with events where it is not given.
void KeepForkEvidence(Context& context, AuthorityId peer, const absl::Status& status,
                      const entry::AcceptedHead& accepted, std::string_view presented,
                      std::string_view accepted_note = {});

// Whether what was not taken for this reason may have a leaf that contradicts one which was taken. It is judged once
// all that was taken before it is stored, for leaves are looked for in the store.
[[nodiscard]] bool IsJudgedByLeaves(const absl::Status& status);

// What a peer has shown and was not taken for the reason `status`: where a leaf of it contradicts one that is kept, the
// fork is proven, kept and told, and LOG_FORKED is returned. Otherwise the heads alone are kept where the status
// suggests a fork, and it is returned as it is. `accepted` is the head that it was held against, which need not be
// stored: with its note, where it came on this link. `shown` may be an error: then there are no leaves to look at. The
// directory is the one by which it was verified.
[[nodiscard]] absl::Status JudgeUntaken(Context& context, const directory::Directory& directory, AuthorityId peer,
                                        std::string_view origin, const absl::Status& status, const HeldHead& accepted,
                                        std::string_view presented, const absl::StatusOr<ShownLeaves>& shown);

// Keeps a proof by leaves, tells the diagnostic log and stops the log that it is of; returns LOG_FORKED.
absl::Status KeepLeafFork(Context& context, AuthorityId peer, const tlog::LeafForkProof& proof);

}  // namespace medflyt::exchange
