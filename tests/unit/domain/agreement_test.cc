#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

using domain::AgreementState;
using domain::VersionState;

class AgreementTest : public Story {
 protected:
  CaseId id = Case("agreement");
  absl::Status Propose(AuthorityId who, const AgreementTerms& terms) {
    return world.Do(who, ProposeAgreement{id, kOdense, kNyborg, terms});
  }
};

TEST_F(AgreementTest, IsInForceOnlyWithBothSignatures) {
  ASSERT_DONE(Propose(kOdense, Terms(2)));
  world.DeliverAll();
  for (const AuthorityId who : {kOdense, kNyborg}) {
    EXPECT_EQ(world.state(who).FindAgreement(id)->state(), AgreementState::kProposed);
    EXPECT_EQ(world.state(who).FindAgreement(id)->CapacityOn(Date(2026, 6, 1)), 0U);
  }
  ASSERT_DONE(world.Do(kNyborg, AcceptAgreement{id, 1}));
  EXPECT_FALSE(odense().FindAgreement(id)->InForceOn(Date(2026, 6, 1)));
  world.DeliverAll();
  for (const AuthorityId who : {kOdense, kNyborg}) {
    const domain::Agreement& agreement = *world.state(who).FindAgreement(id);
    EXPECT_EQ(agreement.state(), AgreementState::kInForce);
    EXPECT_EQ(agreement.CapacityOn(Date(2025, 12, 31)), 0U);
    EXPECT_EQ(agreement.CapacityOn(Date(2026, 1, 1)), 2U);
    EXPECT_EQ(agreement.CapacityOn(Date(2027, 12, 31)), 2U);
    EXPECT_EQ(agreement.CapacityOn(Date(2028, 1, 1)), 0U);
  }
  EXPECT_EQ(kerteminde().agreements().size(), 0U);
}

TEST_F(AgreementTest, EitherPartyProposesAndTheOtherAnswers) {
  ASSERT_DONE(Propose(kNyborg, Terms(2)));
  EXPECT_RULE(world.Do(kNyborg, AcceptAgreement{id, 1}), "OWN_PROPOSAL");
  world.DeliverAll();
  ASSERT_DONE(world.Do(kOdense, DeclineAgreement{id, 1}));
  EXPECT_RULE(world.Do(kOdense, AcceptAgreement{id, 1}), "VERSION_NOT_OPEN");
  world.DeliverAll();
  EXPECT_EQ(nyborg().FindAgreement(id)->state(), AgreementState::kDeclined);
  ASSERT_DONE(Propose(kNyborg, Terms(1)));
  world.DeliverAll();
  EXPECT_RULE(world.Do(kOdense, AcceptAgreement{id, 1}), "VERSION_NOT_OPEN");
  EXPECT_RULE(world.Do(kOdense, AcceptAgreement{id, 3}), "UNKNOWN_VERSION");
  ASSERT_DONE(world.Do(kOdense, AcceptAgreement{id, 2}));
}

