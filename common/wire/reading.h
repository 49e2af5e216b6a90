// Reading message fields into domain values, each within its bounds. The first field at fault is remembered and its
// error built once, at the end, so that code that reads a message is a plain list of its fields.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/base/date.h"
#include "common/base/status.h"
#include "common/directory/identity.h"
#include "common/registry/cpr_number.h"

namespace medflyt::wire {

// By which rules errors go.
struct ReadingRules {
  std::string_view every;    // the rule of every value out of bounds; empty: one for each kind of fault (command.h)
  std::string_view unknown;  // the rule of a field that this version does not know
  absl::StatusCode unknown_code;
};

// Every method returns a valid value, or a default one after a fault. Field names are paths below the one entered.
class FieldReader {
 public:
  explicit FieldReader(const ReadingRules& rules) : rules_(rules) {}

  // What stands before the field names from here on; must outlive the reader.
  void Enter(std::string_view path) { path_ = path; }
  [[nodiscard]] bool ok() const { return status_.ok(); }
  [[nodiscard]] const absl::Status& status() const { return status_; }
  void Fail(std::string_view rule, std::string_view field, std::string_view message);

  // A field that the message's definition has, with another wire type, is malformed; any other is unknown.
  void CheckKnown(std::string_view field, const google::protobuf::Message& message);

  template <typename T>
  T Within(std::string_view field, T value, T least, T most) {
    if (value < least || value > most) Fail("FIELD_OUT_OF_RANGE", field, "is out of range");
    return value;
  }
  // Enumerations run from 1 to `last` without gaps.
  template <typename E>
  E Enum(std::string_view field, int value, E last) {
    if (value == 0) {
      Fail("FIELD_REQUIRED", field, "is missing");
    } else if (value < 0 || value > static_cast<int>(last)) {
      Fail("FIELD_OUT_OF_RANGE", field, "is no value of its enumeration");
    }
    return ok() ? static_cast<E>(value) : E{1};
  }
  // Bytes of the exact size, not all zero.
  template <typename Id>
  Id Bytes(std::string_view field, std::string_view bytes) {
    const auto id = Id::FromBytes(bytes);
    if (bytes.empty()) {
      Fail("FIELD_REQUIRED", field, "is missing");
    } else if (!id || id->is_zero()) {
      Fail("FIELD_MALFORMED", field, "has the wrong size or is all zero");
    }
    return id.value_or(Id());
  }
  template <typename Id>
  std::optional<Id> OptionalBytes(std::string_view field, std::string_view bytes) {
    if (bytes.empty()) return std::nullopt;
    return Bytes<Id>(field, bytes);
  }
  // As hexadecimal text.
  template <typename Id>
  Id Hex(std::string_view field, std::string_view hex) {
    const auto id = Id::FromHex(hex);
    if (hex.empty()) {
      Fail("FIELD_REQUIRED", field, "is missing");
    } else if (!id || id->is_zero()) {
      Fail("FIELD_MALFORMED", field, "is not the right number of hexadecimal digits, or all zero");
    }
    return id.value_or(Id());
  }
  template <typename Id>
  std::optional<Id> OptionalHex(std::string_view field, std::string_view hex) {
    if (hex.empty()) return std::nullopt;
    return Hex<Id>(field, hex);
  }

  // Day numbers (day_number.h).
  Date Day(std::string_view field, uint32_t day);
  std::optional<Date> OptionalDay(std::string_view field, uint32_t day);
  // "2026-11-21".
  Date IsoDate(std::string_view field, std::string_view text);
  std::optional<Date> OptionalIsoDate(std::string_view field, std::string_view text);

  AuthorityId Authority(std::string_view field, uint32_t number);
  AuthorityId AuthorityText(std::string_view field, std::string_view text);
  // Zero is none.
  MunicipalityCode OptionalMunicipality(std::string_view field, uint32_t number);
  MunicipalityCode Municipality(std::string_view field, uint32_t number);
  // Nothing only after a fault.
  std::optional<registry::CprNumber> Cpr(std::string_view field, std::string_view digits);

  enum class Lines { kOne, kMany };
  // UTF-8 without control characters (but newlines, where many lines are allowed), at most `most` bytes.
  const std::string& OptionalText(std::string_view field, const std::string& text, size_t most,
                                  Lines lines = Lines::kOne);
  const std::string& Text(std::string_view field, const std::string& text, size_t most);
  // A rule's name: UPPER_SNAKE_CASE.
  const std::string& OptionalRule(std::string_view field, const std::string& rule);
  const std::string& Rule(std::string_view field, const std::string& rule);

 private:
  [[nodiscard]] std::string PathOf(std::string_view field) const;

  ReadingRules rules_;
  std::string_view path_;
  absl::Status status_;
};

}  // namespace medflyt::wire
