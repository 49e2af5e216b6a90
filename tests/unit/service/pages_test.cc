#include "server/service/pages.h"

#include <gtest/gtest.h>

#include "common/base/status.h"

namespace medflyt::service {
namespace {

std::string RuleOf(const absl::Status& status) {
  const auto broken = BrokenRuleOf(status);
  return broken ? broken->rule : "none";
}

TEST(Pages, SizesHaveADefaultAndAnEnd) {
  EXPECT_EQ(PageSize(0), 100u);
  EXPECT_EQ(PageSize(1), 1u);
  EXPECT_EQ(PageSize(1000), 1000u);
  EXPECT_EQ(PageSize(4'000'000'000u), 1000u);
}

TEST(Pages, TokensAreReadBackAndForeignOnesRefused) {
  const CaseId id = *CaseId::FromHex("000102030405060708090a0b0c0d0e0f");
  EXPECT_EQ(**ParseCaseToken(CaseToken(id)), id);
  EXPECT_FALSE(ParseCaseToken("")->has_value());
  const auto place = ParsePlaceToken(FormatPlaceToken({id, 17}));
  ASSERT_TRUE(place.ok() && place->has_value());
  EXPECT_EQ((*place)->agreement, id);
  EXPECT_EQ((*place)->number, 17u);
  for (const char* token : {"x", "00", "000102030405060708090a0b0c0d0e0f00", "zz0102030405060708090a0b0c0d0e0f"}) {
    EXPECT_EQ(RuleOf(ParseCaseToken(token).status()), "PAGE_TOKEN_INVALID") << token;
    EXPECT_EQ(RuleOf(ParsePlaceToken(token).status()), "PAGE_TOKEN_INVALID") << token;
  }
}

TEST(Pages, FieldsNameTheirFault) {
  EXPECT_EQ(RuleOf(ParseCaseId("", "f").status()), "FIELD_REQUIRED");
  EXPECT_EQ(RuleOf(ParseCaseId("12", "f").status()), "FIELD_MALFORMED");
  EXPECT_EQ(RuleOf(ParseCaseId(std::string(32, '0'), "f").status()), "FIELD_MALFORMED");
  EXPECT_EQ(BrokenRuleOf(ParseEventId("12", "event_id").status())->field, "event_id");
  EXPECT_FALSE(ParseOptionalCaseId("", "f")->has_value());
  EXPECT_FALSE(ParseOptionalDate("", "on")->has_value());
  EXPECT_EQ(**ParseOptionalDate("2026-11-21", "on"), Date(2026, 11, 21));
  EXPECT_EQ(RuleOf(ParseOptionalDate("2026-02-30", "on").status()), "FIELD_MALFORMED");
  EXPECT_EQ(RuleOf(ParseOptionalDate("21-11-2026", "on").status()), "FIELD_MALFORMED");
}

}  // namespace
}  // namespace medflyt::service
