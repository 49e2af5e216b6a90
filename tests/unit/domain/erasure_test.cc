// Erasure: who may ask for it, when, what it takes away, and who is told.
#include <gmock/gmock.h>

#include "server/domain/retention.h"
#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Hash kFirst = crypto::Sha256("first certificate");
const Hash kSecond = crypto::Sha256("second certificate");

class ErasureTest : public Story {
 protected:
  // Citizen 1 was Nyborg's in Odense's unit until 20 March 2026.
  CaseId agreement;
  CaseId enrolment;
  void SetUp() override {
    agreement = Agree(kNyborg, 2);
    enrolment = Enrol(kNyborg, 1, Date(2026, 2, 1), agreement);
  }
  void End() {
    ASSERT_DONE(world.Do(kOdense, EndEnrolment{enrolment, Date(2026, 3, 20), EndReason::kJob}));
    world.DeliverAll();
    world.today = Date(2026, 3, 21);
  }
  EraseCases Erasure(std::vector<CaseId> cases, Hash certificate, std::string ground = "gdpr-17-1-d") {
    std::sort(cases.begin(), cases.end());
    const CaseId id = Case("erasure " + std::to_string(++erasures_));
    return {id, std::move(cases), std::move(ground), "journal-7", certificate};
  }
  absl::Status Ask(AuthorityId who, std::vector<CaseId> cases) {
    return world.Do(who, Erasure(std::move(cases), kFirst), "anna");
  }
  absl::Status Confirm(AuthorityId who, std::vector<CaseId> cases) {
    return world.Do(who, Erasure(std::move(cases), kSecond), "bo");
  }
  void Erase(AuthorityId who, const std::vector<CaseId>& cases) {
    ASSERT_DONE(Ask(who, cases));
    ASSERT_DONE(Confirm(who, cases));
  }

 private:
  int erasures_ = 0;
};

TEST_F(ErasureTest, TakesTwoOfficersWithTwoCertificates) {
  End();
  ASSERT_DONE(Ask(kNyborg, {enrolment}));
  EXPECT_NE(nyborg().FindEnrolment(enrolment), nullptr);
  EXPECT_EQ(world.Undelivered(kNyborg), 0U) << "nobody is told of what is only asked for";
  EXPECT_RULE(Ask(kNyborg, {enrolment}), "TWO_OFFICERS_REQUIRED");
  EXPECT_RULE(world.Do(kNyborg, Erasure({enrolment}, kSecond), "anna"), "TWO_OFFICERS_REQUIRED");
  EXPECT_RULE(world.Do(kNyborg, Erasure({enrolment}, kFirst), "bo"), "TWO_OFFICERS_REQUIRED");
  EXPECT_NE(nyborg().FindEnrolment(enrolment), nullptr);
  EXPECT_NE(nyborg().FindGround(enrolment, kOdense), nullptr);

  ASSERT_DONE(Confirm(kNyborg, {enrolment}));
  EXPECT_EQ(nyborg().FindEnrolment(enrolment), nullptr);
  EXPECT_EQ(nyborg().FindGround(enrolment, kOdense), nullptr) << "nor why another was told of the citizen";
  EXPECT_THAT(nyborg().EnrolmentsOf(Citizen(1)), IsEmpty());
  EXPECT_TRUE(nyborg().CalendarOf(agreement).empty());
  ASSERT_EQ(nyborg().erasures().size(), 1U);
  const domain::Erasure& done = nyborg().erasures().begin()->second;
  EXPECT_EQ(done.state, domain::ErasureState::kDone);
  EXPECT_EQ(done.first_officer, "anna");
  EXPECT_EQ(done.second_officer, "bo");
  EXPECT_THAT(done.cases, IsEmpty()) << "what was erased is not remembered";
}

