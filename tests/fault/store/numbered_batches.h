// Batches whose remains tell, after any accident, which of them are there and whether one is there in part.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/bytes.h"
#include "server/store/store.h"

namespace medflyt::store {

inline std::string NumberKey(uint64_t number) {
  std::string key;
  AppendU64(key, number);
  return key;
}

// Large enough to cross the log's blocks, and another for each number.
inline std::string SegmentOf(uint64_t number) {
  std::string bytes(20'000 + number % 7 * 9'000, '\0');
  uint64_t state = number * uint64_t{0x9e3779b97f4a7c15} + 1;
  for (char& byte : bytes) {
    state = state * 6364136223846793005 + 1442695040888963407;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

// One row more in each of three tables, one overwritten, and the row of the batch before deleted.
inline Batch NumberedBatch(uint64_t number) {
  Batch batch;
  batch.Put(Table::kSegments, NumberKey(number), SegmentOf(number));
  batch.Put(Table::kIndex, NumberKey(number), "present");
  batch.Put(Table::kOutbox, NumberKey(number), "waiting");
  if (number > 1) batch.Delete(Table::kOutbox, NumberKey(number - 1));
  batch.Put(Table::kState, "latest", NumberKey(number));
  return batch;
}

// The number of the latest batch there, 0 for none; what is wrong where the rows are not exactly those that batches
// 1 to that number left.
inline absl::StatusOr<uint64_t> LatestWholeBatch(const Reader& reader) {
  const auto latest_row = reader.Get(Table::kState, "latest");
  if (!latest_row.ok()) return latest_row.status();
  uint64_t latest = 0;
  if (latest_row->has_value()) {
    const std::optional<uint64_t> number = ByteReader(**latest_row).U64();
    if (!number.has_value()) return absl::InternalError("the latest number is garbled");
    latest = *number;
  }
  std::string wrong;
  for (const Table table : {Table::kSegments, Table::kIndex}) {
    uint64_t next = 1;
    const absl::Status scanned =
        reader.Scan(table, KeyRange::All(), Order::kAscending, [&](std::string_view key, std::string_view value) {
          if (key != NumberKey(next)) wrong = "a row is missing in " + std::string(TableName(table));
          if (value != (table == Table::kSegments ? SegmentOf(next) : "present")) wrong = "a value is another";
          ++next;
          return Step::kContinue;
        });
    if (!scanned.ok()) return scanned;
    if (next != latest + 1) wrong = "latest is " + std::to_string(latest) + ", rows end before " + std::to_string(next);
  }
  uint64_t waiting = 0;
  const absl::Status scanned =
      reader.Scan(Table::kOutbox, KeyRange::All(), Order::kAscending, [&](std::string_view key, std::string_view) {
        ++waiting;
        if (key != NumberKey(latest)) wrong = "a deleted row is back";
        return Step::kContinue;
      });
  if (!scanned.ok()) return scanned;
  if (waiting != (latest > 0 ? 1 : 0)) wrong = "the row that waits is missing";
  if (!wrong.empty()) return absl::InternalError(wrong);
  return latest;
}

}  // namespace medflyt::store
