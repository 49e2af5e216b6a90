#include "server/service/submissions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/entry/seal.h"
#include "common/wire/content.h"
#include "medflyt/v1/commands.pb.h"
#include "tests/support/grounds.h"
#include "tests/support/log_fixture.h"

namespace medflyt::service {
namespace {

using testing::kNyborg;
using testing::kOdense;

constexpr absl::Duration kRetention = absl::Hours(24 * 400);

rpc::PeerIdentity Client(rpc::Role role, std::string_view certificate = "one") {
  rpc::PeerIdentity client;
  client.authority = kOdense;
  client.role = role;
  client.fingerprint = crypto::Sha256(certificate);
  return client;
}

class SubmissionsTest : public testing::LogFixture {
 protected:
  absl::Status Commit(std::unique_ptr<log::Submission> submission) {
    std::vector<std::unique_ptr<log::Submission>> submissions;
    submissions.push_back(std::move(submission));
    return log_->Commit(*log_->Prepare(std::move(submissions)));
  }

  std::vector<CommandOutcome> Run(std::vector<RequestedCommand> commands) {
    std::optional<std::vector<CommandOutcome>> outcomes;
    EXPECT_TRUE(Commit(std::make_unique<CommandSubmission>(
                           std::move(commands), kRetention,
                           [&](std::vector<CommandOutcome> done) { outcomes = std::move(done); }))
                    .ok());
    EXPECT_TRUE(outcomes.has_value());
    return outcomes.value_or(std::vector<CommandOutcome>());
  }

  RequestedCommand Propose(std::string_view request, std::string_view said = "terms",
                           rpc::Role role = rpc::Role::kCaseSystem) {
    event::AgreementTerms terms;
    terms.capacity = 2;
    terms.valid_from = Date(2026, 1, 1);
    terms.valid_to = Date(2027, 12, 31);
    terms.legal_basis = "RSL-12A";
    terms.council_case = "2026-17";
    event::Command command{"an.officer", event::ProposeAgreement{random_.NewId<CaseId>(), kOdense, kNyborg, terms}};
    const rpc::PeerIdentity client = Client(role);
    return {std::move(command), RequestKeyOf(client, request), crypto::Sha256(said), client.fingerprint};
  }

  size_t agreements() {
    size_t count = 0;
    EXPECT_TRUE(Commit(std::make_unique<ReadSubmission>(
                           std::nullopt,
                           [&](log::Appender& appender, std::vector<CaseId>&) {
                             count = appender.state().agreements().size();
                             return absl::OkStatus();
                           },
                           [](const absl::Status&) {}))
                    .ok());
    return count;
  }

