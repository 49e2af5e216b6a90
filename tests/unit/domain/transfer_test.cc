// Who gets the place, and every way in which nobody does.
#include <gmock/gmock.h>

#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

using domain::EnrolmentState;
using domain::TransferState;

class TransferTest : public Story {
 protected:
  CaseId with_nyborg;
  CaseId with_kerteminde;
  CaseId enrolment;  // of citizen 1, by Odense
  void SetUp() override {
    with_nyborg = Agree(kNyborg, 2);
    with_kerteminde = Agree(kKerteminde, 1);
    enrolment = Enrol(kOdense, 1, Date(2026, 2, 1));
  }

  // Odense → Nyborg on that day, all delivered.
  CaseId MoveToNyborg(Date date = Date(2026, 3, 10)) {
    const CaseId relocation = Announce(kOdense, enrolment, "0450", date);
    world.DeliverAll();
    const CaseId transfer = Request(kNyborg, relocation, with_nyborg);
    world.DeliverAll();
    return transfer;
  }
  // A request that Nyborg's own rules would not let an officer make.
  CaseId Say(AuthorityId who, TransferRequested body, std::string name = "said") {
    Draft draft;
    draft.recipient = kOdense;
    draft.case_id = Case(name);
    draft.body = std::move(body);
    world.Say(who, draft);
    return draft.case_id;
  }
  TransferRequested RequestFor(const CaseId& relocation, int citizen = 1) {
    const domain::Relocation& received = *nyborg().FindRelocation(relocation);
    return {Citizen(citizen), with_nyborg, received.announcement->ref, *received.effective_date};
  }
  void ExpectRefused(AuthorityId requester, const CaseId& transfer, std::string_view rule) {
    for (const AuthorityId who : {kOdense, requester}) {
      EXPECT_EQ(TransferAt(who, transfer).state, TransferState::kRefused) << NameOf(who);
      EXPECT_EQ(TransferAt(who, transfer).refused, rule) << NameOf(who);
    }
    EXPECT_EQ(world.state(requester).FindEnrolment(transfer), nullptr);
  }
  void ExpectNothingMoved() {
    EXPECT_EQ(History(kOdense, enrolment), "Odense 2026-02-01..");
    EXPECT_TRUE(odense().CalendarOf(with_nyborg).empty());
    EXPECT_TRUE(odense().CalendarOf(with_kerteminde).empty());
  }
};

TEST_F(TransferTest, ThePlaceFollowsTheCitizenToABuyer) {
  const CaseId transfer = MoveToNyborg();
  EXPECT_EQ(History(kOdense, enrolment), "Odense 2026-02-01..2026-03-10; Nyborg 2026-03-10.. place 1");
  EXPECT_EQ(History(kNyborg, transfer), "Nyborg 2026-03-10.. place 1");
  EXPECT_EQ(TransferAt(kOdense, transfer).state, TransferState::kDone);
  EXPECT_EQ(TransferAt(kNyborg, transfer).state, TransferState::kDone);
  EXPECT_EQ(EnrolmentAt(kOdense, transfer).id, enrolment);
  EXPECT_EQ(EnrolmentAt(kNyborg, transfer).state(), EnrolmentState::kActive);
  // Kerteminde knows its agreement and nothing else.
  EXPECT_TRUE(kerteminde().enrolments().empty());
  EXPECT_TRUE(kerteminde().relocations().empty());
  EXPECT_TRUE(kerteminde().transfers().empty());
}

TEST_F(TransferTest, FromBuyerToBuyerTheFormerPlaceIsReleased) {
  const CaseId at_nyborg = MoveToNyborg();
  const CaseId relocation = Announce(kNyborg, at_nyborg, "0440", Date(2026, 4, 1), "onward");
  world.DeliverAll();
  EXPECT_EQ(EnrolmentAt(kNyborg, at_nyborg).state(), EnrolmentState::kTransferring);
  const CaseId at_kerteminde = Request(kKerteminde, relocation, with_kerteminde);
  world.DeliverAll();
  EXPECT_EQ(History(kOdense, enrolment),
            "Odense 2026-02-01..2026-03-10; Nyborg 2026-03-10..2026-04-01 place 1; Kerteminde 2026-04-01.. place 1");
  EXPECT_EQ(History(kNyborg, at_nyborg), "Nyborg 2026-03-10..2026-04-01 place 1");
  EXPECT_EQ(History(kKerteminde, at_kerteminde), "Kerteminde 2026-04-01.. place 1");
  EXPECT_EQ(EnrolmentAt(kNyborg, at_nyborg).state(), EnrolmentState::kEnded);
  EXPECT_EQ(domain::PlacesOn(nyborg(), with_nyborg, Date(2026, 4, 1))[0].state, domain::PlaceState::kFree);
  EXPECT_EQ(world.Sent<PlaceReleased>(kOdense, kNyborg)[0].reason, ReleaseReason::kTransferred);
}

