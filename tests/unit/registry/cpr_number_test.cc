#include "common/registry/cpr_number.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <type_traits>

#include "common/base/status.h"

namespace medflyt::registry {
namespace {

template <typename T>
concept Streamable = requires(std::ostream& out, const T& value) { out << value; };
static_assert(!Streamable<CprNumber>);
static_assert(!std::is_default_constructible_v<CprNumber>);
static_assert(!std::is_convertible_v<CprNumber, std::string> && !std::is_convertible_v<CprNumber, std::string_view>);

Date BirthOf(std::string_view digits) {
  const auto number = CprNumber::Parse(digits);
  EXPECT_TRUE(number.ok()) << number.status();
  return number.ok() ? number->BirthDate() : Date();
}

std::string RuleOf(std::string_view digits) {
  const auto number = CprNumber::Parse(digits, "person");
  if (number.ok()) return "accepted";
  EXPECT_EQ(BrokenRuleOf(number.status())->field, "person");
  if (digits.size() > 1) {
    EXPECT_EQ(number.status().ToString().find(std::string(digits)), std::string::npos) << "the number leaks";
  }
  return BrokenRuleOf(number.status())->rule;
}

TEST(CprNumberTest, SeventhDigitTellsTheCentury) {
  EXPECT_EQ(BirthOf("0101100001"), Date(1910, 1, 1));
  EXPECT_EQ(BirthOf("0101993001"), Date(1999, 1, 1));
  EXPECT_EQ(BirthOf("0101364001"), Date(2036, 1, 1));
  EXPECT_EQ(BirthOf("0101374001"), Date(1937, 1, 1));
  EXPECT_EQ(BirthOf("0101575001"), Date(2057, 1, 1));
  EXPECT_EQ(BirthOf("0101585001"), Date(1858, 1, 1));
  EXPECT_EQ(BirthOf("0101998001"), Date(1899, 1, 1));
  EXPECT_EQ(BirthOf("0101369001"), Date(2036, 1, 1));
  EXPECT_EQ(BirthOf("0101379001"), Date(1937, 1, 1));
}

TEST(CprNumberTest, LeapDayExistsOnlyInItsCentury) {
  EXPECT_EQ(RuleOf("2902000001"), "CPR_NUMBER_DATE") << "1900 was no leap year";
  EXPECT_EQ(BirthOf("2902004001"), Date(2000, 2, 29));
}

TEST(CprNumberTest, ReplacementNumbersAddSixtyToTheDay) {
  EXPECT_EQ(BirthOf("6112901000"), Date(1990, 12, 1));
  EXPECT_TRUE(CprNumber::Parse("9112901000")->IsReplacement());
  EXPECT_EQ(BirthOf("9112901000"), Date(1990, 12, 31));
  EXPECT_FALSE(CprNumber::Parse("3112901000")->IsReplacement());
  EXPECT_EQ(RuleOf("9111901000"), "CPR_NUMBER_DATE") << "31 November";
  EXPECT_EQ(RuleOf("6012901000"), "CPR_NUMBER_DATE") << "day 0";
  EXPECT_EQ(RuleOf("9212901000"), "CPR_NUMBER_DATE") << "day 32";
}

TEST(CprNumberTest, Modulus11InformsAndNeverRejects) {
  EXPECT_TRUE(CprNumber::Parse("0701614038")->SatisfiesModulus11());
  const auto other = CprNumber::Parse("0701614039");
  ASSERT_TRUE(other.ok());
  EXPECT_FALSE(other->SatisfiesModulus11());
}

TEST(CprNumberTest, RefusesWhatIsNotANumber) {
  for (const char* text : {"", "010190100", "01019010000", "010190-100", "0101901 00", "01019010a0",
                           "\xb2"
                           "101901000"}) {
    EXPECT_EQ(RuleOf(text), "CPR_NUMBER_MALFORMED") << text;
  }
  for (const char* text : {"0001901000", "3201901000", "0100901000", "0113901000", "3102901000", "0000000000",
                           "9999999999", "4501901000"}) {
    EXPECT_EQ(RuleOf(text), "CPR_NUMBER_DATE") << text;
  }
}

TEST(CprNumberTest, AcceptsWhatAPersonWrites) {
  const auto plain = CprNumber::Parse("6101901000");
  for (const char* text : {"6101901000", "610190-1000", " 610190-1000\n", "6101901000\r\n"}) {
    const auto number = CprNumber::ParseWritten(text);
    ASSERT_TRUE(number.ok()) << text;
    EXPECT_EQ(*number, *plain);
  }
  for (const char* text : {"610190--1000", "6101-901000", "610190-100", "610190-10000", "610190 1000", "-", ""}) {
    EXPECT_FALSE(CprNumber::ParseWritten(text).ok()) << text;
  }
}

TEST(CprNumberTest, ShowsTheBirthdayOnly) {
  const auto number = CprNumber::Parse("6101901000");
  EXPECT_EQ(number->Masked(), "610190-****");
  EXPECT_EQ(number->ExposeDigits(), "6101901000");
}

TEST(CprNumberTest, ComparesByDigits) {
  const auto a = CprNumber::Parse("6101901000");
  const auto b = CprNumber::Parse("6101901001");
  EXPECT_TRUE(*a < *b);
  EXPECT_TRUE(*a != *b);
  CprNumber copy = *b;
  copy = *a;
  EXPECT_TRUE(copy == *a);
}

}  // namespace
}  // namespace medflyt::registry
