#include "common/wire/day_number.h"

#include <gtest/gtest.h>

namespace medflyt::wire {
namespace {

// Against Python's date.toordinal().
TEST(DayNumber, CountsFromTheYearOne) {
  EXPECT_EQ(DayNumber(Date(1970, 1, 1)), 719'163U);
  EXPECT_EQ(DayNumber(Date(2026, 11, 21)), 739'941U);
  EXPECT_EQ(DayNumber(Date(2000, 2, 29)), 730'179U);
  EXPECT_EQ(DayNumber(Date(1, 1, 1)), 1U);
  EXPECT_EQ(DateOfDayNumber(739'941), Date(2026, 11, 21));
}

TEST(DayNumber, OnlyTheYears1800To9999AreDates) {
  EXPECT_EQ(DateOfDayNumber(657'072), Date(1800, 1, 1));
  EXPECT_EQ(DateOfDayNumber(657'071), std::nullopt);
  EXPECT_EQ(DateOfDayNumber(3'652'059), Date(9999, 12, 31));
  EXPECT_EQ(DateOfDayNumber(3'652'060), std::nullopt);
  EXPECT_EQ(DateOfDayNumber(0), std::nullopt);
  EXPECT_EQ(DateOfDayNumber(~uint32_t{0}), std::nullopt);
}

}  // namespace
}  // namespace medflyt::wire
