// The engine's settings, and why each; the measurements behind them are in README.md.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "rocksdb/db.h"
#include "rocksdb/options.h"
#include "server/store/batch.h"

namespace medflyt::store {

// Without env, log and creation, which the opener sets.
[[nodiscard]] rocksdb::DBOptions DatabaseOptions();

// One family for each of kTables, in that order, then the default family, which holds the store's own rows.
[[nodiscard]] std::vector<rocksdb::ColumnFamilyDescriptor> Families(size_t block_cache_bytes);

}  // namespace medflyt::store
