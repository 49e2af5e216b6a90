// CommandToProto: for clients of the API.
#include <variant>

#include "common/base/status.h"
#include "common/wire/command.h"
#include "common/wire/command_list.h"
#include "common/wire/enums.h"
#include "common/wire/ground.h"

namespace medflyt::wire {
namespace {

std::string OptionalHex(const std::optional<CaseId>& id) { return id ? id->ToHex() : std::string(); }
std::string OptionalIso(const std::optional<Date>& date) { return date ? FormatIsoDate(*date) : std::string(); }

void Write(const event::ProposeAgreement& in, v1::ProposeAgreement& out) {
  out.set_agreement_id(in.agreement.ToHex());
  out.set_provider(in.provider.ToString());
  out.set_buyer(in.buyer.ToString());
  *out.mutable_terms() = TermsToProto(in.terms);
}
void Write(const event::AcceptAgreement& in, v1::AcceptAgreement& out) {
  out.set_agreement_id(in.agreement.ToHex());
  out.set_version(in.version);
}
void Write(const event::DeclineAgreement& in, v1::DeclineAgreement& out) {
  out.set_agreement_id(in.agreement.ToHex());
  out.set_version(in.version);
}
void Write(const event::TerminateAgreement& in, v1::TerminateAgreement& out) {
  out.set_agreement_id(in.agreement.ToHex());
  out.set_last_day(FormatIsoDate(in.last_day));
}

void Write(const event::ProposeEnrolment& in, v1::ProposeEnrolment& out) {
  out.set_enrolment_id(in.enrolment.ToHex());
  out.set_provider(in.provider.ToString());
  out.mutable_cpr()->assign(in.cpr.ExposeDigits());
  out.set_agreement_id(OptionalHex(in.agreement));
  out.set_from(FormatIsoDate(in.from));
}
void Write(const event::StartEnrolment& in, v1::StartEnrolment& out) {
  out.set_enrolment_id(in.enrolment.ToHex());
  out.set_from(FormatIsoDate(in.from));
}
void Write(const event::RefuseEnrolment& in, v1::RefuseEnrolment& out) { out.set_enrolment_id(in.enrolment.ToHex()); }
void Write(const event::PauseEnrolment& in, v1::PauseEnrolment& out) {
  out.set_enrolment_id(in.enrolment.ToHex());
  out.set_from(FormatIsoDate(in.from));
}
void Write(const event::ResumeEnrolment& in, v1::ResumeEnrolment& out) {
  out.set_enrolment_id(in.enrolment.ToHex());
  out.set_from(FormatIsoDate(in.from));
}
void Write(const event::EndEnrolment& in, v1::EndEnrolment& out) {
  out.set_enrolment_id(in.enrolment.ToHex());
  out.set_from(FormatIsoDate(in.from));
  out.set_reason(ToProto(in.reason));
}

void Write(const event::SetFlag& in, v1::SetFlag& out) {
  out.set_enrolment_id(in.enrolment.ToHex());
  out.set_flag(ToProto(in.flag));
}
void Write(const event::ClearFlag& in, v1::ClearFlag& out) {
  out.set_enrolment_id(in.enrolment.ToHex());
  out.set_flag(ToProto(in.flag));
}

void Write(const event::HoldRelocation& in, v1::HoldRelocation& out) {
  out.set_relocation_id(in.relocation.ToHex());
  out.set_reason(ToProto(in.reason));
}
void Write(const event::ReleaseHold& in, v1::ReleaseHold& out) { out.set_relocation_id(in.relocation.ToHex()); }
void Write(const event::AssessDisclosure& in, v1::AssessDisclosure& out) {
  out.set_relocation_id(in.relocation.ToHex());
  out.set_disclose(in.disclose);
  WriteGround(in.ground, *out.mutable_ground());
  out.set_effective_date(OptionalIso(in.effective_date));
}
void Write(const event::AnnounceRelocation& in, v1::AnnounceRelocation& out) {
  out.set_relocation_id(in.relocation.ToHex());
}
void Write(const event::CorrectRelocation& in, v1::CorrectRelocation& out) {
  out.set_relocation_id(in.relocation.ToHex());
  out.set_corrected_id(in.corrected.ToHex());
  out.set_effective_date(FormatIsoDate(in.effective_date));
}
void Write(const event::AnnulRelocation& in, v1::AnnulRelocation& out) { out.set_relocation_id(in.relocation.ToHex()); }
void Write(const event::AcknowledgeRelocation& in, v1::AcknowledgeRelocation& out) {
  out.set_relocation_id(in.relocation.ToHex());
}
void Write(const event::DeclineRelocation& in, v1::DeclineRelocation& out) {
  out.set_relocation_id(in.relocation.ToHex());
}

void Write(const event::EndResponsibility& in, v1::EndResponsibility& out) {
  out.set_enrolment_id(in.enrolment.ToHex());
  out.set_from(FormatIsoDate(in.from));
  out.set_reason(ToProto(in.reason));
}
void Write(const event::RestoreResponsibility& in, v1::RestoreResponsibility& out) {
  out.set_enrolment_id(in.enrolment.ToHex());
}
void Write(const event::RenumberCitizen& in, v1::RenumberCitizen& out) {
  out.set_enrolment_id(in.enrolment.ToHex());
  out.mutable_cpr()->assign(in.cpr.ExposeDigits());
}
void Write(const event::RequestTransfer& in, v1::RequestTransfer& out) {
  out.set_transfer_id(in.transfer.ToHex());
  out.set_relocation_id(in.relocation.ToHex());
  out.set_agreement_id(OptionalHex(in.agreement));
}
void Write(const event::WithdrawTransfer& in, v1::WithdrawTransfer& out) { out.set_transfer_id(in.transfer.ToHex()); }
void Write(const event::DeclineTransfer& in, v1::DeclineTransfer& out) { out.set_transfer_id(in.transfer.ToHex()); }

void Write(const event::RectifyValue& in, v1::RectifyValue& out) {
  out.set_enrolment_id(in.enrolment.ToHex());
  if (in.right.cpr) out.mutable_cpr()->assign(in.right.cpr->ExposeDigits());
  if (in.right.start) out.set_start(FormatIsoDate(*in.right.start));
  if (in.right.end) out.set_end(FormatIsoDate(*in.right.end));
  if (in.right.end_reason) out.set_end_reason(ToProto(*in.right.end_reason));
}
void Write(const event::DisputeEvent& in, v1::DisputeEvent& out) {
  out.set_event_id(in.event.ToHex());
  out.set_ground(ToProto(in.ground));
}

}  // namespace

v1::AgreementTermsInput TermsToProto(const event::AgreementTerms& terms) {
  v1::AgreementTermsInput out;
  out.set_capacity(terms.capacity);
  out.set_price_ore(terms.price_ore);
  out.set_price_unit(ToProto(terms.price_unit));
  out.set_valid_from(FormatIsoDate(terms.valid_from));
  out.set_valid_to(FormatIsoDate(terms.valid_to));
  out.set_notice_days(terms.notice_days);
  out.set_settlement_months(terms.settlement_months);
  out.set_legal_basis(terms.legal_basis);
  out.set_council_case(terms.council_case);
  return out;
}

absl::StatusOr<v1::Command> CommandToProto(const event::Command& command) {
  v1::Command out;
#define MEDFLYT_WRITE(Name, name)                                                    \
  if (const auto* body = std::get_if<event::Name>(&command.body); body != nullptr) { \
    Write(*body, *out.mutable_##name());                                             \
    return out;                                                                      \
  }
  MEDFLYT_COMMANDS(MEDFLYT_WRITE)
#undef MEDFLYT_WRITE
  return absl::UnimplementedError("a command of the node itself has no message");
}

}  // namespace medflyt::wire
