// What the sequencer finds when it applies a batch: of a key, what was not so yet when the batch was checked.
#include "server/exchange/batch_submission.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "server/exchange/kept.h"
#include "server/log/appender.h"
#include "server/privacy/erasure.h"
#include "tests/support/log_fixture.h"

namespace medflyt::exchange {
namespace {

using testing::kKerteminde;
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
    return Batch(std::move(event), brings_key ? std::vector<keys::DataKey>{key_} : std::vector<keys::DataKey>());
  }
  std::unique_ptr<BatchSubmission> Batch(CheckedEvent event, const std::vector<keys::DataKey>& brings) {
    const log::PeerState peer = log_->peer(kNyborg);
    BatchToLog batch{kNyborg, kNyborgsLog, {peer.by_batch.size, peer.by_batch.root}, {}, StartKept({0}, {})};
    batch.checked.head = {TreeSize(event.number.value() + 1), crypto::Sha256("a root")};
    for (const keys::DataKey& key : brings) batch.checked.keys.push_back({key, PurposeOf(*event.event)});
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
  // A key that is here before the batch comes.
  KeyId Held(const keys::DataKey& key, const keys::KeyPurpose& purpose) {
    On([&](log::Appender& appender) { EXPECT_TRUE(appender.keys().Accept(key, purpose, appender.batch()).ok()); });
    return key.id;
  }
  keys::DataKey NewKey() { return {random_.NewId<KeyId>(), crypto::Key::Random()}; }
  bool IsUsed(const CaseId& id) {
    bool used = false;
    On([&](log::Appender& appender) { used = appender.state().UseOf(id).has_value(); });
    return used;
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

// What a key is for, the first event that came with it has said, and destroying it erases that and nothing else. The
// peer may bring it once more for something else, or name it only.
TEST_F(BatchSubmissionTest, AKeyThatIsHereForAnotherPurposeBearsNoEvent) {
  const std::vector<std::pair<std::string, std::function<void(keys::KeyPurpose&)>>> purposes = {
      {"the event's own", [](keys::KeyPurpose&) {}},
      {"another case", [this](keys::KeyPurpose& purpose) { purpose.case_id = random_.NewId<CaseId>(); }},
      {"another issuer", [](keys::KeyPurpose& purpose) { purpose.issuer = kKerteminde; }},
      {"what we tell the peer", [](keys::KeyPurpose& purpose) { std::swap(purpose.issuer, purpose.recipient); }},
      {"another class", [](keys::KeyPurpose& purpose) { purpose.retention = event::RetentionClass::kAccounting; }}};
  for (const bool brings_key : {false, true}) {
    SCOPED_TRACE(brings_key);
    for (const auto& [name, change] : purposes) {
      SCOPED_TRACE(name);
      key_ = NewKey();
      relocation_ = random_.NewId<CaseId>();
      keys::KeyPurpose purpose{relocation_, kNyborg, kOdense, event::RetentionClass::kCase};
      change(purpose);
      Held(key_, purpose);
      const uint64_t number = log_->peer(kNyborg).received.value() + 1;
      Commit(Batch(Announced(number), brings_key));
      ASSERT_TRUE(outcome_ && outcome_->status.ok()) << "no fault: its bytes do not change by sending them again";
      const bool own = name == purposes.front().first;
      EXPECT_EQ(RefusedBy(outcome_->records.at(0)), own ? "" : "KEY_PURPOSE_MISMATCH");
      EXPECT_EQ(IsUsed(relocation_), own);
      EXPECT_EQ(log_->peer(kNyborg).received.value(), number) << "it has its number";
      EXPECT_TRUE(*keys_->PurposeOf(key_.id) == purpose) << "which nobody changes";
    }
  }
}

// Nor is what came with it, which would otherwise be a key that is for nothing here.
TEST_F(BatchSubmissionTest, AnotherKeyUnderAnIdThatCameMeanwhileIsNotTaken) {
  Commit(Batch(Announced(1), true));
  ASSERT_TRUE(outcome_ && outcome_->status.ok());
  const keys::DataKey fresh = NewKey();
  const keys::DataKey other{key_.id, crypto::Key::Random()};
  const TreeSize before = log_->head().size;
  Commit(Batch(Annulled(2), {fresh, other}));
  ASSERT_TRUE(outcome_ && !outcome_->status.ok());
  EXPECT_EQ(BrokenRuleOf(outcome_->status)->rule, "KEY_ID_REUSED");
  EXPECT_TRUE(outcome_->records.empty());
  EXPECT_TRUE(link_failed_->load());
  EXPECT_EQ(log_->head().size.value(), before.value());
  EXPECT_EQ(log_->peer(kNyborg).received.value(), 1U) << "no number is consumed";
  for (const bool reopened : {false, true}) {
    SCOPED_TRACE(reopened);
    if (reopened) Open();
    EXPECT_FALSE(keys_->Has(fresh.id));
    EXPECT_TRUE(*keys_->Find(key_.id) == key_.key);
  }
}

// Whoever says that cases are erased takes back the keys that it gave for them, where nothing here is of these cases. A
// case's id gives no right over what others gave, or over what is ours.
TEST_F(BatchSubmissionTest, ANoticeOfErasureDestroysItsIssuersKeysOfUnclaimedCasesAlone) {
  Commit(Batch(Announced(1), true));
  ASSERT_TRUE(outcome_ && outcome_->status.ok());
  const KeyId claimed = key_.id;
  const CaseId unclaimed = random_.NewId<CaseId>();
  const std::set<CaseId> named = {relocation_, unclaimed};
  const KeyId issuers = Held(NewKey(), {unclaimed, kNyborg, kOdense, event::RetentionClass::kCase});
  const KeyId accounts = Held(NewKey(), {unclaimed, kNyborg, kOdense, event::RetentionClass::kAccounting});
  const KeyId anothers = Held(NewKey(), {unclaimed, kKerteminde, kOdense, event::RetentionClass::kCase});
  const KeyId ours = Held(NewKey(), {unclaimed, kOdense, kNyborg, event::RetentionClass::kCase});
  const KeyId local = Held(NewKey(), keys::LocalKeyOf(unclaimed, kOdense));
  key_ = NewKey();
  relocation_ = random_.NewId<CaseId>();  // of the notice itself
  Commit(Batch(Checked(2, event::ErasureNoticed{{named.begin(), named.end()}, "gdpr-17-1-d", {}}), true));
  ASSERT_TRUE(outcome_ && outcome_->status.ok());
  ASSERT_EQ(RefusedBy(outcome_->records.at(0)), "");
  EXPECT_TRUE(keys_->IsDestroyed(issuers));
  EXPECT_TRUE(keys_->Has(accounts)) << "of another class";
  EXPECT_TRUE(keys_->Has(anothers));
  EXPECT_TRUE(keys_->Has(ours));
  EXPECT_TRUE(keys_->Has(local));
  EXPECT_TRUE(keys_->Has(claimed)) << "of that case officers decide";
  EXPECT_TRUE(keys_->Has(key_.id)) << "the notice's own";
}

}  // namespace
}  // namespace medflyt::exchange
