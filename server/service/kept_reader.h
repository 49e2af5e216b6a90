// What is kept beside the log, for auditors: receipts, and the batches that events were received in. Reads the store:
// on a worker's thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/wire/ledger.h"
#include "medflyt/v1/audit_service.pb.h"
#include "server/exchange/kept.h"
#include "server/log/log.h"
#include "server/service/event_reader.h"

namespace medflyt::service {

// For one call. Goes through the records of the log, and finds what belongs to each by the pair's numbers, which within
// one log stand in the order of the records.
class KeptReader {
 public:
  // Borrows the log.
  KeptReader(const log::Log& log, directory::Directory directory) : log_(log), directory_(std::move(directory)) {}

  // Adds what is kept for that log's records [first, end), `end` durable, until there is about a MiB of it or a good
  // number of entries was gone through; then the response's token is the index to go on from.
  [[nodiscard]] absl::Status Read(const log::Generation& log, LeafIndex first, TreeSize end,
                                  v1::ListKeptResponse& response);

 private:
  // The row of the event that was received last.
  struct Received {
    PairNumber number;
    exchange::KeptRow row;
  };
  [[nodiscard]] absl::Status Add(const log::Generation& log, LeafIndex index, const wire::ReceiptsLogged& record,
                                 v1::ListKeptResponse& response);
  [[nodiscard]] absl::Status Add(const log::Generation& log, LeafIndex index, const wire::EventReceived& record,
                                 v1::ListKeptResponse& response);
  // The number of our event to the peer that stands there.
  [[nodiscard]] absl::StatusOr<PairNumber> NumberOfEvent(AuthorityId peer, log::Position position) const;

  const log::Log& log_;
  const directory::Directory directory_;
  wire::LedgerCodec codec_;
  std::map<AuthorityId, Received> received_;
};

}  // namespace medflyt::service
