// What was stated wrongly is put right, wherever it was told.
#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

class RectificationTest : public Story {
 protected:
  CaseId agreement = Agree(kNyborg, 1);
  CaseId enrolment = Enrol(kNyborg, 1, Date(2026, 3, 1), agreement);

  absl::Status Rectify(AuthorityId who, const Rectification& right) {
    return world.Do(who, RectifyValue{enrolment, right});
  }
  static Rectification Number(int citizen) { return {Citizen(citizen), {}, {}, {}}; }
  static Rectification Start(Date date) { return {{}, date, {}, {}}; }
  static Rectification End(Date date) { return {{}, {}, date, {}}; }
  static Rectification Reason(EndReason reason) { return {{}, {}, {}, reason}; }
  void EndFrom(Date date, EndReason reason = EndReason::kJob) {
    ASSERT_DONE(world.Do(kOdense, EndEnrolment{enrolment, date, reason}));
    world.DeliverAll();
  }
  std::string Nyborgs() { return History(kNyborg, enrolment); }
};

TEST_F(RectificationTest, ANumberIsPutRightAtTheProvider) {
  ASSERT_DONE(Rectify(kNyborg, Number(2)));
  world.DeliverAll();
  for (const domain::State* state : {&nyborg(), &odense()}) {
    EXPECT_EQ(state->FindEnrolment(enrolment)->cpr(), Citizen(2));
    EXPECT_TRUE(state->EnrolmentsOf(Citizen(1)).empty()) << "it was never the citizen's";
    EXPECT_EQ(state->EnrolmentsOf(Citizen(2)).size(), 1U);
  }
}

TEST_F(RectificationTest, ANumberIsPutRightForEveryoneWhoWasToldItAndTheyTellItOn) {
  const CaseId with_kerteminde = Agree(kKerteminde, 1);
  const CaseId move = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 20));
  world.DeliverAll();
  const CaseId transfer = Request(kKerteminde, move, with_kerteminde);
  world.DeliverAll();
  ASSERT_EQ(TransferAt(kOdense, transfer).state, domain::TransferState::kDone);
  const CaseId next_move = Announce(kKerteminde, transfer, "0420", Date(2026, 4, 20), "next");
  world.DeliverAll();

  ASSERT_DONE(Rectify(kNyborg, Number(2)));
  world.DeliverAll();
  EXPECT_EQ(world.Sent<ValueRectified>(kNyborg, kOdense).size(), 1U);
  EXPECT_EQ(world.Sent<ValueRectified>(kNyborg, kKerteminde).size(), 1U);
  EXPECT_EQ(world.Sent<ValueRectified>(kKerteminde, kOdense).size(), 1U) << "it asked for the place under it";
  EXPECT_EQ(world.Sent<ValueRectified>(kKerteminde, kAssens).size(), 1U) << "and announced the next move with it";
  for (const domain::State* state : {&nyborg(), &odense(), &kerteminde()}) {
    EXPECT_TRUE(state->EnrolmentsOf(Citizen(1)).empty());
    EXPECT_EQ(state->EnrolmentsOf(Citizen(2)).size(), 1U);
  }
  EXPECT_EQ(kerteminde().FindRelocation(move)->cpr, Citizen(2));
  EXPECT_EQ(TransferAt(kKerteminde, transfer).cpr, Citizen(2));
  EXPECT_EQ(TransferAt(kOdense, transfer).cpr, Citizen(2));
  EXPECT_EQ(world.state(kAssens).FindRelocation(next_move)->cpr, Citizen(2));
}

TEST_F(RectificationTest, AnAnnouncementUnderTheWrongNumberStillLeadsToThePlace) {
  const CaseId with_kerteminde = Agree(kKerteminde, 1);
  const CaseId move = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 20));
  world.DeliverAll();
  ASSERT_DONE(Rectify(kNyborg, Number(2)));
  world.DeliverAll();
  // The request says the right number; the announcement that it shows cannot be changed.
  const CaseId transfer = Request(kKerteminde, move, with_kerteminde);
  EXPECT_EQ(world.Sent<TransferRequested>(kKerteminde, kOdense).back().cpr, Citizen(2));
  world.DeliverAll();
  EXPECT_EQ(TransferAt(kOdense, transfer).state, domain::TransferState::kDone);
}

