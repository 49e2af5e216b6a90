#include "server/exchange/witness.h"

#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/merkle/proof.h"
#include "server/exchange/admitted.h"
#include "server/exchange/fork_evidence.h"
#include "server/log/appender.h"

namespace medflyt::exchange {
namespace {

absl::Status Malformed(std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "COSIGN_MALFORMED", field, message);
}

absl::Status Forked() {
  return RuleError(absl::StatusCode::kDataLoss, "LOG_FORKED", "checkpoint",
                   "another root of this size was signed by the log before");
}

}  // namespace

// The head is stored before the cosignature over it exists.
class Witness::Storing final : public log::Submission {
 public:
  Storing(Witness& witness, AuthorityId peer, Checked checked, Answer answer)
      : witness_(witness), peer_(peer), checked_(std::move(checked)), answer_(std::move(answer)) {}

  void Apply(log::Appender& appender) override {
    checked_.head.at = appender.now();
    appender.batch().Put(store::Table::kMeta, WitnessedKey(checked_.checkpoint.origin()),
                         EncodeWitnessed(checked_.head));
    witness_.context_.log_keys.StageCosigned(checked_.believed, appender.batch());
  }
  void Committed(const log::Head&) override {
    witness_.Stored(peer_, checked_);
    answer_(witness_.Sign(checked_, checked_.head.at));
  }
  // Whether it was stored may not be known: until the store is read anew, nothing more of this peer is cosigned.
  void Abandoned(const absl::Status& why) override { answer_(why); }
  bool appends() const override { return false; }

 private:
  Witness& witness_;
  const AuthorityId peer_;
  Checked checked_;
  const Answer answer_;
};

absl::StatusOr<std::unique_ptr<Witness>> Witness::Create(Context& context, tlog::Cosigner cosigner) {
  auto witness = std::unique_ptr<Witness>(new Witness(context, std::move(cosigner)));
  absl::Status malformed;
  std::map<std::string, WitnessedHead> last;
  MEDFLYT_RETURN_IF_ERROR(context.parts.log.reader().store().Scan(
      store::Table::kMeta, store::KeyRange::Prefix(kWitnessedPrefix), store::Order::kAscending,
      [&](std::string_view key, std::string_view value) {
        auto head = DecodeWitnessed(value);
        if (!head.ok()) {
          malformed = head.status();
          return store::Step::kStop;
        }
        last.emplace(key.substr(kWitnessedPrefix.size()), *std::move(head));
        return store::Step::kContinue;
      }));
  MEDFLYT_RETURN_IF_ERROR(malformed);
  MutexLock lock(witness->mutex_);
  witness->last_ = std::move(last);
  return witness;
}

void Witness::Cosign(AuthorityId peer, const v1::CosignRequest& request, const Answer& answer) {
  {
    MutexLock lock(mutex_);
    if (!busy_.insert(peer).second) {
      return answer(RuleError(absl::StatusCode::kResourceExhausted, "COSIGN_BUSY", "",
                              "a request of this peer is under way; ask again when it is answered"));
    }
  }
  TreeSize conflict;
  auto checked = Check(peer, request, conflict);
  if (checked.ok() && *checked) {
    const absl::Status submitted =
        context_.parts.queue.Submit(std::make_unique<Storing>(*this, peer, **std::move(checked), answer));
    if (submitted.ok()) return;
    Release(peer);
    return answer(submitted);
  }
  Release(peer);
  if (!checked.ok()) {
    Refused(peer, checked.status());
    return answer(checked.status());
  }
  v1::CosignResponse response;
  response.set_conflict_size(conflict.value());
  answer(std::move(response));
}

