// The queue in front of the log and the two threads behind it.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/log.h"
#include "common/base/mutex.h"
#include "server/log/log.h"
#include "server/log/submission.h"

namespace medflyt::log {

// Takes submissions from any thread; nodes in simulation have their own.
class SubmissionQueue {
 public:
  virtual ~SubmissionQueue() = default;
  // Never blocks. RESOURCE_EXHAUSTED (QUEUE_FULL) or UNAVAILABLE (NODE_STOPPING): `submission` is then destroyed
  // without a call.
  [[nodiscard]] virtual absl::Status Submit(std::unique_ptr<Submission> submission) = 0;
};

// Group commit: while one batch is synced, the next is prepared, no more: what arrives meanwhile shares the one after.
// Two threads take turns, and each commits what it has prepared, so that what comes alone is handed to nobody. At most
// one prepares and at most one commits at any time, in the same order. Thread-safe.
class Sequencer final : public SubmissionQueue {
 public:
  struct Limits {
    size_t queue = 65536;                            // weight of what waits; more is turned away
    size_t per_commit = 4096;                        // weight prepared at once; one that is heavier is alone
    absl::Duration linger = absl::Milliseconds(50);  // how long one that is not urgent waits for company
  };
  // Called once, by who commits, when a commit failed: the process must exit. Nobody was answered before;
  // where it returns, who waited is told that it was abandoned (UNKNOWN), never OK.
  using FailureHandler = std::function<void(const absl::Status&)>;

  Sequencer(Log& log, const Limits& limits, FailureHandler on_failure);
  // Commits what is queued, then stops.
  ~Sequencer() override;

  [[nodiscard]] absl::Status Submit(std::unique_ptr<Submission> submission) override;

 private:
  void Loop();
  // Takes the role of who prepares, and what is queued; nothing where there is nothing more to do.
  [[nodiscard]] std::vector<std::unique_ptr<Submission>> Take();
  // Takes the role of who commits and gives the other one away. False after a failure: nothing may be committed.
  [[nodiscard]] bool AwaitTurn(PreparedCommit& prepared);
  void Fail(const absl::Status& status, PreparedCommit& failed);

  Log& log_;
  const Limits limits_;
  const FailureHandler on_failure_;

  Mutex mutex_;
  CondVar work_;     // for a thread without a role
  CondVar company_;  // for who prepares, while all that waits is not urgent
  CondVar turn_;     // for who has prepared, while the other one commits
  std::deque<std::unique_ptr<Submission>> queue_ MEDFLYT_GUARDED_BY(mutex_);
  size_t queued_ MEDFLYT_GUARDED_BY(mutex_) = 0;  // weight
  size_t urgent_ MEDFLYT_GUARDED_BY(mutex_) = 0;
  bool preparing_ MEDFLYT_GUARDED_BY(mutex_) = false;  // one thread has this role, until it commits
  bool lingering_ MEDFLYT_GUARDED_BY(mutex_) = false;
  bool committing_ MEDFLYT_GUARDED_BY(mutex_) = false;  // one thread has this role
  bool stopping_ MEDFLYT_GUARDED_BY(mutex_) = false;
  absl::Status failure_ MEDFLYT_GUARDED_BY(mutex_);

  std::array<std::thread, 2> threads_;
};

}  // namespace medflyt::log
