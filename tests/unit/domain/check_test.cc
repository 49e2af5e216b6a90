// What a peer may not say, and that saying it changes nothing.
#include "common/event/catalogue.h"
#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

class CheckTest : public Story {
 protected:
  CaseId with_nyborg;
  CaseId with_kerteminde;
  CaseId at_nyborg;      // Nyborg's citizen in Odense's unit
  CaseId at_kerteminde;  // Kerteminde's
  void SetUp() override {
    with_nyborg = Agree(kNyborg, 2);
    with_kerteminde = Agree(kKerteminde, 2);
    at_nyborg = Enrol(kNyborg, 1, Date(2026, 2, 1), with_nyborg);
    at_kerteminde = Enrol(kKerteminde, 2, Date(2026, 2, 1), with_kerteminde);
    expect_refusals = true;
  }

  // The rule by which `to` refuses it from `from`, or "OK".
  std::string Say(AuthorityId from, AuthorityId to, const CaseId& case_id, Body body) {
    Event event;
    event.header.id = *EventId::FromBytes(crypto::Sha256("check").bytes().substr(0, 16));
    event.header.issuer = from;
    event.header.recipient = to;
    event.header.case_id = case_id;
    event.header.number = PairNumber(world.node(to).received[from] + 1);
    event.header.recorded_at = absl::FromCivil(absl::CivilHour(world.today), absl::UTCTimeZone());
    event.body = std::move(body);
    return RuleOf(domain::CheckReceived(world.state(to), event, world.facts()));
  }
};

TEST_F(CheckTest, WhatNamesAnotherRecipientIsRefused) {
  Event event;
  event.header.issuer = kNyborg;
  event.header.recipient = kKerteminde;
  event.header.case_id = with_nyborg;
  event.body = AgreementTerminated{Date(2026, 12, 31)};
  EXPECT_RULE(domain::CheckReceived(odense(), event, world.facts()), "EVENT_FOR_ANOTHER_RECIPIENT");
  event.header.issuer = event.header.recipient = kOdense;
  EXPECT_RULE(domain::CheckReceived(odense(), event, world.facts()), "ISSUER_HAS_NO_RIGHT");
}

TEST_F(CheckTest, LocalEventsAreNotReceived) {
  EXPECT_EQ(Say(kNyborg, kOdense, at_nyborg, EndReasonRecorded{}), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kNyborg, kOdense, at_nyborg, AnnouncementVerified{}), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kNyborg, kOdense, Case("x"), RelocationObserved{}), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kNyborg, kOdense, Case("x"), AccessRecorded{}), "ISSUER_HAS_NO_RIGHT");
}

TEST_F(CheckTest, WhoIsNoMunicipalityHasNoPartOfOne) {
  const Body proposed = EnrolmentProposed{Citizen(3), with_nyborg, Date(2026, 3, 1)};
  const Body ended = ResponsibilityEnded{Date(2026, 4, 1), ResponsibilityEndReason::kOther, std::nullopt};
  const ProposeEnrolment propose{Case("another"), kOdense, Citizen(4), with_nyborg, Date(2026, 3, 1)};
  world.directory.district = kNyborg;
  EXPECT_EQ(Say(kNyborg, kOdense, Case("new"), proposed), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kNyborg, kOdense, at_nyborg, ended), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kNyborg, kOdense, with_nyborg, AgreementTerminated{Date(2026, 12, 31)}), "OK");
  EXPECT_RULE(world.Do(kNyborg, propose), "ISSUER_HAS_NO_RIGHT");
  EXPECT_RULE(world.Do(kOdense, PauseEnrolment{at_nyborg, Date(2026, 3, 10)}), "ISSUER_HAS_NO_RIGHT")
      << "whom it is told to is none";
  world.directory.district = AuthorityId();
  EXPECT_EQ(Say(kNyborg, kOdense, Case("new"), proposed), "OK");
  EXPECT_EQ(Say(kNyborg, kOdense, at_nyborg, ended), "OK");
  EXPECT_DONE(world.Do(kNyborg, propose));
  EXPECT_DONE(world.Do(kOdense, PauseEnrolment{at_nyborg, Date(2026, 3, 10)}));
}

TEST_F(CheckTest, OnlyPartiesSpeakOfAnAgreement) {
  EXPECT_EQ(Say(kKerteminde, kOdense, with_nyborg, AgreementTerminated{Date(2026, 12, 31)}), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kKerteminde, kOdense, with_nyborg, AgreementAccepted{1}), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kNyborg, kOdense, Case("unknown"), AgreementAccepted{1}), "UNKNOWN_CASE");
  EXPECT_EQ(Say(kNyborg, kOdense, at_nyborg, AgreementAccepted{1}), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kKerteminde, kOdense, Case("new"), AgreementProposed{1, kOdense, kNyborg, Terms(1)}),
            "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kKerteminde, kOdense, with_nyborg, AgreementProposed{2, kOdense, kKerteminde, Terms(1)}),
            "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kNyborg, kOdense, at_nyborg, AgreementProposed{1, kOdense, kNyborg, Terms(1)}), "CASE_ALREADY_USED");
  EXPECT_EQ(Say(kNyborg, kOdense, Case("new"), AgreementProposed{1, kOdense, kNyborg, Terms(1)}), "OK");
}

