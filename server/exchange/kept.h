// What came from a peer, kept beside the log: the batches with their proofs, so that this store alone can prove any
// event that it received. Grants and openings are not kept.
//
//   kOutbox 'r' ‖ u32 issuer ‖ u64 first number   ->  version 1 (u8) ‖ u32 count ‖ count × (u32 position in the batch ‖
//                                                    u64 position of our EventReceived) ‖ EventBatch
//
// One row a batch that brought something new; its events have the numbers from `first` on. Any thread, as all that
// reads the store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "medflyt/v1/exchange.pb.h"
#include "server/log/layout.h"
#include "server/store/store.h"

namespace medflyt::exchange {

struct KeptEvent {
  uint32_t position = 0;  // among the batch's entries
  log::Position record;   // of our EventReceived
  friend bool operator==(const KeptEvent&, const KeptEvent&) = default;
};
struct KeptRow {
  PairNumber first;
  std::vector<KeptEvent> events;  // of the numbers first, first + 1, ...
  std::string batch;              // bytes of the EventBatch

  // DATA_LOSS (ROW_MALFORMED).
  [[nodiscard]] absl::StatusOr<v1::EventBatch> ParseBatch() const;
};

// A row whose records are set later, once each: the batch is written into it in one copy.
[[nodiscard]] std::string StartKept(const std::vector<uint32_t>& positions, const v1::EventBatch& batch);
void SetRecord(std::string& row, size_t event, log::Position record);
// DATA_LOSS (ROW_MALFORMED), as for everything that reads rows here.
[[nodiscard]] absl::StatusOr<KeptRow> DecodeKept(PairNumber first, std::string_view value);

// The row that holds the event with this number; NOT_FOUND (EVENT_UNKNOWN).
[[nodiscard]] absl::StatusOr<KeptRow> FindKept(const store::Reader& store, AuthorityId issuer, PairNumber number);
// The first of the numbers up to `last`, which was received, whose record stands there or behind; `last` where none
// does. The row of an event that was recorded again (record_again.h) names the later record. Not for an issuer of whom
// a repetition is unfinished.
[[nodiscard]] absl::StatusOr<PairNumber> NumberOfRecord(const store::Reader& store, AuthorityId issuer, PairNumber last,
                                                        log::Position record);
// Of whom rows are kept, ascending, whether or not the directory still has them; this node itself for events of its own
// that came back.
[[nodiscard]] absl::StatusOr<std::vector<AuthorityId>> KeptIssuers(const store::Reader& store);
// The origins of the issuer's logs that events up to `last`, which was received, are kept of, in the order of numbers:
// what is kept of one log stands together. Some twenty rows of a million are read for each log but the last.
[[nodiscard]] absl::StatusOr<std::vector<std::string>> KeptLogs(const store::Reader& store, AuthorityId issuer,
                                                                PairNumber last);
// The rows that hold numbers from `from` on, in order, until the visitor returns an error.
[[nodiscard]] absl::Status VisitKept(const store::Reader& store, AuthorityId issuer, PairNumber from,
                                     absl::FunctionRef<absl::Status(const KeptRow&)> visit);

// The checkpoints of the batches of this issuer, of the highest numbers first, until one does not parse or `visit` is
// false. The errors of the store. Any thread.
[[nodiscard]] absl::Status VisitBatchNotes(const store::Reader& store, AuthorityId issuer,
                                           absl::FunctionRef<bool(const std::string&)> visit);

// An event that was received, with what proves it.
struct ReceivedEntry {
  std::string entry;  // exact bytes of the LogEntry
  KeyId key_id;
  std::string origin;  // of the issuer's log
  LeafIndex index;     // in the issuer's log
  crypto::Hash leaf_hash;
  std::string tlog_proof;  // C2SP tlog-proof under a checkpoint of the issuer's that this node has accepted
};
// NOT_FOUND (EVENT_UNKNOWN) for an event that was not received here.
[[nodiscard]] absl::StatusOr<ReceivedEntry> FindReceived(const store::Reader& store, const log::EventLocation& event);
[[nodiscard]] absl::StatusOr<ReceivedEntry> ReceivedAt(const KeptRow& row, PairNumber number);

}  // namespace medflyt::exchange