TEST_F(TransferTest, AReturnToTheProviderNeedsNoAgreementAndReleasesThePlace) {
  const CaseId at_nyborg = MoveToNyborg();
  const CaseId relocation = Announce(kNyborg, at_nyborg, "0461", Date(2026, 4, 1), "back");
  world.DeliverAll();
  const CaseId back = Request(kOdense, relocation, std::nullopt);
  world.DeliverAll();
  EXPECT_EQ(TransferAt(kOdense, back).state, TransferState::kDone);
  EXPECT_EQ(History(kOdense, enrolment),
            "Odense 2026-02-01..2026-03-10; Nyborg 2026-03-10..2026-04-01 place 1; Odense 2026-04-01..");
  EXPECT_EQ(History(kNyborg, at_nyborg), "Nyborg 2026-03-10..2026-04-01 place 1");
  EXPECT_TRUE(world.Sent<PlaceWaitlisted>(kOdense, kOdense).empty());
}

TEST_F(TransferTest, ABuyerEnrolsItsOwnCitizenAndTheProviderIsMovedTo) {
  const CaseId own = Enrol(kNyborg, 2, Date(2026, 2, 1), with_nyborg);
  const CaseId relocation = Announce(kNyborg, own, "0461", Date(2026, 4, 1), "to the provider");
  world.DeliverAll();
  Request(kOdense, relocation, std::nullopt);
  world.DeliverAll();
  EXPECT_EQ(History(kOdense, own), "Nyborg 2026-02-01..2026-04-01 place 1; Odense 2026-04-01..");
}

TEST_F(TransferTest, ARequestThatArrivesBeforeTheEndOfResponsibilityWaits) {
  const CaseId at_nyborg = MoveToNyborg();
  const CaseId relocation = Announce(kNyborg, at_nyborg, "0440", Date(2026, 4, 1), "onward");
  world.DeliverPair(kNyborg, kKerteminde);
  const CaseId transfer = Request(kKerteminde, relocation, with_kerteminde);
  world.DeliverPair(kKerteminde, kOdense);
  EXPECT_EQ(TransferAt(kOdense, transfer).state, TransferState::kWaiting);
  EXPECT_EQ(History(kOdense, enrolment), "Odense 2026-02-01..2026-03-10; Nyborg 2026-03-10.. place 1");
  world.DeliverAll();
  EXPECT_EQ(History(kOdense, transfer),
            "Odense 2026-02-01..2026-03-10; Nyborg 2026-03-10..2026-04-01 place 1; Kerteminde 2026-04-01.. place 1");
}

TEST_F(TransferTest, AnUnbrokenChainMayArriveInAnyOrder) {
  // Odense → Nyborg → Kerteminde, and Kerteminde's request is verified before Nyborg's has its opening.
  world.verify_openings = false;
  const CaseId first = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  const CaseId at_nyborg = Request(kNyborg, first, with_nyborg);
  world.DeliverAll();
  world.VerifyOpening(kOdense, at_nyborg);
  world.DeliverPair(kOdense, kNyborg);
  const CaseId second = Announce(kNyborg, at_nyborg, "0440", Date(2026, 4, 1), "onward");
  world.DeliverPair(kNyborg, kKerteminde);
  const CaseId at_kerteminde = Request(kKerteminde, second, with_kerteminde);
  world.DeliverPair(kKerteminde, kOdense);
  world.DeliverAll();
  EXPECT_EQ(TransferAt(kOdense, at_kerteminde).state, TransferState::kWaiting) << "nothing was opened yet";
  world.VerifyOpening(kOdense, at_kerteminde);
  world.DeliverAll();
  EXPECT_EQ(History(kKerteminde, at_kerteminde), "Kerteminde 2026-04-01.. place 1");
}

TEST_F(TransferTest, WithoutAnAnnouncementThatOpensItWaits) {
  const CaseId relocation = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  TransferRequested request = RequestFor(relocation);
  request.announcement.leaf_hash = crypto::Sha256("no such entry");
  const CaseId transfer = Say(kNyborg, request);
  world.DeliverAll();
  EXPECT_EQ(TransferAt(kOdense, transfer).state, TransferState::kWaiting);
  ExpectNothingMoved();
}