TEST_F(CheckTest, APartyDoesNotAcceptItsOwnProposal) {
  ASSERT_DONE(world.Do(kNyborg, ProposeAgreement{with_nyborg, kOdense, kNyborg, Terms(9)}));
  world.DeliverAll();
  EXPECT_EQ(Say(kNyborg, kOdense, with_nyborg, AgreementAccepted{2}), "ISSUER_HAS_NO_RIGHT");
}

TEST_F(CheckTest, OnlyTheProviderOfTheCaseSpeaksForIt) {
  for (const Body& body : std::vector<Body>{
           EnrolmentStarted{}, EnrolmentPaused{}, EnrolmentResumed{}, EnrolmentEnded{}, EnrolmentRefused{},
           EnrolmentTransferred{EnrolmentTransferred::Kind::kLeft, Date(2026, 4, 1)}, PlaceOccupied{with_nyborg, 1, {}},
           PlaceReserved{with_nyborg, 1, {}, {}}, PlaceReleased{with_nyborg, 1, {}, ReleaseReason::kEnded},
           PlaceWaitlisted{with_nyborg, {}, true}}) {
    const std::string name(event::NameOf(TypeOf(body)));
    EXPECT_EQ(Say(kKerteminde, kNyborg, at_nyborg, body), "ISSUER_HAS_NO_RIGHT") << name;
    EXPECT_EQ(Say(kNyborg, kOdense, at_nyborg, body), "ISSUER_HAS_NO_RIGHT") << name;  // the buyer is no provider
    EXPECT_EQ(Say(kOdense, kNyborg, Case("unknown"), body), "UNKNOWN_CASE") << name;
    EXPECT_EQ(Say(kOdense, kNyborg, with_nyborg, body), "ISSUER_HAS_NO_RIGHT") << name;
    EXPECT_EQ(Say(kOdense, kNyborg, at_nyborg, body), "OK") << name;
  }
  EXPECT_EQ(Say(kOdense, kNyborg, at_nyborg, PlaceOccupied{Case("no agreement"), 1, {}}), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kOdense, kNyborg, at_nyborg, EnrolmentEnded{Date(2026, 4, 1), EndReason::kPrison}),
            "ISSUER_HAS_NO_RIGHT");
}

TEST_F(CheckTest, NobodyReceivesACitizenWhomItDidNotAskFor) {
  const EnrolmentTransferred received{EnrolmentTransferred::Kind::kReceived, Date(2026, 4, 1)};
  EXPECT_EQ(Say(kOdense, kNyborg, Case("unasked"), received), "UNKNOWN_CASE");
  EXPECT_EQ(Say(kOdense, kNyborg, at_nyborg, received), "ISSUER_HAS_NO_RIGHT");
}

TEST_F(CheckTest, OnlyTheResponsibleOfTheCaseEndsOrRestoresIt) {
  for (const Body& body :
       std::vector<Body>{ResponsibilityEnded{}, ResponsibilityRestored{}, CitizenRenumbered{Citizen(7)},
                         ValueRectified{{Citizen(7), {}, {}, {}}, Citizen(1)}}) {
    const std::string name(event::NameOf(TypeOf(body)));
    EXPECT_EQ(Say(kKerteminde, kOdense, at_nyborg, body), "ISSUER_HAS_NO_RIGHT") << name;
    EXPECT_EQ(Say(kNyborg, kOdense, at_kerteminde, body), "ISSUER_HAS_NO_RIGHT") << name;
    EXPECT_EQ(Say(kNyborg, kOdense, Case("unknown"), body), "UNKNOWN_CASE") << name;
    EXPECT_EQ(Say(kOdense, kNyborg, at_nyborg, body), "ISSUER_HAS_NO_RIGHT") << name;
    EXPECT_EQ(Say(kNyborg, kOdense, at_nyborg, body), "OK") << name;
  }
}

TEST_F(CheckTest, OnlyWhoStatedAValuePutsItRight) {
  const ValueRectified start{{{}, Date(2026, 3, 5), {}, {}}, std::nullopt};
  EXPECT_EQ(Say(kNyborg, kOdense, at_nyborg, start), "ISSUER_HAS_NO_RIGHT") << "dates are the provider's";
  EXPECT_EQ(Say(kOdense, kNyborg, at_nyborg, start), "OK");
  const ValueRectified number{{Citizen(7), {}, {}, {}}, Citizen(1)};
  const CaseId move = Announce(kNyborg, at_nyborg, "0440", Date(2026, 4, 1));
  world.DeliverAll();
  EXPECT_EQ(Say(kOdense, kKerteminde, move, number), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kNyborg, kKerteminde, move, number), "OK");
  const CaseId request = Request(kKerteminde, move, with_kerteminde);
  world.DeliverPair(kKerteminde, kOdense);
  EXPECT_EQ(Say(kNyborg, kOdense, request, number), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kKerteminde, kOdense, request, number), "OK");
}

