#include "server/exchange/head_comparison.h"

#include <algorithm>
#include <span>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/merkle/proof.h"
#include "common/tlog/checkpoint.h"
#include "server/exchange/admitted.h"
#include "server/exchange/fork_evidence.h"

namespace medflyt::exchange {
namespace {

// Nobody said anything about the log: it was not reached, or did not answer in time.
bool IsSilence(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return true;
    default:
      return false;
  }
}

}  // namespace

void HeadComparison::Start() { PlanAt(context_.parts.clock.Now() + schedule_.look); }

void HeadComparison::PlanAt(absl::Time when) {
  strand_->PostAt(when, [this] {
    PlanAt(context_.parts.clock.Now() + schedule_.look);
    Look();
  });
}

void HeadComparison::Look() {
  const absl::Time now = context_.parts.clock.Now();
  const std::vector<AuthorityId> connected = connected_();
  std::erase_if(asked_, [&connected](const auto& each) {
    return std::find(connected.begin(), connected.end(), each.first) == connected.end();
  });
  for (const AuthorityId& peer : connected) {
    const auto last = asked_.find(peer);
    if (last != asked_.end() && now - last->second < schedule_.repeat) continue;
    asked_[peer] = now;
    CompareWithEvents(peer);
    AskHeads(peer);
  }
}

std::vector<std::string> HeadComparison::HeadsFor(AuthorityId peer) const {
  const directory::Directory directory = context_.directory();
  std::vector<std::string> notes;
  for (const auto& [origin, witnessed] : witness_.heads()) {
    const directory::Authority* owner = directory.OfOrigin(origin);
    if (owner == nullptr || owner->id == peer || owner->id == context_.parts.self) continue;
    if (notes.size() < kMaxHeads) notes.push_back(witnessed.note);
  }
  return notes;
}

void HeadComparison::AskHeads(AuthorityId peer) {
  v1::CompareHeadsRequest request;
  for (std::string& note : HeadsFor(peer)) request.add_checkpoints(std::move(note));
  calls_.CompareHeads(peer, std::move(request), schedule_.timeout,
                      [this, strand = strand_, peer](absl::StatusOr<v1::CompareHeadsResponse> answer) {
                        strand->Post([this, peer, answer = std::move(answer)] {
                          if (answer.ok()) return TakeAll(peer, answer->checkpoints());
                          const auto asked = asked_.find(peer);
                          if (asked != asked_.end()) asked->second -= schedule_.repeat - schedule_.again;
                          context_.parts.logger.Warning(
                              "heads_not_compared",
                              absl::StrCat("peer=", peer.ToString(),
                                           " rule=", PeersRule(RuleOf(answer.status()), "COMPARISON_REFUSED")));
                        });
                      });
}

absl::StatusOr<v1::CompareHeadsResponse> HeadComparison::Compare(AuthorityId peer,
                                                                 const v1::CompareHeadsRequest& request) {
  const auto& notes = request.checkpoints();
  const bool small =
      std::all_of(notes.begin(), notes.end(), [](const std::string& note) { return note.size() <= kMaxCosignNote; });
  if (notes.size() > kMaxHeads || !small) {
    context_.rejections.Record(peer, "HEADS_MALFORMED");
    return RuleError(absl::StatusCode::kInvalidArgument, "HEADS_MALFORMED", "checkpoints",
                     "more than 256 checkpoints, or one of more than 16 KiB");
  }
  {
    MutexLock lock(mutex_);
    if (!busy_.insert(peer).second) {
      return RuleError(absl::StatusCode::kResourceExhausted, "COMPARE_BUSY", "",
                       "the peer's last checkpoints are being looked at");
    }
  }
  strand_->Post([this, peer, notes] {
    TakeAll(peer, notes);
    MutexLock lock(mutex_);
    busy_.erase(peer);
  });
  v1::CompareHeadsResponse response;
  for (std::string& note : HeadsFor(peer)) response.add_checkpoints(std::move(note));
  return response;
}

absl::StatusOr<v1::ProveConsistencyResponse> HeadComparison::Prove(const v1::ProveConsistencyRequest& request) const {
  const log::Log& log = context_.parts.log;
  const TreeSize from(request.from());
  const TreeSize to(request.to());
  if (from.value() == 0 || from > to || to > log.head().size) {
    return RuleError(absl::StatusCode::kOutOfRange, "PROOF_OUT_OF_RANGE", "to", "the log is not that long");
  }
  v1::ProveConsistencyResponse response;
  if (from == to) return response;
  MEDFLYT_ASSIGN_OR_RETURN(const merkle::Proof proof, log.reader().ConsistencyProof(from, to));
  entry::HashesToProto(proof, *response.mutable_hashes());
  return response;
}

template <typename Notes>
void HeadComparison::TakeAll(AuthorityId peer, const Notes& notes) {
  int taken = 0;
  for (const std::string& note : notes) {
    if (++taken > kMaxHeads || note.size() > kMaxCosignNote) return;
    const absl::Status status = Take(note);
    if (status.ok()) continue;
    // Not an accusation: the peer may know keys that we do not know yet.
    context_.parts.logger.Warning("head_not_taken", absl::StrCat("peer=", peer.ToString(), " rule=", RuleOf(status)));
  }
}

