// Access records are under a key of their month, never the citizen's: the id of that month's "case".
#pragma once

#include <optional>

#include "absl/time/civil_time.h"
#include "common/base/id.h"

namespace medflyt::keys {

[[nodiscard]] CaseId AccessPeriodOf(absl::CivilMonth month);
// Nothing for an id that is no month's.
[[nodiscard]] std::optional<absl::CivilMonth> MonthOfAccessPeriod(const CaseId& period);

}  // namespace medflyt::keys
