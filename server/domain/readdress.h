// An event of our own that is told again has another id and stands elsewhere: rows that name it go by that.
#pragma once

#include "common/base/id.h"
#include "common/event/bodies.h"
#include "server/domain/state.h"

namespace medflyt::domain {

// What events and rows name an event by.
struct EventAddress {
  EventId id;
  event::AnnouncementRef entry;  // where it stands in its issuer's log
};

// For an own event that nobody is known to have, and that a log which goes on from a closed one tells again: what peers
// will say of it, and what takes it back, names it by `now`, so each row that names it by `before` does, too. Its
// effect it had when it was issued. Nothing happens where no row names it. A notice of erasure stays as it is: what it
// lists are entries whose keys were given away.
void Readdress(State& state, const EventAddress& before, const EventAddress& now);

}  // namespace medflyt::domain
