#include "common/base/mutex.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace medflyt {
namespace {

struct Queue {
  Mutex mutex;
  CondVar changed;
  int waiting MEDFLYT_GUARDED_BY(mutex) = 0;
  int taken MEDFLYT_GUARDED_BY(mutex) = 0;
};

TEST(Mutex, LosesNoUpdate) {
  Queue queue;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&queue] {
      for (int i = 0; i < 10'000; ++i) {
        MutexLock lock(queue.mutex);
        ++queue.waiting;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  MutexLock lock(queue.mutex);
  EXPECT_EQ(queue.waiting, 40'000);
}

TEST(CondVar, HandsOverBetweenThreads) {
  constexpr int kItems = 1000;
  Queue queue;
  std::thread consumer([&queue] {
    MutexLock lock(queue.mutex);
    while (queue.taken < kItems) {
      while (queue.waiting == 0) queue.changed.Wait(queue.mutex);
      queue.taken += queue.waiting;
      queue.waiting = 0;
    }
  });
  for (int i = 0; i < kItems; ++i) {
    MutexLock lock(queue.mutex);
    ++queue.waiting;
    queue.changed.NotifyOne();
  }
  consumer.join();
  MutexLock lock(queue.mutex);
  EXPECT_EQ(queue.taken, kItems);
}

TEST(CondVar, WaitForEndsWithTheTimeAndHoldsTheLock) {
  Queue queue;
  MutexLock lock(queue.mutex);
  // Wake-ups may be spurious, but not for ever.
  while (queue.changed.WaitFor(queue.mutex, std::chrono::microseconds(1))) {
  }
  ++queue.waiting;
  EXPECT_EQ(queue.waiting, 1);
}

}  // namespace
}  // namespace medflyt