TEST_F(ErasureTest, AnOfficerOnAnotherGroundAsksAnew) {
  End();
  world.erasure_grounds.push_back({{"gdpr-17-1-b", Date(2018, 5, 25), std::nullopt}, true});
  ASSERT_DONE(Ask(kNyborg, {enrolment}));
  ASSERT_DONE(world.Do(kNyborg, Erasure({enrolment}, kSecond, "gdpr-17-1-b"), "bo"));
  EXPECT_NE(nyborg().FindEnrolment(enrolment), nullptr);
  ASSERT_EQ(nyborg().erasures().size(), 1U) << "the last request stands";
  EXPECT_EQ(nyborg().erasures().begin()->second.first_officer, "bo");
}

TEST_F(ErasureTest, WhatRunsIsNotErased) {
  EXPECT_RULE(Ask(kNyborg, {enrolment}), "ERASURE_CASE_RUNNING");
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{enrolment, Date(2026, 3, 20), EndReason::kJob}));
  world.DeliverAll();
  world.today = Date(2026, 3, 19);
  EXPECT_RULE(Ask(kNyborg, {enrolment}), "ERASURE_CASE_RUNNING");
  world.today = Date(2026, 3, 20);
  EXPECT_DONE(Ask(kNyborg, {enrolment}));
}

TEST_F(ErasureTest, AMoveThatIsAnnouncedRunsUntilAnAnswerIsWaitedForNoLonger) {
  const CaseId relocation = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 10));
  world.DeliverAll();
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{enrolment, Date(2026, 3, 10), EndReason::kMoved}));
  world.DeliverAll();
  world.today = Date(2026, 4, 30);  // 60 days after 1 March
  EXPECT_RULE(Ask(kNyborg, {enrolment, relocation}), "ERASURE_CASE_RUNNING");
  world.today = Date(2026, 5, 1);
  EXPECT_DONE(Ask(kNyborg, {enrolment, relocation}));
}

TEST_F(ErasureTest, JournalDutyHoldsUntilThePeriodIsOverUnlessTheGroundOutweighsIt) {
  End();
  const auto ordinary = [&](std::string_view certificate, std::string officer) {
    return world.Do(kNyborg, Erasure({enrolment}, crypto::Sha256(certificate), "gdpr-17-1-a"), std::move(officer));
  };
  EXPECT_RULE(ordinary("1", "anna"), "ERASURE_JOURNAL_DUTY");
  world.today = Date(2031, 3, 20);  // five years after the end
  EXPECT_RULE(ordinary("2", "anna"), "ERASURE_JOURNAL_DUTY");
  world.today = Date(2031, 3, 21);
  EXPECT_DONE(ordinary("3", "anna"));
  EXPECT_DONE(ordinary("4", "bo"));
  EXPECT_EQ(nyborg().FindEnrolment(enrolment), nullptr);
}

TEST_F(ErasureTest, GroundsAreDated) {
  End();
  EXPECT_RULE(world.Do(kNyborg, Erasure({enrolment}, kFirst, "old-ground"), "anna"), "LEGAL_BASIS_EXPIRED");
  EXPECT_RULE(world.Do(kNyborg, Erasure({enrolment}, kFirst, "no-ground"), "anna"), "LEGAL_BASIS_UNKNOWN");
  EXPECT_RULE(world.Do(kNyborg, Erasure({enrolment}, kFirst, ""), "anna"), "FIELD_REQUIRED");
  EraseCases nameless = Erasure({enrolment}, kFirst);
  nameless.journal_reference.clear();
  EXPECT_RULE(world.Do(kNyborg, nameless, "anna"), "FIELD_REQUIRED");
  EraseCases uncertified = Erasure({enrolment}, kFirst);
  uncertified.certificate.reset();
  EXPECT_RULE(world.Do(kNyborg, uncertified, "anna"), "FIELD_REQUIRED");
  EXPECT_RULE(Ask(kNyborg, {}), "CITIZEN_UNKNOWN");
  world.retention.clear();
  EXPECT_RULE(world.Do(kNyborg, Erasure({enrolment}, kFirst, "gdpr-17-1-a"), "anna"), "RETENTION_PERIOD_UNKNOWN");
}

