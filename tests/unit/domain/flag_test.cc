#include "server/domain/codec.h"
#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

using domain::RelocationState;
using enum ProtectionFlag;

class FlagTest : public Story {
 protected:
  CaseId with_nyborg;
  CaseId enrolment;
  void SetUp() override {
    with_nyborg = Agree(kNyborg, 2);
    enrolment = Enrol(kNyborg, 1, Date(2026, 2, 1), with_nyborg);
  }

  RelocationState StateOf(const CaseId& id) { return nyborg().FindRelocation(id)->state; }
  std::vector<HoldReason> ReasonsOf(const CaseId& id) { return nyborg().FindRelocation(id)->hold_reasons; }
  AssessDisclosure Assess(const CaseId& id) { return {id, true, Ground(), std::nullopt}; }
};

TEST_F(FlagTest, HoldsTheNextMoveBesideWhatTheRegistrySaysAndNobodyElseIsTold) {
  ASSERT_DONE(world.Do(kNyborg, SetFlag{enrolment, kSafetyPackage}));
  ASSERT_DONE(world.Do(kNyborg, SetFlag{enrolment, kExitProgramme}));
  const CaseId id = Observe(kNyborg, enrolment, "0440", Date(2026, 3, 1), "a", {HoldReason::kSpecialRoadCode});
  EXPECT_EQ(StateOf(id), RelocationState::kHeld);
  EXPECT_EQ(ReasonsOf(id),
            (std::vector{HoldReason::kSpecialRoadCode, HoldReason::kExitProgramme, HoldReason::kSafetyPackage}));
  EXPECT_RULE(world.Do(kNyborg, Assess(id)), "RELOCATION_HELD");
  EXPECT_EQ(world.Undelivered(kNyborg), 0U);
  EXPECT_TRUE(odense().FindEnrolment(enrolment)->flags.empty());
}

TEST_F(FlagTest, HoldsWhatNobodyWasToldOfAndTakesTheAssessmentBack) {
  const CaseId unseen = Observe(kNyborg, enrolment, "0440", Date(2026, 3, 1), "a");
  const CaseId assessed = Observe(kNyborg, enrolment, "0440", Date(2026, 3, 2), "b");
  ASSERT_DONE(world.Do(kNyborg, Assess(assessed)));
  const CaseId kept_back = Observe(kNyborg, enrolment, "0440", Date(2026, 3, 3), "c");
  AssessDisclosure no = Assess(kept_back);
  no.disclose = false;
  ASSERT_DONE(world.Do(kNyborg, no));
  const CaseId asked = Observe(kNyborg, enrolment, "0440", Date(2026, 3, 4), "d", {HoldReason::kSafetyPackage});
  ASSERT_DONE(world.Do(kNyborg, ReleaseHold{asked}, "anna"));
  const CaseId announced = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 5), "e");

  ASSERT_DONE(world.Do(kNyborg, SetFlag{enrolment, kSafetyPackage}));
  for (const CaseId& id : {unseen, assessed}) {
    EXPECT_EQ(StateOf(id), RelocationState::kHeld);
    EXPECT_EQ(ReasonsOf(id), std::vector{HoldReason::kSafetyPackage});
  }
  EXPECT_RULE(world.Do(kNyborg, AnnounceRelocation{assessed}), "RELOCATION_HELD");
  EXPECT_EQ(StateOf(kept_back), RelocationState::kNotDisclosed) << "that nobody is told was decided";
  EXPECT_EQ(StateOf(announced), RelocationState::kAnnounced);
  // What the first officer asked before the flag was set is not enough any more.
  ASSERT_DONE(world.Do(kNyborg, ReleaseHold{asked}, "bo"));
  EXPECT_EQ(StateOf(asked), RelocationState::kHeld);
}

TEST_F(FlagTest, IsOfTheCitizenAndNotOfOneEnrolment) {
  const CaseId own = Case("own");
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{own, kNyborg, Citizen(1), std::nullopt, Date(2026, 2, 1)}));
  ASSERT_DONE(world.Do(kNyborg, StartEnrolment{own, Date(2026, 2, 1)}));
  const CaseId before = Observe(kNyborg, own, "0440", Date(2026, 3, 1), "a");
  ASSERT_DONE(world.Do(kNyborg, RenumberCitizen{enrolment, Citizen(7)}));
  ASSERT_DONE(world.Do(kNyborg, SetFlag{enrolment, kExitProgramme}));
  EXPECT_EQ(StateOf(before), RelocationState::kHeld);
  EXPECT_EQ(StateOf(Observe(kNyborg, own, "0440", Date(2026, 3, 2), "b")), RelocationState::kHeld);

  const CaseId somebody_else = Enrol(kNyborg, 2, Date(2026, 2, 1), with_nyborg);
  EXPECT_EQ(StateOf(Observe(kNyborg, somebody_else, "0440", Date(2026, 3, 2), "c")), RelocationState::kInAssessment);
}

