// What requests led to, so that a repeated one is answered the same way; under the node's own key.
//
//   kIndex  'q' ‖ keyed hash of the request     ->  nonce (24) ‖ sealed log::RequestRecord
//   kIndex  't' ‖ keyed hash of the relocation  ->  fingerprint (32) of the first officer's certificate
//
// A request's digest is over what a client said, which may be a CPR number and little else, and its events name cases:
// so nothing of it is on disk as a bare hash or in clear, nor is it told which relocations two officers look at.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/crypto/hash.h"
#include "common/crypto/secret.h"
#include "server/log/appender.h"
#include "server/log/layout.h"

namespace medflyt::service {

// For the duration of one Apply, on the sequencer's thread.
class RequestBook {
 public:
  // Makes the node's own key where there is none yet. The key table's errors.
  [[nodiscard]] static absl::StatusOr<RequestBook> Open(log::Appender& appender);

  // DATA_LOSS (ROW_MALFORMED) for a row that does not open.
  [[nodiscard]] absl::StatusOr<std::optional<log::RequestRecord>> Find(const crypto::Hash& request) const;
  void Put(const crypto::Hash& request, const log::RequestRecord& record);
  // The digest as it stands in a record.
  [[nodiscard]] crypto::Hash Keyed(const crypto::Hash& digest) const;

  [[nodiscard]] absl::StatusOr<std::optional<std::string>> FirstOfficer(const CaseId& relocation) const;
  void PutFirstOfficer(const CaseId& relocation, const crypto::Hash& certificate);

 private:
  RequestBook(log::Appender& appender, crypto::Key key) : appender_(appender), key_(std::move(key)) {}
  [[nodiscard]] std::string RowOf(const crypto::Hash& request) const;
  [[nodiscard]] std::string OfficerRowOf(const CaseId& relocation) const;

  log::Appender& appender_;
  const crypto::Key key_;
};

}  // namespace medflyt::service
