#include "common/wire/command.h"

#include <utility>
#include <variant>

#include "common/base/status.h"
#include "common/wire/command_list.h"
#include "common/wire/enums.h"
#include "common/wire/ground.h"
#include "common/wire/limits.h"
#include "common/wire/reading.h"

namespace medflyt::wire {
namespace {

using event::CommandBody;

constexpr ReadingRules kRules = {"", "FIELD_UNKNOWN", absl::StatusCode::kInvalidArgument};

// FieldReader, and where ids come from that the caller left to the node.
class CommandReader : public FieldReader {
 public:
  explicit CommandReader(RandomSource& fresh_ids) : FieldReader(kRules), fresh_ids_(fresh_ids) {}

  CaseId Case(std::string_view field, std::string_view hex) { return Hex<CaseId>(field, hex); }
  std::optional<CaseId> OptionalCase(std::string_view field, std::string_view hex) {
    return OptionalHex<CaseId>(field, hex);
  }
  CaseId FreshCase(std::string_view field, std::string_view hex) {
    if (hex.empty()) return fresh_ids_.NewId<CaseId>();
    return Case(field, hex);
  }
  uint32_t Version(uint32_t version) {
    if (version == 0) Fail("FIELD_REQUIRED", "version", "is missing");
    return version;
  }