TEST_F(ErasureTest, ThePeriodInForceHoldsAlsoForWhatWasClosedBeforeIt) {
  End();
  world.retention.push_back({domain::Kept::kCase, Date(2030, 1, 1), 12, 0, true});
  world.today = Date(2029, 12, 31);
  EXPECT_RULE(world.Do(kNyborg, Erasure({enrolment}, kFirst, "gdpr-17-1-a"), "anna"), "ERASURE_JOURNAL_DUTY");
  world.today = Date(2030, 1, 1);
  EXPECT_DONE(world.Do(kNyborg, Erasure({enrolment}, kFirst, "gdpr-17-1-a"), "anna"));
}

TEST_F(ErasureTest, TheNodeErasesByItselfOnlyWhatTheTableSaysAndWhenItIsOver) {
  End();
  const EraseCases own{Case("own"), {enrolment}, "", "", std::nullopt};
  world.today = Date(2031, 3, 21);
  EXPECT_RULE(world.Do(kNyborg, own, ""), "ERASURE_NOT_DUE") << "the table has officers decide";
  world.retention[0].node_erases = true;
  world.today = Date(2031, 3, 20);
  EXPECT_RULE(world.Do(kNyborg, own, ""), "ERASURE_NOT_DUE");
  world.today = Date(2031, 3, 21);
  EXPECT_DONE(world.Do(kNyborg, own, ""));
  EXPECT_EQ(nyborg().FindEnrolment(enrolment), nullptr);
  EXPECT_EQ(world.Sent<CasesErased>(kNyborg, kNyborg).back().legal_basis, "retention/case");
  EXPECT_EQ(world.Sent<ErasureNoticed>(kNyborg, kOdense).size(), 1U);
  EXPECT_THAT(nyborg().erasures(), IsEmpty()) << "no officer did anything";
}

TEST_F(ErasureTest, AnObservationThatLedToNothingGoesWhileTheEnrolmentRuns) {
  const CaseId seen = Observe(kNyborg, enrolment, "0440", Date(2026, 3, 10));
  const EraseCases own{Case("own"), {seen}, "", "", std::nullopt};
  world.today = Date(2026, 4, 1);  // seen on 1 March
  EXPECT_RULE(world.Do(kNyborg, own, ""), "ERASURE_CASE_RUNNING") << "an officer may still disclose it";
  ASSERT_DONE(world.Do(kNyborg, ExpireDue(), ""));
  EXPECT_DONE(world.Do(kNyborg, own, ""));
  EXPECT_EQ(nyborg().FindRelocation(seen), nullptr);
  EXPECT_THAT(nyborg().RelocationsOf(enrolment), IsEmpty());
  EXPECT_EQ(EnrolmentAt(kNyborg, enrolment).state(), domain::EnrolmentState::kActive);
  EXPECT_EQ(world.Undelivered(kNyborg), 0U) << "nobody had been told";
}

TEST_F(ErasureTest, WhoWasToldIsNoticedAndAnswersWhenItHasErasedToo) {
  End();
  Erase(kNyborg, {enrolment});
  world.DeliverAll();
  const std::vector<ErasureNoticed> notices = world.Sent<ErasureNoticed>(kNyborg, kOdense);
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_THAT(notices[0].cases, ElementsAre(enrolment));
  EXPECT_THAT(notices[0].opened, IsEmpty());
  EXPECT_TRUE(world.Sent<ErasureNoticed>(kNyborg, kKerteminde).empty());
  // Odense is the controller of what it holds.
  EXPECT_NE(odense().FindEnrolment(enrolment), nullptr);
  ASSERT_EQ(odense().erasure_notices().size(), 1U);
  EXPECT_FALSE(odense().erasure_notices().begin()->second.receipted);
  EXPECT_FALSE(nyborg().erasure_notices().begin()->second.receipted);

  Erase(kOdense, {enrolment});
  world.DeliverAll();
  EXPECT_EQ(nyborg().erasure_notices().begin()->second.receipted, world.today);
  EXPECT_THAT(odense().erasure_notices(), IsEmpty()) << "an answered notice is not kept";
  EXPECT_TRUE(world.Sent<ErasureNoticed>(kOdense, kNyborg).empty()) << "Nyborg knows: it said so";
}