TEST_F(TransferTest, ARequestSaysWhatItWaitsFor) {
  using ::testing::ElementsAre;
  using ::testing::IsEmpty;
  const auto waits_for = [&](AuthorityId who, const CaseId& transfer) {
    return domain::WaitsFor(world.state(who), TransferAt(who, transfer));
  };

  // Nothing was opened, and what was named is nowhere named.
  TransferRequested request = RequestFor([&] {
    const CaseId relocation = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
    world.DeliverAll();
    return relocation;
  }());
  request.announcement.leaf_hash = crypto::Sha256("no such entry");
  const CaseId unopened = Say(kNyborg, request);
  world.DeliverAll();
  EXPECT_THAT(waits_for(kOdense, unopened), ElementsAre("ANNOUNCEMENT_NOT_VERIFIED", "RESPONSIBILITY_NOT_ENDED"));

  // Named, and not opened; then opened, and done.
  world.verify_openings = false;
  const CaseId second = Enrol(kOdense, 2, Date(2026, 2, 1));
  const CaseId relocation = Announce(kOdense, second, "0450", Date(2026, 3, 10), "second move");
  world.DeliverAll();
  const CaseId named = Request(kNyborg, relocation, with_nyborg, "second");
  EXPECT_THAT(waits_for(kNyborg, named), ElementsAre("PROVIDER_NOT_ANSWERED"));
  world.DeliverAll();
  EXPECT_THAT(waits_for(kOdense, named), ElementsAre("ANNOUNCEMENT_NOT_VERIFIED"));
  EXPECT_THAT(waits_for(kNyborg, named), ElementsAre("PROVIDER_NOT_ANSWERED"));
  world.VerifyOpening(kOdense, named);
  EXPECT_THAT(waits_for(kOdense, named), IsEmpty());
  world.DeliverAll();
  EXPECT_THAT(waits_for(kNyborg, named), IsEmpty());
  world.verify_openings = true;

  // Opened, but the end of responsibility is still on its way.
  const CaseId onward = Announce(kNyborg, named, "0440", Date(2026, 4, 1), "onward");
  world.DeliverPair(kNyborg, kKerteminde);
  const CaseId early = Request(kKerteminde, onward, with_kerteminde);
  world.DeliverPair(kKerteminde, kOdense);
  EXPECT_THAT(waits_for(kOdense, early), ElementsAre("RESPONSIBILITY_NOT_ENDED"));
  world.DeliverAll();
  EXPECT_THAT(waits_for(kOdense, early), IsEmpty());
}

TEST_F(TransferTest, ARequestWaitsForAChangeOfNumberAndForTheStart) {
  using ::testing::ElementsAre;
  const auto waits_for = [&](const CaseId& transfer) {
    return domain::WaitsFor(odense(), TransferAt(kOdense, transfer));
  };
  // What was opened is of this citizen by a number that Odense does not know yet.
  const CaseId second = Enrol(kOdense, 2, Date(2026, 2, 1));
  const CaseId relocation = Announce(kOdense, second, "0450", Date(2026, 3, 10), "second move");
  world.DeliverAll();
  world.alter_opening = [](AnnouncementVerified& verified) { verified.same_citizen = true; };
  const CaseId other_number = Say(kNyborg, RequestFor(relocation, /*citizen=*/9));
  world.DeliverAll();
  EXPECT_THAT(waits_for(other_number), ElementsAre("CITIZEN_NUMBER_NOT_KNOWN"));
  ASSERT_DONE(world.Do(kOdense, RenumberCitizen{second, Citizen(9)}));
  EXPECT_EQ(TransferAt(kOdense, other_number).state, TransferState::kDone);
  EXPECT_TRUE(waits_for(other_number).empty());
  world.DeliverAll();

  // Proposed and not begun: its own municipality would not announce that, and another's node may.
  const CaseId third = Case("third");
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{third, kOdense, Citizen(3), with_nyborg, Date(2026, 2, 1)}));
  Draft draft;
  draft.recipient = kKerteminde;
  draft.case_id = Case("early move");
  draft.body = RelocationAnnounced{Citizen(3), kOdense, Code("0450"), Code("0440"), Date(2026, 3, 10), "rsl-12c"};
  world.Say(kNyborg, draft);
  world.DeliverAll();
  draft.recipient = kOdense;
  draft.case_id = third;
  draft.body = ResponsibilityEnded{Date(2026, 3, 10), ResponsibilityEndReason::kMoved,
                                   kerteminde().FindRelocation(Case("early move"))->announcement->ref.leaf_hash};
  world.Say(kNyborg, draft);
  const CaseId early = Request(kKerteminde, Case("early move"), with_kerteminde, "third");
  world.DeliverAll();
  EXPECT_THAT(waits_for(early), ElementsAre("ENROLMENT_NOT_STARTED"));
  ASSERT_DONE(world.Do(kOdense, StartEnrolment{third, Date(2026, 2, 1)}));
  world.DeliverAll();
  EXPECT_EQ(TransferAt(kOdense, early).state, TransferState::kDone);
  EXPECT_TRUE(waits_for(early).empty());
}

