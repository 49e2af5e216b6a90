// What is disputed of what was stated in a case, and a number that was put right in conflict with what stands.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "common/base/date.h"
#include "common/base/id.h"
#include "common/directory/identity.h"
#include "common/event/bodies.h"
#include "common/registry/cpr_number.h"

namespace medflyt::domain {

// Of one authority in one case. A case has one start, one end and a few places and transfers; pauses alone come often.
// Those are all events of a stay with some 25 pauses, and whoever disputes more disputes no single fact. Without a
// bound a peer could fill the row, which each commit rewrites, with ids that it makes up.
inline constexpr size_t kMaxDisputes = 64;

// Of ours by its recipient, or of another's by us. The event stays applied.
struct Dispute {
  EventId event;
  AuthorityId by;
  event::DisputeGround ground = event::DisputeGround::kWrongValue;
  Date on;
  // Since then whose event it is has put something right, or taken it back, in the same case: no officer looks any
  // more.
  std::optional<Date> settled;

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.event, self.by, self.ground, self.on, self.settled);
  }
};

// Another authority says that this is the right number, and the wrong one that it names does not stand here: somebody
// had put that right differently. Without effect; it lasts until the number stands after all.
struct NumberConflict {
  explicit NumberConflict(const registry::CprNumber& number) : right(number) {}

  EventId event;
  AuthorityId by;
  registry::CprNumber right;
  Date on;

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.event, self.by, self.right, self.on);
  }
};

struct CaseDisputes {
  CaseId id;                               // the case
  std::vector<Dispute> disputes;           // in log order; of one event one by each authority
  std::optional<NumberConflict> conflict;  // the last number put right in this case, where it conflicted

  [[nodiscard]] bool empty() const { return disputes.empty() && !conflict; }
  [[nodiscard]] bool HasDispute(const EventId& event, AuthorityId by) const;
  // FAILED_PRECONDITION (TOO_MANY_DISPUTES) where this authority has kMaxDisputes here, settled or not.
  [[nodiscard]] absl::Status CheckRoom(AuthorityId by) const;

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.id, self.disputes, self.conflict);
  }
};

}  // namespace medflyt::domain
