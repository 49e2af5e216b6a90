#include "common/wire/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/wire/limits.h"

namespace medflyt::wire {
namespace {

// Fills with 1, 2, 3, ...
class CountingRandom final : public RandomSource {
 public:
  void Fill(uint8_t* out, size_t size) override {
    ++calls;
    for (size_t i = 0; i < size; ++i) out[i] = static_cast<uint8_t>(calls);
  }
  int calls = 0;
};

const std::string kCase = "101112131415161718191a1b1c1d1e1f";
const std::string kOther = "202122232425262728292a2b2c2d2e2f";

// One valid command of each kind, every field set.
std::vector<v1::Command> AllCommands() {
  std::vector<v1::Command> all;
  auto add = [&all](const std::function<void(v1::Command&)>& fill) { fill(all.emplace_back()); };
  add([](v1::Command& c) {
    auto& m = *c.mutable_propose_agreement();
    m.set_agreement_id(kCase);
    m.set_provider("35209115");
    m.set_buyer("29189722");
    auto& t = *m.mutable_terms();
    t.set_capacity(10);
    t.set_price_ore(2'500'000);
    t.set_price_unit(v1::PRICE_UNIT_PER_PLACE);
    t.set_valid_from("2026-01-01");
    t.set_valid_to("2027-12-31");
    t.set_notice_days(90);
    t.set_settlement_months(3);
    t.set_legal_basis("LAB-10");
    t.set_council_case("2026-4711");
  });
  add([](v1::Command& c) {
    c.mutable_accept_agreement()->set_agreement_id(kCase);
    c.mutable_accept_agreement()->set_version(1);
  });
  add([](v1::Command& c) {
    c.mutable_decline_agreement()->set_agreement_id(kCase);
    c.mutable_decline_agreement()->set_version(2);
  });
  add([](v1::Command& c) {
    c.mutable_terminate_agreement()->set_agreement_id(kCase);
    c.mutable_terminate_agreement()->set_last_day("2026-12-31");
  });
  add([](v1::Command& c) {
    auto& m = *c.mutable_propose_enrolment();
    m.set_enrolment_id(kCase);
    m.set_provider("35209115");
    m.set_cpr("6101901234");
    m.set_agreement_id(kOther);
    m.set_from("2026-12-01");
  });
#define WITH_ENROLMENT_FROM(name)                \
  add([](v1::Command& c) {                       \
    c.mutable_##name()->set_enrolment_id(kCase); \
    c.mutable_##name()->set_from("2026-12-01");  \
  })
#define WITH_ID(name, id) add([](v1::Command& c) { c.mutable_##name()->set_##id(kCase); })
  WITH_ENROLMENT_FROM(start_enrolment);
  WITH_ID(refuse_enrolment, enrolment_id);
  WITH_ENROLMENT_FROM(pause_enrolment);
  WITH_ENROLMENT_FROM(resume_enrolment);
  add([](v1::Command& c) {
    auto& m = *c.mutable_end_enrolment();
    m.set_enrolment_id(kCase);
    m.set_from("2026-12-01");
    m.set_reason(v1::END_REASON_PRISON);
  });
  add([](v1::Command& c) {
    c.mutable_hold_relocation()->set_relocation_id(kCase);
    c.mutable_hold_relocation()->set_reason(v1::HOLD_REASON_SAFETY_PACKAGE);
  });
  WITH_ID(release_hold, relocation_id);
  add([](v1::Command& c) {
    auto& m = *c.mutable_assess_disclosure();
    m.set_relocation_id(kCase);
    m.set_disclose(true);
    m.mutable_ground()->set_necessity("first line\nsecond line");
    m.mutable_ground()->set_legal_basis("FVL-28");
    m.mutable_ground()->set_journal_reference("J-1");
    m.mutable_ground()->add_categories(v1::DATA_CATEGORY_IDENTITY);
    m.mutable_ground()->add_categories(v1::DATA_CATEGORY_RESIDENCE);
    m.set_effective_date("2026-11-30");
  });
  WITH_ID(announce_relocation, relocation_id);
  add([](v1::Command& c) {
    auto& m = *c.mutable_correct_relocation();
    m.set_relocation_id(kCase);
    m.set_corrected_id(kOther);
    m.set_effective_date("2026-11-30");
  });
  WITH_ID(annul_relocation, relocation_id);
  WITH_ID(acknowledge_relocation, relocation_id);
  WITH_ID(decline_relocation, relocation_id);
  add([](v1::Command& c) {
    auto& m = *c.mutable_end_responsibility();
    m.set_enrolment_id(kCase);
    m.set_from("2026-12-01");
    m.set_reason(v1::RESPONSIBILITY_END_REASON_EMIGRATED);
  });
  WITH_ID(restore_responsibility, enrolment_id);
  add([](v1::Command& c) {
    c.mutable_renumber_citizen()->set_enrolment_id(kCase);
    c.mutable_renumber_citizen()->set_cpr("0101901234");
  });
  add([](v1::Command& c) {
    c.mutable_rectify_value()->set_enrolment_id(kCase);
    c.mutable_rectify_value()->set_start("2026-12-01");
  });
  add([](v1::Command& c) {
    auto& m = *c.mutable_request_transfer();
    m.set_transfer_id(kCase);
    m.set_relocation_id(kOther);
    m.set_agreement_id(kOther);
  });
  add([](v1::Command& c) {
    c.mutable_set_flag()->set_enrolment_id(kCase);
    c.mutable_set_flag()->set_flag(v1::PROTECTION_FLAG_SAFETY_PACKAGE);
  });
  add([](v1::Command& c) {
    c.mutable_clear_flag()->set_enrolment_id(kCase);
    c.mutable_clear_flag()->set_flag(v1::PROTECTION_FLAG_EXIT_PROGRAMME);
  });
  WITH_ID(withdraw_transfer, transfer_id);
  WITH_ID(decline_transfer, transfer_id);
  add([](v1::Command& c) {
    c.mutable_dispute_event()->set_event_id(kOther);
    c.mutable_dispute_event()->set_ground(v1::DISPUTE_GROUND_NOT_OUR_CITIZEN);
  });
  return all;
}

v1::Command CommandOf(v1::Command::CommandCase which) {
  for (const v1::Command& command : AllCommands()) {
    if (command.command_case() == which) return command;
  }
  ADD_FAILURE() << "no sample of " << which;
  return {};
}

TEST(Command, EveryKindIsReadAndWrittenBack) {
  const auto all = AllCommands();
  EXPECT_EQ(all.size(), std::variant_size_v<event::CommandBody> - 4)
      << "all but the node's own, an import and an erasure";
  CountingRandom random;
  for (const v1::Command& message : all) {
    const auto command = CommandFromProto(message, "odense-1", random);
    ASSERT_TRUE(command.ok()) << command.status();
    EXPECT_EQ(command->officer, "odense-1");
    const auto again = CommandToProto(*command);
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->SerializeAsString(), message.SerializeAsString()) << message.command_case();
  }
  EXPECT_EQ(random.calls, 0) << "ids that the caller chose are kept";
}

TEST(Command, ValuesArriveWhereTheyBelong) {
  CountingRandom random;
  const auto proposed = CommandFromProto(CommandOf(v1::Command::kProposeEnrolment), "nyb-17", random);
  ASSERT_TRUE(proposed.ok());
  const auto& enrolment = std::get<event::ProposeEnrolment>(proposed->body);
  EXPECT_EQ(enrolment.enrolment.ToHex(), kCase);
  EXPECT_EQ(enrolment.provider.ToString(), "35209115");
  EXPECT_EQ(enrolment.cpr.ExposeDigits(), "6101901234");
  EXPECT_EQ(enrolment.agreement->ToHex(), kOther);
  EXPECT_EQ(enrolment.from, Date(2026, 12, 1));
  const auto ended = CommandFromProto(CommandOf(v1::Command::kEndEnrolment), "ode-1", random);
  EXPECT_EQ(std::get<event::EndEnrolment>(ended->body).reason, event::EndReason::kPrison);
}

TEST(Command, TheNodeMakesTheIdsThatTheCallerLeftEmpty) {
  CountingRandom random;
  const std::string made(32, '0');
  auto propose = CommandOf(v1::Command::kProposeEnrolment);
  propose.mutable_propose_enrolment()->clear_enrolment_id();
  const auto first = CommandFromProto(propose, "o", random);
  const auto second = CommandFromProto(propose, "o", random);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_FALSE(std::get<event::ProposeEnrolment>(first->body).enrolment.is_zero());
  EXPECT_NE(std::get<event::ProposeEnrolment>(first->body).enrolment,
            std::get<event::ProposeEnrolment>(second->body).enrolment);
  auto agreement = CommandOf(v1::Command::kProposeAgreement);
  agreement.mutable_propose_agreement()->clear_agreement_id();
  auto correct = CommandOf(v1::Command::kCorrectRelocation);
  correct.mutable_correct_relocation()->clear_corrected_id();
  auto transfer = CommandOf(v1::Command::kRequestTransfer);
  transfer.mutable_request_transfer()->clear_transfer_id();
  for (const v1::Command& command : {agreement, correct, transfer}) {
    EXPECT_TRUE(CommandFromProto(command, "o", random).ok());
  }
  EXPECT_EQ(random.calls, 5);
}

struct Case {
  v1::Command::CommandCase which;
  std::string_view rule;
  std::string_view field;
  std::function<void(v1::Command&)> spoil;
};

TEST(Command, EveryFieldOutOfBoundsIsNamedWithItsRule) {
  using C = v1::Command;
  const std::string long_code(kMaxCode + 1, 'x');
  const std::vector<Case> cases = {
#define TERM(rule, field, value)                                                          \
  {                                                                                       \
    C::kProposeAgreement, rule, "propose_agreement.terms." #field,                        \
        [=](C& c) { c.mutable_propose_agreement()->mutable_terms()->set_##field(value); } \
  }
#define SET(Which, which, rule, field, value)                                                    \
  {                                                                                              \
    C::k##Which, rule, #which "." #field, [=](C& c) { c.mutable_##which()->set_##field(value); } \
  }
#define GROUND(rule, field, statement)                                            \
  {                                                                               \
    C::kAssessDisclosure, rule, "assess_disclosure.ground." field,                \
        [=](C& c) { c.mutable_assess_disclosure()->mutable_ground()->statement; } \
  }
      TERM("FIELD_OUT_OF_RANGE", capacity, 0),
      TERM("FIELD_OUT_OF_RANGE", capacity, 100'001),
      TERM("FIELD_OUT_OF_RANGE", price_ore, -1),
      TERM("FIELD_REQUIRED", price_unit, v1::PRICE_UNIT_UNSPECIFIED),
      TERM("FIELD_OUT_OF_RANGE", price_unit, static_cast<v1::PriceUnit>(3)),
      TERM("FIELD_REQUIRED", valid_from, ""),
      TERM("FIELD_MALFORMED", valid_from, "01-01-2026"),
      TERM("FIELD_MALFORMED", valid_to, "2026-02-30"),
      TERM("FIELD_OUT_OF_RANGE", notice_days, 3'661),
      TERM("FIELD_OUT_OF_RANGE", settlement_months, 0),
      TERM("FIELD_OUT_OF_RANGE", settlement_months, 121),
      TERM("FIELD_REQUIRED", legal_basis, ""),
      TERM("FIELD_TOO_LONG", legal_basis, long_code),
      TERM("FIELD_REQUIRED", council_case, ""),
      TERM("FIELD_MALFORMED", council_case, "a\nb"),
      {C::kProposeAgreement, "FIELD_REQUIRED", "propose_agreement.terms",
       [](C& c) { c.mutable_propose_agreement()->clear_terms(); }},
      SET(ProposeAgreement, propose_agreement, "FIELD_MALFORMED", agreement_id, "xyz"),
      SET(ProposeAgreement, propose_agreement, "FIELD_REQUIRED", provider, ""),
      SET(ProposeAgreement, propose_agreement, "FIELD_MALFORMED", provider, "3520911"),
      SET(ProposeAgreement, propose_agreement, "FIELD_MALFORMED", buyer, "00000000"),
      SET(AcceptAgreement, accept_agreement, "FIELD_REQUIRED", agreement_id, ""),
      SET(AcceptAgreement, accept_agreement, "FIELD_MALFORMED", agreement_id, std::string(32, '0')),
      SET(AcceptAgreement, accept_agreement, "FIELD_REQUIRED", version, 0),
      SET(DeclineAgreement, decline_agreement, "FIELD_MALFORMED", agreement_id, kCase + "00"),
      SET(DeclineAgreement, decline_agreement, "FIELD_REQUIRED", version, 0),
      SET(TerminateAgreement, terminate_agreement, "FIELD_REQUIRED", last_day, ""),
      SET(TerminateAgreement, terminate_agreement, "FIELD_MALFORMED", last_day, "2026-13-01"),
      SET(ProposeEnrolment, propose_enrolment, "FIELD_MALFORMED", enrolment_id, "1"),
      SET(ProposeEnrolment, propose_enrolment, "FIELD_REQUIRED", provider, ""),
      SET(ProposeEnrolment, propose_enrolment, "FIELD_REQUIRED", cpr, ""),
      SET(ProposeEnrolment, propose_enrolment, "CPR_NUMBER_MALFORMED", cpr, "010190-1234"),
      SET(ProposeEnrolment, propose_enrolment, "CPR_NUMBER_DATE", cpr, "3002901234"),
      SET(ProposeEnrolment, propose_enrolment, "FIELD_MALFORMED", agreement_id, "not hex"),
      SET(ProposeEnrolment, propose_enrolment, "FIELD_REQUIRED", from, ""),
      SET(StartEnrolment, start_enrolment, "FIELD_REQUIRED", enrolment_id, ""),
      SET(StartEnrolment, start_enrolment, "FIELD_MALFORMED", from, "today"),
      SET(RefuseEnrolment, refuse_enrolment, "FIELD_REQUIRED", enrolment_id, ""),
      SET(PauseEnrolment, pause_enrolment, "FIELD_REQUIRED", from, ""),
      SET(ResumeEnrolment, resume_enrolment, "FIELD_REQUIRED", from, ""),
      SET(EndEnrolment, end_enrolment, "FIELD_REQUIRED", reason, v1::END_REASON_UNSPECIFIED),
      SET(EndEnrolment, end_enrolment, "FIELD_OUT_OF_RANGE", reason, static_cast<v1::EndReason>(11)),
      SET(SetFlag, set_flag, "FIELD_REQUIRED", enrolment_id, ""),
      SET(SetFlag, set_flag, "FIELD_REQUIRED", flag, v1::PROTECTION_FLAG_UNSPECIFIED),
      SET(ClearFlag, clear_flag, "FIELD_MALFORMED", enrolment_id, "1"),
      SET(ClearFlag, clear_flag, "FIELD_OUT_OF_RANGE", flag, static_cast<v1::ProtectionFlag>(3)),
      SET(HoldRelocation, hold_relocation, "FIELD_REQUIRED", relocation_id, ""),
      SET(HoldRelocation, hold_relocation, "FIELD_REQUIRED", reason, v1::HOLD_REASON_UNSPECIFIED),
      SET(ReleaseHold, release_hold, "FIELD_REQUIRED", relocation_id, ""),
      GROUND("FIELD_TOO_LONG", "necessity", set_necessity(std::string(2'001, 'x'))),
      GROUND("FIELD_MALFORMED", "necessity", set_necessity("tab\t")),
      GROUND("FIELD_TOO_LONG", "legal_basis", set_legal_basis(long_code)),
      GROUND("FIELD_TOO_LONG", "journal_reference", set_journal_reference(long_code)),
      GROUND("FIELD_REQUIRED", "categories", add_categories(v1::DATA_CATEGORY_UNSPECIFIED)),
      GROUND("FIELD_MALFORMED", "categories", add_categories(v1::DATA_CATEGORY_RESIDENCE)),
      GROUND("FIELD_OUT_OF_RANGE", "categories", add_categories(static_cast<v1::DataCategory>(4))),
      SET(AssessDisclosure, assess_disclosure, "FIELD_MALFORMED", effective_date, "2026-1-1"),
      SET(AnnounceRelocation, announce_relocation, "FIELD_REQUIRED", relocation_id, ""),
      SET(CorrectRelocation, correct_relocation, "FIELD_MALFORMED", corrected_id, "zz"),
      SET(CorrectRelocation, correct_relocation, "FIELD_REQUIRED", effective_date, ""),
      SET(AnnulRelocation, annul_relocation, "FIELD_REQUIRED", relocation_id, ""),
      SET(AcknowledgeRelocation, acknowledge_relocation, "FIELD_REQUIRED", relocation_id, ""),
      SET(DeclineRelocation, decline_relocation, "FIELD_REQUIRED", relocation_id, ""),
      SET(EndResponsibility, end_responsibility, "FIELD_REQUIRED", from, ""),
      SET(EndResponsibility, end_responsibility, "FIELD_OUT_OF_RANGE", reason,
          static_cast<v1::ResponsibilityEndReason>(5)),
      SET(RestoreResponsibility, restore_responsibility, "FIELD_REQUIRED", enrolment_id, ""),
      SET(RenumberCitizen, renumber_citizen, "CPR_NUMBER_MALFORMED", cpr, "1"),
      SET(RectifyValue, rectify_value, "FIELD_REQUIRED", enrolment_id, ""),
      SET(RectifyValue, rectify_value, "FIELD_MALFORMED", start, "today"),
      SET(RectifyValue, rectify_value, "FIELD_REQUIRED", end, ""),
      SET(RectifyValue, rectify_value, "FIELD_OUT_OF_RANGE", end_reason, static_cast<v1::EndReason>(11)),
      SET(RectifyValue, rectify_value, "CPR_NUMBER_MALFORMED", cpr, "1"),
      {C::kRectifyValue, "FIELD_REQUIRED", "rectify_value.right",
       [](C& c) { c.mutable_rectify_value()->clear_right(); }},
      SET(RequestTransfer, request_transfer, "FIELD_REQUIRED", relocation_id, ""),
      SET(RequestTransfer, request_transfer, "FIELD_MALFORMED", agreement_id, "1"),
      SET(WithdrawTransfer, withdraw_transfer, "FIELD_REQUIRED", transfer_id, ""),
      SET(DeclineTransfer, decline_transfer, "FIELD_REQUIRED", transfer_id, ""),
      SET(DisputeEvent, dispute_event, "FIELD_REQUIRED", event_id, ""),
      SET(DisputeEvent, dispute_event, "FIELD_MALFORMED", event_id, "1"),
      SET(DisputeEvent, dispute_event, "FIELD_REQUIRED", ground, v1::DISPUTE_GROUND_UNSPECIFIED),
      SET(DisputeEvent, dispute_event, "FIELD_OUT_OF_RANGE", ground, static_cast<v1::DisputeGround>(5)),
  };
  CountingRandom random;
  for (const Case& c : cases) {
    v1::Command command = CommandOf(c.which);
    c.spoil(command);
    const auto read = CommandFromProto(command, "officer", random);
    ASSERT_FALSE(read.ok()) << c.field;
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(BrokenRuleOf(read.status()), (BrokenRule{std::string(c.rule), std::string(c.field)}));
  }
}

TEST(Command, WithoutOfficerOrCommandNothingIsDone) {
  CountingRandom random;
  const auto command = CommandOf(v1::Command::kReleaseHold);
  EXPECT_EQ(BrokenRuleOf(CommandFromProto(command, "", random).status()), (BrokenRule{"OFFICER_REQUIRED", "officer"}));
  EXPECT_EQ(BrokenRuleOf(CommandFromProto(command, std::string(129, 'x'), random).status()),
            (BrokenRule{"FIELD_TOO_LONG", "officer"}));
  EXPECT_EQ(BrokenRuleOf(CommandFromProto({}, "officer", random).status()),
            (BrokenRule{"COMMAND_REQUIRED", "command"}));
}

TEST(Command, FieldsOfANewerClientAreNotIgnored) {
  CountingRandom random;
  for (const v1::Command& message : AllCommands()) {
    v1::Command command;
    ASSERT_TRUE(command.ParseFromString(message.SerializeAsString() + std::string("\xC2\x3E\x00", 3)));  // field 1000
    EXPECT_EQ(BrokenRuleOf(CommandFromProto(command, "officer", random).status()), (BrokenRule{"FIELD_UNKNOWN", ""}));
  }
  v1::Command command;
  // release_hold with relocation_id and field 15.
  const std::string inner = "\x0A\x20" + kCase + "\x78\x01";
  ASSERT_TRUE(command.ParseFromString(std::string("\xAA\x01") + static_cast<char>(inner.size()) + inner));
  EXPECT_EQ(BrokenRuleOf(CommandFromProto(command, "officer", random).status()),
            (BrokenRule{"FIELD_UNKNOWN", "release_hold"}));
}

TEST(Command, ErrorsNeverHoldAPersonalNumber) {
  CountingRandom random;
  auto command = CommandOf(v1::Command::kProposeEnrolment);
  command.mutable_propose_enrolment()->set_cpr("3113701234");
  EXPECT_THAT(CommandFromProto(command, "officer", random).status().ToString(),
              ::testing::Not(::testing::HasSubstr("311370")));
}

TEST(Command, TheNodesOwnCommandsHaveNoMessage) {
  for (event::CommandBody body : {event::CommandBody(event::ImportExtract{}), event::CommandBody(event::ExpireDue{}),
                                  event::CommandBody(event::RecordAccess{})}) {
    EXPECT_EQ(CommandToProto({"", body}).status().code(), absl::StatusCode::kUnimplemented);
  }
}

TEST(Command, TermsAreReadAloneToo) {
  const auto message = CommandOf(v1::Command::kProposeAgreement).propose_agreement().terms();
  const auto terms = TermsFromProto(message, "filter.terms");
  ASSERT_TRUE(terms.ok()) << terms.status();
  EXPECT_EQ(TermsToProto(*terms).SerializeAsString(), message.SerializeAsString());
  v1::AgreementTermsInput spoiled = message;
  spoiled.set_capacity(0);
  EXPECT_EQ(BrokenRuleOf(TermsFromProto(spoiled, "filter.terms").status())->field, "filter.terms.capacity");
}

}  // namespace
}  // namespace medflyt::wire
