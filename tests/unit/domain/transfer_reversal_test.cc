// What is taken back, and what it leaves behind.
#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

using domain::EnrolmentState;
using domain::TransferState;

class TransferReversalTest : public Story {
 protected:
  CaseId with_nyborg;
  CaseId with_kerteminde;
  CaseId enrolment;   // of citizen 1, by Nyborg, in its only place
  CaseId relocation;  // to Kerteminde from April 1st
  CaseId transfer;

  void SetUp() override {
    with_nyborg = Agree(kNyborg, 1);
    with_kerteminde = Agree(kKerteminde, 1);
    enrolment = Enrol(kNyborg, 1, Date(2026, 2, 1), with_nyborg);
    relocation = Announce(kNyborg, enrolment, "0440", Date(2026, 4, 1));
    world.DeliverAll();
    transfer = Request(kKerteminde, relocation, with_kerteminde);
    world.DeliverAll();
    ASSERT_EQ(History(kOdense, enrolment), "Nyborg 2026-02-01..2026-04-01 place 1; Kerteminde 2026-04-01.. place 1");
  }
};

TEST_F(TransferReversalTest, AReversalThatFitsRestoresTheFormerPlace) {
  ASSERT_DONE(world.Do(kNyborg, AnnulRelocation{relocation}));
  world.DeliverAll();
  EXPECT_EQ(History(kOdense, enrolment), "Nyborg 2026-02-01.. place 1");
  EXPECT_EQ(History(kNyborg, enrolment), "Nyborg 2026-02-01.. place 1");
  EXPECT_EQ(History(kKerteminde, transfer), "");
  EXPECT_EQ(EnrolmentAt(kNyborg, enrolment).state(), EnrolmentState::kActive);
  EXPECT_EQ(EnrolmentAt(kKerteminde, transfer).state(), EnrolmentState::kEnded);
  EXPECT_EQ(TransferAt(kKerteminde, transfer).state, TransferState::kReversed);
  EXPECT_TRUE(kerteminde().CalendarOf(with_kerteminde).empty());
  EXPECT_EQ(world.Sent<PlaceReleased>(kOdense, kKerteminde)[0].reason, ReleaseReason::kReversed);
}

TEST_F(TransferReversalTest, AReversalThatNoLongerFitsGoesToTheHeadAndDisplacesNobody) {
  const CaseId second = Enrol(kNyborg, 2, Date(2026, 4, 1), with_nyborg);  // took the place that was left
  const CaseId third = Case("third");
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{third, kOdense, Citizen(3), with_nyborg, Date(2026, 4, 1)}));
  world.DeliverAll();
  ASSERT_DONE(world.Do(kNyborg, AnnulRelocation{relocation}));
  world.DeliverAll();
  EXPECT_EQ(History(kNyborg, enrolment), "Nyborg 2026-02-01..2026-04-01 place 1; Nyborg 2026-04-01.. waiting");
  EXPECT_EQ(History(kOdense, second), "Nyborg 2026-04-01.. place 1");
  const auto waiting = domain::WaitingListOn(odense(), with_nyborg);
  ASSERT_EQ(waiting.size(), 2U);
  EXPECT_EQ(waiting[0].case_id, enrolment);
  EXPECT_TRUE(waiting[0].head) << "an officer looks at it";
  EXPECT_EQ(waiting[1].case_id, third);
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{second, Date(2026, 5, 1), EndReason::kJob}));
  world.DeliverAll();
  EXPECT_EQ(History(kNyborg, enrolment),
            "Nyborg 2026-02-01..2026-04-01 place 1; Nyborg 2026-04-01..2026-05-01; Nyborg 2026-05-01.. place 1");
}

TEST_F(TransferReversalTest, ACorrectedDateIsTransferredAnewFromThatDate) {
  const CaseId corrected = Case("corrected");
  ASSERT_DONE(world.Do(kNyborg, CorrectRelocation{relocation, corrected, Date(2026, 4, 15)}));
  world.DeliverAll();
  EXPECT_EQ(History(kNyborg, enrolment), "Nyborg 2026-02-01.. place 1");
  ASSERT_DONE(world.Do(kNyborg, AssessDisclosure{corrected, true, Ground(), std::nullopt}));
  ASSERT_DONE(world.Do(kNyborg, AnnounceRelocation{corrected}));
  world.DeliverAll();
  const CaseId again = Request(kKerteminde, corrected, with_kerteminde, "again");
  world.DeliverAll();
  EXPECT_EQ(History(kOdense, enrolment), "Nyborg 2026-02-01..2026-04-15 place 1; Kerteminde 2026-04-15.. place 1");
  EXPECT_EQ(History(kKerteminde, again), "Kerteminde 2026-04-15.. place 1");
  EXPECT_EQ(History(kNyborg, enrolment), "Nyborg 2026-02-01..2026-04-15 place 1");
}