TEST_F(AgreementTest, RefusesBadTermsByFieldAndRule) {
  const auto rule = [&](const std::function<void(AgreementTerms&)>& spoil) {
    AgreementTerms terms = Terms(2);
    spoil(terms);
    const absl::Status status = Propose(kOdense, terms);
    const auto broken = BrokenRuleOf(status);
    return broken ? broken->field + " " + broken->rule : "OK";
  };
  EXPECT_EQ(rule([](AgreementTerms& t) { t.capacity = 0; }), "terms.capacity CAPACITY_OUT_OF_RANGE");
  EXPECT_EQ(rule([](AgreementTerms& t) { t.capacity = 10'001; }), "terms.capacity CAPACITY_OUT_OF_RANGE");
  EXPECT_EQ(rule([](AgreementTerms& t) { t.price_ore = -1; }), "terms.price_ore PRICE_NEGATIVE");
  EXPECT_EQ(rule([](AgreementTerms& t) { t.valid_to = t.valid_from - 1; }), "terms.valid_to VALIDITY_REVERSED");
  EXPECT_EQ(rule([](AgreementTerms& t) { t.valid_from = t.valid_to = Date(2026, 2, 28); }),
            "terms.valid_to VALIDITY_OVER");
  EXPECT_EQ(rule([](AgreementTerms& t) { t.settlement_months = 0; }),
            "terms.settlement_months SETTLEMENT_OUT_OF_RANGE");
  EXPECT_EQ(rule([](AgreementTerms& t) { t.settlement_months = 13; }),
            "terms.settlement_months SETTLEMENT_OUT_OF_RANGE");
  EXPECT_EQ(rule([](AgreementTerms& t) { t.notice_days = 4'000; }), "terms.notice_days NOTICE_OUT_OF_RANGE");
  EXPECT_EQ(rule([](AgreementTerms& t) { t.legal_basis.clear(); }), "terms.legal_basis FIELD_REQUIRED");
  EXPECT_EQ(rule([](AgreementTerms& t) { t.council_case.assign(65, 'x'); }), "terms.council_case FIELD_TOO_LONG");
  EXPECT_EQ(rule([](AgreementTerms&) {}), "OK");
  EXPECT_EQ(odense().agreements().size(), 1U);
}

TEST_F(AgreementTest, RefusesWrongParties) {
  EXPECT_RULE(world.Do(kOdense, ProposeAgreement{id, kOdense, kOdense, Terms(2)}), "PARTIES_EQUAL");
  EXPECT_RULE(world.Do(kOdense, ProposeAgreement{id, kKerteminde, kNyborg, Terms(2)}), "NOT_A_PARTY");
  EXPECT_RULE(world.Do(kOdense, ProposeAgreement{id, kOdense, Cvr("11111111"), Terms(2)}), "AUTHORITY_UNKNOWN");
  EXPECT_RULE(world.Do(kOdense, ProposeAgreement{CaseId(), kOdense, kNyborg, Terms(2)}), "FIELD_REQUIRED");
  EXPECT_RULE(world.Do(kOdense, ProposeAgreement{id, kOdense, kNyborg, Terms(2)}, ""), "OFFICER_REQUIRED");
  ASSERT_DONE(Propose(kOdense, Terms(2)));
  EXPECT_RULE(Propose(kOdense, Terms(3)), "PROPOSAL_OPEN");
  EXPECT_RULE(world.Do(kOdense, ProposeAgreement{id, kOdense, kKerteminde, Terms(2)}), "PARTIES_CHANGED");
  EXPECT_RULE(world.Do(kOdense, AcceptAgreement{Case("no such"), 1}), "UNKNOWN_CASE");
}

TEST_F(AgreementTest, TheHighestVersionThatCoversADateCounts) {
  Agree(kNyborg, 2);
  id = Case("agreement " + kNyborg.ToString());
  ASSERT_DONE(Propose(kNyborg, Terms(5, Date(2026, 7, 1), Date(2026, 12, 31))));
  world.DeliverAll();
  ASSERT_DONE(world.Do(kOdense, AcceptAgreement{id, 2}));
  world.DeliverAll();
  const domain::Agreement& agreement = *nyborg().FindAgreement(id);
  EXPECT_EQ(agreement.CapacityOn(Date(2026, 6, 30)), 2U);
  EXPECT_EQ(agreement.CapacityOn(Date(2026, 7, 1)), 5U);
  EXPECT_EQ(agreement.CapacityOn(Date(2027, 1, 1)), 2U);
  EXPECT_EQ(domain::LeastCapacityFrom(agreement.Segments(), Date(2026, 8, 1)), 2U);
  EXPECT_EQ(domain::RunEnd(agreement.Segments(), Date(2026, 8, 1)), Date(2027, 12, 31));
  EXPECT_EQ(domain::RunEnd(agreement.Segments(), Date(2028, 1, 1)), std::nullopt);
}

TEST_F(AgreementTest, WhereTwoProposalsCrossTheProvidersStandsAtBothEnds) {
  id = Agree(kNyborg, 2);
  ASSERT_DONE(Propose(kOdense, Terms(3)));
  ASSERT_DONE(Propose(kNyborg, Terms(4)));
  world.DeliverAll();
  for (const AuthorityId who : {kOdense, kNyborg}) {
    const domain::AgreementVersion& open = *world.state(who).FindAgreement(id)->OpenProposal();
    EXPECT_EQ(open.proposed_by, kOdense);
    EXPECT_EQ(open.terms.capacity, 3U);
  }
  ASSERT_DONE(world.Do(kNyborg, AcceptAgreement{id, 2}));
  world.DeliverAll();
  EXPECT_EQ(odense().FindAgreement(id)->CapacityOn(world.today), 3U);
  EXPECT_EQ(nyborg().FindAgreement(id)->CapacityOn(world.today), 3U);
}

TEST_F(AgreementTest, TerminationKeepsNoticeAndTerm) {
  id = Agree(kNyborg, 2);
  EXPECT_RULE(world.Do(kNyborg, TerminateAgreement{id, world.today + 29}), "NOTICE_TOO_SHORT");
  EXPECT_RULE(world.Do(kNyborg, TerminateAgreement{id, Date(2028, 1, 1)}), "AFTER_TERM");
  ASSERT_DONE(world.Do(kNyborg, TerminateAgreement{id, world.today + 30}));
  ASSERT_DONE(world.Do(kOdense, TerminateAgreement{id, world.today + 60}));
  world.DeliverAll();  // they crossed: the earlier day stands
  for (const AuthorityId who : {kOdense, kNyborg}) {
    const domain::Agreement& agreement = *world.state(who).FindAgreement(id);
    EXPECT_EQ(agreement.state(), AgreementState::kTerminated);
    EXPECT_EQ(agreement.CapacityOn(world.today + 30), 2U);
    EXPECT_EQ(agreement.CapacityOn(world.today + 31), 0U);
  }
  EXPECT_RULE(world.Do(kNyborg, TerminateAgreement{id, world.today + 40}), "AGREEMENT_TERMINATED");
  EXPECT_RULE(Propose(kOdense, Terms(3)), "AGREEMENT_TERMINATED");
}

TEST_F(AgreementTest, ABadProposalOfAPeerIsDeclinedByAnEvent) {
  Draft draft;
  draft.recipient = kOdense;
  draft.case_id = id;
  AgreementTerms terms = Terms(0);
  draft.body = AgreementProposed{1, kOdense, kNyborg, terms};
  world.Say(kNyborg, draft);
  world.DeliverAll();
  EXPECT_EQ(nyborg().FindAgreement(id)->state(), AgreementState::kDeclined);
  EXPECT_EQ(odense().FindAgreement(id)->state(), AgreementState::kDeclined);

  draft.body = AgreementProposed{7, kOdense, kNyborg, Terms(2)};  // not the next version
  world.Say(kNyborg, draft);
  world.DeliverAll();
  EXPECT_EQ(odense().FindAgreement(id)->versions.size(), 1U);
  EXPECT_EQ(world.Sent<AgreementDeclined>(kOdense, kNyborg).back().version, 7U);
}

TEST_F(AgreementTest, CapacityIsNotLoweredBelowWhatIsTaken) {
  id = Agree(kNyborg, 2);
  Enrol(kNyborg, 1, Date(2026, 3, 1), id);
  Enrol(kNyborg, 2, Date(2026, 9, 1), id);  // from a later day
  EXPECT_RULE(Propose(kOdense, Terms(1)), "OVER_CAPACITY");
  ASSERT_DONE(Propose(kNyborg, Terms(1)));
  world.DeliverAll();
  EXPECT_RULE(world.Do(kOdense, AcceptAgreement{id, 2}), "OVER_CAPACITY");
  EXPECT_EQ(odense().FindAgreement(id)->CapacityOn(Date(2026, 9, 1)), 2U);
  ASSERT_DONE(world.Do(kOdense, DeclineAgreement{id, 2}));
  world.DeliverAll();
  // Only the time before the second citizen comes may have one place, and only if the run that holds both has two.
  ASSERT_DONE(Propose(kNyborg, Terms(1, Date(2026, 1, 1), Date(2026, 8, 31))));
  world.DeliverAll();
  EXPECT_DONE(world.Do(kOdense, AcceptAgreement{id, 3}));
  world.DeliverAll();
}

TEST_F(AgreementTest, AnOpenOfferOfLessCapacityBindsTheProvider) {
  id = Agree(kNyborg, 2);
  Enrol(kNyborg, 1, Date(2026, 3, 1), id);
  ASSERT_DONE(Propose(kOdense, Terms(1)));
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{Case("second"), kOdense, Citizen(2), id, Date(2026, 3, 1)}));
  world.DeliverAll();
  EXPECT_EQ(domain::WaitingListOn(odense(), id).size(), 1U) << "the buyer may accept the lower capacity any moment";
  ASSERT_DONE(world.Do(kNyborg, DeclineAgreement{id, 2}));
  world.DeliverAll();
  EXPECT_EQ(domain::WaitingListOn(odense(), id).size(), 0U);
  EXPECT_EQ(world.Sent<PlaceReserved>(kOdense, kNyborg).back().number, 2U);
}

}  // namespace
}  // namespace medflyt::testing
