#include "server/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/entry/seal.h"
#include "common/merkle/proof.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/checkpoint.h"
#include "server/log/appender.h"
#include "server/log/replay.h"
#include "tests/support/log_fixture.h"
#include "tests/unit/directory/sample.h"

namespace medflyt::log {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using testing::kNyborg;
using testing::kOdense;

// Runs a function as a submission and notes how it ended.
class Task final : public Submission {
 public:
  struct Ending {
    std::optional<Head> committed;
    absl::Status abandoned;
  };
  Task(std::function<void(Appender&)> apply, Ending& ending) : apply_(std::move(apply)), ending_(ending) {}
  void Apply(Appender& appender) override { apply_(appender); }
  void Committed(const Head& head) override { ending_.committed = head; }
  void Abandoned(const absl::Status& why) override { ending_.abandoned = why; }

 private:
  std::function<void(Appender&)> apply_;
  Ending& ending_;
};

class LogTest : public testing::LogFixture {
 protected:
  // Applies and commits one submission.
  absl::Status Run(std::function<void(Appender&)> apply, Task::Ending* ending = nullptr) {
    Task::Ending unused;
    std::vector<std::unique_ptr<Submission>> submissions;
    submissions.push_back(std::make_unique<Task>(std::move(apply), ending != nullptr ? *ending : unused));
    return log_->Commit(*log_->Prepare(std::move(submissions)));
  }

  event::Command ProposeAgreement() {
    event::AgreementTerms terms;
    terms.capacity = 2;
    terms.price_ore = 1'250'000;
    terms.valid_from = Date(2026, 1, 1);
    terms.valid_to = Date(2027, 12, 31);
    terms.notice_days = 90;
    terms.legal_basis = "SEL-11";
    terms.council_case = "2026-17";
    return {"an.officer", event::ProposeAgreement{random_.NewId<CaseId>(), kOdense, kNyborg, terms}};
  }

  std::vector<IssuedEvent> Execute(const event::Command& command) {
    absl::StatusOr<std::vector<IssuedEvent>> issued = absl::UnknownError("not applied");
    EXPECT_TRUE(Run([&](Appender& appender) { issued = appender.Execute(command); }).ok());
    EXPECT_TRUE(issued.ok()) << issued.status();
    return issued.value_or(std::vector<IssuedEvent>());
  }
};

TEST_F(LogTest, EmptyLogHasASignedCheckpointOfSizeZero) {
  const auto opened = tlog::OpenCheckpoint(log_->head().checkpoint, std::span(&signer_.verifier_key(), 1));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->checkpoint.size(), TreeSize(0));
  EXPECT_EQ(opened->checkpoint.root(), merkle::EmptyRoot());
}

TEST_F(LogTest, EventForAPeerIsGrantedSealedProvenAndQueued) {
  const auto issued = Execute(ProposeAgreement());
  ASSERT_EQ(issued.size(), 1u);
  EXPECT_EQ(issued[0].type, event::Type::kAgreementProposed);
  EXPECT_EQ(issued[0].recipient, kNyborg);

  // Its key was granted by the entry before it.
  ASSERT_EQ(issued[0].leaf, LeafIndex(1));
  const auto entry = log_->reader().Entry(Position(1));
  ASSERT_TRUE(entry.ok()) << entry.status();
  const auto granted = log_->reader().GrantPosition(entry->key_id);
  ASSERT_TRUE(granted.ok() && granted->has_value());
  EXPECT_EQ(**granted, Position(0));

  const Head head = log_->head();
  const auto proof = log_->reader().InclusionProof(issued[0].leaf, head.size);
  ASSERT_TRUE(proof.ok()) << proof.status();
  EXPECT_EQ(merkle::LeafHash(entry->bytes), issued[0].leaf_hash);
  EXPECT_TRUE(merkle::VerifyInclusion(issued[0].leaf, head.size, issued[0].leaf_hash, *proof, head.root).ok());

  const auto outbound = log_->reader().OutboundFrom(kNyborg, PairNumber(1), 10);
  ASSERT_TRUE(outbound.ok()) << outbound.status();
  ASSERT_EQ(outbound->size(), 1u);
  EXPECT_EQ(outbound->at(0).number, PairNumber(1));
  EXPECT_EQ(outbound->at(0).entry.bytes, entry->bytes);

  const auto sealed = entry::ParseSealed(entry->bytes);
  ASSERT_TRUE(sealed.ok()) << sealed.status();
  const auto content = entry::OpenEntry(*sealed, *keys_->Find(entry->key_id), "odense.example/log");
  ASSERT_TRUE(content.ok()) << content.status();
  const auto event = wire::ContentCodec().Decode(*content, issued[0].id);
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->header.officer, "an.officer");
  EXPECT_EQ(std::get<event::AgreementProposed>(event->body).terms.price_ore, 1'250'000);
}

