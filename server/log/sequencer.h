// The queue in front of the log and the two threads behind it.
#pragma once

#include <deque>
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

// Group commit: while one batch is synced, the next collects what arrives; it is prepared when the sync is done or
// enough has come. Thread-safe.
class Sequencer final : public SubmissionQueue {
 public:
  struct Limits {
    size_t queue = 65536;                            // weight of what waits; more is turned away
    size_t per_commit = 4096;                        // weight prepared at once; one that is heavier is alone
    absl::Duration linger = absl::Milliseconds(50);  // how long one that is not urgent waits for company
  };
  // Called once, on the committer's thread, when a commit failed: the process must exit. Nobody was answered before;
  // where it returns, who waited is told that it was abandoned (UNKNOWN), never OK.
  using FailureHandler = std::function<void(const absl::Status&)>;

  Sequencer(Log& log, const Limits& limits, FailureHandler on_failure);
  // Commits what is queued, then stops.
  ~Sequencer() override;

  [[nodiscard]] absl::Status Submit(std::unique_ptr<Submission> submission) override;

 private:
  void PrepareLoop();
  void CommitLoop();
  [[nodiscard]] std::vector<std::unique_ptr<Submission>> TakeLocked() MEDFLYT_REQUIRES(mutex_);
  void AbandonPrepared() MEDFLYT_REQUIRES(mutex_);

  Log& log_;
  const Limits limits_;
  const FailureHandler on_failure_;

  Mutex mutex_;
  CondVar work_;
  CondVar prepared_changed_;
  std::deque<std::unique_ptr<Submission>> queue_ MEDFLYT_GUARDED_BY(mutex_);
  size_t queued_ MEDFLYT_GUARDED_BY(mutex_) = 0;  // weight
  size_t urgent_ MEDFLYT_GUARDED_BY(mutex_) = 0;
  std::deque<std::unique_ptr<PreparedCommit>> prepared_ MEDFLYT_GUARDED_BY(mutex_);
  bool stopping_ MEDFLYT_GUARDED_BY(mutex_) = false;
  bool preparer_done_ MEDFLYT_GUARDED_BY(mutex_) = false;
  absl::Status failure_ MEDFLYT_GUARDED_BY(mutex_);

  std::thread preparer_;
  std::thread committer_;
};

}  // namespace medflyt::log
