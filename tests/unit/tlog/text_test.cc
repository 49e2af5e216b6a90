#include "common/tlog/text.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "common/base/bytes.h"

namespace medflyt::tlog {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(Text, AcceptsUtf8OfEveryLength) {
  EXPECT_TRUE(IsCleanText("", false));
  EXPECT_TRUE(IsCleanText("Plads 7, \xc3\x86r\xc3\xb8 \xe2\x82\xac \xf0\x9f\x8c\x8d", false));
  EXPECT_TRUE(IsCleanText("\x7f\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", false));
}

TEST(Text, RefusesWhatIsNoUtf8) {
  const std::string bad[] = {"\x80",
                             "\xbf",
                             "\xc3",
                             "\xc3(",
                             "\xe2\x82",
                             "\xe2\x28\xa1",
                             "\xf0\x9f\x8c",
                             "\xfe",
                             "\xff",
                             "\xc0\xaf",          // overlong '/'
                             "\xc1\xbf",          // overlong DEL
                             "\xe0\x80\xaf",      // overlong
                             "\xe0\x9f\xbf",      // overlong U+07FF
                             "\xf0\x8f\xbf\xbf",  // overlong U+FFFF
                             "\xed\xa0\x80",      // surrogate
                             "\xed\xbf\xbf",      // surrogate
                             "\xf4\x90\x80\x80",  // beyond U+10FFFF
                             "\xf8\x88\x80\x80\x80",
                             "abc\xc3"};
  for (const auto& text : bad) EXPECT_FALSE(IsCleanText(text, true)) << HexEncode(text);
}

TEST(Text, RefusesControlCharacters) {
  for (char c = 0; c < 0x20; ++c) {
    EXPECT_FALSE(IsCleanText(std::string("a") + c + "b", false)) << int{c};
    EXPECT_EQ(IsCleanText(std::string("a") + c + "b", true), c == '\n') << int{c};
  }
}

TEST(Text, KeyNames) {
  EXPECT_TRUE(IsKeyName("odense.example/log"));
  EXPECT_TRUE(IsKeyName("\xc3\xa6r\xc3\xb8"));
  for (const char* bad : {"", "a b", "a+b", "+", "a\tb", "a\n", "a\xc2\x85",
                          "a\xc2\xa0"
                          "b",
                          "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9",
                          "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80", "\xff"}) {
    EXPECT_FALSE(IsKeyName(bad)) << HexEncode(bad);
  }
  EXPECT_TRUE(IsKeyName("\xe2\x80\x8b"));  // zero width space is no white space
}

TEST(Text, DecimalHasOneForm) {
  EXPECT_EQ(ParseDecimal("0", kMax), 0u);
  EXPECT_EQ(ParseDecimal("18446744073709551615", kMax), kMax);
  EXPECT_EQ(ParseDecimal("255", 255), 255u);
  for (const char* bad : {"", "00", "01", "+1", "-1", " 1", "1 ", "0x1", "1e3", "18446744073709551616",
                          "99999999999999999999999", "1\n", "\xd9\xa1"}) {
    EXPECT_FALSE(ParseDecimal(bad, kMax).has_value()) << bad;
  }
  EXPECT_FALSE(ParseDecimal("256", 255).has_value());
}

TEST(Text, HashIsCanonicalBase64Of32Bytes) {
  const std::string good = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
  ASSERT_TRUE(ParseBase64Hash(good).has_value());
  EXPECT_EQ(*ParseBase64Hash(good), crypto::Sha256(std::string_view()));
  EXPECT_FALSE(ParseBase64Hash("").has_value());
  EXPECT_FALSE(ParseBase64Hash(good.substr(0, 43)).has_value());
  EXPECT_FALSE(ParseBase64Hash(" " + good).has_value());
  EXPECT_FALSE(ParseBase64Hash(good + "\n").has_value());
  EXPECT_FALSE(ParseBase64Hash("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=").has_value());  // unused bits set
  EXPECT_FALSE(ParseBase64Hash("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=").has_value());  // URL alphabet
  EXPECT_FALSE(ParseBase64Hash("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hS").has_value());
}

TEST(Text, TakesLinesOneByOne) {
  std::string_view text = "a\n\nb";
  EXPECT_EQ(TakeLine(text), "a");
  EXPECT_EQ(TakeLine(text), "");
  EXPECT_FALSE(TakeLine(text).has_value());
  EXPECT_EQ(text, "b");
}

}  // namespace
}  // namespace medflyt::tlog