TEST_F(FlagTest, OfACitizenWhoTurnsOutToBeTheSameHoldsToo) {
  const CaseId own = Case("own");
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{own, kNyborg, Citizen(7), std::nullopt, Date(2026, 2, 1)}));
  ASSERT_DONE(world.Do(kNyborg, StartEnrolment{own, Date(2026, 2, 1)}));
  ASSERT_DONE(world.Do(kNyborg, SetFlag{own, kSafetyPackage}));
  const CaseId seen = Observe(kNyborg, enrolment, "0440", Date(2026, 3, 1), "a");
  ASSERT_DONE(world.Do(kNyborg, Assess(seen)));
  ASSERT_DONE(world.Do(kNyborg, RenumberCitizen{enrolment, Citizen(7)}));
  EXPECT_RULE(world.Do(kNyborg, Assess(seen)), "RELOCATION_NEVER_HELD");
  EXPECT_RULE(world.Do(kNyborg, AnnounceRelocation{seen}), "RELOCATION_NEVER_HELD");
  ASSERT_DONE(world.Do(kNyborg, HoldRelocation{seen, HoldReason::kSafetyPackage}));
  ASSERT_DONE(world.Do(kNyborg, ReleaseHold{seen}, "anna"));
  ASSERT_DONE(world.Do(kNyborg, ReleaseHold{seen}, "bo"));
  ASSERT_DONE(world.Do(kNyborg, Assess(seen)));
  EXPECT_DONE(world.Do(kNyborg, AnnounceRelocation{seen}));
}

TEST_F(FlagTest, FollowsTheCitizenThroughAChainOfNumbers) {
  ASSERT_DONE(world.Do(kNyborg, SetFlag{enrolment, kSafetyPackage}));
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{enrolment, Date(2026, 2, 20), EndReason::kJob}));
  world.DeliverAll();
  const CaseId second = Enrol(kNyborg, 1, Date(2026, 3, 1), with_nyborg, "second");
  ASSERT_DONE(world.Do(kNyborg, RenumberCitizen{second, Citizen(7)}));
  world.DeliverAll();
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{second, Date(2026, 3, 10), EndReason::kJob}));
  world.DeliverAll();
  const CaseId third = Enrol(kNyborg, 7, Date(2026, 3, 11), with_nyborg, "third");
  EXPECT_EQ(StateOf(Observe(kNyborg, third, "0440", Date(2026, 4, 1), "a")), RelocationState::kHeld);
}

TEST_F(FlagTest, StandsOnInWhatARectifiedNumberPartsFromIt) {
  ASSERT_DONE(world.Do(kNyborg, SetFlag{enrolment, kSafetyPackage}));
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{enrolment, Date(2026, 2, 20), EndReason::kJob}));
  world.DeliverAll();
  const CaseId again = Enrol(kNyborg, 1, Date(2026, 3, 1), with_nyborg, "again");
  ASSERT_DONE(world.Do(kNyborg, ClearFlag{enrolment, kSafetyPackage}, "anna"));
  ASSERT_DONE(world.Do(kNyborg, RectifyValue{enrolment, {Citizen(7), {}, {}, {}}}, "bo"));
  EXPECT_EQ(StateOf(Observe(kNyborg, again, "0440", Date(2026, 4, 1), "a")), RelocationState::kHeld);
  // What was asked of the other one counts for nothing here: clearing it takes two.
  ASSERT_DONE(world.Do(kNyborg, ClearFlag{again, kSafetyPackage}, "bo"));
  EXPECT_EQ(StateOf(Observe(kNyborg, again, "0440", Date(2026, 4, 2), "b")), RelocationState::kHeld);
  EXPECT_RULE(world.Do(kNyborg, ClearFlag{again, kSafetyPackage}, "bo"), "TWO_OFFICERS_REQUIRED");
  ASSERT_DONE(world.Do(kNyborg, ClearFlag{again, kSafetyPackage}, "anna"));
  EXPECT_EQ(StateOf(Observe(kNyborg, again, "0440", Date(2026, 4, 3), "c")), RelocationState::kInAssessment);
  EXPECT_NE(EnrolmentAt(kNyborg, enrolment).FindFlag(kSafetyPackage), nullptr);
}

