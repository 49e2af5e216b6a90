// What another authority stated is disputed; and two put one number right differently.
#include <algorithm>

#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

using domain::NeedsOfficer;

class DisputeTest : public Story {
 protected:
  CaseId agreement = Agree(kNyborg, 1);
  CaseId with_kerteminde = Agree(kKerteminde, 1);
  CaseId enrolment = Enrol(kNyborg, 1, Date(2026, 3, 1), agreement);

  // The last event of that type in the node's log, as the node looks it up.
  DomainWorld::Entry Last(AuthorityId who, Type type) {
    const auto& log = world.node(who).log;
    const auto found = std::find_if(log.rbegin(), log.rend(),
                                    [&](const DomainWorld::Entry& e) { return TypeOf(e.event.body) == type; });
    EXPECT_NE(found, log.rend());
    return *found;
  }
  static DisputeEvent Of(const DomainWorld::Entry& entry, DisputeGround ground = DisputeGround::kWrongDate) {
    const Header& header = entry.event.header;
    return {header.id, ground, LoggedEvent{header.issuer, header.case_id, TypeOf(entry.event.body), false}};
  }
  absl::Status DisputeLast(AuthorityId who, Type type) { return world.Do(who, Of(Last(who, type))); }

  // "Nyborg wrong-date: ..." of each, and whether an officer looks.
  std::string Shown(AuthorityId who, const CaseId& id) {
    std::string text;
    if (const domain::CaseDisputes* known = world.state(who).FindDisputes(id)) {
      for (const domain::Dispute& each : known->disputes) {
        text += NameOf(each.by) + " " + std::to_string(static_cast<int>(each.ground)) + " " + FormatIsoDate(each.on);
        text += each.settled ? " settled " + FormatIsoDate(*each.settled) + ";" : ";";
      }
    }
    if (domain::OpenConflict(world.state(who), id) != nullptr) text += "conflict;";
    if (NeedsOfficer(world.state(who), id)) text += "officer";
    return text;
  }
  CaseId MoveToKerteminde() {
    move = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 20));
    world.DeliverAll();
    const CaseId transfer = Request(kKerteminde, move, with_kerteminde);
    world.DeliverAll();
    return transfer;
  }
  absl::Status Rectify(AuthorityId who, const CaseId& id, int citizen) {
    return world.Do(who, RectifyValue{id, {Citizen(citizen), {}, {}, {}}});
  }
  CaseId move;
};

TEST_F(DisputeTest, BothEndsShowItAndWhatIsDisputedStands) {
  ASSERT_DONE(DisputeLast(kNyborg, Type::kEnrolmentStarted));
  EXPECT_EQ(Shown(kNyborg, enrolment), "Nyborg 2 2026-03-01;") << "whose own officer has looked";
  EXPECT_EQ(Shown(kOdense, enrolment), "");
  world.DeliverAll();
  EXPECT_EQ(Shown(kOdense, enrolment), "Nyborg 2 2026-03-01;officer");
  EXPECT_EQ(History(kOdense, enrolment), "Nyborg 2026-03-01.. place 1");
  EXPECT_EQ(History(kNyborg, enrolment), "Nyborg 2026-03-01.. place 1");
  const DomainWorld::Entry told = Last(kOdense, Type::kEventDisputed);
  EXPECT_EQ(std::get<EventDisputed>(told.event.body).disputed, Last(kOdense, Type::kEnrolmentStarted).event.header.id);
  EXPECT_EQ(told.event.header.case_id, enrolment);
}

TEST_F(DisputeTest, OfTheProviderTheResponsibleIsToldAndOfAnAnnouncementItsIssuer) {
  move = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 20));
  world.DeliverAll();
  ASSERT_DONE(DisputeLast(kOdense, Type::kResponsibilityEnded));
  ASSERT_DONE(DisputeLast(kKerteminde, Type::kRelocationAnnounced));
  EXPECT_TRUE(kerteminde().ToldOf(move).contains(kNyborg)) << "it has been told something of the case";
  world.DeliverAll();
  EXPECT_EQ(Shown(kNyborg, enrolment), "Odense 2 2026-03-01;officer");
  EXPECT_EQ(Shown(kNyborg, move), "Kerteminde 2 2026-03-01;officer");
  EXPECT_TRUE(world.Sent<EventDisputed>(kKerteminde, kOdense).empty());
}

