// What is kept beside the log, for auditors: receipts, and the batches that events were received in. Reads the store:
// on a worker's thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/wire/ledger.h"
#include "medflyt/v1/audit_service.pb.h"
#include "server/exchange/kept.h"
#include "server/log/log_reader.h"

namespace medflyt::service {

// For one call, or all of one log's pages in their order. Goes through the records of the log, and finds what belongs
// to each by the pair's numbers, which within one log stand in the order of the records. Whose a record is the store
// says: a peer whose card is gone has what is kept all the same. Needs no key, and nothing that was opened of the logs
// (LogReader), so a copy of a store is read as the node's own is.
class KeptReader {
 public:
  // Borrows the reader; `peers` are as far as its logs are read, or further.
  KeptReader(const log::LogReader& reader, std::map<AuthorityId, log::PeerState> peers);

  // Adds what is kept for that log's records [first, end), `end` durable, until there is about a MiB of it or a good
  // number of entries was gone through; then the response's token is the index to go on from. DATA_LOSS (ROW_MALFORMED)
  // where the rows are not those that the records speak of.
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
  // Whose log this is, of which events were received; nothing where none is kept of it.
  [[nodiscard]] absl::StatusOr<std::optional<AuthorityId>> IssuerOf(const std::string& origin);
  // Whose log this is, which our event that stands there was issued to; nothing where it was issued to none.
  [[nodiscard]] absl::StatusOr<std::optional<AuthorityId>> RecipientOf(const std::string& origin,
                                                                       log::Position position);
  // The number of our event to the peer that stands there.
  [[nodiscard]] absl::StatusOr<PairNumber> NumberOfEvent(AuthorityId peer, log::Position position) const;
  [[nodiscard]] log::PeerState StateOf(AuthorityId peer) const;

  const log::LogReader& reader_;
  const std::map<AuthorityId, log::PeerState> peers_;
  wire::LedgerCodec codec_;
  std::map<AuthorityId, Received> received_;
  std::map<std::string, AuthorityId>
      owners_;                 // by origin: of the peers' logs of today, and of others as they are found
  bool issuers_read_ = false;  // all of whose logs something is kept are among them
};

}  // namespace medflyt::service