TEST_F(ErasureTest, WhoErasedItsOwnAccordIsToldNothingNewAndTheOtherAnswersAtOnce) {
  End();
  Erase(kNyborg, {enrolment});
  Erase(kOdense, {enrolment});  // before Nyborg's notice has arrived
  world.DeliverAll();
  for (const AuthorityId who : {kNyborg, kOdense}) {
    ASSERT_EQ(world.state(who).erasure_notices().size(), 1U) << NameOf(who);
    EXPECT_TRUE(world.state(who).erasure_notices().begin()->second.receipted) << NameOf(who);
  }
}

TEST_F(ErasureTest, AMoveReachesThoseWhoHeardOfItWithTheKeysThatTheyWereGiven) {
  const CaseId with_kerteminde = Agree(kKerteminde, 1);
  const CaseId relocation = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 10));
  world.DeliverAll();
  ASSERT_DONE(world.Do(kKerteminde, AcknowledgeRelocation{relocation}));
  const CaseId transfer = Request(kKerteminde, relocation, with_kerteminde);
  world.DeliverAll();
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{transfer, Date(2026, 3, 20), EndReason::kJob}));
  world.DeliverAll();
  world.today = Date(2026, 6, 1);
  const Hash announcement = TransferAt(kKerteminde, transfer).announcement.leaf_hash;
  Erase(kKerteminde, {relocation, transfer});
  Erase(kNyborg, {enrolment, relocation});
  world.DeliverAll();

  const auto to_odense = world.Sent<ErasureNoticed>(kKerteminde, kOdense);
  ASSERT_EQ(to_odense.size(), 1U);
  EXPECT_THAT(to_odense[0].cases, ElementsAre(transfer));
  EXPECT_THAT(to_odense[0].opened, ElementsAre(announcement));
  const auto to_nyborg = world.Sent<ErasureNoticed>(kKerteminde, kNyborg);
  ASSERT_EQ(to_nyborg.size(), 1U);
  EXPECT_THAT(to_nyborg[0].cases, ElementsAre(relocation));
  EXPECT_THAT(to_nyborg[0].opened, IsEmpty());
  // At Odense both are one citizen's: one erasure answers both notices.
  ASSERT_EQ(odense().erasure_notices().size(), 2U);
  Erase(kOdense, {enrolment, transfer});
  world.DeliverAll();
  for (const AuthorityId who : {kNyborg, kKerteminde, kOdense}) {
    for (const auto& [id, notice] : world.state(who).erasure_notices()) EXPECT_TRUE(notice.receipted) << NameOf(who);
  }
}

TEST_F(ErasureTest, ANoticeListsTheEventsOfItsPairWhoseKeysAuditorsHold) {
  End();
  const Hash one = crypto::Sha256("one");
  const Hash two = crypto::Sha256("two");
  EraseCases confirmed = Erasure({enrolment}, kSecond);
  confirmed.disclosed = {{kOdense, two},
                         {kNyborg, crypto::Sha256("local")},
                         {kOdense, one},
                         {kOdense, two},
                         {kKerteminde, crypto::Sha256("with another")}};
  ASSERT_DONE(Ask(kNyborg, {enrolment}));
  ASSERT_DONE(world.Do(kNyborg, confirmed, "bo"));
  world.DeliverAll();
  const auto notices = world.Sent<ErasureNoticed>(kNyborg, kOdense);
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].disclosed, (std::vector<Hash>{std::min(one, two), std::max(one, two)}));
  EXPECT_EQ(notices[0].disclosed_left, 0U);
  EXPECT_THAT(notices[0].opened, IsEmpty()) << "an announcement that was opened is another thing";
  ASSERT_EQ(odense().erasure_notices().size(), 1U);
  EXPECT_EQ(odense().erasure_notices().begin()->second.disclosed, notices[0].disclosed);
  EXPECT_THAT(nyborg().erasure_notices().begin()->second.disclosed, IsEmpty()) << "kept by whom it is said to";
}

