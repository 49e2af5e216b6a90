// Erasing on a log: which keys go with which records, what a restart finds, and what the daily sweep does by itself.
#include "server/privacy/erasure.h"

#include "server/keys/access_period.h"
#include "server/keys/key_row.h"
#include "tests/unit/privacy/erasing_test.h"

namespace medflyt::testing {
namespace {

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
      ASSERT_EQ(RuleOf(privacy::Erase(appender, random_, {officer, std::move(command)}).status()), "OK");
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
  const KeyId granted = GrantedFor(random_.NewId<CaseId>());
  ASSERT_TRUE(keys_->Has(granted));
  EXPECT_EQ(Sweep().keys, 1U);
  EXPECT_TRUE(keys_->IsDestroyed(granted));
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

TEST_F(ErasingTest, TheSweepTakesAgreementsWhoseAccountsAreOverWithTheirKeys) {
  const auto agreement = random_.NewId<CaseId>();
  Do({"anna", event::ProposeAgreement{agreement, kOdense, kNyborg, Terms(1, today(), today() + 30)}});
  const std::set<KeyId> keys = keys_->IdsOf(std::set<CaseId>{agreement}, event::RetentionClass::kAccounting);
  ASSERT_EQ(keys.size(), 1U);
  directory_.periods = {{domain::Kept::kAgreement, Date(2000, 1, 1), 72, 0, false, true}};
  const Date over = Date((today() + 30).year() + 7, 1, 1);
  const auto go_to = [&](Date day) { clock_.now = absl::FromCivil(absl::CivilHour(day) + 12, absl::UTCTimeZone()); };
  go_to(over - 1);
  EXPECT_EQ(Sweep().proposed, 0U);
  go_to(over);
  EXPECT_EQ(Sweep().proposed, 1U);
  EXPECT_TRUE(Destroyed().empty());

  directory_.periods[0].node_erases = true;
  EXPECT_EQ(Sweep().held_back, 1U) << "Nyborg has not receipted it: without the key it never could";
  On([&](log::Appender& appender) { appender.peer(kNyborg).receipted = appender.peer(kNyborg).issued; });
  const auto outcome = Sweep();
  EXPECT_EQ(outcome.erased, 1U);
  EXPECT_EQ(outcome.keys, 1U);
  EXPECT_THAT(Destroyed(), ::testing::UnorderedElementsAreArray(keys));
  Open();
  EXPECT_TRUE(StateNow().agreements().empty());
  EXPECT_FALSE(KeysOf(enrolment_).empty());
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
