// Locks with clang's thread-safety annotations. std::mutex beneath, because ThreadSanitizer understands it
// (it reports false races for Debian's absl::Mutex).
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define MEDFLYT_TSA(x) __attribute__((x))
#else
#define MEDFLYT_TSA(x)
#endif

#define MEDFLYT_GUARDED_BY(m) MEDFLYT_TSA(guarded_by(m))
#define MEDFLYT_REQUIRES(...) MEDFLYT_TSA(requires_capability(__VA_ARGS__))
#define MEDFLYT_EXCLUDES(...) MEDFLYT_TSA(locks_excluded(__VA_ARGS__))

namespace medflyt {

class MEDFLYT_TSA(capability("mutex")) Mutex {
 public:
  void Lock() MEDFLYT_TSA(acquire_capability()) { mutex_.lock(); }
  void Unlock() MEDFLYT_TSA(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class MEDFLYT_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) MEDFLYT_TSA(acquire_capability(mutex)) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() MEDFLYT_TSA(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Wait in a loop on the condition itself: wake-ups may be spurious.
class CondVar {
 public:
  void Wait(Mutex& mutex) MEDFLYT_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // False when the time passed first.
  bool WaitFor(Mutex& mutex, std::chrono::nanoseconds timeout) MEDFLYT_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool woken = condition_.wait_for(lock, timeout) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace medflyt
