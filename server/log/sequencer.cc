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
  for (std::thread& thread : threads_) thread = std::thread([this] { Loop(); });
}

Sequencer::~Sequencer() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  work_.NotifyAll();
  company_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
}

absl::Status Sequencer::Submit(std::unique_ptr<Submission> submission) {
  bool lingering = false;
  bool preparing = false;
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
    lingering = lingering_ && urgent_ > 0;
    preparing = preparing_;
  }
  // Who prepares sees to what came meanwhile when it is done.
  if (lingering) company_.NotifyOne();
  if (!preparing) work_.NotifyOne();
  return absl::OkStatus();
}

void Sequencer::Loop() {
  for (;;) {
    std::vector<std::unique_ptr<Submission>> taken = Take();
    if (taken.empty()) return;
    const std::unique_ptr<PreparedCommit> prepared = log_.Prepare(std::move(taken));
    if (!AwaitTurn(*prepared)) return;
    const absl::Status status = log_.Commit(*prepared);
    if (!status.ok()) return Fail(status, *prepared);
    {
      MutexLock lock(mutex_);
      committing_ = false;
    }
    turn_.NotifyOne();
  }
}

std::vector<std::unique_ptr<Submission>> Sequencer::Take() {
  MutexLock lock(mutex_);
  while (failure_.ok() && (preparing_ || (queue_.empty() && !stopping_))) work_.Wait(mutex_);
  if (!failure_.ok() || queue_.empty()) return {};
  preparing_ = true;
  const absl::Time wait_until = absl::Now() + limits_.linger;
  lingering_ = true;
  while (urgent_ == 0 && !stopping_ && failure_.ok()) {
    const absl::Duration left = wait_until - absl::Now();
    if (left <= absl::ZeroDuration()) break;
    company_.WaitFor(mutex_, absl::ToChronoNanoseconds(left));
  }
  lingering_ = false;
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

bool Sequencer::AwaitTurn(PreparedCommit& prepared) {
  absl::Status failure;
  bool more = false;
  {
    MutexLock lock(mutex_);
    while (committing_ && failure_.ok()) turn_.Wait(mutex_);
    failure = failure_;
    if (failure.ok()) {
      committing_ = true;
      preparing_ = false;
      more = !queue_.empty() || stopping_;
    }
  }
  if (more) work_.NotifyOne();
  if (failure.ok()) return true;
  for (const auto& submission : prepared.submissions) submission->Abandoned(failure);
  return false;
}

void Sequencer::Fail(const absl::Status& status, PreparedCommit& failed) {
  on_failure_(status);
  std::deque<std::unique_ptr<Submission>> queued;
  {
    MutexLock lock(mutex_);
    failure_ = status;
    queued.swap(queue_);
  }
  work_.NotifyAll();
  company_.NotifyAll();
  turn_.NotifyAll();
  for (const auto& submission : failed.submissions) submission->Abandoned(status);
  for (const auto& submission : queued) submission->Abandoned(status);
}

}  // namespace medflyt::log