TEST_F(TransferReversalTest, AReversedUseIsNoUseAgain) {
  const AnnouncementRef ref = kerteminde().FindRelocation(relocation)->announcement->ref;
  ASSERT_DONE(world.Do(kNyborg, AnnulRelocation{relocation}));
  world.DeliverAll();
  Draft draft;
  draft.recipient = kOdense;
  draft.case_id = Case("again");
  draft.body = TransferRequested{Citizen(1), with_kerteminde, ref, Date(2026, 4, 1)};
  world.Say(kKerteminde, draft);
  world.DeliverAll();
  EXPECT_EQ(TransferAt(kKerteminde, Case("again")).refused, "ANNOUNCEMENT_USED");
  EXPECT_EQ(History(kOdense, enrolment), "Nyborg 2026-02-01.. place 1");
}

TEST_F(TransferReversalTest, AWaitingRequesterThatIsReversedLeavesTheList) {
  // Another citizen, whose new municipality is full.
  const CaseId other = Enrol(kOdense, 2, Date(2026, 2, 1));
  const CaseId move = Announce(kOdense, other, "0440", Date(2026, 4, 1), "other");
  world.DeliverAll();
  const CaseId waiting = Request(kKerteminde, move, with_kerteminde, "waiting");
  world.DeliverAll();
  ASSERT_EQ(History(kKerteminde, waiting), "Kerteminde 2026-04-01.. waiting");
  ASSERT_DONE(world.Do(kOdense, AnnulRelocation{move}));
  world.DeliverAll();
  EXPECT_EQ(History(kOdense, other), "Odense 2026-02-01..");
  EXPECT_TRUE(domain::WaitingListOn(odense(), with_kerteminde).empty());
  EXPECT_TRUE(domain::WaitingListOn(kerteminde(), with_kerteminde).empty());
}

TEST_F(TransferReversalTest, PausesOfTheReversedTimeAreTheFormersAgain) {
  ASSERT_DONE(world.Do(kOdense, PauseEnrolment{transfer, Date(2026, 4, 10)}));
  ASSERT_DONE(world.Do(kOdense, ResumeEnrolment{transfer, Date(2026, 4, 20)}));
  ASSERT_DONE(world.Do(kNyborg, AnnulRelocation{relocation}));
  world.DeliverAll();
  for (const AuthorityId who : {kOdense, kNyborg}) {
    EXPECT_EQ(History(who, enrolment),
              "Nyborg 2026-02-01..2026-04-10 place 1; Nyborg 2026-04-10..2026-04-20 place 1 paused; "
              "Nyborg 2026-04-20.. place 1");
  }
}

TEST_F(TransferReversalTest, WhatWasBuiltOnItStandsUntilItIsTakenBackToo) {
  // Kerteminde → Odense, on top of Nyborg → Kerteminde.
  const CaseId onward = Announce(kKerteminde, transfer, "0461", Date(2026, 5, 1), "onward");
  world.DeliverAll();
  const CaseId back = Request(kOdense, onward, std::nullopt, "back");
  world.DeliverAll();
  const std::string chain =
      "Nyborg 2026-02-01..2026-04-01 place 1; Kerteminde 2026-04-01..2026-05-01 place 1; Odense 2026-05-01..";
  ASSERT_EQ(History(kOdense, enrolment), chain);
  ASSERT_DONE(world.Do(kNyborg, AnnulRelocation{relocation}));
  world.DeliverAll();
  EXPECT_EQ(History(kOdense, enrolment), chain);
  EXPECT_TRUE(TransferAt(kOdense, transfer).stuck);
  EXPECT_TRUE(domain::NeedsOfficer(TransferAt(kOdense, transfer), world.today));
  EXPECT_EQ(EnrolmentAt(kNyborg, enrolment).state(), EnrolmentState::kEnded);
  // Once the later one is taken back, so is this.
  ASSERT_DONE(world.Do(kKerteminde, AnnulRelocation{onward}));
  world.DeliverAll();
  EXPECT_EQ(History(kOdense, enrolment), "Nyborg 2026-02-01.. place 1");
  EXPECT_EQ(History(kNyborg, enrolment), "Nyborg 2026-02-01.. place 1");
  EXPECT_EQ(History(kKerteminde, transfer), "");
  EXPECT_EQ(TransferAt(kOdense, back).state, TransferState::kReversed);
  EXPECT_EQ(TransferAt(kOdense, transfer).state, TransferState::kReversed);
  EXPECT_FALSE(TransferAt(kOdense, transfer).stuck);
}

