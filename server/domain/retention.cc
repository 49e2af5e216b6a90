#include "server/domain/retention.h"

#include <algorithm>

#include "common/base/status.h"
#include "server/domain/terms.h"

namespace medflyt::domain {
namespace {

// The last day on which anything happened in it, or nothing where it goes on. What others can date at will counts until
// today at most, lest a date in a far future keep a closed case for ever.

std::optional<Date> ClosedOn(const State& state, const Enrolment& enrolment, Date today) {
  const Spell& spell = enrolment.current();
  switch (enrolment.state()) {
    case EnrolmentState::kEnded: {
      const Date end = enrolment.ended ? enrolment.ended->from : spell.days.to.value_or(spell.days.from);
      return end <= today ? std::optional(end) : std::nullopt;
    }
    case EnrolmentState::kRefused:
      return std::min(spell.days.from, today);
    case EnrolmentState::kProposed: {
      // A provider that refused by a receipt, or says nothing, ends it no other way.
      const bool offered = spell.waiting || !spell.occupations.empty();
      if (enrolment.provider == state.self() || offered || today - spell.days.from <= kUnansweredDays) break;
      return spell.days.from;
    }
    case EnrolmentState::kActive:
    case EnrolmentState::kPaused:
    case EnrolmentState::kTransferring:
      break;
  }
  return std::nullopt;
}

std::optional<Date> ClosedOn(const Relocation& relocation, Date today) {
  const Date last = relocation.announcement ? relocation.announcement->on : relocation.on;
  switch (relocation.state) {
    case RelocationState::kHeld:
    case RelocationState::kInAssessment:
    case RelocationState::kDisclosed:
      return std::nullopt;
    case RelocationState::kAnnounced:
      // An answer is not waited for longer, also where silence changed nothing.
      if (today - last <= kUnansweredDays) return std::nullopt;
      break;
    case RelocationState::kObserved:
    case RelocationState::kNotDisclosed:
    case RelocationState::kAcknowledged:
    case RelocationState::kDeclined:
    case RelocationState::kExpired:
    case RelocationState::kCorrected:
    case RelocationState::kAnnulled:
      break;
  }
  return std::max(last, std::min(relocation.effective_date.value_or(last), today));
}

std::optional<Date> ClosedOn(const Transfer& transfer, Date today) {
  if (transfer.state == TransferState::kWaiting) return std::nullopt;
  return std::max(transfer.on, std::min(transfer.from, today));
}

// The last day of what is in force, or was offered by us: until then it can be accepted. What the other party offers is
// ours to decline, and what was declined counts only where all was.
std::optional<Date> ClosedOn(const State& state, const Agreement& agreement, Date today) {
  std::optional<Date> last;
  std::optional<Date> declined;
  for (const AgreementVersion& version : agreement.versions) {
    const Date end = std::min(version.terms.valid_to, agreement.last_day.value_or(version.terms.valid_to));
    const bool is_declined = version.state == VersionState::kDeclined;
    const bool is_open = version.state == VersionState::kProposed;
    const bool is_capped = is_declined || (is_open && version.proposed_by != state.self());
    if (!is_capped && end >= today) return std::nullopt;
    std::optional<Date>& latest = is_declined ? declined : last;
    const Date capped = std::min(end, today);
    latest = std::max(latest.value_or(capped), capped);
  }
  return last ? last : declined;
}

// Of what is held, ended or not: its books name the agreement.
bool IsRestedOn(const State& state, const CaseId& agreement) {
  if (!state.CalendarOf(agreement).empty() || !state.WaitingListOf(agreement).empty()) return true;
  for (const auto& [id, enrolment] : state.enrolments()) {
    for (const Spell& spell : enrolment.spells) {
      if (spell.agreement == agreement) return true;
    }
  }
  return std::any_of(state.transfers().begin(), state.transfers().end(),
                     [&](const auto& row) { return row.second.agreement == agreement; });
}

absl::Status Running() {
  return RuleError(absl::StatusCode::kFailedPrecondition, "ERASURE_CASE_RUNNING", "",
                   "a case is not closed, or rests on the agreement: end it, or decide it, first");
}

}  // namespace

const RetentionPeriod* PeriodOf(Kept what, const Facts& facts) {
  const RetentionPeriod* found = nullptr;
  for (const RetentionPeriod& period : facts.retention) {
    if (period.what != what || period.valid_from > facts.today) continue;
    if (found == nullptr || period.valid_from > found->valid_from) found = &period;
  }
  return found;
}

Date OverOn(Date closed, const RetentionPeriod& period) {
  if (period.from_year_end) closed = Date(closed.year(), 12, 31);
  const absl::CivilMonth month = absl::CivilMonth(closed) + period.months;
  // A month may be shorter: then its last day.
  const Date same_day = std::min(Date(month) + (closed.day() - 1), Date(month + 1) - 1);
  return same_day + period.days + 1;
}

std::string_view NameOf(Kept what) {
  switch (what) {
    case Kept::kCase:
      return "case";
    case Kept::kObservation:
      return "observation";
    case Kept::kAccessRecord:
      return "access-record";
    case Kept::kAgreement:
      return "agreement";
  }
  return "";
}

bool IsUndisclosed(const Relocation& relocation) {
  return relocation.direction == Direction::kOut && !relocation.announcement &&
         (relocation.state == RelocationState::kExpired || relocation.state == RelocationState::kCorrected ||
          relocation.state == RelocationState::kAnnulled);
}

absl::StatusOr<Retention> RetentionOf(const State& state, const std::vector<CaseId>& cases, const Facts& facts) {
  Retention retention;
  const Relocation* only = cases.size() == 1 ? state.FindRelocation(cases.front()) : nullptr;
  const Agreement* agreement = cases.size() == 1 ? state.FindAgreement(cases.front()) : nullptr;
  if (only != nullptr && IsUndisclosed(*only)) {
    retention.what = Kept::kObservation;
    retention.closed = only->on;
  } else if (agreement != nullptr) {
    retention.what = Kept::kAgreement;
    const std::optional<Date> closed = ClosedOn(state, *agreement, facts.today);
    if (!closed || IsRestedOn(state, agreement->id)) return Running();
    retention.closed = *closed;
  } else {
    retention.closed = Date::min();
    const auto close = [&](std::optional<Date> on) {
      if (!on) return false;
      retention.closed = std::max(retention.closed, *on);
      return true;
    };
    for (const CaseId& id : cases) {
      const Enrolment* enrolment = state.FindEnrolment(id);
      const Relocation* relocation = state.FindRelocation(id);
      const Transfer* transfer = state.FindTransfer(id);
      if (enrolment != nullptr && !close(ClosedOn(state, *enrolment, facts.today))) return Running();
      if (relocation != nullptr && !close(ClosedOn(*relocation, facts.today))) return Running();
      if (transfer != nullptr && !close(ClosedOn(*transfer, facts.today))) return Running();
    }
  }
  retention.period = PeriodOf(retention.what, facts);
  if (retention.period != nullptr) retention.over_on = OverOn(retention.closed, *retention.period);
  return retention;
}

}  // namespace medflyt::domain
