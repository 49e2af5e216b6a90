// The rule that an error names.
#pragma once

#include <string>

#include "common/base/status.h"

namespace medflyt::merkle {

inline std::string RuleOf(const absl::Status& status) {
  const auto rule = BrokenRuleOf(status);
  return rule ? rule->rule : "";
}

}  // namespace medflyt::merkle
