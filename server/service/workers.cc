#include "server/service/workers.h"

#include <utility>

#include "common/base/status.h"

namespace medflyt::service {

Workers::Workers(size_t threads, size_t queue) : capacity_(queue) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
}

Workers::~Workers() { Stop(); }

absl::Status Workers::Run(std::function<void()> task) {
  {
    MutexLock lock(mutex_);
    if (stopping_) return RuleError(absl::StatusCode::kUnavailable, "NODE_STOPPING", "", "the node is stopping");
    if (queue_.size() >= capacity_) {
      return RuleError(absl::StatusCode::kResourceExhausted, "WORKERS_BUSY", "", "too many requests wait; try again");
    }
    queue_.push_back(std::move(task));
  }
  work_.NotifyOne();
  return absl::OkStatus();
}

void Workers::RunNext(std::function<void()> task) {
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    queue_.push_back(std::move(task));
  }
  work_.NotifyOne();
}

void Workers::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  work_.NotifyAll();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Workers::Loop() {
  for (;;) {
    std::function<void()> task;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_) work_.Wait(mutex_);
      if (queue_.empty()) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    task();
  }
}

}  // namespace medflyt::service
