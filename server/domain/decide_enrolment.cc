// Decisions on enrolments and their places.
#include <algorithm>

#include "server/domain/deciding.h"
#include "server/domain/place.h"
#include "server/domain/settle.h"

namespace medflyt::domain {
absl::Status Decider::CheckAgreement(const std::optional<CaseId>& id, AuthorityId provider, Date from,
                                     std::string_view field) const {
  if (provider == state_.self()) {
    if (!id) return absl::OkStatus();
    return Invalid("AGREEMENT_NOT_NEEDED", "agreement", "the provider's own citizens need no agreement");
  }
  if (!id) return Invalid("AGREEMENT_REQUIRED", "agreement", "another authority's places need an agreement with it");
  const Agreement* agreement = state_.FindAgreement(*id);
  if (agreement == nullptr) return Unknown("agreement");
  if (agreement->provider != provider || agreement->buyer != state_.self()) {
    return Invalid("AGREEMENT_WITH_ANOTHER", "agreement", "the agreement is not one of this buyer with that provider");
  }
  if (!agreement->InForceOn(from)) {
    return NotNow("AGREEMENT_NOT_IN_FORCE", field, "the agreement is not in force on " + FormatIsoDate(from));
  }
  return absl::OkStatus();
}

absl::StatusOr<const Enrolment*> Decider::EnrolmentAsProvider(const CaseId& id) const {
  const Enrolment* enrolment = state_.FindEnrolment(id);
  if (enrolment == nullptr) return Unknown("enrolment");
  if (enrolment->provider != state_.self()) {
    return NotAllowed("NOT_THE_PROVIDER", "enrolment", "the provider decides this");
  }
  return enrolment;
}

absl::Status Decider::CheckBeforeEnd(const Spell& spell, Date from, bool inclusive) const {
  const ResponsibilityEnd* end = spell.LatestEnd();
  if (end == nullptr || from < end->from || (inclusive && from == end->from)) return absl::OkStatus();
  return NotNow("TRANSFER_PENDING", "from",
                "responsibility ends on " + FormatIsoDate(end->from) + " and the next municipality is not known yet");
}

Decider::Decision Decider::operator()(const event::ProposeEnrolment& command) const {
  MEDFLYT_RETURN_IF_ERROR(CheckOfficer());
  MEDFLYT_RETURN_IF_ERROR(CheckFresh(command.enrolment, "enrolment"));
  if (!facts_.directory.IsKnown(command.provider)) {
    return NotNow("AUTHORITY_UNKNOWN", "provider", "the authority is not in the peer directory");
  }
  MEDFLYT_RETURN_IF_ERROR(CheckAgreement(command.agreement, command.provider, command.from, "from"));
  if (RunningEnrolment(state_, command.provider, command.cpr) != nullptr) {
    return RuleError(absl::StatusCode::kAlreadyExists, "CITIZEN_ALREADY_ENROLLED", "cpr_number",
                     "the citizen is enrolled with this provider, or about to be");
  }
  return Drafts{
      To(command.provider, command.enrolment, event::EnrolmentProposed{command.cpr, command.agreement, command.from})};
}

Decider::Decision Decider::operator()(const event::StartEnrolment& command) const {
  MEDFLYT_RETURN_IF_ERROR(CheckOfficer());
  MEDFLYT_ASSIGN_OR_RETURN(const Enrolment* enrolment, EnrolmentAsProvider(command.enrolment));
  if (enrolment->state() != EnrolmentState::kProposed) {
    return NotNow("ENROLMENT_NOT_PROPOSED", "enrolment", "only a proposed enrolment can be started");
  }
  const Spell& spell = enrolment->current();
  if (command.from < spell.days.from) {
    return Invalid("START_BEFORE_PROPOSAL", "from", "it is proposed from " + FormatIsoDate(spell.days.from));
  }
  if (EnrolledElsewhere(state_, *enrolment, command.from)) {
    return RuleError(absl::StatusCode::kAlreadyExists, "CITIZEN_ALREADY_ENROLLED", "from",
                     "another municipality is responsible for the citizen on or after that day");
  }
  Drafts drafts = {To(spell.responsible, spell.case_id, event::EnrolmentStarted{command.from})};
  if (spell.responsible == state_.self()) return drafts;
  const Agreement* agreement = spell.agreement ? state_.FindAgreement(*spell.agreement) : nullptr;
  if (agreement == nullptr || !agreement->InForceOn(command.from)) {
    return NotNow("AGREEMENT_NOT_IN_FORCE", "from", "the agreement is not in force on " + FormatIsoDate(command.from));
  }
  std::optional<uint32_t> reserved;
  if (const Occupation* open = spell.OpenOccupation()) reserved = open->number;
  const auto number = FreeNumber(state_, *agreement, spell.case_id, command.from, reserved);
  if (!number) {
    return NotNow("NO_FREE_PLACE", "from", "no place of the agreement is free from " + FormatIsoDate(command.from));
  }
  drafts.push_back(To(spell.responsible, spell.case_id, event::PlaceOccupied{agreement->id, *number, command.from}));
  return drafts;
}

Decider::Decision Decider::operator()(const event::RefuseEnrolment& command) const {
  MEDFLYT_RETURN_IF_ERROR(CheckOfficer());
  MEDFLYT_ASSIGN_OR_RETURN(const Enrolment* enrolment, EnrolmentAsProvider(command.enrolment));
  if (enrolment->state() != EnrolmentState::kProposed) {
    return NotNow("ENROLMENT_NOT_PROPOSED", "enrolment", "only a proposed enrolment can be refused");
  }
  const Spell& spell = enrolment->current();
  Drafts drafts = {To(spell.responsible, spell.case_id, event::EnrolmentRefused{"OFFICER_DECLINED"})};
  if (const Occupation* open = spell.OpenOccupation()) {
    AppendReleases(spell, open->days.from, event::ReleaseReason::kRefused, drafts);
  }
  return drafts;
}

absl::StatusOr<const Enrolment*> Decider::EnrolmentToPause(const CaseId& id, Date from) const {
  MEDFLYT_RETURN_IF_ERROR(CheckOfficer());
  MEDFLYT_ASSIGN_OR_RETURN(const Enrolment* enrolment, EnrolmentAsProvider(id));
  if (!enrolment->started || !enrolment->unfinished()) {
    return NotNow("ENROLMENT_NOT_ACTIVE", "enrolment", "the enrolment is not running");
  }
  const Spell& spell = enrolment->current();
  MEDFLYT_RETURN_IF_ERROR(CheckBeforeEnd(spell, from, /*inclusive=*/false));
  Date earliest = spell.days.from;
  if (!spell.pauses.empty()) earliest = std::max(earliest, spell.pauses.back().to.value_or(spell.pauses.back().from));
  if (from < earliest) {
    return Invalid("DATE_BEFORE_LAST_CHANGE", "from", "the last change is of " + FormatIsoDate(earliest));
  }
  return enrolment;
}

Decider::Decision Decider::operator()(const event::PauseEnrolment& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Enrolment* enrolment, EnrolmentToPause(command.enrolment, command.from));
  const Spell& spell = enrolment->current();
  if (!spell.pauses.empty() && !spell.pauses.back().to) {
    return NotNow("ENROLMENT_PAUSED", "enrolment", "the enrolment is paused already");
  }
  return Drafts{To(spell.responsible, spell.case_id, event::EnrolmentPaused{command.from})};
}

