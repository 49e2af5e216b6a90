#include "server/service/pages.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "google/protobuf/util/time_util.h"

namespace medflyt::service {
namespace {

constexpr size_t kDefaultPage = 100;
constexpr size_t kLargestPage = 1000;

absl::Status InvalidToken() {
  return RuleError(absl::StatusCode::kInvalidArgument, "PAGE_TOKEN_INVALID", "page_token", "is not a token of a page");
}

template <typename Id>
absl::StatusOr<Id> ParseId(std::string_view text, std::string_view field) {
  if (text.empty()) return RuleError(absl::StatusCode::kInvalidArgument, "FIELD_REQUIRED", field, "must be given");
  const auto id = Id::FromHex(text);
  if (!id || id->is_zero()) {
    return RuleError(absl::StatusCode::kInvalidArgument, "FIELD_MALFORMED", field, "must be 32 hexadecimal digits");
  }
  return *id;
}

}  // namespace

size_t PageSize(uint32_t asked) { return asked == 0 ? kDefaultPage : std::min<size_t>(asked, kLargestPage); }

absl::StatusOr<std::optional<CaseId>> ParseCaseToken(std::string_view token) {
  if (token.empty()) return std::optional<CaseId>();
  const auto id = CaseId::FromHex(token);
  if (!id) return InvalidToken();
  return id;
}

std::string CaseToken(const CaseId& last) { return last.ToHex(); }

absl::StatusOr<std::optional<PlaceToken>> ParsePlaceToken(std::string_view token) {
  if (token.empty()) return std::optional<PlaceToken>();
  const auto bytes = HexDecode(token);
  if (!bytes.ok()) return InvalidToken();
  ByteReader reader(*bytes);
  const auto agreement = reader.Take(CaseId::kSize);
  const auto number = reader.U32();
  if (!agreement || !number || !reader.empty()) return InvalidToken();
  return std::optional<PlaceToken>({*CaseId::FromBytes(*agreement), *number});
}

std::string FormatPlaceToken(const PlaceToken& last) {
  std::string bytes(last.agreement.bytes());
  AppendU32(bytes, last.number);
  return HexEncode(bytes);
}

absl::StatusOr<CaseId> ParseCaseId(std::string_view text, std::string_view field) {
  return ParseId<CaseId>(text, field);
}

absl::StatusOr<EventId> ParseEventId(std::string_view text, std::string_view field) {
  return ParseId<EventId>(text, field);
}

absl::StatusOr<std::optional<CaseId>> ParseOptionalCaseId(std::string_view text, std::string_view field) {
  if (text.empty()) return std::optional<CaseId>();
  MEDFLYT_ASSIGN_OR_RETURN(const CaseId id, ParseId<CaseId>(text, field));
  return std::optional<CaseId>(id);
}

absl::StatusOr<std::optional<Date>> ParseOptionalDate(std::string_view text, std::string_view field) {
  if (text.empty()) return std::optional<Date>();
  const auto date = ParseIsoDate(text);
  if (!date) {
    return RuleError(absl::StatusCode::kInvalidArgument, "FIELD_MALFORMED", field, "must be a date, yyyy-mm-dd");
  }
  return date;
}

absl::StatusOr<absl::Time> ParseTime(const google::protobuf::Timestamp& time, std::string_view field) {
  using google::protobuf::util::TimeUtil;
  if (time.seconds() < TimeUtil::kTimestampMinSeconds || time.seconds() > TimeUtil::kTimestampMaxSeconds ||
      time.nanos() < 0 || time.nanos() >= 1'000'000'000) {
    return RuleError(absl::StatusCode::kInvalidArgument, "FIELD_OUT_OF_RANGE", field,
                     "is no time of the years 1 to 9999");
  }
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

}  // namespace medflyt::service