TEST_F(DisputeTest, OnlyAFactOfAnotherThatIsAppliedIsDisputedOnce) {
  EXPECT_RULE(DisputeLast(kOdense, Type::kEnrolmentStarted), "EVENT_NOT_DISPUTABLE") << "its own";
  EXPECT_RULE(DisputeLast(kOdense, Type::kEnrolmentProposed), "EVENT_NOT_DISPUTABLE") << "a request";
  EXPECT_RULE(DisputeLast(kOdense, Type::kAgreementAccepted), "EVENT_NOT_DISPUTABLE") << "of no citizen";
  DisputeEvent started = Of(Last(kNyborg, Type::kEnrolmentStarted));
  started.logged->refused = true;
  EXPECT_RULE(world.Do(kNyborg, started), "EVENT_NOT_DISPUTABLE");
  started.logged->refused = false;
  started.logged->case_id = Case("none");
  EXPECT_RULE(world.Do(kNyborg, started), "UNKNOWN_CASE");
  started.logged.reset();
  EXPECT_RULE(world.Do(kNyborg, started), "EVENT_UNKNOWN");
  EXPECT_RULE(world.Do(kNyborg, Of(Last(kNyborg, Type::kEnrolmentStarted)), ""), "OFFICER_REQUIRED");

  ASSERT_DONE(DisputeLast(kNyborg, Type::kEnrolmentStarted));
  EXPECT_RULE(DisputeLast(kNyborg, Type::kEnrolmentStarted), "EVENT_ALREADY_DISPUTED");
  world.DeliverAll();
  EXPECT_RULE(DisputeLast(kOdense, Type::kEventDisputed), "EVENT_NOT_DISPUTABLE") << "it would never end";
}

TEST_F(DisputeTest, ItNeedsNoGroundAndGoesOnceHoweverItsIssuerIsToldTwice) {
  const DomainWorld::Entry started = Last(kNyborg, Type::kEnrolmentStarted);
  const auto drafts = world.DoExactly(kNyborg, {"officer-1", Of(started)});
  ASSERT_TRUE(drafts.ok()) << drafts.status();
  EXPECT_EQ(drafts->size(), 1U);
  const Event again = Last(kNyborg, Type::kEventDisputed).event;
  domain::State state = odense();
  for (int i = 0; i < 2; ++i) domain::Evolve(state, again, {"origin", LeafIndex(0), crypto::Hash()});
  EXPECT_EQ(state.FindDisputes(enrolment)->disputes.size(), 1U);
}

TEST_F(DisputeTest, ItIsSettledWhenItsIssuerPutsSomethingRightInTheCase) {
  ASSERT_DONE(DisputeLast(kNyborg, Type::kEnrolmentStarted));
  world.DeliverAll();
  // What the other side puts right answers nothing.
  ASSERT_DONE(Rectify(kNyborg, enrolment, 2));
  world.DeliverAll();
  EXPECT_EQ(Shown(kOdense, enrolment), "Nyborg 2 2026-03-01;officer");
  world.today = Date(2026, 3, 3);
  ASSERT_DONE(world.Do(kOdense, RectifyValue{enrolment, {{}, Date(2026, 3, 2), {}, {}}}));
  world.DeliverAll();
  EXPECT_EQ(Shown(kOdense, enrolment), "Nyborg 2 2026-03-01 settled 2026-03-03;");
  EXPECT_EQ(Shown(kNyborg, enrolment), Shown(kOdense, enrolment));
  // Who does not agree yet disputes that.
  ASSERT_DONE(DisputeLast(kNyborg, Type::kValueRectified));
  world.DeliverAll();
  EXPECT_EQ(Shown(kOdense, enrolment), "Nyborg 2 2026-03-01 settled 2026-03-03;Nyborg 2 2026-03-03;officer");
}

TEST_F(DisputeTest, ItIsSettledByWhatTakesBackWhatIsDisputed) {
  move = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 20));
  world.DeliverAll();
  ASSERT_DONE(DisputeLast(kOdense, Type::kResponsibilityEnded));
  ASSERT_DONE(DisputeLast(kKerteminde, Type::kRelocationAnnounced));
  world.DeliverAll();
  ASSERT_DONE(world.Do(kNyborg, AnnulRelocation{move}));
  world.DeliverAll();
  EXPECT_EQ(Shown(kNyborg, move), "Kerteminde 2 2026-03-01 settled 2026-03-01;");
  EXPECT_EQ(Shown(kKerteminde, move), Shown(kNyborg, move));
  EXPECT_EQ(Shown(kNyborg, enrolment), "Odense 2 2026-03-01 settled 2026-03-01;");
  EXPECT_EQ(Shown(kOdense, enrolment), Shown(kNyborg, enrolment));
}

