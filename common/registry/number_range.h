// Ranges of CPR numbers that belong to nobody: test numbers, which a node in production takes from nobody.
#pragma once

#include <algorithm>
#include <span>
#include <string>

#include "common/registry/cpr_number.h"

namespace medflyt::registry {

// Numbers from first to last, compared as digits.
struct NumberRange {
  std::string first;  // 10 digits each
  std::string last;
};

[[nodiscard]] inline bool Holds(std::span<const NumberRange> ranges, const CprNumber& cpr) {
  return std::any_of(ranges.begin(), ranges.end(), [digits = cpr.ExposeDigits()](const NumberRange& range) {
    return range.first <= digits && digits <= range.last;
  });
}

}  // namespace medflyt::registry
