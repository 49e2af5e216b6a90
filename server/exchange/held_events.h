// What a peer whose store lacks part of its log is given back (PeerService.GetHeldEvents, GetReceiptedEvents). The
// asking end is recovery.h.
#pragma once

#include "absl/status/statusor.h"
#include "common/directory/identity.h"
#include "common/entry/grant.h"
#include "medflyt/v1/exchange.pb.h"
#include "medflyt/v1/peer_service.pb.h"
#include "server/exchange/context.h"

namespace medflyt::exchange {

// The row of received events that holds the number asked for, with the keys and receipts of the events from there on,
// the keys sealed to the peer's exchange key. PERMISSION_DENIED (HELD_ORIGIN_FOREIGN), the errors of CheckAdmitted and
// of entry::VerifyExchangeKey, DATA_LOSS (ROW_MALFORMED). Reads the store; any thread, as the next one.
[[nodiscard]] absl::StatusOr<v1::GetHeldEventsResponse> AnswerHeldEvents(const Context& context, AuthorityId peer,
                                                                         const v1::GetHeldEventsRequest& request);

// The next of our events to the peer that stand in one of our logs, or came back in one batch, with their keys,
// openings and the peer's receipts of them. Beside the errors above OUT_OF_RANGE (PROOF_OUT_OF_RANGE) for an accepted
// size that our open log has not; NOT_FOUND (EVENT_UNKNOWN) where a receipt is not held.
[[nodiscard]] absl::StatusOr<v1::GetReceiptedEventsResponse> AnswerReceiptedEvents(
    const Context& context, AuthorityId peer, const v1::GetReceiptedEventsRequest& request);

}  // namespace medflyt::exchange
