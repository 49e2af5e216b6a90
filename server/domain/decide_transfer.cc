// Decisions on responsibility and transfer.
#include <algorithm>

#include "server/domain/deciding.h"
#include "server/domain/settle.h"

namespace medflyt::domain {

absl::StatusOr<const Enrolment*> Decider::EnrolmentAsResponsible(const CaseId& id) const {
  MEDFLYT_RETURN_IF_ERROR(CheckOfficer());
  const Enrolment* enrolment = state_.FindEnrolment(id);
  if (enrolment == nullptr) return Unknown("enrolment");
  if (enrolment->FindSpell(id)->responsible != state_.self()) {
    return NotAllowed("NOT_RESPONSIBLE", "enrolment", "the responsible municipality decides this");
  }
  return enrolment;
}

Decider::Decision Decider::operator()(const event::EndResponsibility& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Enrolment* enrolment, EnrolmentAsResponsible(command.enrolment));
  const Spell& spell = *enrolment->FindSpell(command.enrolment);
  if (!enrolment->unfinished() || &spell != &enrolment->current() || spell.LatestEnd() != nullptr) {
    return NotNow("ENROLMENT_NOT_ACTIVE", "enrolment", "this authority is not responsible, or said so already");
  }
  if (command.from < spell.days.from) {
    return Invalid("DATE_BEFORE_RESPONSIBILITY", "from",
                   "this authority is responsible from " + FormatIsoDate(spell.days.from));
  }
  MEDFLYT_RETURN_IF_ERROR(CheckEndMayBeTold(*enrolment, spell, command.reason));
  return Drafts{
      To(enrolment->provider, spell.case_id, event::ResponsibilityEnded{command.from, command.reason, std::nullopt})};
}

Decider::Decision Decider::operator()(const event::RestoreResponsibility& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Enrolment* enrolment, EnrolmentAsResponsible(command.enrolment));
  const Spell& spell = *enrolment->FindSpell(command.enrolment);
  const ResponsibilityEnd* end = spell.LatestEnd();
  if (end == nullptr) return NotNow("NOTHING_TO_RESTORE", "enrolment", "no end of responsibility stands");
  if (end->announcement) {
    return NotNow("ANNOUNCEMENT_STANDS", "enrolment", "correct or annul the relocation that was announced");
  }
  return Drafts{To(enrolment->provider, spell.case_id, event::ResponsibilityRestored{end->event})};
}

Decider::Decision Decider::operator()(const event::RenumberCitizen& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Enrolment* enrolment, EnrolmentAsResponsible(command.enrolment));
  if (!enrolment->unfinished() || enrolment->current().case_id != command.enrolment) {
    return NotNow("ENROLMENT_NOT_ACTIVE", "enrolment", "this authority is not responsible");
  }
  if (enrolment->cpr() == command.cpr) {
    return Invalid("NUMBER_UNCHANGED", "cpr_number", "this is the citizen's number already");
  }
  if (RunningEnrolment(state_, enrolment->provider, command.cpr, &enrolment->id) != nullptr) {
    return RuleError(absl::StatusCode::kAlreadyExists, "CITIZEN_ALREADY_ENROLLED", "cpr_number",
                     "another enrolment with this provider has that number");
  }
  return Drafts{To(enrolment->provider, command.enrolment, event::CitizenRenumbered{command.cpr})};
}

Decider::Decision Decider::operator()(const event::RequestTransfer& command) const {
  MEDFLYT_RETURN_IF_ERROR(CheckFresh(command.transfer, "transfer"));
  MEDFLYT_ASSIGN_OR_RETURN(const Relocation* relocation, AnnouncedToUs(command.relocation));
  if (!LeadsOn(*relocation)) {
    return NotNow("RELOCATION_WRONG_STATE", "relocation", "the announcement was declined or taken back, or expired");
  }
  const Announcement& announcement = *relocation->announcement;
  const std::set<CaseId>& requests = state_.TransfersNaming(announcement.ref.leaf_hash);
  const bool asked = std::any_of(requests.begin(), requests.end(), [&](const CaseId& id) {
    const Transfer& transfer = *state_.FindTransfer(id);
    return transfer.requester == state_.self() && transfer.state != TransferState::kRefused &&
           transfer.state != TransferState::kWithdrawn;
  });
  if (asked) {
    return RuleError(absl::StatusCode::kAlreadyExists, "TRANSFER_ALREADY_REQUESTED", "relocation",
                     "the place was asked for with this announcement");
  }
  if (!facts_.directory.IsKnown(announcement.provider)) {
    return NotNow("AUTHORITY_UNKNOWN", "relocation", "the provider is not in the peer directory");
  }
  const Date from = *relocation->effective_date;
  MEDFLYT_RETURN_IF_ERROR(CheckAgreement(command.agreement, announcement.provider, from, "relocation"));
  return Drafts{To(announcement.provider, command.transfer,
                   event::TransferRequested{*relocation->cpr, command.agreement, announcement.ref, from})};
}

Decider::Decision Decider::operator()(const event::WithdrawTransfer& command) const {
  MEDFLYT_RETURN_IF_ERROR(CheckOfficer());
  const Transfer* transfer = state_.FindTransfer(command.transfer);
  if (transfer == nullptr) return Unknown("transfer");
  if (transfer->requester != state_.self()) {
    return NotAllowed("NOT_THE_REQUESTER", "transfer", "the municipality that asked decides this");
  }
  if (transfer->state != TransferState::kWaiting) {
    return NotNow("TRANSFER_NOT_WAITING", "transfer", "the request was answered or withdrawn");
  }
  return Drafts{To(transfer->provider, transfer->id, event::TransferWithdrawn())};
}

Decider::Decision Decider::operator()(const event::DeclineTransfer& command) const {
  MEDFLYT_RETURN_IF_ERROR(CheckOfficer());
  const Transfer* transfer = state_.FindTransfer(command.transfer);
  if (transfer == nullptr) return Unknown("transfer");
  if (transfer->provider != state_.self()) {
    return NotAllowed("NOT_THE_PROVIDER", "transfer", "the provider decides this");
  }
  if (transfer->state != TransferState::kWaiting) {
    return NotNow("TRANSFER_NOT_WAITING", "transfer", "the request was answered or withdrawn");
  }
  return Drafts{To(transfer->requester, transfer->id, event::TransferRefused{"OFFICER_DECLINED"})};
}

}  // namespace medflyt::domain
