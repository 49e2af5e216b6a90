// What is kept beside the log, for auditors: receipts, and the batches that events were received in. Reads the store:
// on a worker's thread.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "medflyt/v1/audit_service.pb.h"
#include "server/log/log.h"
#include "server/service/event_reader.h"

namespace medflyt::service {

// Thread-safe. Borrows the log.
class KeptReader {
 public:
  KeptReader(const log::Log& log, DirectorySource directory) : log_(log), directory_(std::move(directory)) {}

  // Adds what is kept for the records [first, end), `end` durable, from the token's place on, and the next token; about
  // a MiB. INVALID_ARGUMENT (PAGE_TOKEN_INVALID).
  [[nodiscard]] absl::Status Read(LeafIndex first, TreeSize end, std::string_view token,
                                  v1::ListKeptResponse& response) const;

 private:
  // True when the page is full; `next` is then where the peer's next row stands.
  [[nodiscard]] absl::StatusOr<bool> AddReceipts(AuthorityId peer, LeafIndex first, TreeSize end, uint64_t& next,
                                                 v1::ListKeptResponse& response) const;
  [[nodiscard]] absl::StatusOr<bool> AddReceived(AuthorityId peer, LeafIndex first, TreeSize end, uint64_t& next,
                                                 v1::ListKeptResponse& response) const;
  // The number of the peer's first event that is recorded at `first` or behind.
  [[nodiscard]] absl::StatusOr<PairNumber> NumberAt(AuthorityId peer, LeafIndex first) const;

  const log::Log& log_;
  const DirectorySource directory_;
};

}  // namespace medflyt::service
