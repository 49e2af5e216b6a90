#include "server/exchange/cosigned_proof.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/status.h"
#include "common/crypto/hash.h"
#include "common/merkle/proof.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/cosignature.h"
#include "common/tlog/tlog_proof.h"
#include "server/exchange/admitted.h"
#include "server/exchange/fork_evidence.h"
#include "server/exchange/hello.h"
#include "server/exchange/kept.h"
#include "server/exchange/own_events.h"
#include "server/exchange/witness.h"

namespace medflyt::exchange {
namespace {

// How long an issuer has to answer for its own event, while a client waits.
constexpr absl::Duration kIssuerTimeout = absl::Seconds(3);

absl::Status OtherRoot() {
  return RuleError(absl::StatusCode::kDataLoss, "LOG_FORKED", "checkpoint",
                   "another root of this size was signed by the log before");
}

TreeSize SizeOf(const log::Log& log, const log::Generation& generation) {
  return generation.last ? generation.last->size : log.head().size;
}

// Whether this place of our logs holds an event that was issued to the peer. Numbers are in the order of places, those
// of events that came back or were issued again, too.
absl::StatusOr<bool> IsSentTo(const log::Log& log, AuthorityId peer, log::Position at, const crypto::Hash& leaf_hash) {
  uint64_t low = 1;
  uint64_t high = log.peer(peer).issued.value() + 1;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    MEDFLYT_ASSIGN_OR_RETURN(const auto events, log.reader().OutboundFrom(peer, PairNumber(middle), 1));
    if (!events.empty() && events.front().position == at) {
      // Of one that came back the place holds the record, which is ours alone.
      return !CameBack(events.front()) && merkle::LeafHash(events.front().entry.bytes) == leaf_hash;
    }
    if (!events.empty() && events.front().position < at) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return false;
}

// The lines of the note that are cosignatures of the directory's witnesses, none of them false; one at least is of
// another than the log's owner.
absl::StatusOr<std::vector<tlog::NoteSignature>> CosignaturesOf(const directory::Directory& directory,
                                                                AuthorityId owner, const tlog::SignedNote& note) {
  std::vector<tlog::NoteSignature> verified;
  bool cosigned = false;
  for (const directory::Authority& authority : directory.authorities()) {
    if (!authority.witness) continue;
    for (const tlog::NoteSignature& signature : note.signatures) {
      if (!authority.witness->Made(signature)) continue;
      if (!tlog::VerifyCosignature(*authority.witness, note.text, signature)) {
        return RuleError(absl::StatusCode::kInvalidArgument, "COSIGNATURE_INVALID", "checkpoint",
                         "a line that names a witness is not its cosignature");
      }
      verified.push_back(signature);
      cosigned = cosigned || authority.id != owner;
    }
  }
  if (cosigned) return verified;
  return RuleError(absl::StatusCode::kInvalidArgument, "COSIGNATURE_INVALID", "checkpoint",
                   "no witness of the directory has cosigned it");
}

}  // namespace

absl::StatusOr<std::optional<CosignedHead>> NewestCosigned(const log::Log& log, const log::Generation& generation) {
  return NewestCosigned(log.reader().store(), generation, SizeOf(log, generation));
}

absl::StatusOr<std::optional<CosignedHead>> NewestCosigned(const store::Reader& store,
                                                           const log::Generation& generation, TreeSize size) {
  // Until the next log is cosigned the newest row is still the closed one's.
  for (const std::string& key : {std::string(kCosignedRow), ClosedCosignedKey(generation.origin)}) {
    MEDFLYT_ASSIGN_OR_RETURN(const auto row, store.Get(store::Table::kMeta, key));
    if (!row) continue;
    MEDFLYT_ASSIGN_OR_RETURN(CosignedHead head, DecodeCosigned(*row, generation.origin));
    if (head.size.value() == 0 || head.size > size) continue;
    return std::optional<CosignedHead>(std::move(head));
  }
  return std::optional<CosignedHead>();
}

namespace {

absl::StatusOr<v1::ProveInclusionResponse> MakeAnswer(Context& context, AuthorityId peer,
                                                      const v1::ProveInclusionRequest& request) {
  const log::Log& log = context.parts.log;
  const log::Generation* generation = log.reader().generations().Find(request.origin());
  const auto leaf_hash = crypto::Hash::FromBytes(request.leaf_hash());
  const LeafIndex index(request.index());
  bool sent = false;
  if (generation != nullptr && leaf_hash && index.value() < SizeOf(log, *generation).value()) {
    MEDFLYT_ASSIGN_OR_RETURN(sent, IsSentTo(log, peer, generation->At(index), *leaf_hash));
  }
  if (!sent) {
    // Of a log that was closed an honest peer may hold what this store has lost.
    if (generation == nullptr || !generation->last) context.rejections.Record(peer, "PROOF_LEAF_FOREIGN");
    return RuleError(absl::StatusCode::kPermissionDenied, "PROOF_LEAF_FOREIGN", "index",
                     "this is no event that was sent to who asks");
  }
  MEDFLYT_ASSIGN_OR_RETURN(const auto cosigned, NewestCosigned(log, *generation));
  if (!cosigned || index.value() >= cosigned->size.value()) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "NOT_COSIGNED", "index",
                     "no head that holds it is cosigned yet");
  }
  const TreeSize known(request.known_size());
  if (known > SizeOf(log, *generation)) {
    return RuleError(absl::StatusCode::kOutOfRange, "PROOF_OUT_OF_RANGE", "known_size", "the log is not that long");
  }
  v1::ProveInclusionResponse response;
  response.set_checkpoint(cosigned->note);
  MEDFLYT_ASSIGN_OR_RETURN(const merkle::Proof path, log.reader().InclusionProof(*generation, index, cosigned->size));
  entry::HashesToProto(path, *response.mutable_hashes());
  if (known.value() != 0 && known != cosigned->size) {
    MEDFLYT_ASSIGN_OR_RETURN(
        const merkle::Proof consistency,
        log.reader().ConsistencyProof(*generation, std::min(known, cosigned->size), std::max(known, cosigned->size)));
    entry::HashesToProto(consistency, *response.mutable_consistency_proof());
  }
  return response;
}

}  // namespace

