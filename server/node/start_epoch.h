// Detects a store that was rolled back: an epoch rises at each start, in the store before the file, and the file lies
// outside store and backups. It also keeps the size of the log as of the last start and stop.
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
  uint64_t epoch = 0;
  TreeSize size;
};

// What the two say, before anything is written. FAILED_PRECONDITION: STORE_ROLLED_BACK where the store is behind the
// file, EPOCH_FILE_MISSING where there is no file but the store has been started before. DATA_LOSS
// (EPOCH_FILE_MALFORMED). On OK: the higher epoch of the two.
[[nodiscard]] absl::StatusOr<StartEpoch> CheckStartEpoch(const store::Store& store, const std::string& file,
                                                         TreeSize head);

// One higher, in the store, synced, then in the file. The errors of both.
[[nodiscard]] absl::Status RaiseStartEpoch(store::Store& store, const std::string& file, const StartEpoch& last,
                                           TreeSize head);
// At a stop, after the last commit.
[[nodiscard]] absl::Status NoteSize(const store::Store& store, const std::string& file, TreeSize head);

}  // namespace medflyt::node
