// What a status says, as tests compare it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/base/status.h"

namespace medflyt::testing {

// "OK", the rule that was broken, or the whole status where it names none.
inline std::string RuleOf(const absl::Status& status) {
  if (status.ok()) return "OK";
  const auto rule = BrokenRuleOf(status);
  return rule ? rule->rule : status.ToString();
}

}  // namespace medflyt::testing
