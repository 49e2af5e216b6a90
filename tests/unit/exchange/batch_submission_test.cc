// What the sequencer finds when it applies a batch: a key that was there when the batch was checked is destroyed.
#include "server/exchange/batch_submission.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "server/exchange/kept.h"
#include "server/log/appender.h"
#include "server/privacy/erasure.h"
#include "tests/support/log_fixture.h"

namespace medflyt::exchange {
namespace {

using testing::kNyborg;
using testing::kOdense;

constexpr char kNyborgsLog[] = "nyborg.example/log";

class BatchSubmissionTest : public testing::LogFixture {
 protected:
  // Nyborg announces a citizen's move to Odense, or takes that back.
  CheckedEvent Announced(uint64_t number) {
    return Checked(number, event::RelocationAnnounced{*registry::CprNumber::Parse("6101801000"), kOdense,
                                                      *MunicipalityCode::Parse("0450"),
                                                      *MunicipalityCode::Parse("0461"), Date(2026, 3, 1), "rsl-12c"});
  }
  CheckedEvent Annulled(uint64_t number) { return Checked(number, event::RelocationAnnulled{}); }
  CheckedEvent Checked(uint64_t number, event::Body body) {
    event::Event event;
    event.header = {random_.NewId<EventId>(), kNyborg,      kOdense,     relocation_,
                    PairNumber(number),       clock_.Now(), "an.officer"};
    event.body = std::move(body);
    CheckedEvent checked;
    checked.number = event.header.number;
    checked.id = event.header.id;
    checked.stands_at = {kNyborgsLog, LeafIndex(number), crypto::Sha256(checked.id.bytes())};
    checked.key_id = key_.id;
    checked.event = std::move(event);
    return checked;
  }
  // A batch as it was checked; `brings_key`: the key was not known then.
  std::unique_ptr<BatchSubmission> Batch(CheckedEvent event, bool brings_key) {
    const log::PeerState peer = log_->peer(kNyborg);
    BatchToLog batch{kNyborg, kNyborgsLog, {peer.by_batch.size, peer.by_batch.root}, {}, StartKept({0}, {})};
    batch.checked.head = {TreeSize(event.number.value() + 1), crypto::Sha256("a root")};
    if (brings_key) batch.checked.keys.push_back({key_, PurposeOf(*event.event)});
    batch.checked.events.push_back(std::move(event));
    return std::make_unique<BatchSubmission>(std::move(batch), link_failed_,
                                             [this](BatchOutcome outcome) { outcome_ = std::move(outcome); });
  }
  std::unique_ptr<log::Submission> Destroying() {
    return std::make_unique<testing::Applying>(
        [this](log::Appender& appender) { EXPECT_TRUE(privacy::DestroyKeys(appender, {key_.id}).ok()); });
  }
  void Commit(std::unique_ptr<log::Submission> first, std::unique_ptr<log::Submission> second = nullptr) {
    outcome_.reset();
    std::vector<std::unique_ptr<log::Submission>> submissions;
    submissions.push_back(std::move(first));
    if (second != nullptr) submissions.push_back(std::move(second));
    ASSERT_TRUE(log_->Commit(*log_->Prepare(std::move(submissions))).ok());
  }
  std::string RefusedBy(log::Position record) {
    const auto entry = log_->reader().Entry(record);
    const auto decoded = wire::LedgerCodec().Decode(entry->bytes);
    return std::get<wire::EventReceived>(decoded->record).refused_rule;
  }

  CaseId relocation_ = random_.NewId<CaseId>();
  keys::DataKey key_{random_.NewId<KeyId>(), crypto::Key::Random()};
  std::shared_ptr<std::atomic<bool>> link_failed_ = std::make_shared<std::atomic<bool>>(false);
  std::optional<BatchOutcome> outcome_;
};

// It was opened with the key, which is then destroyed: by what is applied just before it, or by an earlier commit.
TEST_F(BatchSubmissionTest, AnEventWhoseKeyIsDestroyedMeanwhileIsRefusedByItsReceipt) {
  for (const bool same_commit : {false, true}) {
    SCOPED_TRACE(same_commit);
    const uint64_t number = log_->peer(kNyborg).received.value() + 1;
    key_ = {random_.NewId<KeyId>(), crypto::Key::Random()};
    relocation_ = random_.NewId<CaseId>();
    Commit(Batch(Announced(number), true));
    ASSERT_TRUE(outcome_ && outcome_->status.ok());
    ASSERT_EQ(RefusedBy(outcome_->records.at(0)), "");
    ASSERT_TRUE(keys_->Has(key_.id));

    auto batch = Batch(Annulled(number + 1), false);
    if (same_commit) {
      Commit(Destroying(), std::move(batch));
    } else {
      Commit(Destroying());
      Commit(std::move(batch));
    }
    ASSERT_TRUE(outcome_ && outcome_->status.ok()) << "no fault of the peer's";
    EXPECT_FALSE(link_failed_->load());
    EXPECT_EQ(RefusedBy(outcome_->records.at(0)), "KEY_DESTROYED");
    EXPECT_EQ(log_->peer(kNyborg).received.value(), number + 1) << "it has its number";
    EXPECT_FALSE(keys_->Has(key_.id));
  }
}

// The peer repeats a grant until it has a receipt. Checked before the first one was taken, this one brings the key too,
// and finds it destroyed: the batch is a fault, which the next check of it is not.
TEST_F(BatchSubmissionTest, AGrantWhoseKeyIsDestroyedMeanwhileIsNotTaken) {
  Commit(Batch(Announced(1), true));
  ASSERT_TRUE(outcome_ && outcome_->status.ok());
  auto again = Batch(Annulled(2), true);
  const TreeSize before = log_->head().size;
  Commit(Destroying(), std::move(again));
  ASSERT_TRUE(outcome_.has_value());
  EXPECT_EQ(BrokenRuleOf(outcome_->status)->rule, "KEY_DESTROYED");
  EXPECT_TRUE(outcome_->records.empty());
  EXPECT_EQ(log_->head().size.value(), before.value() + 1) << "the record of the destroyed key alone";
  EXPECT_EQ(log_->peer(kNyborg).received.value(), 1U) << "no number is consumed";
  EXPECT_FALSE(keys_->Has(key_.id));
  // What came behind it on the link is not applied either.
  EXPECT_TRUE(link_failed_->load());
  Commit(Batch(Annulled(2), false));
  EXPECT_TRUE(outcome_ && outcome_->abandoned);
  EXPECT_EQ(log_->peer(kNyborg).received.value(), 1U);
}

}  // namespace
}  // namespace medflyt::exchange
