// Who takes part, by the identifiers that stand in certificates, registers and events.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace medflyt {

// A number of a fixed count of decimal digits, leading zeros included; valid by construction.
template <size_t Digits, typename Tag>
class DigitCode {
 public:
  constexpr DigitCode() = default;

  // Nothing unless `text` is exactly Digits decimal digits.
  [[nodiscard]] static std::optional<DigitCode> Parse(std::string_view text) {
    if (text.size() != Digits) return std::nullopt;
    DigitCode code;
    for (char c : text) {
      if (c < '0' || c > '9') return std::nullopt;
      code.value_ = code.value_ * 10 + static_cast<uint32_t>(c - '0');
    }
    return code;
  }
  // Nothing when the number needs more digits.
  [[nodiscard]] static std::optional<DigitCode> FromNumber(uint32_t number) {
    std::string text = std::to_string(number);
    if (text.size() > Digits) return std::nullopt;
    return Parse(std::string(Digits - text.size(), '0') + text);
  }

  [[nodiscard]] constexpr uint32_t number() const { return value_; }
  [[nodiscard]] std::string ToString() const {
    std::string text = std::to_string(value_);
    return std::string(Digits - text.size(), '0') + text;
  }
  [[nodiscard]] constexpr bool is_zero() const { return value_ == 0; }

  friend constexpr auto operator<=>(const DigitCode&, const DigitCode&) = default;

  template <typename H>
  friend H AbslHashValue(H h, const DigitCode& code) {
    return H::combine(std::move(h), code.value_);
  }

 private:
  uint32_t value_ = 0;
};

using AuthorityId = DigitCode<8, struct AuthorityIdTag>;            // CVR number; zero means "none"
using MunicipalityCode = DigitCode<4, struct MunicipalityCodeTag>;  // CPR authority code; zero means "none"

}  // namespace medflyt