 private:
  RandomSource& fresh_ids_;
};

event::AgreementTerms ReadTerms(FieldReader& r, const v1::AgreementTermsInput& m, std::string_view path) {
  auto at = [&path](std::string_view field) { return std::string(path).append(path.empty() ? "" : ".").append(field); };
  r.CheckKnown(path, m);
  return {.capacity = r.Within(at("capacity"), m.capacity(), 1U, kMaxCapacity),
          .price_ore = r.Within(at("price_ore"), m.price_ore(), int64_t{0}, kMaxPriceOre),
          .price_unit = r.Enum(at("price_unit"), m.price_unit(), event::PriceUnit::kPerDay),
          .valid_from = r.IsoDate(at("valid_from"), m.valid_from()),
          .valid_to = r.IsoDate(at("valid_to"), m.valid_to()),
          .notice_days = r.Within(at("notice_days"), m.notice_days(), 0U, kMaxNoticeDays),
          .settlement_months = r.Within(at("settlement_months"), m.settlement_months(), 1U, kMaxSettlementMonths),
          .legal_basis = r.Text(at("legal_basis"), m.legal_basis(), kMaxCode),
          .council_case = r.Text(at("council_case"), m.council_case(), kMaxCode)};
}

using Reader = CommandReader;

void Read(Reader& r, const v1::ProposeAgreement& m, CommandBody& out) {
  if (!m.has_terms()) r.Fail("FIELD_REQUIRED", "terms", "is missing");
  out = event::ProposeAgreement{.agreement = r.FreshCase("agreement_id", m.agreement_id()),
                                .provider = r.AuthorityText("provider", m.provider()),
                                .buyer = r.AuthorityText("buyer", m.buyer()),
                                .terms = ReadTerms(r, m.terms(), "terms")};
}
void Read(Reader& r, const v1::AcceptAgreement& m, CommandBody& out) {
  out =
      event::AcceptAgreement{.agreement = r.Case("agreement_id", m.agreement_id()), .version = r.Version(m.version())};
}
void Read(Reader& r, const v1::DeclineAgreement& m, CommandBody& out) {
  out =
      event::DeclineAgreement{.agreement = r.Case("agreement_id", m.agreement_id()), .version = r.Version(m.version())};
}
void Read(Reader& r, const v1::TerminateAgreement& m, CommandBody& out) {
  out = event::TerminateAgreement{.agreement = r.Case("agreement_id", m.agreement_id()),
                                  .last_day = r.IsoDate("last_day", m.last_day())};
}

void Read(Reader& r, const v1::ProposeEnrolment& m, CommandBody& out) {
  const CaseId enrolment = r.FreshCase("enrolment_id", m.enrolment_id());
  const AuthorityId provider = r.AuthorityText("provider", m.provider());
  const auto cpr = r.Cpr("cpr", m.cpr());
  if (!cpr) return;
  out = event::ProposeEnrolment{.enrolment = enrolment,
                                .provider = provider,
                                .cpr = *cpr,
                                .agreement = r.OptionalCase("agreement_id", m.agreement_id()),
                                .from = r.IsoDate("from", m.from())};
}
void Read(Reader& r, const v1::StartEnrolment& m, CommandBody& out) {
  out =
      event::StartEnrolment{.enrolment = r.Case("enrolment_id", m.enrolment_id()), .from = r.IsoDate("from", m.from())};
}
void Read(Reader& r, const v1::RefuseEnrolment& m, CommandBody& out) {
  out = event::RefuseEnrolment{.enrolment = r.Case("enrolment_id", m.enrolment_id())};
}
void Read(Reader& r, const v1::PauseEnrolment& m, CommandBody& out) {
  out =
      event::PauseEnrolment{.enrolment = r.Case("enrolment_id", m.enrolment_id()), .from = r.IsoDate("from", m.from())};
}
void Read(Reader& r, const v1::ResumeEnrolment& m, CommandBody& out) {
  out = event::ResumeEnrolment{.enrolment = r.Case("enrolment_id", m.enrolment_id()),
                               .from = r.IsoDate("from", m.from())};
}
void Read(Reader& r, const v1::EndEnrolment& m, CommandBody& out) {
  out = event::EndEnrolment{.enrolment = r.Case("enrolment_id", m.enrolment_id()),
                            .from = r.IsoDate("from", m.from()),
                            .reason = r.Enum("reason", m.reason(), event::EndReason::kError)};
}

void Read(Reader& r, const v1::SetFlag& m, CommandBody& out) {
  out = event::SetFlag{.enrolment = r.Case("enrolment_id", m.enrolment_id()), .flag = ReadFlag(r, m.flag())};
}
void Read(Reader& r, const v1::ClearFlag& m, CommandBody& out) {
  out = event::ClearFlag{.enrolment = r.Case("enrolment_id", m.enrolment_id()), .flag = ReadFlag(r, m.flag())};
}

void Read(Reader& r, const v1::HoldRelocation& m, CommandBody& out) {
  out = event::HoldRelocation{.relocation = r.Case("relocation_id", m.relocation_id()),
                              .reason = r.Enum("reason", m.reason(), event::HoldReason::kOfficer)};
}
void Read(Reader& r, const v1::ReleaseHold& m, CommandBody& out) {
  out = event::ReleaseHold{.relocation = r.Case("relocation_id", m.relocation_id())};
}
void Read(Reader& r, const v1::AssessDisclosure& m, CommandBody& out) {
  out = event::AssessDisclosure{.relocation = r.Case("relocation_id", m.relocation_id()),
                                .disclose = m.disclose(),
                                .ground = ReadGround(r, "ground", m.ground()),
                                .effective_date = r.OptionalIsoDate("effective_date", m.effective_date())};
}
void Read(Reader& r, const v1::AnnounceRelocation& m, CommandBody& out) {
  out = event::AnnounceRelocation{.relocation = r.Case("relocation_id", m.relocation_id())};
}
void Read(Reader& r, const v1::CorrectRelocation& m, CommandBody& out) {
  out = event::CorrectRelocation{.relocation = r.Case("relocation_id", m.relocation_id()),
                                 .corrected = r.FreshCase("corrected_id", m.corrected_id()),
                                 .effective_date = r.IsoDate("effective_date", m.effective_date())};
}
void Read(Reader& r, const v1::AnnulRelocation& m, CommandBody& out) {
  out = event::AnnulRelocation{.relocation = r.Case("relocation_id", m.relocation_id())};
}
void Read(Reader& r, const v1::AcknowledgeRelocation& m, CommandBody& out) {
  out = event::AcknowledgeRelocation{.relocation = r.Case("relocation_id", m.relocation_id())};
}
void Read(Reader& r, const v1::DeclineRelocation& m, CommandBody& out) {
  out = event::DeclineRelocation{.relocation = r.Case("relocation_id", m.relocation_id())};
}

void Read(Reader& r, const v1::EndResponsibility& m, CommandBody& out) {
  out = event::EndResponsibility{.enrolment = r.Case("enrolment_id", m.enrolment_id()),
                                 .from = r.IsoDate("from", m.from()),
                                 .reason = r.Enum("reason", m.reason(), event::ResponsibilityEndReason::kOther)};
}
void Read(Reader& r, const v1::RestoreResponsibility& m, CommandBody& out) {
  out = event::RestoreResponsibility{.enrolment = r.Case("enrolment_id", m.enrolment_id())};
}
void Read(Reader& r, const v1::RenumberCitizen& m, CommandBody& out) {
  const CaseId enrolment = r.Case("enrolment_id", m.enrolment_id());
  const auto cpr = r.Cpr("cpr", m.cpr());
  if (cpr) out = event::RenumberCitizen{.enrolment = enrolment, .cpr = *cpr};
}
void Read(Reader& r, const v1::RequestTransfer& m, CommandBody& out) {
  out = event::RequestTransfer{.transfer = r.FreshCase("transfer_id", m.transfer_id()),
                               .relocation = r.Case("relocation_id", m.relocation_id()),
                               .agreement = r.OptionalCase("agreement_id", m.agreement_id())};
}
void Read(Reader& r, const v1::WithdrawTransfer& m, CommandBody& out) {
  out = event::WithdrawTransfer{.transfer = r.Case("transfer_id", m.transfer_id())};
}
void Read(Reader& r, const v1::DeclineTransfer& m, CommandBody& out) {
  out = event::DeclineTransfer{.transfer = r.Case("transfer_id", m.transfer_id())};
}

void Read(Reader& r, const v1::RectifyValue& m, CommandBody& out) {
  event::RectifyValue read{.enrolment = r.Case("enrolment_id", m.enrolment_id()), .right = {}};
  switch (m.right_case()) {
    case v1::RectifyValue::kCpr:
      read.right.cpr = r.Cpr("cpr", m.cpr());
      break;
    case v1::RectifyValue::kStart:
      read.right.start = r.IsoDate("start", m.start());
      break;
    case v1::RectifyValue::kEnd:
      read.right.end = r.IsoDate("end", m.end());
      break;
    case v1::RectifyValue::kEndReason:
      read.right.end_reason = r.Enum("end_reason", m.end_reason(), event::EndReason::kError);
      break;
    case v1::RectifyValue::RIGHT_NOT_SET:
      r.Fail("FIELD_REQUIRED", "right", "is missing");
      break;
  }
  out = read;
}
void Read(Reader& r, const v1::DisputeEvent& m, CommandBody& out) {
  out = event::DisputeEvent{.event = r.Hex<EventId>("event_id", m.event_id()),
                            .ground = r.Enum("ground", m.ground(), event::DisputeGround::kNotOurCitizen),
                            .logged = {}};
}

}  // namespace

absl::StatusOr<event::Command> CommandFromProto(const v1::Command& command, std::string officer,
                                                RandomSource& fresh_ids) {
  CommandReader r(fresh_ids);
  if (officer.empty()) {
    return RuleError(absl::StatusCode::kInvalidArgument, "OFFICER_REQUIRED", "officer",
                     "officer is missing: a command names who acts");
  }
  r.CheckKnown("", command);
  r.Text("officer", officer, kMaxOfficer);
  event::Command out{.officer = std::move(officer), .body = {}};
  auto take = [&r, &out](std::string_view name, const auto& message) {
    r.Enter(name);
    r.CheckKnown("", message);
    Read(r, message, out.body);
  };
  using C = v1::Command;
  switch (command.command_case()) {
#define MEDFLYT_READ(Name, name) \
  case C::k##Name:               \
    take(#name, command.name()); \
    break;
    MEDFLYT_COMMANDS(MEDFLYT_READ)
#undef MEDFLYT_READ
    case C::COMMAND_NOT_SET:
      r.Fail("COMMAND_REQUIRED", "command", "is missing");
      break;
  }
  if (!r.ok()) return r.status();
  return out;
}

absl::StatusOr<event::DisclosureGround> GroundFromProto(const v1::DisclosureGround& ground, std::string_view field) {
  FieldReader r(kRules);
  event::DisclosureGround out = ReadGround(r, field, ground);
  if (!r.ok()) return r.status();
  return out;
}

absl::StatusOr<event::AgreementTerms> TermsFromProto(const v1::AgreementTermsInput& terms, std::string_view field) {
  FieldReader r(kRules);
  event::AgreementTerms out = ReadTerms(r, terms, field);
  if (!r.ok()) return r.status();
  return out;
}

}  // namespace medflyt::wire
