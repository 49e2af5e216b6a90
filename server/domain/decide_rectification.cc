// Decisions that put right what was stated wrongly.
#include "server/domain/deciding.h"
#include "server/domain/place.h"
#include "server/domain/settle.h"

namespace medflyt::domain {
namespace {

absl::Status Unchanged() { return Invalid("VALUE_UNCHANGED", "right", "this is what stands already"); }

// Another enrolment of the citizen with the same provider has some of these days.
absl::Status CheckFree(const State& state, const Enrolment& enrolment, Date from, Date until, std::string_view field) {
  for (const CprNumber& number : enrolment.numbers) {
    for (const CaseId& id : state.EnrolmentsOf(number)) {
      const Enrolment& other = *state.FindEnrolment(id);
      if (other.id == enrolment.id || other.provider != enrolment.provider) continue;
      for (const HistoryEntry& entry : HistoryOf(other)) {
        if (entry.days.from >= until || (entry.days.to && *entry.days.to <= from)) continue;
        return RuleError(absl::StatusCode::kAlreadyExists, "CITIZEN_ALREADY_ENROLLED", field,
                         "another enrolment with this provider has some of these days");
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Conflict(std::string_view field, Date date) {
  return NotNow("RECTIFIED_DATE_CONFLICTS", field, "what stands of " + FormatIsoDate(date) + " is against it");
}

}  // namespace

Decider::Decision Decider::RectifyNumber(const event::RectifyValue& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Enrolment* enrolment, EnrolmentAsResponsible(command.enrolment));
  const CprNumber& cpr = *command.right.cpr;
  if (enrolment->cpr() == cpr) return Unchanged();
  if (enrolment->unfinished() && RunningEnrolment(state_, enrolment->provider, cpr, &enrolment->id) != nullptr) {
    return RuleError(absl::StatusCode::kAlreadyExists, "CITIZEN_ALREADY_ENROLLED", "right",
                     "another enrolment with this provider has that number");
  }
  Drafts drafts = NumberPutRight(state_, enrolment->provider, command.enrolment, enrolment->cpr(), cpr);
  for (event::Draft& draft : drafts) draft.officer = std::string(officer_);
  AppendPartedFlags(*enrolment, cpr, drafts);
  return drafts;
}

// The first day of the stay, and with it that of the place. Only the first municipality was told it: to each later one
// the stay began on the date of its move.
Decider::Decision Decider::RectifyStart(const Enrolment& enrolment, const CaseId& named, Date start) const {
  if (!enrolment.started) return NotNow("ENROLMENT_NOT_ACTIVE", "enrolment", "the enrolment has not started");
  if (named != enrolment.id) {
    return NotNow("ENROLMENT_TRANSFERRED", "enrolment",
                  "this case began on the date of a move, which the municipality left corrects");
  }
  const Spell& spell = enrolment.spells.front();
  const Date before = spell.days.from;
  if (start == before) return Unchanged();
  if (!spell.pauses.empty() && start > spell.pauses.front().from) {
    return Conflict("start", spell.pauses.front().from);
  }
  if (spell.days.to && start >= *spell.days.to) return Conflict("start", *spell.days.to);
  MEDFLYT_RETURN_IF_ERROR(CheckBeforeEnd(spell, start, /*inclusive=*/false));
  const Agreement* agreement = spell.agreement ? state_.FindAgreement(*spell.agreement) : nullptr;
  if (agreement != nullptr && !agreement->InForceOn(start)) {
    return NotNow("AGREEMENT_NOT_IN_FORCE", "start", "the agreement is not in force on " + FormatIsoDate(start));
  }
  if (start < before) MEDFLYT_RETURN_IF_ERROR(CheckFree(state_, enrolment, start, before, "start"));
  for (const Occupation& occupation : spell.occupations) {
    if (occupation.reserved()) continue;
    const Date first = occupation.days.from;
    if (first == before && start < before) {
      MEDFLYT_RETURN_IF_ERROR(CheckPlaceBetween(occupation, start, before, "start"));
    } else if (first < start && occupation.days.Contains(start)) {
      // What begins in another run of days counts to the end of that one.
      MEDFLYT_RETURN_IF_ERROR(CheckInForceBetween(occupation.agreement, first, start, "start"));
    }
  }
  return Drafts{To(spell.responsible, spell.case_id,
                   event::ValueRectified{{.cpr = {}, .start = start, .end = {}, .end_reason = {}}, std::nullopt})};
}

absl::Status Decider::CheckInForceBetween(const CaseId& id, Date from, Date until, std::string_view field) const {
  const Agreement* agreement = state_.FindAgreement(id);
  if (agreement != nullptr && RunEnd(agreement->Segments(), from).value_or(from - 1) >= until - 1) {
    return absl::OkStatus();
  }
  return NotNow("AGREEMENT_NOT_IN_FORCE", field,
                "the agreement is not in force on every day until " + FormatIsoDate(until));
}

absl::Status Decider::CheckPlaceBetween(const Occupation& occupation, Date from, Date until,
                                        std::string_view field) const {
  MEDFLYT_RETURN_IF_ERROR(CheckInForceBetween(occupation.agreement, from, until, field));
  const Agreement& agreement = *state_.FindAgreement(occupation.agreement);
  if (IsFreeBetween(state_, agreement, occupation.number, from, until)) return absl::OkStatus();
  return NotNow("NO_FREE_PLACE", field, "the place is taken before " + FormatIsoDate(until));
}

absl::StatusOr<const Spell*> Decider::EndedByProvider(const Enrolment& enrolment) const {
  if (!enrolment.ended) return NotNow("ENROLMENT_NOT_ENDED", "enrolment", "the enrolment has not ended");
  if (enrolment.ended->because_of) {
    return NotAllowed("NOT_RESPONSIBLE", "enrolment",
                      "the responsible municipality said that it ends, and takes it back");
  }
  return &enrolment.current();
}

Decider::Decision Decider::RectifyEnd(const Enrolment& enrolment, Date end) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Spell* spell, EndedByProvider(enrolment));
  const Date before = enrolment.ended->from;
  if (end == before) return Unchanged();
  if (end <= spell->days.from) return Conflict("end", spell->days.from);
  if (!spell->pauses.empty() && end < spell->pauses.back().from) return Conflict("end", spell->pauses.back().from);
  MEDFLYT_RETURN_IF_ERROR(CheckBeforeEnd(*spell, end, /*inclusive=*/true));
  if (end > before) {
    MEDFLYT_RETURN_IF_ERROR(CheckFree(state_, enrolment, before, end, "end"));
    for (const Occupation& occupation : spell->occupations) {
      if (occupation.days.to != before) continue;
      MEDFLYT_RETURN_IF_ERROR(CheckPlaceBetween(occupation, before, end, "end"));
    }
  }
  return Drafts{To(spell->responsible, spell->case_id,
                   event::ValueRectified{{.cpr = {}, .start = {}, .end = end, .end_reason = {}}, std::nullopt})};
}

Decider::Decision Decider::RectifyEndReason(const Enrolment& enrolment, event::EndReason reason) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Spell* spell, EndedByProvider(enrolment));
  const event::EndReason stated = Stated(reason);
  if (reason == enrolment.local_end_reason.value_or(enrolment.ended->reason)) return Unchanged();
  Drafts drafts;
  if (stated != reason || enrolment.local_end_reason) {
    drafts.push_back(Local(enrolment.id, event::EndReasonRecorded{reason}));
  }
  if (stated != enrolment.ended->reason) {
    drafts.push_back(
        To(spell->responsible, spell->case_id,
           event::ValueRectified{{.cpr = {}, .start = {}, .end = {}, .end_reason = stated}, std::nullopt}));
  }
  return drafts;
}

Decider::Decision Decider::operator()(const event::RectifyValue& command) const {
  MEDFLYT_RETURN_IF_ERROR(CheckOfficer());
  if (command.right.cpr) return RectifyNumber(command);
  MEDFLYT_ASSIGN_OR_RETURN(const Enrolment* enrolment, EnrolmentAsProvider(command.enrolment));
  if (command.right.start) return RectifyStart(*enrolment, command.enrolment, *command.right.start);
  if (command.right.end) return RectifyEnd(*enrolment, *command.right.end);
  if (command.right.end_reason) return RectifyEndReason(*enrolment, *command.right.end_reason);
  return Invalid("FIELD_REQUIRED", "right", "the right value is missing");
}

}  // namespace medflyt::domain
