#include "common/wire/reading.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>

#include "common/tlog/text.h"
#include "common/wire/day_number.h"
#include "common/wire/limits.h"

namespace medflyt::wire {

std::string FieldReader::PathOf(std::string_view field) const {
  std::string path(path_);
  if (!path.empty() && !field.empty()) path += '.';
  path += field;
  return path;
}

void FieldReader::Fail(std::string_view rule, std::string_view field, std::string_view message) {
  if (!status_.ok()) return;
  const std::string path = PathOf(field);
  status_ = RuleError(absl::StatusCode::kInvalidArgument, rules_.every.empty() ? rule : rules_.every, path,
                      path + " " + std::string(message));
}

void FieldReader::CheckKnown(std::string_view field, const google::protobuf::Message& message) {
  const google::protobuf::UnknownFieldSet& unknown = message.GetReflection()->GetUnknownFields(message);
  if (unknown.empty() || !status_.ok()) return;
  for (int i = 0; i < unknown.field_count(); ++i) {
    const int number = unknown.field(i).number();
    if (message.GetDescriptor()->FindFieldByNumber(number) != nullptr) {
      Fail("FIELD_MALFORMED", field, "holds field " + std::to_string(number) + " with another wire type");
      return;
    }
  }
  status_ = RuleError(rules_.unknown_code, rules_.unknown, PathOf(field),
                      "field " + std::to_string(unknown.field(0).number()) + " is not known to this version");
}

Date FieldReader::Day(std::string_view field, uint32_t day) {
  if (day == 0) Fail("FIELD_REQUIRED", field, "is missing");
  return OptionalDay(field, day).value_or(Date());
}

std::optional<Date> FieldReader::OptionalDay(std::string_view field, uint32_t day) {
  if (day == 0) return std::nullopt;
  const auto date = DateOfDayNumber(day);
  if (!date) Fail("FIELD_OUT_OF_RANGE", field, "is no day of the years 1800 to 9999");
  return date;
}

Date FieldReader::IsoDate(std::string_view field, std::string_view text) {
  if (text.empty()) Fail("FIELD_REQUIRED", field, "is missing");
  return OptionalIsoDate(field, text).value_or(Date());
}

std::optional<Date> FieldReader::OptionalIsoDate(std::string_view field, std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto date = ParseIsoDate(text);
  if (!date) Fail("FIELD_MALFORMED", field, "is no date such as 2026-11-21");
  return date;
}

AuthorityId FieldReader::Authority(std::string_view field, uint32_t number) {
  const auto id = AuthorityId::FromNumber(number);
  if (number == 0) {
    Fail("FIELD_REQUIRED", field, "is missing");
  } else if (!id) {
    Fail("FIELD_OUT_OF_RANGE", field, "has more than 8 digits");
  }
  return id.value_or(AuthorityId());
}

AuthorityId FieldReader::AuthorityText(std::string_view field, std::string_view text) {
  const auto id = AuthorityId::Parse(text);
  if (text.empty()) {
    Fail("FIELD_REQUIRED", field, "is missing");
  } else if (!id || id->is_zero()) {
    Fail("FIELD_MALFORMED", field, "is no CVR number of 8 digits");
  }
  return id.value_or(AuthorityId());
}

MunicipalityCode FieldReader::OptionalMunicipality(std::string_view field, uint32_t number) {
  const auto code = MunicipalityCode::FromNumber(number);
  if (!code) Fail("FIELD_OUT_OF_RANGE", field, "has more than 4 digits");
  return code.value_or(MunicipalityCode());
}

MunicipalityCode FieldReader::Municipality(std::string_view field, uint32_t number) {
  if (number == 0) Fail("FIELD_REQUIRED", field, "is missing");
  return OptionalMunicipality(field, number);
}

std::optional<registry::CprNumber> FieldReader::Cpr(std::string_view field, std::string_view digits) {
  if (digits.empty()) {
    Fail("FIELD_REQUIRED", field, "is missing");
    return std::nullopt;
  }
  auto cpr = registry::CprNumber::Parse(digits);
  if (cpr.ok()) return *std::move(cpr);
  const auto broken = BrokenRuleOf(cpr.status());
  Fail(broken ? broken->rule : "FIELD_MALFORMED", field, "is no personal number");
  return std::nullopt;
}

const std::string& FieldReader::OptionalText(std::string_view field, const std::string& text, size_t most,
                                             Lines lines) {
  if (text.size() > most) {
    Fail("FIELD_TOO_LONG", field, "is longer than " + std::to_string(most) + " bytes");
  } else if (!tlog::IsCleanText(text, lines == Lines::kMany)) {
    Fail("FIELD_MALFORMED", field, "is not UTF-8 or holds control characters");
  }
  return text;
}

const std::string& FieldReader::Text(std::string_view field, const std::string& text, size_t most) {
  if (text.empty()) Fail("FIELD_REQUIRED", field, "is missing");
  return OptionalText(field, text, most);
}

const std::string& FieldReader::OptionalRule(std::string_view field, const std::string& rule) {
  if (rule.size() > kMaxCode) Fail("FIELD_TOO_LONG", field, "is longer than " + std::to_string(kMaxCode) + " bytes");
  const bool upper_snake = std::all_of(
      rule.begin(), rule.end(), [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
  if (!upper_snake) Fail("FIELD_MALFORMED", field, "is no name of a rule");
  return rule;
}

const std::string& FieldReader::Rule(std::string_view field, const std::string& rule) {
  if (rule.empty()) Fail("FIELD_REQUIRED", field, "is missing");
  return OptionalRule(field, rule);
}

}  // namespace medflyt::wire
