// How it is judged what a peer has shown of its log, and what follows where it forked. The rows: evidence_keeping.h.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/directory/identity.h"
#include "common/entry/batch.h"
#include "common/tlog/leaf_fork_proof.h"
#include "server/exchange/context.h"
#include "server/exchange/evidence_keeping.h"
#include "server/exchange/kept_leaf.h"
#include "server/store/store.h"

namespace medflyt::exchange {

// A head of a peer's log that was verified, with the note that it was verified by.
struct HeldHead {
  entry::AcceptedHead head;
  std::string note;  // signed by the log's key; empty where it is to be looked for among what is kept
};

// At the start: which logs are proven to be forked, and which rows there are. DATA_LOSS (ROW_MALFORMED).
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
