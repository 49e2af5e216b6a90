// The functional core. Commands from officers and events from peers pass the same pipeline:
//
//   own:       drafts = Decide(state, command, facts);  seal and Evolve each draft;   then settle
//   received:  CheckReceived(state, event, facts);      Evolve(state, event);         then settle
//   settle:    queue = the events just evolved; while it is not empty: take the first, drafts = React(state, it,
//   facts);
//              seal and Evolve every one of the drafts, then put them at the end of the queue.
//
// All drafts of one call are evolved before React is called again. React looks at the state, not only at the event: it
// returns what now follows and is not there yet, so settling ends, and calling it once more changes nothing. All of it,
// with the event that caused it, belongs to one batch of the store.
//
// Pure: no clock, no I/O, no randomness; any thread, as long as nobody changes the state meanwhile.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/event/command.h"
#include "common/event/event.h"
#include "server/domain/facts.h"
#include "server/domain/state.h"

namespace medflyt::domain {

// Where an entry stands in its issuer's log. The issuer's own node and the recipient pass the same.
struct LogPosition {
  std::string_view origin;
  LeafIndex index;
  crypto::Hash leaf_hash;
};

// What this command means now: at least one draft, or none where there is nothing to do, or the rule that was broken
// (README.md lists them all). Drafts without an officer follow by rule.
[[nodiscard]] absl::StatusOr<std::vector<event::Draft>> Decide(const State& state, const event::Command& command,
                                                               const Facts& facts);

// May this issuer say this, here, to us? For events received from a peer. An error is the reason of a signed refusal;
// the event is then without effect. Requests with bad content pass: React answers them by an event.
[[nodiscard]] absl::Status CheckReceived(const State& state, const event::Event& event, const Facts& facts);

// Applies an event, own or received and checked. Never fails; what names nothing known is without effect. Never looks
// at a clock: days come from the event. `position` is the entry's in the log of the event's issuer.
void Evolve(State& state, const event::Event& event, const LogPosition& position);

// What follows by rule from an event that was just evolved.
[[nodiscard]] std::vector<event::Draft> React(const State& state, const event::Event& event, const Facts& facts);

}  // namespace medflyt::domain
