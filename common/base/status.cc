#include "common/base/status.h"

#include "absl/strings/cord.h"
#include "common/base/absl_view.h"

namespace medflyt {
namespace {

constexpr std::string_view kRuleUrl = "medflyt/rule";
constexpr std::string_view kFieldUrl = "medflyt/field";

}  // namespace

absl::Status RuleError(absl::StatusCode code, std::string_view rule, std::string_view field, std::string_view message) {
  absl::Status status(code, ToAbsl(message));
  status.SetPayload(ToAbsl(kRuleUrl), absl::Cord(ToAbsl(rule)));
  status.SetPayload(ToAbsl(kFieldUrl), absl::Cord(ToAbsl(field)));
  return status;
}

std::optional<BrokenRule> BrokenRuleOf(const absl::Status& status) {
  auto rule = status.GetPayload(ToAbsl(kRuleUrl));
  if (!rule.has_value()) return std::nullopt;
  auto field = status.GetPayload(ToAbsl(kFieldUrl));
  return BrokenRule{std::string(*rule), field.has_value() ? std::string(*field) : std::string()};
}

absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  std::string message(context);
  message.append(": ").append(ToStd(status.message()));
  absl::Status annotated(status.code(), message);
  status.ForEachPayload(
      [&annotated](absl::string_view url, const absl::Cord& payload) { annotated.SetPayload(url, payload); });
  return annotated;
}

}  // namespace medflyt
