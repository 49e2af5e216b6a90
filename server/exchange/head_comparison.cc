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

// Nobody said anything about the log: it was not reached, did not answer in time, or was too busy.
bool IsNoAnswer(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

// What its owner has closed it may have lost, and cannot prove.
bool IsOpen(const directory::Directory& directory, AuthorityId owner, std::string_view origin) {
  const directory::Authority* authority = directory.Find(owner);
  return authority != nullptr && authority->has_node() && authority->logs.back().origin == origin;
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
  const Contact contact = contact_();
  FindUnshown(now);
  for (const AuthorityId& peer : PeersIn(context_.directory(), context_.parts.self)) {
    absl::Time& due = due_.try_emplace(peer, now).first->second;
    const bool came = contact.present.contains(peer) && !met_.contains(peer);
    if (!came && now < due) continue;
    due = now + schedule_.repeat;
    CompareOwn(peer);
    AskHeads(peer);
  }
  met_ = contact.present;
  AskAgain(contact, now);
}

void HeadComparison::FindUnshown(absl::Time now) {
  const auto witnessed = witness_.heads();
  std::map<AuthorityId, Unshown> found;
  std::map<AuthorityId, std::string> told;
  for (const AuthorityId& peer : PeersIn(context_.directory(), context_.parts.self)) {
    const log::PeerState state = context_.parts.log.peer(peer);
    const log::AcceptedTree& newest = state.by_batch.size < state.by_receipt.size ? state.by_receipt : state.by_batch;
    const auto shown = witnessed.find(state.origin);
    const TreeSize cosigned = shown == witnessed.end() ? TreeSize(0) : shown->second.head.size;
    Unshown unshown;
    if (const auto before = unshown_.find(peer); before != unshown_.end() && before->second.origin == state.origin) {
      unshown = before->second;
    }
    unshown.origin = state.origin;
    if (unshown.told.head.size <= cosigned) unshown.told = {};
    if (unshown.waiting.head.size <= cosigned) unshown.waiting = {};
    if (unshown.waiting.head.size.value() != 0 && now - unshown.since >= schedule_.unshown) {
      unshown.told = std::exchange(unshown.waiting, {});
    }
    if (unshown.waiting.head.size.value() == 0 && newest.size > std::max(cosigned, unshown.told.head.size)) {
      // Its note now, for an hour later it may be none of the last ones.
      std::string note = AcceptedNote(context_.parts.log.reader().store(), peer, {newest.size, newest.root});
      if (!note.empty()) unshown.waiting = {{newest.size, newest.root}, std::move(note)};
      unshown.since = now;
    }
    if (!unshown.told.note.empty()) told.emplace(peer, unshown.told.note);
    if (!unshown.told.note.empty() || !unshown.waiting.note.empty()) found.emplace(peer, std::move(unshown));
  }
  unshown_ = std::move(found);
  MutexLock lock(mutex_);
  told_ = std::move(told);
}

std::vector<std::string> HeadComparison::HeadsFor(AuthorityId peer) const {
  const directory::Directory directory = context_.directory();
  std::vector<std::string> notes;
  for (const auto& [origin, witnessed] : witness_.heads()) {
    const directory::Authority* owner = directory.OfOrigin(origin);
    if (owner == nullptr || owner->id == peer || owner->id == context_.parts.self) continue;
    if (notes.size() < kMaxHeads) notes.push_back(witnessed.note);
  }
  MutexLock lock(mutex_);
  for (const auto& [owner, note] : told_) {
    if (owner != peer && notes.size() < kMaxHeads) notes.push_back(note);
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
                          due_[peer] = context_.parts.clock.Now() + schedule_.again;
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
  const log::Generations& generations = log.reader().generations();
  const log::Generation* asked = request.origin().empty() ? &generations.open() : generations.Find(request.origin());
  const TreeSize from(request.from());
  const TreeSize to(request.to());
  // A store that went back says nothing of what it lost: neither here nor in the log that follows.
  if (asked == nullptr || (to > asked->last.value_or(log.head()).size && (asked->last || !log.restraint().ok()))) {
    return RuleError(absl::StatusCode::kUnavailable, "PROOF_NOT_KEPT", "to", "the store does not have that much of it");
  }
  if (from.value() == 0 || from > to || to > asked->last.value_or(log.head()).size) {
    return RuleError(absl::StatusCode::kOutOfRange, "PROOF_OUT_OF_RANGE", "to", "the log is not that long");
  }
  v1::ProveConsistencyResponse response;
  if (from == to) return response;
  MEDFLYT_ASSIGN_OR_RETURN(const merkle::Proof proof, log.reader().ConsistencyProof(*asked, from, to));
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
  if (owner == nullptr || owner->id == context_.parts.self || context_.IsForked(owner->id, stated.origin())) {
    return absl::OkStatus();
  }
  const std::vector<Held> held = HeldOf(owner->id, stated.origin());
  if (held.empty()) return absl::OkStatus();
  MEDFLYT_RETURN_IF_ERROR(CheckLogKeys(context_, directory, owner->id, stated.origin()).status());
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::VerifierKey key, directory.LogKeyFor(stated.origin(), stated.size()));
  std::erase_if(note.signatures, [&key](const tlog::NoteSignature& each) { return !key.Made(each); });
  MEDFLYT_ASSIGN_OR_RETURN(const auto opened, tlog::OpenCheckpoint(std::move(note), std::span(&key, 1)));
  const Held presented{{opened.checkpoint.size(), opened.checkpoint.root()}, opened.note.Serialize()};
  // One that is held here as well says nothing new.
  if (std::any_of(held.begin(), held.end(), [&](const Held& each) { return each.head == presented.head; })) {
    return absl::OkStatus();
  }
  const bool open = IsOpen(directory, owner->id, stated.origin());
  for (const Held& accepted : held) {
    // Two roots of one size need no proof of their own.
    if (!open && presented.head.size != accepted.head.size) continue;
    CompareHeads({owner->id, stated.origin(), accepted, presented});
  }
  return absl::OkStatus();
}

std::vector<HeadComparison::Held> HeadComparison::HeldOf(AuthorityId owner, const std::string& origin) const {
  std::vector<Held> held;
  const auto heads = witness_.heads();
  if (const auto witnessed = heads.find(origin); witnessed != heads.end()) {
    held.push_back({witnessed->second.head, witnessed->second.note});
  }
  const log::PeerState state = context_.parts.log.peer(owner);
  for (const log::AcceptedTree* tree : {&state.by_batch, &state.by_receipt}) {
    const entry::AcceptedHead accepted = AcceptedOf(state, origin, *tree);
    const bool known =
        std::any_of(held.begin(), held.end(), [&accepted](const Held& each) { return each.head == accepted; });
    if (accepted.size.value() != 0 && !known) held.push_back({accepted, ""});
  }
  return held;
}

void HeadComparison::CompareOwn(AuthorityId owner) {
  const std::string origin = context_.parts.log.peer(owner).origin;
  if (!IsOpen(context_.directory(), owner, origin) || context_.IsForked(owner, origin)) return;
  const std::vector<Held> held = HeldOf(owner, origin);
  for (size_t later = 1; later < held.size(); ++later) {
    for (size_t i = 0; i < later; ++i) CompareHeads({owner, origin, held[later], held[i]});
  }
}

HeadComparison::PairKey HeadComparison::KeyOf(const Pair& pair) {
  const bool grew = pair.accepted.head.size < pair.presented.head.size;
  const entry::AcceptedHead& older = grew ? pair.accepted.head : pair.presented.head;
  const entry::AcceptedHead& newer = grew ? pair.presented.head : pair.accepted.head;
  return {pair.owner, older.size, older.root, newer.size, newer.root};
}

void HeadComparison::CompareHeads(Pair pair) {
  // The empty log is a beginning of every other.
  if (pair.accepted.head.size.value() == 0 || pair.presented.head.size.value() == 0) return;
  if (pair.accepted.head == pair.presented.head) return;
  const bool one_size = pair.accepted.head.size == pair.presented.head.size;
  if (!one_size && unanswered_.contains(KeyOf(pair))) return;  // it has a time of its own
  for (Held* each : {&pair.accepted, &pair.presented}) {
    if (each->note.empty()) each->note = AcceptedNote(context_.parts.log.reader().store(), pair.owner, each->head);
  }
  if (pair.presented.note.empty()) std::swap(pair.accepted, pair.presented);
  if (pair.presented.note.empty()) return;  // nothing that could be shown to anybody
  if (!one_size) return AskForProof(pair);
  Keep(pair, RuleError(absl::StatusCode::kDataLoss, "LOG_FORKED", "checkpoint",
                       "another root of this size was signed by the log before"));
}

void HeadComparison::AskForProof(const Pair& pair) {
  const PairKey key = KeyOf(pair);
  if (!proving_.insert(key).second) return;
  v1::ProveConsistencyRequest request;
  request.set_from(std::get<1>(key).value());
  request.set_to(std::get<3>(key).value());
  request.set_origin(pair.origin);
  calls_.ProveConsistency(pair.owner, std::move(request), schedule_.timeout,
                          [this, strand = strand_, pair](absl::StatusOr<v1::ProveConsistencyResponse> answer) {
                            strand->Post([this, pair, answer = std::move(answer)] { OnProof(pair, answer); });
                          });
}

void HeadComparison::OnProof(const Pair& pair, const absl::StatusOr<v1::ProveConsistencyResponse>& answer) {
  const PairKey key = KeyOf(pair);
  proving_.erase(key);
  if (!answer.ok() && IsNoAnswer(answer.status())) return OnNoAnswer(pair, answer.status());
  unanswered_.erase(key);
  if (!answer.ok()) {
    return Keep(pair, RuleError(absl::StatusCode::kDataLoss, "CONSISTENCY_REFUSED", "checkpoint",
                                "the log does not prove that one head goes on from the other"));
  }
  const auto& [owner, older, older_root, newer, newer_root] = key;
  const auto proof = entry::HashesFromProto(answer->hashes(), "CONSISTENCY_PROOF_INVALID", "hashes");
  const absl::Status consistent =
      proof.ok() ? merkle::VerifyConsistency(older, newer, older_root, newer_root, *proof) : proof.status();
  if (!consistent.ok()) Keep(pair, consistent);
}

void HeadComparison::OnNoAnswer(const Pair& pair, const absl::Status& why) {
  const PairKey key = KeyOf(pair);
  if (RuleOf(why) == "PROOF_NOT_KEPT") behind_.insert(pair.owner);
  auto found = unanswered_.find(key);
  if (found == unanswered_.end()) {
    context_.parts.logger.Warning(
        "consistency_not_answered",
        absl::StrCat("peer=", pair.owner.ToString(), " rule=", PeersRule(RuleOf(why), "CONSISTENCY_UNANSWERED"),
                     " size=", std::get<1>(key).value(), " later_size=", std::get<3>(key).value()));
    const auto others = std::count_if(unanswered_.begin(), unanswered_.end(),
                                      [&pair](const auto& each) { return each.second.pair.owner == pair.owner; });
    if (static_cast<size_t>(others) >= kMaxUnanswered) return;
    found = unanswered_.emplace(key, Unanswered{pair, context_.parts.clock.Now() + schedule_.again}).first;
  }
  Unanswered& unanswered = found->second;
  unanswered.busy = why.code() == absl::StatusCode::kResourceExhausted;
  if (unanswered.kept || unanswered.present < schedule_.repeat) return;
  unanswered.kept = true;
  Keep(pair, RuleError(absl::StatusCode::kDataLoss, "CONSISTENCY_UNANSWERED", "checkpoint",
                       "for a day the log has not answered whether one head goes on from the other"));
}

void HeadComparison::AskAgain(const Contact& contact, absl::Time now) {
  const directory::Directory directory = context_.directory();
  std::erase_if(unanswered_, [&](const auto& each) {
    const Pair& pair = each.second.pair;
    return !IsOpen(directory, pair.owner, pair.origin) || context_.IsForked(pair.owner, pair.origin);
  });
  // A node that went back waits until every peer has answered, and cosigns meanwhile. One that only says so and goes on
  // exchanging events does not wait.
  std::erase_if(behind_, [&contact](const AuthorityId& owner) { return contact.exchanging.contains(owner); });
  // While our own log is restrained nobody is asked to cosign it: who did so last may be gone.
  const bool known = context_.parts.log.restraint().ok();
  for (auto& [key, unanswered] : unanswered_) {
    const AuthorityId owner = unanswered.pair.owner;
    const bool present = unanswered.busy || contact.present.contains(owner);
    if (known && present && !behind_.contains(owner)) unanswered.present += schedule_.look;
    if (now < unanswered.again) continue;
    // One that is kept is asked for daily, so that it is kept once and not with each comparison.
    unanswered.again = now + (unanswered.kept ? schedule_.repeat : schedule_.again);
    AskForProof(unanswered.pair);
  }
}

void HeadComparison::Keep(const Pair& pair, const absl::Status& status) {
  if (context_.IsForked(pair.owner, pair.origin)) return;
  KeepForkEvidence(context_, pair.owner, status, pair.accepted.head, pair.presented.note, pair.accepted.note);
}

}  // namespace medflyt::exchange