TEST_F(RectificationTest, ARequestUnderTheWrongNumberThatWasUnderWayStillLeadsToThePlace) {
  const CaseId with_kerteminde = Agree(kKerteminde, 1);
  const CaseId move = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 20));
  world.DeliverAll();
  const CaseId transfer = Request(kKerteminde, move, with_kerteminde);
  ASSERT_DONE(Rectify(kNyborg, Number(2)));
  world.DeliverPair(kNyborg, kOdense);
  world.DeliverPair(kKerteminde, kOdense);
  EXPECT_EQ(TransferAt(kOdense, transfer).state, domain::TransferState::kDone);
  world.DeliverAll();
  EXPECT_EQ(TransferAt(kOdense, transfer).cpr, Citizen(2));
}

TEST_F(RectificationTest, WhoGotTheCitizenByAnAnnouncementPutsThatRightToo) {
  const CaseId with_kerteminde = Agree(kKerteminde, 1);
  const CaseId move = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 20));
  world.DeliverAll();
  enrolment = Request(kKerteminde, move, with_kerteminde);
  world.DeliverAll();
  ASSERT_DONE(Rectify(kKerteminde, Number(2)));
  world.DeliverAll();
  EXPECT_EQ(kerteminde().FindRelocation(move)->cpr, Citizen(2)) << "nobody else's report shows it";
  EXPECT_EQ(odense().FindEnrolment(enrolment)->cpr(), Citizen(2));
  EXPECT_TRUE(world.Sent<ValueRectified>(kKerteminde, kNyborg).empty()) << "which was told nothing by Kerteminde";
}

// What no honest peer says: the state stays one that can be stored and loaded (TearDown).
TEST_F(RectificationTest, NothingThatAPeerSaysLeavesABrokenState) {
  const auto say = [&](AuthorityId issuer, const ValueRectified& body) {
    Event event;
    event.header.issuer = issuer;
    event.header.case_id = enrolment;
    event.body = body;
    for (const AuthorityId who : {kOdense, kNyborg}) {
      event.header.recipient = who;
      domain::State state = world.state(who);
      (void)state.TakeChanges();
      domain::Evolve(state, event, {"origin", LeafIndex(0), crypto::Hash()});
      (void)domain::React(state, event, world.facts());
      EXPECT_FALSE(state.FindEnrolment(enrolment)->numbers.empty());
      for (const domain::Occupation& each : state.FindEnrolment(enrolment)->current().occupations) {
        EXPECT_TRUE(!each.days.to || *each.days.to > each.days.from);
      }
      for (const domain::RowChange& change : state.TakeChanges()) {
        EXPECT_TRUE(domain::State(who).LoadRow(change.key, *change.value).ok());
      }
    }
  };
  say(kNyborg, {Number(1), Citizen(1)});
  say(kNyborg, {Number(2), Citizen(9)});
  say(kNyborg, {Number(2), std::nullopt});
  say(kOdense, {End(Date(2026, 1, 1)), std::nullopt});
  EndFrom(Date(2026, 3, 20));
  say(kOdense, {Start(Date(2027, 1, 1)), std::nullopt});
  say(kOdense, {End(Date(2026, 1, 1)), std::nullopt});
}

TEST_F(RectificationTest, WhoseNumberItReallyWasGetsThePlaceBack) {
  // The citizen's end is taken back while another runs under the same number by mistake.
  ASSERT_DONE(world.Do(kNyborg, EndResponsibility{enrolment, Date(2026, 3, 20), ResponsibilityEndReason::kOther}));
  world.DeliverAll();
  const CaseId with_kerteminde = Agree(kKerteminde, 1);
  const CaseId first = enrolment;
  enrolment = Enrol(kKerteminde, 1, Date(2026, 4, 1), with_kerteminde);
  ASSERT_DONE(world.Do(kNyborg, RestoreResponsibility{first}));
  world.DeliverAll();
  ASSERT_EQ(odense().FindEnrolment(first)->state(), domain::EnrolmentState::kEnded);
  ASSERT_DONE(Rectify(kKerteminde, Number(2)));
  world.DeliverAll();
  EXPECT_EQ(odense().FindEnrolment(first)->state(), domain::EnrolmentState::kActive);
  EXPECT_EQ(History(kNyborg, first), "Nyborg 2026-03-01.. place 1");
}