TEST_F(TransferTest, AForeignAnnouncementMovesNothing) {
  // Addressed to Nyborg; Kerteminde got hold of it.
  const CaseId relocation = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  TransferRequested request = RequestFor(relocation);
  request.agreement = with_kerteminde;
  const CaseId transfer = Say(kKerteminde, request);
  world.DeliverAll();
  ExpectRefused(kKerteminde, transfer, "ANNOUNCEMENT_FOREIGN");
  ExpectNothingMoved();
}

TEST_F(TransferTest, AnAnnouncementByAMunicipalityThatIsNotResponsibleMovesNothing) {
  Draft draft;
  draft.recipient = kNyborg;
  draft.case_id = Case("forged");
  draft.body = RelocationAnnounced{Citizen(1), kOdense, Code("0420"), Code("0450"), Date(2026, 3, 10), "rsl-12c"};
  world.Say(kAssens, draft);
  world.DeliverAll();
  const CaseId transfer = Request(kNyborg, Case("forged"), with_nyborg);
  world.DeliverAll();
  EXPECT_EQ(TransferAt(kOdense, transfer).state, TransferState::kWaiting) << "Assens may yet become responsible";
  ExpectNothingMoved();
  // Even if the responsible municipality named it.
  draft.recipient = kOdense;
  draft.case_id = enrolment;
  draft.body = ResponsibilityEnded{Date(2026, 3, 10), ResponsibilityEndReason::kMoved,
                                   nyborg().FindRelocation(Case("forged"))->announcement->ref.leaf_hash};
  world.Say(kOdense, draft);
  world.DeliverAll();
  ExpectRefused(kNyborg, transfer, "ANNOUNCEMENT_FOREIGN");
  ExpectNothingMoved();
}