absl::Status HeadComparison::Take(const std::string& bytes) {
  MEDFLYT_ASSIGN_OR_RETURN(tlog::SignedNote note, tlog::SignedNote::Parse(bytes));
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::Checkpoint stated, tlog::Checkpoint::Parse(note.text));
  const directory::Directory directory = context_.directory();
  const directory::Authority* owner = directory.OfOrigin(stated.origin());
  if (owner == nullptr || owner->id == context_.parts.self || context_.IsForked(owner->id)) return absl::OkStatus();
  const auto heads = witness_.heads();
  const auto ours = heads.find(stated.origin());
  if (ours == heads.end()) return absl::OkStatus();
  MEDFLYT_RETURN_IF_ERROR(CheckLogKeys(context_, directory, owner->id, stated.origin()).status());
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::VerifierKey key, directory.LogKeyFor(stated.origin(), stated.size()));
  std::erase_if(note.signatures, [&key](const tlog::NoteSignature& each) { return !key.Made(each); });
  MEDFLYT_ASSIGN_OR_RETURN(const auto opened, tlog::OpenCheckpoint(std::move(note), std::span(&key, 1)));
  // What its owner has closed it may have lost, and cannot prove. Two roots of one size need no proof of its own.
  if (owner->logs.back().origin != stated.origin() && opened.checkpoint.size() != ours->second.head.size) {
    return absl::OkStatus();
  }
  CompareHeads(owner->id, {ours->second.head, ours->second.note},
               {{opened.checkpoint.size(), opened.checkpoint.root()}, opened.note.Serialize()});
  return absl::OkStatus();
}

void HeadComparison::CompareWithEvents(AuthorityId owner) {
  const log::PeerState state = context_.parts.log.peer(owner);
  const auto heads = witness_.heads();
  const auto witnessed = heads.find(state.origin);
  const directory::Directory directory = context_.directory();
  const directory::Authority* authority = directory.Find(owner);
  const bool open = authority != nullptr && authority->has_node() && authority->logs.back().origin == state.origin;
  if (witnessed == heads.end() || !open || context_.IsForked(owner)) return;
  for (const log::AcceptedTree* tree : {&state.by_batch, &state.by_receipt}) {
    CompareHeads(owner, {{tree->size, tree->root}, ""}, {witnessed->second.head, witnessed->second.note});
  }
}

void HeadComparison::CompareHeads(AuthorityId owner, const Held& accepted, const Held& presented) {
  // The empty log is a beginning of every other.
  if (accepted.head.size.value() == 0 || presented.head.size.value() == 0) return;
  if (accepted.head.size == presented.head.size) {
    if (accepted.head.root == presented.head.root) return;
    return Keep(owner,
                RuleError(absl::StatusCode::kDataLoss, "LOG_FORKED", "checkpoint",
                          "another root of this size was signed by the log before"),
                accepted, presented);
  }
  const TreeSize from = std::min(accepted.head.size, presented.head.size);
  const TreeSize to = std::max(accepted.head.size, presented.head.size);
  if (!proving_.emplace(owner, from, to).second) return;
  v1::ProveConsistencyRequest request;
  request.set_from(from.value());
  request.set_to(to.value());
  calls_.ProveConsistency(
      owner, std::move(request), schedule_.timeout,
      [this, strand = strand_, owner, accepted, presented](absl::StatusOr<v1::ProveConsistencyResponse> answer) {
        strand->Post([this, owner, accepted, presented, answer = std::move(answer)] {
          OnProof(owner, accepted, presented, answer);
        });
      });
}

void HeadComparison::OnProof(AuthorityId owner, const Held& accepted, const Held& presented,
                             const absl::StatusOr<v1::ProveConsistencyResponse>& answer) {
  const bool grew = accepted.head.size < presented.head.size;
  const entry::AcceptedHead& older = grew ? accepted.head : presented.head;
  const entry::AcceptedHead& newer = grew ? presented.head : accepted.head;
  proving_.erase({owner, older.size, newer.size});
  if (!answer.ok()) {
    if (IsSilence(answer.status())) return;
    return Keep(owner,
                RuleError(absl::StatusCode::kDataLoss, "CONSISTENCY_REFUSED", "checkpoint",
                          "the log does not prove that one head goes on from the other"),
                accepted, presented);
  }
  const auto proof = entry::HashesFromProto(answer->hashes(), "CONSISTENCY_PROOF_INVALID", "hashes");
  const absl::Status consistent =
      proof.ok() ? merkle::VerifyConsistency(older.size, newer.size, older.root, newer.root, *proof) : proof.status();
  if (!consistent.ok()) Keep(owner, consistent, accepted, presented);
}

void HeadComparison::Keep(AuthorityId owner, const absl::Status& status, const Held& accepted, const Held& presented) {
  if (context_.IsForked(owner)) return;
  KeepForkEvidence(context_, owner, status, accepted.head, presented.note, accepted.note);
}

}  // namespace medflyt::exchange
