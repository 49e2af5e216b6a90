// What requests led to, so that a repeated one is answered the same way.
//
//   kIndex  'q' ‖ hash of the request, under the node's own key
//       ->  log::RequestRecord, whose digest is under the data key of the first citizen's case that it led to an event
//       of; of an import, and where no citizen's case is concerned (agreements), under the node's own key
//
// A request's digest is over what a client said, which may be a CPR number and little else. Under a key of the case it
// is noise once the case is erased, in this store and in every copy, for whoever guesses the number too. An import's
// digest is over the digest of a whole extract of the registry: from it no citizen can be guessed, and the erasure of
// one would make the repetition for all others unanswerable. What the request led to stands in the log.
#pragma once

#include <optional>
#include <string>
#include <vector>

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

  // DATA_LOSS (ROW_MALFORMED) for a row that does not parse.
  [[nodiscard]] absl::StatusOr<std::optional<log::RequestRecord>> Find(const log::RequestKey& request) const;
  // Whether this is what was said in the request. FAILED_PRECONDITION (REQUEST_ERASED) where the case that it was about
  // is erased: nobody can tell any more. DATA_LOSS (KEY_MISSING) where its key is gone and nothing was erased.
  [[nodiscard]] absl::StatusOr<bool> Says(const log::RequestRecord& record, const crypto::Hash& said) const;
  // The request in which this was said, which led just now to these events among the entries from `first` on. The key
  // table's errors.
  [[nodiscard]] absl::Status Put(const log::RequestKey& request, const crypto::Hash& said, log::Position first,
                                 const std::vector<log::IssuedEvent>& events);

 private:
  RequestBook(log::Appender& appender, crypto::Key key) : appender_(appender), key_(std::move(key)) {}
  // The data key that the request's digest is under.
  [[nodiscard]] absl::StatusOr<keys::DataKey> DigestKey(const std::vector<log::IssuedEvent>& events) const;

  log::Appender& appender_;
  const crypto::Key key_;
};

}  // namespace medflyt::service
