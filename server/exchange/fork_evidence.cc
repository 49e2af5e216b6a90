#include "server/exchange/fork_evidence.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tlog/checkpoint.h"
#include "server/exchange/kept.h"
#include "server/exchange/kept_receipt.h"

namespace medflyt::exchange {
namespace {

// Rows that may have been stored since a head was found to be the last: a link has no more under way.
constexpr size_t kNotesLookedAt = 16;

bool IsNoteOf(std::string_view note, const entry::AcceptedHead& head) {
  const auto checkpoint = tlog::StatedCheckpoint(note);
  return checkpoint.ok() && checkpoint->size() == head.size && checkpoint->root() == head.root;
}

}  // namespace

std::string AcceptedNote(const store::Reader& store, AuthorityId peer, const entry::AcceptedHead& accepted) {
  std::string found;
  size_t looked = 0;
  // True: the note is looked for further back.
  const auto look = [&](const std::string& note) {
    const auto checkpoint = tlog::StatedCheckpoint(note);
    if (IsNoteOf(note, accepted)) found = note;
    return found.empty() && ++looked < kNotesLookedAt && checkpoint.ok() && checkpoint->size() >= accepted.size;
  };
  const absl::Status scanned = VisitBatchNotes(store, peer, look);
  if (!found.empty() || !scanned.ok()) return found;
  looked = 0;
  const absl::Status visited = VisitReceiptNotes(store, peer, look);
  return visited.ok() ? found : std::string();
}

absl::Status RecallForkEvidence(Context& context) {
  absl::Status status;
  const absl::Status visited = VisitForkEvidence(context.parts.log.reader().store(), [&](const ForkEvidence& found) {
    const std::string origin = StatedOrigin(found.presented_note);
    context.evidence_rows.Found(found.peer, origin, static_cast<uint64_t>(absl::ToUnixMicros(found.found_at)),
                                found.proven, found.dropped);
    if (!found.proven) return;
    // A log that must be refused and is not known would be taken.
    if (origin.empty()) {
      status = RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "evidence", "a row of evidence names no log");
    }
    context.SetForked(found.peer, origin);
  });
  MEDFLYT_RETURN_IF_ERROR(visited);
  return status;
}

bool SuggestsFork(const absl::Status& status) {
  const std::string rule = RuleOf(status);
  return rule == "LOG_FORKED" || rule == "CONSISTENCY_PROOF_INVALID";
}

void KeepForkEvidence(Context& context, AuthorityId peer, const absl::Status& status,
                      const entry::AcceptedHead& accepted, std::string_view presented, std::string_view accepted_note) {
  const bool proven = RuleOf(status) == "LOG_FORKED";
  const auto checkpoint = tlog::StatedCheckpoint(presented);
  const std::string details =
      absl::StrCat("peer=", peer.ToString(), " rule=", RuleOf(status), " accepted_size=", accepted.size.value(),
                   " presented_size=", checkpoint.ok() ? checkpoint->size().value() : 0);
  context.parts.logger.Error(proven ? "log_fork_proven" : "log_fork_suspected", details);
  if (proven && checkpoint.ok()) context.SetForked(peer, checkpoint->origin());
  context.evidence.Keep({peer, context.parts.clock.Now(), proven, 0, accepted,
                         accepted_note.empty() ? AcceptedNote(context.parts.log.reader().store(), peer, accepted)
                                               : std::string(accepted_note),
                         std::string(presented), ""},
                        details);
}

bool IsJudgedByLeaves(const absl::Status& status) {
  const std::string rule = RuleOf(status);
  // A head that goes on from ours holds every leaf that ours holds.
  return rule == "CONSISTENCY_PROOF_INVALID" || rule == "CHECKPOINT_BEHIND";
}

absl::Status JudgeUntaken(Context& context, const directory::Directory& directory, AuthorityId peer,
                          std::string_view origin, const absl::Status& status, const HeldHead& accepted,
                          std::string_view presented, const absl::StatusOr<ShownLeaves>& shown) {
  if (shown.ok() && IsJudgedByLeaves(status)) {
    const auto fork = FindLeafFork(context.parts.log, directory, peer, origin, *shown);
    if (fork) return KeepLeafFork(context, peer, *fork);
  }
  if (SuggestsFork(status)) KeepForkEvidence(context, peer, status, accepted.head, presented, accepted.note);
  return status;
}

absl::Status KeepLeafFork(Context& context, AuthorityId peer, const tlog::LeafForkProof& proof) {
  absl::Status forked = RuleError(absl::StatusCode::kDataLoss, "LOG_FORKED", "entries",
                                  "the log has two leaves at one index, each under a head that it signed");
  const auto first = tlog::Checkpoint::Parse(proof.first.proof.checkpoint.text);
  const auto second = tlog::Checkpoint::Parse(proof.second.proof.checkpoint.text);
  if (!first.ok() || !second.ok()) return forked;  // it would be no proof
  const std::string details =
      absl::StrCat("peer=", peer.ToString(), " rule=LOG_FORKED leaf=", proof.first.proof.index.value(),
                   " accepted_size=", first->size().value(), " presented_size=", second->size().value());
  context.parts.logger.Error("log_fork_proven", details);
  context.SetForked(peer, second->origin());
  context.evidence.Keep({peer,
                         context.parts.clock.Now(),
                         true,
                         0,
                         {first->size(), first->root()},
                         proof.first.proof.checkpoint.Serialize(),
                         proof.second.proof.checkpoint.Serialize(),
                         proof.Serialize()},
                        details);
  return forked;
}

}  // namespace medflyt::exchange
