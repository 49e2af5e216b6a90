// How a run of the program ends.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace medflyt::cli {

enum class ExitCode : int {
  kOk = 0,
  kFailed = 1,              // refused, not found, bad input
  kUsage = 2,               // the command line is wrong
  kVerificationFailed = 3,  // a proof, signature or log did not hold; never for anything else
  kUnavailable = 4,         // no answer in time: nothing is known, above all not that a verification failed
};

// The command line is wrong.
[[nodiscard]] absl::Status UsageError(std::string_view message);

// Marks an error as a verification that failed. What was merely unavailable, or OK, stays so.
[[nodiscard]] absl::Status VerificationFailed(const absl::Status& status);

// Too few witnesses have cosigned yet and nothing else is wrong: a failure, but no evidence (POLICY_QUORUM_NOT_MET).
[[nodiscard]] absl::Status QuorumNotMetYet();

[[nodiscard]] ExitCode ExitCodeOf(const absl::Status& status);

// "<message> (rule RULE, field FIELD)", as far as rule and field are known.
[[nodiscard]] std::string DescribeError(const absl::Status& status);

}  // namespace medflyt::cli
