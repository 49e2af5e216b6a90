#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

using domain::Direction;
using domain::EnrolmentState;
using domain::RelocationState;

class RelocationTest : public Story {
 protected:
  CaseId enrolment;
  void SetUp() override { enrolment = Enrol(kOdense, 1, Date(2026, 2, 1)); }

  Observation Move(std::string_view to, std::string name) {
    Observation observation;
    observation.relocation = Case(name);
    observation.enrolment = enrolment;
    observation.to = Code(to);
    observation.effective_date = Date(2026, 3, 1);
    return observation;
  }
  AssessDisclosure Assess(const CaseId& id) { return {id, true, Ground(), std::nullopt}; }
  RelocationState StateOf(AuthorityId who, const CaseId& id) { return world.state(who).FindRelocation(id)->state; }
};

TEST_F(RelocationTest, ExtractsFollowOneAnotherWithoutGapOrRepetition) {
  ImportExtract first = Import(kOdense, {});
  first.previous_production_date = Date(2020, 1, 1);  // of the first, anything
  ASSERT_DONE(world.Do(kOdense, first, ""));
  EXPECT_RULE(world.Do(kOdense, first, ""), "EXTRACT_ALREADY_IMPORTED");
  ImportExtract next = Import(kOdense, {});
  next.previous_production_date = first.production_date - 1;
  EXPECT_RULE(world.Do(kOdense, next, ""), "EXTRACT_DATE_GAP");
  next.previous_production_date.reset();
  EXPECT_RULE(world.Do(kOdense, next, ""), "EXTRACT_DATE_GAP");
  next = Import(kOdense, {});
  next.production_date = first.production_date;
  EXPECT_RULE(world.Do(kOdense, next, ""), "EXTRACT_OUT_OF_ORDER");
  EXPECT_DONE(world.Do(kOdense, Import(kOdense, {}), ""));
  EXPECT_EQ(odense().extracts().size(), 2U);
}

TEST_F(RelocationTest, OneRecordAFileAndOneAMatch) {
  ASSERT_DONE(world.Do(kOdense, Import(kOdense, {Move("0450", "a")}), ""));
  const auto imported = world.Sent<ExtractImported>(kOdense, kOdense);
  ASSERT_EQ(imported.size(), 1U);
  EXPECT_EQ(imported[0].matches, 1U);
  const auto observed = world.Sent<RelocationObserved>(kOdense, kOdense);
  ASSERT_EQ(observed.size(), 1U);
  EXPECT_EQ(observed[0].from, Code("0461"));
  EXPECT_EQ(StateOf(kOdense, Case("a")), RelocationState::kInAssessment);
}

TEST_F(RelocationTest, WhatIsKnownIsNotObservedAgain) {
  ASSERT_DONE(world.Do(kOdense, Import(kOdense, {Move("0450", "a")}), ""));
  ASSERT_DONE(world.Do(kOdense, Import(kOdense, {Move("0450", "b")}), ""));
  EXPECT_EQ(odense().relocations().size(), 1U);
  EXPECT_EQ(world.Sent<ExtractImported>(kOdense, kOdense).back().matches, 0U);
  Observation other_day = Move("0450", "c");
  other_day.effective_date = Date(2026, 3, 2);
  ASSERT_DONE(world.Do(kOdense, Import(kOdense, {other_day}), ""));
  EXPECT_EQ(odense().relocations().size(), 2U);
  ASSERT_DONE(world.Do(kOdense, Import(kOdense, {Move("0461", "d")}), "")) << "moved inside the municipality";
  EXPECT_EQ(odense().relocations().size(), 2U);
}

TEST_F(RelocationTest, OfWhoeverIsNotEnrolledNothingIsKept) {
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{enrolment, Date(2026, 2, 20), EndReason::kJob}));
  ASSERT_DONE(world.Do(kOdense, Import(kOdense, {Move("0450", "a")}), ""));
  EXPECT_TRUE(odense().relocations().empty());
  Observation unknown = Move("0450", "b");
  unknown.enrolment = Case("nobody");
  EXPECT_RULE(world.Do(kOdense, Import(kOdense, {unknown}), ""), "UNKNOWN_CASE");
}

