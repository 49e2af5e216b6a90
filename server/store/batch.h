// What one commit changes: rows to write and to delete in the store's tables.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace medflyt::store {

// Ordered maps from key to value, apart because their rows live and are read differently. Who writes a table owns the
// layout of its keys and values.
enum class Table : uint8_t {
  kSegments,  // entries, one row per commit under its first index (big-endian); never overwritten
  kTiles,     // full tiles of the tree; never overwritten
  kState,     // canonical states and projections, overwritten in place
  kIndex,     // event ids, request ids, received events: small rows, mostly looked up and not found
  kOutbox,    // what each pair was and is to be sent, and receipts
  kKeys,      // the key table: wrapped data keys
  kMeta,      // tree head and other single rows
};

inline constexpr std::array kTables = {Table::kSegments, Table::kTiles, Table::kState, Table::kIndex,
                                       Table::kOutbox,   Table::kKeys,  Table::kMeta};

// The table's stable name on disk: "segments", "tiles", ...
[[nodiscard]] std::string_view TableName(Table table);

// Rows in the order given; a later change of the same row wins. Keys and values may be empty, and hold any bytes; each
// is below 4 GiB. One thread at a time. Clear() keeps the memory, so a writer reuses one batch for all its commits.
class Batch {
 public:
  struct Change {
    Table table;
    bool deletes;  // the value is then empty
    std::string_view key;
    std::string_view value;
  };

  Batch() = default;
  Batch(Batch&&) = default;
  Batch& operator=(Batch&&) = default;
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  void Put(Table table, std::string_view key, std::string_view value);
  // Deleting a row that does not exist is no error.
  void Delete(Table table, std::string_view key);
  void Clear();

  [[nodiscard]] size_t size() const { return rows_.size(); }  // changes, not distinct rows
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] size_t byte_size() const { return bytes_.size(); }  // of all keys and values
  // Valid until the batch is changed. Requires i < size().
  [[nodiscard]] Change at(size_t i) const;

 private:
  struct Row {
    size_t offset;  // of the key in bytes_; the value follows it
    uint32_t key_size;
    uint32_t value_size;
    Table table;
    bool deletes;
  };

  std::string bytes_;
  std::vector<Row> rows_;
};

}  // namespace medflyt::store
