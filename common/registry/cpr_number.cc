#include "common/registry/cpr_number.h"

#include <strings.h>

#include <algorithm>
#include <optional>

#include "common/base/status.h"

namespace medflyt::registry {
namespace {

constexpr int kReplacementDays = 60;

int TwoDigits(const char* digits) { return (digits[0] - '0') * 10 + (digits[1] - '0'); }

int FullYear(int year_in_century, char seventh_digit) {
  const int digit = seventh_digit - '0';
  if (digit <= 3) return 1900 + year_in_century;
  if (digit == 4 || digit == 9) return (year_in_century <= 36 ? 2000 : 1900) + year_in_century;
  return (year_in_century <= 57 ? 2000 : 1800) + year_in_century;
}

std::optional<Date> BirthDateOf(const char* digits) {
  int day = TwoDigits(digits);
  if (day > kReplacementDays) day -= kReplacementDays;
  return MakeDate(FullYear(TwoDigits(digits + 4), digits[6]), TwoDigits(digits + 2), day);
}

std::string_view TrimBlanks(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

CprNumber::CprNumber(std::string_view digits) { std::copy_n(digits.data(), kDigits, digits_.begin()); }

CprNumber::~CprNumber() { explicit_bzero(digits_.data(), digits_.size()); }

absl::StatusOr<CprNumber> CprNumber::Parse(std::string_view digits, std::string_view field) {
  const bool all_digits = std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (digits.size() != kDigits || !all_digits) {
    return RuleError(absl::StatusCode::kInvalidArgument, "CPR_NUMBER_MALFORMED", field,
                     "a CPR number has exactly ten digits");
  }
  if (!BirthDateOf(digits.data())) {
    return RuleError(absl::StatusCode::kInvalidArgument, "CPR_NUMBER_DATE", field,
                     "the CPR number's birthday does not exist in the century that its 7th digit tells");
  }
  return CprNumber(digits);
}

absl::StatusOr<CprNumber> CprNumber::ParseWritten(std::string_view text, std::string_view field) {
  const std::string_view trimmed = TrimBlanks(text);
  if (trimmed.size() != kDigits + 1 || trimmed[6] != '-') return Parse(trimmed, field);
  std::array<char, kDigits> digits;
  std::copy_n(trimmed.data(), 6, digits.begin());
  std::copy_n(trimmed.data() + 7, 4, digits.begin() + 6);
  auto number = Parse({digits.data(), digits.size()}, field);
  explicit_bzero(digits.data(), digits.size());
  return number;
}

std::string CprNumber::Masked() const { return std::string(digits_.data(), 6) + "-****"; }

Date CprNumber::BirthDate() const { return *BirthDateOf(digits_.data()); }

bool CprNumber::SatisfiesModulus11() const {
  constexpr std::array<int, kDigits> kWeights = {4, 3, 2, 7, 6, 5, 4, 3, 2, 1};
  int sum = 0;
  for (size_t i = 0; i < kDigits; ++i) sum += (digits_[i] - '0') * kWeights[i];
  return sum % 11 == 0;
}

}  // namespace medflyt::registry
