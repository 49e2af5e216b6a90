// Reading a log that is being written: entries, proofs, events, all within what is durable.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/merkle/proof.h"
#include "server/log/event_ids.h"
#include "server/log/layout.h"
#include "server/log/tiles.h"
#include "server/log/tree.h"
#include "server/store/store.h"

namespace medflyt::log {

// One event on its way to a peer.
struct Outbound {
  PairNumber number;
  LeafIndex leaf;
  bool carries_opening = false;  // a TransferRequested: the announcement that it names travels beside it
  StoredEntry entry;
};

// Thread-safe. Borrows store and tree, which outlive it.
class LogReader {
 public:
  LogReader(AuthorityId self, const store::Store& store, const Tree& tree, EventIds ids)
      : self_(self), store_(store), tree_(tree), ids_(std::move(ids)) {}

  // OUT_OF_RANGE (LEAF_INDEX_OUT_OF_RANGE) for an index that is not stored.
  [[nodiscard]] absl::StatusOr<StoredEntry> Entry(LeafIndex index) const;
  // VisitEntries of the store.
  [[nodiscard]] absl::Status Visit(LeafIndex first, TreeSize last, EntryVisitor visit) const {
    return VisitEntries(store_, first, last, visit);
  }

  // The size asked about must be a durable one.
  [[nodiscard]] absl::StatusOr<merkle::Proof> InclusionProof(LeafIndex index, TreeSize size) const;
  [[nodiscard]] absl::StatusOr<merkle::Proof> ConsistencyProof(TreeSize from, TreeSize to) const;
  [[nodiscard]] absl::StatusOr<merkle::Proof> MultiProof(std::span<const LeafIndex> indices, TreeSize size) const;

  // Of an event issued or received; NOT_FOUND (EVENT_UNKNOWN).
  [[nodiscard]] absl::StatusOr<EventLocation> Locate(const EventId& id) const;
  // Events issued to `peer` from number `first` on, at most `limit`, gapless; fewer where there are no more.
  [[nodiscard]] absl::StatusOr<std::vector<Outbound>> OutboundFrom(AuthorityId peer, PairNumber first,
                                                                   size_t limit) const;
  [[nodiscard]] absl::StatusOr<std::optional<LeafIndex>> GrantLeaf(const KeyId& id) const;
  [[nodiscard]] const store::Store& store() const { return store_; }

 private:
  const AuthorityId self_;
  const store::Store& store_;
  const Tree& tree_;
  const EventIds ids_;
};

}  // namespace medflyt::log
