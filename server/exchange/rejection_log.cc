#include "server/exchange/rejection_log.h"

#include <limits>

#include "common/wire/ledger.h"
#include "server/log/appender.h"

namespace medflyt::exchange {
namespace {

int64_t MinuteOf(absl::Time time) { return (time - absl::UnixEpoch()) / absl::Minutes(1); }

}  // namespace

struct RejectionLog::Shared {
  Shared(log::SubmissionQueue& queue_in, const Clock& clock_in, Scheduler& scheduler_in)
      : queue(queue_in), clock(clock_in), scheduler(scheduler_in) {}

  log::SubmissionQueue& queue;
  const Clock& clock;
  Scheduler& scheduler;
  Mutex mutex;
  Counts counts MEDFLYT_GUARDED_BY(mutex);
  bool armed MEDFLYT_GUARDED_BY(mutex) = false;
};

class RejectionLog::FlushSubmission final : public log::Submission {
 public:
  FlushSubmission(std::shared_ptr<Shared> shared, Counts counts)
      : shared_(std::move(shared)), counts_(std::move(counts)) {}
  // Turned away by the queue: count again.
  ~FlushSubmission() override {
    if (counts_.empty()) return;
    MutexLock lock(shared_->mutex);
    for (const auto& [what, count] : counts_) shared_->counts[what] += count;
  }

  void Apply(log::Appender& appender) override {
    wire::LedgerCodec codec;
    for (const auto& [what, count] : counts_) {
      const auto& [minute, peer, rule] = what;
      auto record = codec.Encode({appender.now(), wire::RejectionsRecorded{peer, rule, minute, count}});
      if (record.ok()) appender.AppendLedger(*record);
    }
    counts_.clear();
  }
  void Committed(const log::Head&) override {}
  void Abandoned(const absl::Status&) override { counts_.clear(); }
  bool urgent() const override { return false; }

 private:
  const std::shared_ptr<Shared> shared_;
  Counts counts_;
};

RejectionLog::RejectionLog(log::SubmissionQueue& queue, const Clock& clock, Scheduler& scheduler)
    : shared_(std::make_shared<Shared>(queue, clock, scheduler)) {}

void RejectionLog::Record(AuthorityId peer, std::string_view rule) {
  const int64_t minute = MinuteOf(shared_->clock.Now());
  {
    MutexLock lock(shared_->mutex);
    ++shared_->counts[{minute, peer, std::string(rule)}];
    if (shared_->armed) return;
    shared_->armed = true;
  }
  Arm(shared_, minute);
}

void RejectionLog::Flush() { FlushBefore(shared_, std::numeric_limits<int64_t>::max()); }

void RejectionLog::Arm(const std::shared_ptr<Shared>& shared, int64_t minute) {
  shared->scheduler.RunAt(absl::UnixEpoch() + absl::Minutes(minute + 1), [shared] {
    const int64_t now = MinuteOf(shared->clock.Now());
    FlushBefore(shared, now);
    {
      MutexLock lock(shared->mutex);
      shared->armed = !shared->counts.empty();
      if (!shared->armed) return;
    }
    Arm(shared, now);
  });
}

void RejectionLog::FlushBefore(const std::shared_ptr<Shared>& shared, int64_t minute) {
  Counts counts;
  {
    MutexLock lock(shared->mutex);
    const auto end = shared->counts.lower_bound({minute, AuthorityId(), std::string()});
    while (shared->counts.begin() != end) counts.insert(shared->counts.extract(shared->counts.begin()));
  }
  if (counts.empty()) return;
  // What is turned away counts itself again when it is destroyed.
  (void)shared->queue.Submit(std::make_unique<FlushSubmission>(shared, std::move(counts)));
}

}  // namespace medflyt::exchange
