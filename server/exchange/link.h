// A stream between two nodes, as the exchange sees it: whole messages, in order, until it is closed. gRPC implements
// it in production (server/service), a simulated network in tests/sim.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "common/directory/identity.h"
#include "medflyt/v1/exchange.pb.h"

namespace medflyt::exchange {

// Thread-safe.
class Link {
 public:
  virtual ~Link() = default;
  // Never blocks: what cannot be written at once is kept. The exchange bounds how much that is, by its window of
  // batches and one answer for each. Nothing happens on a closed link.
  virtual void Send(v1::PeerMessage message) = 0;
  // Both ends are told; what was sent before may still arrive there.
  virtual void Close(const absl::Status& reason) = 0;
};

// What a link reports, from any thread, one call at a time: messages in the order in which they were sent, then
// OnClosed once, also after a Close of one's own. Calls do not block.
class LinkEvents {
 public:
  virtual ~LinkEvents() = default;
  virtual void OnMessage(v1::PeerMessage message) = 0;
  virtual void OnClosed(const absl::Status& why) = 0;
};

class Dialer {
 public:
  virtual ~Dialer() = default;
  // A link on which one may send at once; where the peer is not reached, `events` is told that it closed. The link
  // keeps `events` alive until then. Thread-safe, never blocks, never null.
  [[nodiscard]] virtual std::shared_ptr<Link> Connect(AuthorityId peer, std::shared_ptr<LinkEvents> events) = 0;
};

}  // namespace medflyt::exchange