TEST_F(FlagTest, FollowsTheEnrolmentWhoseNumberIsRectified) {
  ASSERT_DONE(world.Do(kNyborg, SetFlag{enrolment, kExitProgramme}));
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{enrolment, Date(2026, 2, 20), EndReason::kJob}));
  world.DeliverAll();
  const CaseId again = Enrol(kNyborg, 1, Date(2026, 3, 1), with_nyborg, "again");
  ASSERT_DONE(world.Do(kNyborg, RectifyValue{again, {Citizen(7), {}, {}, {}}}));
  EXPECT_EQ(StateOf(Observe(kNyborg, again, "0440", Date(2026, 4, 1), "a")), RelocationState::kHeld);
}

TEST_F(FlagTest, ARectifiedNumberThatPartsNothingSetsNone) {
  ASSERT_DONE(world.Do(kNyborg, SetFlag{enrolment, kExitProgramme}));
  const CaseId somebody_else = Enrol(kNyborg, 2, Date(2026, 2, 1), with_nyborg);
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{enrolment, Date(2026, 2, 20), EndReason::kJob}));
  world.DeliverAll();
  const CaseId again = Enrol(kNyborg, 1, Date(2026, 3, 1), with_nyborg, "again");
  ASSERT_DONE(world.Do(kNyborg, RenumberCitizen{again, Citizen(7)}));
  ASSERT_DONE(world.Do(kNyborg, RectifyValue{enrolment, {Citizen(7), {}, {}, {}}}));
  ASSERT_DONE(world.Do(kNyborg, RectifyValue{somebody_else, {Citizen(9), {}, {}, {}}}));
  EXPECT_EQ(world.Sent<FlagSet>(kNyborg, kNyborg).size(), 1U);
  EXPECT_EQ(StateOf(Observe(kNyborg, again, "0440", Date(2026, 4, 1), "a")), RelocationState::kHeld);
}

TEST_F(FlagTest, TheProviderIsNotToldOfAMoveByTheEndOfResponsibilityEither) {
  const EndResponsibility moved{enrolment, Date(2026, 3, 1), ResponsibilityEndReason::kMoved};
  const EndResponsibility other{enrolment, Date(2026, 3, 1), ResponsibilityEndReason::kOther};
  ASSERT_DONE(world.Do(kNyborg, SetFlag{enrolment, kSafetyPackage}));
  EXPECT_RULE(world.Do(kNyborg, moved), "RELOCATION_NEVER_HELD");
  const CaseId held = Observe(kNyborg, enrolment, "0440", Date(2026, 3, 1), "a");
  EXPECT_RULE(world.Do(kNyborg, moved), "RELOCATION_HELD");
  EXPECT_RULE(world.Do(kNyborg, other), "RELOCATION_HELD") << "with the date of the move it says the same";
  EXPECT_EQ(world.Undelivered(kNyborg), 0U);
  ASSERT_DONE(world.Do(kNyborg, ReleaseHold{held}, "anna"));
  ASSERT_DONE(world.Do(kNyborg, ReleaseHold{held}, "bo"));
  EXPECT_DONE(world.Do(kNyborg, moved));
}

TEST_F(FlagTest, NorOfAMoveThatOneOfficerTookBackWhileItWasHeld) {
  const EndResponsibility moved{enrolment, Date(2026, 3, 1), ResponsibilityEndReason::kMoved};
  const EndResponsibility other{enrolment, Date(2026, 3, 1), ResponsibilityEndReason::kOther};
  const CaseId held =
      Observe(kNyborg, enrolment, "0440", Date(2026, 3, 1), "a", {HoldReason::kNameAndAddressProtection});
  ASSERT_DONE(world.Do(kNyborg, AnnulRelocation{held}));
  EXPECT_RULE(world.Do(kNyborg, moved), "RELOCATION_HELD");
  EXPECT_RULE(world.Do(kNyborg, other), "RELOCATION_HELD");
  EXPECT_EQ(world.Undelivered(kNyborg), 0U);
  // Another move that is held for the same, and released, may be told.
  const CaseId seen = Observe(kNyborg, enrolment, "0440", Date(2026, 3, 2), "b");
  ASSERT_EQ(StateOf(seen), RelocationState::kHeld);
  ASSERT_DONE(world.Do(kNyborg, ReleaseHold{seen}, "anna"));
  ASSERT_DONE(world.Do(kNyborg, ReleaseHold{seen}, "bo"));
  EXPECT_DONE(world.Do(kNyborg, moved));
}

