// Receipts of our events, kept so that this store alone can show what a recipient has signed for.
//
//   kOutbox 'c' ‖ u32 recipient ‖ u64 first number  ->  version 1 (u8) ‖ u16 events ‖ u16 runs ‖ runs × (u16 events ‖
//                                                       u64 microseconds) ‖ u16 refused ‖ refused × (u16 event ‖
//                                                       u8 length ‖ rule) ‖ Receipt without its leaves
//
// One row a receipt. Its leaves are the greater part of it, and say little that is not known here: of each event the
// own origin, index and leaf hash. So only when each was logged and which were refused is kept, and the leaves are made
// again, byte for byte: a ledger record has one encoding.
#pragma once

#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/directory/identity.h"
#include "common/entry/receipt.h"
#include "medflyt/v1/exchange.pb.h"
#include "server/log/log_reader.h"
#include "server/store/store.h"

namespace medflyt::exchange {

// `verified` is what entry::VerifyReceipt made of `receipt`, whose events have consecutive numbers.
[[nodiscard]] std::string EncodeReceipt(const v1::Receipt& receipt, const entry::VerifiedReceipt& verified);

// A row as it is stored: the receipt is without its leaves.
struct KeptReceipt {
  PairNumber first;
  v1::Receipt receipt;
};
// The row that covers our event with this number. NOT_FOUND (EVENT_UNKNOWN), DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::StatusOr<KeptReceipt> FindReceiptRow(const store::Reader& store, AuthorityId recipient,
                                                         PairNumber number);

// The receipt that covers our event with this number, as it came: its bytes are those of which ReceiptsLogged has the
// digest. NOT_FOUND (EVENT_UNKNOWN) where none is held, DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::StatusOr<v1::Receipt> FindReceipt(const log::LogReader& reader, AuthorityId recipient,
                                                      PairNumber number);

// The checkpoints of this recipient's receipts, the newest first, until one does not parse or `visit` is false. The
// errors of the store. Any thread.
[[nodiscard]] absl::Status VisitReceiptNotes(const store::Reader& store, AuthorityId recipient,
                                             absl::FunctionRef<bool(const std::string&)> visit);

}  // namespace medflyt::exchange
