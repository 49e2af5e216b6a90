// When work is done: on threads in production, in simulated time in tests.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace medflyt::exchange {

using Task = std::function<void()>;

// Thread-safe.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  // Runs the task at that time or soon after it; at once where it has passed. Tasks may run at the same time as others.
  virtual void RunAt(absl::Time when, Task task) = 0;
};

// Runs tasks one at a time, in the order in which they were posted. Whatever a delivery or a reception keeps is
// touched by tasks of its strand only, so it needs no lock. Thread-safe.
class Strand : public std::enable_shared_from_this<Strand> {
 public:
  explicit Strand(Scheduler& scheduler) : scheduler_(scheduler) {}

  void Post(Task task);
  void PostAt(absl::Time when, Task task);
  // Tasks that have not begun never do, and later ones are dropped.
  void Stop();

 private:
  void Drain();

  Scheduler& scheduler_;
  Mutex mutex_;
  std::deque<Task> tasks_ MEDFLYT_GUARDED_BY(mutex_);
  bool draining_ MEDFLYT_GUARDED_BY(mutex_) = false;
  bool stopped_ MEDFLYT_GUARDED_BY(mutex_) = false;
};

class ThreadScheduler final : public Scheduler {
 public:
  ThreadScheduler(const Clock& clock, size_t threads);
  ~ThreadScheduler() override;

  void RunAt(absl::Time when, Task task) override;
  // Returns once no task runs any more; those that have not begun are dropped. Not from a task.
  void Stop();

 private:
  void Loop();

  const Clock& clock_;
  Mutex mutex_;
  CondVar changed_;
  std::multimap<absl::Time, Task> tasks_ MEDFLYT_GUARDED_BY(mutex_);
  bool stopping_ MEDFLYT_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace medflyt::exchange
