#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

using domain::EnrolmentState;
using domain::RelocationState;

using ExpiryTest = Story;

TEST_F(ExpiryTest, AReservationRunsOutAndTheNextGetsThePlace) {
  const CaseId agreement = Agree(kNyborg, 1);
  const CaseId first = Case("first");
  const CaseId second = Case("second");
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{first, kOdense, Citizen(1), agreement, Date(2026, 3, 1)}));
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{second, kOdense, Citizen(2), agreement, Date(2026, 3, 1)}));
  world.DeliverAll();
  world.today = Date(2026, 3, 31);  // the last day of the reservation
  ASSERT_DONE(world.Do(kOdense, ExpireDue(), ""));
  EXPECT_TRUE(world.Sent<PlaceReleased>(kOdense, kNyborg).empty());
  world.today = Date(2026, 4, 1);
  ASSERT_DONE(world.Do(kOdense, ExpireDue(), ""));
  ASSERT_DONE(world.Do(kOdense, ExpireDue(), ""));  // once is enough
  world.DeliverAll();
  const auto released = world.Sent<PlaceReleased>(kOdense, kNyborg);
  ASSERT_EQ(released.size(), 1U);
  EXPECT_EQ(released[0].reason, ReleaseReason::kExpired);
  EXPECT_EQ(released[0].from, Date(2026, 4, 1));
  const auto reserved = world.Sent<PlaceReserved>(kOdense, kNyborg);
  ASSERT_EQ(reserved.size(), 2U);
  EXPECT_EQ(reserved[1].from, Date(2026, 4, 1));
  EXPECT_EQ(reserved[1].expires, Date(2026, 5, 1));
  EXPECT_RULE(world.Do(kOdense, StartEnrolment{first, Date(2026, 4, 1)}), "NO_FREE_PLACE");
  EXPECT_DONE(world.Do(kOdense, StartEnrolment{second, Date(2026, 4, 1)}));
  world.DeliverAll();
}

TEST_F(ExpiryTest, AtItsTermTheAgreementsPlacesRetire) {
  const CaseId agreement = Agree(kNyborg, 2, Date(2026, 1, 1), Date(2026, 6, 30));
  const CaseId id = Enrol(kNyborg, 1, Date(2026, 3, 1), agreement);
  const CaseId proposed = Case("proposed");
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{proposed, kOdense, Citizen(2), agreement, Date(2026, 6, 20)}));
  world.DeliverAll();
  world.today = Date(2026, 6, 30);
  ASSERT_DONE(world.Do(kOdense, ExpireDue(), ""));
  EXPECT_EQ(EnrolmentAt(kOdense, id).state(), EnrolmentState::kActive);
  world.today = Date(2026, 7, 1);
  ASSERT_DONE(world.Do(kOdense, ExpireDue(), ""));
  world.DeliverAll();
  for (const AuthorityId who : {kOdense, kNyborg}) {
    EXPECT_EQ(EnrolmentAt(who, id).state(), EnrolmentState::kEnded);
    EXPECT_EQ(EnrolmentAt(who, id).ended->reason, EndReason::kOther);
    EXPECT_EQ(History(who, id), "Nyborg 2026-03-01..2026-07-01 place 1");
    EXPECT_EQ(EnrolmentAt(who, proposed).refused, "AGREEMENT_NOT_IN_FORCE");
  }
  EXPECT_EQ(world.Sent<PlaceReleased>(kOdense, kNyborg)[0].reason, ReleaseReason::kRetired);
}

TEST_F(ExpiryTest, AnExtensionInTimeKeepsThePlace) {
  const CaseId agreement = Agree(kNyborg, 1, Date(2026, 1, 1), Date(2026, 6, 30));
  const CaseId id = Enrol(kNyborg, 1, Date(2026, 3, 1), agreement);
  ASSERT_DONE(
      world.Do(kOdense, ProposeAgreement{agreement, kOdense, kNyborg, Terms(1, Date(2026, 7, 1), Date(2026, 12, 31))}));
  world.DeliverAll();
  ASSERT_DONE(world.Do(kNyborg, AcceptAgreement{agreement, 2}));
  world.DeliverAll();
  world.today = Date(2026, 8, 1);
  ASSERT_DONE(world.Do(kOdense, ExpireDue(), ""));
  EXPECT_EQ(EnrolmentAt(kOdense, id).state(), EnrolmentState::kActive);
  world.today = Date(2027, 1, 1);
  ASSERT_DONE(world.Do(kOdense, ExpireDue(), ""));
  world.DeliverAll();
  EXPECT_EQ(History(kNyborg, id), "Nyborg 2026-03-01..2027-01-01 place 1");
}

TEST_F(ExpiryTest, ATerminatedAgreementRetiresItsPlacesAfterItsLastDay) {
  const CaseId agreement = Agree(kNyborg, 1);
  const CaseId id = Enrol(kNyborg, 1, Date(2026, 3, 1), agreement);
  ASSERT_DONE(world.Do(kNyborg, TerminateAgreement{agreement, Date(2026, 4, 30)}));
  world.DeliverAll();
  world.today = Date(2026, 5, 2);
  ASSERT_DONE(world.Do(kOdense, ExpireDue(), ""));
  world.DeliverAll();
  EXPECT_EQ(History(kNyborg, id), "Nyborg 2026-03-01..2026-05-01 place 1");
}

