#include "common/rpc/status_map.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/absl_view.h"
#include "common/base/status.h"
#include "common/rpc/danish.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace medflyt::rpc {
namespace {

constexpr std::string_view kDomain = "medflyt";
constexpr std::string_view kFieldKey = "field";
constexpr std::string_view kDanishUrl = "medflyt/danish";
constexpr std::string_view kRetryUrl = "medflyt/retry-after-ms";
constexpr size_t kMaxRuleBytes = 63;  // as the API Improvement Proposals (AIP-193) limit a reason
constexpr size_t kMaxFieldBytes = 200;
constexpr absl::Duration kDefaultRetryAfter = absl::Milliseconds(100);
constexpr absl::Duration kMaxRetryAfter = absl::Hours(24);

// Length of the well-formed UTF-8 character at the front (Unicode, table 3-7), or 0.
size_t CharacterLength(std::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xC2 && lead < 0xE0   ? 2
                        : lead >= 0xE0 && lead < 0xF0 ? 3
                        : lead >= 0xF0 && lead < 0xF5 ? 4
                                                      : 0;
  if (length == 0 || text.size() < length) return 0;
  const uint8_t least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const uint8_t most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < least || byte(1) > most) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

// Valid UTF-8 of at most `limit` bytes, as protobuf requires of a string; other bytes become '?', and so do control
// characters, by which a peer could forge lines of our log.
std::string Text(std::string_view text, size_t limit) {
  std::string out;
  while (!text.empty()) {
    const size_t length = absl::ascii_iscntrl(static_cast<unsigned char>(text.front())) ? 0 : CharacterLength(text);
    if (out.size() + std::max<size_t>(length, 1) > limit) break;
    if (length == 0) {
      out.push_back('?');
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

bool IsRuleName(std::string_view rule) {
  if (rule.empty() || rule.size() > kMaxRuleBytes || rule.front() < 'A' || rule.front() > 'Z') return false;
  return std::all_of(rule.begin(), rule.end(),
                     [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

std::string_view DanishForCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnavailable:
      return "Tjenesten kan ikke nås lige nu. Prøv igen.";
    case absl::StatusCode::kDeadlineExceeded:
      return "Svaret kom ikke i tide. Prøv igen med samme anmodnings-id.";
    case absl::StatusCode::kResourceExhausted:
      return "Tjenesten er optaget. Prøv igen om lidt.";
    case absl::StatusCode::kUnauthenticated:
      return "Forbindelsen er ikke godkendt.";
    case absl::StatusCode::kPermissionDenied:
      return "Det har du ikke adgang til.";
    case absl::StatusCode::kNotFound:
      return "Det findes ikke her.";
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDataLoss:
      return "Der skete en fejl i tjenesten.";
    default:
      return "Anmodningen kunne ikke udføres.";
  }
}

std::optional<std::string> PayloadOf(const absl::Status& status, std::string_view url) {
  const auto payload = status.GetPayload(ToAbsl(url));
  if (!payload.has_value()) return std::nullopt;
  return std::string(*payload);
}

// Reads what is ours out of the details; what is not is passed over.
void ReadDetails(const google::rpc::Status& details, std::optional<BrokenRule>& rule, std::string& danish,
                 std::optional<absl::Duration>& retry) {
  for (const auto& any : details.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::LocalizedMessage localized;
    google::rpc::RetryInfo retry_info;
    if (any.Is<google::rpc::ErrorInfo>() && any.UnpackTo(&info)) {
      if (info.domain() != kDomain || !IsRuleName(info.reason())) continue;
      const auto field = info.metadata().find(std::string(kFieldKey));
      rule = BrokenRule{info.reason(), field == info.metadata().end() ? "" : Text(field->second, kMaxFieldBytes)};
    } else if (any.Is<google::rpc::LocalizedMessage>() && any.UnpackTo(&localized)) {
      if (localized.locale() == "da") danish = localized.message();
    } else if (any.Is<google::rpc::RetryInfo>() && any.UnpackTo(&retry_info)) {
      const absl::Duration delay =
          absl::Seconds(retry_info.retry_delay().seconds()) + absl::Nanoseconds(retry_info.retry_delay().nanos());
      retry = std::clamp(delay, absl::ZeroDuration(), kMaxRetryAfter);
    }
  }
}

}  // namespace

absl::Status WithRetryAfter(const absl::Status& status, absl::Duration delay) {
  absl::Status with = status;
  const int64_t milliseconds = absl::ToInt64Milliseconds(std::clamp(delay, absl::ZeroDuration(), kMaxRetryAfter));
  with.SetPayload(ToAbsl(kRetryUrl), absl::Cord(absl::StrCat(milliseconds)));
  return with;
}

std::optional<absl::Duration> RetryAfterOf(const absl::Status& status) {
  const auto payload = PayloadOf(status, kRetryUrl);
  int64_t milliseconds = 0;
  if (!payload || !absl::SimpleAtoi(*payload, &milliseconds)) return std::nullopt;
  return absl::Milliseconds(milliseconds);
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const auto code = static_cast<grpc::StatusCode>(status.code());
  const std::string message = Text(ToStd(status.message()), kMaxStatusMessageBytes);
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);

  if (const auto broken = BrokenRuleOf(status); broken && IsRuleName(broken->rule)) {
    const std::string field = Text(broken->field, kMaxFieldBytes);
    google::rpc::ErrorInfo info;
    info.set_reason(broken->rule);
    info.set_domain(std::string(kDomain));
    if (!field.empty()) (*info.mutable_metadata())[std::string(kFieldKey)] = field;
    details.add_details()->PackFrom(info);
    google::rpc::LocalizedMessage danish;
    danish.set_locale("da");
    danish.set_message(Text(DanishTextOf(status), kMaxStatusMessageBytes));
    details.add_details()->PackFrom(danish);
    if (!field.empty()) {
      google::rpc::BadRequest bad;
      auto* violation = bad.add_field_violations();
      violation->set_field(field);
      violation->set_description(message);
      details.add_details()->PackFrom(bad);
    }
  }
  std::optional<absl::Duration> retry = RetryAfterOf(status);
  if (!retry && status.code() == absl::StatusCode::kResourceExhausted) retry = kDefaultRetryAfter;
  if (retry) {
    google::rpc::RetryInfo info;
    absl::Duration rest;
    info.mutable_retry_delay()->set_seconds(absl::IDivDuration(*retry, absl::Seconds(1), &rest));
    info.mutable_retry_delay()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
    details.add_details()->PackFrom(info);
  }
  // Every part above is bounded, and so is their sum, below kMaxDetailBytes.
  return details.details_size() == 0 ? grpc::Status(code, message)
                                     : grpc::Status(code, message, details.SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const int number = status.error_code();
  const auto code = number > 0 && number <= 16 ? static_cast<absl::StatusCode>(number) : absl::StatusCode::kUnknown;
  std::optional<BrokenRule> rule;
  std::string danish;
  std::optional<absl::Duration> retry;
  google::rpc::Status details;
  if (const std::string bytes = status.error_details();
      !bytes.empty() && bytes.size() <= kMaxDetailBytes && details.ParseFromString(bytes)) {
    ReadDetails(details, rule, danish, retry);
  }
  const std::string message = Text(status.error_message(), kMaxStatusMessageBytes);
  absl::Status result = rule ? RuleError(code, rule->rule, rule->field, message) : absl::Status(code, message);
  if (!danish.empty()) result.SetPayload(ToAbsl(kDanishUrl), absl::Cord(Text(danish, kMaxStatusMessageBytes)));
  return retry ? WithRetryAfter(result, *retry) : result;
}

std::string DanishTextOf(const absl::Status& status) {
  if (status.ok()) return "";
  if (auto sent = PayloadOf(status, kDanishUrl)) return *std::move(sent);
  if (const auto broken = BrokenRuleOf(status)) {
    const std::string_view sentence = DanishSentence(broken->rule);
    if (!sentence.empty()) return std::string(sentence);
  }
  return std::string(DanishForCode(status.code()));
}

}  // namespace medflyt::rpc
