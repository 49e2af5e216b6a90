#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

using domain::EnrolmentState;

class EnrolmentTest : public Story {
 protected:
  CaseId agreement;
  void SetUp() override { agreement = Agree(kNyborg, 2); }
};

TEST_F(EnrolmentTest, ABuyersProposalReservesAPlaceAndAnOfficerStartsIt) {
  const CaseId id = Case("e");
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{id, kOdense, Citizen(1), agreement, Date(2026, 3, 10)}));
  world.DeliverAll();
  for (const AuthorityId who : {kOdense, kNyborg}) {
    EXPECT_EQ(EnrolmentAt(who, id).state(), EnrolmentState::kProposed);
    EXPECT_EQ(History(who, id), "");
  }
  const auto reserved = world.Sent<PlaceReserved>(kOdense, kNyborg);
  ASSERT_EQ(reserved.size(), 1U);
  EXPECT_EQ(reserved[0].number, 1U);
  EXPECT_EQ(reserved[0].expires, Date(2026, 4, 9));
  EXPECT_RULE(world.Do(kNyborg, StartEnrolment{id, Date(2026, 3, 10)}), "NOT_THE_PROVIDER");
  EXPECT_RULE(world.Do(kOdense, StartEnrolment{id, Date(2026, 3, 9)}), "START_BEFORE_PROPOSAL");
  EXPECT_RULE(world.Do(kOdense, StartEnrolment{id, Date(2026, 3, 10)}, ""), "OFFICER_REQUIRED");
  ASSERT_DONE(world.Do(kOdense, StartEnrolment{id, Date(2026, 3, 12)}));
  world.DeliverAll();
  for (const AuthorityId who : {kOdense, kNyborg}) {
    EXPECT_EQ(EnrolmentAt(who, id).state(), EnrolmentState::kActive);
    EXPECT_EQ(History(who, id), "Nyborg 2026-03-12.. place 1");
  }
  EXPECT_RULE(world.Do(kOdense, StartEnrolment{id, Date(2026, 3, 12)}), "ENROLMENT_NOT_PROPOSED");
}

TEST_F(EnrolmentTest, TheProvidersOwnCitizensNeedNoAgreementAndNoPlace) {
  EXPECT_RULE(world.Do(kOdense, ProposeEnrolment{Case("e"), kOdense, Citizen(1), agreement, Date(2026, 3, 1)}),
              "AGREEMENT_NOT_NEEDED");
  const CaseId id = Enrol(kOdense, 1, Date(2026, 3, 1));
  EXPECT_EQ(History(kOdense, id), "Odense 2026-03-01..");
  EXPECT_TRUE(odense().CalendarOf(agreement).empty());
  EXPECT_TRUE(nyborg().enrolments().empty());
}

TEST_F(EnrolmentTest, RefusesAProposalThatCannotBe) {
  const auto propose = [&](const CaseId& id, AuthorityId provider, std::optional<CaseId> by, Date from) {
    return world.Do(kNyborg, ProposeEnrolment{id, provider, Citizen(1), by, from});
  };
  EXPECT_RULE(propose(Case("e"), kOdense, std::nullopt, Date(2026, 3, 1)), "AGREEMENT_REQUIRED");
  EXPECT_RULE(propose(Case("e"), kOdense, Case("no such"), Date(2026, 3, 1)), "UNKNOWN_CASE");
  EXPECT_RULE(propose(Case("e"), kKerteminde, agreement, Date(2026, 3, 1)), "AGREEMENT_WITH_ANOTHER");
  EXPECT_RULE(propose(Case("e"), kOdense, agreement, Date(2025, 12, 31)), "AGREEMENT_NOT_IN_FORCE");
  EXPECT_RULE(propose(Case("e"), kOdense, agreement, Date(2028, 1, 1)), "AGREEMENT_NOT_IN_FORCE");
  EXPECT_RULE(propose(agreement, kOdense, agreement, Date(2026, 3, 1)), "CASE_ALREADY_USED");
  EXPECT_RULE(propose(Case("e"), Cvr("11111111"), agreement, Date(2026, 3, 1)), "AUTHORITY_UNKNOWN");
  EXPECT_DONE(propose(Case("e"), kOdense, agreement, Date(2026, 3, 1)));
  EXPECT_RULE(propose(Case("e2"), kOdense, agreement, Date(2026, 3, 1)), "CITIZEN_ALREADY_ENROLLED");
}

