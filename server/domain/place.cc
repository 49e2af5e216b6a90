#include "server/domain/place.h"

#include <algorithm>
#include <set>
#include <vector>

#include "common/base/status.h"

namespace medflyt::domain {
namespace {

const AgreementVersion* OwnOpenProposal(const State& state, const Agreement& agreement) {
  const AgreementVersion* open = agreement.OpenProposal();
  return open != nullptr && open->proposed_by == state.self() ? open : nullptr;
}

// Nobody else has the place on any day from `from` on.
bool FreeFrom(const std::vector<State::Stay>& stays, const CaseId& case_id, Date from) {
  return std::all_of(stays.begin(), stays.end(), [&](const State::Stay& stay) {
    return (stay.days.to && *stay.days.to <= from) || (stay.reserved && stay.case_id == case_id);
  });
}

// On any day from `from` on. While our own proposal of a lower capacity is unanswered, the lower one counts.
uint32_t LeastPlacesFrom(const State& state, const Agreement& agreement, Date from) {
  const uint32_t places = LeastCapacityFrom(agreement.Segments(), from);
  const AgreementVersion* open = OwnOpenProposal(state, agreement);
  return open == nullptr ? places : std::min(places, LeastCapacityFrom(agreement.Segments(open), from));
}

bool ExistsBetween(const std::vector<CapacitySegment>& segments, uint32_t number, Date from, Date until) {
  return std::all_of(segments.begin(), segments.end(), [&](const CapacitySegment& segment) {
    return segment.last < from || segment.first >= until || number <= segment.capacity;
  });
}

}  // namespace

bool IsFreeBetween(const State& state, const Agreement& agreement, uint32_t number, Date from, Date until) {
  if (!ExistsBetween(agreement.Segments(), number, from, until)) return false;
  const AgreementVersion* open = OwnOpenProposal(state, agreement);
  if (open != nullptr && !ExistsBetween(agreement.Segments(open), number, from, until)) return false;
  const State::Calendar& calendar = state.CalendarOf(agreement.id);
  const auto taken = calendar.find(number);
  return taken == calendar.end() ||
         std::all_of(taken->second.begin(), taken->second.end(), [&](const State::Stay& stay) {
           return (stay.days.to && *stay.days.to <= from) || stay.days.from >= until;
         });
}

std::optional<uint32_t> FreeNumber(const State& state, const Agreement& agreement, const CaseId& case_id, Date from,
                                   std::optional<uint32_t> preferred) {
  const uint32_t places = LeastPlacesFrom(state, agreement, from);
  const State::Calendar& calendar = state.CalendarOf(agreement.id);
  if (preferred && *preferred >= 1 && *preferred <= places) {
    const auto taken = calendar.find(*preferred);
    if (taken == calendar.end() || FreeFrom(taken->second, case_id, from)) return preferred;
  }
  auto taken = calendar.begin();
  for (uint32_t number = 1; number <= places; ++number) {
    while (taken != calendar.end() && taken->first < number) ++taken;
    if (taken == calendar.end() || taken->first > number || FreeFrom(taken->second, case_id, from)) return number;
  }
  return std::nullopt;
}

std::optional<Placement> EarliestPlacement(const State& state, const Agreement& agreement, const CaseId& case_id,
                                           Date wanted, std::optional<Date> until) {
  // A place becomes free only on these days.
  std::set<Date> days = {wanted};
  for (const auto& [number, stays] : state.CalendarOf(agreement.id)) {
    for (const State::Stay& stay : stays) {
      if (stay.days.to && *stay.days.to > wanted) days.insert(*stay.days.to);
    }
  }
  const auto add_starts = [&](const std::vector<CapacitySegment>& segments) {
    for (const CapacitySegment& segment : segments) {
      if (segment.first > wanted) days.insert(segment.first);
    }
  };
  add_starts(agreement.Segments());
  if (const AgreementVersion* open = OwnOpenProposal(state, agreement)) add_starts(agreement.Segments(open));
  for (const Date day : days) {
    if (until && day >= *until) break;
    if (const std::optional<uint32_t> number = FreeNumber(state, agreement, case_id, day)) {
      return Placement{*number, day};
    }
  }
  return std::nullopt;
}

absl::Status CheckTakenPlaces(const State& state, const Agreement& agreement, const AgreementVersion& version) {
  const std::vector<CapacitySegment> segments = agreement.Segments(&version);
  for (const auto& [number, stays] : state.CalendarOf(agreement.id)) {
    for (const State::Stay& stay : stays) {
      const std::optional<Date> end = RunEnd(segments, stay.days.from);
      for (const CapacitySegment& segment : segments) {
        const bool while_there = end && segment.last >= stay.days.from && segment.first <= *end &&
                                 (!stay.days.to || segment.first < *stay.days.to);
        if (while_there && number > segment.capacity) {
          return RuleError(absl::StatusCode::kFailedPrecondition, "OVER_CAPACITY", "terms.capacity",
                           "place " + std::to_string(number) + " is taken on or after " +
                               FormatIsoDate(std::max(segment.first, stay.days.from)) + ", and the capacity would be " +
                               std::to_string(segment.capacity));
        }
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace medflyt::domain