TEST_F(RelocationTest, WhatTransfersNothingCannotBeDisclosed) {
  int n = 0;
  for (const ObservationKind kind : {ObservationKind::kEmigrated, ObservationKind::kDisappeared, ObservationKind::kDead,
                                     ObservationKind::kRenumbered}) {
    Observation observation = Move("0000", "o" + std::to_string(++n));
    observation.kind = kind;
    ASSERT_DONE(world.Do(kOdense, Import(kOdense, {observation}), ""));
    EXPECT_EQ(StateOf(kOdense, observation.relocation), RelocationState::kObserved);
    EXPECT_RULE(world.Do(kOdense, Assess(observation.relocation)), "NOT_A_MOVE");
    EXPECT_RULE(world.Do(kOdense, AnnounceRelocation{observation.relocation}), "NOT_A_MOVE");
  }
}

TEST_F(RelocationTest, AHeldMoveIsSeenByNobodyUntilTwoOfficersReleaseIt) {
  Observation observation = Move("0450", "a");
  observation.hold_reasons = {HoldReason::kSpecialRoadCode, HoldReason::kNameAndAddressProtection};
  ASSERT_DONE(world.Do(kOdense, Import(kOdense, {observation}), ""));
  const CaseId id = observation.relocation;
  EXPECT_EQ(StateOf(kOdense, id), RelocationState::kHeld);
  EXPECT_EQ(odense().FindRelocation(id)->hold_reasons,
            (std::vector{HoldReason::kNameAndAddressProtection, HoldReason::kSpecialRoadCode}));
  EXPECT_RULE(world.Do(kOdense, Assess(id)), "RELOCATION_HELD");
  EXPECT_RULE(world.Do(kOdense, AnnounceRelocation{id}), "RELOCATION_HELD");
  ASSERT_DONE(world.Do(kOdense, ReleaseHold{id}, "anna"));
  EXPECT_EQ(StateOf(kOdense, id), RelocationState::kHeld);
  EXPECT_RULE(world.Do(kOdense, ReleaseHold{id}, "anna"), "TWO_OFFICERS_REQUIRED");
  EXPECT_RULE(world.Do(kOdense, ReleaseHold{id}, ""), "OFFICER_REQUIRED");
  // A new hold takes the first officer's word back.
  ASSERT_DONE(world.Do(kOdense, HoldRelocation{id, HoldReason::kSafetyPackage}, "carl"));
  ASSERT_DONE(world.Do(kOdense, ReleaseHold{id}, "bo"));
  EXPECT_EQ(StateOf(kOdense, id), RelocationState::kHeld);
  ASSERT_DONE(world.Do(kOdense, ReleaseHold{id}, "anna"));
  EXPECT_EQ(StateOf(kOdense, id), RelocationState::kInAssessment);
  EXPECT_EQ(world.Sent<HoldReleased>(kOdense, kOdense).back().first_officer, "bo");
  EXPECT_EQ(world.Undelivered(kOdense), 0U) << "nothing was sent to anyone";
}

TEST_F(RelocationTest, ProtectionThatTheRegistryTellsLaterHoldsWhatNobodyWasToldOf) {
  const CaseId id = Observe(kOdense, enrolment, "0450", Date(2026, 3, 1));
  ASSERT_DONE(world.Do(kOdense, Assess(id)));
  Observation later = Move("0450", "b");
  later.hold_reasons = {HoldReason::kNameAndAddressProtection};
  ASSERT_DONE(world.Do(kOdense, Import(kOdense, {later}), ""));
  EXPECT_EQ(odense().relocations().size(), 1U);
  EXPECT_EQ(odense().FindRelocation(id)->hold_reasons, std::vector{HoldReason::kNameAndAddressProtection});
  EXPECT_RULE(world.Do(kOdense, AnnounceRelocation{id}), "RELOCATION_HELD");

  ASSERT_DONE(world.Do(kOdense, ReleaseHold{id}, "anna"));
  ASSERT_DONE(world.Do(kOdense, ReleaseHold{id}, "bo"));
  later.relocation = Case("c");
  ASSERT_DONE(world.Do(kOdense, Import(kOdense, {later}), ""));
  EXPECT_EQ(StateOf(kOdense, id), RelocationState::kInAssessment) << "it was released for that";
  ASSERT_DONE(world.Do(kOdense, Assess(id)));
  ASSERT_DONE(world.Do(kOdense, AnnounceRelocation{id}));
  later.hold_reasons = {HoldReason::kSpecialRoadCode};
  later.relocation = Case("d");
  ASSERT_DONE(world.Do(kOdense, Import(kOdense, {later}), ""));
  EXPECT_EQ(StateOf(kOdense, id), RelocationState::kAnnounced);
}

