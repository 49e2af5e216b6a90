#include "server/domain/decide.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/event/catalogue.h"
#include "server/domain/deciding.h"
#include "server/domain/settle.h"
#include "server/domain/terms.h"

namespace medflyt::domain {

absl::Status Invalid(std::string_view rule, std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, rule, field, message);
}
absl::Status NotNow(std::string_view rule, std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kFailedPrecondition, rule, field, message);
}
absl::Status NotAllowed(std::string_view rule, std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kPermissionDenied, rule, field, message);
}
absl::Status Unknown(std::string_view field) {
  return RuleError(absl::StatusCode::kNotFound, "UNKNOWN_CASE", field, "no such case is known here");
}

namespace {

// That nobody has a part for which one must be a municipality and is none.
absl::Status CheckKinds(const State& state, const Facts& facts, const Drafts& drafts) {
  for (const event::Draft& draft : drafts) {
    const event::Right& right = event::RightOf(event::TypeOf(draft.body));
    for (const auto& [part, authority] :
         {std::pair(right.issuer, state.self()), std::pair(right.recipient, draft.recipient)}) {
      if (!event::IsMunicipalitys(part) || facts.directory.IsMunicipality(authority)) continue;
      return NotAllowed("ISSUER_HAS_NO_RIGHT", "",
                        std::string(right.name) + " is between municipalities: " + authority.ToString() + " is none");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<event::Draft>> Decide(const State& state, const event::Command& command,
                                                 const Facts& facts) {
  MEDFLYT_ASSIGN_OR_RETURN(Drafts drafts,
                           std::visit(Decider(state, command.officer, command.certificate, facts), command.body));
  MEDFLYT_RETURN_IF_ERROR(CheckKinds(state, facts, drafts));
  return Gate(state, facts, command, std::move(drafts));
}

absl::Status Decider::CheckOfficer() const {
  if (!officer_.empty()) return absl::OkStatus();
  return Invalid("OFFICER_REQUIRED", "officer", "this is a human act: name the officer");
}

absl::Status Decider::CheckSecond(const std::string& officer, const std::optional<crypto::Hash>& certificate) const {
  if (officer == officer_) {
    return NotAllowed("TWO_OFFICERS_REQUIRED", "officer", "the second officer is another one than the first");
  }
  if (certificate_ && certificate == certificate_) {
    return NotNow("TWO_OFFICERS_REQUIRED", "", "the second officer must use another client certificate than the first");
  }
  return absl::OkStatus();
}

absl::Status Decider::CheckFresh(const CaseId& id, std::string_view field) const {
  if (id.is_zero()) return Invalid("FIELD_REQUIRED", field, std::string(field) + " is missing");
  if (!state_.UseOf(id)) return absl::OkStatus();
  return RuleError(absl::StatusCode::kAlreadyExists, "CASE_ALREADY_USED", field, "the id names something else here");
}

// An agreement is at its term when the unbroken run of days, in which the stay began, is over.
void Decider::AppendExpiredPlaces(const Enrolment& enrolment, Drafts& drafts) const {
  if (enrolment.provider != state_.self() || !enrolment.unfinished()) return;
  const Spell& spell = enrolment.current();
  if (!spell.agreement || spell.responsible == state_.self()) return;
  const Agreement* agreement = state_.FindAgreement(*spell.agreement);
  if (agreement == nullptr) return;
  const Occupation* open = spell.OpenOccupation();
  Date reference = spell.days.from;
  if (open != nullptr) reference = open->days.from;
  if (spell.waiting) reference = spell.waiting->from;
  const Date last = RunEnd(agreement->Segments(), reference).value_or(reference - 1);
  if (facts_.today > last) {
    const Date from = std::max(last + 1, spell.days.from);
    // Who is leaving by then is sent nothing dated later: the transfer, or an officer, frees the place.
    if (const ResponsibilityEnd* end = spell.LatestEnd(); end != nullptr && end->from <= from) return;
    if (enrolment.started) {
      drafts.push_back(ToResponsible(spell, event::EnrolmentEnded{from, event::EndReason::kOther}));
    } else {
      drafts.push_back(ToResponsible(spell, event::EnrolmentRefused{"AGREEMENT_NOT_IN_FORCE"}));
    }
    AppendReleases(spell, from, event::ReleaseReason::kRetired, drafts);
    return;
  }
  if (open != nullptr && open->reserved() && facts_.today > *open->expires) {
    drafts.push_back(ToResponsible(spell, event::PlaceReleased{open->agreement, open->number, *open->expires + 1,
                                                               event::ReleaseReason::kExpired}));
  }
}

void Decider::AppendExpiredRelocation(const Relocation& relocation, Drafts& drafts) const {
  switch (relocation.state) {
    case RelocationState::kObserved:
    case RelocationState::kHeld:
    case RelocationState::kInAssessment:
    case RelocationState::kDisclosed:
    case RelocationState::kNotDisclosed:
      if (facts_.today - relocation.on <= kUndisclosedDays) return;
      break;
    case RelocationState::kAnnounced: {
      if (facts_.today - relocation.announcement->on <= kUnansweredDays) return;
      // Silence does not undo what was done with it.
      const std::set<CaseId>& requests = state_.TransfersNaming(relocation.announcement->ref.leaf_hash);
      const bool asked = std::any_of(requests.begin(), requests.end(), [&](const CaseId& id) {
        const Transfer& transfer = *state_.FindTransfer(id);
        return transfer.state == TransferState::kWaiting || transfer.state == TransferState::kDone;
      });
      const Enrolment* enrolment = relocation.enrolment ? state_.FindEnrolment(*relocation.enrolment) : nullptr;
      const bool left = enrolment != nullptr && enrolment->FindSpell(*relocation.enrolment)->days.to.has_value();
      if (asked || left) return;
      break;
    }
    default:
      return;
  }
  drafts.push_back(Local(relocation.id, event::RelocationExpired()));
}

Decider::Decision Decider::operator()(const event::ExpireDue&) const {
  Drafts drafts;
  for (const auto& [id, enrolment] : state_.enrolments()) AppendExpiredPlaces(enrolment, drafts);
  for (const auto& [id, relocation] : state_.relocations()) AppendExpiredRelocation(relocation, drafts);
  return drafts;
}

Decider::Decision Decider::operator()(const event::RecordAccess& command) const {
  return Drafts{Local(CaseId(), event::AccessRecorded{command.kind, command.action, command.purpose, command.cases})};
}

}  // namespace medflyt::domain
