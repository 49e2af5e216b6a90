#include "server/exchange/own_log_check.h"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/merkle/proof.h"
#include "common/tlog/checkpoint.h"
#include "server/exchange/admitted.h"
#include "server/exchange/kept.h"
#include "server/exchange/kept_receipt.h"
#include "server/log/appender.h"
#include "server/log/submission.h"

namespace medflyt::exchange {
namespace {

constexpr int kMaxNotes = 8;
constexpr std::string_view kProofPrefix = "own-log-proof";

std::string ProofKey(AuthorityId peer) {
  std::string key(kProofPrefix);
  AppendU32(key, peer.number());
  return key;
}

bool IsProof(Standing standing) { return standing == Standing::kBeyond || standing == Standing::kContradicts; }

bool IsSettled(Standing standing) { return standing == Standing::kWithin || standing == Standing::kReleased; }

// What it proves of the log, and the size that it is of.
Standing JudgeNote(const log::Log& log, const directory::Directory& directory, std::string_view bytes, TreeSize& size) {
  // What is not signed by our log's key for that size says nothing.
  if (bytes.size() > kMaxCosignNote) return Standing::kUnproven;
  auto note = tlog::SignedNote::Parse(bytes);
  const auto stated = note.ok() ? tlog::Checkpoint::Parse(note->text) : note.status();
  if (!stated.ok() || stated->origin() != log.origin()) return Standing::kUnproven;
  const auto key = directory.LogKeyFor(stated->origin(), stated->size());
  if (!key.ok() || !tlog::OpenCheckpoint(*std::move(note), std::span(&*key, 1)).ok()) return Standing::kUnproven;
  size = stated->size();
  const log::Head head = log.head();
  if (size > head.size) return Standing::kBeyond;
  if (size.value() == 0) return Standing::kWithin;
  if (size == head.size) return stated->root() == head.root ? Standing::kWithin : Standing::kContradicts;
  const auto proof = log.reader().ConsistencyProof(size, head.size);
  if (!proof.ok()) return Standing::kUnproven;  // our store's failure; it proves nothing about the log
  return merkle::VerifyConsistency(size, head.size, stated->root(), head.root, *proof).ok() ? Standing::kWithin
                                                                                            : Standing::kContradicts;
}

}  // namespace

class OwnLogCheck::ProofSubmission final : public log::Submission {
 public:
  ProofSubmission(OwnLogCheck& check, AuthorityId peer, std::string note)
      : check_(check), strand_(check.strand_), peer_(peer), note_(std::move(note)) {}
  void Apply(log::Appender& appender) override { appender.batch().Put(store::Table::kMeta, ProofKey(peer_), note_); }
  void Committed(const log::Head&) override {
    strand_->Post([&check = check_, peer = peer_] {
      MutexLock lock(check.mutex_);
      check.known_[peer].unkept.clear();
    });
  }
  void Abandoned(const absl::Status&) override {}  // it is tried again
  bool appends() const override { return false; }

