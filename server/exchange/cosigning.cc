#include "server/exchange/cosigning.h"

#include <algorithm>
#include <span>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/entry/batch.h"
#include "common/merkle/proof.h"
#include "common/tlog/cosignature.h"
#include "server/exchange/witness.h"
#include "server/log/appender.h"

namespace medflyt::exchange {
namespace {

absl::Status NoCosignature(std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "COSIGNATURE_INVALID", "signatures", message);
}

// The peers that are witnesses, in order of id.
std::vector<AuthorityId> WitnessesIn(const directory::Directory& directory, AuthorityId self) {
  std::vector<AuthorityId> peers;
  for (const directory::Authority& authority : directory.authorities()) {
    if (authority.has_node() && authority.id != self && authority.witness) peers.push_back(authority.id);
  }
  return peers;
}

}  // namespace

class Cosigning::Storing final : public log::Submission {
 public:
  Storing(Cosigning& cosigning, std::map<AuthorityId, PeersCosignature> cosigned, CosignedHead published,
          std::optional<std::pair<std::string, CosignedHead>> closed)
      : cosigning_(cosigning),
        cosigned_(std::move(cosigned)),
        published_(std::move(published)),
        closed_(std::move(closed)) {}
  void Apply(log::Appender& appender) override {
    for (const auto& [peer, cosignature] : cosigned_) {
      appender.batch().Put(store::Table::kMeta, CosignedByKey(peer), EncodeCosignedBy(cosignature));
    }
    if (closed_) {
      appender.batch().Put(store::Table::kMeta, ClosedCosignedKey(closed_->first), EncodeCosigned(closed_->second));
    }
    appender.batch().Put(store::Table::kMeta, kCosignedRow, EncodeCosigned(published_));
  }
  void Committed(const log::Head&) override { cosigning_.OnStored(true, cosigned_, published_); }
  void Abandoned(const absl::Status&) override { cosigning_.OnStored(false, cosigned_, published_); }
  bool urgent() const override { return false; }
  bool appends() const override { return false; }

 private:
  Cosigning& cosigning_;
  const std::map<AuthorityId, PeersCosignature> cosigned_;
  const CosignedHead published_;
  const std::optional<std::pair<std::string, CosignedHead>> closed_;
};

absl::StatusOr<std::unique_ptr<Cosigning>> Cosigning::Create(Context& context, PeerCalls& calls,
                                                             const CosigningSchedule& schedule) {
  auto cosigning = std::unique_ptr<Cosigning>(new Cosigning(context, calls, schedule));
  const log::Log& log = context.parts.log;
  const store::Reader& store = log.reader().store();
  MutexLock lock(cosigning->mutex_);
  MEDFLYT_ASSIGN_OR_RETURN(const auto published, store.Get(store::Table::kMeta, kCosignedRow));
  if (published) {
    MEDFLYT_ASSIGN_OR_RETURN(CosignedHead head, DecodeCosigned(*published, log.origin()));
    if (head.size.value() != 0) cosigning->published_ = std::move(head);
    for (const log::Generation& each : log.reader().generations().all()) {
      if (!each.last) continue;
      MEDFLYT_ASSIGN_OR_RETURN(CosignedHead of_closed, DecodeCosigned(*published, each.origin));
      if (of_closed.size.value() != 0) cosigning->closed_.emplace(each.origin, std::move(of_closed));
    }
  }
  for (const AuthorityId& peer : WitnessesIn(context.directory(), context.parts.self)) {
    MEDFLYT_ASSIGN_OR_RETURN(const auto row, store.Get(store::Table::kMeta, CosignedByKey(peer)));
    if (!row) continue;
    MEDFLYT_ASSIGN_OR_RETURN(PeersCosignature last, DecodeCosignedBy(*row, log.origin()));
    if (last.head.size.value() != 0) cosigning->known_[peer].last = std::move(last);
  }
  return cosigning;
}

void Cosigning::Start() { PlanAt(context_.parts.clock.Now() + schedule_.first); }

