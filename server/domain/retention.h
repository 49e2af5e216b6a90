// How long what is held of a citizen is kept.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/date.h"
#include "common/base/id.h"
#include "server/domain/facts.h"
#include "server/domain/state.h"

namespace medflyt::domain {

// The period for this that is in force on that day, or null.
[[nodiscard]] const RetentionPeriod* PeriodOf(Kept what, const Facts& facts);

// The first day on which what was closed on that day need not be kept any more.
[[nodiscard]] Date OverOn(Date closed, const RetentionPeriod& period);

struct Retention {
  Kept what = Kept::kCase;
  Date closed;                              // the last day on which anything happened
  const RetentionPeriod* period = nullptr;  // in force today; null: the table has none
  std::optional<Date> over_on;              // without a period, never
};

// Of all cases of one citizen, or of one observation that was not disclosed. FAILED_PRECONDITION (ERASURE_CASE_RUNNING)
// where one of them is not closed. What is not known here is passed over.
[[nodiscard]] absl::StatusOr<Retention> RetentionOf(const State& state, const std::vector<CaseId>& cases,
                                                    const Facts& facts);

// An observation that led to nothing and that nobody was told of: it is kept shorter than the citizen's cases.
[[nodiscard]] bool IsUndisclosed(const Relocation& relocation);

}  // namespace medflyt::domain