absl::StatusOr<v1::ProveInclusionResponse> AnswerInclusion(Context& context, AuthorityId peer,
                                                           const v1::ProveInclusionRequest& request) {
  const std::shared_ptr<void> turn = context.BeginProof(peer);
  if (turn == nullptr) {
    return RuleError(absl::StatusCode::kResourceExhausted, "PROOF_BUSY", "",
                     "a question of this peer is under way; ask again when it is answered");
  }
  return MakeAnswer(context, peer, request);
}

absl::StatusOr<InclusionQuestion> AskInclusion(const Context& context, const log::EventLocation& event) {
  const log::Log& log = context.parts.log;
  MEDFLYT_ASSIGN_OR_RETURN(const ReceivedEntry received, FindReceived(log.reader().store(), event));
  if (context.IsForked(event.issuer, received.origin)) {
    return RuleError(absl::StatusCode::kDataLoss, "LOG_FORKED", "", "the issuer's log is proven to have forked");
  }
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::TlogProof came_with, tlog::TlogProof::Parse(received.tlog_proof));
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::Checkpoint checkpoint, tlog::Checkpoint::Parse(came_with.checkpoint.text));
  InclusionQuestion question;
  question.issuer = event.issuer;
  question.batch = {{checkpoint.size(), checkpoint.root()}, came_with.checkpoint.Serialize()};
  question.known = question.batch;
  const log::PeerState state = log.peer(event.issuer);
  for (const log::AcceptedTree* tree : {&state.by_batch, &state.by_receipt}) {
    const entry::AcceptedHead accepted = AcceptedOf(state, received.origin, *tree);
    if (accepted.size <= question.known.head.size) continue;
    // With its note: by the time of the answer another head may be the one that is kept last.
    question.known = {accepted, AcceptedNote(log.reader().store(), event.issuer, accepted)};
  }
  question.request.set_origin(received.origin);
  question.request.set_index(received.index.value());
  question.request.set_leaf_hash(std::string(received.leaf_hash.bytes()));
  question.request.set_known_size(question.known.head.size.value());
  return question;
}

