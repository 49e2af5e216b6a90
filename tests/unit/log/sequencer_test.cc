// The sequencer's threads, on a log whose submissions are recorded accesses: the cheapest real events.
#include "server/log/sequencer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <vector>

#include "server/log/appender.h"
#include "tests/support/log_fixture.h"

namespace medflyt::log {
namespace {

struct Shape {
  bool urgent = true;
  size_t weight = 1;
};

class Access final : public Submission {
 public:
  Access(const Shape& shape, std::promise<absl::StatusOr<TreeSize>> done, std::atomic<int>& abandoned)
      : shape_(shape), done_(std::move(done)), abandoned_(abandoned) {}
  void Apply(Appender& appender) override {
    applied_ = appender.Execute({"an.officer", event::RecordAccess{event::AccessKind::kRead, "Test", "test", {}}}).ok();
  }
  void Committed(const Head& head) override {
    done_.set_value(applied_ ? absl::StatusOr<TreeSize>(head.size) : absl::InternalError("refused"));
  }
  void Abandoned(const absl::Status& why) override {
    ++abandoned_;
    done_.set_value(why);
  }
  bool urgent() const override { return shape_.urgent; }
  size_t weight() const override { return shape_.weight; }

 private:
  const Shape shape_;
  bool applied_ = false;
  std::promise<absl::StatusOr<TreeSize>> done_;
  std::atomic<int>& abandoned_;
};

class SequencerTest : public testing::LogFixture {
 protected:
  std::future<absl::StatusOr<TreeSize>> Submit(Sequencer& sequencer, const Shape& shape = {}) {
    std::promise<absl::StatusOr<TreeSize>> done;
    auto future = done.get_future();
    auto submission = std::make_unique<Access>(shape, std::move(done), abandoned_);
    if (const absl::Status status = sequencer.Submit(std::move(submission)); !status.ok()) {
      std::promise<absl::StatusOr<TreeSize>> refused;
      refused.set_value(status);
      return refused.get_future();
    }
    return future;
  }

  std::atomic<int> abandoned_ = 0;
};

TEST_F(SequencerTest, EveryAnswerFollowsItsCommitFromManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  {
    Sequencer sequencer(*log_, {}, [](const absl::Status& status) { FAIL() << status; });
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < kEach; ++i) {
          const auto size = Submit(sequencer).get();
          ASSERT_TRUE(size.ok()) << size.status();
          ASSERT_GE(log_->head().size, *size);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(log_->head().size, TreeSize(kThreads * kEach));
}

TEST_F(SequencerTest, WhatIsNotUrgentIsCommittedWithoutCompany) {
  Sequencer sequencer(*log_, {.linger = absl::Milliseconds(1)}, [](const absl::Status& status) { FAIL() << status; });
  const auto size = Submit(sequencer, {.urgent = false}).get();
  ASSERT_TRUE(size.ok()) << size.status();
  EXPECT_EQ(*size, TreeSize(1));
}

TEST_F(SequencerTest, StoppingCommitsWhatIsQueued) {
  std::vector<std::future<absl::StatusOr<TreeSize>>> answers;
  {
    Sequencer sequencer(*log_, {.per_commit = 7}, [](const absl::Status& status) { FAIL() << status; });
    for (int i = 0; i < 100; ++i) answers.push_back(Submit(sequencer, {.urgent = i % 2 == 0}));
  }
  for (auto& answer : answers) EXPECT_TRUE(answer.get().ok());
  EXPECT_EQ(log_->head().size, TreeSize(100));
}

TEST_F(SequencerTest, FailedSyncAnswersNobodyBeforeTheNodeMayExit) {
  disk_.FailCommit(3, store::MemoryDisk::Outcome::kNotApplied);
  std::promise<absl::Status> failed;
  std::vector<std::future<absl::StatusOr<TreeSize>>> answers;
  int abandoned_before = -1;
  Sequencer sequencer(*log_, {.per_commit = 1}, [&](const absl::Status& status) {
    abandoned_before = abandoned_;
    failed.set_value(status);
  });
  for (int i = 0; i < 20; ++i) answers.push_back(Submit(sequencer));
  EXPECT_FALSE(failed.get_future().get().ok());
  EXPECT_EQ(abandoned_before, 0);
  int acknowledged = 0;
  for (auto& answer : answers) acknowledged += answer.get().ok() ? 1 : 0;
  EXPECT_EQ(acknowledged, 3);
  EXPECT_FALSE(Submit(sequencer).get().ok());
  EXPECT_EQ(log_->head().size, TreeSize(3));
}

TEST_F(SequencerTest, FullQueueTurnsAwayWithoutAnswering) {
  Sequencer sequencer(*log_, {.queue = 1, .linger = absl::Hours(1)},
                      [](const absl::Status& status) { FAIL() << status; });
  auto waiting = Submit(sequencer, {.urgent = false});
  const auto refused = Submit(sequencer, {.urgent = false}).get();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(SequencerTest, QueueAndCommitsAreMeasuredInCommandsNotInMessages) {
  Sequencer sequencer(*log_, {.queue = 1000, .per_commit = 100, .linger = absl::Hours(1)},
                      [](const absl::Status& status) { FAIL() << status; });
  auto heavy = Submit(sequencer, {.urgent = false, .weight = 999});
  auto light = Submit(sequencer, {.urgent = false, .weight = 1});
  EXPECT_EQ(Submit(sequencer, {.urgent = false, .weight = 1}).get().status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(SequencerTest, OneThatIsHeavierThanACommitIsCommittedAlone) {
  Sequencer sequencer(*log_, {.queue = 1000, .per_commit = 100}, [](const absl::Status& status) { FAIL() << status; });
  auto heavy = Submit(sequencer, {.weight = 5000});
  EXPECT_TRUE(heavy.get().ok());
}

}  // namespace
}  // namespace medflyt::log
