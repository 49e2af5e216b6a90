// The Danish personal number, a secret value: it is compared and masked, and its digits leave only where asked by name.
#pragma once

#include <array>
#include <compare>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/base/date.h"

namespace medflyt::registry {

// A personal number DDMMYY + 4 digits whose birthday is a real day. In a replacement number (no personal number was
// assigned yet) the day has 60 added. The 7th digit tells the century: 0-3 1900-1999; 4 and 9 2000-2036 and
// 1937-1999; 5-8 2000-2057 and 1858-1899. Ordered as digits. Wiped when destroyed; there is no way to stream it.
class CprNumber {
 public:
  static constexpr size_t kDigits = 10;

  // From exactly ten digits. INVALID_ARGUMENT with CPR_NUMBER_MALFORMED (not ten digits) or CPR_NUMBER_DATE (no such
  // day in that century); the message holds none of the digits. Modulus 11 never rejects: numbers assigned since 2007
  // need not satisfy it.
  [[nodiscard]] static absl::StatusOr<CprNumber> Parse(std::string_view digits, std::string_view field = "cpr_number");

  // As a person writes it: also with a hyphen after the birthday, and with blanks around it.
  [[nodiscard]] static absl::StatusOr<CprNumber> ParseWritten(std::string_view text,
                                                              std::string_view field = "cpr_number");

  CprNumber(const CprNumber&) = default;
  CprNumber& operator=(const CprNumber&) = default;
  ~CprNumber();

  // For people to see: the birthday and no more, "010190-****".
  [[nodiscard]] std::string Masked() const;

  // The number itself; each use is an exposure that a review looks at. Valid as long as this object.
  [[nodiscard]] std::string_view ExposeDigits() const { return {digits_.data(), digits_.size()}; }

  [[nodiscard]] Date BirthDate() const;
  [[nodiscard]] bool IsReplacement() const { return digits_[0] >= '6'; }
  // Information only, see Parse.
  [[nodiscard]] bool SatisfiesModulus11() const;

  friend auto operator<=>(const CprNumber&, const CprNumber&) = default;

 private:
  explicit CprNumber(std::string_view digits);

  std::array<char, kDigits> digits_;
};

}  // namespace medflyt::registry