TEST_F(LogTest, EventOfOurOwnIsFoundByItsIdAloneAcrossRestarts) {
  std::vector<IssuedEvent> issued;
  for (int i = 0; i < 3; ++i) issued.push_back(Execute(ProposeAgreement()).at(0));
  Open();
  for (const IssuedEvent& event : issued) {
    const auto location = log_->reader().Locate(event.id);
    ASSERT_TRUE(location.ok()) << location.status();
    EXPECT_EQ(*location, (EventLocation{kOdense, PairNumber(), Position(event.leaf.value())}));
  }
  size_t rows = 0;
  ASSERT_TRUE(store_
                  ->Scan(store::Table::kIndex, store::KeyRange::Prefix("e"), store::Order::kAscending,
                         [&rows](std::string_view, std::string_view) {
                           ++rows;
                           return store::Step::kContinue;
                         })
                  .ok());
  EXPECT_EQ(rows, 0u);
}

TEST_F(LogTest, IdOfWhatIsNoEventOfOursIsUnknown) {
  Execute(ProposeAgreement());
  const auto secret = keys_->Find({CaseId(), kOdense, kOdense, event::RetentionClass::kCase});
  ASSERT_TRUE(secret.ok()) << secret.status();
  const EventIds ids(secret->key, log_->origin());
  ASSERT_TRUE(log_->reader().Locate(ids.At(LeafIndex(1))).ok());
  // The grant's record, an entry that is not there, and an id of somebody else.
  for (const EventId& id : {ids.At(LeafIndex(0)), ids.At(LeafIndex(2)), random_.NewId<EventId>()}) {
    const auto rule = BrokenRuleOf(log_->reader().Locate(id).status());
    ASSERT_TRUE(rule.has_value());
    EXPECT_EQ(rule->rule, "EVENT_UNKNOWN");
  }
}

TEST_F(LogTest, IdOfOurOwnIsKnownBeforeItIsDurable) {
  ASSERT_TRUE(Run([this](Appender& appender) {
                const auto issued = appender.Execute(ProposeAgreement());
                ASSERT_TRUE(issued.ok()) << issued.status();
                EXPECT_TRUE(*appender.IsKnown(issued->at(0).id));
                EXPECT_FALSE(*appender.IsKnown(random_.NewId<EventId>()));
              }).ok());
}

// A store that may have been rolled back (server/node).
TEST_F(LogTest, ARestrainedLogAppendsNothingAndStillWritesRows) {
  Execute(ProposeAgreement());
  const Head before = log_->head();
  log_->Restrain(RuleError(absl::StatusCode::kUnavailable, "LOG_RESTRAINED", "", "why"));

  struct Waiting final : Submission {
    Waiting(bool appends, std::string& end) : appends_(appends), end_(end) {}
    void Apply(Appender& appender) override {
      appender.batch().Put(store::Table::kMeta, "a row", "its value");
      end_ += "applied ";
    }
    void Committed(const Head&) override { end_ += "committed"; }
    void Abandoned(const absl::Status& why) override { end_ += BrokenRuleOf(why)->rule; }
    bool appends() const override { return appends_; }
    const bool appends_;
    std::string& end_;
  };
  std::string appending;
  std::string rows;
  std::vector<std::unique_ptr<Submission>> submissions;
  submissions.push_back(std::make_unique<Waiting>(true, appending));
  submissions.push_back(std::make_unique<Waiting>(false, rows));
  ASSERT_TRUE(log_->Commit(*log_->Prepare(std::move(submissions))).ok());
  EXPECT_EQ(appending, "LOG_RESTRAINED");
  EXPECT_EQ(rows, "applied committed");
  EXPECT_EQ(log_->head(), before);

  log_->Release();
  EXPECT_TRUE(log_->restraint().ok());
  Execute(ProposeAgreement());
  EXPECT_GT(log_->head().size, before.size);
}