TEST_F(EnrolmentTest, ACitizenEnrolledByAnotherIsRefusedByTheProvider) {
  const CaseId first = Enrol(kNyborg, 1, Date(2026, 3, 1), agreement);
  const CaseId theirs = Agree(kKerteminde, 1);
  const CaseId id = Case("second");
  ASSERT_DONE(world.Do(kKerteminde, ProposeEnrolment{id, kOdense, Citizen(1), theirs, Date(2026, 3, 1)}));
  world.DeliverAll();
  EXPECT_EQ(EnrolmentAt(kKerteminde, id).state(), EnrolmentState::kRefused);
  EXPECT_EQ(EnrolmentAt(kKerteminde, id).refused, "CITIZEN_ALREADY_ENROLLED");
  EXPECT_EQ(EnrolmentAt(kOdense, id).state(), EnrolmentState::kRefused);
  EXPECT_EQ(EnrolmentAt(kOdense, first).state(), EnrolmentState::kActive);
  EXPECT_TRUE(odense().CalendarOf(theirs).empty());
}

TEST_F(EnrolmentTest, AProposalUnderAnothersAgreementIsRefusedByAnEvent) {
  const CaseId theirs = Agree(kKerteminde, 1);
  Draft draft;
  draft.recipient = kOdense;
  draft.case_id = Case("e");
  draft.body = EnrolmentProposed{Citizen(1), theirs, Date(2026, 3, 1)};
  world.Say(kNyborg, draft);
  draft.case_id = Case("f");
  draft.body = EnrolmentProposed{Citizen(2), std::nullopt, Date(2026, 3, 1)};
  world.Say(kNyborg, draft);
  draft.case_id = Case("g");
  draft.body = EnrolmentProposed{Citizen(3), agreement, Date(2025, 3, 1)};
  world.Say(kNyborg, draft);
  world.DeliverAll();
  EXPECT_EQ(EnrolmentAt(kNyborg, Case("e")).refused, "AGREEMENT_NOT_IN_FORCE");
  EXPECT_EQ(EnrolmentAt(kNyborg, Case("f")).refused, "AGREEMENT_REQUIRED");
  EXPECT_EQ(EnrolmentAt(kNyborg, Case("g")).refused, "AGREEMENT_NOT_IN_FORCE");
  EXPECT_TRUE(odense().CalendarOf(theirs).empty());
  EXPECT_TRUE(odense().CalendarOf(agreement).empty());
}

TEST_F(EnrolmentTest, AnOfficerRefusesAndTheReservationIsFree) {
  const CaseId id = Case("e");
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{id, kOdense, Citizen(1), agreement, Date(2026, 3, 10)}));
  world.DeliverAll();
  ASSERT_DONE(world.Do(kOdense, RefuseEnrolment{id}));
  world.DeliverAll();
  EXPECT_EQ(EnrolmentAt(kNyborg, id).refused, "OFFICER_DECLINED");
  EXPECT_TRUE(odense().CalendarOf(agreement).empty());
  EXPECT_TRUE(nyborg().CalendarOf(agreement).empty());
  EXPECT_RULE(world.Do(kOdense, RefuseEnrolment{id}), "ENROLMENT_NOT_PROPOSED");
}

TEST_F(EnrolmentTest, PauseAndResumeAlternateAndNeverGoBack) {
  const CaseId id = Enrol(kNyborg, 1, Date(2026, 3, 1), agreement);
  EXPECT_RULE(world.Do(kOdense, ResumeEnrolment{id, Date(2026, 3, 5)}), "ENROLMENT_NOT_PAUSED");
  EXPECT_RULE(world.Do(kOdense, PauseEnrolment{id, Date(2026, 2, 28)}), "DATE_BEFORE_LAST_CHANGE");
  EXPECT_RULE(world.Do(kNyborg, PauseEnrolment{id, Date(2026, 3, 5)}), "NOT_THE_PROVIDER");
  ASSERT_DONE(world.Do(kOdense, PauseEnrolment{id, Date(2026, 3, 5)}));
  world.DeliverAll();
  EXPECT_EQ(EnrolmentAt(kNyborg, id).state(), EnrolmentState::kPaused);
  EXPECT_EQ(domain::PlacesOn(nyborg(), agreement, Date(2026, 3, 6))[0].state, domain::PlaceState::kPaused);
  EXPECT_EQ(domain::PlacesOn(nyborg(), agreement, Date(2026, 3, 4))[0].state, domain::PlaceState::kOccupied);
  EXPECT_RULE(world.Do(kOdense, PauseEnrolment{id, Date(2026, 3, 6)}), "ENROLMENT_PAUSED");
  EXPECT_RULE(world.Do(kOdense, ResumeEnrolment{id, Date(2026, 3, 4)}), "DATE_BEFORE_LAST_CHANGE");
  ASSERT_DONE(world.Do(kOdense, ResumeEnrolment{id, Date(2026, 3, 9)}));
  EXPECT_RULE(world.Do(kOdense, PauseEnrolment{id, Date(2026, 3, 8)}), "DATE_BEFORE_LAST_CHANGE");
  world.DeliverAll();
  for (const AuthorityId who : {kOdense, kNyborg}) {
    EXPECT_EQ(History(who, id),
              "Nyborg 2026-03-01..2026-03-05 place 1; Nyborg 2026-03-05..2026-03-09 place 1 paused; "
              "Nyborg 2026-03-09.. place 1");
  }
}