 private:
  OwnLogCheck& check_;
  const std::shared_ptr<Strand> strand_;
  const AuthorityId peer_;
  const std::string note_;
};

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

absl::StatusOr<std::vector<OwnLogProof>> ReadOwnLogProofs(const log::Log& log, const directory::Directory& directory) {
  std::vector<OwnLogProof> proofs;
  bool malformed = false;
  MEDFLYT_RETURN_IF_ERROR(
      log.reader().store().Scan(store::Table::kMeta, store::KeyRange::Prefix(kProofPrefix), store::Order::kAscending,
                                [&](std::string_view key, std::string_view note) {
                                  const auto number = ByteReader(key.substr(kProofPrefix.size())).U32();
                                  const auto peer = number ? AuthorityId::FromNumber(*number) : std::nullopt;
                                  malformed = !peer;
                                  if (malformed) return store::Step::kStop;
                                  OwnLogProof proof{*peer, Standing::kUnproven, TreeSize(), std::string(note)};
                                  proof.standing = JudgeNote(log, directory, note, proof.size);
                                  if (IsProof(proof.standing)) proofs.push_back(std::move(proof));
                                  return store::Step::kContinue;
                                }));
  if (malformed) {
    return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", kProofPrefix, "a stored row does not parse");
  }
  return proofs;
}

absl::Status ForgetOwnLogProofs(const store::Reader& store, store::Batch& batch) {
  return store.Scan(store::Table::kMeta, store::KeyRange::Prefix(kProofPrefix), store::Order::kAscending,
                    [&batch](std::string_view key, std::string_view) {
                      batch.Delete(store::Table::kMeta, key);
                      return store::Step::kContinue;
                    });
}

absl::StatusOr<v1::GetHeldHeadsResponse> AnswerHeldHeads(const Context& context, const Witness& witness,
                                                         AuthorityId peer, const v1::GetHeldHeadsRequest& request) {
  const directory::Directory directory = context.directory();
  const directory::Authority* owner = directory.OfOrigin(request.origin());
  if (owner == nullptr || owner->id != peer) {
    return RuleError(absl::StatusCode::kPermissionDenied, "HELD_ORIGIN_FOREIGN", "origin",
                     "the directory has no such log of this peer");
  }
  // What a card says alone, and two officers have not, is not held against who asks.
  const std::string& open = owner->logs.back().origin;
  MEDFLYT_ASSIGN_OR_RETURN(const bool unknown, NeedsAdmission(context, *owner, open));
  if (open != request.origin() && !unknown) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "HELD_ORIGIN_CLOSED", "origin",
                     "the peer has a later log than this: its store is older than its last recovery");
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
    largest = std::max(largest, AcceptedOf(state, request.origin(), *tree).size);
  }
  // What came back in a recovery may have later heads than those that were accepted.
  const store::Reader& store = context.parts.log.reader().store();
  const auto newest = [&](const std::string& note) {
    const auto stated = tlog::StatedCheckpoint(note);
    if (stated.ok() && stated->origin() == request.origin()) {
      largest = std::max(largest, stated->size());
      notes.insert(note);
    }
    return false;
  };
  MEDFLYT_RETURN_IF_ERROR(VisitBatchNotes(store, peer, newest));
  MEDFLYT_RETURN_IF_ERROR(VisitReceiptNotes(store, peer, newest));
  for (const std::string& note : notes) response.add_checkpoints(note);
  response.set_size(largest.value());
  // Numbers go on from one log of the peer's to the next.
  response.set_last_received_number(state.received.value());
  response.set_last_receipted_number(state.receipted.value());
  return response;
}

OwnLogCheck::OwnLogCheck(Context& context, PeerCalls& calls, const OwnLogSchedule& schedule, Outcome outcome,
                         const std::vector<OwnLogProof>& proofs)
    : context_(context),
      calls_(calls),
      schedule_(schedule),
      outcome_(std::move(outcome)),
      strand_(std::make_shared<Strand>(context.parts.scheduler)) {
  MutexLock lock(mutex_);
  for (const OwnLogProof& proof : proofs) {
    known_[proof.peer].said.standing = proof.standing;
    known_[proof.peer].said.size = proof.size;
  }
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
      if (known.asking || known.said.standing == Standing::kWithin || IsProof(known.said.standing)) continue;
      known.asking = true;
      ask.push_back(peer);
    }
  }
  for (const AuthorityId& peer : ask) Ask(peer);
  KeepProofs();
  Settle();
  if (!cleared_ || behind_) strand_->PostAt(context_.parts.clock.Now() + schedule_.again, [this] { Look(); });
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
  OwnLogProof judged{peer, Standing::kSilent, TreeSize(), {}};
  if (answer.ok()) judged = Judge(peer, *answer);
  bool changed = false;
  {
    MutexLock lock(mutex_);
    Known& known = known_[peer];
    known.asking = false;
    // Officers may have released it meanwhile; a proof outlasts even that.
    if (!IsSettled(known.said.standing) || IsProof(judged.standing)) {
      changed = known.said.standing != judged.standing;
      known.said.standing = judged.standing;
      known.said.size = judged.size;
      known.said.last_error = answer.ok() ? "" : PeersRule(RuleOf(answer.status()), "HELD_HEADS_REFUSED");
      if (IsProof(judged.standing)) known.unkept = judged.note;
    }
  }
  if (changed && judged.standing != Standing::kWithin) {
    const std::string details =
        absl::StrCat("peer=", peer.ToString(), " standing=", std::string(NameOf(judged.standing)),
                     " named_size=", judged.size.value(), " size=", context_.parts.log.head().size.value());
    if (judged.standing == Standing::kSilent) {
      context_.parts.logger.Warning("own_log_not_confirmed", details);
    } else {
      context_.parts.logger.Error("own_log_behind_peer", details);
    }
  }
  Settle();
  KeepProofs();  // behind the restraint, which what is under way may overtake
}