TEST_F(LogTest, WhatAppendsAgainstItsWordIsNeverCommittedWhileRestrained) {
  struct False final : Submission {
    void Apply(Appender& appender) override { appender.AppendLedger("an entry"); }
    void Committed(const Head&) override { ADD_FAILURE(); }
    void Abandoned(const absl::Status&) override {}
    bool appends() const override { return false; }
  };
  const Head before = log_->head();
  log_->Restrain(RuleError(absl::StatusCode::kUnavailable, "LOG_RESTRAINED", "", "why"));
  std::vector<std::unique_ptr<Submission>> submissions;
  submissions.push_back(std::make_unique<False>());
  EXPECT_FALSE(log_->Commit(*log_->Prepare(std::move(submissions))).ok());
  EXPECT_EQ(log_->head(), before);
}

TEST_F(LogTest, PairNumbersAreGaplessAcrossCommitsAndRestarts) {
  for (int i = 0; i < 5; ++i) {
    Execute(ProposeAgreement());
    if (i == 2) Open();
  }
  const auto outbound = log_->reader().OutboundFrom(kNyborg, PairNumber(1), 100);
  ASSERT_TRUE(outbound.ok()) << outbound.status();
  std::vector<uint64_t> numbers;
  for (const Outbound& event : *outbound) numbers.push_back(event.number.value());
  EXPECT_THAT(numbers, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(log_->reader().OutboundFrom(kNyborg, PairNumber(4), 100)->size(), 2u);
  EXPECT_EQ(log_->reader().OutboundFrom(kNyborg, PairNumber(4), 1)->size(), 1u);
  EXPECT_THAT(*log_->reader().OutboundFrom(kNyborg, PairNumber(6), 100), IsEmpty());
  EXPECT_EQ(log_->peer(kNyborg).issued, PairNumber(5));
}

TEST_F(LogTest, RestartFindsTheSameHeadAndState) {
  for (int i = 0; i < 300; ++i) Execute(ProposeAgreement());
  const Head before = log_->head();
  std::string state;
  ASSERT_TRUE(Run([&](Appender& appender) { state = appender.state().CanonicalBytes(); }).ok());
  Open();
  EXPECT_EQ(log_->head(), before);
  std::string again;
  ASSERT_TRUE(Run([&](Appender& appender) { again = appender.state().CanonicalBytes(); }).ok());
  EXPECT_EQ(again, state);
  EXPECT_FALSE(state.empty());

  const auto replayed = Replay(kOdense, log_->reader(), log_->end(), *keys_,
                               [](const wire::EventReceived&) { return absl::NotFoundError("nothing is kept"); });
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(replayed->events, 300u);
  EXPECT_EQ(replayed->state.CanonicalBytes(), state);
}

TEST_F(LogTest, RefusedCommandAppendsNothing) {
  Execute(ProposeAgreement());
  const Head before = log_->head();
  event::Command command = ProposeAgreement();
  std::get<event::ProposeAgreement>(command.body).terms.capacity = 0;
  absl::Status refused;
  ASSERT_TRUE(Run([&](Appender& appender) { refused = appender.Execute(command).status(); }).ok());
  EXPECT_FALSE(refused.ok());
  EXPECT_TRUE(BrokenRuleOf(refused).has_value());
  EXPECT_EQ(log_->head(), before);
}

TEST_F(LogTest, NothingIsAnsweredOrPublishedWhenTheSyncFails) {
  Execute(ProposeAgreement());
  const Head before = log_->head();
  disk_.FailCommit(0, store::MemoryDisk::Outcome::kApplied);
  Task::Ending ending;
  EXPECT_FALSE(Run([&](Appender& a) { ASSERT_TRUE(a.Execute(ProposeAgreement()).ok()); }, &ending).ok());
  EXPECT_FALSE(ending.committed.has_value());
  EXPECT_TRUE(ending.abandoned.ok());  // nobody was told anything
  EXPECT_EQ(log_->head(), before);
  // The outcome was unknown and turned out to be "applied": the restart decides.
  Open();
  EXPECT_GT(log_->head().size, before.size);
}

TEST_F(LogTest, StagedIndexRowsAreSeenBeforeTheyAreDurable) {
  std::vector<std::unique_ptr<Submission>> submissions;
  Task::Ending first, second;
  std::optional<std::string> seen;
  submissions.push_back(std::make_unique<Task>([](Appender& a) { a.PutIndex("q-one", "value"); }, first));
  auto prepared = log_->Prepare(std::move(submissions));
  submissions.clear();
  submissions.push_back(std::make_unique<Task>([&](Appender& a) { seen = *a.FindIndex("q-one"); }, second));
  auto next = log_->Prepare(std::move(submissions));
  EXPECT_EQ(seen, "value");
  ASSERT_TRUE(log_->Commit(*prepared).ok());
  ASSERT_TRUE(log_->Commit(*next).ok());
  EXPECT_EQ(*store_->Get(store::Table::kIndex, "q-one"), "value");
}

TEST_F(LogTest, AnIndexRowThatIsDeletedIsGoneBeforeThatIsDurable) {
  const auto prepare = [this](std::function<void(Appender&)> work, Task::Ending& ending) {
    std::vector<std::unique_ptr<Submission>> submissions;
    submissions.push_back(std::make_unique<Task>(std::move(work), ending));
    return log_->Prepare(std::move(submissions));
  };
  Task::Ending put, deleted, looked;
  ASSERT_TRUE(log_->Commit(*prepare([](Appender& a) { a.PutIndex("q-one", "value"); }, put)).ok());
  std::optional<std::string> seen = "not looked";
  const auto first = prepare([](Appender& a) { a.DeleteIndex("q-one"); }, deleted);
  const auto second = prepare([&](Appender& a) { seen = *a.FindIndex("q-one"); }, looked);
  EXPECT_EQ(seen, std::nullopt);
  ASSERT_TRUE(log_->Commit(*first).ok());
  ASSERT_TRUE(log_->Commit(*second).ok());
  EXPECT_EQ(*store_->Get(store::Table::kIndex, "q-one"), std::nullopt);
}

TEST_F(LogTest, AnotherKeysCheckpointIsRefusedAtStart) {
  Execute(ProposeAgreement());
  log_.reset();
  signer_ = *tlog::NoteSigner::Create("odense.example/log", crypto::Signer(crypto::Key::Random()));
  const auto rule = BrokenRuleOf(TryOpen().status());
  ASSERT_TRUE(rule.has_value());
  EXPECT_EQ(rule->rule, "CHECKPOINT_FOREIGN");
}

// A copy of before a handover: the key that signed its head is the card's for that size, and is gone.
TEST_F(LogTest, OfBeforeAHandoverItOpensToBeReadAlone) {
  Execute(ProposeAgreement());
  const Head head = log_->head();
  const tlog::NoteSigner before = signer_;
  signer_ = *tlog::NoteSigner::Create("odense.example/log", crypto::Signer(crypto::Key::Random()));
  const auto handed_over_at = [&](uint64_t size) {
    directory::Authority odense = testing::Odense();
    odense.logs = {{"odense.example/log",
                    {{before.verifier_key(), TreeSize(0), TreeSize(size)},
                     {signer_.verifier_key(), TreeSize(size), std::nullopt}}}};
    return *directory::Directory::Create({odense});
  };
  log_.reset();
  cards_ = handed_over_at(head.size.value());
  EXPECT_EQ(BrokenRuleOf(TryOpen().status())->rule, "CHECKPOINT_FOREIGN") << "the new key has signed that size, too";
  cards_ = handed_over_at(head.size.value() + 1);
  Open();
  EXPECT_EQ(log_->handed_over_at().value(), head.size.value() + 1);
  log_->Release();
  EXPECT_EQ(BrokenRuleOf(log_->restraint())->rule, "STORE_ROLLED_BACK");
  On([](Appender& appender) { appender.AppendLedger("of another log"); });
  EXPECT_EQ(log_->head().checkpoint, head.checkpoint);
}

TEST_F(LogTest, ChangedEntryIsFoundAtStart) {
  const auto issued = Execute(ProposeAgreement());
  log_.reset();
  auto segment = *store_->Last(store::Table::kSegments, store::KeyRange::All());
  segment->value[100] ^= 1;
  store::Batch batch;
  batch.Put(store::Table::kSegments, segment->key, segment->value);
  ASSERT_TRUE(store_->Commit(batch, store::Durability::kSynced).ok());
  const auto rule = BrokenRuleOf(TryOpen().status());
  ASSERT_TRUE(rule.has_value());
  EXPECT_EQ(rule->rule, "HEAD_MISMATCH");
}

TEST_F(LogTest, StateRowsHoldNoClearText) {
  Execute(ProposeAgreement());
  for (const store::Table table : store::kTables) {
    ASSERT_TRUE(store_
                    ->Scan(table, store::KeyRange::All(), store::Order::kAscending,
                           [](std::string_view, std::string_view value) {
                             EXPECT_THAT(std::string(value), ::testing::Not(HasSubstr("2026-17")));
                             EXPECT_THAT(std::string(value), ::testing::Not(HasSubstr("an.officer")));
                             return store::Step::kContinue;
                           })
                    .ok());
  }
}

}  // namespace
}  // namespace medflyt::log
