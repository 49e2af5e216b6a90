// A request to take over a citizen's place, at the provider and at the municipality that asks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/date.h"
#include "common/base/id.h"
#include "common/directory/identity.h"
#include "common/event/bodies.h"
#include "common/registry/cpr_number.h"

namespace medflyt::domain {

enum class TransferState : uint8_t { kWaiting = 1, kDone = 2, kRefused = 3, kWithdrawn = 4, kReversed = 5 };

// Days after which a waiting request needs an officer.
inline constexpr int kTransferWaitDays = 60;

struct Transfer {
  explicit Transfer(registry::CprNumber citizen) : cpr(citizen) {}

  CaseId id;  // the requester's case with the provider
  AuthorityId requester;
  AuthorityId provider;
  TransferState state = TransferState::kWaiting;
  registry::CprNumber cpr;
  std::optional<CaseId> agreement;  // none where the provider requests for itself
  event::AnnouncementRef announcement;
  Date from;
  Date on;                                              // day on which the request was recorded
  std::optional<CaseId> relocation;                     // at the requester: the announcement it received
  std::optional<event::AnnouncementVerified> verified;  // at the provider
  std::string refused;                                  // the rule, where refused
  bool stuck = false;  // its announcement was reversed, but what was built on it stands: for an officer

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.id, self.requester, self.provider, self.state, self.cpr, self.agreement, self.announcement, self.from,
          self.on, self.relocation, self.verified, self.refused, self.stuck);
  }
};

// Waiting for more than 60 days, or stuck: an officer looks at it.
[[nodiscard]] bool NeedsOfficer(const Transfer& transfer, Date today);

}  // namespace medflyt::domain
