#include "server/exchange/own_log_check.h"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/merkle/proof.h"
#include "common/tlog/checkpoint.h"
#include "server/exchange/fork_evidence.h"

namespace medflyt::exchange {
namespace {

constexpr int kMaxNotes = 8;

bool IsProof(Standing standing) { return standing == Standing::kBeyond || standing == Standing::kContradicts; }

bool IsSettled(Standing standing) { return standing == Standing::kWithin || standing == Standing::kReleased; }

}  // namespace

std::string_view NameOf(Standing standing) {
  switch (standing) {
    case Standing::kNotAsked:
      return "not-asked";
    case Standing::kSilent:
      return "silent";
    case Standing::kWithin:
      return "within";
    case Standing::kBeyond:
      return "beyond";
    case Standing::kContradicts:
      return "contradicts";
    case Standing::kUnproven:
      return "unproven";
    case Standing::kReleased:
      return "released";
  }
  return "";
}

absl::StatusOr<v1::GetHeldHeadsResponse> AnswerHeldHeads(const Context& context, const Witness& witness,
                                                         AuthorityId peer, const v1::GetHeldHeadsRequest& request) {
  const directory::Directory directory = context.directory();
  const directory::Authority* owner = directory.OfOrigin(request.origin());
  if (owner == nullptr || owner->id != peer) {
    return RuleError(absl::StatusCode::kPermissionDenied, "HELD_ORIGIN_FOREIGN", "origin",
                     "the directory has no such log of this peer");
  }
  v1::GetHeldHeadsResponse response;
  std::set<std::string> notes;
  TreeSize largest;
  const auto heads = witness.heads();
  if (const auto found = heads.find(request.origin()); found != heads.end()) {
    largest = found->second.head.size;
    notes.insert(found->second.note);
  }
  const log::PeerState state = context.parts.log.peer(peer);
  for (const log::AcceptedTree* tree : {&state.by_batch, &state.by_receipt}) {
    const entry::AcceptedHead accepted = AcceptedOf(state, request.origin(), *tree);
    if (accepted.size.value() == 0) continue;
    largest = std::max(largest, accepted.size);
    if (std::string note = AcceptedNote(context.parts.log.reader().store(), peer, accepted); !note.empty()) {
      notes.insert(std::move(note));
    }
  }
  for (const std::string& note : notes) response.add_checkpoints(note);
  response.set_size(largest.value());
  // Numbers go on from one log of the peer's to the next.
  response.set_last_received_number(state.received.value());
  response.set_last_receipted_number(state.receipted.value());
  return response;
}

void OwnLogCheck::Start() {
  strand_->Post([this] { Look(); });
}

std::vector<AuthorityId> OwnLogCheck::Awaited() const {
  const directory::Directory directory = context_.directory();
  if (context_.parts.log.restraint().ok()) return PeersIn(directory, context_.parts.self);
  return PeersOf(context_.parts.log, directory, context_.parts.self);
}

void OwnLogCheck::Look() {
  std::vector<AuthorityId> ask;
  {
    const std::vector<AuthorityId> peers = PeersIn(context_.directory(), context_.parts.self);
    MutexLock lock(mutex_);
    for (const AuthorityId& peer : peers) {
      Known& known = known_[peer];
      if (known.asking || IsSettled(known.said.standing) || IsProof(known.said.standing)) continue;
      known.asking = true;
      ask.push_back(peer);
    }
  }
  for (const AuthorityId& peer : ask) Ask(peer);
  Settle();
  if (!clear_) strand_->PostAt(context_.parts.clock.Now() + schedule_.again, [this] { Look(); });
}

void OwnLogCheck::Ask(AuthorityId peer) {
  v1::GetHeldHeadsRequest request;
  request.set_origin(context_.parts.log.origin());
  calls_.GetHeldHeads(peer, std::move(request), schedule_.timeout,
                      [this, strand = strand_, peer](absl::StatusOr<v1::GetHeldHeadsResponse> answer) {
                        strand->Post([this, peer, answer = std::move(answer)] { OnAnswer(peer, answer); });
                      });
}

void OwnLogCheck::OnAnswer(AuthorityId peer, const absl::StatusOr<v1::GetHeldHeadsResponse>& answer) {
  std::pair<Standing, TreeSize> judged{Standing::kSilent, TreeSize(0)};
  if (answer.ok()) judged = Judge(peer, *answer);
  const auto [standing, size] = judged;
  bool changed = false;
  {
    MutexLock lock(mutex_);
    Known& known = known_[peer];
    known.asking = false;
    // Officers may have released it meanwhile; a proof outlasts even that.
    if (!IsSettled(known.said.standing) || IsProof(standing)) {
      changed = known.said.standing != standing;
      known.said.standing = standing;
      known.said.size = size;
      known.said.last_error = answer.ok() ? "" : PeersRule(RuleOf(answer.status()), "HELD_HEADS_REFUSED");
    }
  }
  if (changed && standing != Standing::kWithin) {
    const std::string details =
        absl::StrCat("peer=", peer.ToString(), " standing=", std::string(NameOf(standing)),
                     " named_size=", size.value(), " size=", context_.parts.log.head().size.value());
    if (standing == Standing::kSilent) {
      context_.parts.logger.Warning("own_log_not_confirmed", details);
    } else {
      context_.parts.logger.Error("own_log_behind_peer", details);
    }
  }
  Settle();
}

std::pair<Standing, TreeSize> OwnLogCheck::Judge(AuthorityId peer, const v1::GetHeldHeadsResponse& answer) const {
  // Whatever the peer holds, it had from us after it was durable here: a log that was not rolled back has all of it.
  TreeSize largest(answer.size());
  for (int i = 0; i < std::min(answer.checkpoints_size(), kMaxNotes); ++i) {
    TreeSize size;
    const Standing standing = JudgeNote(answer.checkpoints(i), size);
    if (IsProof(standing)) return {standing, size};
  }
  const log::PeerState state = context_.parts.log.peer(peer);
  if (largest > context_.parts.log.head().size || PairNumber(answer.last_received_number()) > state.issued ||
      PairNumber(answer.last_receipted_number()) > state.received) {
    return {Standing::kUnproven, largest};
  }
  return {Standing::kWithin, largest};
}

Standing OwnLogCheck::JudgeNote(const std::string& bytes, TreeSize& size) const {
  // What is not signed by our log's key for that size says nothing.
  if (bytes.size() > kMaxCosignNote) return Standing::kUnproven;
  auto note = tlog::SignedNote::Parse(bytes);
  const auto stated = note.ok() ? tlog::Checkpoint::Parse(note->text) : note.status();
  if (!stated.ok() || stated->origin() != context_.parts.log.origin()) return Standing::kUnproven;
  const auto key = context_.directory().LogKeyFor(stated->origin(), stated->size());
  if (!key.ok() || !tlog::OpenCheckpoint(*std::move(note), std::span(&*key, 1)).ok()) return Standing::kUnproven;
  size = stated->size();
  const log::Head head = context_.parts.log.head();
  if (size > head.size) return Standing::kBeyond;
  if (size.value() == 0) return Standing::kWithin;
  if (size == head.size) return stated->root() == head.root ? Standing::kWithin : Standing::kContradicts;
  const auto proof = context_.parts.log.reader().ConsistencyProof(size, head.size);
  if (!proof.ok()) return Standing::kUnproven;  // our store's failure; it proves nothing about the log
  return merkle::VerifyConsistency(size, head.size, stated->root(), head.root, *proof).ok() ? Standing::kWithin
                                                                                            : Standing::kContradicts;
}

void OwnLogCheck::Settle() {
  if (told_) return;
  bool settled = true;
  TreeSize proven = context_.parts.log.handed_over_at();
  std::vector<ReleasedPeer> released;
  {
    const std::vector<AuthorityId> peers = Awaited();
    MutexLock lock(mutex_);
    for (const AuthorityId& peer : peers) {
      const Known& known = known_[peer];
      const PeerKnowledge& said = known.said;
      if (said.standing == Standing::kReleased) {
        released.push_back({peer, known.first_certificate, known.second_certificate});
      }
      settled = settled && IsSettled(said.standing);
      if (IsProof(said.standing)) proven = std::max(proven, said.size);
    }
  }
  if (proven.value() > 0) {
    told_ = true;
    outcome_.behind(proven);
  } else if (settled) {
    told_ = true;
    clear_ = true;
    outcome_.clear(released);
  }
}

absl::StatusOr<bool> OwnLogCheck::Release(AuthorityId peer, const std::string& officer,
                                          const crypto::Hash& certificate) {
  {
    const std::vector<AuthorityId> peers = Awaited();
    if (std::find(peers.begin(), peers.end(), peer) == peers.end()) {
      return RuleError(absl::StatusCode::kNotFound, "PEER_UNKNOWN", "authority",
                       "the directory has no node of this authority, and nothing was exchanged with it");
    }
    MutexLock lock(mutex_);
    Known& known = known_[peer];
    if (IsProof(known.said.standing)) {
      return RuleError(absl::StatusCode::kFailedPrecondition, "OWN_LOG_PROVEN_BEHIND", "authority",
                       "the peer holds a head that this log signed and that the store does not have");
    }
    if (IsSettled(known.said.standing)) return true;
    if (known.said.first_officer.empty()) {
      known.said.first_officer = officer;
      known.first_certificate = certificate;
      return false;
    }
    if (known.said.first_officer == officer || known.first_certificate == certificate) {
      return RuleError(absl::StatusCode::kFailedPrecondition, "TWO_OFFICERS_REQUIRED", "",
                       "the second officer is another person with another client certificate than the first");
    }
    known.said.standing = Standing::kReleased;
    known.second_certificate = certificate;
  }
  context_.parts.logger.Warning("peer_released", absl::StrCat("peer=", peer.ToString()));
  strand_->Post([this] { Settle(); });
  return true;
}

std::vector<PeerKnowledge> OwnLogCheck::status() const {
  std::vector<PeerKnowledge> all;
  const std::vector<AuthorityId> peers = Awaited();
  MutexLock lock(mutex_);
  for (const AuthorityId& peer : peers) {
    const auto found = known_.find(peer);
    all.push_back(found == known_.end() ? PeerKnowledge() : found->second.said);
    all.back().peer = peer;
  }
  return all;
}

bool OwnLogCheck::proven_behind() const {
  if (context_.parts.log.handed_over_at().value() > 0) return true;
  const std::vector<PeerKnowledge> all = status();
  return std::any_of(all.begin(), all.end(), [](const PeerKnowledge& each) { return IsProof(each.standing); });
}

}  // namespace medflyt::exchange
