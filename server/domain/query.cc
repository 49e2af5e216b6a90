#include "server/domain/query.h"

#include <algorithm>
#include <set>

#include "server/domain/settle.h"

namespace medflyt::domain {
namespace {

template <typename Row, typename Fits>
Listed<Row> List(const std::map<CaseId, Row>& rows, const Page& page, const Fits& fits) {
  Listed<Row> listed;
  for (auto row = page.after ? rows.upper_bound(*page.after) : rows.begin(); row != rows.end(); ++row) {
    if (!fits(row->second)) continue;
    if (listed.rows.size() == page.limit) {
      if (!listed.rows.empty()) listed.next = listed.rows.back()->id;
      break;
    }
    listed.rows.push_back(&row->second);
  }
  return listed;
}

template <typename T>
bool Is(const std::optional<T>& wanted, const T& value) {
  return !wanted || *wanted == value;
}

}  // namespace

Listed<Agreement> ListAgreements(const State& state, const AgreementFilter& filter, const Page& page) {
  return List(state.agreements(), page, [&](const Agreement& agreement) {
    return Is(filter.counterpart, agreement.CounterpartOf(state.self())) && Is(filter.state, agreement.state());
  });
}

std::vector<Place> PlacesOn(const State& state, const CaseId& agreement_id, Date date, uint32_t after, size_t limit) {
  std::vector<Place> places;
  const Agreement* agreement = state.FindAgreement(agreement_id);
  if (agreement == nullptr) return places;
  uint32_t most = 0;
  for (const AgreementVersion& version : agreement->versions) {
    if (version.state == VersionState::kInForce) most = std::max(most, version.terms.capacity);
  }
  const uint32_t capacity = agreement->CapacityOn(date);
  const State::Calendar& calendar = state.CalendarOf(agreement_id);
  const std::vector<CapacitySegment> segments = agreement->Segments();
  for (uint32_t number = after + 1; number <= most && places.size() < limit; ++number) {
    Place place;
    place.number = number;
    place.state = number <= capacity ? PlaceState::kFree : PlaceState::kRetired;
    const auto stays = calendar.find(number);
    if (number <= capacity && stays != calendar.end()) {
      for (const State::Stay& stay : stays->second) {
        // A stay ends with the run of days in which it began, whether or not that was decided yet.
        if (!stay.days.Contains(date) || RunEnd(segments, stay.days.from) < date) continue;
        const bool paused = state.FindEnrolment(stay.case_id)->FindSpell(stay.case_id)->PausedOn(date);
        place.state = stay.reserved ? PlaceState::kReserved : paused ? PlaceState::kPaused : PlaceState::kOccupied;
        place.case_id = stay.case_id;
        place.days = stay.days;
      }
    }
    places.push_back(place);
  }
  return places;
}

std::vector<WaitingEntry> WaitingListOn(const State& state, const CaseId& agreement) {
  std::vector<WaitingEntry> entries;
  for (const auto& [not_head, sequence, id] : state.WaitingListOf(agreement)) {
    for (const Spell& spell : state.FindEnrolment(id)->spells) {
      if (!spell.waiting || spell.waiting->agreement != agreement) continue;
      entries.push_back({spell.case_id, spell.responsible, spell.waiting->from, spell.waiting->head});
    }
  }
  return entries;
}

Listed<Enrolment> ListEnrolments(const State& state, const EnrolmentFilter& filter, const Page& page) {
  if (!filter.cpr) {
    return List(state.enrolments(), page,
                [&](const Enrolment& enrolment) { return Is(filter.state, enrolment.state()); });
  }
  Listed<Enrolment> listed;
  const std::set<CaseId>& ids = state.EnrolmentsOf(*filter.cpr);
  for (auto id = page.after ? ids.upper_bound(*page.after) : ids.begin(); id != ids.end(); ++id) {
    const Enrolment* enrolment = state.FindEnrolment(*id);
    if (!Is(filter.state, enrolment->state())) continue;
    if (listed.rows.size() == page.limit) {
      if (!listed.rows.empty()) listed.next = listed.rows.back()->id;
      break;
    }
    listed.rows.push_back(enrolment);
  }
  return listed;
}

Listed<Relocation> ListRelocations(const State& state, const RelocationFilter& filter, const Page& page) {
  return List(state.relocations(), page, [&](const Relocation& relocation) {
    return Is(filter.state, relocation.state) && Is(filter.direction, relocation.direction) &&
           (!filter.enrolment || relocation.enrolment == filter.enrolment);
  });
}

Listed<Transfer> ListTransfers(const State& state, const TransferFilter& filter, const Page& page) {
  return List(state.transfers(), page, [&](const Transfer& transfer) {
    return Is(filter.state, transfer.state) &&
           (!filter.needs_officer || NeedsOfficer(transfer, filter.today) || NeedsOfficer(state, transfer.id));
  });
}

std::vector<std::string_view> WaitsFor(const State& state, const Transfer& transfer) {
  if (transfer.state != TransferState::kWaiting) return {};
  if (transfer.provider != state.self()) return {"PROVIDER_NOT_ANSWERED"};
  if (transfer.verified) {
    const Verdict verdict = Judge(state, transfer);
    return verdict.kind == Verdict::Kind::kWait ? std::vector<std::string_view>{verdict.rule}
                                                : std::vector<std::string_view>{};
  }
  std::vector<std::string_view> rules = {"ANNOUNCEMENT_NOT_VERIFIED"};
  if (state.EnrolmentsNaming(transfer.announcement.leaf_hash).empty()) {
    rules.push_back("RESPONSIBILITY_NOT_ENDED");
  } else if (const Enrolment* named = EnrolmentToTransfer(state, transfer); named == nullptr) {
    rules.push_back("CITIZEN_NUMBER_NOT_KNOWN");
  } else if (!named->started) {
    rules.push_back("ENROLMENT_NOT_STARTED");
  }
  return rules;
}

bool SameCitizen(const State& state, const CprNumber& one, const CprNumber& other) {
  if (one == other) return true;
  const std::set<CaseId>& of_one = state.EnrolmentsOf(one);
  const std::set<CaseId>& of_other = state.EnrolmentsOf(other);
  const auto named = [&](const std::set<CaseId>& enrolments, const CprNumber& number) {
    return std::any_of(enrolments.begin(), enrolments.end(), [&](const CaseId& id) {
      const std::vector<CprNumber>& replaced = state.FindEnrolment(id)->replaced;
      return std::find(replaced.begin(), replaced.end(), number) != replaced.end();
    });
  };
  return std::any_of(of_one.begin(), of_one.end(), [&](const CaseId& id) { return of_other.contains(id); }) ||
         named(of_one, other) || named(of_other, one);
}

const NumberConflict* OpenConflict(const State& state, const CaseId& case_id) {
  const CaseDisputes* known = state.FindDisputes(case_id);
  if (known == nullptr || !known->conflict || HoldsNumber(state, case_id, known->conflict->right)) return nullptr;
  return &*known->conflict;
}

bool NeedsOfficer(const State& state, const CaseId& case_id) {
  const CaseDisputes* known = state.FindDisputes(case_id);
  if (known == nullptr) return false;
  const bool disputed = std::any_of(known->disputes.begin(), known->disputes.end(),
                                    [&](const Dispute& each) { return each.by != state.self() && !each.settled; });
  const NumberConflict* conflict = OpenConflict(state, case_id);
  return disputed || (conflict != nullptr && !known->HasDispute(conflict->event, state.self()));
}

KnownCitizen FindByNumber(const State& state, const CprNumber& cpr) {
  KnownCitizen known{{cpr}, {}};
  for (size_t i = 0; i < known.numbers.size(); ++i) {
    for (const CaseId& id : state.EnrolmentsOf(known.numbers[i])) {
      const Enrolment* enrolment = state.FindEnrolment(id);
      if (std::find(known.enrolments.begin(), known.enrolments.end(), enrolment) != known.enrolments.end()) continue;
      known.enrolments.push_back(enrolment);
      for (const CprNumber& number : enrolment->numbers) {
        if (std::find(known.numbers.begin(), known.numbers.end(), number) == known.numbers.end()) {
          known.numbers.push_back(number);
        }
      }
    }
  }
  return known;
}

}  // namespace medflyt::domain
