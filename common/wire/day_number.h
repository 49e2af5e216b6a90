// Civil dates on the wire inside event content: day 1 is 0001-01-01 of the proleptic Gregorian calendar ("Rata Die"),
// so that zero, protobuf's default, is never a date and stands for none.
#pragma once

#include <cstdint>
#include <optional>

#include "common/base/date.h"

namespace medflyt::wire {

[[nodiscard]] uint32_t DayNumber(Date date);
// A day of the years 1800 to 9999 (as MakeDate), or nothing.
[[nodiscard]] std::optional<Date> DateOfDayNumber(uint32_t day);

}  // namespace medflyt::wire
