#include "client/cli/message_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "medflyt/v1/event.pb.h"
#include "nlohmann/json.hpp"

namespace medflyt::cli {
namespace {

using nlohmann::json;

json JsonOf(const google::protobuf::Message& message) {
  std::ostringstream out;
  Value(FieldsOf(message)).WriteJson(out);
  return json::parse(out.str(), nullptr, false);
}

TEST(MessageFieldsTest, ShowsAuthoritiesMunicipalitiesAndDatesAsEverywhereElse) {
  v1::Content content;
  content.set_issuer(35209115);
  content.set_recipient(105);
  content.set_case_id(std::string("\x01\xAB", 2));
  content.set_number(7);
  auto& announced = *content.mutable_relocation_announced();
  announced.set_provider(29189722);
  announced.set_from_municipality(461);
  announced.set_to_municipality(45);
  announced.set_effective_day(739'617);
  announced.set_legal_basis("RSL-11C");
  EXPECT_EQ(JsonOf(content), json::parse(R"({"issuer":"35209115","recipient":"00000105","case_id":"01ab","number":7,
      "relocation_announced":{"provider":"29189722","from_municipality":"0461","to_municipality":"0045",
      "effective_day":"2026-01-01","legal_basis":"RSL-11C"}})"));
}

TEST(MessageFieldsTest, NumbersThatAreNoDateOrAuthorityAreShownAsNone) {
  v1::RelocationAnnounced announced;
  announced.set_effective_day(3'652'060);
  announced.set_provider(100'000'000);
  announced.set_from_municipality(10'000);
  EXPECT_EQ(JsonOf(announced), json::parse(R"({"effective_day":null,"provider":null,"from_municipality":null})"));
  announced.set_effective_day(3'652'059);
  EXPECT_EQ(JsonOf(announced)["effective_day"], "9999-12-31");
  announced.set_effective_day(4'294'967'295);
  EXPECT_EQ(JsonOf(announced)["effective_day"], nullptr);
}

TEST(MessageFieldsTest, NumbersOfDaysAndMonthsStayNumbers) {
  v1::AgreementTerms terms;
  terms.set_capacity(3);
  terms.set_price_ore(-1);
  terms.set_price_unit(v1::PRICE_UNIT_PER_DAY);
  terms.set_notice_days(90);
  terms.set_settlement_months(1);
  EXPECT_EQ(JsonOf(terms), json::parse(R"({"capacity":3,"price_ore":-1,"price_unit":"per-day","notice_days":90,
      "settlement_months":1})"));
}

TEST(MessageFieldsTest, CprNumbersAreNeverShownWhole) {
  v1::EnrolmentProposed proposed;
  proposed.set_cpr("6101801000");
  EXPECT_EQ(JsonOf(proposed)["cpr"], "610180-****");
  proposed.set_cpr("610180100");
  EXPECT_EQ(JsonOf(proposed)["cpr"], nullptr) << "nor what is none";
  v1::ValueRectified rectified;
  rectified.set_cpr("6101801000");
  rectified.set_wrong_cpr("6201801000");
  EXPECT_EQ(JsonOf(rectified)["wrong_cpr"], "620180-****");
  v1::DisclosureAssessed assessed;
  assessed.mutable_ground()->set_necessity("610180-1000 goes on at 6101801000");
  assessed.mutable_ground()->set_journal_reference("2026-118");
  EXPECT_EQ(JsonOf(assessed)["ground"]["necessity"], "*********** goes on at **********");
  EXPECT_EQ(JsonOf(assessed)["ground"]["journal_reference"], "2026-118");
}

TEST(MessageFieldsTest, ListsKeepTheirOrderAndUnknownValuesAreEmpty) {
  v1::RelocationHeld held;
  held.add_reasons(v1::HOLD_REASON_OFFICER);
  held.add_reasons(v1::HOLD_REASON_SAFETY_PACKAGE);
  held.add_reasons(static_cast<v1::HoldReason>(99));
  EXPECT_EQ(JsonOf(held), json::parse(R"({"reasons":["officer","safety-package",""]})"));
  EXPECT_EQ(JsonOf(v1::RelocationHeld()), json::object());
}

}  // namespace
}  // namespace medflyt::cli
