#include "common/base/status.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/cord.h"

namespace medflyt {
namespace {

absl::Status Overlap() {
  return RuleError(absl::StatusCode::kFailedPrecondition, "PLACE_OVERLAPS", "place.from", "overlaps another place");
}

TEST(RuleError, CarriesItsRuleAndField) {
  const absl::Status status = Overlap();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(std::string(status.message()), "overlaps another place");
  EXPECT_EQ(BrokenRuleOf(status), (BrokenRule{"PLACE_OVERLAPS", "place.from"}));
}

TEST(RuleError, TheFieldMayBeEmpty) {
  const absl::Status status = RuleError(absl::StatusCode::kInvalidArgument, "RULE", "", "message");
  EXPECT_EQ(BrokenRuleOf(status), (BrokenRule{"RULE", ""}));
}

TEST(RuleError, OtherErrorsHaveNone) {
  EXPECT_EQ(BrokenRuleOf(absl::OkStatus()), std::nullopt);
  EXPECT_EQ(BrokenRuleOf(absl::InvalidArgumentError("PLACE_OVERLAPS")), std::nullopt);
  absl::Status other = absl::InvalidArgumentError("message");
  other.SetPayload("another/payload", absl::Cord("PLACE_OVERLAPS"));
  EXPECT_EQ(BrokenRuleOf(other), std::nullopt);
}

TEST(RuleError, SurvivesACopyAndAStatusOr) {
  const absl::StatusOr<int> result = Overlap();
  EXPECT_EQ(BrokenRuleOf(result.status()), (BrokenRule{"PLACE_OVERLAPS", "place.from"}));
}

TEST(Annotate, PutsContextInFrontAndKeepsTheRest) {
  absl::Status inner = Overlap();
  inner.SetPayload("another/payload", absl::Cord("kept"));
  const absl::Status outer = Annotate(Annotate(inner, "event 3"), "batch");
  EXPECT_EQ(outer.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(std::string(outer.message()), "batch: event 3: overlaps another place");
  EXPECT_EQ(BrokenRuleOf(outer), BrokenRuleOf(inner));
  EXPECT_EQ(outer.GetPayload("another/payload"), absl::Cord("kept"));
}

TEST(Annotate, LeavesOkAlone) { EXPECT_EQ(Annotate(absl::OkStatus(), "context"), absl::OkStatus()); }

absl::StatusOr<std::unique_ptr<int>> Half(int number) {
  if (number % 2 != 0) return absl::OutOfRangeError("odd");
  return std::make_unique<int>(number / 2);
}

absl::StatusOr<int> Quarter(int number) {
  MEDFLYT_ASSIGN_OR_RETURN(const std::unique_ptr<int> half, Half(number));
  MEDFLYT_ASSIGN_OR_RETURN(const std::unique_ptr<int> quarter, Half(*half));
  return *quarter;
}

absl::Status CountWhileEven(int number, int& reached) {
  MEDFLYT_RETURN_IF_ERROR(Half(number).status());
  ++reached;
  return absl::OkStatus();
}

TEST(Macros, ReturnTheFirstError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status(), absl::OutOfRangeError("odd"));
  EXPECT_EQ(Quarter(7).status(), absl::OutOfRangeError("odd"));
  int reached = 0;
  EXPECT_EQ(CountWhileEven(3, reached), absl::OutOfRangeError("odd"));
  EXPECT_EQ(reached, 0);
  EXPECT_EQ(CountWhileEven(4, reached), absl::OkStatus());
  EXPECT_EQ(reached, 1);
}

}  // namespace
}  // namespace medflyt
