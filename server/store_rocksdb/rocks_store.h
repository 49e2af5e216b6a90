// The embedded default engine of the store: one RocksDB database in one directory. The only library that knows RocksDB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/log.h"
#include "server/store/store.h"

namespace rocksdb {
class Env;
}

namespace medflyt::store {

struct RocksOptions {
  uint32_t layout_version = 0;    // of the caller's rows; a new store takes it
  bool create_if_missing = true;  // otherwise NOT_FOUND where there is no store
  size_t block_cache_bytes = 64 << 20;
  // Gets the engine's warnings and errors, from any of its threads; they name files, never keys or values. Null for
  // none. Must outlive the store.
  Logger* logger = nullptr;
  // Files, clock and threads of the engine; null for the operating system's. Only modes of directories and the removal
  // of unfinished copies bypass it. For tests with faults. Must outlive the store.
  rocksdb::Env* env = nullptr;
};

// Opens the store in `directory`, which is created with mode 0700 (its parent must exist) or tightened to it, and
// raises the fencing epoch, synced. The directory is locked against other openers while the store lives.
//   STORE_IN_USE (FAILED_PRECONDITION): this or another process has it open.
//   INCOMPATIBLE_LAYOUT (FAILED_PRECONDITION): see CheckLayout; nothing was changed.
//   DATA_LOSS: a file is damaged or missing. A record cut off at the very end of the write-ahead log is none of
//     that, but what a crash leaves of a commit that was never acknowledged.
//   UNAVAILABLE: the file system failed.
[[nodiscard]] absl::StatusOr<std::unique_ptr<Store>> OpenRocksStore(const std::string& directory,
                                                                    const RocksOptions& options);

// Reads the store in `directory` and changes no file of it: for copies, since what a running node writes later is not
// seen. Errors as above, without STORE_IN_USE; NOT_FOUND where there is no store.
[[nodiscard]] absl::StatusOr<std::unique_ptr<Reader>> OpenRocksReader(const std::string& directory,
                                                                      uint32_t layout_version);

}  // namespace medflyt::store
