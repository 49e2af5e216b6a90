// Which cases are one citizen's: through number changes, moves and requests, and never another's.
#include "server/privacy/citizen.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <optional>
#include <set>

#include "server/privacy/retention_sweep.h"
#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAreArray;

class CitizenTest : public Story {
 protected:
  CaseId with_nyborg;
  CaseId with_kerteminde;
  CaseId enrolment;   // of citizen 1, by Nyborg, until the move
  CaseId relocation;  // to Kerteminde
  CaseId transfer;
  CaseId other;  // citizen 2's enrolment, by Nyborg
  void SetUp() override {
    with_nyborg = Agree(kNyborg, 3);
    with_kerteminde = Agree(kKerteminde, 1);
    enrolment = Enrol(kNyborg, 1, Date(2026, 2, 1), with_nyborg);
    other = Enrol(kNyborg, 2, Date(2026, 2, 1), with_nyborg);
    relocation = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 10));
    world.DeliverAll();
    transfer = Request(kKerteminde, relocation, with_kerteminde);
    world.DeliverAll();
  }
  static std::vector<CaseId> Sorted(std::vector<CaseId> cases) {
    std::sort(cases.begin(), cases.end());
    return cases;
  }
};

TEST_F(CitizenTest, HasAllCasesAndNobodyElses) {
  EXPECT_EQ(privacy::FindCitizen(nyborg(), Citizen(1)).cases, Sorted({enrolment, relocation}));
  EXPECT_EQ(privacy::FindCitizen(odense(), Citizen(1)).cases, Sorted({enrolment, transfer}));
  EXPECT_EQ(privacy::FindCitizen(kerteminde(), Citizen(1)).cases, Sorted({relocation, transfer}));
  EXPECT_THAT(privacy::FindCitizen(nyborg(), Citizen(2)).cases, ElementsAre(other));
  EXPECT_THAT(privacy::FindCitizen(nyborg(), Citizen(3)).cases, IsEmpty());
}

TEST_F(CitizenTest, IsFoundByAnyOfTheCasesAndByAnyNumber) {
  ASSERT_DONE(world.Do(kKerteminde, RenumberCitizen{transfer, Citizen(7)}));
  world.DeliverAll();
  for (AuthorityId who : {kOdense, kNyborg, kKerteminde}) {
    const domain::State& state = world.state(who);
    const std::vector<CaseId> cases = privacy::FindCitizen(state, Citizen(1)).cases;
    if (who != kNyborg) {
      EXPECT_EQ(privacy::FindCitizen(state, Citizen(7)).cases, cases) << NameOf(who);
    }
    for (const CaseId& each : cases) {
      EXPECT_EQ(privacy::FindCitizen(state, each).cases, cases) << NameOf(who) << " " << each.ToHex();
    }
  }
  EXPECT_THAT(privacy::FindCitizen(odense(), with_nyborg).cases, IsEmpty());
  EXPECT_THAT(privacy::FindCitizen(odense(), Case("unknown")).cases, IsEmpty());
}

TEST_F(CitizenTest, HasInEveryCaseTheNumberThatIsKnownLast) {
  ASSERT_DONE(world.Do(kKerteminde, RenumberCitizen{transfer, Citizen(7)}));
  world.DeliverAll();
  for (const CaseId& each : {enrolment, transfer}) EXPECT_EQ(privacy::PresentNumber(odense(), each), Citizen(7));
  for (const CaseId& each : {relocation, transfer}) EXPECT_EQ(privacy::PresentNumber(kerteminde(), each), Citizen(7));
  for (const CaseId& each : {enrolment, relocation}) EXPECT_EQ(privacy::PresentNumber(nyborg(), each), Citizen(1));
  for (const CaseId& each : {with_nyborg, Case("unknown")}) {
    EXPECT_EQ(privacy::PresentNumber(odense(), each), std::nullopt);
  }
}

TEST_F(CitizenTest, IsFoundInWhatWasDeclinedTakenBackOrRanOut) {
  const CaseId declined = Announce(kNyborg, other, "0440", Date(2026, 3, 12), "declined");
  world.DeliverAll();
  ASSERT_DONE(world.Do(kKerteminde, DeclineRelocation{declined}));
  world.DeliverAll();
  EXPECT_THAT(privacy::FindCitizen(kerteminde(), Citizen(2)).cases, ElementsAre(declined));
  ASSERT_DONE(world.Do(kNyborg, AnnulRelocation{relocation}));
  world.DeliverAll();
  ASSERT_EQ(kerteminde().FindRelocation(relocation)->state, domain::RelocationState::kAnnulled);
  EXPECT_EQ(privacy::FindCitizen(kerteminde(), Citizen(1)).cases, Sorted({relocation, transfer}));
}

TEST_F(CitizenTest, IsFoundByARequestWhoseAnnouncementKnewAnotherNumber) {
  ASSERT_DONE(world.Do(kKerteminde, RenumberCitizen{transfer, Citizen(7)}));
  EXPECT_EQ(privacy::FindCitizen(kerteminde(), Citizen(7)).cases, Sorted({relocation, transfer}));
}

TEST_F(CitizenTest, AnObservationThatLedToNothingIsErasedAlone) {
  const CaseId seen = Observe(kNyborg, other, "0440", Date(2026, 3, 12), "seen");
  std::vector<CaseId> all = Sorted({other, seen});
  EXPECT_EQ(privacy::CasesErasedWith(nyborg(), seen), all) << "an officer may still disclose it";
  world.today += 31;
  ASSERT_DONE(world.Do(kNyborg, ExpireDue(), ""));
  EXPECT_THAT(privacy::CasesErasedWith(nyborg(), seen), ElementsAre(seen));
  EXPECT_EQ(privacy::CasesErasedWith(nyborg(), other), all);
}

TEST_F(CitizenTest, OneWalkFindsWhatEachSearchFinds) {
  ASSERT_DONE(world.Do(kKerteminde, RenumberCitizen{transfer, Citizen(7)}));
  world.DeliverAll();
  for (AuthorityId who : {kOdense, kNyborg, kKerteminde}) {
    const domain::State& state = world.state(who);
    std::set<std::vector<CaseId>> searched;
    for (const auto* table : {&enrolment, &other, &relocation, &transfer}) {
      auto cases = privacy::FindCitizen(state, *table).cases;
      if (!cases.empty()) searched.insert(std::move(cases));
    }
    EXPECT_THAT(privacy::CasesByCitizen(state), UnorderedElementsAreArray(searched)) << NameOf(who);
  }
}

TEST_F(CitizenTest, WhatNeedNotBeKeptIsDueFromTheDayOnWhichAllOfItIsOver) {
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{other, Date(2026, 3, 20), EndReason::kJob}));
  world.DeliverAll();
  const auto due = [&](Date today) {
    world.today = today;
    std::vector<std::vector<CaseId>> cases;
    for (const privacy::Due& each : privacy::DueForErasure(odense(), world.facts())) cases.push_back(each.cases);
    return cases;
  };
  EXPECT_THAT(due(Date(2031, 3, 20)), IsEmpty());
  EXPECT_THAT(due(Date(2031, 3, 21)), ElementsAre(std::vector<CaseId>{other}));
  EXPECT_THAT(due(Date(2099, 1, 1)), ElementsAre(std::vector<CaseId>{other})) << "the other citizen's enrolment runs";
}

}  // namespace
}  // namespace medflyt::testing
