#include "server/domain/dispute.h"

#include <algorithm>

#include "common/base/status.h"

namespace medflyt::domain {

bool CaseDisputes::HasDispute(const EventId& event, AuthorityId by) const {
  return std::any_of(disputes.begin(), disputes.end(),
                     [&](const Dispute& dispute) { return dispute.event == event && dispute.by == by; });
}

absl::Status CaseDisputes::CheckRoom(AuthorityId by) const {
  const auto made = std::count_if(disputes.begin(), disputes.end(), [&](const Dispute& each) { return each.by == by; });
  if (static_cast<size_t>(made) < kMaxDisputes) return absl::OkStatus();
  return RuleError(absl::StatusCode::kFailedPrecondition, "TOO_MANY_DISPUTES", "event",
                   "the authority disputes as many events of this case as are kept");
}

}  // namespace medflyt::domain