TEST_F(RelocationTest, ProtectionOfAMoveThatIsOverMeanwhileObservesNone) {
  const CaseId id = Observe(kOdense, enrolment, "0450", Date(2026, 3, 1));
  Observation later = Move("0450", "b");
  later.hold_reasons = {HoldReason::kNameAndAddressProtection};
  later.concerns = id;
  ASSERT_DONE(world.Do(kOdense, Import(kOdense, {later}), ""));
  EXPECT_EQ(StateOf(kOdense, id), RelocationState::kHeld);
  ASSERT_DONE(world.Do(kOdense, AnnulRelocation{id}));
  later.relocation = Case("c");
  later.hold_reasons = {HoldReason::kSpecialRoadCode};
  ASSERT_DONE(world.Do(kOdense, Import(kOdense, {later}), ""));
  EXPECT_EQ(StateOf(kOdense, id), RelocationState::kAnnulled);
  EXPECT_EQ(odense().relocations().size(), 1U);
}

TEST_F(RelocationTest, WhatAnImportTakesBackItDoesNotHold) {
  const CaseId id = Observe(kOdense, enrolment, "0450", Date(2026, 3, 1));
  Observation reversed;
  reversed.relocation = Case("reversed");
  reversed.enrolment = enrolment;
  reversed.kind = ObservationKind::kReversed;
  reversed.concerns = id;
  Observation again = Move("0450", "again");
  again.hold_reasons = {HoldReason::kSpecialRoadCode};
  ASSERT_DONE(world.Do(kOdense, Import(kOdense, {reversed, again}), ""));
  EXPECT_EQ(StateOf(kOdense, id), RelocationState::kAnnulled);
  EXPECT_EQ(StateOf(kOdense, again.relocation), RelocationState::kHeld) << "in its place";
}

TEST_F(RelocationTest, WhatIsObservedInThePlaceOfAHeldMoveIsHeldForTheSame) {
  const CaseId held = Observe(kOdense, enrolment, "0450", Date(2026, 3, 1));
  ASSERT_DONE(world.Do(kOdense, HoldRelocation{held, HoldReason::kSafetyPackage}));
  Observation reversed;
  reversed.relocation = Case("reversed");
  reversed.enrolment = enrolment;
  reversed.kind = ObservationKind::kReversed;
  reversed.concerns = held;
  Observation other_day = Move("0450", "other day");
  other_day.effective_date = Date(2026, 3, 2);
  ASSERT_DONE(world.Do(kOdense, Import(kOdense, {reversed, other_day}), ""));
  EXPECT_EQ(StateOf(kOdense, held), RelocationState::kAnnulled);
  EXPECT_EQ(StateOf(kOdense, other_day.relocation), RelocationState::kHeld);
  EXPECT_EQ(odense().FindRelocation(other_day.relocation)->hold_reasons, std::vector{HoldReason::kSafetyPackage});

  // Nor does one officer, who takes it back, release what the next extract has.
  ASSERT_DONE(world.Do(kOdense, AnnulRelocation{other_day.relocation}));
  EXPECT_EQ(StateOf(kOdense, Observe(kOdense, enrolment, "0450", Date(2026, 3, 2), "again")), RelocationState::kHeld);
}

TEST_F(RelocationTest, WhatIsOverKeepsNothingOfWhoAskedForItsRelease) {
  const CaseId id = Observe(kOdense, enrolment, "0450", Date(2026, 3, 1), "a", {HoldReason::kSpecialRoadCode});
  domain::State state = odense();
  Event event;
  event.header.issuer = kOdense;
  event.header.recipient = kOdense;
  event.header.case_id = id;
  event.header.officer = "anna";
  event.header.certificate = crypto::Sha256("one");
  event.body = HoldReleaseRequested();
  domain::Evolve(state, event, {"origin", LeafIndex(0), crypto::Hash()});
  ASSERT_TRUE(state.FindRelocation(id)->release_officer && state.FindRelocation(id)->release_certificate);
  event.body = RelocationExpired();
  domain::Evolve(state, event, {"origin", LeafIndex(1), crypto::Hash()});
  EXPECT_EQ(state.FindRelocation(id)->release_officer, std::nullopt);
  EXPECT_EQ(state.FindRelocation(id)->release_certificate, std::nullopt);
}