TEST_F(TransferReversalTest, AnEndThatWasToldInBetweenStands) {
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{transfer, Date(2026, 4, 20), EndReason::kJob}));
  ASSERT_DONE(world.Do(kNyborg, AnnulRelocation{relocation}));
  world.DeliverAll();
  EXPECT_EQ(History(kOdense, enrolment),
            "Nyborg 2026-02-01..2026-04-01 place 1; Kerteminde 2026-04-01..2026-04-20 place 1");
  EXPECT_TRUE(TransferAt(kOdense, transfer).stuck);
}

TEST_F(TransferReversalTest, ARestoredEndWithoutAnnouncementGetsItsPlaceBack) {
  ASSERT_DONE(world.Do(kKerteminde, EndResponsibility{transfer, Date(2026, 5, 1), ResponsibilityEndReason::kDead}));
  world.DeliverAll();
  ASSERT_EQ(EnrolmentAt(kKerteminde, transfer).ended->reason, EndReason::kDead);
  EXPECT_RULE(world.Do(kNyborg, RestoreResponsibility{enrolment}), "ANNOUNCEMENT_STANDS");
  ASSERT_DONE(world.Do(kKerteminde, RestoreResponsibility{transfer}));
  world.DeliverAll();
  for (const AuthorityId who : {kOdense, kKerteminde}) {
    EXPECT_EQ(EnrolmentAt(who, transfer).state(), EnrolmentState::kActive);
  }
  EXPECT_EQ(History(kKerteminde, transfer), "Kerteminde 2026-04-01.. place 1");
  EXPECT_RULE(world.Do(kKerteminde, RestoreResponsibility{transfer}), "NOTHING_TO_RESTORE");
}

TEST_F(TransferReversalTest, ARestoredEndWhosePlaceIsTakenGoesToTheHead) {
  ASSERT_DONE(world.Do(kKerteminde, EndResponsibility{transfer, Date(2026, 5, 1), ResponsibilityEndReason::kOther}));
  world.DeliverAll();
  Enrol(kKerteminde, 2, Date(2026, 5, 1), with_kerteminde);
  ASSERT_DONE(world.Do(kKerteminde, RestoreResponsibility{transfer}));
  world.DeliverAll();
  EXPECT_EQ(History(kKerteminde, transfer),
            "Kerteminde 2026-04-01..2026-05-01 place 1; Kerteminde 2026-05-01.. waiting");
  EXPECT_TRUE(domain::WaitingListOn(odense(), with_kerteminde)[0].head);
}

TEST_F(TransferReversalTest, ACitizenEnrolledAnewIsNotRestoredTwice) {
  ASSERT_DONE(world.Do(kKerteminde, EndResponsibility{transfer, Date(2026, 5, 1), ResponsibilityEndReason::kOther}));
  world.DeliverAll();
  const CaseId anew = Case("anew");
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{anew, kOdense, Citizen(1), with_nyborg, Date(2026, 5, 1)}));
  world.DeliverAll();
  ASSERT_DONE(world.Do(kOdense, StartEnrolment{anew, Date(2026, 5, 1)}));
  ASSERT_DONE(world.Do(kKerteminde, RestoreResponsibility{transfer}));
  world.DeliverAll();
  EXPECT_EQ(EnrolmentAt(kOdense, transfer).state(), EnrolmentState::kEnded);
  EXPECT_EQ(EnrolmentAt(kKerteminde, transfer).state(), EnrolmentState::kEnded);
  EXPECT_EQ(EnrolmentAt(kOdense, anew).state(), EnrolmentState::kActive);
}