absl::StatusOr<std::optional<Witness::Checked>> Witness::Check(AuthorityId peer, const v1::CosignRequest& request,
                                                               TreeSize& conflict) {
  if (request.checkpoint().size() > kMaxCosignNote) return Malformed("checkpoint", "more than 16 KiB");
  if (request.consistency_proof_size() > kMaxCosignProof) return Malformed("consistency_proof", "more than 64 hashes");
  MEDFLYT_ASSIGN_OR_RETURN(
      const std::vector<crypto::Hash> proof,
      entry::HashesFromProto(request.consistency_proof(), "COSIGN_MALFORMED", "consistency_proof"));
  MEDFLYT_ASSIGN_OR_RETURN(tlog::SignedNote note, tlog::SignedNote::Parse(request.checkpoint()));
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::Checkpoint stated, tlog::Checkpoint::Parse(note.text));
  const directory::Directory directory = context_.directory();
  const directory::Authority* owner = directory.OfOrigin(stated.origin());
  if (owner == nullptr || owner->id != peer) {
    return RuleError(absl::StatusCode::kPermissionDenied, "COSIGN_ORIGIN_FOREIGN", "checkpoint",
                     "the directory has no such log of this peer");
  }
  if (context_.IsForked(peer, stated.origin())) return Forked();
  MEDFLYT_ASSIGN_OR_RETURN(Believed believed, CheckLogKeys(context_, directory, peer, stated.origin()));
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::VerifierKey key, directory.LogKeyFor(stated.origin(), stated.size()));
  // Others' signatures are not looked at, and not kept.
  std::erase_if(note.signatures, [&key](const tlog::NoteSignature& each) { return !key.Made(each); });
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::OpenedCheckpoint opened,
                           tlog::OpenCheckpoint(std::move(note), std::span(&key, 1)));
  const tlog::Checkpoint& checkpoint = opened.checkpoint;
  const std::string kept = opened.note.Serialize();

  const WitnessedHead last = LastOf(checkpoint.origin());
  if (last.head.size.value() != 0 && checkpoint.size() == last.head.size && checkpoint.root() != last.head.root) {
    KeepForkEvidence(context_, peer, Forked(), last.head, kept, last.note);
    return Forked();
  }
  MEDFLYT_RETURN_IF_ERROR(CheckAgainstEvents(peer, checkpoint, kept));
  const TreeSize old_size(request.old_size());
  if (old_size > checkpoint.size()) {
    return RuleError(absl::StatusCode::kInvalidArgument, "COSIGN_OLD_SIZE_BEYOND", "old_size",
                     "the old size is larger than the checkpoint's");
  }
  if (old_size != last.head.size) {
    conflict = last.head.size;
    return std::optional<Checked>();
  }
  if (old_size.value() == 0) {
    if (!proof.empty()) return Malformed("consistency_proof", "nothing is to be proven at first contact");
  } else if (const absl::Status consistent =
                 merkle::VerifyConsistency(old_size, checkpoint.size(), last.head.root, checkpoint.root(), proof);
             !consistent.ok()) {
    KeepForkEvidence(context_, peer, consistent, last.head, kept, last.note);
    return consistent;
  }
  return Checked{checkpoint, {{checkpoint.size(), checkpoint.root()}, absl::InfinitePast(), kept}, std::move(believed)};
}

// The heads that came with this peer's batches and receipts are heads of the same log.
absl::Status Witness::CheckAgainstEvents(AuthorityId peer, const tlog::Checkpoint& checkpoint,
                                         const std::string& note) {
  const log::PeerState state = context_.parts.log.peer(peer);
  for (const log::AcceptedTree* tree : {&state.by_batch, &state.by_receipt}) {
    const entry::AcceptedHead accepted = AcceptedOf(state, checkpoint.origin(), *tree);
    if (accepted.size.value() == 0 || accepted.size != checkpoint.size() || accepted.root == checkpoint.root())
      continue;
    KeepForkEvidence(context_, peer, Forked(), accepted, note);
    return Forked();
  }
  return absl::OkStatus();
}

WitnessedHead Witness::LastOf(const std::string& origin) const {
  MutexLock lock(mutex_);
  const auto found = last_.find(origin);
  return found == last_.end() ? WitnessedHead() : found->second;
}

void Witness::Refused(AuthorityId peer, const absl::Status& why) {
  const std::string rule = RuleOf(why);
  context_.parts.logger.Warning("cosigning_refused", absl::StrCat("peer=", peer.ToString(), " rule=", rule));
  if (!IsOwn(why)) context_.rejections.Record(peer, rule);
}

absl::StatusOr<v1::CosignResponse> Witness::Sign(const Checked& checked, absl::Time at) const {
  MEDFLYT_ASSIGN_OR_RETURN(tlog::NoteSignature signature, cosigner_.Cosign(checked.checkpoint, at));
  const tlog::SignedNote note{checked.checkpoint.Format(), {std::move(signature)}};
  v1::CosignResponse response;
  // The lines alone: what follows the text and its blank line.
  response.set_signatures(note.Serialize().substr(note.text.size() + 1));
  return response;
}

void Witness::Stored(AuthorityId peer, const Checked& checked) {
  MutexLock lock(mutex_);
  last_[checked.checkpoint.origin()] = checked.head;
  busy_.erase(peer);
}

void Witness::Release(AuthorityId peer) {
  MutexLock lock(mutex_);
  busy_.erase(peer);
}

std::map<std::string, WitnessedHead> Witness::heads() const {
  MutexLock lock(mutex_);
  return last_;
}

}  // namespace medflyt::exchange
