#include "server/domain/place.h"

#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

using domain::PlaceState;

class PlaceTest : public Story {
 protected:
  // What Nyborg was told of its n-th citizen: the place, or nothing while it waits.
  CaseId Propose(int citizen, const CaseId& agreement, Date from) {
    const CaseId id = Case("p" + std::to_string(citizen));
    EXPECT_DONE(world.Do(kNyborg, ProposeEnrolment{id, kOdense, Citizen(citizen), agreement, from}));
    world.DeliverAll();
    return id;
  }
  std::vector<CaseId> Waiting(const CaseId& agreement) {
    std::vector<CaseId> cases;
    for (const auto& entry : domain::WaitingListOn(odense(), agreement)) cases.push_back(entry.case_id);
    return cases;
  }
};

TEST_F(PlaceTest, CapacityHoldsOnEveryDateFromTheEffectiveDateOn) {
  const CaseId agreement = Agree(kNyborg, 1);
  Enrol(kNyborg, 1, Date(2026, 9, 1), agreement);  // the only place is taken from September on
  const CaseId early = Propose(2, agreement, Date(2026, 3, 1));
  EXPECT_EQ(Waiting(agreement), std::vector{early}) << "free today, but not on every date from today on";
  EXPECT_RULE(world.Do(kOdense, StartEnrolment{early, Date(2026, 3, 1)}), "NO_FREE_PLACE");
}

TEST_F(PlaceTest, AFallInCapacityCountsFromTheDayBefore) {
  const CaseId agreement = Agree(kNyborg, 2, Date(2026, 1, 1), Date(2026, 12, 31));
  ASSERT_DONE(
      world.Do(kOdense, ProposeAgreement{agreement, kOdense, kNyborg, Terms(1, Date(2026, 7, 1), Date(2026, 12, 31))}));
  world.DeliverAll();
  ASSERT_DONE(world.Do(kNyborg, AcceptAgreement{agreement, 2}));
  world.DeliverAll();
  Enrol(kNyborg, 1, Date(2026, 3, 1), agreement);
  const CaseId second = Propose(2, agreement, Date(2026, 3, 1));
  EXPECT_EQ(Waiting(agreement), std::vector{second}) << "two places until July, one after: it would have to move out";
}

TEST_F(PlaceTest, FirstComeFirstServedInTheProvidersOrder) {
  const CaseId agreement = Agree(kNyborg, 1);
  const CaseId holder = Enrol(kNyborg, 1, Date(2026, 3, 1), agreement);
  const CaseId first = Propose(2, agreement, Date(2026, 6, 1));
  const CaseId second = Propose(3, agreement, Date(2026, 3, 1));  // wants it earlier, but came later
  EXPECT_EQ(Waiting(agreement), (std::vector{first, second}));
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{holder, Date(2026, 4, 1), EndReason::kJob}));
  world.DeliverAll();
  EXPECT_EQ(Waiting(agreement), std::vector{second});
  const auto reserved = world.Sent<PlaceReserved>(kOdense, kNyborg).back();
  EXPECT_EQ(reserved.from, Date(2026, 6, 1)) << "machines reserve; they do not enrol";
  EXPECT_EQ(EnrolmentAt(kNyborg, first).state(), domain::EnrolmentState::kProposed);
}

TEST_F(PlaceTest, AWaiterGetsTheDayFromWhichAPlaceIsFree) {
  const CaseId agreement = Agree(kNyborg, 1);
  const CaseId holder = Enrol(kNyborg, 1, Date(2026, 3, 1), agreement);
  Propose(2, agreement, Date(2026, 3, 15));
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{holder, Date(2026, 5, 1), EndReason::kJob}));
  world.DeliverAll();
  EXPECT_EQ(world.Sent<PlaceReserved>(kOdense, kNyborg).back().from, Date(2026, 5, 1));
  EXPECT_TRUE(Waiting(agreement).empty());
}

TEST_F(PlaceTest, AProposalFindsAPlaceThatWillBeFree) {
  const CaseId agreement = Agree(kNyborg, 1);
  const CaseId holder = Enrol(kNyborg, 1, Date(2026, 3, 1), agreement);
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{holder, Date(2026, 5, 1), EndReason::kJob}));
  Propose(2, agreement, Date(2026, 4, 1));
  EXPECT_EQ(world.Sent<PlaceReserved>(kOdense, kNyborg).back().from, Date(2026, 5, 1));
}

TEST_F(PlaceTest, MoreCapacityServesTheWaitingList) {
  const CaseId agreement = Agree(kNyborg, 1);
  Enrol(kNyborg, 1, Date(2026, 3, 1), agreement);
  const CaseId second = Propose(2, agreement, Date(2026, 3, 1));
  const CaseId third = Propose(3, agreement, Date(2026, 3, 1));
  const CaseId fourth = Propose(4, agreement, Date(2026, 3, 1));
  EXPECT_EQ(Waiting(agreement), (std::vector{second, third, fourth}));
  ASSERT_DONE(world.Do(kNyborg, ProposeAgreement{agreement, kOdense, kNyborg, Terms(3)}));
  world.DeliverAll();
  ASSERT_DONE(world.Do(kOdense, AcceptAgreement{agreement, 2}));
  world.DeliverAll();
  EXPECT_EQ(Waiting(agreement), std::vector{fourth});
  EXPECT_EQ(domain::PlacesOn(nyborg(), agreement, Date(2026, 3, 1))[2].state, PlaceState::kReserved);
}

TEST_F(PlaceTest, AReservedNumberIsKeptOverAnotherThatIsLower) {
  const CaseId agreement = Agree(kNyborg, 2);
  const CaseId first = Enrol(kNyborg, 1, Date(2026, 3, 1), agreement);
  const CaseId second = Propose(2, agreement, Date(2026, 3, 1));
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{first, Date(2026, 3, 1), EndReason::kOther}));
  ASSERT_DONE(world.Do(kOdense, StartEnrolment{second, Date(2026, 3, 1)}));
  world.DeliverAll();
  EXPECT_EQ(History(kNyborg, second), "Nyborg 2026-03-01.. place 2");
  EXPECT_EQ(History(kNyborg, first), "") << "ended on its first day";
}

TEST_F(PlaceTest, PlacesThatTheAgreementDoesNotHaveOnADateAreRetired) {
  const CaseId agreement = Agree(kNyborg, 2, Date(2026, 3, 1), Date(2026, 6, 30));
  EXPECT_EQ(domain::PlacesOn(odense(), agreement, Date(2026, 2, 28))[0].state, PlaceState::kRetired);
  EXPECT_EQ(domain::PlacesOn(odense(), agreement, Date(2026, 3, 1))[1].state, PlaceState::kFree);
  EXPECT_EQ(domain::PlacesOn(odense(), agreement, Date(2026, 7, 1))[0].state, PlaceState::kRetired);
  EXPECT_EQ(domain::PlacesOn(odense(), agreement, Date(2026, 3, 1), 1).size(), 1U);
  EXPECT_EQ(domain::PlacesOn(odense(), agreement, Date(2026, 3, 1), 0, 1).size(), 1U);
  EXPECT_TRUE(domain::PlacesOn(odense(), Case("no such"), Date(2026, 3, 1)).empty());
}

}  // namespace
}  // namespace medflyt::testing
