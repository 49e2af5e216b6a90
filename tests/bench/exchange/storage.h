// What a stopped node's store holds and takes.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "common/directory/identity.h"

namespace medflyt::bench {

struct StoredBytes {
  uint64_t on_disk = 0;                  // all files, after the write-ahead log was written out
  uint64_t entries = 0;                  // of the node's own log
  uint64_t entry_bytes = 0;              // theirs
  uint64_t received = 0;                 // entries of the peer's that are kept beside it
  uint64_t received_bytes = 0;           // theirs
  std::map<std::string, uint64_t> rows;  // bytes of keys and values by table, as they are read
};

// Opens the store, which writes out its log, and reads all of it.
[[nodiscard]] absl::StatusOr<StoredBytes> MeasureStore(const std::string& directory, AuthorityId peer);

}  // namespace medflyt::bench