TEST_F(RelocationTest, AnOfficerHoldsUntilItIsAnnounced) {
  const CaseId id = Observe(kOdense, enrolment, "0450", Date(2026, 3, 1));
  ASSERT_DONE(world.Do(kOdense, Assess(id)));
  ASSERT_DONE(world.Do(kOdense, HoldRelocation{id, HoldReason::kOfficer}));
  EXPECT_RULE(world.Do(kOdense, AnnounceRelocation{id}), "RELOCATION_HELD");
  ASSERT_DONE(world.Do(kOdense, ReleaseHold{id}, "anna"));
  ASSERT_DONE(world.Do(kOdense, ReleaseHold{id}, "bo"));
  EXPECT_RULE(world.Do(kOdense, AnnounceRelocation{id}), "NOT_DISCLOSED") << "it is assessed anew";
  ASSERT_DONE(world.Do(kOdense, Assess(id)));
  ASSERT_DONE(world.Do(kOdense, AnnounceRelocation{id}));
  EXPECT_RULE(world.Do(kOdense, HoldRelocation{id, HoldReason::kOfficer}), "RELOCATION_WRONG_STATE");
}

TEST_F(RelocationTest, DisclosureNeedsNecessityBasisJournalAndDate) {
  Observation observation = Move("0450", "a");
  observation.effective_date.reset();
  observation.uncertain = true;
  ASSERT_DONE(world.Do(kOdense, Import(kOdense, {observation}), ""));
  const auto with = [&](const std::function<void(AssessDisclosure&)>& change) {
    AssessDisclosure assess = Assess(observation.relocation);
    assess.effective_date = Date(2026, 3, 1);
    change(assess);
    return world.Do(kOdense, assess);
  };
  EXPECT_RULE(with([](auto& a) { a.ground.necessity.clear(); }), "FIELD_REQUIRED");
  EXPECT_RULE(with([](auto& a) { a.ground.legal_basis.clear(); }), "FIELD_REQUIRED");
  EXPECT_RULE(with([](auto& a) { a.ground.journal_reference.clear(); }), "FIELD_REQUIRED");
  EXPECT_RULE(with([](auto& a) { a.ground.necessity.assign(4001, 'x'); }), "FIELD_TOO_LONG");
  EXPECT_RULE(with([](auto& a) { a.ground.legal_basis = "no such"; }), "LEGAL_BASIS_UNKNOWN");
  EXPECT_RULE(with([](auto& a) { a.ground.legal_basis = "old-basis"; }), "LEGAL_BASIS_EXPIRED");
  EXPECT_RULE(with([](auto& a) { a.ground.legal_basis = "new-basis"; }), "LEGAL_BASIS_EXPIRED");
  EXPECT_RULE(with([](auto& a) { a.ground.categories.clear(); }), "FIELD_REQUIRED");
  EXPECT_RULE(with([](auto& a) { a.effective_date.reset(); }), "EFFECTIVE_DATE_REQUIRED");
  EXPECT_DONE(with([](auto&) {}));
  EXPECT_DONE(with([](auto& a) { a.ground.journal_reference = "journal-2"; })) << "until it is announced";
  EXPECT_DONE(world.Do(kOdense, AnnounceRelocation{observation.relocation}));
  EXPECT_RULE(with([](auto&) {}), "RELOCATION_WRONG_STATE");
}

TEST_F(RelocationTest, WhatIsNotDisclosedIsNotAnnounced) {
  const CaseId id = Observe(kOdense, enrolment, "0450", Date(2026, 3, 1));
  EXPECT_RULE(world.Do(kOdense, AnnounceRelocation{id}), "NOT_DISCLOSED");
  ASSERT_DONE(world.Do(kOdense, AssessDisclosure{id, false, {"", "", "journal-2", {}}, std::nullopt}));
  EXPECT_EQ(StateOf(kOdense, id), RelocationState::kNotDisclosed);
  EXPECT_RULE(world.Do(kOdense, AnnounceRelocation{id}), "NOT_DISCLOSED");
  EXPECT_EQ(world.Undelivered(kOdense), 0U);
}

TEST_F(RelocationTest, AnAnnouncementGoesToTheMunicipalityMovedToAndToNoOther) {
  const CaseId id = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
  EXPECT_EQ(EnrolmentAt(kOdense, enrolment).state(), EnrolmentState::kTransferring);
  world.DeliverAll();
  const domain::Relocation& received = *nyborg().FindRelocation(id);
  EXPECT_EQ(received.direction, Direction::kIn);
  EXPECT_EQ(received.state, RelocationState::kAnnounced);
  EXPECT_EQ(*received.cpr, Citizen(1));
  EXPECT_EQ(received.announcement->provider, kOdense);
  EXPECT_EQ(received.announcement->ref.leaf_hash, odense().FindRelocation(id)->announcement->ref.leaf_hash);
  EXPECT_EQ(kerteminde().CanonicalBytes(), domain::State(kKerteminde).CanonicalBytes());
  EXPECT_RULE(world.Do(kOdense, AnnounceRelocation{id}), "NOT_DISCLOSED");
  // The end of responsibility names the announcement.
  EXPECT_EQ(world.Sent<ResponsibilityEnded>(kOdense, kOdense)[0].announcement, received.announcement->ref.leaf_hash);
}