void OwnLogCheck::KeepProofs() {
  std::vector<std::pair<AuthorityId, std::string>> unkept;
  {
    MutexLock lock(mutex_);
    for (const auto& [peer, known] : known_) {
      if (!known.unkept.empty()) unkept.emplace_back(peer, known.unkept);
    }
  }
  for (auto& [peer, note] : unkept) {
    // What the queue has no room for is tried again at the next look.
    (void)context_.parts.queue.Submit(std::make_unique<ProofSubmission>(*this, peer, std::move(note)));
  }
}

OwnLogProof OwnLogCheck::Judge(AuthorityId peer, const v1::GetHeldHeadsResponse& answer) const {
  // Whatever the peer holds, it had from us after it was durable here: a log that was not rolled back has all of it.
  const log::Log& log = context_.parts.log;
  const directory::Directory directory = context_.directory();
  OwnLogProof shown{peer, Standing::kWithin, TreeSize(answer.size()), {}};
  for (int i = 0; i < std::min(answer.checkpoints_size(), kMaxNotes); ++i) {
    TreeSize size;
    const Standing standing = JudgeNote(log, directory, answer.checkpoints(i), size);
    if (IsProof(standing)) return {peer, standing, size, answer.checkpoints(i)};
  }
  const log::PeerState state = log.peer(peer);
  if (shown.size > log.head().size || PairNumber(answer.last_received_number()) > state.issued ||
      PairNumber(answer.last_receipted_number()) > state.received) {
    shown.standing = Standing::kUnproven;
  }
  return shown;
}

void OwnLogCheck::Settle() {
  if (behind_) return;
  bool settled = true;
  const log::Log& log = context_.parts.log;
  TreeSize proven = std::max(log.handed_over_at(), TreeSize(log.is_lost() ? 1 : 0));
  std::vector<ReleasedPeer> released;
  {
    const std::vector<AuthorityId> peers = Awaited();
    MutexLock lock(mutex_);
    for (const AuthorityId& peer : peers) {
      const Known& known = known_[peer];
      if (known.said.standing == Standing::kReleased) {
        released.push_back({peer, known.first_certificate, known.second_certificate});
      }
      settled = settled && IsSettled(known.said.standing);
    }
    for (const auto& [peer, known] : known_) {
      if (IsProof(known.said.standing)) proven = std::max(proven, known.said.size);
    }
  }
  if (proven.value() > 0) {
    behind_ = true;
    outcome_.behind(proven);
    if (cleared_) strand_->PostAt(context_.parts.clock.Now() + schedule_.again, [this] { Look(); });
  } else if (settled && !cleared_) {
    cleared_ = true;
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
    // Nobody's release frees the log then; it would only leave the peer out of the recovery, and not say so.
    const bool by_card = context_.parts.log.handed_over_at().value() > 0 || context_.parts.log.is_lost();
    MutexLock lock(mutex_);
    Known& known = known_[peer];
    if (by_card || IsProof(known.said.standing)) {
      return RuleError(absl::StatusCode::kFailedPrecondition, "OWN_LOG_PROVEN_BEHIND", "authority",
                       by_card ? "the own card proves that this log had more than the store does"
                               : "the peer holds a head that this log signed and that the store does not have");
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
  std::map<AuthorityId, PeerKnowledge> all;
  for (const AuthorityId& peer : Awaited()) all[peer].peer = peer;
  {
    MutexLock lock(mutex_);
    for (const auto& [peer, known] : known_) {
      if (!all.contains(peer) && !IsProof(known.said.standing)) continue;
      all[peer] = known.said;
      all[peer].peer = peer;
    }
  }
  std::vector<PeerKnowledge> knowledge;
  for (auto& [peer, each] : all) knowledge.push_back(std::move(each));
  return knowledge;
}

bool OwnLogCheck::proven_behind() const {
  if (context_.parts.log.handed_over_at().value() > 0 || context_.parts.log.is_lost()) return true;
  const std::vector<PeerKnowledge> all = status();
  return std::any_of(all.begin(), all.end(), [](const PeerKnowledge& each) { return IsProof(each.standing); });
}

}  // namespace medflyt::exchange