TEST_F(RectificationTest, OnlyTheResponsibleHasTheNumberRightAndOnlyANewOne) {
  EXPECT_RULE(Rectify(kOdense, Number(2)), "NOT_RESPONSIBLE");
  EXPECT_RULE(Rectify(kNyborg, Number(1)), "VALUE_UNCHANGED");
  EXPECT_RULE(Rectify(kNyborg, {}), "NOT_THE_PROVIDER");
  EXPECT_RULE(Rectify(kOdense, {}), "FIELD_REQUIRED");
  EXPECT_RULE(world.Do(kNyborg, RectifyValue{enrolment, Number(2)}, ""), "OFFICER_REQUIRED");
  EXPECT_RULE(world.Do(kNyborg, RectifyValue{Case("none"), Number(2)}), "UNKNOWN_CASE");
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{Case("other"), kOdense, Citizen(2), agreement, Date(2026, 3, 1)}));
  EXPECT_RULE(Rectify(kNyborg, Number(2)), "CITIZEN_ALREADY_ENROLLED");
}

TEST_F(RectificationTest, ALaterStartTakesThePlaceAlong) {
  ASSERT_EQ(Nyborgs(), "Nyborg 2026-03-01.. place 1");
  ASSERT_DONE(Rectify(kOdense, Start(Date(2026, 3, 15))));
  world.DeliverAll();
  EXPECT_EQ(Nyborgs(), "Nyborg 2026-03-15.. place 1");
  EXPECT_EQ(History(kOdense, enrolment), Nyborgs());
}

TEST_F(RectificationTest, AnEarlierStartNeedsThePlaceOnThoseDays) {
  ASSERT_DONE(Rectify(kOdense, Start(Date(2026, 2, 1))));
  world.DeliverAll();
  EXPECT_EQ(Nyborgs(), "Nyborg 2026-02-01.. place 1");
  EXPECT_RULE(Rectify(kOdense, Start(Date(2025, 12, 31))), "AGREEMENT_NOT_IN_FORCE");
  EXPECT_RULE(Rectify(kOdense, Start(Date(2028, 1, 1))), "AGREEMENT_NOT_IN_FORCE");

  // The one place was another's until the day before.
  EndFrom(Date(2026, 4, 1));
  const CaseId first = enrolment;
  enrolment = Enrol(kNyborg, 2, Date(2026, 4, 1), agreement);
  EXPECT_RULE(Rectify(kOdense, Start(Date(2026, 3, 31))), "NO_FREE_PLACE");
  enrolment = first;
  EXPECT_RULE(Rectify(kOdense, End(Date(2026, 4, 2))), "NO_FREE_PLACE");
  EXPECT_DONE(Rectify(kOdense, End(Date(2026, 3, 31))));
}

TEST_F(RectificationTest, AStartKeepsToTheRunOfDaysInWhichThePlaceCounts) {
  // From May on there is one place; what began in March counts until the gap in April only.
  agreement = Agree(kKerteminde, 2, Date(2026, 1, 1), Date(2026, 3, 31));
  Enrol(kKerteminde, 2, Date(2026, 3, 1), agreement);
  enrolment = Enrol(kKerteminde, 3, Date(2026, 3, 1), agreement);
  ASSERT_EQ(History(kKerteminde, enrolment), "Kerteminde 2026-03-01.. place 2");
  ASSERT_DONE(world.Do(
      kOdense, ProposeAgreement{agreement, kOdense, kKerteminde, Terms(1, Date(2026, 5, 1), Date(2027, 12, 31))}));
  world.DeliverAll();
  ASSERT_DONE(world.Do(kKerteminde, AcceptAgreement{agreement, 2}));
  world.DeliverAll();
  EXPECT_RULE(Rectify(kOdense, Start(Date(2026, 5, 10))), "AGREEMENT_NOT_IN_FORCE");
  EXPECT_DONE(Rectify(kOdense, Start(Date(2026, 3, 31))));
}