Decider::Decision Decider::operator()(const event::ResumeEnrolment& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Enrolment* enrolment, EnrolmentToPause(command.enrolment, command.from));
  const Spell& spell = enrolment->current();
  if (spell.pauses.empty() || spell.pauses.back().to) {
    return NotNow("ENROLMENT_NOT_PAUSED", "enrolment", "the enrolment is not paused");
  }
  return Drafts{To(spell.responsible, spell.case_id, event::EnrolmentResumed{command.from})};
}

Decider::Decision Decider::operator()(const event::EndEnrolment& command) const {
  MEDFLYT_RETURN_IF_ERROR(CheckOfficer());
  MEDFLYT_ASSIGN_OR_RETURN(const Enrolment* enrolment, EnrolmentAsProvider(command.enrolment));
  if (!enrolment->started || !enrolment->unfinished()) {
    return NotNow("ENROLMENT_NOT_ACTIVE", "enrolment", "the enrolment is not running");
  }
  const Spell& spell = enrolment->current();
  if (command.from < spell.days.from) {
    return Invalid("DATE_BEFORE_RESPONSIBILITY", "from",
                   "the present municipality is responsible from " + FormatIsoDate(spell.days.from));
  }
  MEDFLYT_RETURN_IF_ERROR(CheckBeforeEnd(spell, command.from, /*inclusive=*/true));
  Drafts drafts;
  if (Stated(command.reason) != command.reason) {
    drafts.push_back(Local(enrolment->id, event::EndReasonRecorded{command.reason}));
  }
  drafts.push_back(To(spell.responsible, spell.case_id, event::EnrolmentEnded{command.from, Stated(command.reason)}));
  const size_t ended = drafts.size();
  AppendReleases(spell, command.from, event::ReleaseReason::kEnded, drafts);
  for (size_t i = ended; i < drafts.size(); ++i) drafts[i].officer = std::string(officer_);
  return drafts;
}

}  // namespace medflyt::domain
