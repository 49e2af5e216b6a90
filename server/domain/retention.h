// How long what is held of a citizen, and of an agreement, is kept.
#pragma once

#include <optional>
#include <string_view>
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

// Of all cases of one citizen, of one observation that was not disclosed, or of one agreement. FAILED_PRECONDITION
// (ERASURE_CASE_RUNNING) where one of them is not closed, or something that is held rests on the agreement. What is not
// known here is passed over.
[[nodiscard]] absl::StatusOr<Retention> RetentionOf(const State& state, const std::vector<CaseId>& cases,
                                                    const Facts& facts);

// As it stands in lists and, behind "retention/", as the legal basis of the node's own erasures.
[[nodiscard]] std::string_view NameOf(Kept what);

// An observation that led to nothing and that nobody was told of: it is kept shorter than the citizen's cases.
[[nodiscard]] bool IsUndisclosed(const Relocation& relocation);

}  // namespace medflyt::domain
