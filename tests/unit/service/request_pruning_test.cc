#include "server/service/request_pruning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "tests/support/log_fixture.h"

namespace medflyt::service {
namespace {

using store::Table;

constexpr absl::Duration kRetention = absl::Hours(24 * 400);

// Commits what is submitted when it is told to.
class HeldQueue final : public log::SubmissionQueue {
 public:
  explicit HeldQueue(log::Log& log) : log_(log) {}
  absl::Status Submit(std::unique_ptr<log::Submission> submission) override {
    if (full) return RuleError(absl::StatusCode::kResourceExhausted, "QUEUE_FULL", "", "the queue is full");
    held.push_back(std::move(submission));
    return absl::OkStatus();
  }
  void Commit() { ASSERT_TRUE(log_.Commit(*log_.Prepare(std::exchange(held, {}))).ok()); }

  bool full = false;
  std::vector<std::unique_ptr<log::Submission>> held;

 private:
  log::Log& log_;
};

class RequestPruningTest : public testing::LogFixture {
 protected:
  static std::string KeyOf(uint64_t number) {
    std::string bytes(8, '\0');
    AppendU64(bytes, number);
    return log::RequestRowKey(*log::RequestKey::FromBytes(bytes));
  }

  void Put(const std::string& key, absl::Duration age) {
    log::RequestRecord record;
    record.recorded_at = clock_.now - age;
    record.entries = 1;
    Put(key, log::EncodeRequest(record));
  }
  void Put(const std::string& key, std::string_view value) {
    store::Batch batch;
    batch.Put(Table::kIndex, key, value);
    ASSERT_TRUE(store_->Commit(batch, store::Durability::kSynced).ok());
  }

  std::vector<std::string> Rows() const {
    std::vector<std::string> keys;
    EXPECT_TRUE(store_
                    ->Scan(Table::kIndex, store::KeyRange::All(), store::Order::kAscending,
                           [&keys](std::string_view key, std::string_view) {
                             keys.emplace_back(key);
                             return store::Step::kContinue;
                           })
                    .ok());
    return keys;
  }

  // Whether there is more, all that was submitted being committed; nothing after an error.
  std::optional<bool> Next() {
    outcome_ = absl::UnknownError("not told");
    pruning_.NextSlice([this](const absl::StatusOr<bool>& more) { outcome_ = more; });
    if (!queue_.held.empty()) queue_.Commit();
    return outcome_.ok() ? std::optional<bool>(*outcome_) : std::nullopt;
  }

  HeldQueue queue_{*log_};
  RequestPruning pruning_{*store_, queue_, clock_, kRetention};
  absl::StatusOr<bool> outcome_ = false;
};

TEST_F(RequestPruningTest, WhatIsOlderThanItsRetentionGoesAndNothingElse) {
  Put(KeyOf(1), kRetention + absl::Seconds(1));
  Put(KeyOf(2), kRetention);
  Put(KeyOf(3), absl::ZeroDuration());
  Put("p a row of another kind", "before");
  Put("r a row of another kind", "after");
  EXPECT_THAT(Next(), ::testing::Optional(false));
  EXPECT_THAT(Rows(), ::testing::ElementsAre("p a row of another kind", KeyOf(2), KeyOf(3), "r a row of another kind"));
}

TEST_F(RequestPruningTest, ARequestThatIsUsedAnewMeanwhileStays) {
  Put(KeyOf(1), kRetention + absl::Seconds(1));
  Put(KeyOf(2), kRetention + absl::Seconds(1));
  outcome_ = absl::UnknownError("not told");
  pruning_.NextSlice([this](const absl::StatusOr<bool>& more) { outcome_ = more; });
  EXPECT_FALSE(outcome_.ok()) << "told before it is durable";
  Put(KeyOf(1), absl::ZeroDuration());
  queue_.Commit();
  EXPECT_TRUE(outcome_.ok()) << outcome_.status();
  EXPECT_THAT(Rows(), ::testing::ElementsAre(KeyOf(1)));
}

TEST_F(RequestPruningTest, EveryRowIsLookedAtASliceAtATimeAndThenFromTheStart) {
  constexpr uint64_t kRows = 2 * RequestPruning::kSliceRows + 5;
  for (uint64_t i = 0; i < kRows; ++i) Put(KeyOf(i), i % 2 == 0 ? kRetention * 2 : kRetention / 2);
  EXPECT_THAT(Next(), ::testing::Optional(true));
  EXPECT_THAT(Next(), ::testing::Optional(true));
  EXPECT_THAT(Next(), ::testing::Optional(false));
  EXPECT_EQ(Rows().size(), kRows / 2);
  clock_.now += kRetention;
  EXPECT_THAT(Next(), ::testing::Optional(true));
  EXPECT_THAT(Next(), ::testing::Optional(false));
  EXPECT_THAT(Rows(), ::testing::IsEmpty());
}

TEST_F(RequestPruningTest, ASliceThatCouldNotBeDeletedIsLookedAtAgain) {
  Put(KeyOf(1), kRetention * 2);
  queue_.full = true;
  Next();
  EXPECT_EQ(outcome_.status().code(), absl::StatusCode::kResourceExhausted);
  queue_.full = false;
  EXPECT_THAT(Next(), ::testing::Optional(false));
  EXPECT_THAT(Rows(), ::testing::IsEmpty());
}

TEST_F(RequestPruningTest, ARowThatDoesNotParseIsDataLossAndDeletesNothing) {
  Put(KeyOf(1), kRetention * 2);
  Put(KeyOf(2), "x");
  Next();
  EXPECT_EQ(outcome_.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Rows().size(), 2u);
}

}  // namespace
}  // namespace medflyt::service
