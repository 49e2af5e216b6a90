// On what ground other authorities are told of a citizen.
#include <algorithm>

#include "common/event/catalogue.h"
#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

class GateTest : public Story {
 protected:
  CaseId agreement = Agree(kNyborg, 2);
  const CaseId enrolment = Case("enrolment");

  // The rule that the command breaks as it is, without help.
  std::string Exactly(AuthorityId who, CommandBody body, std::optional<DisclosureGround> ground = std::nullopt,
                      std::string officer = "officer-1") {
    return RuleOf(
        world.DoExactly(who, {std::move(officer), std::move(body), std::nullopt, std::move(ground)}).status());
  }
  ProposeEnrolment Proposal() { return {enrolment, kOdense, Citizen(1), agreement, Date(2026, 3, 1)}; }
  size_t Grounded(AuthorityId who) { return world.Sent<DisclosureGrounded>(who, who).size(); }

  // Nyborg's citizen runs in Odense's unit.
  void Run() {
    ASSERT_EQ(Exactly(kNyborg, Proposal(), Ground()), "OK");
    world.DeliverAll();
    ASSERT_EQ(Exactly(kOdense, StartEnrolment{enrolment, Date(2026, 3, 1)}, Ground()), "OK");
    world.DeliverAll();
  }
};

TEST_F(GateTest, NothingIsToldWithoutAGround) {
  EXPECT_EQ(Exactly(kNyborg, Proposal()), "DISCLOSURE_GROUND_REQUIRED");
  EXPECT_EQ(world.Undelivered(kNyborg), 0U);
  EXPECT_EQ(nyborg().FindEnrolment(enrolment), nullptr);
  ASSERT_EQ(Exactly(kNyborg, Proposal(), Ground()), "OK");
  world.DeliverAll();
  EXPECT_EQ(Exactly(kOdense, StartEnrolment{enrolment, Date(2026, 3, 1)}), "DISCLOSURE_GROUND_REQUIRED")
      << "the provider tells on a ground of its own";
  EXPECT_EQ(odense().FindEnrolment(enrolment)->state(), domain::EnrolmentState::kProposed);
}

TEST_F(GateTest, TheGroundIsLoggedFirstAndStaysHere) {
  Run();
  const auto& log = world.node(kNyborg).log;
  const auto first = [&](Type type) {
    return std::find_if(log.begin(), log.end(), [&](const auto& e) { return TypeOf(e.event.body) == type; });
  };
  const auto grounded = first(Type::kDisclosureGrounded);
  ASSERT_NE(grounded, log.end());
  EXPECT_EQ(std::next(grounded), first(Type::kEnrolmentProposed));
  EXPECT_EQ(grounded->event.header.officer, "officer-1");
  EXPECT_EQ(grounded->event.header.case_id, enrolment);
  EXPECT_EQ(std::get<DisclosureGrounded>(grounded->event.body), (DisclosureGrounded{kOdense, Ground()}));
  for (const auto& [who, node] : world.nodes()) {
    for (const auto& entry : node.log) {
      if (TypeOf(entry.event.body) != Type::kDisclosureGrounded) continue;
      EXPECT_EQ(entry.event.header.issuer, who);
    }
  }
  EXPECT_NE(odense().FindGround(enrolment, kNyborg), nullptr);
  EXPECT_NE(nyborg().FindGround(enrolment, kOdense), nullptr);
}

TEST_F(GateTest, LaterCommandsInTheCaseRestOnIt) {
  Run();
  EXPECT_EQ(Exactly(kOdense, PauseEnrolment{enrolment, Date(2026, 3, 5)}), "OK");
  EXPECT_EQ(Exactly(kOdense, ResumeEnrolment{enrolment, Date(2026, 3, 8)}), "OK");
  EXPECT_EQ(Exactly(kNyborg, RenumberCitizen{enrolment, Citizen(2)}), "OK");
  EXPECT_EQ(Exactly(kNyborg, EndResponsibility{enrolment, Date(2026, 3, 20), ResponsibilityEndReason::kOther}), "OK");
  EXPECT_EQ(Grounded(kNyborg), 1U);
  EXPECT_EQ(Grounded(kOdense), 1U);
}