// Kerteminde takes its end back while Nyborg wants to enrol the citizen, and says an earlier one before it has heard of
// any of that.
class EarlierEndTest : public TransferReversalTest {
 protected:
  CaseId anew = Case("anew");

  void SetUp() override {
    TransferReversalTest::SetUp();
    ASSERT_DONE(world.Do(kKerteminde, EndResponsibility{transfer, Date(2026, 5, 17), ResponsibilityEndReason::kOther}));
    world.DeliverPair(kKerteminde, kOdense);
    ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{anew, kOdense, Citizen(1), with_nyborg, Date(2026, 5, 21)}));
    world.DeliverPair(kNyborg, kOdense);
    ASSERT_DONE(world.Do(kKerteminde, RestoreResponsibility{transfer}));
    world.DeliverPair(kKerteminde, kOdense);
    ASSERT_EQ(EnrolmentAt(kOdense, transfer).state(), EnrolmentState::kEnded) << "the citizen is about to be enrolled";
  }

  void ExpectTold(const std::string& history) {
    EXPECT_EQ(History(kOdense, enrolment), "Nyborg 2026-02-01..2026-04-01 place 1; " + history);
    EXPECT_EQ(History(kKerteminde, transfer), history);
  }
};

TEST_F(EarlierEndTest, EndsItEarlierAndNothingIsRestored) {
  ASSERT_DONE(world.Do(kKerteminde, EndResponsibility{transfer, Date(2026, 4, 14), ResponsibilityEndReason::kOther}));
  world.DeliverPair(kKerteminde, kOdense);
  ASSERT_DONE(world.Do(kOdense, RefuseEnrolment{anew}));
  world.DeliverAll();
  ExpectTold("Kerteminde 2026-04-01..2026-04-14 place 1");
  for (const auto& told : world.Sent<EnrolmentTransferred>(kOdense, kKerteminde)) {
    EXPECT_NE(told.kind, EnrolmentTransferred::Kind::kRestored);
  }
  EXPECT_EQ(world.Sent<PlaceOccupied>(kOdense, kKerteminde).size(), 1U);
  ASSERT_DONE(world.Do(kKerteminde, RestoreResponsibility{transfer}));
  world.DeliverAll();
  ExpectTold("Kerteminde 2026-04-01.. place 1");
}

TEST_F(EarlierEndTest, ThatIsLaterThanTheFirstIsToldAfterItWasRestored) {
  ASSERT_DONE(world.Do(kKerteminde, EndResponsibility{transfer, Date(2026, 6, 1), ResponsibilityEndReason::kOther}));
  world.DeliverPair(kKerteminde, kOdense);
  ASSERT_DONE(world.Do(kOdense, RefuseEnrolment{anew}));
  world.DeliverAll();
  ExpectTold("Kerteminde 2026-04-01..2026-06-01 place 1");
}

TEST_F(EarlierEndTest, WithAnAnnouncementLeavesThePlaceFromThatDayOn) {
  const CaseId onward = Announce(kKerteminde, transfer, "0461", Date(2026, 4, 14), "onward");
  world.DeliverPair(kKerteminde, kOdense);
  ASSERT_DONE(world.Do(kOdense, RefuseEnrolment{anew}));
  world.DeliverAll();
  for (const auto& told : world.Sent<EnrolmentTransferred>(kOdense, kKerteminde)) {
    EXPECT_LE(told.from, Date(2026, 4, 14));
  }
  EXPECT_EQ(EnrolmentAt(kOdense, enrolment).state(), EnrolmentState::kTransferring);
  EXPECT_EQ(world.Sent<PlaceOccupied>(kOdense, kKerteminde).size(), 1U);
  ExpectTold("Kerteminde 2026-04-01..2026-04-14 place 1; Kerteminde 2026-04-14.. waiting");
  const CaseId back = Request(kOdense, onward, std::nullopt, "back");
  world.DeliverAll();
  EXPECT_EQ(TransferAt(kOdense, back).state, TransferState::kDone);
  EXPECT_EQ(History(kKerteminde, transfer), "Kerteminde 2026-04-01..2026-04-14 place 1");
  EXPECT_TRUE(domain::WaitingListOn(odense(), with_kerteminde).empty());
}

