#include "server/exchange/batch_builder.h"

#include <iterator>
#include <map>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "common/crypto/secret.h"
#include "common/entry/batch.h"
#include "common/entry/opening.h"
#include "common/entry/seal.h"
#include "common/merkle/tree_hasher.h"
#include "server/exchange/kept.h"

namespace medflyt::exchange {
namespace {

// What an entry costs of a batch beside its own bytes, reckoned from above: its share of the multi-proof, its index and
// key id. A grant brings an entry of its own and the sealed key.
constexpr size_t kEntryOverhead = 48 * 34;
constexpr size_t kGrantCost = 2 * kEntryOverhead;
// The checkpoint, the consistency proof and what protobuf adds.
constexpr size_t kBatchOverhead = 16 * 1024;

// Entries closer to each other than this are read in one go, with what stands between them.
constexpr uint64_t kNeighbours = 16;

absl::Status ReadEntries(const log::LogReader& reader, std::map<LeafIndex, log::StoredEntry>& entries) {
  const log::Generation& log = reader.generations().open();
  for (auto next = entries.begin(); next != entries.end();) {
    auto end = std::next(next);
    uint64_t last = next->first.value();
    for (; end != entries.end() && end->first.value() - last < kNeighbours; ++end) last = end->first.value();
    MEDFLYT_RETURN_IF_ERROR(reader.Visit(log.At(next->first), log.At(LeafIndex(last + 1)),
                                         [&](log::Position at, std::string_view entry, const KeyId& key_id) {
                                           if (at == log.At(next->first))
                                             (next++)->second = {std::string(entry), key_id};
                                           return absl::OkStatus();
                                         }));
    if (next != end) {
      return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "grants", "a grant's record is not in the log");
    }
  }
  return absl::OkStatus();
}

size_t CostOf(const v1::Opening& opening) { return opening.ByteSizeLong() + 64; }

}  // namespace

absl::StatusOr<std::vector<SentEvent>> BatchBuilder::SentFrom(AuthorityId peer, PairNumber first, size_t count) const {
  MEDFLYT_ASSIGN_OR_RETURN(const auto events, parts_.log.reader().OutboundFrom(peer, first, count));
  const log::Generation& log = parts_.log.reader().generations().open();
  std::vector<SentEvent> sent;
  sent.reserve(events.size());
  for (const log::Outbound& event : events) {
    MEDFLYT_ASSIGN_OR_RETURN(const auto sealed, entry::ParseSealed(event.entry.bytes));
    sent.push_back({event.number, log.IndexOf(event.position), event.position, sealed.event_id,
                    merkle::LeafHash(event.entry.bytes), event.entry.key_id});
  }
  return sent;
}

