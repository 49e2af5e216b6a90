#include "server/log/tiles.h"

#include <string_view>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/merkle/tree_hasher.h"
#include "server/log/layout.h"

namespace medflyt::log {
namespace {

using store::KeyRange;
using store::Table;

absl::Status OutOfRange() {
  return RuleError(absl::StatusCode::kOutOfRange, "LEAF_INDEX_OUT_OF_RANGE", "leaf_index", "the log has no such entry");
}

}  // namespace

absl::Status VisitEntries(const store::Reader& store, Position first, Position end, EntryVisitor visit) {
  if (first >= end) return absl::OkStatus();
  // The segment that holds `first` begins at or before it.
  MEDFLYT_ASSIGN_OR_RETURN(const auto begin,
                           store.Last(Table::kSegments, KeyRange::Between(SegmentKey(Position(0)),
                                                                          SegmentKey(Position(first.value() + 1)))));
  if (!begin) return OutOfRange();
  absl::Status status;
  uint64_t next = first.value();
  MEDFLYT_RETURN_IF_ERROR(store.Scan(Table::kSegments, KeyRange::Between(begin->key, SegmentKey(end)),
                                     store::Order::kAscending, [&](std::string_view key, std::string_view value) {
                                       const auto segment_first = ParseSegmentKey(key);
                                       auto entries = DecodeSegment(value);
                                       if (!segment_first || !entries.ok() || next < segment_first->value()) {
                                         status = RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "segment",
                                                            "a stored row does not fit its neighbours");
                                         return store::Step::kStop;
                                       }
                                       for (uint64_t i = next - segment_first->value();
                                            i < entries->size() && next < end.value(); ++i, ++next) {
                                         status = visit(Position(next), (*entries)[i].bytes, (*entries)[i].key_id);
                                         if (!status.ok()) return store::Step::kStop;
                                       }
                                       return next < end.value() ? store::Step::kContinue : store::Step::kStop;
                                     }));
  MEDFLYT_RETURN_IF_ERROR(status);
  return next == end.value() ? absl::OkStatus() : OutOfRange();
}

// Stored where the tile is full, made of what is below it where it is not.
absl::StatusOr<std::string> TileBytes(const store::Reader& store, const Generation& log, const tlog::Tile& tile) {
  MEDFLYT_ASSIGN_OR_RETURN(auto row, store.Get(Table::kTiles, TileRowKey(log.number, tile.level, tile.index)));
  const size_t size = size_t{tile.width} * Hash::kSize;
  if (row) {
    if (row->size() < size) return absl::DataLossError("a stored tile is too short");
    row->resize(size);
    return *std::move(row);
  }
  std::string bytes;
  if (tile.level == 0) {
    const uint64_t first = tile.index * tlog::kTileWidth;
    MEDFLYT_RETURN_IF_ERROR(VisitEntries(store, log.At(LeafIndex(first)), log.At(LeafIndex(first + tile.width)),
                                         [&bytes](Position, std::string_view entry, const KeyId&) {
                                           bytes.append(merkle::LeafHash(entry).bytes());
                                           return absl::OkStatus();
                                         }));
    return bytes;
  }
  for (unsigned i = 0; i < tile.width; ++i) {
    MEDFLYT_ASSIGN_OR_RETURN(
        const std::string below,
        TileBytes(store, log, {tile.level - 1, tile.index * tlog::kTileWidth + i, tlog::kTileWidth}));
    MEDFLYT_ASSIGN_OR_RETURN(const Hash root, tlog::HashFromTile(below, 0, tlog::kTileWidth));
    bytes.append(root.bytes());
  }
  return bytes;
}

absl::StatusOr<std::string> EntryBundleBytes(const store::Reader& store, const Generation& log, uint64_t index,
                                             unsigned width) {
  const uint64_t first = index * tlog::kTileWidth;
  std::string bundle;
  MEDFLYT_RETURN_IF_ERROR(VisitEntries(
      store, log.At(LeafIndex(first)), log.At(LeafIndex(first + width)),
      [&bundle](Position, std::string_view entry, const KeyId&) { return tlog::AppendBundleEntry(bundle, entry); }));
  return bundle;
}

}  // namespace medflyt::log
