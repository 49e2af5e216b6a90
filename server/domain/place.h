// Which place of an agreement can be assigned, from the agreement's capacity and the calendar of its places.
//
// A place is assigned without an end, so it must stay free and exist on every day from the first to the end of the
// agreement's unbroken run of days in force. That is stronger than "occupied < capacity on every date": it also keeps a
// citizen in one place for the whole stay.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "common/base/date.h"
#include "common/base/id.h"
#include "server/domain/agreement.h"
#include "server/domain/state.h"

namespace medflyt::domain {

struct Placement {
  uint32_t number = 0;
  Date from;
  friend bool operator==(const Placement&, const Placement&) = default;
};

// A place that `case_id` can have from that day on, its own reservation notwithstanding: `preferred` if it is free,
// else the lowest. Nothing where none is, or the agreement is not in force that day. While our own proposal of a lower
// capacity is unanswered, the lower one counts: the buyer may accept it any moment.
[[nodiscard]] std::optional<uint32_t> FreeNumber(const State& state, const Agreement& agreement, const CaseId& case_id,
                                                 Date from, std::optional<uint32_t> preferred = std::nullopt);

// Whether the place exists and nobody has it on any day from `from` to the day before `until`, on all of which the
// agreement is in force. What the capacity is afterwards is no matter: the days are added to a stay that is there.
[[nodiscard]] bool IsFreeBetween(const State& state, const Agreement& agreement, uint32_t number, Date from,
                                 Date until);

// The first day, not before `wanted` and before `until`, from which FreeNumber finds a place, and that place.
[[nodiscard]] std::optional<Placement> EarliestPlacement(const State& state, const Agreement& agreement,
                                                         const CaseId& case_id, Date wanted, std::optional<Date> until);

// FAILED_PRECONDITION (OVER_CAPACITY) where the version, once in force, would leave fewer places than are taken on some
// day.
[[nodiscard]] absl::Status CheckTakenPlaces(const State& state, const Agreement& agreement,
                                            const AgreementVersion& version);

}  // namespace medflyt::domain
