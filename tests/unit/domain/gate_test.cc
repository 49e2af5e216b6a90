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
  [[nodiscard]] RectifyValue Number(int citizen) const { return {enrolment, {Citizen(citizen), {}, {}, {}}}; }
  [[nodiscard]] RectifyValue Start(Date date) const { return {enrolment, {{}, date, {}, {}}}; }
  static DisclosureGround On(std::string basis, std::vector<DataCategory> categories) {
    DisclosureGround ground = Ground();
    ground.legal_basis = std::move(basis);
    ground.categories = std::move(categories);
    return ground;
  }
  // The basis of Ground() is in force no more; that of a rectification is.
  void RunOut() {
    world.legal_bases[0].valid_to = Date(2026, 3, 31);
    world.legal_bases[0].title = "Retssikkerhedsloven § 12 c";
    world.legal_bases.push_back({"gdpr-16", Date(2018, 5, 25), std::nullopt});
    world.today = Date(2026, 4, 1);
  }
  // The last rectification that the node told that authority, and in front of all that its command told, the ground.
  void ExpectLastRectifiedOn(AuthorityId who, AuthorityId recipient, const DisclosureGround& ground,
                             Type type = Type::kValueRectified) {
    const auto& log = world.node(who).log;
    const auto told = std::find_if(log.rbegin(), log.rend(), [&](const auto& e) {
      return TypeOf(e.event.body) == type && e.event.header.recipient == recipient;
    });
    ASSERT_NE(told, log.rend());
    const auto grounded = std::find_if(told, log.rend(), [&](const auto& e) {
      const auto* body = std::get_if<DisclosureGrounded>(&e.event.body);
      return body != nullptr && body->recipient == recipient;
    });
    ASSERT_NE(grounded, log.rend());
    EXPECT_EQ(grounded->event.header.case_id, told->event.header.case_id);
    EXPECT_EQ(grounded->event.header.officer, "officer-1");
    EXPECT_EQ(std::get<DisclosureGrounded>(grounded->event.body), (DisclosureGrounded{recipient, ground, true}));
    for (auto between = told; between != grounded; ++between) {
      EXPECT_TRUE(TypeOf(between->event.body) == type || TypeOf(between->event.body) == Type::kDisclosureGrounded);
    }
  }

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
}

TEST_F(GateTest, WhatPutsRightRestsOnTheGroundOfItsCase) {
  Run();
  EXPECT_EQ(Exactly(kNyborg, Number(3)), "OK");
  EXPECT_EQ(Exactly(kOdense, Start(Date(2026, 3, 2))), "OK");
  EXPECT_EQ(Grounded(kNyborg), 1U);
  EXPECT_EQ(Grounded(kOdense), 1U);
}

TEST_F(GateTest, ARightNumberIsToldOnNoLessAGroundThanAnyOther) {
  Draft proposed;  // of a case whose ground was lost with a disk
  proposed.recipient = kOdense;
  proposed.case_id = enrolment;
  proposed.body = EnrolmentProposed{Citizen(1), agreement, Date(2026, 3, 1)};
  world.Say(kNyborg, proposed);
  world.DeliverAll();
  EXPECT_EQ(Exactly(kNyborg, Number(3)), "DISCLOSURE_GROUND_REQUIRED");
  EXPECT_EQ(Exactly(kNyborg, Number(3), On("rsl-12c", {DataCategory::kService})), "DISCLOSURE_CATEGORY_MISSING");
  EXPECT_EQ(Exactly(kNyborg, Number(3), On("no such", {DataCategory::kIdentity})), "LEGAL_BASIS_UNKNOWN");
  EXPECT_EQ(world.Undelivered(kNyborg), 0U);
  EXPECT_EQ(Grounded(kNyborg), 0U);

  const DisclosureGround ground = On("rsl-12c", {DataCategory::kIdentity});
  ASSERT_EQ(Exactly(kNyborg, Number(3), ground), "OK");
  ExpectLastRectifiedOn(kNyborg, kOdense, ground);
  world.DeliverAll();
  EXPECT_EQ(odense().FindEnrolment(enrolment)->cpr(), Citizen(3));
  EXPECT_EQ(Exactly(kNyborg, RenumberCitizen{enrolment, Citizen(4)}), "DISCLOSURE_GROUND_REQUIRED")
      << "it was confirmed for the rectification alone";
}

TEST_F(GateTest, ARightDateIsToldOnAGroundThatNamesTheService) {
  Run();
  EXPECT_EQ(Exactly(kOdense, Start(Date(2026, 3, 2)), On("rsl-12c", {DataCategory::kIdentity})),
            "DISCLOSURE_CATEGORY_MISSING")
      << "the ground that is given counts, not the case's";
  const DisclosureGround ground = On("rsl-12c", {DataCategory::kService});
  ASSERT_EQ(Exactly(kOdense, Start(Date(2026, 3, 2)), ground), "OK");
  ExpectLastRectifiedOn(kOdense, kNyborg, ground);
  EXPECT_EQ(odense().FindGround(enrolment, kNyborg)->ground, Ground()) << "and the case keeps its own";
}

