// Erasing on a log: which keys go with which records, what a restart finds, and what the daily sweep does by itself.
#include "server/privacy/erasure.h"

#include <gmock/gmock.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/entry/parse.h"
#include "server/keys/access_period.h"
#include "server/keys/key_row.h"
#include "server/privacy/citizen.h"
#include "server/privacy/retention_sweep.h"
#include "tests/support/agreement_terms.h"
#include "tests/support/log_fixture.h"

namespace medflyt::testing {
namespace {

const registry::CprNumber kCitizen = *registry::CprNumber::Parse("6101801001");

class Applying final : public log::Submission {
 public:
  explicit Applying(std::function<void(log::Appender&)> work) : work_(std::move(work)) {}
  void Apply(log::Appender& appender) override { work_(appender); }
  void Committed(const log::Head&) override {}
  void Abandoned(const absl::Status&) override {}

 private:
  const std::function<void(log::Appender&)> work_;
};

std::string RuleOf(const absl::Status& status) {
  if (status.ok()) return "OK";
  const auto broken = BrokenRuleOf(status);
  return broken ? broken->rule : status.ToString();
}

class ErasingTest : public LogFixture {
 protected:
  void SetUp() override {
    directory_.grounds = {{{"gdpr-17-1-d", Date(2018, 5, 25), std::nullopt}, true}};
    Do({"anna", event::ProposeEnrolment{enrolment_, kOdense, kCitizen, std::nullopt, today() - 10}});
    Do({"anna", event::StartEnrolment{enrolment_, today() - 10}});
    Do({"anna", event::EndEnrolment{enrolment_, today(), event::EndReason::kPrison}});
  }
  Date today() const { return DanishDate(clock_.now); }
  void Apply(std::unique_ptr<log::Submission> submission) {
    std::vector<std::unique_ptr<log::Submission>> one;
    one.push_back(std::move(submission));
    const auto prepared = log_->Prepare(std::move(one));
    ASSERT_TRUE(prepared->defect.ok()) << prepared->defect;
    ASSERT_TRUE(log_->Commit(*prepared).ok());
  }
  void On(std::function<void(log::Appender&)> work) { Apply(std::make_unique<Applying>(std::move(work))); }
  void Do(event::Command command) {
    On([&](log::Appender& appender) { ASSERT_EQ(RuleOf(appender.Execute(command).status()), "OK"); });
  }
  absl::StatusOr<privacy::Erased> Erase(std::string officer, std::string_view certificate) {
    std::optional<absl::StatusOr<privacy::Erased>> erased;
    On([&](log::Appender& appender) {
      event::EraseCases command{random_.NewId<CaseId>(), privacy::FindCitizen(appender.state(), kCitizen).cases,
                                "gdpr-17-1-d", "journal-1", crypto::Sha256(certificate)};
      erased = privacy::Erase(appender, {std::move(officer), std::move(command)});
    });
    return *std::move(erased);
  }
  privacy::RetentionSweep::Outcome Sweep() {
    privacy::RetentionSweep::Outcome last;
    Apply(std::make_unique<privacy::RetentionSweep>(random_, [&](const auto& outcome) {
      ASSERT_TRUE(outcome.ok()) << outcome.status();
      last = *outcome;
    }));
    return last;
  }
  std::set<KeyId> KeysOf(const CaseId& id) { return keys_->IdsOf(std::set<CaseId>{id}, event::RetentionClass::kCase); }
  // Key ids of the KeyDestroyed records, in order.
  std::vector<KeyId> Destroyed() {
    std::vector<KeyId> ids;
    wire::LedgerCodec codec;
    EXPECT_TRUE(log_->reader()
                    .Visit(log::Position(0), log_->end(),
                           [&](log::Position, std::string_view entry, const KeyId& key_id) -> absl::Status {
                             if (!key_id.is_zero()) return absl::OkStatus();
                             const auto record = codec.Decode(entry);
                             if (!record.ok()) return record.status();
                             if (const auto* gone = std::get_if<wire::KeyDestroyed>(&record->record)) {
                               ids.push_back(gone->key_id);
                             }
                             return absl::OkStatus();
                           })
                    .ok());
    return ids;
  }
  domain::State StateNow() {
    std::optional<domain::State> copy;
    On([&](log::Appender& appender) { copy = appender.state(); });
    return *std::move(copy);
  }

