#include "common/base/id.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

#include "absl/hash/hash.h"
#include "common/base/random.h"

namespace medflyt {
namespace {

using Small = FixedBytes<4, struct SmallTag>;
using Other = FixedBytes<4, struct OtherTag>;

static_assert(!std::is_convertible_v<Small, Other> && !std::is_constructible_v<Small, Other>);
static_assert(!std::is_convertible_v<EventId, CaseId>);

TEST(FixedBytes, IsMadeOfExactlyItsSize) {
  ASSERT_TRUE(Small::FromBytes("abcd").has_value());
  EXPECT_EQ(Small::FromBytes("abcd")->bytes(), "abcd");
  EXPECT_EQ(Small::FromBytes("abc"), std::nullopt);
  EXPECT_EQ(Small::FromBytes("abcde"), std::nullopt);
  EXPECT_EQ(Small::FromBytes(""), std::nullopt);
}

TEST(FixedBytes, ReadsAndWritesHexadecimal) {
  EXPECT_EQ(Small::FromHex("00fF10Ab")->ToHex(), "00ff10ab");
  for (const char* text : {"", "00ff10", "00ff10ab00", "00ff10a", "00ff10ag", " 0ff10ab", "0x00ff10ab"}) {
    EXPECT_EQ(Small::FromHex(text), std::nullopt) << text;
  }
}

TEST(FixedBytes, OrdersAsUnsignedBytes) {
  EXPECT_LT(*Small::FromHex("00000001"), *Small::FromHex("00000100"));
  EXPECT_LT(*Small::FromHex("7fffffff"), *Small::FromHex("80000000"));
  EXPECT_LT(*Small::FromHex("fe000000"), *Small::FromHex("ff000000"));
  EXPECT_EQ(*Small::FromHex("ff000000"), *Small::FromHex("ff000000"));
  EXPECT_NE(*Small::FromHex("ff000000"), *Small::FromHex("ff000001"));
}

TEST(FixedBytes, TheDefaultIsNone) {
  EXPECT_TRUE(Small().is_zero());
  for (const char* text : {"01000000", "00000080"}) EXPECT_FALSE(Small::FromHex(text)->is_zero()) << text;
}

TEST(FixedBytes, HashesByContent) {
  EXPECT_EQ(absl::Hash<Small>{}(*Small::FromHex("01020304")), absl::Hash<Small>{}(*Small::FromHex("01020304")));
  EXPECT_NE(absl::Hash<Small>{}(*Small::FromHex("01020304")), absl::Hash<Small>{}(*Small::FromHex("01020305")));
}

class Counting final : public RandomSource {
 public:
  void Fill(uint8_t* out, size_t size) override {
    for (size_t i = 0; i < size; ++i) out[i] = ++last_;
  }

 private:
  uint8_t last_ = 0;
};

TEST(RandomSource, NewIdFillsEveryByte) {
  Counting random;
  EXPECT_EQ(random.NewId<EventId>().ToHex(), "0102030405060708090a0b0c0d0e0f10");
  EXPECT_EQ(random.NewId<Small>().ToHex(), "11121314");
}

}  // namespace
}  // namespace medflyt