void Cosigning::Stop() { strand_->Stop(); }

void Cosigning::PlanAt(absl::Time when) {
  strand_->PostAt(when, [this, when] {
    // By the plan, not by when the last turn ended; turns that were slept through are left out.
    const absl::Time now = context_.parts.clock.Now();
    absl::Time next = when + schedule_.interval;
    if (next <= now) next += schedule_.interval * ((now - next) / schedule_.interval + 1);
    PlanAt(next);
    told_(context_.parts.log.head().size);
    if (!round_) Begin();
  });
}

void Cosigning::Begin() {
  // What is shown now may contradict what the store has lost.
  if (!context_.parts.log.restraint().ok()) return;
  log::Head head = context_.parts.log.head();
  const std::vector<AuthorityId> peers = WitnessesIn(context_.directory(), context_.parts.self);
  auto note = tlog::SignedNote::Parse(head.checkpoint);
  if (head.size.value() == 0 || peers.empty() || !note.ok()) return;
  round_ = Round{head.size, std::move(head.checkpoint), *std::move(note), peers.size(), {}};
  for (const AuthorityId& peer : peers) {
    TreeSize from;
    {
      MutexLock lock(mutex_);
      from = known_[peer].last.head.size;
    }
    Ask(peer, from, false);
  }
}

void Cosigning::Ask(AuthorityId peer, TreeSize from, bool again) {
  v1::CosignRequest request;
  request.set_old_size(from.value());
  request.set_checkpoint(round_->checkpoint);
  if (from.value() != 0 && from < round_->size) {
    const auto proof = context_.parts.log.reader().ConsistencyProof(from, round_->size);
    if (!proof.ok()) return End(peer, proof.status());
    entry::HashesToProto(*proof, *request.mutable_consistency_proof());
  }
  calls_.Cosign(peer, std::move(request), schedule_.timeout,
                [this, strand = strand_, peer, again](absl::StatusOr<v1::CosignResponse> answer) {
                  strand->Post([this, peer, again, answer = std::move(answer)] { OnAnswer(peer, again, answer); });
                });
}

void Cosigning::OnAnswer(AuthorityId peer, bool again, const absl::StatusOr<v1::CosignResponse>& answer) {
  if (!answer.ok()) return End(peer, answer.status());
  switch (answer->answer_case()) {
    case v1::CosignResponse::kSignatures:
      return End(peer, Take(peer, answer->signatures()));
    case v1::CosignResponse::kConflictSize: {
      const TreeSize size(answer->conflict_size());
      if (size > context_.parts.log.head().size) {
        Note(peer, "COSIGNED_BEYOND", size);
        context_.parts.logger.Error("own_log_behind_witness",
                                    absl::StrCat("peer=", peer.ToString(), " cosigned_size=", size.value(),
                                                 " size=", context_.parts.log.head().size.value()));
        break;
      }
      if (again || size > round_->size) {
        return End(peer, RuleError(absl::StatusCode::kFailedPrecondition, "COSIGN_CONFLICT", "conflict_size",
                                   "the peer names one size after another"));
      }
      if (const absl::Status restrained = context_.parts.log.restraint(); !restrained.ok()) {
        return End(peer, restrained);
      }
      return Ask(peer, size, true);
    }
    case v1::CosignResponse::ANSWER_NOT_SET:
      return End(peer, NoCosignature("the answer is empty"));
  }
  if (--round_->waiting == 0) Store();
}

absl::Status Cosigning::Take(AuthorityId peer, const std::string& lines) {
  const directory::Directory directory = context_.directory();
  const directory::Authority* authority = directory.Find(peer);
  if (authority == nullptr || !authority->witness) return NoCosignature("the directory has no witness key of the peer");
  if (lines.size() > kMaxCosignNote) return NoCosignature("more than 16 KiB");
  const auto note = tlog::SignedNote::Parse(absl::StrCat(round_->note.text, "\n", lines));
  if (!note.ok() || note->text != round_->note.text) return NoCosignature("these are no lines of signatures");
  for (const tlog::NoteSignature& signature : note->signatures) {
    const auto at = tlog::VerifyCosignature(*authority->witness, note->text, signature);
    if (!at) continue;
    round_->cosigned.emplace(peer, std::pair(signature, *at));
    return absl::OkStatus();
  }
  return NoCosignature("no line is the peer's cosignature of this checkpoint");
}

