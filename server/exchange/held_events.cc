#include "server/exchange/held_events.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/entry/batch.h"
#include "server/exchange/admitted.h"
#include "server/exchange/batch_builder.h"
#include "server/exchange/hello.h"
#include "server/exchange/kept.h"
#include "server/exchange/kept_receipt.h"

namespace medflyt::exchange {
namespace {

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
  MEDFLYT_RETURN_IF_ERROR(CheckAdmitted(context, peer, origin));
  MEDFLYT_ASSIGN_OR_RETURN(entry::ExchangeKeyCard card, CardFromProto(shown));
  MEDFLYT_RETURN_IF_ERROR(
      entry::VerifyExchangeKey(card, log->keys.back().key.key(), origin, context.parts.clock.Now()));
  return card;
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
  std::set<KeyId> sealed;
  for (size_t i = 0; i < row.events.size(); ++i) {
    const auto position = static_cast<int>(row.events[i].position);
    response.add_positions(row.events[i].position);
    const auto id = KeyId::FromBytes(response.batch().key_ids(position));
    if (row.first.value() + i < request.first_number() || !id || !sealed.insert(*id).second) continue;
    const auto key = context.parts.keys.Find(*id);
    if (absl::IsNotFound(key.status())) continue;  // erased here
    MEDFLYT_RETURN_IF_ERROR(key.status());
    v1::HeldKey& held = *response.add_keys();
    v1::SealedGrant& grant = *held.mutable_sealed();
    grant.set_key_id(std::string(id->bytes()));
    grant.set_exchange_epoch(card.epoch);
    MEDFLYT_ASSIGN_OR_RETURN(*grant.mutable_sealed(),
                             entry::SealGrant({request.origin(), *id, peer}, *key, card.public_key));
    held.set_commitment(std::string(entry::GrantCommitment(*id, *key).bytes()));
  }
  context.parts.logger.Warning(
      "events_given_back",
      absl::StrCat("peer=", peer.ToString(), " from=", request.first_number(), " keys=", response.keys_size()));
  return response;
}

absl::StatusOr<v1::GetReceiptedEventsResponse> AnswerReceiptedEvents(const Context& context, AuthorityId peer,
                                                                     const v1::GetReceiptedEventsRequest& request) {
  MEDFLYT_ASSIGN_OR_RETURN(const entry::ExchangeKeyCard card,
                           CheckAsking(context, peer, request.origin(), request.exchange_key()));
  const log::Log& log = context.parts.log;
  const uint64_t receipted = log.peer(peer).receipted.value();
  v1::GetReceiptedEventsResponse response;
  if (request.first_number() == 0 || request.first_number() > receipted) return response;
  if (request.accepted_size() > log.head().size.value()) {
    return RuleError(absl::StatusCode::kOutOfRange, "PROOF_OUT_OF_RANGE", "accepted_size",
                     "this node's log is not that long");
  }
  const PairNumber first(request.first_number());
  BatchBuilder builder({context.parts.self, log, context.parts.keys});
  MEDFLYT_ASSIGN_OR_RETURN(const auto waiting, log.reader().OutboundFrom(peer, first, entry::kMaxBatchEntries));
  std::set<KeyId> keys;
  for (const log::Outbound& event : waiting) {
    if (log.reader().generations().Of(event.position).last) {
      return RuleError(absl::StatusCode::kFailedPrecondition, "EVENT_IN_CLOSED_LOG", "first_number",
                       "the event stands in a log that is closed");
    }
    keys.insert(event.entry.key_id);
  }
  MEDFLYT_ASSIGN_OR_RETURN(auto built, builder.Build(peer, card, first, TreeSize(request.accepted_size()), keys));
  if (!built) return response;
  const uint64_t last = std::min(receipted, built->events.back().number.value());
  for (uint64_t number = first.value(); number <= last;) {
    MEDFLYT_ASSIGN_OR_RETURN(const KeptReceipt row, FindReceiptRow(log.reader().store(), peer, PairNumber(number)));
    MEDFLYT_ASSIGN_OR_RETURN(*response.add_receipts(), FindReceipt(log.reader(), peer, PairNumber(number)));
    number = row.first.value() + static_cast<uint64_t>(row.receipt.leaf_indices_size());
  }
  *response.mutable_batch() = std::move(built->batch);
  return response;
}

}  // namespace medflyt::exchange