TEST_F(TransferTest, AnAnnouncementOfAnotherCitizenMovesNothing) {
  const CaseId other = Enrol(kOdense, 2, Date(2026, 2, 1));
  const CaseId relocation = Announce(kOdense, other, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  const CaseId transfer = Say(kNyborg, RequestFor(relocation, /*citizen=*/1));
  world.DeliverAll();
  ExpectRefused(kNyborg, transfer, "ANNOUNCEMENT_OTHER_CITIZEN");
  ExpectNothingMoved();
  EXPECT_EQ(History(kOdense, other), "Odense 2026-02-01..");
}

TEST_F(TransferTest, AnAnnouncementNamedForAnotherCitizenMovesNothing) {
  // What was opened says citizen 1, but responsibility ended for citizen 2.
  const CaseId other = Enrol(kOdense, 2, Date(2026, 2, 1));
  const CaseId relocation = Announce(kOdense, other, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  world.alter_opening = [](AnnouncementVerified& verified) { verified.same_citizen = true; };
  const CaseId transfer = Say(kNyborg, RequestFor(relocation, /*citizen=*/1));
  world.DeliverAll();
  ExpectRefused(kNyborg, transfer, "ANNOUNCEMENT_OTHER_CITIZEN");
  ExpectNothingMoved();
}

TEST_F(TransferTest, AnotherDateThanAnnouncedMovesNothing) {
  const CaseId relocation = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  TransferRequested request = RequestFor(relocation);
  request.from = Date(2026, 3, 1);
  const CaseId transfer = Say(kNyborg, request);
  world.DeliverAll();
  ExpectRefused(kNyborg, transfer, "ANNOUNCEMENT_WRONG_DATE");
  ExpectNothingMoved();
}

TEST_F(TransferTest, AnotherDateThanResponsibilityEndedMovesNothing) {
  const CaseId relocation = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  world.alter_opening = [](AnnouncementVerified& verified) { verified.effective_date = Date(2026, 3, 1); };
  TransferRequested request = RequestFor(relocation);
  request.from = Date(2026, 3, 1);
  const CaseId transfer = Say(kNyborg, request);
  world.DeliverAll();
  ExpectRefused(kNyborg, transfer, "ANNOUNCEMENT_WRONG_DATE");
  ExpectNothingMoved();
}

TEST_F(TransferTest, AnAnnouncementForAnotherProviderMovesNothing) {
  const CaseId relocation = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  world.alter_opening = [](AnnouncementVerified& verified) { verified.provider = kAssens; };
  const CaseId transfer = Request(kNyborg, relocation, with_nyborg);
  world.DeliverAll();
  ExpectRefused(kNyborg, transfer, "ANNOUNCEMENT_OTHER_PROVIDER");
  ExpectNothingMoved();
}

TEST_F(TransferTest, AnOpeningOfAnotherEntryMovesNothing) {
  const CaseId relocation = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  world.alter_opening = [](AnnouncementVerified& verified) { verified.announcement.index = LeafIndex(999); };
  const CaseId transfer = Request(kNyborg, relocation, with_nyborg);
  world.DeliverAll();
  ExpectRefused(kNyborg, transfer, "ANNOUNCEMENT_FOREIGN");
  ExpectNothingMoved();
}

TEST_F(TransferTest, AnAnnouncementIsUsedOnce) {
  const CaseId first = MoveToNyborg();
  EXPECT_RULE(world.Do(kNyborg, RequestTransfer{Case("again"), Case("move from " + kOdense.ToString()), with_nyborg}),
              "TRANSFER_ALREADY_REQUESTED");
  const CaseId transfer = Say(kNyborg, RequestFor(Case("move from " + kOdense.ToString())));
  world.DeliverAll();
  ExpectRefused(kNyborg, transfer, "ANNOUNCEMENT_USED");
  EXPECT_EQ(History(kNyborg, first), "Nyborg 2026-03-10.. place 1");
}

TEST_F(TransferTest, OfTwoRequestsWithOneAnnouncementTheFirstCounts) {
  world.verify_openings = false;
  const CaseId relocation = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  const CaseId first = Request(kNyborg, relocation, with_nyborg);
  const CaseId second = Say(kNyborg, RequestFor(relocation));
  world.DeliverAll();
  world.VerifyOpening(kOdense, second);
  world.VerifyOpening(kOdense, first);
  world.DeliverAll();
  ExpectRefused(kNyborg, first, "ANNOUNCEMENT_USED");
  EXPECT_EQ(History(kNyborg, second), "Nyborg 2026-03-10.. place 1");
}

TEST_F(TransferTest, AStaleAnnouncementMovesNothing) {
  // Odense said later that responsibility ended otherwise; the first announcement was not taken back.
  const CaseId relocation = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  Draft draft;
  draft.recipient = kOdense;
  draft.case_id = enrolment;
  draft.body = ResponsibilityEnded{Date(2026, 3, 10), ResponsibilityEndReason::kMoved, crypto::Sha256("a later one")};
  world.Say(kOdense, draft);
  const CaseId transfer = Request(kNyborg, relocation, with_nyborg);
  world.DeliverAll();
  ExpectRefused(kNyborg, transfer, "ANNOUNCEMENT_STALE");
  ExpectNothingMoved();
}

TEST_F(TransferTest, AnAnnouncementOfAnEarlierSpellIsUsedOrStale) {
  const CaseId at_nyborg = MoveToNyborg();
  const CaseId relocation = Announce(kNyborg, at_nyborg, "0440", Date(2026, 4, 1), "onward");
  world.DeliverAll();
  Request(kKerteminde, relocation, with_kerteminde);
  world.DeliverAll();
  const CaseId transfer = Say(kNyborg, RequestFor(Case("move from " + kOdense.ToString())));
  world.DeliverAll();
  ExpectRefused(kNyborg, transfer, "ANNOUNCEMENT_USED");
}

TEST_F(TransferTest, AnAnnulledAnnouncementMovesNothing) {
  const CaseId relocation = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  const CaseId transfer = Request(kNyborg, relocation, with_nyborg);  // on its way
  ASSERT_DONE(world.Do(kOdense, AnnulRelocation{relocation}));
  world.DeliverAll();
  ExpectRefused(kNyborg, transfer, "ANNOUNCEMENT_ANNULLED");
  ExpectNothingMoved();
  EXPECT_EQ(EnrolmentAt(kOdense, enrolment).state(), EnrolmentState::kActive);
}

TEST_F(TransferTest, AWaitingRequestIsRefusedWhenItsAnnouncementIsAnnulled) {
  const CaseId at_nyborg = MoveToNyborg();
  const CaseId relocation = Announce(kNyborg, at_nyborg, "0440", Date(2026, 4, 1), "onward");
  world.DeliverPair(kNyborg, kKerteminde);
  const CaseId transfer = Request(kKerteminde, relocation, with_kerteminde);
  world.DeliverPair(kKerteminde, kOdense);
  ASSERT_DONE(world.Do(kNyborg, AnnulRelocation{relocation}));
  // The end of responsibility and its reversal arrive one after the other; between them the transfer is done, and
  // undone again.
  world.DeliverAll();
  EXPECT_EQ(History(kOdense, at_nyborg), "Odense 2026-02-01..2026-03-10; Nyborg 2026-03-10.. place 1");
  EXPECT_EQ(History(kNyborg, at_nyborg), "Nyborg 2026-03-10.. place 1");
  EXPECT_EQ(History(kKerteminde, transfer), "");
  EXPECT_EQ(TransferAt(kKerteminde, transfer).state, TransferState::kReversed);
}

TEST_F(TransferTest, AWithdrawnRequestMovesNothing) {
  const CaseId at_nyborg = MoveToNyborg();
  const CaseId relocation = Announce(kNyborg, at_nyborg, "0440", Date(2026, 4, 1), "onward");
  world.DeliverPair(kNyborg, kKerteminde);
  const CaseId transfer = Request(kKerteminde, relocation, with_kerteminde);
  EXPECT_RULE(world.Do(kKerteminde, RequestTransfer{Case("again"), relocation, with_kerteminde}),
              "TRANSFER_ALREADY_REQUESTED");
  world.DeliverPair(kKerteminde, kOdense);
  ASSERT_DONE(world.Do(kKerteminde, WithdrawTransfer{transfer}));
  world.DeliverPair(kKerteminde, kOdense);
  world.DeliverAll();  // now responsibility ends
  for (const AuthorityId who : {kOdense, kKerteminde}) {
    EXPECT_EQ(TransferAt(who, transfer).state, TransferState::kWithdrawn);
  }
  EXPECT_EQ(History(kOdense, at_nyborg), "Odense 2026-02-01..2026-03-10; Nyborg 2026-03-10.. place 1");
  EXPECT_RULE(world.Do(kKerteminde, WithdrawTransfer{transfer}), "TRANSFER_NOT_WAITING");
  // It was not used: another request may name it.
  const CaseId again = Request(kKerteminde, relocation, with_kerteminde, "again");
  world.DeliverAll();
  EXPECT_EQ(History(kKerteminde, again), "Kerteminde 2026-04-01.. place 1");
}

TEST_F(TransferTest, AWithdrawalThatCrossesTheTransferIsTooLateAtBothEnds) {
  const CaseId relocation = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  const CaseId transfer = Request(kNyborg, relocation, with_nyborg);
  world.Deliver(kNyborg, kOdense);
  ASSERT_DONE(world.Do(kNyborg, WithdrawTransfer{transfer}));
  world.DeliverAll();
  EXPECT_EQ(TransferAt(kOdense, transfer).state, TransferState::kDone);
  EXPECT_EQ(TransferAt(kNyborg, transfer).state, TransferState::kDone);
  EXPECT_EQ(History(kNyborg, transfer), "Nyborg 2026-03-10.. place 1");
}

TEST_F(TransferTest, AfterSixtyDaysAnOfficerLooks) {
  const CaseId at_nyborg = MoveToNyborg();
  const CaseId relocation = Announce(kNyborg, at_nyborg, "0440", Date(2026, 4, 1), "onward");
  world.DeliverPair(kNyborg, kKerteminde);
  const CaseId transfer = Request(kKerteminde, relocation, with_kerteminde);
  world.DeliverPair(kKerteminde, kOdense);
  EXPECT_FALSE(domain::NeedsOfficer(TransferAt(kOdense, transfer), world.today + 60));
  EXPECT_TRUE(domain::NeedsOfficer(TransferAt(kOdense, transfer), world.today + 61));
  EXPECT_RULE(world.Do(kKerteminde, DeclineTransfer{transfer}), "NOT_THE_PROVIDER");
  EXPECT_RULE(world.Do(kOdense, WithdrawTransfer{transfer}), "NOT_THE_REQUESTER");
  EXPECT_RULE(world.Do(kOdense, DeclineTransfer{transfer}, ""), "OFFICER_REQUIRED");
  ASSERT_DONE(world.Do(kOdense, DeclineTransfer{transfer}));
  world.DeliverAll();
  ExpectRefused(kKerteminde, transfer, "OFFICER_DECLINED");
  EXPECT_FALSE(domain::NeedsOfficer(TransferAt(kOdense, transfer), world.today + 61));
}

TEST_F(TransferTest, WithoutAnAgreementOnItsDateTheEnrolmentEnds) {
  const CaseId at_nyborg = MoveToNyborg();
  const CaseId relocation = Announce(kNyborg, at_nyborg, "0440", Date(2028, 2, 1), "after the term");
  world.DeliverAll();
  EXPECT_RULE(world.Do(kKerteminde, RequestTransfer{Case("t"), relocation, with_kerteminde}), "AGREEMENT_NOT_IN_FORCE");
  EXPECT_RULE(world.Do(kKerteminde, RequestTransfer{Case("t"), relocation, std::nullopt}), "AGREEMENT_REQUIRED");
  const domain::Relocation& received = *kerteminde().FindRelocation(relocation);
  const CaseId transfer =
      Say(kKerteminde, {Citizen(1), with_kerteminde, received.announcement->ref, *received.effective_date});
  world.DeliverAll();
  ExpectRefused(kKerteminde, transfer, "AGREEMENT_NOT_IN_FORCE");
  for (const AuthorityId who : {kOdense, kNyborg}) {
    EXPECT_EQ(EnrolmentAt(who, at_nyborg).state(), EnrolmentState::kEnded);
    EXPECT_EQ(EnrolmentAt(who, at_nyborg).ended->reason, EndReason::kMoved);
  }
  EXPECT_EQ(History(kNyborg, at_nyborg), "Nyborg 2026-03-10..2028-02-01 place 1");
}

TEST_F(TransferTest, AnAgreementWithAnotherIsNone) {
  const CaseId relocation = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  TransferRequested request = RequestFor(relocation);
  request.agreement = with_kerteminde;
  const CaseId transfer = Say(kNyborg, request);
  world.DeliverAll();
  ExpectRefused(kNyborg, transfer, "AGREEMENT_NOT_IN_FORCE");
  EXPECT_EQ(History(kOdense, enrolment), "Odense 2026-02-01..2026-03-10");
}

TEST_F(TransferTest, AFullBuyerWaitsIsResponsibleAndIsThenPlaced) {
  const CaseId holder = Enrol(kKerteminde, 5, Date(2026, 2, 1), with_kerteminde);
  const CaseId relocation = Announce(kOdense, enrolment, "0440", Date(2026, 3, 10));
  world.DeliverAll();
  const CaseId transfer = Request(kKerteminde, relocation, with_kerteminde);
  world.DeliverAll();
  for (const AuthorityId who : {kOdense, kKerteminde}) {
    EXPECT_EQ(EnrolmentAt(who, transfer).state(), EnrolmentState::kActive);
    EXPECT_EQ(domain::WaitingListOn(world.state(who), with_kerteminde).size(), 1U);
  }
  EXPECT_EQ(History(kKerteminde, transfer), "Kerteminde 2026-03-10.. waiting");
  EXPECT_EQ(History(kOdense, transfer), "Odense 2026-02-01..2026-03-10; Kerteminde 2026-03-10.. waiting");
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{holder, Date(2026, 5, 1), EndReason::kEducation}));
  world.DeliverAll();
  EXPECT_EQ(History(kKerteminde, transfer), "Kerteminde 2026-03-10..2026-05-01; Kerteminde 2026-05-01.. place 1");
  EXPECT_TRUE(domain::WaitingListOn(kerteminde(), with_kerteminde).empty());
}