void Cosigning::End(AuthorityId peer, const absl::Status& status) {
  if (!status.ok()) {
    const std::string rule = RuleOf(status);
    context_.parts.logger.Warning("not_cosigned", absl::StrCat("peer=", peer.ToString(), " rule=", rule));
    Note(peer, rule, TreeSize(0));
  }
  if (--round_->waiting == 0) Store();
}

void Cosigning::Note(AuthorityId peer, const std::string& rule, TreeSize beyond) {
  MutexLock lock(mutex_);
  Known& known = known_[peer];
  known.last_error = PeersRule(rule, "COSIGN_REFUSED");
  if (beyond.value() != 0) known.beyond = beyond;
}

void Cosigning::Store() {
  if (round_->cosigned.empty()) return round_.reset();
  std::map<AuthorityId, PeersCosignature> cosigned;
  tlog::SignedNote all = round_->note;
  if (const auto earlier = published(); earlier && earlier->size == round_->size) {
    // Of the same head: what others cosigned of it before stays.
    if (auto note = tlog::SignedNote::Parse(earlier->note); note.ok() && note->text == all.text) all = *std::move(note);
  }
  for (const auto& [peer, given] : round_->cosigned) {
    const auto& [signature, at] = given;
    tlog::SignedNote alone = round_->note;
    alone.signatures.push_back(signature);
    cosigned[peer] = {{round_->size, alone.Serialize()}, at};
    const auto same = std::find_if(all.signatures.begin(), all.signatures.end(),
                                   [&signature = signature](const tlog::NoteSignature& each) {
                                     return each.name == signature.name && each.id == signature.id;
                                   });
    if (same != all.signatures.end()) {
      *same = signature;
    } else if (all.signatures.size() < tlog::kMaxNoteSignatures) {
      all.signatures.push_back(signature);
    }
  }
  CosignedHead published{round_->size, all.Serialize()};
  if (const absl::Status submitted = context_.parts.queue.Submit(
          std::make_unique<Storing>(*this, std::move(cosigned), std::move(published), closed_));
      !submitted.ok()) {
    // Next time the peers say how far they are.
    context_.parts.logger.Warning("cosignatures_not_kept", absl::StrCat("rule=", RuleOf(submitted)));
    round_.reset();
  }
}

void Cosigning::OnStored(bool durable, const std::map<AuthorityId, PeersCosignature>& cosigned,
                         const CosignedHead& published) {
  if (durable) {
    MutexLock lock(mutex_);
    for (const auto& [peer, cosignature] : cosigned) known_[peer] = {cosignature, "", TreeSize(0)};
    published_ = published;
  }
  strand_->Post([this, durable] {
    round_.reset();
    if (durable) closed_.reset();
  });
}

std::optional<CosignedHead> Cosigning::published() const {
  MutexLock lock(mutex_);
  return published_;
}

std::vector<CosignerStatus> Cosigning::status() const {
  std::vector<CosignerStatus> statuses;
  const std::vector<AuthorityId> peers = WitnessesIn(context_.directory(), context_.parts.self);
  MutexLock lock(mutex_);
  for (const AuthorityId& peer : peers) {
    const auto found = known_.find(peer);
    if (found == known_.end() || found->second.last.head.size.value() == 0) {
      CosignerStatus& status = statuses.emplace_back();
      status.peer = peer;
      if (found != known_.end()) {
        status.last_error = found->second.last_error;
        status.beyond = found->second.beyond;
      }
      continue;
    }
    const Known& known = found->second;
    statuses.push_back({peer, known.last.head.size, known.last.at, known.last_error, known.beyond});
  }
  return statuses;
}

}  // namespace medflyt::exchange