TEST_F(RectificationTest, FewerPlacesLaterAreNoMatter) {
  agreement = Agree(kKerteminde, 2);
  Enrol(kKerteminde, 3, Date(2026, 3, 1), agreement);
  enrolment = Enrol(kKerteminde, 4, Date(2026, 3, 1), agreement);
  EndFrom(Date(2026, 3, 20));
  ASSERT_DONE(world.Do(
      kOdense, ProposeAgreement{agreement, kOdense, kKerteminde, Terms(1, Date(2026, 4, 1), Date(2027, 12, 31))}));
  EXPECT_DONE(Rectify(kOdense, Start(Date(2026, 2, 20))));
  EXPECT_DONE(Rectify(kOdense, End(Date(2026, 4, 1))));
  EXPECT_RULE(Rectify(kOdense, End(Date(2026, 4, 2))), "NO_FREE_PLACE") << "the buyer may accept any moment";
}

TEST_F(RectificationTest, AStartFitsWhatFollowed) {
  EXPECT_RULE(Rectify(kOdense, Start(Date(2026, 3, 1))), "VALUE_UNCHANGED");
  EXPECT_RULE(Rectify(kNyborg, Start(Date(2026, 3, 2))), "NOT_THE_PROVIDER");
  ASSERT_DONE(world.Do(kOdense, PauseEnrolment{enrolment, Date(2026, 3, 10)}));
  EXPECT_RULE(Rectify(kOdense, Start(Date(2026, 3, 11))), "RECTIFIED_DATE_CONFLICTS");
  EndFrom(Date(2026, 3, 20));
  EXPECT_RULE(Rectify(kOdense, Start(Date(2026, 3, 20))), "RECTIFIED_DATE_CONFLICTS");
  EXPECT_DONE(Rectify(kOdense, Start(Date(2026, 3, 10))));
}

TEST_F(RectificationTest, BeforeTheStartThereIsNone) {
  enrolment = Case("proposed");
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{enrolment, kOdense, Citizen(4), agreement, Date(2026, 5, 1)}));
  world.DeliverAll();
  EXPECT_RULE(Rectify(kOdense, Start(Date(2026, 5, 2))), "ENROLMENT_NOT_ACTIVE");
  EXPECT_RULE(Rectify(kOdense, End(Date(2026, 5, 2))), "ENROLMENT_NOT_ENDED");
  EXPECT_RULE(Rectify(kOdense, Reason(EndReason::kOther)), "ENROLMENT_NOT_ENDED");
}

TEST_F(RectificationTest, AnEndIsMovedBothWays) {
  EndFrom(Date(2026, 3, 20));
  ASSERT_EQ(Nyborgs(), "Nyborg 2026-03-01..2026-03-20 place 1");
  ASSERT_DONE(Rectify(kOdense, End(Date(2026, 3, 25))));
  world.DeliverAll();
  EXPECT_EQ(Nyborgs(), "Nyborg 2026-03-01..2026-03-25 place 1");
  ASSERT_DONE(Rectify(kOdense, End(Date(2026, 3, 10))));
  world.DeliverAll();
  EXPECT_EQ(Nyborgs(), "Nyborg 2026-03-01..2026-03-10 place 1");
  EXPECT_EQ(History(kOdense, enrolment), Nyborgs());
  EXPECT_EQ(odense().FindEnrolment(enrolment)->ended->from, Date(2026, 3, 10));
  EXPECT_RULE(Rectify(kOdense, End(Date(2026, 3, 10))), "VALUE_UNCHANGED");
  EXPECT_RULE(Rectify(kOdense, End(Date(2026, 3, 1))), "RECTIFIED_DATE_CONFLICTS");
}