  const CaseId enrolment_ = *CaseId::FromHex("00112233445566778899aabbccddeeff");
};

TEST_F(ErasingTest, TheSecondOfficersCallDestroysTheKeysWithTheirRecordsAndMakesARotationDue) {
  const std::set<KeyId> keys = KeysOf(enrolment_);
  ASSERT_FALSE(keys.empty());
  const auto asked = Erase("anna", "1");
  ASSERT_EQ(RuleOf(asked.status()), "OK");
  EXPECT_FALSE(asked->done);
  EXPECT_EQ(KeysOf(enrolment_), keys);
  EXPECT_TRUE(Destroyed().empty());

  const auto done = Erase("bo", "2");
  ASSERT_EQ(RuleOf(done.status()), "OK");
  EXPECT_TRUE(done->done);
  EXPECT_EQ(done->erasure, asked->erasure);
  EXPECT_EQ(done->keys, keys.size());
  EXPECT_TRUE(KeysOf(enrolment_).empty());
  EXPECT_THAT(Destroyed(), ::testing::UnorderedElementsAreArray(keys));
  EXPECT_TRUE(store_->Get(store::Table::kMeta, keys::kKekRotationDueRow)->has_value());
  EXPECT_EQ(RuleOf(Erase("anna", "1").status()), "CITIZEN_UNKNOWN");
}

TEST_F(ErasingTest, ARestartFindsTheCitizenNoMoreAndTheErasureAsItWas) {
  ASSERT_TRUE(Erase("anna", "1").ok());
  Open();  // between the two officers
  ASSERT_TRUE(Erase("bo", "2").ok());
  const std::string before = StateNow().CanonicalBytes();
  Open();
  const domain::State after = StateNow();
  EXPECT_TRUE(after.CanonicalBytes() == before);
  EXPECT_TRUE(after.enrolments().empty());
  ASSERT_EQ(after.erasures().size(), 1U);
  EXPECT_EQ(after.erasures().begin()->second.state, domain::ErasureState::kDone);
}

// Rows that were made, changed and erased in one commit leave neither a row nor a key.
TEST_F(ErasingTest, WhatChangedInTheSameCommitIsErasedWithIt) {
  const auto other = *registry::CprNumber::Parse("6201801001");
  const auto id = random_.NewId<CaseId>();
  On([&](log::Appender& appender) {
    for (const event::CommandBody& body : std::vector<event::CommandBody>{
             event::ProposeEnrolment{id, kOdense, other, std::nullopt, today() - 5},
             event::StartEnrolment{id, today() - 5}, event::EndEnrolment{id, today(), event::EndReason::kJob}}) {
      ASSERT_EQ(RuleOf(appender.Execute({"anna", body}).status()), "OK");
    }
    for (const std::string officer : {"anna", "bo"}) {
      event::EraseCases command{random_.NewId<CaseId>(), {id}, "gdpr-17-1-d", "journal-1", crypto::Sha256(officer)};
      ASSERT_EQ(RuleOf(privacy::Erase(appender, {officer, std::move(command)}).status()), "OK");
    }
  });
  EXPECT_TRUE(KeysOf(id).empty());
  EXPECT_FALSE(KeysOf(enrolment_).empty()) << "the other citizen's";
  Open();
  EXPECT_TRUE(KeysOf(id).empty());
  const domain::State state = StateNow();
  EXPECT_EQ(state.FindEnrolment(id), nullptr);
  EXPECT_NE(state.FindEnrolment(enrolment_), nullptr);
}

// A peer was refused, so nothing in the state is about the case, and its number opens with the key all the same.
TEST_F(ErasingTest, TheSweepDestroysTheKeysOfWhatAPeerSaidAndWasRefused) {
  const keys::DataKey granted{random_.NewId<KeyId>(), crypto::Key::Random()};
  const auto refused = random_.NewId<CaseId>();
  On([&](log::Appender& appender) {
    ASSERT_TRUE(appender.keys()
                    .Accept(granted, {refused, kNyborg, kOdense, event::RetentionClass::kCase}, appender.batch())
                    .ok());
  });
  ASSERT_TRUE(keys_->Has(granted.id));
  EXPECT_EQ(Sweep().keys, 1U);
  EXPECT_TRUE(keys_->IsDestroyed(granted.id));
  EXPECT_FALSE(KeysOf(enrolment_).empty());
}

TEST_F(ErasingTest, TheSweepProposesOrErasesAsTheTableSays) {
  directory_.periods = {{domain::Kept::kCase, Date(2000, 1, 1), 60, 0, false}};
  clock_.now += absl::Hours(24 * 366 * 4);
  EXPECT_EQ(Sweep().proposed, 0U);
  clock_.now += absl::Hours(24 * 367);
  auto outcome = Sweep();
  EXPECT_EQ(outcome.proposed, 1U);
  EXPECT_EQ(outcome.erased, 0U);
  EXPECT_FALSE(KeysOf(enrolment_).empty());

  directory_.periods[0].node_erases = true;
  const size_t keys = KeysOf(enrolment_).size();
  outcome = Sweep();
  EXPECT_EQ(outcome.erased, 1U);
  EXPECT_EQ(outcome.keys, keys);
  EXPECT_TRUE(KeysOf(enrolment_).empty());
  outcome = Sweep();
  EXPECT_EQ(outcome.erased + outcome.keys + outcome.proposed, 0U);
}

TEST_F(ErasingTest, TheSweepTakesManyCitizensInSeveralCommits) {
  constexpr int kCitizens = static_cast<int>(privacy::RetentionSweep::kAtOnce) + 5;
  for (int i = 0; i < kCitizens; ++i) {
    const auto id = random_.NewId<CaseId>();
    const auto cpr = *registry::CprNumber::Parse("630180" + std::to_string(1000 + i));
    Do({"anna", event::ProposeEnrolment{id, kOdense, cpr, std::nullopt, today()}});
    Do({"anna", event::RefuseEnrolment{id}});
  }
  directory_.periods = {{domain::Kept::kCase, Date(2000, 1, 1), 0, 30, true}};
  clock_.now += absl::Hours(24 * 40);
  auto outcome = Sweep();
  EXPECT_EQ(outcome.erased, privacy::RetentionSweep::kAtOnce);
  EXPECT_TRUE(outcome.more);
  outcome = Sweep();
  EXPECT_EQ(outcome.erased, 6U);  // with the one of every test
  EXPECT_FALSE(outcome.more);
  EXPECT_TRUE(StateNow().enrolments().empty());
}

TEST_F(ErasingTest, AccessRecordsGoByTheMonth) {
  const event::RecordAccess look{event::AccessKind::kSearch, "GetEnrolment", "case work", {enrolment_}};
  Do({"anna", look});
  const absl::CivilMonth first(today());
  clock_.now += absl::Hours(24 * 40);
  Do({"anna", look});
  ASSERT_EQ(keys_->IdsOf(event::RetentionClass::kAccess).size(), 2U);
  directory_.periods = {{domain::Kept::kAccessRecord, Date(2000, 1, 1), 24, 0, true}};
  const Date last_day = domain::OverOn(Date(first + 1) - 1, directory_.periods[0]) - 1;
  clock_.now = absl::FromCivil(absl::CivilHour(last_day) + 12, absl::UTCTimeZone());
  EXPECT_EQ(Sweep().keys, 0U);
  clock_.now += absl::Hours(24);
  EXPECT_EQ(Sweep().keys, 1U);
  const std::set<KeyId> left = keys_->IdsOf(event::RetentionClass::kAccess);
  ASSERT_EQ(left.size(), 1U);
  EXPECT_NE(keys::MonthOfAccessPeriod(keys_->PurposeOf(*left.begin())->case_id), first);
}

}  // namespace
}  // namespace medflyt::testing
