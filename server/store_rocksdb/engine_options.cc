#include "server/store_rocksdb/engine_options.h"

#include <memory>
#include <string>

#include "rocksdb/cache.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/listener.h"
#include "rocksdb/table.h"

namespace medflyt::store {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

rocksdb::ColumnFamilyOptions FamilyOptions(Table table, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  rocksdb::BlockBasedTableOptions blocks;
  blocks.block_cache = cache;
  // Filters and indexes count against the cache, so that memory stays bounded however long the log is.
  blocks.cache_index_and_filter_blocks = true;
  // They stay there while their file is open: each lookup of an id asks every level's filter.
  blocks.metadata_cache_options.unpartitioned_pinning = rocksdb::PinningTier::kAll;

  options.write_buffer_size = 16 * kMiB;  // the log's limit writes them out before that
  options.max_write_buffer_number = 3;    // a commit never waits for a single flush
  options.level_compaction_dynamic_level_bytes = true;
  options.compression = rocksdb::kNoCompression;  // ciphertext, hashes and random ids do not compress
  switch (table) {
    case Table::kSegments:
      blocks.block_size = 16 * 1024;  // a row is larger than a block anyway
      break;
    case Table::kTiles:
      blocks.block_size = 16 * 1024;  // two tiles; README.md says why not one, nor more
      break;
    case Table::kIndex:
      // Looked up before each commit and mostly absent: the filters answer, in files and in memory.
      options.memtable_whole_key_filtering = true;
      options.memtable_prefix_bloom_size_ratio = 0.02;
      blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
      break;
    case Table::kState:  // this and the rest are read in order, or once
    case Table::kKeys:
    case Table::kOutbox:
    case Table::kMeta:
      break;
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  return options;
}

// Where the disk is full the engine would wait for room and resume by itself. Closing it meanwhile may wait for that
// for ever: a race in 7.8, found by closing on a full disk a few hundred times.
class NeverResumed final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

}  // namespace

rocksdb::DBOptions DatabaseOptions() {
  rocksdb::DBOptions options;
  // What must be replayed at the start after a crash is bounded by this, and with it the time to start. It also keeps
  // the tables in memory so small that a commit's rows are placed fast.
  options.max_total_wal_size = 16 * kMiB;
  // Damage inside the log refuses to open instead of dropping what follows: a node that went on from an older head
  // would sign other entries at the indices it acknowledged. Only the torn record of an unfinished commit is passed
  // over.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.recycle_log_file_num = 0;  // a recycled log would keep deleted rows
  options.manual_wal_flush = false;
  // One writer: nothing to group, pipeline or reorder.
  options.allow_concurrent_memtable_write = false;
  options.enable_pipelined_write = false;
  options.unordered_write = false;
  options.enable_write_thread_adaptive_yield = false;
  options.max_background_jobs = 2;
  // Written-back as they grow, so that the sync of a new table file does not delay that of a commit.
  options.bytes_per_sync = kMiB;
  // Start-up opens and reads no table files for the sake of statistics or of a warm cache.
  options.max_open_files = 1024;
  options.skip_stats_update_on_db_open = true;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.max_manifest_file_size = 4 * kMiB;
  options.avoid_unnecessary_blocking_io = true;
  // The engine would tell the kernel that files are read at random, and then each block that is not in memory is a read
  // of the disk by itself. Left alone, the kernel reads ahead where what lies before is in memory already.
  options.advise_random_on_open = false;
  options.allow_data_in_errors = false;  // no keys in messages
  // After a background error the store is closed and opened, never resumed: the outcome of a commit may be unknown.
  options.max_bgerror_resume_count = 0;
  options.listeners.push_back(std::make_shared<NeverResumed>());
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> Families(size_t block_cache_bytes) {
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(block_cache_bytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const Table table : kTables) families.emplace_back(std::string(TableName(table)), FamilyOptions(table, cache));
  families.emplace_back(rocksdb::kDefaultColumnFamilyName, FamilyOptions(Table::kMeta, cache));
  return families;
}

}  // namespace medflyt::store
