// The logs that a node has had. Each is a generation, with an origin and a key of its own; all but the last are closed,
// and stay readable and provable. Their entries follow each other in the store:
//
//   generation            0                 1              2, open
//   leaf index    0 … 4,999         0 … 799         0 …
//   position      0 … 4,999     5,000 … 5,799   5,800 …
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/tlog/note_key.h"
#include "server/log/layout.h"
#include "server/store/store.h"

namespace medflyt::log {

struct Generation {
  uint32_t number = 0;  // 0-based
  std::string origin;
  Position begin;            // of its first entry
  std::optional<Head> last;  // of a closed one: the last that the store has

  // Of an index that the log has, or would have next.
  [[nodiscard]] Position At(LeafIndex index) const { return Position(begin.value() + index.value()); }
  [[nodiscard]] Position EndAt(TreeSize size) const { return Position(begin.value() + size.value()); }
  [[nodiscard]] LeafIndex IndexOf(Position position) const { return LeafIndex(position.value() - begin.value()); }
};

// Immutable, so thread-safe.
class Generations {
 public:
  // The closed ones as the store has them, and the open one, whose origin this is. DATA_LOSS (ROW_MALFORMED).
  [[nodiscard]] static absl::StatusOr<Generations> Load(const store::Reader& store, std::string_view origin);

  [[nodiscard]] const Generation& open() const { return all_.back(); }
  [[nodiscard]] std::span<const Generation> all() const { return all_; }
  // The one that the open one goes on from; nullptr for the first.
  [[nodiscard]] const Generation* before_open() const { return all_.size() < 2 ? nullptr : &all_[all_.size() - 2]; }
  // The one whose entry stands there.
  [[nodiscard]] const Generation& Of(Position position) const;
  // nullptr for an origin that the node never had.
  [[nodiscard]] const Generation* Find(std::string_view origin) const;

  // A place as clients keep it, to go on from: the generation above 48 bits of leaf index. It is in the order of
  // places, and means the same when a log is closed shorter than a client had seen it: what follows there begins the
  // next one.
  [[nodiscard]] uint64_t BookmarkOf(Position position) const;
  [[nodiscard]] Position At(uint64_t bookmark) const;

 private:
  std::vector<Generation> all_;
};

// Of a log that has no entries yet: even it has a signed checkpoint.
[[nodiscard]] absl::StatusOr<Head> EmptyHead(const tlog::NoteSigner& signer);

// Closes the store's open log at the head that it has, and begins the one that `next` signs, empty: the next Log::Open
// is of that one. Blocks; durable on OK, as one batch. No log is open on the store. DATA_LOSS (ROW_MALFORMED) where
// there is no head, or one that names no log; the errors of the store.
// `between` are the origins of logs that the node has had in between and the store has nothing of, in their order. Each
// has its generation, closed and empty, so that numbers of generations, which clients keep, stay what they were. Its
// own key is gone: the checkpoint of it that the store has to have is signed by `next` alone, and proves nothing.
[[nodiscard]] absl::Status OpenNextGeneration(store::Store& store, const tlog::NoteSigner& next,
                                              std::span<const std::string> between = {});

}  // namespace medflyt::log
