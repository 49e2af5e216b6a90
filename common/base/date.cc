#include "common/base/date.h"

#include "common/base/absl_view.h"

namespace medflyt {
namespace {

constexpr Date kEpoch(1970, 1, 1);
constexpr int64_t kMaxEpochDays = 4'000'000;

std::optional<int> Digits(std::string_view text) {
  int value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// Hours that Denmark is ahead of UTC: 2 from 01:00 UTC on the last Sunday of March to 01:00 UTC on the last Sunday of
// October (Directive 2000/84/EC), else 1. In code because a node must not depend on an installed time zone database.
int DanishOffsetHours(absl::Time time) {
  const absl::CivilSecond utc = absl::ToCivilSecond(time, absl::UTCTimeZone());
  auto last_sunday = [&utc](int month) {
    const absl::CivilDay last = absl::CivilDay(absl::CivilMonth(utc.year(), month) + 1) - 1;
    return absl::PrevWeekday(last + 1, absl::Weekday::sunday);
  };
  const absl::CivilSecond begin = absl::CivilSecond(last_sunday(3)) + 3600;
  const absl::CivilSecond end = absl::CivilSecond(last_sunday(10)) + 3600;
  return utc >= begin && utc < end ? 2 : 1;
}

}  // namespace

std::optional<Date> MakeDate(int year, int month, int day) {
  if (year < 1800 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  const Date date(year, month, day);
  // absl normalises 31 February to March: such a day does not exist.
  if (date.month() != month || date.day() != day) return std::nullopt;
  return date;
}

std::optional<Date> ParseIsoDate(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = Digits(text.substr(0, 4));
  const auto month = Digits(text.substr(5, 2));
  const auto day = Digits(text.substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  return MakeDate(*year, *month, *day);
}

std::string FormatIsoDate(Date date) { return absl::FormatCivilTime(date); }

int64_t DaysSinceEpoch(Date date) { return date - kEpoch; }

std::optional<Date> DateOfEpochDays(int64_t days) {
  if (days < -kMaxEpochDays || days > kMaxEpochDays) return std::nullopt;
  return kEpoch + days;
}

std::string FormatUtc(absl::Time time) { return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E6SZ", time, absl::UTCTimeZone()); }

absl::Time UtcMidnight(Date date) { return absl::FromCivil(date, absl::UTCTimeZone()); }

Date DanishDate(absl::Time time) {
  return absl::ToCivilDay(time + absl::Hours(DanishOffsetHours(time)), absl::UTCTimeZone());
}

}  // namespace medflyt