  // The access record at the end of the log.
  event::AccessRecorded LastAccess() { return std::get<event::AccessRecorded>(LastEvent().body); }
  event::Event LastEvent() {
    const auto entry = log_->reader().Entry(log::Position(log_->end().value() - 1));
    const auto sealed = entry::ParseSealed(entry->bytes);
    const auto content = entry::OpenEntry(*sealed, *keys_->Find(entry->key_id), log_->origin());
    return *wire::ContentCodec().Decode(*content, sealed->event_id);
  }
};

TEST_F(SubmissionsTest, TheSameRequestIsAnsweredTheSameWayAndDoneOnce) {
  const auto first = Run({Propose("r-1")});
  ASSERT_TRUE(first[0].ok()) << first[0].status();
  const TreeSize size = log_->head().size;
  // Fresh ids differ from call to call: the stored answer is what counts.
  const auto again = Run({Propose("r-1")});
  ASSERT_TRUE(again[0].ok()) << again[0].status();
  EXPECT_EQ(*again[0], *first[0]);
  EXPECT_EQ(log_->head().size, size);
  EXPECT_EQ(agreements(), 1u);
}

TEST_F(SubmissionsTest, ARequestIdOutlivesARestart) {
  const auto first = Run({Propose("r-1")});
  Open();
  EXPECT_EQ(*Run({Propose("r-1")})[0], *first[0]);
  EXPECT_EQ(agreements(), 1u);
}

TEST_F(SubmissionsTest, ARequestIdIsKnownWithinOneBatchAndOneCommit) {
  const auto outcomes = Run({Propose("r-1"), Propose("r-1"), Propose("r-2")});
  ASSERT_TRUE(outcomes[0].ok() && outcomes[1].ok() && outcomes[2].ok());
  EXPECT_EQ(*outcomes[0], *outcomes[1]);
  EXPECT_NE(*outcomes[0], *outcomes[2]);
  EXPECT_EQ(agreements(), 2u);
}

TEST_F(SubmissionsTest, ARequestIdIsKnownBeforeItsFirstAnswerIsDurable) {
  std::vector<std::vector<CommandOutcome>> answers;
  const auto prepare = [&](std::vector<RequestedCommand> commands) {
    std::vector<std::unique_ptr<log::Submission>> submissions;
    submissions.push_back(std::make_unique<CommandSubmission>(
        std::move(commands), kRetention,
        [&](std::vector<CommandOutcome> done) { answers.push_back(std::move(done)); }));
    return log_->Prepare(std::move(submissions));
  };
  const auto first = prepare({Propose("r-1"), Propose("r-2")});
  const auto second = prepare({Propose("r-2")});
  ASSERT_TRUE(log_->Commit(*first).ok());
  ASSERT_TRUE(log_->Commit(*second).ok());
  EXPECT_EQ(*answers.at(1)[0], *answers.at(0)[1]);
  EXPECT_EQ(agreements(), 2u);
}

TEST_F(SubmissionsTest, ARequestIdForSomethingElseIsRefused) {
  ASSERT_TRUE(Run({Propose("r-1")})[0].ok());
  const auto reused = Run({Propose("r-1", "other terms")});
  EXPECT_EQ(reused[0].status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(BrokenRuleOf(reused[0].status())->rule, "REQUEST_ID_REUSED");
  EXPECT_EQ(agreements(), 1u);
}

TEST_F(SubmissionsTest, RequestIdsOfOtherRolesAreOthers) {
  ASSERT_TRUE(Run({Propose("r-1")})[0].ok());
  ASSERT_TRUE(Run({Propose("r-1", "terms", rpc::Role::kAdministrator)})[0].ok());
  EXPECT_EQ(agreements(), 2u);
}

TEST_F(SubmissionsTest, ACommandThatFailsLeavesNoTraceAndStopsNoOther) {
  RequestedCommand unknown = Propose("r-1");
  unknown.command->body = event::AcceptAgreement{random_.NewId<CaseId>(), 1};
  RequestedCommand unreadable = Propose("r-2");
  unreadable.command = absl::InvalidArgumentError("as read");
  const auto outcomes = Run({unknown, unreadable, Propose("r-3")});
  EXPECT_FALSE(outcomes[0].ok());
  EXPECT_EQ(outcomes[1].status(), absl::InvalidArgumentError("as read"));
  EXPECT_TRUE(outcomes[2].ok());
  // The failed request id is free, even for something else.
  EXPECT_TRUE(Run({Propose("r-1", "now right")})[0].ok());
}

TEST_F(SubmissionsTest, WhatIsAbandonedIsAnsweredWithTheReason) {
  std::vector<CommandOutcome> outcomes;
  CommandSubmission submission({Propose("r-1"), Propose("r-2")}, kRetention,
                               [&](std::vector<CommandOutcome> done) { outcomes = std::move(done); });
  submission.Abandoned(absl::UnavailableError("stopping"));
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_EQ(outcomes[1].status(), absl::UnavailableError("stopping"));
}

TEST_F(SubmissionsTest, AReadIsRecordedHitOrMissBeforeItIsAnswered) {
  const CaseId found = random_.NewId<CaseId>();
  for (const absl::Status& outcome : {absl::OkStatus(), absl::NotFoundError("miss")}) {
    const TreeSize before = log_->head().size;
    std::optional<absl::Status> answered;
    ASSERT_TRUE(Commit(std::make_unique<ReadSubmission>(
                           ReadSubmission::Access{event::AccessKind::kSearch, "an.officer", "GetEnrolment", "case 7",
                                                  crypto::Sha256("certificate")},
                           [&](log::Appender&, std::vector<CaseId>& cases) {
                             EXPECT_FALSE(answered.has_value());
                             if (outcome.ok()) cases.push_back(found);
                             return outcome;
                           },
                           [&](const absl::Status& status) {
                             EXPECT_GT(log_->head().size, before);
                             answered = status;
                           }))
                    .ok());
    EXPECT_EQ(answered, outcome);
    const event::AccessRecorded access = LastAccess();
    EXPECT_EQ(LastEvent().header.officer, "an.officer");
    EXPECT_EQ(LastEvent().header.certificate, crypto::Sha256("certificate"));
    EXPECT_EQ(access.kind, event::AccessKind::kSearch);
    EXPECT_EQ(access.action, "GetEnrolment");
    EXPECT_EQ(access.purpose, "case 7");
    EXPECT_EQ(access.cases, outcome.ok() ? std::vector<CaseId>{found} : std::vector<CaseId>());
  }
}

TEST_F(SubmissionsTest, WhatCannotBeRecordedIsNotAnswered) {
  std::optional<absl::Status> answered;
  ASSERT_TRUE(Commit(std::make_unique<ReadSubmission>(
                         ReadSubmission::Access{event::AccessKind::kRead, "an.officer", "GetEnrolment",
                                                std::string(100'000, 'p'), crypto::Sha256("certificate")},
                         [](log::Appender&, std::vector<CaseId>&) { return absl::OkStatus(); },
                         [&](const absl::Status& status) { answered = status; }))
                  .ok());
  ASSERT_TRUE(answered.has_value());
  EXPECT_FALSE(answered->ok());
}

TEST_F(SubmissionsTest, ManyCasesAreSeveralRecords) {
  std::vector<CaseId> many;
  for (int i = 0; i < 600; ++i) many.push_back(random_.NewId<CaseId>());
  const TreeSize before = log_->head().size;
  ASSERT_TRUE(Commit(std::make_unique<ReadSubmission>(
                         ReadSubmission::Access{event::AccessKind::kSearch, "an.officer", "ListEnrolments", "case 7",
                                                crypto::Sha256("certificate")},
                         [&](log::Appender&, std::vector<CaseId>& cases) {
                           cases = many;
                           return absl::OkStatus();
                         },
                         [](const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; }))
                  .ok());
  EXPECT_EQ(log_->head().size.value() - before.value(), 3u);
  EXPECT_EQ(LastAccess().cases.size(), 600u - 2 * 256);
}

// What a command says of a number or a case tells about the citizen, also where it is refused.
class RefusalTest : public SubmissionsTest {
 protected:
  static registry::CprNumber Number(std::string_view digits) { return *registry::CprNumber::Parse(digits); }
  event::ProposeEnrolment Enrol(const CaseId& id, std::string_view cpr) const {
    return {id, kOdense, Number(cpr), std::nullopt, Date(2026, 2, 1)};
  }
  RequestedCommand Requested(event::CommandBody body, std::string purpose = "case 7") {
    const rpc::PeerIdentity client = Client(rpc::Role::kCaseSystem);
    return {.command = event::Command{"an.officer", std::move(body)},
            .request = RequestKeyOf(client, "request " + std::to_string(++requests_)),
            .digest = crypto::Sha256("said"),
            .client_certificate = client.fingerprint,
            .purpose = std::move(purpose)};
  }
  std::string RuleOfOne(const RequestedCommand& requested) {
    const auto outcomes = Run({requested});
    if (outcomes[0].ok()) return "OK";
    const auto broken = BrokenRuleOf(outcomes[0].status());
    return broken ? broken->rule : outcomes[0].status().ToString();
  }

  struct Case {
    event::CommandBody command;
    std::string rule;
    event::AccessRecorded record;
  };
  static event::AccessRecorded Record(event::AccessKind kind, std::string action, std::vector<CaseId> found) {
    std::sort(found.begin(), found.end());
    return {kind, std::move(action), "case 7", std::move(found)};
  }
  // One record, durable before the refusal is answered.
  void ExpectRecorded(const Case& each) {
    SCOPED_TRACE(each.record.action + " " + each.rule);
    const uint64_t before = log_->head().size.value();
    std::optional<std::string> rule;
    ASSERT_TRUE(
        Commit(std::make_unique<CommandSubmission>(std::vector<RequestedCommand>{Requested(each.command)}, kRetention,
                                                   [&](const std::vector<CommandOutcome>& outcomes) {
                                                     EXPECT_EQ(log_->head().size.value(), before + 1) << "not durable";
                                                     const auto broken = BrokenRuleOf(outcomes.at(0).status());
                                                     rule = broken ? broken->rule : "OK";
                                                   }))
            .ok());
    EXPECT_EQ(rule, each.rule);
    EXPECT_EQ(LastEvent().header.officer, "an.officer");
    EXPECT_EQ(LastEvent().header.certificate, crypto::Sha256("one"));
    event::AccessRecorded recorded = LastAccess();
    std::sort(recorded.cases.begin(), recorded.cases.end());
    EXPECT_EQ(recorded, each.record);
  }

  const CaseId one_ = random_.NewId<CaseId>();
  const CaseId two_ = random_.NewId<CaseId>();
  int requests_ = 0;
};

TEST_F(RefusalTest, OfACommandThatNamesANumberIsRecordedHitOrMissBeforeItIsAnswered) {
  ASSERT_EQ(RuleOfOne(Requested(Enrol(one_, "6101801000"))), "OK");
  ASSERT_EQ(RuleOfOne(Requested(Enrol(two_, "6101801001"))), "OK");
  const auto put_right = [&](std::string_view cpr) {
    event::RectifyValue rectify{one_, {}};
    rectify.right.cpr = Number(cpr);
    return rectify;
  };
  event::ProposeEnrolment elsewhere = Enrol(random_.NewId<CaseId>(), "6101801999");
  elsewhere.provider = kNyborg;
  const auto search = [](std::string action, std::vector<CaseId> found) {
    return Record(event::AccessKind::kSearch, std::move(action), std::move(found));
  };
  const std::vector<Case> cases = {
      {Enrol(random_.NewId<CaseId>(), "6101801000"), "CITIZEN_ALREADY_ENROLLED", search("ProposeEnrolment", {one_})},
      {elsewhere, "AGREEMENT_REQUIRED", search("ProposeEnrolment", {})},
      {event::RenumberCitizen{one_, Number("6101801000")}, "NUMBER_UNCHANGED", search("RenumberCitizen", {one_})},
      {event::RenumberCitizen{one_, Number("6101801001")}, "CITIZEN_ALREADY_ENROLLED",
       search("RenumberCitizen", {one_, two_})},
      {put_right("6101801000"), "VALUE_UNCHANGED", search("RectifyValue", {one_})},
      {put_right("6101801001"), "CITIZEN_ALREADY_ENROLLED", search("RectifyValue", {one_, two_})},
      {event::RenumberCitizen{random_.NewId<CaseId>(), Number("6101801999")}, "UNKNOWN_CASE",
       search("RenumberCitizen", {})},
  };
  for (const Case& each : cases) ExpectRecorded(each);
}

// Else it would tell whoever asks which citizens are protected, and leave no trace.
TEST_F(RefusalTest, OfACommandThatNamesAKnownCaseIsRecordedAsAReadOfItBeforeItIsAnswered) {
  using enum event::ProtectionFlag;
  const CaseId moved = random_.NewId<CaseId>();
  event::Observation observation;
  observation.relocation = moved;
  observation.enrolment = one_;
  observation.to = *MunicipalityCode::Parse("0450");
  observation.effective_date = Date(2026, 3, 1);
  event::ImportExtract import;
  import.digest = crypto::Sha256("extract");
  import.production_date = Date(2026, 3, 2);
  import.observations = {observation};
  for (const event::CommandBody& command : std::vector<event::CommandBody>{
           Enrol(one_, "6101801000"), Enrol(two_, "6101801001"), event::StartEnrolment{one_, Date(2026, 2, 1)},
           event::SetFlag{one_, kSafetyPackage}, import, event::ReleaseHold{moved}}) {
    ASSERT_EQ(RuleOfOne(Requested(command)), "OK");
  }
  const auto read = [](std::string action, std::vector<CaseId> found) {
    return Record(event::AccessKind::kRead, std::move(action), std::move(found));
  };
  const std::vector<Case> cases = {
      {event::SetFlag{one_, kSafetyPackage}, "FLAG_ALREADY_SET", read("SetFlag", {one_})},
      {event::ClearFlag{one_, kExitProgramme}, "FLAG_NOT_SET", read("ClearFlag", {one_})},
      {event::EndResponsibility{one_, Date(2026, 3, 1), event::ResponsibilityEndReason::kMoved}, "RELOCATION_HELD",
       read("EndResponsibility", {one_})},
      {event::ReleaseHold{moved}, "TWO_OFFICERS_REQUIRED", read("ReleaseHold", {one_, moved})},
      {event::AssessDisclosure{moved, true, testing::Ground(), std::nullopt}, "RELOCATION_HELD",
       read("AssessDisclosure", {one_, moved})},
      {event::AnnounceRelocation{moved}, "RELOCATION_HELD", read("AnnounceRelocation", {one_, moved})},
      {event::CorrectRelocation{moved, two_, Date(2026, 3, 5)}, "CASE_ALREADY_USED",
       read("CorrectRelocation", {one_, two_, moved})},
      {event::DisputeEvent{random_.NewId<EventId>(), event::DisputeGround::kWrongValue,
                           event::LoggedEvent{kOdense, one_, event::Type::kFlagSet}},
       "EVENT_NOT_DISPUTABLE", read("DisputeEvent", {one_})},
  };
  for (const Case& each : cases) ExpectRecorded(each);
}

TEST_F(RefusalTest, ThatCannotBeRecordedIsNotAnswered) {
  const event::SetFlag flag{one_, event::ProtectionFlag::kSafetyPackage};
  ASSERT_EQ(RuleOfOne(Requested(Enrol(one_, "6101801000"))), "OK");
  ASSERT_EQ(RuleOfOne(Requested(flag)), "OK");
  const TreeSize before = log_->head().size;
  const std::string purpose(100'000, 'p');
  EXPECT_NE(RuleOfOne(Requested(flag, purpose)), "FLAG_ALREADY_SET");
  event::ProposeEnrolment elsewhere = Enrol(random_.NewId<CaseId>(), "6101801999");
  elsewhere.provider = kNyborg;
  EXPECT_NE(RuleOfOne(Requested(Enrol(random_.NewId<CaseId>(), "6101801000"), purpose)), "CITIZEN_ALREADY_ENROLLED");
  EXPECT_NE(RuleOfOne(Requested(elsewhere, purpose)), "AGREEMENT_REQUIRED");
  EXPECT_EQ(log_->head().size, before);
}

TEST_F(RefusalTest, OfACommandThatNamesNothingKnownOrOfARequestAloneIsNotRecorded) {
  RequestedCommand enrol = Requested(Enrol(one_, "6101801000"));
  ASSERT_EQ(RuleOfOne(enrol), "OK");
  const TreeSize before = log_->head().size;
  RequestedCommand unreadable = Requested(Enrol(two_, "6101801000"));
  unreadable.command = absl::InvalidArgumentError("as read");
  EXPECT_FALSE(Run({unreadable})[0].ok());
  EXPECT_EQ(RuleOfOne(Requested(event::StartEnrolment{two_, Date(2026, 2, 1)})), "UNKNOWN_CASE");
  enrol.digest = crypto::Sha256("something else");
  EXPECT_EQ(RuleOfOne(enrol), "REQUEST_ID_REUSED");
  EXPECT_EQ(log_->head().size, before);
}

// What a client may say of a citizen in a command is known by name, or its refusal would be a search without a record.
TEST(NumberNamedIn, KnowsEachCommandWithANumber) {
  const registry::CprNumber cpr = *registry::CprNumber::Parse("6101801000");
  const std::vector<event::CommandBody> commands = {
      event::ProposeEnrolment{CaseId(), kOdense, cpr, std::nullopt, Date(2026, 2, 1)},
      event::RenumberCitizen{CaseId(), cpr}, event::RectifyValue{CaseId(), {cpr, {}, {}, {}}}};
  std::set<std::string> known;
  for (const event::CommandBody& command : commands) {
    const auto named = NumberNamedIn(command);
    ASSERT_TRUE(named.has_value());
    EXPECT_EQ(named->cpr, cpr);
    known.emplace(named->field);
  }
  std::set<std::string> fields;
  const auto* all = v1::Command::descriptor();
  for (int i = 0; i < all->field_count(); ++i) {
    if (all->field(i)->message_type()->FindFieldByName("cpr") != nullptr) fields.insert(all->field(i)->name() + ".cpr");
  }
  EXPECT_EQ(known, fields);
  EXPECT_EQ(NumberNamedIn(event::RectifyValue{CaseId(), {{}, Date(2026, 2, 1), {}, {}}}), std::nullopt);
}

// The two-officer act.
class ReleaseHoldTest : public SubmissionsTest {
 protected:
  ReleaseHoldTest() {
    enrolment_ = random_.NewId<CaseId>();
    relocation_ = random_.NewId<CaseId>();
    Do(event::ProposeEnrolment{enrolment_, kOdense, *registry::CprNumber::Parse("6101801000"), std::nullopt,
                               Date(2026, 2, 1)});
    Do(event::StartEnrolment{enrolment_, Date(2026, 2, 1)});
    event::Observation observation;
    observation.relocation = relocation_;
    observation.enrolment = enrolment_;
    observation.to = *MunicipalityCode::Parse("0450");
    observation.effective_date = Date(2026, 3, 1);
    observation.hold_reasons = {event::HoldReason::kNameAndAddressProtection};
    event::ImportExtract import;
    import.digest = crypto::Sha256("extract");
    import.production_date = Date(2026, 3, 2);
    import.observations = {observation};
    Do(std::move(import), "");
  }

  void Do(event::CommandBody body, std::string officer = "an.officer") {
    const auto outcomes = Run({Requested(std::move(body), std::move(officer), "one")});
    ASSERT_TRUE(outcomes[0].ok()) << outcomes[0].status();
  }
  RequestedCommand Requested(event::CommandBody body, std::string officer, std::string_view certificate) {
    const rpc::PeerIdentity client = Client(rpc::Role::kCaseSystem, certificate);
    return {event::Command{std::move(officer), std::move(body), client.fingerprint},
            RequestKeyOf(client, "request " + std::to_string(++requests_)), crypto::Sha256("said"), client.fingerprint};
  }
  std::string Release(std::string officer, std::string_view certificate) {
    return RuleOfCommand(event::ReleaseHold{relocation_}, std::move(officer), certificate);
  }
  std::string Clear(event::ProtectionFlag flag, std::string officer, std::string_view certificate) {
    return RuleOfCommand(event::ClearFlag{enrolment_, flag}, std::move(officer), certificate);
  }
  std::string RuleOfCommand(event::CommandBody body, std::string officer, std::string_view certificate) {
    const auto outcome = Run({Requested(std::move(body), std::move(officer), certificate)})[0];
    if (outcome.ok()) return "OK";
    const auto broken = BrokenRuleOf(outcome.status());
    return broken ? broken->rule : outcome.status().ToString();
  }

  CaseId enrolment_;
  CaseId relocation_;
  int requests_ = 0;
};

TEST_F(ReleaseHoldTest, TakesTwoOfficersWithTwoCertificates) {
  EXPECT_EQ(Release("first", "one"), "OK");
  EXPECT_EQ(Release("second", "one"), "TWO_OFFICERS_REQUIRED");
  EXPECT_EQ(Release("first", "two"), "TWO_OFFICERS_REQUIRED");
  Open();
  EXPECT_EQ(Release("second", "one"), "TWO_OFFICERS_REQUIRED");
  EXPECT_EQ(Release("second", "two"), "OK");
  EXPECT_EQ(Release("third", "three"), "RELOCATION_WRONG_STATE");
}

TEST_F(ReleaseHoldTest, ANewHoldAsksForTwoOfficersAnew) {
  EXPECT_EQ(Release("first", "one"), "OK");
  Do(event::HoldRelocation{relocation_, event::HoldReason::kOfficer});
  EXPECT_EQ(Release("second", "two"), "OK");
  EXPECT_EQ(Release("first", "two"), "TWO_OFFICERS_REQUIRED");
  EXPECT_EQ(Release("first", "one"), "OK");
}

TEST_F(ReleaseHoldTest, ClearingAFlagTakesTwoCertificatesAndEachFlagItsOwnTwo) {
  using enum event::ProtectionFlag;
  Do(event::SetFlag{enrolment_, kExitProgramme});
  Do(event::SetFlag{enrolment_, kSafetyPackage});
  EXPECT_EQ(Clear(kExitProgramme, "first", "one"), "OK");
  EXPECT_EQ(Clear(kSafetyPackage, "second", "two"), "OK");
  EXPECT_EQ(Clear(kExitProgramme, "second", "one"), "TWO_OFFICERS_REQUIRED");
  Open();
  EXPECT_EQ(Clear(kSafetyPackage, "first", "two"), "TWO_OFFICERS_REQUIRED");
  EXPECT_EQ(Clear(kExitProgramme, "second", "two"), "OK");
  EXPECT_EQ(Clear(kSafetyPackage, "first", "one"), "OK");
  EXPECT_EQ(Clear(kSafetyPackage, "first", "one"), "FLAG_NOT_SET");
}

TEST_F(ReleaseHoldTest, TheCertificateOfWhoeverAskedLastCounts) {
  using enum event::ProtectionFlag;
  Do(event::SetFlag{enrolment_, kExitProgramme});
  EXPECT_EQ(Clear(kExitProgramme, "first", "one"), "OK");
  Do(event::SetFlag{enrolment_, kExitProgramme});
  EXPECT_EQ(Clear(kExitProgramme, "second", "two"), "OK");
  EXPECT_EQ(Clear(kExitProgramme, "first", "two"), "TWO_OFFICERS_REQUIRED") << "the one who asked last counts";
}

TEST_F(ReleaseHoldTest, ARepeatedRequestSetsNoFlagAnew) {
  using enum event::ProtectionFlag;
  const RequestedCommand set = Requested(event::SetFlag{enrolment_, kExitProgramme}, "an.officer", "one");
  EXPECT_TRUE(Run({set})[0].ok());
  EXPECT_EQ(Clear(kExitProgramme, "first", "one"), "OK");
  EXPECT_EQ(Clear(kExitProgramme, "second", "two"), "OK");
  EXPECT_TRUE(Run({set})[0].ok());
  EXPECT_EQ(Clear(kExitProgramme, "first", "one"), "FLAG_NOT_SET");
}

}  // namespace
}  // namespace medflyt::service
