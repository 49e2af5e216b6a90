#include "server/exchange/held_events.h"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/entry/batch.h"
#include "server/exchange/admitted.h"
#include "server/exchange/batch_builder.h"
#include "server/exchange/hello.h"
#include "server/exchange/kept.h"
#include "server/exchange/kept_receipt.h"
#include "server/exchange/own_events.h"

namespace medflyt::exchange {
namespace {

constexpr size_t kMaxGivenBytes = entry::kMaxBatchBytes / 2;  // of entries: proofs, keys and openings come beside them

// The exchange key that the peer shows, signed with the newest key of that log of its own.
absl::StatusOr<entry::ExchangeKeyCard> CheckAsking(const Context& context, AuthorityId peer, const std::string& origin,
                                                   const v1::ExchangeKey& shown) {
  const directory::Directory directory = context.directory();
  const directory::Authority* owner = directory.OfOrigin(origin);
  const directory::Log* log = directory.LogOf(origin);
  if (owner == nullptr || owner->id != peer || log == nullptr || log->keys.empty()) {
    return RuleError(absl::StatusCode::kPermissionDenied, "HELD_ORIGIN_FOREIGN", "origin",
                     "the directory has no such log of this peer");
  }
  MEDFLYT_RETURN_IF_ERROR(CheckAdmitted(context, directory, peer, origin).status());
  MEDFLYT_ASSIGN_OR_RETURN(entry::ExchangeKeyCard card, CardFromProto(shown));
  MEDFLYT_RETURN_IF_ERROR(
      entry::VerifyExchangeKey(card, log->keys.back().key.key(), origin, context.parts.clock.Now()));
  return card;
}

// The key of an event, sealed to the peer that asks; nothing where it is not held, as after an erasure.
absl::StatusOr<std::optional<v1::HeldKey>> SealHeld(const Context& context, AuthorityId peer,
                                                    const entry::ExchangeKeyCard& card, const std::string& origin,
                                                    const KeyId& id) {
  const auto key = context.parts.keys.Find(id);
  if (absl::IsNotFound(key.status())) return std::optional<v1::HeldKey>();
  MEDFLYT_RETURN_IF_ERROR(key.status());
  v1::HeldKey held;
  v1::SealedGrant& grant = *held.mutable_sealed();
  grant.set_key_id(std::string(id.bytes()));
  grant.set_exchange_epoch(card.epoch);
  MEDFLYT_ASSIGN_OR_RETURN(*grant.mutable_sealed(), entry::SealGrant({origin, id, peer}, *key, card.public_key));
  held.set_commitment(std::string(entry::GrantCommitment(id, *key).bytes()));
  return std::optional(std::move(held));
}

void Tell(const Context& context, AuthorityId peer, uint64_t first, int keys) {
  context.parts.logger.Warning("events_given_back",
                               absl::StrCat("peer=", peer.ToString(), " from=", first, " keys=", keys));
}

// The head under which what stands in this log is proven.
log::Head HeadOf(const log::Log& log, const log::Generation& generation) {
  return generation.last ? *generation.last : log.head();
}

// Receipts of the row's events with the numbers from `first` on: one for each log of ours that records of them stand
// in.
absl::Status AddReceipts(const log::Log& log, const KeptRow& row, PairNumber first,
                         google::protobuf::RepeatedPtrField<v1::Receipt>& out) {
  std::vector<log::Position> records;
  const auto add = [&]() -> absl::Status {
    if (records.empty()) return absl::OkStatus();
    const log::Head head = HeadOf(log, log.reader().generations().Of(records.front()));
    MEDFLYT_ASSIGN_OR_RETURN(*out.Add(), MakeReceipt(log.reader(), records, head, TreeSize()));
    records.clear();
    return absl::OkStatus();
  };
  for (size_t i = first.value() - row.first.value(); i < row.events.size(); ++i) {
    const log::Position record = row.events[i].record;
    if (!records.empty() &&
        log.reader().generations().Of(record).number != log.reader().generations().Of(records.front()).number) {
      MEDFLYT_RETURN_IF_ERROR(add());
    }
    records.push_back(record);
  }
  return add();
}

// Consecutive events of ours to a peer, with one proof.
struct Given {
  v1::EventBatch batch;
  std::vector<int> events;  // their places among its entries, by number
  std::string origin;       // of the log that they were issued in
};

// Those of `events` that stand in the same log as the first.
absl::StatusOr<Given> StillThere(const log::Log& log, std::vector<log::Outbound>& events, TreeSize accepted) {
  const log::LogReader& reader = log.reader();
  const log::Generation& generation = reader.generations().Of(events.front().position);
  const log::Head head = HeadOf(log, generation);
  Given given;
  given.origin = generation.origin;
  std::vector<LeafIndex> indices;
  size_t bytes = 0;
  for (log::Outbound& event : events) {
    bytes += event.entry.bytes.size();
    const bool here = !CameBack(event) && reader.generations().Of(event.position).number == generation.number;
    if (!here || (!indices.empty() && bytes > kMaxGivenBytes)) break;
    given.events.push_back(static_cast<int>(indices.size()));
    indices.push_back(generation.IndexOf(event.position));
    given.batch.add_indices(indices.back().value());
    given.batch.add_key_ids(std::string(event.entry.key_id.bytes()));
    given.batch.add_entries(std::move(event.entry.bytes));
  }
  given.batch.set_checkpoint(head.checkpoint);
  if (!generation.last && accepted.value() != 0) {
    if (accepted > head.size) {
      return RuleError(absl::StatusCode::kOutOfRange, "PROOF_OUT_OF_RANGE", "accepted_size",
                       "this node's log is not that long");
    }
    given.batch.set_consistency_from(accepted.value());
    MEDFLYT_ASSIGN_OR_RETURN(const auto proof, reader.ConsistencyProof(accepted, head.size));
    entry::HashesToProto(proof, *given.batch.mutable_consistency_proof());
  }
  MEDFLYT_ASSIGN_OR_RETURN(const auto multi_proof, reader.MultiProof(generation, indices, head.size));
  entry::HashesToProto(multi_proof, *given.batch.mutable_multi_proof());
  return given;
}

// Those of `events` that came back in the same batch as the first, as they are kept.
absl::StatusOr<Given> ThatCameBack(const Context& context, std::span<const log::Outbound> events) {
  const log::LogReader& reader = context.parts.log.reader();
  const AuthorityId self = context.parts.self;
  MEDFLYT_ASSIGN_OR_RETURN(
      const PairNumber number,
      NumberOfRecord(reader.store(), self, context.parts.log.peer(self).received, events.front().position));
  MEDFLYT_ASSIGN_OR_RETURN(const KeptRow row, FindKept(reader.store(), self, number));
  Given given;
  MEDFLYT_ASSIGN_OR_RETURN(given.batch, row.ParseBatch());
  MEDFLYT_ASSIGN_OR_RETURN(const event::AnnouncementRef at, IssuedAt(reader, events.front()));
  given.origin = at.origin;
  for (size_t i = number.value() - row.first.value(); i < row.events.size() && given.events.size() < events.size();
       ++i) {
    if (row.events[i].record != events[given.events.size()].position) break;
    given.events.push_back(static_cast<int>(row.events[i].position));
  }
  if (given.events.empty()) {
    return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "received", "an event that came back is not kept");
  }
  return given;
}

}  // namespace

