// That the cards of peers have changed, in the log itself (wire::DirectoryChanged): by them keys and endpoints are
// believed, so whoever reads the log sees when they became others, and by whose client certificate.
//
//   kMeta "directory"   ->  PeerDirectory::Cards::digest of those that were recorded last
//
// The cards that a store meets first are only remembered: there is nothing that they differ from.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/crypto/hash.h"
#include "server/log/appender.h"
#include "server/log/sequencer.h"
#include "server/node/peer_directory.h"
#include "server/store/store.h"

namespace medflyt::node {

// Thread-safe. Outlives what it has submitted.
class DirectoryRecorder {
 public:
  using Done = std::function<void(const absl::Status&)>;

  // DATA_LOSS (ROW_MALFORMED), the errors of the store.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<DirectoryRecorder>> Load(const store::Reader& store);

  // `done` gets its outcome once a record is durable, where one was needed: the errors of the queue, and
  // LOG_RESTRAINED, after which the next call records it. Without a certificate it may wait for another commit.
  void Record(const PeerDirectory::Cards& cards, const std::optional<crypto::Hash>& certificate,
              log::SubmissionQueue& queue, const Done& done);

 private:
  class Recording;

  explicit DirectoryRecorder(std::optional<crypto::Hash> last) : last_(last) {}
  [[nodiscard]] absl::Status Stage(const PeerDirectory::Cards& cards, const std::optional<crypto::Hash>& certificate,
                                   log::Appender& appender);

  Mutex mutex_;
  std::optional<crypto::Hash> last_ MEDFLYT_GUARDED_BY(mutex_);
};

}  // namespace medflyt::node
