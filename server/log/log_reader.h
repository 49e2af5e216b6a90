// Reading a log that is being written: entries, proofs, events, all within what is durable.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/directory/identity.h"
#include "common/merkle/proof.h"
#include "server/domain/readdress.h"
#include "server/log/event_ids.h"
#include "server/log/generations.h"
#include "server/log/layout.h"
#include "server/log/tiles.h"
#include "server/log/tree.h"
#include "server/store/store.h"

namespace medflyt::log {

// One event on its way to a peer.
struct Outbound {
  PairNumber number;
  Position position;
  bool carries_opening = false;  // a TransferRequested: the announcement that it names travels beside it
  StoredEntry entry;
};

// A generation's tree, and the ids of the events that it issued.
struct OpenedGeneration {
  std::unique_ptr<Tree> tree;
  EventIds ids;
};

// How far this node and each peer of which there is a row have come. DATA_LOSS.
[[nodiscard]] absl::StatusOr<std::map<AuthorityId, PeerState>> ReadPeers(const store::Reader& store);

// Thread-safe. Borrows the store, the generations and what was opened of each, which outlive it. Proofs, and Locate,
// need what was opened; of a copy of a store the rest is read without it.
class LogReader {
 public:
  LogReader(AuthorityId self, const store::Reader& store, const Generations& generations,
            std::span<const OpenedGeneration> opened)
      : self_(self), store_(store), generations_(generations), opened_(opened) {}

  [[nodiscard]] const Generations& generations() const { return generations_; }

  // OUT_OF_RANGE (LEAF_INDEX_OUT_OF_RANGE) for a place where none is stored.
  [[nodiscard]] absl::StatusOr<StoredEntry> Entry(Position position) const;
  // VisitEntries of the store.
  [[nodiscard]] absl::Status Visit(Position first, Position end, EntryVisitor visit) const {
    return VisitEntries(store_, first, end, visit);
  }

  // The size asked about must be a durable one, of that log.
  [[nodiscard]] absl::StatusOr<merkle::Proof> InclusionProof(const Generation& log, LeafIndex index,
                                                             TreeSize size) const;
  [[nodiscard]] absl::StatusOr<merkle::Proof> ConsistencyProof(const Generation& log, TreeSize from, TreeSize to) const;
  [[nodiscard]] absl::StatusOr<merkle::Proof> MultiProof(const Generation& log, std::span<const LeafIndex> indices,
                                                         TreeSize size) const;
  // The same of the open log.
  [[nodiscard]] absl::StatusOr<merkle::Proof> InclusionProof(LeafIndex index, TreeSize size) const {
    return InclusionProof(generations_.open(), index, size);
  }
  [[nodiscard]] absl::StatusOr<merkle::Proof> ConsistencyProof(TreeSize from, TreeSize to) const {
    return ConsistencyProof(generations_.open(), from, to);
  }
  [[nodiscard]] absl::StatusOr<merkle::Proof> MultiProof(std::span<const LeafIndex> indices, TreeSize size) const {
    return MultiProof(generations_.open(), indices, size);
  }

  // Of an event issued or received; NOT_FOUND (EVENT_UNKNOWN).
  [[nodiscard]] absl::StatusOr<EventLocation> Locate(const EventId& id) const;
  // Of the event whose entry stands there. The errors of Entry; DATA_LOSS (ROW_MALFORMED) where it is no event.
  [[nodiscard]] absl::StatusOr<domain::EventAddress> AddressAt(Position position) const;
  // Events issued to `peer` from number `first` on, at most `limit`, gapless; fewer where there are no more.
  [[nodiscard]] absl::StatusOr<std::vector<Outbound>> OutboundFrom(AuthorityId peer, PairNumber first,
                                                                   size_t limit) const;
  [[nodiscard]] absl::StatusOr<std::optional<Position>> GrantPosition(const KeyId& id) const;
  [[nodiscard]] const store::Reader& store() const { return store_; }

 private:
  const AuthorityId self_;
  const store::Reader& store_;
  const Generations& generations_;
  const std::span<const OpenedGeneration> opened_;  // by number
};

}  // namespace medflyt::log