TEST_F(EarlierEndTest, WithAnAnnouncementThatIsAnnulledGetsThePlaceBack) {
  const CaseId onward = Announce(kKerteminde, transfer, "0461", Date(2026, 4, 14), "onward");
  world.DeliverPair(kKerteminde, kOdense);
  ASSERT_DONE(world.Do(kOdense, RefuseEnrolment{anew}));
  ASSERT_DONE(world.Do(kKerteminde, AnnulRelocation{onward}));
  world.DeliverAll();
  ExpectTold("Kerteminde 2026-04-01.. place 1");
}

TEST_F(TransferReversalTest, AReversalThatHadToWaitTellsNothingLaterThanAnEndToldMeanwhile) {
  // Assens → Nyborg → Odense; Assens takes its announcement back, and says an earlier end before it hears that it was
  // left.
  const CaseId with_assens = Agree(kAssens, 1);
  const CaseId second = Enrol(kAssens, 2, Date(2026, 2, 1), with_assens);
  const CaseId move = Announce(kAssens, second, "0450", Date(2026, 4, 1), "second");
  world.DeliverPair(kAssens, kOdense);
  world.DeliverPair(kAssens, kNyborg);
  const CaseId to_nyborg = Request(kNyborg, move, with_nyborg, "second");
  world.DeliverPair(kNyborg, kOdense);
  world.DeliverPair(kOdense, kNyborg);
  const CaseId onward = Announce(kNyborg, to_nyborg, "0461", Date(2026, 5, 1), "onward");
  world.DeliverPair(kNyborg, kOdense);
  Request(kOdense, onward, std::nullopt, "back");
  ASSERT_EQ(History(kOdense, second),
            "Assens 2026-02-01..2026-04-01 place 1; Nyborg 2026-04-01..2026-05-01 place 1; Odense 2026-05-01..");
  ASSERT_DONE(world.Do(kOdense, PauseEnrolment{second, Date(2026, 5, 10)}));
  ASSERT_DONE(world.Do(kAssens, AnnulRelocation{move}));
  ASSERT_DONE(world.Do(kAssens, EndResponsibility{second, Date(2026, 3, 15), ResponsibilityEndReason::kOther}));
  world.DeliverPair(kAssens, kOdense);
  ASSERT_DONE(world.Do(kNyborg, AnnulRelocation{onward}));
  const size_t told_before = world.Undelivered(kOdense);
  world.DeliverPair(kNyborg, kOdense);
  EXPECT_GT(world.Undelivered(kOdense), told_before);
  for (const auto& told : world.Sent<EnrolmentTransferred>(kOdense, kAssens)) {
    if (told.kind != EnrolmentTransferred::Kind::kRestored) continue;
    EXPECT_LE(told.from, Date(2026, 3, 15));
  }
  EXPECT_TRUE(world.Sent<EnrolmentPaused>(kOdense, kAssens).empty());
  world.DeliverAll();
  for (const AuthorityId who : {kOdense, kAssens}) {
    EXPECT_EQ(History(who, second), "Assens 2026-02-01..2026-03-15 place 1");
  }
  EXPECT_TRUE(domain::WaitingListOn(odense(), with_assens).empty());
}

TEST_F(TransferReversalTest, AReversalAndTheTransferThatCrossAgreeInTheEnd) {
  // Nyborg takes it back before it hears that it was left.
  const CaseId own = Enrol(kNyborg, 4, Date(2026, 4, 1), with_nyborg);
  const CaseId move = Announce(kNyborg, own, "0461", Date(2026, 4, 15), "crossing");
  world.DeliverAll();
  Request(kOdense, move, std::nullopt, "crossing");
  ASSERT_DONE(world.Do(kNyborg, AnnulRelocation{move}));
  EXPECT_EQ(EnrolmentAt(kNyborg, own).state(), EnrolmentState::kActive);
  world.DeliverPair(kOdense, kNyborg);
  EXPECT_EQ(EnrolmentAt(kNyborg, own).state(), EnrolmentState::kEnded) << "the provider's books say so for now";
  world.DeliverAll();
  EXPECT_EQ(EnrolmentAt(kNyborg, own).state(), EnrolmentState::kActive);
  EXPECT_EQ(History(kNyborg, own), History(kOdense, own));
}

}  // namespace
}  // namespace medflyt::testing
