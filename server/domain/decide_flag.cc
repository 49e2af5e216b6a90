// Decisions on protection flags, which hold the moves of a citizen whatever the registry says.
#include <algorithm>
#include <set>

#include "server/domain/deciding.h"

namespace medflyt::domain {
namespace {

// Nobody was told of it yet, and an officer may still decide that somebody is.
bool IsUndecided(const Relocation& relocation) {
  return relocation.state == RelocationState::kHeld || relocation.state == RelocationState::kInAssessment ||
         relocation.state == RelocationState::kDisclosed;
}

bool Includes(const std::vector<event::HoldReason>& reasons, event::HoldReason reason) {
  return std::find(reasons.begin(), reasons.end(), reason) != reasons.end();
}

// It is held for this reason, and no officer has asked for its release.
bool IsHeldFor(const Relocation& relocation, event::HoldReason reason) {
  return relocation.state == RelocationState::kHeld && !relocation.release_officer &&
         Includes(relocation.hold_reasons, reason);
}

}  // namespace

std::set<CaseId> Decider::EnrolmentsOfCitizen(const Enrolment& enrolment) const {
  std::set<CaseId> all;
  for (const CprNumber& number : enrolment.numbers) {
    const std::set<CaseId>& with = state_.EnrolmentsOf(number);
    all.insert(with.begin(), with.end());
  }
  return all;
}

std::vector<event::HoldReason> Decider::FlagsOf(const Enrolment& enrolment) const {
  std::vector<event::HoldReason> reasons;
  for (const CaseId& id : EnrolmentsOfCitizen(enrolment)) {
    for (const StandingFlag& standing : state_.FindEnrolment(id)->flags) {
      reasons.push_back(event::HoldReasonOf(standing.flag));
    }
  }
  return reasons;
}

absl::Status Decider::CheckWasHeld(const Relocation& relocation) const {
  const Enrolment* enrolment = state_.FindEnrolment(*relocation.enrolment);
  if (enrolment == nullptr) return Unknown("relocation");
  for (const event::HoldReason flag : FlagsOf(*enrolment)) {
    if (!Includes(relocation.hold_reasons, flag)) {
      return NotNow(
          "RELOCATION_NEVER_HELD", "relocation",
          "a flag protects the citizen for which this move was not held: hold it, and two officers release it");
    }
  }
  return absl::OkStatus();
}

Decider::Decision Decider::operator()(const event::SetFlag& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Enrolment* enrolment, EnrolmentAsResponsible(command.enrolment));
  if (!enrolment->unfinished() || enrolment->current().case_id != command.enrolment) {
    return NotNow("ENROLMENT_NOT_ACTIVE", "enrolment", "this authority is not responsible any more");
  }
  const StandingFlag* standing = enrolment->FindFlag(command.flag);
  if (standing != nullptr && !standing->clear_officer) {
    return RuleError(absl::StatusCode::kAlreadyExists, "FLAG_ALREADY_SET", "flag", "the flag stands already");
  }
  Drafts drafts = {Local(command.enrolment, event::FlagSet{command.flag})};
  const event::HoldReason reason = event::HoldReasonOf(command.flag);
  for (const CaseId& id : EnrolmentsOfCitizen(*enrolment)) {
    for (const Spell& spell : state_.FindEnrolment(id)->spells) {
      for (const CaseId& moved : state_.RelocationsOf(spell.case_id)) {
        const Relocation& relocation = *state_.FindRelocation(moved);
        if (!IsUndecided(relocation) || IsHeldFor(relocation, reason)) continue;
        drafts.push_back(Local(relocation.id, event::RelocationHeld{{reason}}));
      }
    }
  }
  return drafts;
}

Decider::Decision Decider::operator()(const event::ClearFlag& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Enrolment* enrolment, EnrolmentAsResponsible(command.enrolment));
  const StandingFlag* standing = enrolment->FindFlag(command.flag);
  if (standing == nullptr) return NotNow("FLAG_NOT_SET", "flag", "the flag does not stand in this enrolment");
  if (!standing->clear_officer) return Drafts{Local(command.enrolment, event::FlagClearRequested{command.flag})};
  if (*standing->clear_officer == officer_) {
    return NotAllowed("TWO_OFFICERS_REQUIRED", "officer", "another officer must confirm that the flag is cleared");
  }
  return Drafts{Local(command.enrolment, event::FlagCleared{command.flag, *standing->clear_officer})};
}

}  // namespace medflyt::domain