TEST_F(GateTest, TheSameGroundAgainAddsNothingAndAnotherReplacesIt) {
  Run();
  ASSERT_EQ(Exactly(kOdense, PauseEnrolment{enrolment, Date(2026, 3, 5)}, Ground()), "OK");
  EXPECT_EQ(Grounded(kOdense), 1U);
  DisclosureGround other = Ground();
  other.journal_reference = "journal-2";
  ASSERT_EQ(Exactly(kOdense, ResumeEnrolment{enrolment, Date(2026, 3, 8)}, other), "OK");
  EXPECT_EQ(Grounded(kOdense), 2U);
  ASSERT_EQ(Exactly(kOdense, PauseEnrolment{enrolment, Date(2026, 3, 10)}, other, "officer-2"), "OK");
  EXPECT_EQ(Grounded(kOdense), 3U) << "another officer confirms it";
  const domain::ConfirmedGround* stands = odense().FindGround(enrolment, kNyborg);
  ASSERT_NE(stands, nullptr);
  EXPECT_EQ(stands->officer, "officer-2");
  EXPECT_EQ(stands->ground, other);
  EXPECT_EQ(odense().FindGround(enrolment, kKerteminde), nullptr) << "for one recipient, and no other";
}

TEST_F(GateTest, ABasisThatHasRunOutCarriesNothingMore) {
  Run();
  world.legal_bases[0].valid_to = Date(2026, 3, 31);
  world.legal_bases[0].title = "Retssikkerhedsloven § 12 c";
  world.today = Date(2026, 4, 1);
  const auto refused = world.DoExactly(kOdense, {"officer-1", PauseEnrolment{enrolment, Date(2026, 4, 2)}, {}, {}});
  EXPECT_EQ(BrokenRuleOf(refused.status()), (BrokenRule{"LEGAL_BASIS_EXPIRED", "disclosure.legal_basis"}));
  EXPECT_NE(std::string(refused.status().message()).find("§ 12 c"), std::string::npos) << "the paragraph is named";
  world.legal_bases.push_back({"new", Date(2026, 4, 1), std::nullopt});
  DisclosureGround renewed = Ground();
  renewed.legal_basis = "new";
  EXPECT_EQ(Exactly(kOdense, PauseEnrolment{enrolment, Date(2026, 4, 2)}, renewed), "OK");
  EXPECT_EQ(Exactly(kOdense, ResumeEnrolment{enrolment, Date(2026, 4, 9)}), "OK");
}

TEST_F(GateTest, AnIncompleteGroundIsNone) {
  const auto with = [&](const std::function<void(DisclosureGround&)>& change) {
    DisclosureGround ground = Ground();
    change(ground);
    return Exactly(kNyborg, Proposal(), ground);
  };
  EXPECT_EQ(with([](auto& g) { g.legal_basis.clear(); }), "FIELD_REQUIRED");
  EXPECT_EQ(with([](auto& g) { g.necessity.clear(); }), "FIELD_REQUIRED");
  EXPECT_EQ(with([](auto& g) { g.journal_reference.clear(); }), "FIELD_REQUIRED");
  EXPECT_EQ(with([](auto& g) { g.categories.clear(); }), "FIELD_REQUIRED");
  EXPECT_EQ(with([](auto& g) { g.legal_basis = "old-basis"; }), "LEGAL_BASIS_EXPIRED");
  EXPECT_EQ(with([](auto& g) { g.legal_basis = "no such"; }), "LEGAL_BASIS_UNKNOWN");
  EXPECT_EQ(with([](auto& g) { g.categories = {DataCategory::kIdentity}; }), "DISCLOSURE_CATEGORY_MISSING");
  EXPECT_EQ(Grounded(kNyborg), 0U);
  EXPECT_EQ(with([](auto& g) { g.categories = {DataCategory::kIdentity, DataCategory::kService}; }), "OK");
}

TEST_F(GateTest, WhatTheGroundDoesNotNameIsNotTold) {
  DisclosureGround ground = Ground();
  ground.categories = {DataCategory::kIdentity, DataCategory::kService};
  ASSERT_EQ(Exactly(kNyborg, Proposal(), ground), "OK");
  world.DeliverAll();
  ASSERT_DONE(world.Do(kOdense, StartEnrolment{enrolment, Date(2026, 3, 1)}));
  world.DeliverAll();
  const EndResponsibility end{enrolment, Date(2026, 3, 20), ResponsibilityEndReason::kOther};
  EXPECT_EQ(Exactly(kNyborg, end), "DISCLOSURE_CATEGORY_MISSING");
  // Nor by announcing a move, of which the provider is told too.
  const CaseId move = Observe(kNyborg, enrolment, "0440", Date(2026, 3, 20));
  ASSERT_DONE(world.Do(kNyborg, AssessDisclosure{move, true, Ground(), std::nullopt}));
  EXPECT_EQ(Exactly(kNyborg, AnnounceRelocation{move}), "DISCLOSURE_CATEGORY_MISSING");
  EXPECT_EQ(world.Undelivered(kNyborg), 0U);
  EXPECT_EQ(Exactly(kNyborg, AnnounceRelocation{move}, Ground()), "OK");
  const auto ended = world.Sent<ResponsibilityEnded>(kNyborg, kOdense);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].announcement, nyborg().FindRelocation(move)->announcement->ref.leaf_hash)
      << "with a ground before them, drafts still find one another";
}