absl::StatusOr<v1::GetHeldEventsResponse> AnswerHeldEvents(const Context& context, AuthorityId peer,
                                                           const v1::GetHeldEventsRequest& request) {
  MEDFLYT_ASSIGN_OR_RETURN(const entry::ExchangeKeyCard card,
                           CheckAsking(context, peer, request.origin(), request.exchange_key()));
  v1::GetHeldEventsResponse response;
  if (request.first_number() == 0 || request.first_number() > context.parts.log.peer(peer).received.value()) {
    return response;
  }
  MEDFLYT_ASSIGN_OR_RETURN(const KeptRow row,
                           FindKept(context.parts.log.reader().store(), peer, PairNumber(request.first_number())));
  MEDFLYT_ASSIGN_OR_RETURN(*response.mutable_batch(), row.ParseBatch());
  response.set_first_number(row.first.value());
  MEDFLYT_RETURN_IF_ERROR(
      AddReceipts(context.parts.log, row, PairNumber(request.first_number()), *response.mutable_receipts()));
  std::set<KeyId> sealed;
  for (size_t i = 0; i < row.events.size(); ++i) {
    const auto position = static_cast<int>(row.events[i].position);
    response.add_positions(row.events[i].position);
    const auto id = KeyId::FromBytes(response.batch().key_ids(position));
    if (row.first.value() + i < request.first_number() || !id || !sealed.insert(*id).second) continue;
    MEDFLYT_ASSIGN_OR_RETURN(auto key, SealHeld(context, peer, card, request.origin(), *id));
    if (key) *response.add_keys() = *std::move(key);
  }
  Tell(context, peer, request.first_number(), response.keys_size());
  return response;
}

