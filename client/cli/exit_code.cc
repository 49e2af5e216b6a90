#include "client/cli/exit_code.h"

#include "absl/strings/cord.h"
#include "common/base/absl_view.h"
#include "common/base/status.h"

namespace medflyt::cli {
namespace {

constexpr std::string_view kExitUrl = "medflyt/exit";
constexpr std::string_view kUsage = "usage";
constexpr std::string_view kVerification = "verification";

absl::Status Marked(absl::Status status, std::string_view mark) {
  status.SetPayload(ToAbsl(kExitUrl), absl::Cord(ToAbsl(mark)));
  return status;
}

bool OutOfReach(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable || status.code() == absl::StatusCode::kDeadlineExceeded;
}

}  // namespace

absl::Status UsageError(std::string_view message) {
  return Marked(absl::InvalidArgumentError(ToAbsl(message)), kUsage);
}

absl::Status VerificationFailed(const absl::Status& status) {
  return status.ok() || OutOfReach(status) ? status : Marked(status, kVerification);
}

absl::Status QuorumNotMetYet() {
  return RuleError(absl::StatusCode::kFailedPrecondition, "POLICY_QUORUM_NOT_MET", "checkpoint",
                   "too few witnesses of the policy have cosigned yet, and nothing else is wrong");
}

ExitCode ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return ExitCode::kOk;
  if (OutOfReach(status)) return ExitCode::kUnavailable;
  if (const auto mark = status.GetPayload(ToAbsl(kExitUrl)); mark.has_value()) {
    if (*mark == ToAbsl(kUsage)) return ExitCode::kUsage;
    if (*mark == ToAbsl(kVerification)) return ExitCode::kVerificationFailed;
  }
  return ExitCode::kFailed;
}

std::string DescribeError(const absl::Status& status) {
  std::string text(ToStd(status.message()));
  if (text.empty()) text = absl::StatusCodeToString(status.code());
  if (const auto broken = BrokenRuleOf(status)) {
    text += " (rule " + broken->rule;
    if (!broken->field.empty()) text += ", field " + broken->field;
    text += ")";
  }
  return text;
}

}  // namespace medflyt::cli
