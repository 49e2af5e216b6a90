// Detects a store that was rolled back: an epoch rises at each start and each backup, in the store before the file, and
// the file lies outside store and backups. It also keeps a size that the log has had: of the last start and stop, of
// the last turn of cosigning, whether or not anybody cosigned, and the largest that a peer has proven since.
//
//   kMeta "start-epoch"   ->  u64 big-endian
//   file                  ->  "medflyt-epoch/v1\n<epoch>\n<tree size>\n"
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "server/store/store.h"

namespace medflyt::node {

struct StartEpoch {
  uint64_t epoch = 0;  // the higher of the two
  TreeSize size;       // the file's
  // Why the store may have been rolled back, or OK. FAILED_PRECONDITION: STORE_ROLLED_BACK where it is behind the file,
  // EPOCH_FILE_MISSING where there is no file but the store has been started before, as on a new machine.
  absl::Status behind;
};

// What the two say, before anything is written. DATA_LOSS (EPOCH_FILE_MALFORMED).
[[nodiscard]] absl::StatusOr<StartEpoch> CheckStartEpoch(const store::Store& store, const std::string& file,
                                                         TreeSize head);

// One higher, in the store, synced, then in the file, which has the size `head` from then on, be it smaller than
// before; and in `epoch`, which is behind no longer. The errors of both.
[[nodiscard]] absl::Status RaiseStartEpoch(store::Store& store, const std::string& file, StartEpoch& epoch,
                                           TreeSize head);
// The log has had this size: the file keeps the larger. One caller at a time.
[[nodiscard]] absl::Status NoteSize(const std::string& file, TreeSize size);

}  // namespace medflyt::node
