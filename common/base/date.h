// Civil dates. Effective dates are Danish civil dates and carry no time zone; record times are absl::Time (UTC).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace medflyt {

using Date = absl::CivilDay;

// "2026-11-21"; nothing for any other form or a day that does not exist.
[[nodiscard]] std::optional<Date> ParseIsoDate(std::string_view text);
// A real calendar day of the years 1800 to 9999, or nothing.
[[nodiscard]] std::optional<Date> MakeDate(int year, int month, int day);
[[nodiscard]] std::string FormatIsoDate(Date date);

// Days since 1970-01-01, before which they are negative: the form of dates in rows.
[[nodiscard]] int64_t DaysSinceEpoch(Date date);
// Nothing for more than 4,000,000 days before or after; the years 1 to 9999 lie well within.
[[nodiscard]] std::optional<Date> DateOfEpochDays(int64_t days);

// RFC 3339 in UTC with microseconds: "2026-11-21T08:15:00.000000Z".
[[nodiscard]] std::string FormatUtc(absl::Time time);
// Midnight in UTC at the beginning of that day.
[[nodiscard]] absl::Time UtcMidnight(Date date);
// The civil date in Denmark at that moment.
[[nodiscard]] Date DanishDate(absl::Time time);

}  // namespace medflyt