TEST_F(ExpiryTest, WhoWaitsWhenTheAgreementEndsWaitsNoLonger) {
  const CaseId agreement = Agree(kNyborg, 1, Date(2026, 1, 1), Date(2026, 6, 30));
  Enrol(kNyborg, 1, Date(2026, 3, 1), agreement);
  const CaseId id = Enrol(kOdense, 2, Date(2026, 2, 1));
  const CaseId relocation = Announce(kOdense, id, "0450", Date(2026, 4, 1));
  world.DeliverAll();
  const CaseId transfer = Request(kNyborg, relocation, agreement);
  world.DeliverAll();
  EXPECT_EQ(History(kNyborg, transfer), "Nyborg 2026-04-01.. waiting");
  world.today = Date(2026, 7, 1);
  ASSERT_DONE(world.Do(kOdense, ExpireDue(), ""));
  world.DeliverAll();
  EXPECT_TRUE(domain::WaitingListOn(odense(), agreement).empty());
  EXPECT_EQ(History(kNyborg, transfer), "Nyborg 2026-04-01..2026-07-01");
  EXPECT_EQ(History(kOdense, transfer), "Odense 2026-02-01..2026-04-01; Nyborg 2026-04-01..2026-07-01");
}

TEST_F(ExpiryTest, UndisclosedObservationsExpireAfterThirtyDays) {
  const CaseId id = Enrol(kOdense, 1, Date(2026, 2, 1));
  const CaseId held = Observe(kOdense, id, "0450", Date(2026, 3, 1), "held", {HoldReason::kSpecialRoadCode});
  const CaseId open = Observe(kOdense, id, "0440", Date(2026, 3, 2), "open");
  world.today += 30;
  ASSERT_DONE(world.Do(kOdense, ExpireDue(), ""));
  EXPECT_EQ(odense().FindRelocation(held)->state, RelocationState::kHeld);
  world.today += 1;
  ASSERT_DONE(world.Do(kOdense, ExpireDue(), ""));
  EXPECT_EQ(odense().FindRelocation(held)->state, RelocationState::kExpired);
  EXPECT_EQ(odense().FindRelocation(open)->state, RelocationState::kExpired);
  EXPECT_RULE(world.Do(kOdense, HoldRelocation{open}), "RELOCATION_WRONG_STATE");
  EXPECT_RULE(world.Do(kOdense, AnnounceRelocation{open}), "NOT_DISCLOSED");
}

TEST_F(ExpiryTest, AnUnansweredAnnouncementExpiresAtBothAndLeadsNoFurther) {
  const CaseId id = Enrol(kOdense, 1, Date(2026, 2, 1));
  const CaseId relocation = Announce(kOdense, id, "0450", Date(2026, 3, 1));
  world.DeliverAll();
  world.today += 60;
  for (const AuthorityId who : {kOdense, kNyborg}) ASSERT_DONE(world.Do(who, ExpireDue(), ""));
  EXPECT_EQ(nyborg().FindRelocation(relocation)->state, RelocationState::kAnnounced);
  world.today += 1;
  for (const AuthorityId who : {kOdense, kNyborg}) ASSERT_DONE(world.Do(who, ExpireDue(), ""));
  for (const AuthorityId who : {kOdense, kNyborg}) {
    EXPECT_EQ(world.state(who).FindRelocation(relocation)->state, RelocationState::kExpired);
    EXPECT_FALSE(domain::LeadsOn(*world.state(who).FindRelocation(relocation)));
  }
  EXPECT_RULE(world.Do(kNyborg, RequestTransfer{Case("t"), relocation, std::nullopt}), "RELOCATION_WRONG_STATE");
}

TEST_F(ExpiryTest, AnAnsweredAnnouncementAndOneThatWasUsedStay) {
  const CaseId agreement = Agree(kNyborg, 2);
  const CaseId one = Announce(kOdense, Enrol(kOdense, 1, Date(2026, 2, 1)), "0450", Date(2026, 3, 1), "one");
  const CaseId two = Announce(kOdense, Enrol(kOdense, 2, Date(2026, 2, 1)), "0450", Date(2026, 3, 1), "two");
  world.DeliverAll();
  ASSERT_DONE(world.Do(kNyborg, AcknowledgeRelocation{one}));
  Request(kNyborg, two, agreement);
  world.DeliverAll();
  world.today += 100;
  for (const AuthorityId who : {kOdense, kNyborg}) ASSERT_DONE(world.Do(who, ExpireDue(), ""));
  EXPECT_EQ(odense().FindRelocation(one)->state, RelocationState::kAcknowledged);
  EXPECT_EQ(nyborg().FindRelocation(one)->state, RelocationState::kAcknowledged);
  EXPECT_EQ(odense().FindRelocation(two)->state, RelocationState::kAnnounced);
  EXPECT_EQ(nyborg().FindRelocation(two)->state, RelocationState::kAnnounced);
}

}  // namespace
}  // namespace medflyt::testing
