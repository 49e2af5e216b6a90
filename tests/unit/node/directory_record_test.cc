// When the log gets a record of the peers' cards, and when it does not.
#include "server/node/directory_record.h"

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/status.h"
#include "common/wire/ledger.h"
#include "tests/support/log_fixture.h"
#include "tests/support/rule_of.h"

namespace medflyt::node {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using wire::DirectoryChanged;

const PeerDirectory::Cards kFirst = {2, crypto::Sha256("first")};
const PeerDirectory::Cards kOther = {3, crypto::Sha256("other")};
const crypto::Hash kCertificate = crypto::Sha256("certificate");

class DirectoryRecordTest : public testing::LogFixture {
 protected:
  // Applies at once, or keeps what is to be applied later.
  class Queue final : public log::SubmissionQueue {
   public:
    explicit Queue(DirectoryRecordTest& test) : test_(test) {}
    absl::Status Submit(std::unique_ptr<log::Submission> submission) override {
      if (full) return RuleError(absl::StatusCode::kResourceExhausted, "QUEUE_FULL", "", "full");
      if (keeps) {
        kept.push_back(std::move(submission));
        return absl::OkStatus();
      }
      test_.Apply(std::move(submission));
      return absl::OkStatus();
    }
    bool full = false;
    bool keeps = false;
    std::vector<std::unique_ptr<log::Submission>> kept;

   private:
    DirectoryRecordTest& test_;
  };

  void Restart() {
    Open();
    auto loaded = DirectoryRecorder::Load(*store_);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    recorder_ = *std::move(loaded);
  }
  void SetUp() override { Restart(); }

  // "OK", the rule of the outcome, or that there was none.
  std::string Record(const PeerDirectory::Cards& cards, const std::optional<crypto::Hash>& certificate = {}) {
    std::string outcome = "none";
    recorder_->Record(cards, certificate, queue_, [&outcome](const absl::Status& recorded) {
      EXPECT_EQ(outcome, "none") << "told twice";
      outcome = recorded.ok() ? "OK" : testing::RuleOf(recorded);
    });
    return outcome;
  }
  std::vector<DirectoryChanged> Records() {
    std::vector<DirectoryChanged> records;
    wire::LedgerCodec codec;
    const absl::Status visited = log_->reader().Visit(
        log::Position(0), log_->end(), [&](log::Position, std::string_view entry, const KeyId&) -> absl::Status {
          MEDFLYT_ASSIGN_OR_RETURN(const wire::LedgerRecord record, codec.Decode(entry));
          records.push_back(std::get<DirectoryChanged>(record.record));
          return absl::OkStatus();
        });
    EXPECT_TRUE(visited.ok()) << visited;
    return records;
  }

  Queue queue_{*this};
  std::unique_ptr<DirectoryRecorder> recorder_;
};

TEST_F(DirectoryRecordTest, OtherCardsAreRecordedOnceAcrossRestarts) {
  EXPECT_EQ(Record(kFirst), "OK");
  EXPECT_THAT(Records(), IsEmpty()) << "there were none before";
  Restart();
  EXPECT_EQ(Record(kFirst, kCertificate), "OK");
  EXPECT_THAT(Records(), IsEmpty()) << "they are the same";
  EXPECT_EQ(Record(kOther, kCertificate), "OK");
  EXPECT_EQ(Record(kOther, kCertificate), "OK");
  Restart();
  EXPECT_EQ(Record(kOther), "OK");
  EXPECT_THAT(Records(), ElementsAre(DirectoryChanged{kOther.digest, 3, kCertificate}));
  EXPECT_EQ(Record(kFirst), "OK");
  EXPECT_THAT(Records(), ElementsAre(DirectoryChanged{kOther.digest, 3, kCertificate},
                                     DirectoryChanged{kFirst.digest, 2, std::nullopt}));
}

TEST_F(DirectoryRecordTest, WhatCouldNotBeRecordedIsRecordedTheNextTime) {
  EXPECT_EQ(Record(kFirst), "OK");
  queue_.full = true;
  EXPECT_EQ(Record(kOther, kCertificate), "QUEUE_FULL");
  queue_.full = false;
  log_->Restrain(RuleError(absl::StatusCode::kUnavailable, "LOG_RESTRAINED", "", "not now"));
  EXPECT_EQ(Record(kOther, kCertificate), "LOG_RESTRAINED");
  log_->Release();
  EXPECT_THAT(Records(), IsEmpty());
  EXPECT_EQ(Record(kOther), "OK");
  EXPECT_THAT(Records(), ElementsAre(DirectoryChanged{kOther.digest, 3, std::nullopt}));
}

// Several reload the cards at once: two in one commit, and two in the next, which is prepared before that one is
// durable. The log says each change once, and last which cards are in force.
TEST_F(DirectoryRecordTest, WhoAskAtOnceAreAllToldAndNoChangeIsRecordedTwice) {
  const crypto::Hash another = crypto::Sha256("another certificate");
  EXPECT_EQ(Record(kFirst), "OK");
  std::vector<std::string> told;
  queue_.keeps = true;
  const auto record = [&](const PeerDirectory::Cards& cards, const crypto::Hash& certificate) {
    recorder_->Record(cards, certificate, queue_, [&told](const absl::Status& recorded) {
      told.push_back(recorded.ok() ? "OK" : testing::RuleOf(recorded));
    });
  };
  const auto prepare = [&] { return log_->Prepare(std::exchange(queue_.kept, {})); };
  record(kOther, kCertificate);
  record(kOther, another);
  const auto first = prepare();
  record(kOther, another);
  record(kFirst, another);
  const auto second = prepare();
  EXPECT_THAT(told, IsEmpty()) << "nothing is durable";
  ASSERT_TRUE(log_->Commit(*first).ok());
  EXPECT_THAT(told, ElementsAre("OK", "OK"));
  ASSERT_TRUE(log_->Commit(*second).ok());
  EXPECT_THAT(told, ElementsAre("OK", "OK", "OK", "OK"));
  queue_.keeps = false;
  const auto changes =
      ElementsAre(DirectoryChanged{kOther.digest, 3, kCertificate}, DirectoryChanged{kFirst.digest, 2, another});
  EXPECT_THAT(Records(), changes);
  Restart();
  EXPECT_EQ(Record(kFirst, kCertificate), "OK");
  EXPECT_THAT(Records(), changes) << "the last of them was the one in force";
}

}  // namespace
}  // namespace medflyt::node