TEST_F(GateTest, ABasisThatHasRunOutKeepsNothingWrongInForce) {
  Run();
  const CaseId move = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 20));
  world.DeliverAll();
  RunOut();
  for (const auto& [who, right] : {std::pair(kNyborg, Number(3)), std::pair(kOdense, Start(Date(2026, 3, 2)))}) {
    const auto refused = world.DoExactly(who, {"officer-1", right, {}, {}});
    EXPECT_EQ(BrokenRuleOf(refused.status()), (BrokenRule{"LEGAL_BASIS_EXPIRED", "disclosure.legal_basis"}));
    EXPECT_NE(std::string(refused.status().message()).find("§ 12 c"), std::string::npos) << "the paragraph is named";
  }
  EXPECT_EQ(world.Undelivered(kNyborg) + world.Undelivered(kOdense), 0U);

  ASSERT_EQ(Exactly(kNyborg, Number(3), On("gdpr-16", {DataCategory::kIdentity})), "OK");
  ExpectLastRectifiedOn(kNyborg, kKerteminde, On("gdpr-16", {DataCategory::kIdentity}));
  ASSERT_EQ(Exactly(kOdense, Start(Date(2026, 3, 2)), On("gdpr-16", {DataCategory::kService})), "OK");
  EXPECT_EQ(Grounded(kNyborg), 3U) << "one for the provider and one for whom the move was announced to";
  world.DeliverAll();
  EXPECT_EQ(odense().FindEnrolment(enrolment)->cpr(), Citizen(3));
  EXPECT_EQ(kerteminde().FindRelocation(move)->cpr, Citizen(3));
  EXPECT_EQ(Exactly(kOdense, PauseEnrolment{enrolment, Date(2026, 3, 10)}), "LEGAL_BASIS_EXPIRED")
      << "what is told for another reason does not rest on it";
}

TEST_F(GateTest, AnAnnouncedMoveIsCorrectedOnItsAssessmentOrOnAGroundOfItsOwn) {
  Run();
  const CaseId move = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 20));
  world.DeliverAll();
  RunOut();
  const CaseId corrected = Case("corrected");
  const CorrectRelocation correct{move, corrected, Date(2026, 3, 25)};
  const auto refused = world.DoExactly(kNyborg, {"officer-1", correct, {}, {}});
  EXPECT_EQ(BrokenRuleOf(refused.status()), (BrokenRule{"LEGAL_BASIS_EXPIRED", "disclosure.legal_basis"}));
  EXPECT_NE(std::string(refused.status().message()).find("§ 12 c"), std::string::npos) << "the paragraph is named";
  EXPECT_EQ(Exactly(kNyborg, correct, On("gdpr-16", {DataCategory::kIdentity})), "DISCLOSURE_CATEGORY_MISSING");
  EXPECT_EQ(nyborg().FindRelocation(move)->state, domain::RelocationState::kAnnounced);

  const DisclosureGround ground = On("gdpr-16", {DataCategory::kResidence});
  ASSERT_EQ(Exactly(kNyborg, correct, ground), "OK");
  ExpectLastRectifiedOn(kNyborg, kKerteminde, ground, Type::kRelocationCorrected);
  world.DeliverAll();
  EXPECT_EQ(kerteminde().FindRelocation(move)->state, domain::RelocationState::kCorrected);
  EXPECT_EQ(nyborg().FindGround(move, kKerteminde)->ground, Ground()) << "the assessment stays the move's ground";
  // The move with the right date is assessed like any other.
  EXPECT_EQ(Exactly(kNyborg, AnnounceRelocation{corrected}, ground), "NOT_DISCLOSED");
  EXPECT_EQ(Exactly(kNyborg, AssessDisclosure{corrected, true, Ground(), std::nullopt}), "LEGAL_BASIS_EXPIRED");
  EXPECT_EQ(Exactly(kNyborg, AssessDisclosure{corrected, true, ground, std::nullopt}), "DISCLOSURE_CATEGORY_MISSING");
}

TEST_F(GateTest, AGroundForARectificationIsNoneForAnAnnouncement) {
  Run();
  const CaseId move = Observe(kNyborg, enrolment, "0440", Date(2026, 3, 20));
  ASSERT_DONE(world.Do(kNyborg, AssessDisclosure{move, true, Ground(), std::nullopt}));
  RunOut();
  DisclosureGround ground = Ground();
  ground.legal_basis = "gdpr-16";
  Draft grounded;  // in the move's case, as a rectification leaves it
  grounded.recipient = kNyborg;
  grounded.case_id = move;
  grounded.officer = "officer-1";
  grounded.body = DisclosureGrounded{kKerteminde, ground, true};
  world.Say(kNyborg, grounded);
  EXPECT_EQ(Exactly(kNyborg, AnnounceRelocation{move}, ground), "LEGAL_BASIS_EXPIRED");
}

TEST_F(GateTest, WhatIsPutRightHereAloneNeedsNone) {
  Run();
  ASSERT_EQ(Exactly(kOdense, EndEnrolment{enrolment, Date(2026, 3, 20), EndReason::kStopped}), "OK");
  const RectifyValue local{enrolment, {{}, {}, {}, EndReason::kPrison}};  // to others it is "other", as before
  EXPECT_EQ(Exactly(kOdense, local, Ground()), "DISCLOSURE_NOT_NEEDED");
  RunOut();
  EXPECT_EQ(Exactly(kOdense, local), "OK");
  EXPECT_EQ(Exactly(kOdense, RectifyValue{enrolment, {{}, {}, {}, EndReason::kEducation}}), "LEGAL_BASIS_EXPIRED");

  const CaseId own = Enrol(kOdense, 5, Date(2026, 3, 1));
  const CaseId move = Observe(kOdense, own, "0450", Date(2026, 3, 20));
  const CorrectRelocation correct{move, Case("corrected"), Date(2026, 3, 25)};
  EXPECT_EQ(Exactly(kOdense, correct, On("gdpr-16", {DataCategory::kResidence})), "DISCLOSURE_NOT_NEEDED")
      << "nobody was announced to";
  EXPECT_EQ(Exactly(kOdense, correct), "OK");
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