TEST_F(TransferTest, AnEndWithoutAnAnnouncementEndsTheEnrolment) {
  const CaseId at_nyborg = MoveToNyborg();
  EXPECT_RULE(world.Do(kOdense, EndResponsibility{at_nyborg, Date(2026, 4, 1), ResponsibilityEndReason::kDead}),
              "NOT_RESPONSIBLE");
  EXPECT_RULE(world.Do(kNyborg, EndResponsibility{at_nyborg, Date(2026, 3, 9), ResponsibilityEndReason::kDead}),
              "DATE_BEFORE_RESPONSIBILITY");
  ASSERT_DONE(world.Do(kNyborg, EndResponsibility{at_nyborg, Date(2026, 4, 1), ResponsibilityEndReason::kEmigrated}));
  EXPECT_EQ(EnrolmentAt(kNyborg, at_nyborg).state(), EnrolmentState::kTransferring);
  EXPECT_RULE(world.Do(kNyborg, EndResponsibility{at_nyborg, Date(2026, 4, 2), ResponsibilityEndReason::kDead}),
              "ENROLMENT_NOT_ACTIVE");
  world.DeliverAll();
  for (const AuthorityId who : {kOdense, kNyborg}) {
    EXPECT_EQ(EnrolmentAt(who, at_nyborg).state(), EnrolmentState::kEnded);
    EXPECT_EQ(EnrolmentAt(who, at_nyborg).ended->reason, EndReason::kOther);
    EXPECT_EQ(domain::PlacesOn(world.state(who), with_nyborg, Date(2026, 4, 1))[0].state, domain::PlaceState::kFree);
  }
  EXPECT_EQ(History(kNyborg, at_nyborg), "Nyborg 2026-03-10..2026-04-01 place 1");
}

