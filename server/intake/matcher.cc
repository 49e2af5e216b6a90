#include "server/intake/matcher.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/registry/summary.h"

namespace medflyt::intake {
namespace {

using event::ObservationKind;
using registry::CorrectionMark;
using registry::HistoricAddress;
using registry::PersonRecord;
using registry::PersonStatus;

// The registry annulled (A09) or corrected (A10) something of the person's.
bool HasCorrectionEvent(const PersonRecord& person) {
  return std::any_of(person.events.begin(), person.events.end(), [](const registry::RegistryEvent& event) {
    return event.code_view() == "A09" || event.code_view() == "A10";
  });
}

std::vector<event::HoldReason> ReasonsToHold(const PersonRecord& person, Date production_date) {
  const registry::HoldReasons holds = registry::HoldReasonsOf(person, production_date);
  std::vector<event::HoldReason> reasons;
  if (holds.name_and_address_protection) reasons.push_back(event::HoldReason::kNameAndAddressProtection);
  if (holds.special_road_code) reasons.push_back(event::HoldReason::kSpecialRoadCode);
  return reasons;
}

// Whether the registry no longer knows of a move away that was observed before, of one who lives here.
bool IsTakenBack(const PersonRecord& person, const KnownRelocation& known) {
  const registry::StatedDate& since = person.address->into_municipality;
  if (since.date && known.effective_date && *since.date < *known.effective_date) return true;
  if (known.kind != ObservationKind::kMoved) return HasCorrectionEvent(person);
  bool trace = false;
  for (const HistoricAddress& historic : person.historic_addresses) {
    if (historic.municipality != known.to) continue;
    if (known.effective_date && historic.moved_in.date && historic.moved_in.date != known.effective_date) continue;
    if (historic.mark == CorrectionMark::kAnnulled) return true;
    trace = true;
  }
  return !trace && HasCorrectionEvent(person);
}

}  // namespace

ExtractMatcher::ExtractMatcher(const Watched& watched, MunicipalityCode own, RandomSource& fresh_ids)
    : watched_(watched), own_(own), fresh_ids_(fresh_ids), reader_(*this) {}

ExtractMatcher::~ExtractMatcher() = default;

absl::Status ExtractMatcher::Feed(std::string_view chunk) { return reader_.Feed(chunk); }

absl::StatusOr<event::ImportExtract> ExtractMatcher::Finish(const crypto::Hash& digest) {
  MEDFLYT_RETURN_IF_ERROR(reader_.Finish());
  import_.digest = digest;
  import_.records = reader_.counts().records;
  import_.persons = reader_.counts().persons;
  return std::move(import_);
}

absl::Status ExtractMatcher::OnStart(const registry::ExtractHeader& header) {
  import_.production_date = header.production_date;
  import_.previous_production_date = header.previous_production_date;
  return absl::OkStatus();
}

absl::Status ExtractMatcher::OnPerson(const PersonRecord& person) {
  for (const WatchedCase* watched : watched_.Find(person.cpr)) Match(person, *watched);
  for (const registry::NumberChange& change : person.number_changes) {
    for (const WatchedCase* watched : watched_.Find(change.former)) {
      if (watched->cpr != change.former) continue;  // the new number is known here: found above
      if (watched->active) Observe(*watched, ObservationKind::kRenumbered, {{}, change.from.date, false});
      Match(person, *watched);
    }
  }
  return absl::OkStatus();
}

void ExtractMatcher::Match(const PersonRecord& person, const WatchedCase& watched) {
  ProtectWhatStands(person, watched);
  switch (person.status) {
    case PersonStatus::kResident:
    case PersonStatus::kResidentSpecialRoad:
    case PersonStatus::kGreenland:
    case PersonStatus::kGreenlandSpecialRoad:
      return MatchResident(person, watched);
    case PersonStatus::kRenumbered:
      // An old number, of which the citizen's new one is known here, says nothing new.
      if (watched.active && watched.cpr == person.cpr) Observe(watched, ObservationKind::kRenumbered, {});
      return;
    case PersonStatus::kDisappeared:
      if (!watched.active) return;
      return Observe(watched, ObservationKind::kDisappeared,
                     {{},
                      person.disappeared ? person.disappeared->date : std::nullopt,
                      person.disappeared && person.disappeared->uncertain});
    case PersonStatus::kEmigrated:
      if (!watched.active) return;
      return Observe(watched, ObservationKind::kEmigrated,
                     {{},
                      person.abroad ? person.abroad->left.date : std::nullopt,
                      person.abroad && person.abroad->left.uncertain});
    case PersonStatus::kDead:
      if (watched.active) Observe(watched, ObservationKind::kDead, {});
      return;
    case PersonStatus::kNeverResident:
    case PersonStatus::kAnnulledNumber:
    case PersonStatus::kDeletedNumber:
      return;
  }
}

void ExtractMatcher::ProtectWhatStands(const PersonRecord& person, const WatchedCase& watched) {
  if (!watched.active) return;
  const std::vector<event::HoldReason> holds = ReasonsToHold(person, import_.production_date);
  for (const KnownRelocation& known : watched.relocations) {
    if (known.kind != ObservationKind::kMoved || known.announced) continue;
    if (std::includes(known.hold_reasons.begin(), known.hold_reasons.end(), holds.begin(), holds.end())) continue;
    Add(watched, known.kind, {known.to, known.effective_date, known.uncertain}, holds, known.id);
  }
}

void ExtractMatcher::MatchResident(const PersonRecord& person, const WatchedCase& watched) {
  if (!person.address || person.address->municipality.is_zero()) return;
  if (person.address->municipality == own_) {
    for (const KnownRelocation& known : watched.relocations) {
      if (known.kind == ObservationKind::kReversed || known.kind == ObservationKind::kRenumbered) continue;
      if (IsTakenBack(person, known)) Reverse(watched, known, std::nullopt);
    }
    return;
  }
  const std::optional<Destination> destination = DestinationOf(person, watched);
  if (!destination) return;
  bool announced = false;
  for (const KnownRelocation& known : watched.relocations) {
    if (known.kind != ObservationKind::kMoved) continue;
    const bool same_date = known.effective_date == destination->date || (known.uncertain && !destination->date);
    if (known.to == destination->to && same_date) return;
    announced = announced || known.announced;
    Reverse(watched, known, destination->date);
  }
  if (!watched.active || announced) return;
  Observe(watched, ObservationKind::kMoved, *destination, ReasonsToHold(person, import_.production_date));
}

std::optional<ExtractMatcher::Destination> ExtractMatcher::DestinationOf(const PersonRecord& person,
                                                                         const WatchedCase& watched) const {
  const registry::CurrentAddress& address = *person.address;
  const Destination present{address.municipality, address.into_municipality.date,
                            address.into_municipality.uncertain || !address.into_municipality.date};
  if (address.left_municipality == own_) return present;

  // The citizen moved on since: where to, first, after the last stay here?
  const HistoricAddress* last_here = nullptr;
  for (const HistoricAddress& historic : person.historic_addresses) {
    if (historic.mark != CorrectionMark::kNone || historic.municipality != own_ || !historic.moved_out.date) continue;
    if (last_here == nullptr || *historic.moved_out.date > *last_here->moved_out.date) last_here = &historic;
  }
  const HistoricAddress* next = nullptr;
  if (last_here != nullptr) {
    for (const HistoricAddress& historic : person.historic_addresses) {
      if (historic.mark != CorrectionMark::kNone || historic.municipality == own_ || !historic.moved_in.date) continue;
      if (*historic.moved_in.date < *last_here->moved_out.date) continue;
      if (next == nullptr || *historic.moved_in.date < *next->moved_in.date) next = &historic;
    }
  }
  if (next != nullptr) return Destination{next->municipality, next->moved_in.date, next->moved_in.uncertain};
  // No trace of the move away from here. The present municipality is the one left next: that move is known.
  for (const KnownRelocation& known : watched.relocations) {
    if (known.kind == ObservationKind::kMoved && known.to == address.left_municipality) return std::nullopt;
  }
  return Destination{present.to, present.date, true};
}

void ExtractMatcher::Reverse(const WatchedCase& watched, const KnownRelocation& known,
                             const std::optional<Date>& right_date) {
  Observe(watched, ObservationKind::kReversed, {{}, right_date, false}, {}, known.id);
}

void ExtractMatcher::Observe(const WatchedCase& watched, ObservationKind kind, const Destination& destination,
                             std::vector<event::HoldReason> holds, const std::optional<CaseId>& concerns) {
  const auto same = [&](const auto& known) {
    return known.kind == kind && known.to == destination.to && known.concerns == concerns &&
           (kind != ObservationKind::kMoved || known.effective_date == destination.date);
  };
  if (std::any_of(watched.relocations.begin(), watched.relocations.end(), same)) return;
  for (const event::Observation& earlier : import_.observations) {
    if (earlier.enrolment == watched.enrolment && same(earlier)) return;
  }
  Add(watched, kind, destination, std::move(holds), concerns);
}

void ExtractMatcher::Add(const WatchedCase& watched, ObservationKind kind, const Destination& destination,
                         std::vector<event::HoldReason> holds, const std::optional<CaseId>& concerns) {
  import_.observations.push_back({fresh_ids_.NewId<CaseId>(), watched.enrolment, kind, destination.to, destination.date,
                                  destination.uncertain, std::move(holds), concerns});
}

}  // namespace medflyt::intake
