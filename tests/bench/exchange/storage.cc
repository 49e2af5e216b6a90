#include "tests/bench/exchange/storage.h"

#include <filesystem>

#include "common/base/status.h"
#include "medflyt/v1/exchange.pb.h"
#include "server/exchange/kept.h"
#include "server/log/layout.h"
#include "server/node/node.h"
#include "server/store_rocksdb/rocks_store.h"

namespace medflyt::bench {
namespace {

absl::Status Read(const store::Store& store, AuthorityId peer, StoredBytes& bytes) {
  for (const store::Table table : store::kTables) {
    uint64_t& rows = bytes.rows[std::string(store::TableName(table))];
    absl::Status status;
    MEDFLYT_RETURN_IF_ERROR(store.Scan(table, store::KeyRange::All(), store::Order::kAscending,
                                       [&](std::string_view key, std::string_view value) {
                                         rows += key.size() + value.size();
                                         if (table != store::Table::kSegments) return store::Step::kContinue;
                                         const auto entries = log::DecodeSegment(value);
                                         status = entries.status();
                                         if (!status.ok()) return store::Step::kStop;
                                         for (const log::SegmentEntry& entry : *entries) {
                                           ++bytes.entries;
                                           bytes.entry_bytes += entry.bytes.size();
                                         }
                                         return store::Step::kContinue;
                                       }));
    MEDFLYT_RETURN_IF_ERROR(status);
  }
  return exchange::VisitKept(store, peer, PairNumber(1), [&bytes](const exchange::KeptRow& row) {
    MEDFLYT_ASSIGN_OR_RETURN(const v1::EventBatch batch, row.ParseBatch());
    for (const std::string& entry : batch.entries()) {
      ++bytes.received;
      bytes.received_bytes += entry.size();
    }
    return absl::OkStatus();
  });
}

}  // namespace

absl::StatusOr<StoredBytes> MeasureStore(const std::string& directory, AuthorityId peer) {
  StoredBytes bytes;
  {
    MEDFLYT_ASSIGN_OR_RETURN(const auto store,
                             store::OpenRocksStore(directory, {.layout_version = node::kLayoutVersion}));
    MEDFLYT_RETURN_IF_ERROR(Read(*store, peer, bytes));
  }
  for (const auto& file : std::filesystem::directory_iterator(directory)) bytes.on_disk += file.file_size();
  return bytes;
}

}  // namespace medflyt::bench