absl::StatusOr<v1::GetReceiptedEventsResponse> AnswerReceiptedEvents(const Context& context, AuthorityId peer,
                                                                     const v1::GetReceiptedEventsRequest& request) {
  MEDFLYT_ASSIGN_OR_RETURN(const entry::ExchangeKeyCard card,
                           CheckAsking(context, peer, request.origin(), request.exchange_key()));
  const log::Log& log = context.parts.log;
  const uint64_t receipted = log.peer(peer).receipted.value();
  const uint64_t first = request.first_number();
  v1::GetReceiptedEventsResponse response;
  if (first == 0 || first > receipted) return response;
  MEDFLYT_ASSIGN_OR_RETURN(
      auto events, log.reader().OutboundFrom(peer, PairNumber(first),
                                             std::min<uint64_t>(entry::kMaxBatchEntries, receipted - first + 1)));
  if (events.empty()) return response;
  MEDFLYT_ASSIGN_OR_RETURN(Given given, CameBack(events.front())
                                            ? ThatCameBack(context, events)
                                            : StillThere(log, events, TreeSize(request.accepted_size())));
  BatchBuilder builder({context.parts.self, log, context.parts.keys});
  std::set<KeyId> sealed;
  for (const int event : given.events) {
    const auto id = KeyId::FromBytes(given.batch.key_ids(event));
    if (!id) continue;
    MEDFLYT_ASSIGN_OR_RETURN(auto opening,
                             builder.OpeningFor(peer, card, given.origin, {given.batch.entries(event), *id}));
    if (opening) *given.batch.add_openings() = *std::move(opening);
    if (!sealed.insert(*id).second) continue;
    MEDFLYT_ASSIGN_OR_RETURN(auto key, SealHeld(context, peer, card, request.origin(), *id));
    if (key) *response.add_keys() = *std::move(key);
  }
  for (const int event : given.events) response.add_positions(static_cast<uint32_t>(event));
  for (uint64_t number = first; number < first + given.events.size();) {
    MEDFLYT_ASSIGN_OR_RETURN(const KeptReceipt row, FindReceiptRow(log.reader().store(), peer, PairNumber(number)));
    MEDFLYT_ASSIGN_OR_RETURN(*response.add_receipts(), FindReceipt(log.reader(), peer, PairNumber(number)));
    number = row.first.value() + static_cast<uint64_t>(row.receipt.leaf_indices_size());
  }
  *response.mutable_batch() = std::move(given.batch);
  Tell(context, peer, first, response.keys_size());
  return response;
}

}  // namespace medflyt::exchange
