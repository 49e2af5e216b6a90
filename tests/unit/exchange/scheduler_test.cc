#include "server/exchange/scheduler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

namespace medflyt::exchange {
namespace {

TEST(ThreadScheduler, RunsTasksInTheOrderOfTheirTimes) {
  SystemClock clock;
  ThreadScheduler scheduler(clock, 1);
  std::vector<int> order;
  std::promise<void> done;
  const absl::Time now = clock.Now();
  scheduler.RunAt(now + absl::Milliseconds(30), [&] {
    order.push_back(3);
    done.set_value();
  });
  scheduler.RunAt(now + absl::Milliseconds(20), [&] { order.push_back(2); });
  scheduler.RunAt(absl::InfinitePast(), [&] { order.push_back(1); });
  done.get_future().wait();
  scheduler.Stop();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_GE(clock.Now() - now, absl::Milliseconds(30));
}

TEST(ThreadScheduler, DropsWhatHasNotBegunWhenItStops) {
  SystemClock clock;
  bool ran = false;
  auto held = std::make_shared<int>(1);
  {
    ThreadScheduler scheduler(clock, 2);
    scheduler.RunAt(clock.Now() + absl::Hours(1), [&ran, held] { ran = true; });
  }
  EXPECT_FALSE(ran);
  EXPECT_EQ(held.use_count(), 1) << "the task was not destroyed";
}

TEST(Strand, RunsOneTaskAtATimeInOrderOnManyThreads) {
  SystemClock clock;
  ThreadScheduler scheduler(clock, 4);
  const auto strand = std::make_shared<Strand>(scheduler);
  constexpr int kTasks = 2000;
  std::vector<int> order;  // without a lock: the sanitizers would see it
  std::atomic<int> at_once = 0;
  std::promise<void> done;
  for (int i = 0; i < kTasks; ++i) {
    strand->Post([&, i] {
      EXPECT_EQ(++at_once, 1);
      order.push_back(i);
      --at_once;
      if (i + 1 == kTasks) done.set_value();
    });
  }
  done.get_future().wait();
  ASSERT_EQ(order.size(), static_cast<size_t>(kTasks));
  for (int i = 0; i < kTasks; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(Strand, TasksMayPostTasks) {
  SystemClock clock;
  ThreadScheduler scheduler(clock, 2);
  const auto strand = std::make_shared<Strand>(scheduler);
  std::promise<int> done;
  strand->Post([&] { strand->Post([&] { done.set_value(7); }); });
  EXPECT_EQ(done.get_future().get(), 7);
}

TEST(Strand, RunsNothingOnceItIsStopped) {
  SystemClock clock;
  ThreadScheduler scheduler(clock, 1);
  const auto strand = std::make_shared<Strand>(scheduler);
  std::promise<void> first;
  strand->Post([&] {
    strand->Stop();
    first.set_value();
  });
  first.get_future().wait();
  bool ran = false;
  strand->Post([&] { ran = true; });
  std::promise<void> after;
  scheduler.RunAt(absl::InfinitePast(), [&] { after.set_value(); });
  after.get_future().wait();
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace medflyt::exchange
