// How far this node and a peer have come, for `node status`.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "common/base/named_type.h"
#include "common/directory/identity.h"
#include "server/log/layout.h"

namespace medflyt::exchange {

// A node was left out when its peer opened a new log, and has more of the log before it than the new one goes on from:
// this direction stands still.
inline constexpr std::string_view kPeerLeftOut = "PEER_LEFT_OUT";

// Events of one direction, by their numbers.
struct Numbers {
  PairNumber first;
  PairNumber last;
  friend bool operator==(const Numbers&, const Numbers&) = default;
};
// What one side has beyond the other, of two last numbers that differ.
[[nodiscard]] inline Numbers Between(PairNumber one, PairNumber other) {
  return {PairNumber(std::min(one, other).value() + 1), std::max(one, other)};
}

// One direction of the exchange with a peer.
struct DirectionStatus {
  bool connected = false;                          // both have greeted
  absl::Time last_contact = absl::InfinitePast();  // last message from the peer
  std::string last_error;  // rule that ended the last link, or was answered; empty since all went well again
  // Deliveries only: the last number for which a receipt was verified here. The durable one of `numbers` follows it
  // with the next commit.
  PairNumber proven;
  std::string paused;  // rule for which delivery waits although both are there; needs a person
  // Where it ended with kPeerLeftOut: what the left out node has and the other one's new log lacks. Nothing once both
  // have greeted.
  std::optional<Numbers> left_out;
  friend bool operator==(const DirectionStatus&, const DirectionStatus&) = default;
};

// Whether that is new, so that what stands still for good is told once and not with each dial.
[[nodiscard]] inline bool SetLeftOut(DirectionStatus& status, const Numbers& left_out) {
  if (status.left_out == left_out) return false;
  status.left_out = left_out;
  return true;
}

struct PeerStatus {
  AuthorityId peer;
  DirectionStatus delivery;              // our events to the peer
  DirectionStatus reception;             // the peer's events to us
  log::PeerState numbers;                // durable
  bool forked = false;                   // the log that is exchanged with, proven: nothing is taken of it
  std::vector<std::string> forked_logs;  // the origins of all logs of the peer that were proven to be, closed ones too
};

}  // namespace medflyt::exchange