TEST_F(DisputeTest, AnAuthorityDisputesSoManyEventsOfACaseAndNoMore) {
  expect_refusals = true;
  const auto say = [&](size_t made_up) {
    Draft draft;
    draft.recipient = kOdense;
    draft.case_id = enrolment;
    draft.officer = "officer-1";
    const std::string id = crypto::Sha256(std::to_string(made_up)).ToHex().substr(0, 32);
    draft.body = EventDisputed{*EventId::FromHex(id), DisputeGround::kWrongValue};
    world.Say(kNyborg, draft);
    world.DeliverAll();
  };
  for (size_t i = 0; i < domain::kMaxDisputes; ++i) say(i);
  EXPECT_TRUE(world.node(kOdense).refused.empty());
  say(domain::kMaxDisputes);
  ASSERT_EQ(world.node(kOdense).refused.size(), 1U);
  EXPECT_EQ(RuleOf(world.node(kOdense).refused.back().status), "TOO_MANY_DISPUTES");
  EXPECT_EQ(odense().FindDisputes(enrolment)->disputes.size(), domain::kMaxDisputes);
  EXPECT_RULE(DisputeLast(kNyborg, Type::kEnrolmentStarted), "TOO_MANY_DISPUTES") << "nor is more asked for";
  ASSERT_DONE(Rectify(kNyborg, enrolment, 2));
  world.DeliverAll();
  EXPECT_DONE(DisputeLast(kOdense, Type::kValueRectified)) << "the other side's are its own";
}