TEST_F(ErasureTest, ANoticeSaysHowManyMoreKeysAuditorsHoldThanItLists) {
  End();
  EraseCases confirmed = Erasure({enrolment}, kSecond);
  for (size_t i = 0; i < domain::kMaxErasedCases + 3; ++i) {
    confirmed.disclosed.push_back({kOdense, crypto::Sha256(std::to_string(i))});
  }
  confirmed.disclosed.push_back({kNyborg, crypto::Sha256("local")});
  ASSERT_DONE(Ask(kNyborg, {enrolment}));
  const domain::ListedKeys listed = domain::ListedFor(nyborg(), kOdense, confirmed);
  ASSERT_DONE(world.Do(kNyborg, confirmed, "bo"));
  world.DeliverAll();
  const auto notices = world.Sent<ErasureNoticed>(kNyborg, kOdense);
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].disclosed.size(), domain::kMaxErasedCases);
  EXPECT_EQ(notices[0].disclosed_left, 3U);
  EXPECT_EQ(notices[0].disclosed, std::vector<Hash>(listed.disclosed.begin(), listed.disclosed.end()));
  EXPECT_EQ(listed.disclosed_left, 3U);
  EXPECT_EQ(odense().erasure_notices().begin()->second.disclosed_left, 3U);
}

TEST_F(ErasureTest, ACaseIsNoticedOnceUntilItIsAnswered) {
  End();
  expect_refusals = true;
  const auto notice = [&](std::string_view name, std::vector<CaseId> cases) {
    Draft draft;
    draft.recipient = kOdense;
    draft.case_id = Case(name);
    draft.body = ErasureNoticed{std::move(cases), "gdpr-17-1-d", {}};
    world.Say(kNyborg, draft);
    world.DeliverPair(kNyborg, kOdense);
  };
  std::vector<CaseId> with_unknown = {enrolment, Case("never heard of")};
  std::sort(with_unknown.begin(), with_unknown.end());
  notice("first", with_unknown);
  ASSERT_EQ(odense().erasure_notices().size(), 1U);
  EXPECT_THAT(odense().erasure_notices().begin()->second.cases, ElementsAre(enrolment));
  notice("second", {enrolment});
  ASSERT_EQ(world.node(kOdense).refused.size(), 1U);
  EXPECT_EQ(RuleOf(world.node(kOdense).refused[0].status), "ERASURE_ALREADY_NOTICED");
  notice("nothing", {Case("never heard of")});
  EXPECT_EQ(odense().erasure_notices().size(), 1U) << "answered at once, and forgotten";
}

TEST_F(ErasureTest, ADateInAFarFutureKeepsNothingForEver) {
  // Odense refuses by rule what Nyborg proposes without an agreement.
  const CaseId proposed = Case("far away");
  Draft draft;
  draft.recipient = kOdense;
  draft.case_id = proposed;
  draft.body = EnrolmentProposed{Citizen(5), std::nullopt, Date(9999, 12, 31)};
  world.Say(kNyborg, draft);
  world.DeliverAll();
  ASSERT_EQ(EnrolmentAt(kOdense, proposed).state(), domain::EnrolmentState::kRefused);
  EXPECT_DONE(Ask(kOdense, {proposed}));
  EXPECT_DONE(Ask(kNyborg, {proposed}));
}

TEST_F(ErasureTest, AProposalThatIsNeverAnsweredIsClosedInTheEnd) {
  const CaseId proposed = Case("unanswered");
  ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{proposed, kOdense, Citizen(5), agreement, Date(2026, 3, 1)}));
  world.today = Date(2026, 4, 30);
  EXPECT_RULE(Ask(kNyborg, {proposed}), "ERASURE_CASE_RUNNING");
  world.today = Date(2026, 5, 1);
  EXPECT_DONE(Ask(kNyborg, {proposed}));
}