TEST_F(CheckTest, OnlyTheMunicipalityLeftTakesAnAnnouncementBackAndOnlyTheOneMovedToAnswers) {
  const CaseId id = Announce(kNyborg, at_nyborg, "0440", Date(2026, 4, 1));
  world.DeliverAll();
  const crypto::Hash leaf = kerteminde().FindRelocation(id)->announcement->ref.leaf_hash;
  EXPECT_EQ(Say(kOdense, kKerteminde, id, RelocationAnnulled{leaf}), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kOdense, kKerteminde, id, RelocationCorrected{leaf, Date(2026, 4, 2)}), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kNyborg, kKerteminde, Case("unknown"), RelocationAnnulled{leaf}), "UNKNOWN_CASE");
  EXPECT_EQ(Say(kNyborg, kKerteminde, id, RelocationAnnulled{leaf}), "OK");
  EXPECT_EQ(Say(kOdense, kNyborg, id, RelocationAcknowledged{leaf}), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kKerteminde, kNyborg, id, RelocationAcknowledged{crypto::Sha256("other")}), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kKerteminde, kNyborg, id, RelocationDeclined{leaf}), "OK");
  EXPECT_EQ(Say(kNyborg, kKerteminde, id,
                RelocationAnnounced{Citizen(1), kOdense, Code("0450"), Code("0440"), Date(2026, 4, 1), "rsl-12c"}),
            "CASE_ALREADY_USED");
}

TEST_F(CheckTest, AMoveIsAnnouncedByTheMunicipalityLeftToTheOneMovedToAlone) {
  const auto announce = [&](std::string_view from, std::string_view to) {
    return Say(kNyborg, kKerteminde, Case("move"),
               RelocationAnnounced{Citizen(4), kOdense, Code(from), Code(to), Date(2026, 4, 1), "rsl-12c"});
  };
  EXPECT_EQ(announce("0420", "0440"), "ISSUER_HAS_NO_RIGHT") << "the citizen leaves Assens, not Nyborg";
  EXPECT_EQ(announce("0450", "0420"), "ISSUER_HAS_NO_RIGHT") << "it is no affair of Kerteminde's";
  EXPECT_EQ(announce("0450", "9999"), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(announce("0450", "0440"), "OK");
}

TEST_F(CheckTest, OnlyWhoAskedWithdrawsAndOnlyTheProviderRefuses) {
  const CaseId id = Announce(kNyborg, at_nyborg, "0440", Date(2026, 4, 1));
  world.DeliverPair(kNyborg, kKerteminde);
  const CaseId transfer = Request(kKerteminde, id, with_kerteminde);
  world.DeliverAll();
  EXPECT_EQ(Say(kNyborg, kOdense, transfer, TransferWithdrawn{}), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kNyborg, kOdense, Case("unknown"), TransferWithdrawn{}), "UNKNOWN_CASE");
  EXPECT_EQ(Say(kKerteminde, kOdense, transfer, TransferWithdrawn{}), "OK");
  EXPECT_EQ(Say(kNyborg, kKerteminde, transfer, TransferRefused{"X"}), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Say(kOdense, kKerteminde, transfer, TransferRefused{"X"}), "OK");
}

TEST_F(CheckTest, AnEventThatIsNotCheckedAndNamesNothingKnownIsWithoutEffect) {
  domain::State state(kOdense);
  const std::string before = state.CanonicalBytes();
  for (const Body& body : std::vector<Body>{AgreementAccepted{1},
                                            AgreementTerminated{},
                                            AgreementProposed{5, kOdense, kNyborg, Terms(1)},
                                            EnrolmentStarted{},
                                            EnrolmentPaused{},
                                            EnrolmentEnded{},
                                            EnrolmentRefused{},
                                            EnrolmentTransferred{},
                                            EnrolmentTransferred{EnrolmentTransferred::Kind::kReversed, {}},
                                            RelocationHeld{},
                                            HoldReleased{},
                                            DisclosureAssessed{},
                                            RelocationAnnulled{},
                                            RelocationAcknowledged{},
                                            ResponsibilityEnded{},
                                            ResponsibilityRestored{},
                                            CitizenRenumbered{Citizen(1)},
                                            TransferWithdrawn{},
                                            TransferRefused{},
                                            AnnouncementVerified{},
                                            PlaceReserved{},
                                            PlaceOccupied{},
                                            PlaceReleased{},
                                            AccessRecorded{},
                                            ValueRectified{{Citizen(1), {}, {}, {}}, Citizen(2)},
                                            ValueRectified{{{}, Date(2026, 3, 1), {}, {}}, std::nullopt}}) {
    Event event;
    event.header.issuer = kNyborg;
    event.header.recipient = kOdense;
    event.header.case_id = Case("unknown");
    event.body = body;
    domain::Evolve(state, event, {"origin", LeafIndex(0), crypto::Hash()});
    EXPECT_TRUE(domain::React(state, event, world.facts()).empty() || TypeOf(body) == Type::kAgreementProposed);
    EXPECT_TRUE(state.CanonicalBytes() == before) << event::NameOf(TypeOf(body));
  }
}

}  // namespace
}  // namespace medflyt::testing
