#include "server/log/sequencer.h"

#include <utility>

#include "absl/time/clock.h"

#include "common/base/status.h"

namespace medflyt::log {
namespace {

absl::Status Stopping() {
  return RuleError(absl::StatusCode::kUnavailable, "NODE_STOPPING", "", "the node is stopping");
}

}  // namespace

Sequencer::Sequencer(Log& log, const Limits& limits, FailureHandler on_failure)
    : log_(log), limits_(limits), on_failure_(std::move(on_failure)) {
  preparer_ = std::thread([this] { PrepareLoop(); });
  committer_ = std::thread([this] { CommitLoop(); });
}

Sequencer::~Sequencer() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  work_.NotifyAll();
  prepared_changed_.NotifyAll();
  preparer_.join();
  committer_.join();
}

absl::Status Sequencer::Submit(std::unique_ptr<Submission> submission) {
  {
    MutexLock lock(mutex_);
    if (stopping_) return Stopping();
    if (!failure_.ok()) return failure_;
    const size_t weight = submission->weight();
    if (!queue_.empty() && queued_ + weight > limits_.queue) {
      return RuleError(absl::StatusCode::kResourceExhausted, "QUEUE_FULL", "", "too many requests wait; try again");
    }
    queued_ += weight;
    if (submission->urgent()) ++urgent_;
    queue_.push_back(std::move(submission));
  }
  work_.NotifyOne();
  return absl::OkStatus();
}

void Sequencer::PrepareLoop() {
  for (;;) {
    std::vector<std::unique_ptr<Submission>> taken;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_) work_.Wait(mutex_);
      const absl::Time wait_until = absl::Now() + limits_.linger;
      while (urgent_ == 0 && !stopping_) {
        const absl::Duration left = wait_until - absl::Now();
        if (left <= absl::ZeroDuration()) break;
        work_.WaitFor(mutex_, absl::ToChronoNanoseconds(left));
      }
      // One commit is prepared ahead of the one that is being synced, no more: what arrives meanwhile shares the next.
      while (!prepared_.empty() && failure_.ok()) prepared_changed_.Wait(mutex_);
      if (!failure_.ok() || (queue_.empty() && stopping_)) break;
      taken = TakeLocked();
    }
    auto prepared = log_.Prepare(std::move(taken));
    {
      MutexLock lock(mutex_);
      prepared_.push_back(std::move(prepared));
    }
    prepared_changed_.NotifyAll();
  }
  MutexLock lock(mutex_);
  for (auto& submission : queue_) submission->Abandoned(failure_.ok() ? Stopping() : failure_);
  queue_.clear();
  // After a failure nobody takes what was prepared meanwhile.
  if (!failure_.ok()) AbandonPrepared();
  preparer_done_ = true;
  prepared_changed_.NotifyAll();
}

std::vector<std::unique_ptr<Submission>> Sequencer::TakeLocked() {
  std::vector<std::unique_ptr<Submission>> taken;
  size_t weight = 0;
  while (!queue_.empty()) {
    const size_t next = queue_.front()->weight();
    if (!taken.empty() && weight + next > limits_.per_commit) break;
    weight += next;
    queued_ -= next;
    if (queue_.front()->urgent()) --urgent_;
    taken.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return taken;
}

void Sequencer::CommitLoop() {
  for (;;) {
    std::unique_ptr<PreparedCommit> prepared;
    {
      MutexLock lock(mutex_);
      while (prepared_.empty() && !preparer_done_) prepared_changed_.Wait(mutex_);
      if (prepared_.empty()) return;
      prepared = std::move(prepared_.front());
      prepared_.pop_front();
    }
    prepared_changed_.NotifyAll();
    const absl::Status status = log_.Commit(*prepared);
    if (status.ok()) continue;
    on_failure_(status);
    {
      MutexLock lock(mutex_);
      failure_ = status;
      prepared_.push_front(std::move(prepared));
      AbandonPrepared();
    }
    work_.NotifyAll();
    prepared_changed_.NotifyAll();
    return;
  }
}

void Sequencer::AbandonPrepared() {
  for (const auto& prepared : prepared_) {
    for (const auto& submission : prepared->submissions) submission->Abandoned(failure_);
  }
  prepared_.clear();
}

}  // namespace medflyt::log
