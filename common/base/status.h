// Status macros and the one way to say which rule an input broke.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the enclosing function when `expr` is not OK.
#define MEDFLYT_RETURN_IF_ERROR(expr)                                                      \
  do {                                                                                     \
    if (absl::Status medflyt_status = (expr); !medflyt_status.ok()) return medflyt_status; \
  } while (false)

#define MEDFLYT_CONCAT_INNER(a, b) a##b
#define MEDFLYT_CONCAT(a, b) MEDFLYT_CONCAT_INNER(a, b)

// Evaluates a StatusOr; returns its status when it is not OK, else moves its value into `lhs`.
#define MEDFLYT_ASSIGN_OR_RETURN(lhs, expr) \
  MEDFLYT_ASSIGN_OR_RETURN_IMPL(MEDFLYT_CONCAT(medflyt_or_, __LINE__), lhs, expr)
#define MEDFLYT_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                                  \
  if (!tmp.ok()) return std::move(tmp).status();      \
  lhs = *std::move(tmp)

namespace medflyt {

// What a caller did wrong, by the name of the rule. The message never holds a CPR number, a key or an event's content.
struct BrokenRule {
  std::string rule;   // UPPER_SNAKE_CASE, stable: clients and translations depend on it
  std::string field;  // path of the offending field in the request, or empty where no single field is at fault

  friend bool operator==(const BrokenRule&, const BrokenRule&) = default;
};

// An error that names its rule and field; read back with BrokenRuleOf, across library boundaries.
[[nodiscard]] absl::Status RuleError(absl::StatusCode code, std::string_view rule, std::string_view field,
                                     std::string_view message);

// The rule attached by RuleError, or nothing.
[[nodiscard]] std::optional<BrokenRule> BrokenRuleOf(const absl::Status& status);

// The same error with `context` in front of its message; code, rule and field are kept.
[[nodiscard]] absl::Status Annotate(const absl::Status& status, std::string_view context);

}  // namespace medflyt