TEST_F(TransferTest, ARenumberedCitizenIsTheSameCitizen) {
  const CaseId at_nyborg = MoveToNyborg();
  EXPECT_RULE(world.Do(kNyborg, RenumberCitizen{at_nyborg, Citizen(1)}), "NUMBER_UNCHANGED");
  EXPECT_RULE(world.Do(kOdense, RenumberCitizen{at_nyborg, Citizen(9)}), "NOT_RESPONSIBLE");
  ASSERT_DONE(world.Do(kNyborg, RenumberCitizen{at_nyborg, Citizen(9)}));
  const CaseId relocation = Announce(kNyborg, at_nyborg, "0440", Date(2026, 4, 1), "onward");
  world.DeliverAll();
  EXPECT_EQ(*kerteminde().FindRelocation(relocation)->cpr, Citizen(9));
  // Both numbers find the case.
  for (const int number : {1, 9}) {
    EXPECT_EQ(domain::ListEnrolments(odense(), {Citizen(number), std::nullopt}, {}).rows.size(), 1U);
  }
  // Kerteminde may know the citizen by the old number.
  const domain::Relocation& received = *kerteminde().FindRelocation(relocation);
  const CaseId transfer =
      Say(kKerteminde, {Citizen(1), with_kerteminde, received.announcement->ref, *received.effective_date});
  world.DeliverAll();
  EXPECT_EQ(History(kKerteminde, transfer), "Kerteminde 2026-04-01.. place 1");
  EXPECT_RULE(world.Do(kNyborg, ProposeEnrolment{Case("x"), kOdense, Citizen(2), with_nyborg, Date(2026, 3, 1)}), "OK");
  world.DeliverAll();
}