absl::StatusOr<std::string> JudgeInclusion(Context& context, const InclusionQuestion& question,
                                           const v1::ProveInclusionResponse& answer) {
  const auto leaf_hash = crypto::Hash::FromBytes(question.request.leaf_hash());
  if (!leaf_hash) {
    return RuleError(absl::StatusCode::kInvalidArgument, "ANSWER_MALFORMED", "leaf_hash",
                     "what was asked about is no hash of 32 bytes");
  }
  if (answer.checkpoint().size() > kMaxCosignNote) {
    return RuleError(absl::StatusCode::kInvalidArgument, "ANSWER_MALFORMED", "checkpoint", "more than 16 KiB");
  }
  const directory::Directory directory = context.directory();
  // Under a key that a false card names, what it signs would be taken for a fork of the peer's.
  MEDFLYT_RETURN_IF_ERROR(CheckLogKeys(context, directory, question.issuer, question.request.origin()).status());
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::VerifierKey key,
                           KeyForNote(answer.checkpoint(), question.request.origin(), directory));
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::OpenedCheckpoint opened,
                           tlog::OpenCheckpoint(answer.checkpoint(), std::span(&key, 1)));
  const entry::AcceptedHead head{opened.checkpoint.size(), opened.checkpoint.root()};
  tlog::SignedNote by_log = opened.note;
  std::erase_if(by_log.signatures, [&key](const tlog::NoteSignature& each) { return !key.Made(each); });
  for (const InclusionQuestion::Held* held : {&question.known, &question.batch}) {
    if (held->head.size != head.size || held->head.root == head.root) continue;
    KeepForkEvidence(context, question.issuer, OtherRoot(), held->head, by_log.Serialize(), held->note);
    return OtherRoot();
  }

  MEDFLYT_ASSIGN_OR_RETURN(merkle::Proof path,
                           entry::HashesFromProto(answer.hashes(), "INCLUSION_PROOF_INVALID", "hashes"));
  MEDFLYT_ASSIGN_OR_RETURN(const auto cosignatures, CosignaturesOf(directory, question.issuer, opened.note));
  // What the proof is handed on with is verified, line by line: of any other the issuer alone knows what it says.
  tlog::SignedNote note = by_log;
  note.signatures.insert(note.signatures.end(), cosignatures.begin(), cosignatures.end());
  const tlog::TlogProof proof{{}, LeafIndex(question.request.index()), std::move(path), std::move(note)};
  MEDFLYT_RETURN_IF_ERROR(tlog::VerifyTlogProof(proof, *leaf_hash, std::span(&key, 1)).status());

  const entry::AcceptedHead& known = question.known.head;
  if (known.size != head.size) {
    const entry::AcceptedHead& older = known.size < head.size ? known : head;
    const entry::AcceptedHead& newer = known.size < head.size ? head : known;
    const auto hashes =
        entry::HashesFromProto(answer.consistency_proof(), "CONSISTENCY_PROOF_INVALID", "consistency_proof");
    const absl::Status consistent =
        hashes.ok() ? merkle::VerifyConsistency(older.size, newer.size, older.root, newer.root, *hashes)
                    : hashes.status();
    if (!consistent.ok()) {
      KeepForkEvidence(context, question.issuer, consistent, known, by_log.Serialize(), question.known.note);
      return consistent;
    }
  }
  return proof.Serialize();
}

void IssuerProofs::Ask(const InclusionQuestion& question, const Done& done) const {
  const auto none = [this, issuer = question.issuer, done](const absl::Status& why) {
    Answer answer{"", PeersRule(RuleOf(why), "INCLUSION_REFUSED")};
    context_.parts.logger.Warning("inclusion_not_proven",
                                  absl::StrCat("peer=", issuer.ToString(), " rule=", answer.rule));
    done(std::move(answer));
  };
  const auto judge = [this, question, done, none](const absl::StatusOr<v1::ProveInclusionResponse>& said) {
    if (!said.ok()) return none(said.status());
    auto proof = JudgeInclusion(context_, question, *said);
    if (!proof.ok()) return none(proof.status());
    done({*std::move(proof), ""});
  };
  const absl::Status queued = run_([this, question, judge, none] {
    calls_.ProveInclusion(question.issuer, question.request, kIssuerTimeout,
                          [this, judge, none](const absl::StatusOr<v1::ProveInclusionResponse>& said) {
                            const absl::Status judged = run_([judge, said] { judge(said); });
                            if (!judged.ok()) none(judged);
                          });
  });
  if (!queued.ok()) none(queued);
}

}  // namespace medflyt::exchange