TEST_F(RectificationTest, AnEarlierStayIsPutRightAfterAnotherBegan) {
  EndFrom(Date(2026, 3, 20));
  const CaseId again = Case("the same citizen again");
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{again, kOdense, Citizen(1), agreement, Date(2026, 4, 1)}));
  world.DeliverAll();
  ASSERT_DONE(world.Do(kOdense, StartEnrolment{again, Date(2026, 4, 1)}));
  world.DeliverAll();
  EXPECT_DONE(Rectify(kOdense, End(Date(2026, 4, 1))));
  EXPECT_RULE(Rectify(kOdense, End(Date(2026, 4, 2))), "CITIZEN_ALREADY_ENROLLED");
  EXPECT_RULE(Rectify(kOdense, End(Date(2028, 1, 2))), "CITIZEN_ALREADY_ENROLLED");
}

TEST_F(RectificationTest, WhatTheResponsibleEndedIsItsOwnToTakeBack) {
  ASSERT_DONE(world.Do(kNyborg, EndResponsibility{enrolment, Date(2026, 3, 20), ResponsibilityEndReason::kDead}));
  world.DeliverAll();
  EXPECT_RULE(Rectify(kOdense, End(Date(2026, 3, 21))), "NOT_RESPONSIBLE");
  EXPECT_RULE(Rectify(kOdense, Reason(EndReason::kJob)), "NOT_RESPONSIBLE");
}

TEST_F(RectificationTest, OfAReasonOthersAreToldNoMoreThanEver) {
  EndFrom(Date(2026, 3, 20), EndReason::kJob);
  ASSERT_DONE(Rectify(kOdense, Reason(EndReason::kPrison)));
  world.DeliverAll();
  EXPECT_EQ(world.Sent<ValueRectified>(kOdense, kNyborg).back().right.end_reason, EndReason::kOther);
  EXPECT_EQ(nyborg().FindEnrolment(enrolment)->ended->reason, EndReason::kOther);
  EXPECT_EQ(nyborg().FindEnrolment(enrolment)->local_end_reason, std::nullopt);
  EXPECT_EQ(odense().FindEnrolment(enrolment)->local_end_reason, EndReason::kPrison);
  EXPECT_RULE(Rectify(kOdense, Reason(EndReason::kPrison)), "VALUE_UNCHANGED");
  // What stays here changes; the others were told "other" and still are.
  ASSERT_DONE(Rectify(kOdense, Reason(EndReason::kExit)));
  EXPECT_EQ(world.Sent<ValueRectified>(kOdense, kNyborg).size(), 1U);
  ASSERT_DONE(Rectify(kOdense, Reason(EndReason::kEducation)));
  EXPECT_EQ(world.Sent<ValueRectified>(kOdense, kNyborg).back().right.end_reason, EndReason::kEducation);
  EXPECT_EQ(odense().FindEnrolment(enrolment)->local_end_reason, EndReason::kEducation);
}

// Nyborg's from 1 March, Kerteminde's from 20 March.
class RectificationAfterTransferTest : public RectificationTest {
 protected:
  CaseId with_kerteminde = Agree(kKerteminde, 1);
  CaseId move = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 20));
  CaseId transfer = Move();

  CaseId Move() {
    world.DeliverAll();
    const CaseId id = Request(kKerteminde, move, with_kerteminde);
    world.DeliverAll();
    EXPECT_EQ(History(kOdense, enrolment), "Nyborg 2026-03-01..2026-03-20 place 1; Kerteminde 2026-03-20.. place 1");
    return id;
  }
  // What the two municipalities tell is what the provider tells.
  void ExpectHistory(const std::string& nyborgs, const std::string& kertemindes) {
    world.DeliverAll();
    EXPECT_EQ(Nyborgs(), nyborgs);
    EXPECT_EQ(History(kKerteminde, transfer), kertemindes);
    EXPECT_EQ(History(kOdense, enrolment), nyborgs + (kertemindes.empty() ? "" : "; " + kertemindes));
  }
  size_t Told(AuthorityId who) { return world.Sent<ValueRectified>(kOdense, who).size(); }
};