TEST_F(RelocationTest, ASecondMoveIsNotAnnouncedWhileTheFirstStands) {
  const CaseId first = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10), "first");
  const CaseId second = Observe(kOdense, enrolment, "0440", Date(2026, 3, 12), "second");
  ASSERT_DONE(world.Do(kOdense, Assess(second)));
  EXPECT_RULE(world.Do(kOdense, AnnounceRelocation{second}), "ENROLMENT_NOT_ACTIVE");
  ASSERT_DONE(world.Do(kOdense, AnnulRelocation{first}));
  EXPECT_DONE(world.Do(kOdense, AnnounceRelocation{second}));
  world.DeliverAll();
}

TEST_F(RelocationTest, AnUnknownMunicipalityOrADateBeforeResponsibilityIsRefused) {
  const CaseId elsewhere = Observe(kOdense, enrolment, "0101", Date(2026, 3, 10), "elsewhere");
  ASSERT_DONE(world.Do(kOdense, Assess(elsewhere)));
  EXPECT_RULE(world.Do(kOdense, AnnounceRelocation{elsewhere}), "AUTHORITY_UNKNOWN");
  const CaseId early = Observe(kOdense, enrolment, "0450", Date(2026, 1, 31), "early");
  ASSERT_DONE(world.Do(kOdense, Assess(early)));
  EXPECT_RULE(world.Do(kOdense, AnnounceRelocation{early}), "DATE_BEFORE_RESPONSIBILITY");
}

TEST_F(RelocationTest, ALegalBasisThatRanOutSinceTheAssessmentStopsTheAnnouncement) {
  const CaseId id = Observe(kOdense, enrolment, "0450", Date(2026, 3, 1));
  ASSERT_DONE(world.Do(kOdense, Assess(id)));
  world.legal_bases[0].valid_to = world.today - 1;
  EXPECT_RULE(world.Do(kOdense, AnnounceRelocation{id}), "LEGAL_BASIS_EXPIRED");
}

TEST_F(RelocationTest, TheMunicipalityMovedToAnswersOnce) {
  const CaseId one = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10), "one");
  const CaseId other = Announce(kOdense, Enrol(kOdense, 2, Date(2026, 2, 1)), "0450", Date(2026, 3, 10), "other");
  world.DeliverAll();
  EXPECT_RULE(world.Do(kOdense, AcknowledgeRelocation{one}), "NOT_THE_MUNICIPALITY_MOVED_TO");
  EXPECT_RULE(world.Do(kNyborg, AnnulRelocation{one}), "NOT_THE_MUNICIPALITY_LEFT");
  ASSERT_DONE(world.Do(kNyborg, AcknowledgeRelocation{one}));
  EXPECT_RULE(world.Do(kNyborg, DeclineRelocation{one}), "RELOCATION_WRONG_STATE");
  ASSERT_DONE(world.Do(kNyborg, DeclineRelocation{other}));
  world.DeliverAll();
  for (const AuthorityId who : {kOdense, kNyborg}) {
    EXPECT_EQ(StateOf(who, one), RelocationState::kAcknowledged);
    EXPECT_EQ(StateOf(who, other), RelocationState::kDeclined);
  }
  EXPECT_TRUE(domain::LeadsOn(*nyborg().FindRelocation(one)));
  EXPECT_FALSE(domain::LeadsOn(*nyborg().FindRelocation(other)));
  EXPECT_RULE(world.Do(kNyborg, RequestTransfer{Case("t"), other, std::nullopt}), "RELOCATION_WRONG_STATE");
}

