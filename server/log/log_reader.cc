#include "server/log/log_reader.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/entry/seal.h"
#include "common/merkle/multi_proof.h"
#include "common/merkle/tree_hasher.h"

namespace medflyt::log {
namespace {

using store::KeyRange;
using store::Table;

absl::Status Broken(std::string_view row) {
  return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", row, "a stored row does not fit its neighbours");
}

}  // namespace

absl::StatusOr<std::map<AuthorityId, PeerState>> ReadPeers(const store::Reader& store) {
  std::map<AuthorityId, PeerState> peers;
  absl::Status status;
  MEDFLYT_RETURN_IF_ERROR(store.Scan(Table::kMeta, KeyRange::Prefix(PeerKeyPrefix()), store::Order::kAscending,
                                     [&](std::string_view key, std::string_view value) {
                                       const auto authority = ParsePeerKey(key);
                                       auto peer = DecodePeer(value);
                                       status = authority ? peer.status() : absl::DataLossError("peer row");
                                       if (!status.ok()) return store::Step::kStop;
                                       peers.emplace(*authority, *std::move(peer));
                                       return store::Step::kContinue;
                                     }));
  MEDFLYT_RETURN_IF_ERROR(status);
  return peers;
}

absl::StatusOr<StoredEntry> LogReader::Entry(Position position) const {
  StoredEntry found;
  MEDFLYT_RETURN_IF_ERROR(
      Visit(position, Position(position.value() + 1), [&found](Position, std::string_view entry, const KeyId& key_id) {
        found = {std::string(entry), key_id};
        return absl::OkStatus();
      }));
  return found;
}

absl::StatusOr<merkle::Proof> LogReader::InclusionProof(const Generation& log, LeafIndex index, TreeSize size) const {
  return merkle::BuildInclusionProof(*opened_[log.number].tree, index, size);
}

absl::StatusOr<merkle::Proof> LogReader::ConsistencyProof(const Generation& log, TreeSize from, TreeSize to) const {
  return merkle::BuildConsistencyProof(*opened_[log.number].tree, from, to);
}

absl::StatusOr<merkle::Proof> LogReader::MultiProof(const Generation& log, std::span<const LeafIndex> indices,
                                                    TreeSize size) const {
  return merkle::BuildMultiProof(*opened_[log.number].tree, indices, size);
}

absl::StatusOr<EventLocation> LogReader::Locate(const EventId& id) const {
  const absl::Status unknown =
      RuleError(absl::StatusCode::kNotFound, "EVENT_UNKNOWN", "event_id", "no such event was issued or received");
  for (const Generation& log : generations_.all()) {
    const auto leaf = opened_[log.number].ids.Find(id);
    // One that a closed log had and lost came back as received.
    if (!leaf || (log.last && leaf->value() >= log.last->size.value())) continue;
    const auto stored = Entry(log.At(*leaf));
    if (absl::IsOutOfRange(stored.status())) return unknown;
    MEDFLYT_RETURN_IF_ERROR(stored.status());
    const auto sealed = entry::ParseSealed(stored->bytes);
    if (!sealed.ok() || sealed->event_id != id) return unknown;
    return EventLocation{self_, PairNumber(), log.At(*leaf)};
  }
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, store_.Get(Table::kIndex, EventKey(id)));
  if (!row) return unknown;
  return DecodeLocation(*row);
}

absl::StatusOr<domain::EventAddress> LogReader::AddressAt(Position position) const {
  MEDFLYT_ASSIGN_OR_RETURN(const StoredEntry stored, Entry(position));
  const auto sealed = entry::ParseSealed(stored.bytes);
  if (!sealed.ok()) return Broken("segment");
  const Generation& log = generations_.Of(position);
  return domain::EventAddress{sealed->event_id, {log.origin, log.IndexOf(position), merkle::LeafHash(stored.bytes)}};
}

absl::StatusOr<std::vector<Outbound>> LogReader::OutboundFrom(AuthorityId peer, PairNumber first, size_t limit) const {
  // Rows of consecutive numbers; the one that holds `first` begins at or before it.
  MEDFLYT_ASSIGN_OR_RETURN(const auto begin,
                           store_.Last(Table::kOutbox, KeyRange::Between(PairRowKey('p', peer, 0),
                                                                         PairRowKey('p', peer, first.value() + 1))));
  std::vector<Outbound> events;
  if (!begin) return events;
  bool broken = false;
  MEDFLYT_RETURN_IF_ERROR(store_.Scan(Table::kOutbox,
                                      KeyRange::Between(begin->key, PairRowKey('p', AuthorityId(peer), ~uint64_t{0})),
                                      store::Order::kAscending, [&](std::string_view key, std::string_view value) {
                                        const uint64_t row_first = *DecodeU64(key.substr(key.size() - 8));
                                        const uint64_t count = value.size() / 8;
                                        for (uint64_t i = 0; i < count && events.size() < limit; ++i) {
                                          if (row_first + i < first.value()) continue;
                                          const auto position = DecodeU64(value.substr(i * 8, 8));
                                          broken = !position.ok() || row_first + i != first.value() + events.size();
                                          if (broken) return store::Step::kStop;
                                          events.push_back({PairNumber(row_first + i),
                                                            Position(*position & ~kCarriesOpening),
                                                            (*position & kCarriesOpening) != 0,
                                                            {}});
                                        }
                                        return events.size() < limit ? store::Step::kContinue : store::Step::kStop;
                                      }));
  if (broken) return Broken("outbox");

  // Neighbouring events mostly share a segment: read runs of them in one visit.
  for (size_t i = 0; i < events.size();) {
    size_t end = i + 1;
    while (end < events.size() && events[end].position.value() - events[end - 1].position.value() < 16) ++end;
    size_t next = i;
    MEDFLYT_RETURN_IF_ERROR(Visit(events[i].position, Position(events[end - 1].position.value() + 1),
                                  [&](Position at, std::string_view entry, const KeyId& key_id) {
                                    if (at == events[next].position)
                                      events[next++].entry = {std::string(entry), key_id};
                                    return absl::OkStatus();
                                  }));
    i = end;
  }
  return events;
}

absl::StatusOr<std::optional<Position>> LogReader::GrantPosition(const KeyId& id) const {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, store_.Get(Table::kIndex, GrantKey(id)));
  if (!row) return std::optional<Position>();
  MEDFLYT_ASSIGN_OR_RETURN(const uint64_t position, DecodeU64(*row));
  return Position(position);
}

}  // namespace medflyt::log