TEST_F(RectificationAfterTransferTest, TheFirstMunicipalityAloneIsToldTheRightStart) {
  ASSERT_DONE(Rectify(kOdense, Start(Date(2026, 2, 10))));
  ExpectHistory("Nyborg 2026-02-10..2026-03-20 place 1", "Kerteminde 2026-03-20.. place 1");
  ASSERT_DONE(Rectify(kOdense, Start(Date(2026, 3, 19))));
  ExpectHistory("Nyborg 2026-03-19..2026-03-20 place 1", "Kerteminde 2026-03-20.. place 1");
  EXPECT_EQ(Told(kNyborg), 2U);
  EXPECT_EQ(Told(kKerteminde), 0U) << "to which the stay began on the date of the move";
  EXPECT_RULE(Rectify(kOdense, Start(Date(2026, 3, 19))), "VALUE_UNCHANGED");
}

TEST_F(RectificationAfterTransferTest, AStartAsLateAsTheMoveConflicts) {
  EXPECT_RULE(Rectify(kOdense, Start(Date(2026, 3, 20))), "RECTIFIED_DATE_CONFLICTS");
  EXPECT_RULE(Rectify(kOdense, Start(Date(2026, 4, 1))), "RECTIFIED_DATE_CONFLICTS");
}

TEST_F(RectificationAfterTransferTest, TheDateOfTheMoveIsCorrectedByWhoAnnouncedIt) {
  enrolment = transfer;
  EXPECT_RULE(Rectify(kOdense, Start(Date(2026, 3, 10))), "ENROLMENT_TRANSFERRED");
}

TEST_F(RectificationAfterTransferTest, AnEarlierStartNeedsTheFormerPlaceOnThoseDays) {
  // Another had Nyborg's one place until the day before.
  const CaseId late = enrolment;
  ASSERT_DONE(Rectify(kOdense, Start(Date(2026, 3, 15))));
  world.DeliverAll();
  const CaseId other = Case("until the fifteenth");
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{other, kOdense, Citizen(3), agreement, Date(2026, 3, 20)}));
  world.DeliverAll();
  ASSERT_DONE(world.Do(kOdense, StartEnrolment{other, Date(2026, 3, 20)}));
  world.DeliverAll();
  enrolment = other;
  EndFrom(Date(2026, 3, 25));
  EXPECT_RULE(Rectify(kOdense, Start(Date(2026, 3, 19))), "NO_FREE_PLACE") << "the moved citizen had it then";
  enrolment = late;
  ASSERT_DONE(Rectify(kOdense, Start(Date(2026, 3, 10))));
  EXPECT_RULE(Rectify(kOdense, Start(Date(2025, 12, 31))), "AGREEMENT_NOT_IN_FORCE");
  ExpectHistory("Nyborg 2026-03-10..2026-03-20 place 1", "Kerteminde 2026-03-20.. place 1");
}

TEST_F(RectificationAfterTransferTest, AReversalRestoresWhatBeganOnTheRightDay) {
  ASSERT_DONE(Rectify(kOdense, Start(Date(2026, 2, 10))));
  ASSERT_DONE(world.Do(kNyborg, AnnulRelocation{move}));
  ExpectHistory("Nyborg 2026-02-10.. place 1", "");
  ASSERT_DONE(Rectify(kOdense, Start(Date(2026, 2, 20))));
  ExpectHistory("Nyborg 2026-02-20.. place 1", "");
}

TEST_F(RectificationAfterTransferTest, AReversalThatCrossesItGivesTheSameBooks) {
  ASSERT_DONE(Rectify(kOdense, Start(Date(2026, 3, 10))));
  ASSERT_DONE(world.Do(kNyborg, AnnulRelocation{move}));
  world.DeliverPair(kNyborg, kOdense);
  ExpectHistory("Nyborg 2026-03-10.. place 1", "");
}

TEST_F(RectificationAfterTransferTest, TheLastMunicipalityAloneIsToldTheRightEnd) {
  EndFrom(Date(2026, 4, 10));
  ASSERT_DONE(Rectify(kOdense, End(Date(2026, 4, 20))));
  ASSERT_DONE(Rectify(kOdense, Reason(EndReason::kEducation)));
  ExpectHistory("Nyborg 2026-03-01..2026-03-20 place 1", "Kerteminde 2026-03-20..2026-04-20 place 1");
  EXPECT_EQ(kerteminde().FindEnrolment(transfer)->ended->reason, EndReason::kEducation);
  EXPECT_EQ(Told(kNyborg), 0U) << "nothing dated later than its responsibility";
  EXPECT_RULE(Rectify(kOdense, End(Date(2026, 3, 20))), "RECTIFIED_DATE_CONFLICTS");
  EXPECT_DONE(Rectify(kOdense, End(Date(2026, 3, 21))));
}

