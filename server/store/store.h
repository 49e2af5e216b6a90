// Where a node keeps everything: ordered tables with atomic, durable batches and snapshot reads. The engine behind it
// is chosen by `node`: RocksDB (server/store_rocksdb), memory for simulation (memory_store.h), a replicated one some
// day.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/batch.h"

namespace medflyt::store {

// Keys k with begin <= k, and k < end where there is an end. Keys are ordered as unsigned bytes.
struct KeyRange {
  std::string begin;
  std::optional<std::string> end;

  [[nodiscard]] static KeyRange All() { return {}; }
  [[nodiscard]] static KeyRange From(std::string_view begin) { return {std::string(begin), std::nullopt}; }
  [[nodiscard]] static KeyRange Between(std::string_view begin, std::string_view end) {
    return {std::string(begin), std::string(end)};
  }
  // Every key that starts with `prefix`, itself too.
  [[nodiscard]] static KeyRange Prefix(std::string_view prefix);

  [[nodiscard]] bool Contains(std::string_view key) const { return begin <= key && (!end.has_value() || key < *end); }
};

struct Row {
  std::string key;
  std::string value;

  friend bool operator==(const Row&, const Row&) = default;
};

enum class Order { kAscending, kDescending };
enum class Step { kContinue, kStop };

// Called with each row; the views are valid during the call only.
using RowVisitor = absl::FunctionRef<Step(std::string_view key, std::string_view value)>;

// Thread-safe. Errors of every read: DATA_LOSS where a checksum fails, UNAVAILABLE where the file system fails;
// an absent row is no error.
class Reader {
 public:
  Reader() = default;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  virtual ~Reader() = default;

  [[nodiscard]] virtual absl::StatusOr<std::optional<std::string>> Get(Table table, std::string_view key) const = 0;

  // Visits the rows of `range` in order until the visitor stops; all rows are those of one moment. The visitor may read
  // and commit to the same store; it does not see its own commits.
  virtual absl::Status Scan(Table table, const KeyRange& range, Order order, RowVisitor visit) const = 0;

  // The row of the least or greatest key in `range`. So the segment that holds an index is
  // Last(kSegments, Between("", big-endian(index + 1))).
  [[nodiscard]] absl::StatusOr<std::optional<Row>> First(Table table, const KeyRange& range) const;
  [[nodiscard]] absl::StatusOr<std::optional<Row>> Last(Table table, const KeyRange& range) const;
};

enum class Durability {
  kSynced,    // on OK the batch, and every one before it, survives loss of power
  kBuffered,  // on OK it survives the process; loss of power may take it and everything after it, never a part of it
};

// Thread-safe. A store is opened by an engine's own function, which checks the layout version (CheckLayout) and raises
// the fencing epoch, synced. Reads see every commit that returned OK before they began.
class Store : public Reader {
 public:
  // Applies all of `batch` or none, in commit order. An empty synced batch makes earlier buffered ones durable.
  //
  // A failure means that the outcome is unknown: the batch may be found or not found when the store is opened again
  // (UNKNOWN, STORE_OUTCOME_UNKNOWN); reads meanwhile show it as absent. From then on this object refuses every commit
  // with that same error, because what follows could rest on either outcome. The one way on is to close and open.
  // STORE_FENCED (FAILED_PRECONDITION): another opener raised the epoch; nothing was written and never will be.
  [[nodiscard]] virtual absl::Status Commit(const Batch& batch, Durability durability) = 0;

  // The state of this moment, unaffected by later commits. Must not outlive the store. Keeping one for long keeps
  // overwritten rows too.
  [[nodiscard]] virtual std::unique_ptr<Reader> Snapshot() const = 0;

  // A consistent copy of all committed so far into the new directory `directory` (ALREADY_EXISTS if it is there; its
  // parent must exist), durable on OK, openable as a store of its own. The tables `without` are empty in it, and no
  // file of it holds a row of them. Commits continue meanwhile. On failure nothing usable is left there and the store
  // itself is unharmed. Refused, like PurgeDeleted, after a failed commit.
  [[nodiscard]] virtual absl::Status Checkpoint(const std::string& directory, std::span<const Table> without) = 0;

  // Rewrites `table` so that deleted and overwritten values are in no file of the store; they otherwise stay until the
  // engine gets to them. Copies made earlier by Checkpoint, and values that a snapshot still sees, are untouched. Costs
  // a rewrite of the whole table; blocks.
  [[nodiscard]] virtual absl::Status PurgeDeleted(Table table) = 0;

  // The epoch that this opening wrote: one higher at each opening of the same store. It says who may write. (The
  // start-up epoch that detects a restored store is a row of kMeta and the node's own: it rises only once the node has
  // looked.)
  [[nodiscard]] virtual uint64_t epoch() const = 0;
};

// OK where a store written with layout `stored` can be served by a program that writes `ours`, which is where they are
// equal; else FAILED_PRECONDITION, INCOMPATIBLE_LAYOUT, naming both.
[[nodiscard]] absl::Status CheckLayout(uint32_t stored, uint32_t ours);

// The errors of Commit, for engines. `cause` names the failure, never a key or value.
[[nodiscard]] absl::Status OutcomeUnknownError(std::string_view cause);
[[nodiscard]] absl::Status FencedError();

}  // namespace medflyt::store
