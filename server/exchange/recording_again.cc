#include "server/exchange/recording_again.h"

#include <utility>

#include "common/base/status.h"
#include "server/exchange/kept.h"

namespace medflyt::exchange {

// What it appends was read beforehand.
class RecordingAgain::Part final : public log::Submission {
 public:
  // `unfinished` as it is when this is recorded; nothing where this is the last part.
  Part(AuthorityId peer, RecordedPart part, std::optional<Repetition> unfinished, Done done)
      : peer_(peer), events_(part.events), unfinished_(unfinished), done_(std::move(done)), part_(std::move(part)) {}

  void Apply(log::Appender& appender) override {
    RecordAgain(peer_, std::move(part_), appender);
    if (unfinished_) {
      StageRepetition(peer_, *unfinished_, appender.batch());
    } else {
      StageRepetitionEnd(peer_, appender.batch());
    }
  }
  void Committed(const log::Head&) override { done_(absl::OkStatus()); }
  void Abandoned(const absl::Status& why) override { done_(why); }
  size_t weight() const override { return events_; }

 private:
  const AuthorityId peer_;
  const size_t events_;
  const std::optional<Repetition> unfinished_;
  const Done done_;
  RecordedPart part_;
};

absl::Status RecordingAgain::Recall() {
  MEDFLYT_ASSIGN_OR_RETURN(unfinished_, FindRepetition(context_.parts.log.reader().store(), peer_));
  return absl::OkStatus();
}

absl::Status RecordingAgain::Plan(PairNumber next) {
  const log::LogReader& reader = context_.parts.log.reader();
  const PairNumber last = context_.parts.log.peer(peer_).received;
  const absl::Status behind = RuleError(absl::StatusCode::kFailedPrecondition, "PEER_BEHIND_RECEIPTS", "hello",
                                        "the issuer held receipts that it says not to have");
  MEDFLYT_RETURN_IF_ERROR(Recall());
  if (unfinished_) {
    // Ended whatever the peer has by now, for what comes next of it stands behind. It began where the receipts ended
    // that the peer said to have.
    return next < unfinished_->first ? behind : absl::OkStatus();
  }
  if (next > last) return absl::OkStatus();
  // The open log proves nothing of a record in a closed one, and only its head is signed.
  const log::Position open = reader.generations().open().begin;
  MEDFLYT_ASSIGN_OR_RETURN(const KeptRow row, FindKept(reader.store(), peer_, next));
  if (row.events[next.value() - row.first.value()].record >= open) return absl::OkStatus();
  // Records stand in the order of numbers, so what was receipted under this log cannot have been before.
  MEDFLYT_ASSIGN_OR_RETURN(const KeptRow newest, FindKept(reader.store(), peer_, last));
  if (newest.events[last.value() - newest.first.value()].record >= open) return behind;
  unfinished_ = {row.first, row.first};
  return absl::OkStatus();
}

void RecordingAgain::Run(Done done) {
  if (running()) return;
  done_ = std::move(done);
  if (!unfinished_) return End(absl::OkStatus());
  if (const absl::Status status = RecordNext(); !status.ok()) End(status);
}

absl::Status RecordingAgain::RecordNext() {
  MEDFLYT_ASSIGN_OR_RETURN(RecordedPart part, ReadRecorded(context_.parts.log.reader(), peer_, unfinished_->next));
  std::optional<Repetition> rest;
  if (part.next <= context_.parts.log.peer(peer_).received) rest = {unfinished_->first, part.next};
  return context_.parts.queue.Submit(std::make_unique<Part>(
      peer_, std::move(part), rest, [weak = weak_from_this(), rest](const absl::Status& recorded) {
        const auto self = weak.lock();
        if (self == nullptr) return;
        self->strand_->Post([weak, rest, recorded] {
          if (const auto still = weak.lock()) still->OnRecorded(rest, recorded);
        });
      }));
}

void RecordingAgain::OnRecorded(const std::optional<Repetition>& unfinished, const absl::Status& recorded) {
  absl::Status status = recorded;
  if (status.ok()) unfinished_ = unfinished;
  if (status.ok() && unfinished_) {
    status = RecordNext();
    if (status.ok()) return;
  }
  End(status);
}

void RecordingAgain::End(const absl::Status& status) {
  const Done done = std::exchange(done_, nullptr);
  done(status);
}

}  // namespace medflyt::exchange
