#include "common/wire/day_number.h"

namespace medflyt::wire {
namespace {

constexpr Date kDayZero(0, 12, 31);
constexpr Date kFirst(1800, 1, 1);
constexpr Date kLast(9999, 12, 31);

}  // namespace

uint32_t DayNumber(Date date) { return static_cast<uint32_t>(date - kDayZero); }

std::optional<Date> DateOfDayNumber(uint32_t day) {
  const Date date = kDayZero + static_cast<int64_t>(day);
  if (date < kFirst || date > kLast) return std::nullopt;
  return date;
}

}  // namespace medflyt::wire
