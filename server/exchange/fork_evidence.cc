#include "server/exchange/fork_evidence.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/absl_view.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/tlog/checkpoint.h"
#include "server/exchange/kept.h"
#include "server/exchange/kept_receipt.h"
#include "server/log/appender.h"

namespace medflyt::exchange {
namespace {

using store::KeyRange;
using store::Table;

constexpr char kPrefix = 'x';
constexpr uint8_t kRowVersion = 3;
// Rows that may have been stored since a head was found to be the last: a link has no more under way.
constexpr size_t kNotesLookedAt = 16;

absl::Status Malformed() {
  return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "evidence", "a row of evidence does not parse");
}

std::string Encode(const ForkEvidence& evidence) {
  std::string value{static_cast<char>(kRowVersion), static_cast<char>(evidence.proven ? 1 : 0)};
  AppendU64(value, evidence.dropped);
  AppendU64(value, evidence.accepted.size.value());
  value.append(evidence.accepted.root.bytes());
  AppendU32(value, static_cast<uint32_t>(evidence.accepted_note.size()));
  value.append(evidence.accepted_note);
  AppendU32(value, static_cast<uint32_t>(evidence.presented_note.size()));
  value.append(evidence.presented_note);
  AppendU32(value, static_cast<uint32_t>(evidence.leaf_proof.size()));
  value.append(evidence.leaf_proof);
  return value;
}

std::optional<ForkEvidence> Decode(std::string_view key, std::string_view value) {
  ByteReader key_reader(key.substr(1));
  const auto peer_number = key_reader.U32();
  const auto micros = key_reader.U64();
  const auto peer = AuthorityId::FromNumber(peer_number.value_or(0));
  ByteReader reader(value);
  const auto version = reader.U8();
  const auto proven = reader.U8();
  const auto dropped = reader.U64();
  const auto size = reader.U64();
  const auto root = reader.Take(crypto::Hash::kSize);
  if (!micros || !peer || !version || *version != kRowVersion || !proven || !dropped || !size || !root)
    return std::nullopt;
  const auto accepted_length = reader.U32();
  const auto accepted = accepted_length ? reader.Take(*accepted_length) : std::nullopt;
  const auto presented_length = accepted ? reader.U32() : std::nullopt;
  const auto presented = presented_length ? reader.Take(*presented_length) : std::nullopt;
  const auto leaves_length = presented ? reader.U32() : std::nullopt;
  const auto leaves = leaves_length ? reader.Take(*leaves_length) : std::nullopt;
  if (!leaves || !reader.empty()) return std::nullopt;
  return ForkEvidence{*peer,
                      absl::FromUnixMicros(static_cast<int64_t>(*micros)),
                      *proven != 0,
                      *dropped,
                      {TreeSize(*size), *crypto::Hash::FromBytes(*root)},
                      std::string(*accepted),
                      std::string(*presented),
                      std::string(*leaves)};
}

bool IsNoteOf(std::string_view note, const entry::AcceptedHead& head) {
  const auto checkpoint = tlog::StatedCheckpoint(note);
  return checkpoint.ok() && checkpoint->size() == head.size && checkpoint->root() == head.root;
}

class EvidenceSubmission final : public log::Submission {
 public:
  EvidenceSubmission(EvidenceRows& rows, ForkEvidence evidence) : rows_(rows), evidence_(std::move(evidence)) {}
  void Apply(log::Appender& appender) override {
    const auto place = rows_.Add(evidence_.peer, StatedOrigin(evidence_.presented_note),
                                 static_cast<uint64_t>(absl::ToUnixMicros(evidence_.found_at)), evidence_.proven);
    if (!place) return;
    evidence_.dropped = place->dropped;
    for (const uint64_t micros : place->gone) {
      appender.batch().Delete(Table::kOutbox, log::PairRowKey(kPrefix, evidence_.peer, micros));
    }
    appender.batch().Put(Table::kOutbox, log::PairRowKey(kPrefix, evidence_.peer, place->micros), Encode(evidence_));
  }
  void Committed(const log::Head&) override {}
  void Abandoned(const absl::Status&) override {}
  bool appends() const override { return false; }

 private:
  EvidenceRows& rows_;
  ForkEvidence evidence_;
};

void Submit(Context& context, ForkEvidence evidence, std::string_view details) {
  if (const absl::Status submitted =
          context.parts.queue.Submit(std::make_unique<EvidenceSubmission>(context.evidence, std::move(evidence)));
      !submitted.ok()) {
    context.parts.logger.Error("fork_evidence_not_kept", details);
  }
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

absl::Status VisitForkEvidence(const store::Reader& store, absl::FunctionRef<void(const ForkEvidence&)> visit) {
  bool malformed = false;
  MEDFLYT_RETURN_IF_ERROR(store.Scan(Table::kOutbox, KeyRange::Prefix(std::string(1, kPrefix)),
                                     store::Order::kAscending, [&](std::string_view key, std::string_view value) {
                                       const auto evidence = Decode(key, value);
                                       malformed = !evidence;
                                       if (malformed) return store::Step::kStop;
                                       visit(*evidence);
                                       return store::Step::kContinue;
                                     }));
  return malformed ? Malformed() : absl::OkStatus();
}

absl::StatusOr<std::vector<ForkEvidence>> ReadForkEvidence(const store::Reader& store) {
  std::vector<ForkEvidence> found;
  MEDFLYT_RETURN_IF_ERROR(VisitForkEvidence(store, [&found](const ForkEvidence& each) { found.push_back(each); }));
  return found;
}

std::string StatedOrigin(std::string_view note) {
  const auto checkpoint = tlog::StatedCheckpoint(note);
  return checkpoint.ok() ? checkpoint->origin() : std::string();
}

absl::Status RecallForkEvidence(Context& context) {
  absl::Status status;
  const absl::Status visited = VisitForkEvidence(context.parts.log.reader().store(), [&](const ForkEvidence& found) {
    const std::string origin = StatedOrigin(found.presented_note);
    context.evidence.Found(found.peer, origin, static_cast<uint64_t>(absl::ToUnixMicros(found.found_at)), found.proven,
                           found.dropped);
    if (!found.proven) return;
    // A log that must be refused and is not known would be taken.
    if (origin.empty()) status = Malformed();
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
  Submit(context,
         {peer, context.parts.clock.Now(), proven, 0, accepted,
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
  Submit(context,
         {peer,
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