TEST_F(FlagTest, TwoOfficersReleaseAHoldWhoseMoveIsOver) {
  const CaseId held =
      Observe(kNyborg, enrolment, "0440", Date(2026, 3, 1), "a", {HoldReason::kNameAndAddressProtection});
  const CaseId never_held = Observe(kNyborg, enrolment, "0440", Date(2026, 3, 9), "never held");
  ASSERT_DONE(world.Do(kNyborg, AnnulRelocation{never_held}));
  EXPECT_RULE(world.Do(kNyborg, ReleaseHold{never_held}), "RELOCATION_WRONG_STATE");
  ASSERT_DONE(world.Do(kNyborg, AnnulRelocation{held}));
  ASSERT_DONE(world.Do(kNyborg, ReleaseHold{held}, "anna"));
  EXPECT_RULE(world.Do(kNyborg, ReleaseHold{held}, "anna"), "TWO_OFFICERS_REQUIRED");
  ASSERT_DONE(world.Do(kNyborg, ReleaseHold{held}, "bo"));
  EXPECT_EQ(StateOf(held), RelocationState::kAnnulled) << "it does not come back";
  EXPECT_RULE(world.Do(kNyborg, ReleaseHold{held}, "carl"), "RELOCATION_WRONG_STATE");
  EXPECT_EQ(StateOf(Observe(kNyborg, enrolment, "0440", Date(2026, 3, 2), "b")), RelocationState::kInAssessment);
  EXPECT_DONE(world.Do(kNyborg, EndResponsibility{enrolment, Date(2026, 3, 1), ResponsibilityEndReason::kOther}));
}

TEST_F(FlagTest, OfWhoDiedTheProviderIsTold) {
  ASSERT_DONE(world.Do(kNyborg, SetFlag{enrolment, kSafetyPackage}));
  Observe(kNyborg, enrolment, "0440", Date(2026, 3, 1), "a");
  EXPECT_DONE(world.Do(kNyborg, EndResponsibility{enrolment, Date(2026, 3, 1), ResponsibilityEndReason::kDead}));
}

TEST_F(FlagTest, WhoeverHoldsHoldsForTheFlagToo) {
  const CaseId own = Case("own");
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{own, kNyborg, Citizen(7), std::nullopt, Date(2026, 2, 1)}));
  ASSERT_DONE(world.Do(kNyborg, StartEnrolment{own, Date(2026, 2, 1)}));
  ASSERT_DONE(world.Do(kNyborg, SetFlag{own, kSafetyPackage}));
  const CaseId seen = Observe(kNyborg, enrolment, "0440", Date(2026, 3, 1), "a");
  ASSERT_DONE(world.Do(kNyborg, RenumberCitizen{enrolment, Citizen(7)}));
  ASSERT_DONE(world.Do(kNyborg, HoldRelocation{seen, HoldReason::kOfficer}));
  EXPECT_EQ(ReasonsOf(seen), (std::vector{HoldReason::kSafetyPackage, HoldReason::kOfficer}));
}

TEST_F(FlagTest, GoesWithItsCaseWhereThatIsErased) {
  const CaseId own = Enrol(kNyborg, 5, Date(2026, 2, 1), with_nyborg);
  ASSERT_DONE(world.Do(kNyborg, SetFlag{own, kSafetyPackage}));
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{own, Date(2026, 2, 20), EndReason::kJob}));
  world.DeliverAll();
  for (const char* officer : {"anna", "bo"}) {
    ASSERT_DONE(world.Do(
        kNyborg,
        EraseCases{
            Case(std::string("erasure by ") + officer), {own}, "gdpr-17-1-d", "journal", crypto::Sha256(officer)},
        officer));
  }
  world.DeliverAll();
  const CaseId again = Enrol(kNyborg, 5, Date(2026, 3, 1), with_nyborg, "again");
  EXPECT_EQ(StateOf(Observe(kNyborg, again, "0440", Date(2026, 4, 1), "a")), RelocationState::kInAssessment);
}

