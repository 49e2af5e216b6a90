// Threads for what may wait for the disk or takes long, so that gRPC's own never do.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "common/base/mutex.h"

namespace medflyt::service {

// Thread-safe.
class Workers {
 public:
  Workers(size_t threads, size_t queue);
  // Stops.
  ~Workers();

  // RESOURCE_EXHAUSTED (WORKERS_BUSY), UNAVAILABLE (NODE_STOPPING): the task is then dropped.
  [[nodiscard]] absl::Status Run(std::function<void()> task);
  // For what has begun and must be ended: it is taken however much waits, unless the workers stopped.
  void RunNext(std::function<void()> task);
  // Finishes what is queued; later tasks are dropped.
  void Stop();

 private:
  void Loop();

  const size_t capacity_;
  Mutex mutex_;
  CondVar work_;
  std::deque<std::function<void()>> queue_ MEDFLYT_GUARDED_BY(mutex_);
  bool stopping_ MEDFLYT_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace medflyt::service
