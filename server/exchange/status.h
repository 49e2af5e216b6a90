// How far this node and a peer have come, for `node status`.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "common/base/named_type.h"
#include "common/directory/identity.h"
#include "server/log/layout.h"

namespace medflyt::exchange {

// One direction of the exchange with a peer.
struct DirectionStatus {
  bool connected = false;                          // both have greeted
  absl::Time last_contact = absl::InfinitePast();  // last message from the peer
  std::string last_error;  // rule that ended the last link, or was answered; empty since all went well again
  // Deliveries only: the last number for which a receipt was verified here. The durable one of `numbers` follows it
  // with the next commit.
  PairNumber proven;
  std::string paused;  // rule for which delivery waits although both are there; needs a person
  friend bool operator==(const DirectionStatus&, const DirectionStatus&) = default;
};

struct PeerStatus {
  AuthorityId peer;
  DirectionStatus delivery;   // our events to the peer
  DirectionStatus reception;  // the peer's events to us
  log::PeerState numbers;     // durable
  bool forked = false;        // proven: nothing is taken from the peer
};

}  // namespace medflyt::exchange