TEST_F(RectificationAfterTransferTest, AnEarlierEndGivesThePlaceToWhoWaits) {
  EndFrom(Date(2026, 5, 10));
  const CaseId next = Case("next");
  ASSERT_DONE(world.Do(kKerteminde, ProposeEnrolment{next, kOdense, Citizen(5), with_kerteminde, Date(2026, 4, 10)}));
  world.DeliverAll();
  ASSERT_EQ(odense().FindEnrolment(next)->current().OpenOccupation()->days.from, Date(2026, 5, 10));
  ASSERT_DONE(world.Do(kOdense, StartEnrolment{next, Date(2026, 5, 10)}));
  world.DeliverAll();
  EXPECT_RULE(Rectify(kOdense, End(Date(2026, 5, 11))), "NO_FREE_PLACE");
  ASSERT_DONE(Rectify(kOdense, End(Date(2026, 4, 10))));
  ASSERT_DONE(world.Do(kOdense, RectifyValue{next, Start(Date(2026, 4, 10))}));
  ExpectHistory("Nyborg 2026-03-01..2026-03-20 place 1", "Kerteminde 2026-03-20..2026-04-10 place 1");
}

TEST_F(RectificationAfterTransferTest, AStayThatWentOnIsPutRightInEachOfItsEnds) {
  const CaseId next_move = Announce(kKerteminde, transfer, "0461", Date(2026, 4, 10), "home");
  world.DeliverAll();
  Request(kOdense, next_move, std::nullopt);
  world.DeliverAll();
  EndFrom(Date(2026, 5, 1));
  ASSERT_DONE(Rectify(kOdense, Start(Date(2026, 2, 10))));
  ASSERT_DONE(Rectify(kOdense, End(Date(2026, 5, 5))));
  world.DeliverAll();
  EXPECT_EQ(History(kOdense, enrolment),
            "Nyborg 2026-02-10..2026-03-20 place 1; Kerteminde 2026-03-20..2026-04-10 place 1; "
            "Odense 2026-04-10..2026-05-05");
  EXPECT_EQ(Told(kNyborg), 1U);
  EXPECT_EQ(Told(kKerteminde), 0U);
  EXPECT_EQ(Told(kOdense), 1U) << "the provider was the last municipality itself";
}

TEST_F(RectificationTest, AStartThatAPauseFollowedConflictsAfterATransferToo) {
  ASSERT_DONE(world.Do(kOdense, PauseEnrolment{enrolment, Date(2026, 3, 10)}));
  const CaseId with_kerteminde = Agree(kKerteminde, 1);
  const CaseId move = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 20));
  world.DeliverAll();
  Request(kKerteminde, move, with_kerteminde);
  world.DeliverAll();
  EXPECT_RULE(Rectify(kOdense, Start(Date(2026, 3, 11))), "RECTIFIED_DATE_CONFLICTS");
  EXPECT_DONE(Rectify(kOdense, Start(Date(2026, 3, 10))));
}

TEST_F(RectificationTest, AMunicipalityThatWasLeftOnTheFirstDayGetsItsDays) {
  const CaseId with_kerteminde = Agree(kKerteminde, 1);
  const CaseId move = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 1));
  world.DeliverAll();
  Request(kKerteminde, move, with_kerteminde);
  world.DeliverAll();
  ASSERT_EQ(History(kOdense, enrolment), "Kerteminde 2026-03-01.. place 1");
  ASSERT_DONE(Rectify(kOdense, Start(Date(2026, 2, 20))));
  world.DeliverAll();
  EXPECT_EQ(History(kOdense, enrolment), "Nyborg 2026-02-20..2026-03-01; Kerteminde 2026-03-01.. place 1");
  EXPECT_EQ(Nyborgs(), "Nyborg 2026-02-20..2026-03-01");
}

}  // namespace
}  // namespace medflyt::testing