TEST_F(TransferTest, TheNextResponsibleIsToldOfAPauseThatGoesOn) {
  const CaseId at_nyborg = MoveToNyborg();
  ASSERT_DONE(world.Do(kOdense, PauseEnrolment{at_nyborg, Date(2026, 3, 20)}));
  const CaseId relocation = Announce(kNyborg, at_nyborg, "0440", Date(2026, 4, 1), "onward");
  world.DeliverAll();
  const CaseId transfer = Request(kKerteminde, relocation, with_kerteminde);
  world.DeliverAll();
  EXPECT_EQ(History(kKerteminde, transfer), "Kerteminde 2026-04-01.. place 1 paused");
  EXPECT_EQ(EnrolmentAt(kOdense, transfer).state(), EnrolmentState::kPaused);
  ASSERT_DONE(world.Do(kOdense, ResumeEnrolment{transfer, Date(2026, 4, 5)}));
  world.DeliverAll();
  EXPECT_EQ(History(kNyborg, at_nyborg),
            "Nyborg 2026-03-10..2026-03-20 place 1; Nyborg 2026-03-20..2026-04-01 place 1 paused");
  EXPECT_EQ(History(kKerteminde, transfer),
            "Kerteminde 2026-04-01..2026-04-05 place 1 paused; Kerteminde 2026-04-05.. place 1");
}

TEST_F(TransferTest, WhoeverIsLeavingIsSentNothingDatedLater) {
  const CaseId at_nyborg = MoveToNyborg();
  Announce(kNyborg, at_nyborg, "0440", Date(2026, 4, 1), "onward");
  world.DeliverAll();
  EXPECT_RULE(world.Do(kOdense, PauseEnrolment{at_nyborg, Date(2026, 4, 1)}), "TRANSFER_PENDING");
  EXPECT_RULE(world.Do(kOdense, EndEnrolment{at_nyborg, Date(2026, 4, 2), EndReason::kJob}), "TRANSFER_PENDING");
  EXPECT_DONE(world.Do(kOdense, PauseEnrolment{at_nyborg, Date(2026, 3, 31)}));
  EXPECT_DONE(world.Do(kOdense, EndEnrolment{at_nyborg, Date(2026, 4, 1), EndReason::kJob}));
  world.DeliverAll();
}

TEST_F(TransferTest, AnEnrolmentThatEndedIsNotTransferred) {
  const CaseId at_nyborg = MoveToNyborg();
  const CaseId relocation = Announce(kNyborg, at_nyborg, "0440", Date(2026, 4, 1), "onward");
  world.DeliverAll();
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{at_nyborg, Date(2026, 3, 20), EndReason::kJob}));
  const CaseId transfer = Request(kKerteminde, relocation, with_kerteminde);
  world.DeliverAll();
  ExpectRefused(kKerteminde, transfer, "ENROLMENT_ENDED");
}

TEST_F(TransferTest, OnlyAnAnnouncementThatWasReceivedIsPresented) {
  const CaseId relocation = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
  EXPECT_RULE(world.Do(kOdense, RequestTransfer{Case("t"), relocation, std::nullopt}), "NOT_THE_MUNICIPALITY_MOVED_TO");
  EXPECT_RULE(world.Do(kNyborg, RequestTransfer{Case("t"), relocation, with_nyborg}), "UNKNOWN_CASE");
  world.DeliverAll();
  EXPECT_RULE(world.Do(kNyborg, RequestTransfer{with_nyborg, relocation, with_nyborg}), "CASE_ALREADY_USED");
  EXPECT_RULE(world.Do(kNyborg, RequestTransfer{Case("t"), relocation, with_nyborg}, ""), "OFFICER_REQUIRED");
  EXPECT_DONE(world.Do(kNyborg, RequestTransfer{Case("t"), relocation, with_nyborg}));
}

}  // namespace
}  // namespace medflyt::testing