TEST_F(ErasureTest, TheNodesOwnErasureEndsWhatOfficersHadAskedFor) {
  End();
  ASSERT_DONE(Ask(kNyborg, {enrolment}));
  world.retention[0].node_erases = true;
  world.today = Date(2031, 3, 21);
  ASSERT_DONE(world.Do(kNyborg, EraseCases{Case("own"), {enrolment}, "", "", std::nullopt}, ""));
  EXPECT_THAT(nyborg().erasures(), IsEmpty());
}

TEST_F(ErasureTest, AnAnnouncementNeverAnsweredTellsNobodyThatItWasErased) {
  const CaseId relocation = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 10));
  world.DeliverAll();
  world.today = Date(2026, 6, 1);
  Erase(kKerteminde, {relocation});
  EXPECT_EQ(world.Undelivered(kKerteminde), 0U);
}

TEST_F(ErasureTest, AnAgreementIsKeptUntilItsAccountsAreOverAndNothingRestsOnIt) {
  world.retention.push_back({domain::Kept::kAgreement, Date(2000, 1, 1), 72, 0, true});
  const EraseCases own{Case("own"), {agreement}, "", "", std::nullopt};
  End();
  EXPECT_RULE(world.Do(kNyborg, own, ""), "ERASURE_CASE_RUNNING") << "it is in force";
  EXPECT_RULE(Ask(kNyborg, {agreement}), "ERASURE_CASE_RUNNING") << "for officers too";
  const Date last = nyborg().FindAgreement(agreement)->Segments().back().last;
  world.today = Date(last.year() + 7, 1, 1);
  EXPECT_RULE(world.Do(kNyborg, own, ""), "ERASURE_CASE_RUNNING") << "an enrolment that is held rests on it";
  Erase(kNyborg, {enrolment});
  world.today = Date(last.year() + 6, 12, 31);
  EXPECT_RULE(world.Do(kNyborg, own, ""), "ERASURE_NOT_DUE");
  world.today = Date(last.year() + 7, 1, 1);
  EXPECT_DONE(world.Do(kNyborg, own, ""));
  world.DeliverAll();
  EXPECT_EQ(nyborg().FindAgreement(agreement), nullptr);
  EXPECT_EQ(world.Sent<CasesErased>(kNyborg, kNyborg).back().legal_basis, "retention/agreement");
  EXPECT_NE(odense().FindAgreement(agreement), nullptr) << "each party keeps its own";
  EXPECT_EQ(world.Sent<ErasureNoticed>(kNyborg, kOdense).size(), 1U) << "of the citizen alone";
}

TEST_F(ErasureTest, AnAgreementThatWasNeverAcceptedIsOverWhenNobodyCanAcceptIt) {
  world.retention.push_back({domain::Kept::kAgreement, Date(2000, 1, 1), 72, 0, true, true});
  const CaseId offered = Case("offered");
  ASSERT_DONE(
      world.Do(kNyborg, ProposeAgreement{offered, kOdense, kNyborg, Terms(1, Date(2026, 4, 1), Date(2026, 6, 30))}));
  const EraseCases own{Case("own"), {offered}, "", "", std::nullopt};
  world.today = Date(2026, 6, 30);
  EXPECT_RULE(world.Do(kNyborg, own, ""), "ERASURE_CASE_RUNNING");
  world.today = Date(2032, 12, 31);
  EXPECT_RULE(world.Do(kNyborg, own, ""), "ERASURE_NOT_DUE") << "six years from the end of the year";
  world.today = Date(2033, 1, 1);
  EXPECT_DONE(world.Do(kNyborg, own, ""));
  EXPECT_EQ(nyborg().FindAgreement(offered), nullptr);
  EXPECT_NE(nyborg().FindAgreement(agreement), nullptr);
}

