// The one mapping between our errors and gRPC's (google.rpc.Status in the trailer grpc-status-details-bin).
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/support/status.h"

namespace medflyt::rpc {

// The serialised details stay below this: gRPC's metadata limit of 8 KiB also holds the message and the caller's own.
inline constexpr size_t kMaxDetailBytes = 4096;
// A longer message is cut, at a character.
inline constexpr size_t kMaxStatusMessageBytes = 512;

// The same error with a hint when to try again; for RESOURCE_EXHAUSTED and UNAVAILABLE.
[[nodiscard]] absl::Status WithRetryAfter(const absl::Status& status, absl::Duration delay);
[[nodiscard]] std::optional<absl::Duration> RetryAfterOf(const absl::Status& status);

// The code and the message stay. An error that names its rule (RuleError) gets details: ErrorInfo{reason = rule, domain
// "medflyt", metadata "field"}, LocalizedMessage in Danish, and BadRequest where one field is at fault.
// RESOURCE_EXHAUSTED always gets RetryInfo (100 ms unless WithRetryAfter says otherwise).
[[nodiscard]] grpc::Status ToGrpc(const absl::Status& status);

// The way back: rule and field are attached again (BrokenRuleOf), and the Danish text and the retry hint. Details that
// do not parse, are larger than kMaxDetailBytes, of another domain, or with a rule that is no UPPER_SNAKE name, are
// left out.
[[nodiscard]] absl::Status FromGrpc(const grpc::Status& status);

// What a Danish user is shown: the sentence that came with the error, else our own for its rule, else a general one for
// its code. Empty for OK.
[[nodiscard]] std::string DanishTextOf(const absl::Status& status);

}  // namespace medflyt::rpc
