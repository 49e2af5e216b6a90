// A stream between two nodes, as the exchange sees it: whole messages, in order, until it is closed. gRPC implements
// it in production (server/service), a simulated network in tests/sim.
//
// Nothing is read ahead: a message is handed over, and the next one only when it is asked for. So what a peer sends
// faster than it is taken waits on the peer's side of the wire, and costs no memory here.
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
  // Never blocks: what cannot be written at once is kept. The exchange bounds how much that is: by its window of
  // batches, one answer for each, and by waiting for OnSent where it has more to say. Nothing happens on a closed link.
  virtual void Send(v1::PeerMessage message) = 0;
  // Asks for the next message. The first comes unasked, each later one after one Next; one that is asked for while
  // another is still asked for is the same.
  virtual void Next() = 0;
  // Both ends are told; what was sent before may still arrive there.
  virtual void Close(const absl::Status& reason) = 0;
};

// What a link reports, from any thread: messages in the order in which they were sent, one call at a time, then
// OnClosed once, also after a Close of one's own. OnSent may come beside the others. Calls do not block.
class LinkEvents {
 public:
  virtual ~LinkEvents() = default;
  virtual void OnMessage(v1::PeerMessage message) = 0;
  // Everything that was sent so far has been handed to the wire.
  virtual void OnSent() = 0;
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
