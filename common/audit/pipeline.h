// Work on numbered pieces by several threads, taken in order by one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/mutex.h"

namespace medflyt::audit {

// Makes the results of pieces 0 to `count` - 1 on threads of its own and gives them out in order. No more than a few
// results a thread exist at once, so memory does not grow with `count`. With one thread, pieces are made by whoever
// takes them.
template <typename Result>
class Pipeline {
 public:
  using Maker = std::function<Result(uint64_t piece)>;

  // `new_maker` is called once for each thread: what a maker owns is that thread's alone.
  Pipeline(uint64_t count, unsigned threads, const std::function<Maker()>& new_maker) : count_(count) {
    if (threads <= 1) {
      maker_ = new_maker();
      return;
    }
    window_ = uint64_t{4} * threads;
    for (unsigned i = 0; i < threads; ++i) {
      threads_.emplace_back([this, maker = new_maker()] { Make(maker); });
    }
  }
  ~Pipeline() {
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
    }
    changed_.NotifyAll();
    for (std::thread& thread : threads_) thread.join();
  }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // The next piece's result; at most `count` times, by one thread.
  [[nodiscard]] Result Next() {
    if (maker_) return maker_(taken_++);
    mutex_.Lock();
    while (!made_.contains(taken_)) changed_.Wait(mutex_);
    auto node = made_.extract(taken_);
    ++taken_;
    mutex_.Unlock();
    changed_.NotifyAll();
    return std::move(node.mapped());
  }

 private:
  void Make(const Maker& maker) {
    for (;;) {
      uint64_t piece = 0;
      {
        const MutexLock lock(mutex_);
        while (!stopping_ && begun_ < count_ && begun_ >= taken_ + window_) changed_.Wait(mutex_);
        if (stopping_ || begun_ >= count_) return;
        piece = begun_++;
      }
      Result result = maker(piece);
      {
        const MutexLock lock(mutex_);
        made_.emplace(piece, std::move(result));
      }
      changed_.NotifyAll();
    }
  }

  const uint64_t count_;
  uint64_t window_ = 0;
  Maker maker_;  // with one thread
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ MEDFLYT_GUARDED_BY(mutex_) = false;
  uint64_t begun_ MEDFLYT_GUARDED_BY(mutex_) = 0;
  uint64_t taken_ = 0;  // written under the lock where there are threads
  std::map<uint64_t, Result> made_ MEDFLYT_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;  // last: begun when the rest is there
};

}  // namespace medflyt::audit
