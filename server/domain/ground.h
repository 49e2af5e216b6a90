// On what ground another authority is told of a citizen, as an officer confirmed it.
#pragma once

#include <string>

#include "common/base/id.h"
#include "common/directory/identity.h"
#include "common/event/bodies.h"

namespace medflyt::domain {

struct ConfirmedGround {
  std::string officer;
  event::DisclosureGround ground;

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.officer, self.ground);
  }
};

// Of what is told in one case; the last one confirmed holds. Of a relocation its assessment is the ground. One that was
// confirmed for a rectification alone is not kept.
struct CaseGround {
  CaseId id;  // the case
  AuthorityId recipient;
  ConfirmedGround confirmed;

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.id, self.recipient, self.confirmed);
  }
};

}  // namespace medflyt::domain
