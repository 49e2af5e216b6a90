#include "server/domain/dispute.h"

#include <algorithm>

namespace medflyt::domain {

bool CaseDisputes::HasDispute(const EventId& event, AuthorityId by) const {
  return std::any_of(disputes.begin(), disputes.end(),
                     [&](const Dispute& dispute) { return dispute.event == event && dispute.by == by; });
}

}  // namespace medflyt::domain