TEST_F(FlagTest, TwoOfficersClearItAndWhatIsHeldStaysHeld) {
  ASSERT_DONE(world.Do(kNyborg, SetFlag{enrolment, kExitProgramme}));
  const CaseId held = Observe(kNyborg, enrolment, "0440", Date(2026, 3, 1), "a");
  ASSERT_DONE(world.Do(kNyborg, ClearFlag{enrolment, kExitProgramme}, "anna"));
  EXPECT_RULE(world.Do(kNyborg, ClearFlag{enrolment, kExitProgramme}, "anna"), "TWO_OFFICERS_REQUIRED");
  EXPECT_RULE(world.Do(kNyborg, ClearFlag{enrolment, kExitProgramme}, ""), "OFFICER_REQUIRED");
  // Setting it again takes the first officer's word back.
  ASSERT_DONE(world.Do(kNyborg, SetFlag{enrolment, kExitProgramme}, "carl"));
  ASSERT_DONE(world.Do(kNyborg, ClearFlag{enrolment, kExitProgramme}, "bo"));
  EXPECT_EQ(StateOf(Observe(kNyborg, enrolment, "0440", Date(2026, 3, 2), "b")), RelocationState::kHeld);
  ASSERT_DONE(world.Do(kNyborg, ClearFlag{enrolment, kExitProgramme}, "anna"));
  EXPECT_EQ(world.Sent<FlagCleared>(kNyborg, kNyborg).back().first_officer, "bo");
  EXPECT_EQ(StateOf(Observe(kNyborg, enrolment, "0440", Date(2026, 3, 3), "c")), RelocationState::kInAssessment);
  EXPECT_EQ(StateOf(held), RelocationState::kHeld);
  EXPECT_RULE(world.Do(kNyborg, ClearFlag{enrolment, kExitProgramme}, "bo"), "FLAG_NOT_SET");
}

TEST_F(FlagTest, OnlyTheResponsibleMunicipalitySetsItAndOnce) {
  EXPECT_RULE(world.Do(kOdense, SetFlag{enrolment, kExitProgramme}), "NOT_RESPONSIBLE");
  EXPECT_RULE(world.Do(kNyborg, SetFlag{Case("nobody"), kExitProgramme}), "UNKNOWN_CASE");
  EXPECT_RULE(world.Do(kNyborg, SetFlag{enrolment, kExitProgramme}, ""), "OFFICER_REQUIRED");
  ASSERT_DONE(world.Do(kNyborg, SetFlag{enrolment, kExitProgramme}));
  EXPECT_RULE(world.Do(kNyborg, SetFlag{enrolment, kExitProgramme}), "FLAG_ALREADY_SET");
  EXPECT_RULE(world.Do(kNyborg, ClearFlag{enrolment, kSafetyPackage}), "FLAG_NOT_SET");
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{enrolment, Date(2026, 2, 20), EndReason::kJob}));
  world.DeliverAll();
  EXPECT_RULE(world.Do(kNyborg, SetFlag{enrolment, kSafetyPackage}), "ENROLMENT_NOT_ACTIVE");
  // It stands until it is cleared: the citizen may come back.
  const CaseId again = Case("again");
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{again, kOdense, Citizen(1), with_nyborg, Date(2026, 3, 1)}));
  world.DeliverAll();
  ASSERT_DONE(world.Do(kOdense, StartEnrolment{again, Date(2026, 3, 1)}));
  world.DeliverAll();
  EXPECT_EQ(StateOf(Observe(kNyborg, again, "0440", Date(2026, 3, 2), "a")), RelocationState::kHeld);
  ASSERT_DONE(world.Do(kNyborg, ClearFlag{enrolment, kExitProgramme}, "anna"));
  EXPECT_DONE(world.Do(kNyborg, ClearFlag{enrolment, kExitProgramme}, "bo"));
}

TEST_F(FlagTest, AMoveThatIsCorrectedIsHeldByWhatWasSetSince) {
  const CaseId announced = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 1), "a");
  world.DeliverAll();
  ASSERT_DONE(world.Do(kNyborg, SetFlag{enrolment, kSafetyPackage}));
  ASSERT_DONE(world.Do(kNyborg, CorrectRelocation{announced, Case("right"), Date(2026, 3, 8)}));
  EXPECT_EQ(world.Sent<RelocationCorrected>(kNyborg, kKerteminde).size(), 1U) << "what is wrong does not stay there";
  EXPECT_EQ(StateOf(Case("right")), RelocationState::kHeld);
  EXPECT_EQ(ReasonsOf(Case("right")), std::vector{HoldReason::kSafetyPackage});
}

TEST_F(FlagTest, ARowWithoutOneHasTheBytesThatItAlwaysHad) {
  const domain::Enrolment& plain = EnrolmentAt(kNyborg, enrolment);
  const std::string without = domain::codec::Encode(plain);
  domain::Enrolment read;
  EXPECT_FALSE(domain::codec::Decode(without + std::string(1, '\0'), read)) << "an empty list has one form";
  ASSERT_DONE(world.Do(kNyborg, SetFlag{enrolment, kSafetyPackage}));
  const std::string with = domain::codec::Encode(EnrolmentAt(kNyborg, enrolment));
  EXPECT_EQ(HexEncode(with.substr(without.size())), "01020000");
  EXPECT_EQ(with.substr(0, without.size()), without);
}

}  // namespace
}  // namespace medflyt::testing