TEST_F(GateTest, AnAnnouncementRestsOnItsOwnAssessmentWhichMayBeMadeAnew) {
  Run();
  const CaseId move = Observe(kNyborg, enrolment, "0440", Date(2026, 3, 20));
  DisclosureGround ground = Ground();
  ground.categories = {DataCategory::kIdentity};
  EXPECT_RULE(world.Do(kNyborg, AssessDisclosure{move, true, ground, std::nullopt}), "DISCLOSURE_CATEGORY_MISSING");
  ASSERT_DONE(world.Do(kNyborg, AssessDisclosure{move, true, Ground(), std::nullopt}));
  world.legal_bases[0].valid_to = world.today;
  world.today += 1;
  world.legal_bases.push_back({"new", world.today, std::nullopt});
  ground = Ground();
  ground.legal_basis = "new";
  EXPECT_EQ(Exactly(kNyborg, AnnounceRelocation{move}, ground), "LEGAL_BASIS_EXPIRED")
      << "a ground beside the command is no assessment of the move";
  ASSERT_DONE(world.Do(kNyborg, AssessDisclosure{move, true, ground, std::nullopt}));
  EXPECT_EQ(Exactly(kNyborg, AnnounceRelocation{move}, ground), "OK");
  EXPECT_EQ(world.Sent<RelocationAnnounced>(kNyborg, kKerteminde).back().legal_basis, "new");
}

TEST_F(GateTest, WhereTheProviderLeavesItsOwnCitizenOnlyTheAssessmentCounts) {
  const CaseId own = Enrol(kOdense, 5, Date(2026, 3, 1));
  const CaseId move = Observe(kOdense, own, "0450", Date(2026, 3, 20));
  ASSERT_DONE(world.Do(kOdense, AssessDisclosure{move, true, Ground(), std::nullopt}));
  EXPECT_EQ(Exactly(kOdense, AnnounceRelocation{move}, Ground()), "DISCLOSURE_NOT_NEEDED");
  EXPECT_EQ(Exactly(kOdense, AnnounceRelocation{move}), "OK");
}

TEST_F(GateTest, AGroundForNothingIsRefused) {
  EXPECT_EQ(
      Exactly(kOdense, ProposeEnrolment{enrolment, kOdense, Citizen(1), std::nullopt, Date(2026, 3, 1)}, Ground()),
      "DISCLOSURE_NOT_NEEDED")
      << "the provider's own citizen: nobody else is told";
  EXPECT_EQ(Exactly(kNyborg, TerminateAgreement{agreement, Date(2026, 12, 31)}, Ground()), "DISCLOSURE_NOT_NEEDED");
  EXPECT_EQ(Exactly(kOdense, ProposeEnrolment{enrolment, kOdense, Citizen(1), std::nullopt, Date(2026, 3, 1)}), "OK");
  EXPECT_EQ(Grounded(kOdense), 0U);
}

TEST_F(GateTest, TakingBackAndAnsweringNeedNone) {
  Run();
  const CaseId with_kerteminde = Agree(kKerteminde, 1);
  const CaseId move = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 20));
  world.DeliverAll();
  world.legal_bases.clear();
  EXPECT_EQ(Exactly(kKerteminde, AcknowledgeRelocation{move}), "OK");
  EXPECT_EQ(Exactly(kKerteminde, RequestTransfer{Case("t"), move, with_kerteminde}), "DISCLOSURE_GROUND_REQUIRED");
  world.DeliverAll();
  EXPECT_EQ(Exactly(kNyborg, AnnulRelocation{move}), "OK") << "what was wrong is taken back on any day";
  world.DeliverAll();
  EXPECT_EQ(Exactly(kNyborg, RectifyValue{enrolment, {Citizen(3), {}, {}, {}}}), "OK");
  world.DeliverAll();
  EXPECT_EQ(odense().FindEnrolment(enrolment)->cpr(), Citizen(3));
}

TEST_F(GateTest, RefusingNeedsNone) {
  ASSERT_EQ(Exactly(kNyborg, Proposal(), Ground()), "OK");
  world.DeliverAll();
  ASSERT_FALSE(world.Sent<PlaceReserved>(kOdense, kNyborg).empty()) << "by rule, without an officer and a ground";
  const std::string refused = Exactly(kOdense, RefuseEnrolment{enrolment});
  EXPECT_EQ(refused, "OK");
  EXPECT_EQ(odense().FindEnrolment(enrolment)->refused, "OFFICER_DECLINED");
}

}  // namespace
}  // namespace medflyt::testing