TEST_F(RelocationTest, TheRegistryTakesBackWhatWasNotAnnounced) {
  const CaseId id = Observe(kOdense, enrolment, "0450", Date(2026, 3, 1));
  Observation reversed;
  reversed.relocation = Case("reversed");
  reversed.enrolment = enrolment;
  reversed.kind = ObservationKind::kReversed;
  reversed.concerns = id;
  ASSERT_DONE(world.Do(kOdense, Import(kOdense, {reversed}), ""));
  EXPECT_EQ(StateOf(kOdense, id), RelocationState::kAnnulled);
  EXPECT_EQ(StateOf(kOdense, reversed.relocation), RelocationState::kObserved);
  // The same move may be true later.
  Observe(kOdense, enrolment, "0450", Date(2026, 3, 1), "again");
  EXPECT_EQ(odense().relocations().size(), 3U);
}

TEST_F(RelocationTest, WhatWasAnnouncedAnOfficerTakesBack) {
  const CaseId id = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  Observation reversed;
  reversed.relocation = Case("reversed");
  reversed.enrolment = enrolment;
  reversed.kind = ObservationKind::kReversed;
  reversed.concerns = id;
  ASSERT_DONE(world.Do(kOdense, Import(kOdense, {reversed}), ""));
  EXPECT_EQ(StateOf(kOdense, id), RelocationState::kAnnounced);
  ASSERT_DONE(world.Do(kOdense, AnnulRelocation{id}));
  world.DeliverAll();
  EXPECT_EQ(StateOf(kNyborg, id), RelocationState::kAnnulled);
  EXPECT_FALSE(domain::LeadsOn(*nyborg().FindRelocation(id)));
  EXPECT_EQ(EnrolmentAt(kOdense, enrolment).state(), EnrolmentState::kActive);
  EXPECT_RULE(world.Do(kOdense, AnnulRelocation{id}), "RELOCATION_WRONG_STATE");
  EXPECT_RULE(world.Do(kNyborg, AcknowledgeRelocation{id}), "RELOCATION_WRONG_STATE");
}

TEST_F(RelocationTest, ACorrectionIsANewRelocationWithItsOwnAssessment) {
  const CaseId id = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  const CaseId corrected = Case("corrected");
  EXPECT_RULE(world.Do(kOdense, CorrectRelocation{id, corrected, Date(2026, 3, 10)}), "NOTHING_TO_CORRECT");
  EXPECT_RULE(world.Do(kOdense, CorrectRelocation{id, enrolment, Date(2026, 3, 12)}), "CASE_ALREADY_USED");
  ASSERT_DONE(world.Do(kOdense, CorrectRelocation{id, corrected, Date(2026, 3, 12)}));
  world.DeliverAll();
  EXPECT_EQ(StateOf(kNyborg, id), RelocationState::kCorrected);
  EXPECT_EQ(EnrolmentAt(kOdense, enrolment).state(), EnrolmentState::kActive);
  EXPECT_EQ(StateOf(kOdense, corrected), RelocationState::kInAssessment);
  EXPECT_EQ(nyborg().FindRelocation(corrected), nullptr) << "nothing of it is sent before it is assessed";
  ASSERT_DONE(world.Do(kOdense, Assess(corrected)));
  ASSERT_DONE(world.Do(kOdense, AnnounceRelocation{corrected}));
  world.DeliverAll();
  EXPECT_EQ(nyborg().FindRelocation(corrected)->effective_date, Date(2026, 3, 12));
}

TEST_F(RelocationTest, ACorrectedRelocationIsHeldIfTheFirstEverWas) {
  const CaseId id =
      Observe(kOdense, enrolment, "0450", Date(2026, 3, 10), "move", {HoldReason::kNameAndAddressProtection});
  ASSERT_DONE(world.Do(kOdense, ReleaseHold{id}, "anna"));
  ASSERT_DONE(world.Do(kOdense, ReleaseHold{id}, "bo"));
  ASSERT_DONE(world.Do(kOdense, CorrectRelocation{id, Case("corrected"), Date(2026, 3, 12)}));
  EXPECT_EQ(StateOf(kOdense, id), RelocationState::kCorrected);
  EXPECT_EQ(StateOf(kOdense, Case("corrected")), RelocationState::kHeld);
}

TEST_F(RelocationTest, AnAnswerAndACorrectionThatCrossAgreeAtBothEnds) {
  const CaseId id = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  ASSERT_DONE(world.Do(kNyborg, AcknowledgeRelocation{id}));
  ASSERT_DONE(world.Do(kOdense, AnnulRelocation{id}));
  world.DeliverAll();
  EXPECT_EQ(StateOf(kOdense, id), RelocationState::kAnnulled);
  EXPECT_EQ(StateOf(kNyborg, id), RelocationState::kAnnulled);
}

}  // namespace
}  // namespace medflyt::testing
