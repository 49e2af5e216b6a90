// Receipts: the recipient's proof that it logged events. Pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/entry/batch.h"
#include "common/tlog/checkpoint.h"
#include "common/wire/ledger.h"
#include "medflyt/v1/exchange.pb.h"

namespace medflyt::entry {

// What the recipient states, from its own log. `leaves[i]` are the exact bytes of its entry `indices[i]`, an
// EventReceived. The proofs are from `consistency_from` to, and under, the checkpoint.
struct ReceiptParts {
  std::string_view checkpoint;  // signed note
  TreeSize consistency_from;
  std::span<const crypto::Hash> consistency_proof;
  std::span<const LeafIndex> indices;
  std::span<const std::string> leaves;
  std::span<const crypto::Hash> multi_proof;
};
[[nodiscard]] v1::Receipt BuildReceipt(const ReceiptParts& parts);

// One event of ours that the recipient logged.
struct ReceiptedEvent {
  LeafIndex index;            // in our log
  LeafIndex recipient_index;  // of the EventReceived, in the recipient's
  std::string refused_rule;   // empty: accepted
  friend bool operator==(const ReceiptedEvent&, const ReceiptedEvent&) = default;
};
struct VerifiedReceipt {
  tlog::OpenedCheckpoint head;          // of the recipient's log, to be kept as the accepted one
  std::vector<ReceiptedEvent> events;   // in the order of the recipient's log
  std::vector<absl::Time> recorded_at;  // when the recipient logged each
};

// `sent` gives the leaf hash of an entry of `own_origin` that was sent to this recipient, nothing for any other index.
// The errors of VerifyHead, and INVALID_ARGUMENT: RECEIPT_MALFORMED (with the field; also for a leaf that is no
// EventReceived of this origin), RECEIPT_UNEXPECTED for an event that was not sent to it, RECEIPT_LEAF_MISMATCH where
// it names another leaf hash than ours, MULTI_PROOF_INVALID.
[[nodiscard]] absl::StatusOr<VerifiedReceipt> VerifyReceipt(
    const v1::Receipt& receipt, const LogIdentity& recipient, const AcceptedHead& accepted, std::string_view own_origin,
    absl::FunctionRef<std::optional<crypto::Hash>(LeafIndex)> sent, wire::LedgerCodec& ledger);

}  // namespace medflyt::entry
