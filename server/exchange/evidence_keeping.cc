#include "server/exchange/evidence_keeping.h"

#include <map>
#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/tlog/checkpoint.h"
#include "server/log/appender.h"

namespace medflyt::exchange {
namespace {

using store::KeyRange;
using store::Table;

constexpr char kPrefix = 'x';
constexpr uint8_t kRowVersion = 3;
constexpr absl::Duration kAgain = absl::Seconds(5);

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

}  // namespace

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

struct EvidenceKeeping::Shared {
  Shared(log::SubmissionQueue& queue_in, const Clock& clock_in, Scheduler& scheduler_in, Logger& logger_in,
         EvidenceRows& rows_in)
      : queue(queue_in), clock(clock_in), scheduler(scheduler_in), logger(logger_in), rows(rows_in) {}

  // A piece of evidence, with its place among the rows once it has one: applied again it stands there again.
  struct Row {
    ForkEvidence evidence;
    std::optional<uint64_t> micros;
  };

  log::SubmissionQueue& queue;
  const Clock& clock;
  Scheduler& scheduler;
  Logger& logger;
  EvidenceRows& rows;
  Mutex mutex;
  std::vector<Row> turned_away MEDFLYT_GUARDED_BY(mutex);
  size_t undurable MEDFLYT_GUARDED_BY(mutex) = 0;  // proofs that were turned away or are under way
  // Proofs of each log, by its owner and origin, since the start.
  std::map<std::pair<AuthorityId, std::string>, size_t> proofs MEDFLYT_GUARDED_BY(mutex);
  bool armed MEDFLYT_GUARDED_BY(mutex) = false;
};

class EvidenceKeeping::EvidenceSubmission final : public log::Submission {
 public:
  EvidenceSubmission(std::shared_ptr<Shared> shared, Shared::Row row)
      : shared_(std::move(shared)), row_(std::move(row)) {}
  // Turned away by the queue, or abandoned: a proof waits for the next try.
  ~EvidenceSubmission() override {
    if (durable_ || !row_.evidence.proven) return;
    MutexLock lock(shared_->mutex);
    shared_->turned_away.push_back(std::move(row_));
  }

  void Apply(log::Appender& appender) override {
    ForkEvidence& evidence = row_.evidence;
    if (!row_.micros) {
      const auto place =
          shared_->rows.Add(evidence.peer, StatedOrigin(evidence.presented_note),
                            static_cast<uint64_t>(absl::ToUnixMicros(evidence.found_at)), evidence.proven);
      if (!place) return;
      row_.micros = place->micros;
      evidence.dropped = place->dropped;
      for (const uint64_t micros : place->gone) {
        appender.batch().Delete(Table::kOutbox, log::PairRowKey(kPrefix, evidence.peer, micros));
      }
    }
    appender.batch().Put(Table::kOutbox, log::PairRowKey(kPrefix, evidence.peer, *row_.micros), Encode(evidence));
  }
  void Committed(const log::Head&) override {
    durable_ = true;
    if (!row_.evidence.proven) return;
    MutexLock lock(shared_->mutex);
    --shared_->undurable;
  }
  void Abandoned(const absl::Status&) override {}
  bool appends() const override { return false; }

 private:
  const std::shared_ptr<Shared> shared_;
  Shared::Row row_;
  bool durable_ = false;
};

EvidenceKeeping::EvidenceKeeping(log::SubmissionQueue& queue, const Clock& clock, Scheduler& scheduler, Logger& logger,
                                 EvidenceRows& rows)
    : shared_(std::make_shared<Shared>(queue, clock, scheduler, logger, rows)) {}

void EvidenceKeeping::Keep(ForkEvidence evidence, std::string_view details) {
  const bool proven = evidence.proven;
  bool arm = false;
  if (proven) {
    MutexLock lock(shared_->mutex);
    if (++shared_->proofs[{evidence.peer, StatedOrigin(evidence.presented_note)}] > kMaxProofs) return;
    ++shared_->undurable;
    arm = !std::exchange(shared_->armed, true);
  }
  if (const absl::Status submitted = shared_->queue.Submit(
          std::make_unique<EvidenceSubmission>(shared_, Shared::Row{std::move(evidence), std::nullopt}));
      !submitted.ok()) {
    shared_->logger.Error(proven ? "fork_evidence_waits" : "fork_evidence_not_kept", details);
  }
  if (arm) Arm(shared_);
}

void EvidenceKeeping::Flush() { SubmitAgain(shared_); }

void EvidenceKeeping::Arm(const std::shared_ptr<Shared>& shared) {
  shared->scheduler.RunAt(shared->clock.Now() + kAgain, [shared] {
    SubmitAgain(shared);
    {
      MutexLock lock(shared->mutex);
      shared->armed = shared->undurable > 0;
      if (!shared->armed) return;
    }
    Arm(shared);
  });
}

void EvidenceKeeping::SubmitAgain(const std::shared_ptr<Shared>& shared) {
  std::vector<Shared::Row> again;
  {
    MutexLock lock(shared->mutex);
    again.swap(shared->turned_away);
  }
  for (Shared::Row& row : again) {
    // What is turned away waits again when it is destroyed.
    (void)shared->queue.Submit(std::make_unique<EvidenceSubmission>(shared, std::move(row)));
  }
}

}  // namespace medflyt::exchange
