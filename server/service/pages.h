// Page sizes and tokens of lists (AIP-158). A token names the last item shown; it is no secret and cannot be forged
// into anything but another place in the same list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/date.h"
#include "common/base/id.h"
#include "google/protobuf/timestamp.pb.h"

namespace medflyt::service {

// 0 means 100; more than 1000 is 1000.
[[nodiscard]] size_t PageSize(uint32_t asked);

// INVALID_ARGUMENT (PAGE_TOKEN_INVALID), field "page_token", where it is none of ours.
[[nodiscard]] absl::StatusOr<std::optional<CaseId>> ParseCaseToken(std::string_view token);
[[nodiscard]] std::string CaseToken(const CaseId& last);

// A place in a list of places: behind that number, or waiting position, of that agreement.
struct PlaceToken {
  CaseId agreement;
  uint32_t number = 0;
};
[[nodiscard]] absl::StatusOr<std::optional<PlaceToken>> ParsePlaceToken(std::string_view token);
[[nodiscard]] std::string FormatPlaceToken(const PlaceToken& last);

// Fields of requests: INVALID_ARGUMENT (FIELD_MALFORMED, FIELD_REQUIRED) with that field.
[[nodiscard]] absl::StatusOr<CaseId> ParseCaseId(std::string_view text, std::string_view field);
[[nodiscard]] absl::StatusOr<EventId> ParseEventId(std::string_view text, std::string_view field);
// Nothing for an empty text.
[[nodiscard]] absl::StatusOr<std::optional<CaseId>> ParseOptionalCaseId(std::string_view text, std::string_view field);
[[nodiscard]] absl::StatusOr<std::optional<Date>> ParseOptionalDate(std::string_view text, std::string_view field);
// FIELD_OUT_OF_RANGE for what is no time of the years 1 to 9999.
[[nodiscard]] absl::StatusOr<absl::Time> ParseTime(const google::protobuf::Timestamp& time, std::string_view field);

}  // namespace medflyt::service
