#include "server/exchange/scheduler.h"

#include <algorithm>
#include <utility>

namespace medflyt::exchange {

void Strand::Post(Task task) {
  {
    MutexLock lock(mutex_);
    if (stopped_) return;
    tasks_.push_back(std::move(task));
    if (draining_) return;
    draining_ = true;
  }
  scheduler_.RunAt(absl::InfinitePast(), [self = shared_from_this()] { self->Drain(); });
}

void Strand::PostAt(absl::Time when, Task task) {
  scheduler_.RunAt(when, [self = shared_from_this(), task = std::move(task)] { self->Post(task); });
}

void Strand::Stop() {
  std::deque<Task> dropped;
  MutexLock lock(mutex_);
  stopped_ = true;
  dropped.swap(tasks_);
}

void Strand::Drain() {
  for (;;) {
    Task task;
    {
      MutexLock lock(mutex_);
      if (tasks_.empty()) {
        draining_ = false;
        return;
      }
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

ThreadScheduler::ThreadScheduler(const Clock& clock, size_t threads) : clock_(clock) {
  threads_.reserve(threads);
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
}

ThreadScheduler::~ThreadScheduler() { Stop(); }

void ThreadScheduler::RunAt(absl::Time when, Task task) {
  MutexLock lock(mutex_);
  if (stopping_) return;
  tasks_.emplace(when, std::move(task));
  changed_.NotifyOne();
}

void ThreadScheduler::Stop() {
  std::multimap<absl::Time, Task> dropped;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    dropped.swap(tasks_);
    changed_.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void ThreadScheduler::Loop() {
  for (;;) {
    Task task;
    {
      MutexLock lock(mutex_);
      while (task == nullptr) {
        if (stopping_) return;
        if (tasks_.empty()) {
          changed_.Wait(mutex_);
          continue;
        }
        const absl::Duration ahead = tasks_.begin()->first - clock_.Now();
        if (ahead > absl::ZeroDuration()) {
          // No longer than a second, so that a clock that is set does not hold a task up.
          changed_.WaitFor(mutex_, absl::ToChronoNanoseconds(std::min(ahead, absl::Seconds(1))));
          continue;
        }
        task = std::move(tasks_.begin()->second);
        tasks_.erase(tasks_.begin());
      }
    }
    task();
  }
}

}  // namespace medflyt::exchange
