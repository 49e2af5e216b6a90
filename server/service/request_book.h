// What requests led to, so that a repeated one is answered the same way; under the node's own key.
//
//   kIndex  'q' ‖ keyed hash of the request     ->  log::RequestRecord, its digest keyed too
//   kIndex  't' ‖ keyed hash of the relocation  ->  fingerprint (32) of the first officer's certificate
//
// A request's digest is over what a client said, which may be a CPR number and little else: so nothing of it is on disk
// as a bare hash, nor is it told which relocations two officers look at. What the request led to stands in the log.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/id.h"
#include "common/crypto/hash.h"
#include "common/crypto/secret.h"
#include "server/log/appender.h"
#include "server/log/layout.h"

namespace medflyt::service {

// Whether a request with this record is answered from it still: `retention` long, its end included.
[[nodiscard]] inline bool IsKept(const log::RequestRecord& record, absl::Time now, absl::Duration retention) {
  return now - record.recorded_at <= retention;
}

// For the duration of one Apply, on the sequencer's thread.
class RequestBook {
 public:
  // Makes the node's own key where there is none yet. The key table's errors.
  [[nodiscard]] static absl::StatusOr<RequestBook> Open(log::Appender& appender);

  [[nodiscard]] log::RequestKey KeyOf(const crypto::Hash& request) const;
  // Of what was said in the request, as it stands in its record.
  [[nodiscard]] log::RequestDigest DigestOf(const crypto::Hash& said) const;

  // DATA_LOSS (ROW_MALFORMED) for a row that does not parse.
  [[nodiscard]] absl::StatusOr<std::optional<log::RequestRecord>> Find(const log::RequestKey& request) const;
  void Put(const log::RequestKey& request, const log::RequestRecord& record);

  [[nodiscard]] absl::StatusOr<std::optional<std::string>> FirstOfficer(const CaseId& relocation) const;
  void PutFirstOfficer(const CaseId& relocation, const crypto::Hash& certificate);

 private:
  RequestBook(log::Appender& appender, crypto::Key key) : appender_(appender), key_(std::move(key)) {}
  [[nodiscard]] std::string OfficerRowOf(const CaseId& relocation) const;

  log::Appender& appender_;
  const crypto::Key key_;
};

}  // namespace medflyt::service
