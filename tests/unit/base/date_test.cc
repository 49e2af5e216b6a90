#include "common/base/date.h"

#include <gtest/gtest.h>

#include <string>

namespace medflyt {
namespace {

using std::string_literals::operator""s;

absl::Time Utc(int year, int month, int day, int hour, int minute, int second) {
  return absl::FromCivil(absl::CivilSecond(year, month, day, hour, minute, second), absl::UTCTimeZone());
}

TEST(MakeDate, TakesOnlyDaysThatExist) {
  EXPECT_EQ(MakeDate(2026, 11, 21), Date(2026, 11, 21));
  EXPECT_EQ(MakeDate(2024, 2, 29), Date(2024, 2, 29));
  EXPECT_EQ(MakeDate(2000, 2, 29), Date(2000, 2, 29));
  EXPECT_EQ(MakeDate(2026, 2, 31), std::nullopt);
  EXPECT_EQ(MakeDate(2026, 2, 29), std::nullopt);
  EXPECT_EQ(MakeDate(1900, 2, 29), std::nullopt);
  EXPECT_EQ(MakeDate(2026, 4, 31), std::nullopt);
  EXPECT_EQ(MakeDate(2026, 0, 1), std::nullopt);
  EXPECT_EQ(MakeDate(2026, 13, 1), std::nullopt);
  EXPECT_EQ(MakeDate(2026, 1, 0), std::nullopt);
  EXPECT_EQ(MakeDate(2026, 1, 32), std::nullopt);
  EXPECT_EQ(MakeDate(2026, -1, 1), std::nullopt);
  EXPECT_EQ(MakeDate(2026, 1, -1), std::nullopt);
}

TEST(MakeDate, TheYearsAre1800To9999) {
  EXPECT_EQ(MakeDate(1799, 12, 31), std::nullopt);
  EXPECT_EQ(MakeDate(1800, 1, 1), Date(1800, 1, 1));
  EXPECT_EQ(MakeDate(9999, 12, 31), Date(9999, 12, 31));
  EXPECT_EQ(MakeDate(10000, 1, 1), std::nullopt);
  EXPECT_EQ(MakeDate(-1, 1, 1), std::nullopt);
}

TEST(ParseIsoDate, TakesOneFormOnly) {
  EXPECT_EQ(ParseIsoDate("2026-11-21"), Date(2026, 11, 21));
  EXPECT_EQ(ParseIsoDate("1800-01-01"), Date(1800, 1, 1));
  for (const std::string& text :
       {""s,           "2026-11-2"s,   "2026-11-021"s, "26-11-21"s,     "2026/11/21"s,           "20261121"s,
        "2026-1-21 "s, " 2026-11-21"s, "2026-11-21 "s, "2026-11-21\n"s, "2026-11-21T00:00:00Z"s, "+026-11-21"s,
        "-026-11-21"s, "2026-+1-21"s,  "2026-11- 1"s,  "2026-11--1"s,   "2O26-11-21"s,           "21-11-2026"s,
        "2026-02-31"s, "2025-02-29"s,  "2026-00-10"s,  "2026-13-10"s,   "2026-10-00"s,           "0000-00-00"s,
        "1799-12-31"s, "2026-11-2\0"s, "2026-11\0-21"s}) {
    EXPECT_EQ(ParseIsoDate(text), std::nullopt) << text;
  }
}

TEST(FormatIsoDate, IsWhatParseReads) {
  EXPECT_EQ(FormatIsoDate(Date(2026, 11, 1)), "2026-11-01");
  EXPECT_EQ(FormatIsoDate(Date(1800, 1, 1)), "1800-01-01");
}

TEST(FormatUtc, IsRfc3339InMicroseconds) {
  EXPECT_EQ(FormatUtc(Utc(2026, 11, 21, 8, 15, 0)), "2026-11-21T08:15:00.000000Z");
  EXPECT_EQ(FormatUtc(Utc(2026, 1, 2, 3, 4, 5) + absl::Microseconds(6)), "2026-01-02T03:04:05.000006Z");
  EXPECT_EQ(FormatUtc(Utc(2026, 1, 2, 3, 4, 5) + absl::Nanoseconds(999'999'999)), "2026-01-02T03:04:05.999999Z");
}

// A Danish day begins at 23:00 UTC in winter and at 22:00 UTC in summer.
void ExpectDayBegins(absl::Time begin, Date day) {
  EXPECT_EQ(DanishDate(begin - absl::Nanoseconds(1)), day - 1);
  EXPECT_EQ(DanishDate(begin - absl::Seconds(1)), day - 1);
  EXPECT_EQ(DanishDate(begin), day);
  EXPECT_EQ(DanishDate(begin + absl::Seconds(1)), day);
}

TEST(DanishDate, SummerTimeBeginsOnTheLastSundayOfMarch) {
  ExpectDayBegins(Utc(2026, 3, 27, 23, 0, 0), Date(2026, 3, 28));
  ExpectDayBegins(Utc(2026, 3, 28, 23, 0, 0), Date(2026, 3, 29));  // a day of 23 hours
  ExpectDayBegins(Utc(2026, 3, 29, 22, 0, 0), Date(2026, 3, 30));
  // The 31st is itself a Sunday.
  ExpectDayBegins(Utc(2024, 3, 30, 23, 0, 0), Date(2024, 3, 31));
  ExpectDayBegins(Utc(2024, 3, 31, 22, 0, 0), Date(2024, 4, 1));
  // The 31st is a Saturday, so that the Sunday is the 25th.
  ExpectDayBegins(Utc(2029, 3, 24, 23, 0, 0), Date(2029, 3, 25));
  ExpectDayBegins(Utc(2029, 3, 25, 22, 0, 0), Date(2029, 3, 26));
}

TEST(DaysSinceEpoch, CountsFrom1970BothWays) {
  EXPECT_EQ(DaysSinceEpoch(Date(1970, 1, 1)), 0);
  EXPECT_EQ(DaysSinceEpoch(Date(1969, 12, 31)), -1);
  EXPECT_EQ(DaysSinceEpoch(Date(2026, 11, 21)), 20'778);
  for (const Date date : {Date(1, 1, 1), Date(1969, 12, 31), Date(1970, 1, 1), Date(9999, 12, 31)}) {
    EXPECT_EQ(DateOfEpochDays(DaysSinceEpoch(date)), date);
  }
}

TEST(DaysSinceEpoch, FourMillionIsTheMostEitherWay) {
  EXPECT_TRUE(DateOfEpochDays(4'000'000).has_value());
  EXPECT_TRUE(DateOfEpochDays(-4'000'000).has_value());
  EXPECT_EQ(DateOfEpochDays(4'000'001), std::nullopt);
  EXPECT_EQ(DateOfEpochDays(-4'000'001), std::nullopt);
  EXPECT_EQ(DateOfEpochDays(INT64_MIN), std::nullopt);
}

TEST(DanishDate, SummerTimeEndsOnTheLastSundayOfOctober) {
  ExpectDayBegins(Utc(2026, 10, 23, 22, 0, 0), Date(2026, 10, 24));
  ExpectDayBegins(Utc(2026, 10, 24, 22, 0, 0), Date(2026, 10, 25));  // a day of 25 hours
  ExpectDayBegins(Utc(2026, 10, 25, 23, 0, 0), Date(2026, 10, 26));
  ExpectDayBegins(Utc(2027, 10, 30, 22, 0, 0), Date(2027, 10, 31));
  ExpectDayBegins(Utc(2027, 10, 31, 23, 0, 0), Date(2027, 11, 1));
}

TEST(DanishDate, TurnsOfTheYearAndLeapDays) {
  ExpectDayBegins(Utc(2026, 12, 31, 23, 0, 0), Date(2027, 1, 1));
  ExpectDayBegins(Utc(2028, 2, 28, 23, 0, 0), Date(2028, 2, 29));
  ExpectDayBegins(Utc(2026, 6, 30, 22, 0, 0), Date(2026, 7, 1));
}

TEST(DanishDate, AgreesWithTheTimeZoneDatabase) {
  absl::TimeZone copenhagen;
  if (!absl::LoadTimeZone("Europe/Copenhagen", &copenhagen)) GTEST_SKIP() << "no time zone database is installed";
  // The common rules for the end of summer time hold since 1996.
  for (Date day(1996, 1, 1); day < Date(2060, 1, 1); ++day) {
    for (const int hour : {0, 1, 2, 12, 21, 22, 23}) {
      const absl::Time time = absl::FromCivil(absl::CivilHour(day) + hour, absl::UTCTimeZone());
      for (const absl::Time near : {time - absl::Seconds(1), time}) {
        ASSERT_EQ(DanishDate(near), absl::ToCivilDay(near, copenhagen)) << FormatUtc(near);
      }
    }
  }
}

}  // namespace
}  // namespace medflyt