TEST_F(EnrolmentTest, PausesOfNoDaysLeaveNoTrace) {
  const CaseId id = Enrol(kNyborg, 1, Date(2026, 3, 1), agreement);
  const std::string before = odense().CanonicalBytes();
  for (int i = 0; i < 100; ++i) {
    ASSERT_DONE(world.Do(kOdense, PauseEnrolment{id, Date(2026, 3, 5)}));
    ASSERT_DONE(world.Do(kOdense, ResumeEnrolment{id, Date(2026, 3, 5)}));
  }
  EXPECT_TRUE(odense().CanonicalBytes() == before) << "a row does not grow with its changes of one day";
}

TEST_F(EnrolmentTest, OnlySixReasonsAreStatedToOthers) {
  const CaseId id = Enrol(kNyborg, 1, Date(2026, 3, 1), agreement);
  EXPECT_RULE(world.Do(kNyborg, EndEnrolment{id, Date(2026, 4, 1), EndReason::kPrison}), "NOT_THE_PROVIDER");
  EXPECT_RULE(world.Do(kOdense, EndEnrolment{id, Date(2026, 2, 28), EndReason::kPrison}), "DATE_BEFORE_RESPONSIBILITY");
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{id, Date(2026, 4, 1), EndReason::kPrison}));
  world.DeliverAll();
  EXPECT_EQ(EnrolmentAt(kNyborg, id).ended->reason, EndReason::kOther);
  EXPECT_EQ(EnrolmentAt(kNyborg, id).local_end_reason, std::nullopt);
  EXPECT_EQ(EnrolmentAt(kOdense, id).local_end_reason, EndReason::kPrison);
  EXPECT_EQ(world.Sent<EndReasonRecorded>(kOdense, kNyborg).size(), 0U);
  for (const AuthorityId who : {kOdense, kNyborg}) {
    EXPECT_EQ(History(who, id), "Nyborg 2026-03-01..2026-04-01 place 1");
    EXPECT_EQ(domain::PlacesOn(world.state(who), agreement, Date(2026, 3, 31))[0].state, domain::PlaceState::kOccupied);
    EXPECT_EQ(domain::PlacesOn(world.state(who), agreement, Date(2026, 4, 1))[0].state, domain::PlaceState::kFree);
  }
  EXPECT_RULE(world.Do(kOdense, EndEnrolment{id, Date(2026, 4, 2), EndReason::kJob}), "ENROLMENT_NOT_ACTIVE");
  EXPECT_RULE(world.Do(kOdense, PauseEnrolment{id, Date(2026, 4, 2)}), "ENROLMENT_NOT_ACTIVE");
  // The citizen may come again.
  const CaseId again = Case("again");
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{again, kOdense, Citizen(1), agreement, Date(2026, 5, 1)}));
  world.DeliverAll();
  EXPECT_DONE(world.Do(kOdense, StartEnrolment{again, Date(2026, 5, 1)}));
  world.DeliverAll();
}

TEST_F(EnrolmentTest, AStatedReasonNeedsNoLocalRecord) {
  const CaseId id = Enrol(kNyborg, 1, Date(2026, 3, 1), agreement);
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{id, Date(2026, 4, 1), EndReason::kJob}));
  world.DeliverAll();
  EXPECT_EQ(EnrolmentAt(kNyborg, id).ended->reason, EndReason::kJob);
  EXPECT_EQ(world.Sent<EndReasonRecorded>(kOdense, kOdense).size(), 0U);
}

TEST_F(EnrolmentTest, PausesAsTold) {
  std::vector<domain::Interval> pauses;
  domain::PauseFrom(pauses, Date(2026, 1, 10));
  domain::ResumeFrom(pauses, Date(2026, 1, 20));
  domain::PauseFrom(pauses, Date(2026, 1, 20));  // goes on
  EXPECT_EQ(pauses, (std::vector<domain::Interval>{{Date(2026, 1, 10), std::nullopt}}));
  domain::ResumeFrom(pauses, Date(2026, 1, 25));
  domain::PauseFrom(pauses, Date(2026, 2, 1));
  domain::ResumeFrom(pauses, Date(2026, 1, 15));  // told of an earlier day: what was said of later days is gone
  EXPECT_EQ(pauses, (std::vector<domain::Interval>{{Date(2026, 1, 10), Date(2026, 1, 15)}}));
}

}  // namespace
}  // namespace medflyt::testing