TEST_F(DisputeTest, OnlyWhoSharesTheCaseMayDisputeInIt) {
  expect_refusals = true;
  const auto say = [&](AuthorityId issuer, const CaseId& id) {
    Draft draft;
    draft.recipient = kOdense;
    draft.case_id = id;
    draft.officer = "officer-1";
    draft.body = EventDisputed{Last(kNyborg, Type::kEnrolmentStarted).event.header.id, DisputeGround::kWrongValue};
    world.Say(issuer, draft);
    world.DeliverAll();
    const auto& refused = world.node(kOdense).refused;
    return refused.empty() ? std::string("OK") : RuleOf(refused.back().status);
  };
  EXPECT_EQ(say(kKerteminde, enrolment), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(say(kNyborg, Case("none")), "UNKNOWN_CASE");
  EXPECT_EQ(say(kNyborg, agreement), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Shown(kOdense, enrolment), "");
}

TEST_F(DisputeTest, TwoDifferentRightNumbersConflictAndTheFirstStands) {
  const CaseId transfer = MoveToKerteminde();
  ASSERT_DONE(Rectify(kNyborg, enrolment, 2));
  ASSERT_DONE(Rectify(kKerteminde, transfer, 3));
  world.DeliverPair(kNyborg, kOdense);
  world.DeliverAll();
  EXPECT_EQ(odense().FindEnrolment(enrolment)->cpr(), Citizen(2));
  EXPECT_EQ(TransferAt(kOdense, transfer).cpr, Citizen(1)) << "without effect";
  EXPECT_EQ(Shown(kOdense, transfer), "conflict;officer");
  EXPECT_EQ(Shown(kOdense, enrolment), "");
  // Kerteminde was told another number than the one that it had put right itself.
  EXPECT_EQ(kerteminde().FindRelocation(move)->cpr, Citizen(3));
  EXPECT_EQ(Shown(kKerteminde, move), "conflict;officer");

  // The provider's officer disputes it: nothing else waits for one here, and Kerteminde's sees why.
  ASSERT_DONE(DisputeLast(kOdense, Type::kValueRectified));
  EXPECT_EQ(Last(kOdense, Type::kValueRectified).event.header.issuer, kKerteminde);
  world.DeliverAll();
  EXPECT_EQ(Shown(kOdense, transfer), "Odense 2 2026-03-01;conflict;");
  EXPECT_EQ(Shown(kKerteminde, transfer), "Odense 2 2026-03-01;officer");
  // Once it is put right, nothing conflicts.
  ASSERT_DONE(Rectify(kKerteminde, transfer, 2));
  world.DeliverAll();
  EXPECT_EQ(Shown(kOdense, transfer), "Odense 2 2026-03-01 settled 2026-03-01;");
  EXPECT_EQ(Shown(kKerteminde, transfer), Shown(kOdense, transfer));
  EXPECT_EQ(TransferAt(kOdense, transfer).cpr, Citizen(2)) << "the wrong one finds nobody";
  EXPECT_EQ(Shown(kKerteminde, move), "");
}

TEST_F(DisputeTest, TheSameRightNumberOnTwoWaysConflictsWithNothing) {
  const CaseId transfer = MoveToKerteminde();
  ASSERT_DONE(Rectify(kNyborg, enrolment, 2));
  world.DeliverPair(kNyborg, kKerteminde);
  world.DeliverPair(kKerteminde, kOdense);  // who tells it on before Nyborg itself is heard
  EXPECT_EQ(Shown(kOdense, transfer), "");
  world.DeliverAll();
  EXPECT_EQ(Shown(kOdense, transfer) + Shown(kOdense, enrolment) + Shown(kKerteminde, move), "");
}

TEST_F(DisputeTest, AConflictEndsWhenTheOtherAuthorityAgrees) {
  const CaseId transfer = MoveToKerteminde();
  ASSERT_DONE(Rectify(kNyborg, enrolment, 2));
  ASSERT_DONE(Rectify(kKerteminde, transfer, 3));
  world.DeliverPair(kKerteminde, kOdense);
  world.DeliverAll();
  EXPECT_EQ(odense().FindEnrolment(enrolment)->cpr(), Citizen(3));
  EXPECT_EQ(Shown(kOdense, enrolment), "conflict;officer");
  ASSERT_DONE(Rectify(kNyborg, enrolment, 3));
  world.DeliverAll();
  EXPECT_EQ(Shown(kOdense, enrolment), "");
}

TEST_F(DisputeTest, AProviderTellsItselfNothingThatConflictsWithTheNumberThatStands) {
  const CaseId left = Announce(kNyborg, enrolment, "0461", Date(2026, 3, 20));
  world.DeliverAll();
  const CaseId own = Request(kOdense, left, std::nullopt);
  world.DeliverAll();
  const CaseId back = Announce(kOdense, own, "0450", Date(2026, 4, 20));
  world.DeliverAll();
  const CaseId again = Request(kNyborg, back, agreement);
  world.DeliverAll();
  ASSERT_DONE(Rectify(kNyborg, again, 2));
  world.DeliverAll();
  ASSERT_DONE(Rectify(kNyborg, enrolment, 3));
  world.DeliverAll();
  EXPECT_EQ(odense().FindEnrolment(own)->cpr(), Citizen(2));
  EXPECT_EQ(Shown(kOdense, enrolment), "conflict;officer");
  // It would be without effect, and be said again whenever the rule is asked.
  EXPECT_TRUE(world.Sent<ValueRectified>(kOdense, kOdense).empty());
  EXPECT_EQ(Shown(kNyborg, back), "conflict;officer") << "what it said itself is told on to it";
}

TEST_F(DisputeTest, ARequestUnderAnotherRightNumberWaitsAndIsShown) {
  world.verify_openings = false;
  const CaseId transfer = MoveToKerteminde();
  ASSERT_DONE(Rectify(kNyborg, enrolment, 2));
  world.DeliverPair(kNyborg, kOdense);
  Draft draft;  // which no command of a municipality that waits makes
  draft.recipient = kOdense;
  draft.case_id = transfer;
  draft.body = ValueRectified{{Citizen(3), {}, {}, {}}, Citizen(1)};
  world.Say(kKerteminde, draft);
  world.DeliverAll();
  EXPECT_EQ(TransferAt(kOdense, transfer).state, domain::TransferState::kWaiting);
  EXPECT_EQ(Shown(kOdense, transfer), "conflict;officer");
}

TEST_F(DisputeTest, AnErasureTakesItAlong) {
  ASSERT_DONE(DisputeLast(kNyborg, Type::kEnrolmentStarted));
  world.DeliverAll();
  Draft draft;
  draft.recipient = kOdense;
  draft.case_id = Case("erasure");
  draft.body = CasesErased{{enrolment}, "gdpr-17-1-d", std::nullopt};
  world.Say(kOdense, draft);
  EXPECT_EQ(odense().FindDisputes(enrolment), nullptr);
}

}  // namespace
}  // namespace medflyt::testing