absl::StatusOr<std::optional<BuiltBatch>> BatchBuilder::Build(AuthorityId peer, const entry::ExchangeKeyCard& card,
                                                              PairNumber next, TreeSize from,
                                                              const std::set<KeyId>& regrant) {
  const log::LogReader& reader = parts_.log.reader();
  // Events of this head and before; those of a later commit wait for the next batch.
  const log::Head head = parts_.log.head();
  const log::Generation& log = reader.generations().open();
  MEDFLYT_ASSIGN_OR_RETURN(auto waiting, reader.OutboundFrom(peer, next, entry::kMaxBatchEntries));

  BuiltBatch built;
  built.size = head.size;
  std::map<LeafIndex, log::StoredEntry*> chosen;  // in the order of the log
  std::map<LeafIndex, log::StoredEntry> grant_entries;
  std::map<KeyId, bool> granted;  // keys that were looked at; true: with a grant in this batch
  size_t cost = kBatchOverhead;
  for (log::Outbound& event : waiting) {
    if (event.position >= log.EndAt(head.size)) break;
    std::optional<v1::Opening> opening;
    if (event.carries_opening) {
      MEDFLYT_ASSIGN_OR_RETURN(opening, OpeningFor(peer, card, log.origin, event.entry));
    }
    size_t event_cost = event.entry.bytes.size() + kEntryOverhead + (opening ? CostOf(*opening) : 0);
    size_t entries = 1;
    const KeyId& key_id = event.entry.key_id;
    std::optional<LeafIndex> grant_leaf;
    if (!granted.contains(key_id) && (!parts_.keys.IsGranted(key_id) || regrant.contains(key_id))) {
      MEDFLYT_ASSIGN_OR_RETURN(const auto granted_at, reader.GrantPosition(key_id));
      if (granted_at) grant_leaf = log.IndexOf(*granted_at);
      // A key that was destroyed meanwhile is granted no more; what was sealed with it is gone here, too.
      if (!parts_.keys.Has(key_id)) grant_leaf.reset();
      if (grant_leaf) {
        event_cost += kGrantCost;
        ++entries;
      }
    }
    if (!built.events.empty() && (cost + event_cost > entry::kMaxBatchBytes ||
                                  chosen.size() + grant_entries.size() + entries > entry::kMaxBatchEntries)) {
      break;
    }
    cost += event_cost;
    granted.try_emplace(key_id, grant_leaf.has_value());
    if (grant_leaf) {
      MEDFLYT_ASSIGN_OR_RETURN(const crypto::Key key, parts_.keys.Find(key_id));
      MEDFLYT_ASSIGN_OR_RETURN(std::string sealed,
                               entry::SealGrant({parts_.log.origin(), key_id, peer}, key, card.public_key));
      v1::SealedGrant& grant = *built.batch.add_grants();
      grant.set_key_id(std::string(key_id.bytes()));
      grant.set_exchange_epoch(card.epoch);
      grant.set_sealed(std::move(sealed));
      grant_entries.try_emplace(*grant_leaf);
    }
    if (opening) *built.batch.add_openings() = *std::move(opening);
    MEDFLYT_ASSIGN_OR_RETURN(const auto sealed, entry::ParseSealed(event.entry.bytes));
    const LeafIndex leaf = log.IndexOf(event.position);
    built.events.push_back(
        {event.number, leaf, event.position, sealed.event_id, merkle::LeafHash(event.entry.bytes), key_id});
    chosen.emplace(leaf, &event.entry);
  }
  if (built.events.empty()) return std::optional<BuiltBatch>();

  MEDFLYT_RETURN_IF_ERROR(ReadEntries(reader, grant_entries));
  for (auto& [leaf, grant_entry] : grant_entries) chosen.emplace(leaf, &grant_entry);
  std::vector<LeafIndex> indices;
  for (auto& [leaf, stored] : chosen) {
    indices.push_back(leaf);
    built.batch.add_indices(leaf.value());
    built.batch.add_key_ids(stored->key_id.is_zero() ? std::string() : std::string(stored->key_id.bytes()));
    built.batch.add_entries(std::move(stored->bytes));
  }
  built.batch.set_checkpoint(head.checkpoint);
  built.batch.set_consistency_from(from.value());
  if (from.value() != 0) {
    MEDFLYT_ASSIGN_OR_RETURN(const auto proof, reader.ConsistencyProof(from, head.size));
    entry::HashesToProto(proof, *built.batch.mutable_consistency_proof());
  }
  MEDFLYT_ASSIGN_OR_RETURN(const auto multi_proof, reader.MultiProof(indices, head.size));
  entry::HashesToProto(multi_proof, *built.batch.mutable_multi_proof());
  return std::optional<BuiltBatch>(std::move(built));
}

absl::StatusOr<std::optional<v1::Opening>> BatchBuilder::OpeningFor(AuthorityId peer,
                                                                    const entry::ExchangeKeyCard& card,
                                                                    std::string_view origin,
                                                                    const log::StoredEntry& entry) {
  const std::optional<v1::Opening> none;
  const auto own_key = parts_.keys.Find(entry.key_id);
  if (!own_key.ok()) return none;
  MEDFLYT_ASSIGN_OR_RETURN(const auto sealed, entry::ParseSealed(entry.bytes));
  MEDFLYT_ASSIGN_OR_RETURN(std::string content, entry::OpenEntry(sealed, *own_key, origin));
  const auto event = codec_.Decode(content, sealed.event_id);
  crypto::Wipe(content);
  MEDFLYT_RETURN_IF_ERROR(event.status());
  const auto* request = std::get_if<event::TransferRequested>(&event->body);
  if (request == nullptr) return none;

  const log::LogReader& reader = parts_.log.reader();
  MEDFLYT_ASSIGN_OR_RETURN(const auto row,
                           reader.store().Get(store::Table::kIndex, log::LeafHashKey(request->announcement.leaf_hash)));
  const auto announcement_id = row ? EventId::FromBytes(*row) : std::nullopt;
  // Without the announcement, or its key, there is nothing to open; the recipient says so.
  if (!announcement_id) return none;
  MEDFLYT_ASSIGN_OR_RETURN(const auto location, reader.Locate(*announcement_id));
  MEDFLYT_ASSIGN_OR_RETURN(ReceivedEntry announcement, FindReceived(reader.store(), location));
  const auto data_key = parts_.keys.Find(announcement.key_id);
  if (!data_key.ok()) return none;
  MEDFLYT_ASSIGN_OR_RETURN(std::string sealed_key,
                           entry::SealEventKey({announcement.origin, *announcement_id, peer},
                                               entry::EventKeyOf(*data_key, *announcement_id), card.public_key));
  v1::Opening opening;
  opening.set_for_event_id(std::string(sealed.event_id.bytes()));
  opening.set_entry(std::move(announcement.entry));
  opening.set_exchange_epoch(card.epoch);
  opening.set_sealed_event_key(std::move(sealed_key));
  opening.set_tlog_proof(std::move(announcement.tlog_proof));
  return std::optional<v1::Opening>(std::move(opening));
}

}  // namespace medflyt::exchange