TEST_F(ErasureTest, WhatTheOtherPartyOfferedForEverKeepsNoAgreementForEver) {
  world.retention.push_back({domain::Kept::kAgreement, Date(2000, 1, 1), 72, 0, true, true});
  End();
  Erase(kOdense, {enrolment});
  world.DeliverAll();
  Erase(kNyborg, {enrolment});
  world.DeliverAll();
  const Date last = odense().FindAgreement(agreement)->Segments().back().last;
  world.today = Date(last.year() + 7, 1, 1);
  ASSERT_DONE(world.Do(kNyborg, ProposeAgreement{agreement, kOdense, kNyborg,
                                                 Terms(1, Date(last.year() + 8, 1, 1), Date(9999, 12, 31))}));
  world.DeliverAll();
  const EraseCases own{Case("own"), {agreement}, "", "", std::nullopt};
  EXPECT_RULE(world.Do(kOdense, own, ""), "ERASURE_NOT_DUE") << "it is open until today";
  EXPECT_RULE(world.Do(kNyborg, own, ""), "ERASURE_CASE_RUNNING") << "it can be accepted";
  ASSERT_DONE(world.Do(kOdense, DeclineAgreement{agreement, 2}));
  EXPECT_DONE(world.Do(kOdense, own, "")) << "what was declined counts no day";
}

TEST_F(ErasureTest, NoticesAndReceiptsAreOfThoseConcerned) {
  End();
  expect_refusals = true;
  const auto say = [&](AuthorityId from, AuthorityId to, const CaseId& id, Body body) {
    Draft draft;
    draft.recipient = to;
    draft.case_id = id;
    draft.body = std::move(body);
    const size_t before = world.node(to).refused.size();
    world.Say(from, draft);
    world.DeliverPair(from, to);
    const auto& refused = world.node(to).refused;
    return refused.size() == before ? "OK" : RuleOf(refused.back().status);
  };
  const CaseId foreign = Case("foreign notice");
  EXPECT_EQ(say(kKerteminde, kOdense, foreign, ErasureNoticed{{enrolment}, "gdpr-17-1-d", {}}), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(say(kNyborg, kOdense, Case("n"), ErasureNoticed{{agreement}, "gdpr-17-1-d", {}}), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(say(kNyborg, kOdense, enrolment, ErasureNoticed{{enrolment}, "gdpr-17-1-d", {}}), "CASE_ALREADY_USED");
  EXPECT_EQ(say(kKerteminde, kOdense, Case("nothing"), ErasureReceipt()), "UNKNOWN_CASE");
  Erase(kNyborg, {enrolment});
  world.DeliverAll();
  ASSERT_EQ(odense().erasure_notices().size(), 1U);
  const CaseId notice = odense().erasure_notices().begin()->first;
  EXPECT_EQ(say(kKerteminde, kNyborg, notice, ErasureReceipt()), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(say(kNyborg, kOdense, notice, ErasureReceipt()), "ISSUER_HAS_NO_RIGHT")
      << "Odense was told, and told nobody";
  EXPECT_FALSE(nyborg().erasure_notices().at(notice).receipted);
}

TEST_F(ErasureTest, TwoRecipientsCannotTellThatTheyHeardOfOneErasure) {
  const CaseId erasure = Case("erasure");
  EXPECT_NE(domain::NoticeIdOf(erasure, kOdense), domain::NoticeIdOf(erasure, kNyborg));
  EXPECT_NE(domain::NoticeIdOf(erasure, kOdense), domain::NoticeIdOf(Case("other"), kOdense));
}

TEST(Retention, MonthsEndWithTheirLastDay) {
  const auto over = [](Date closed, int months, int days) {
    return domain::OverOn(closed, {domain::Kept::kCase, Date(2000, 1, 1), months, days, false});
  };
  EXPECT_EQ(over(Date(2026, 3, 20), 60, 0), Date(2031, 3, 21));
  EXPECT_EQ(over(Date(2026, 1, 31), 1, 0), Date(2026, 3, 1));
  EXPECT_EQ(over(Date(2024, 2, 29), 12, 0), Date(2025, 3, 1));
  EXPECT_EQ(over(Date(2026, 3, 1), 0, 30), Date(2026, 4, 1));
}

}  // namespace
}  // namespace medflyt::testing
