// The Merkle tree of a log: full tiles in the store, the right edge in memory.
//
//   kTiles row  u32 generation ‖ tile level (1 byte) ‖ u64 tile index   ->  256 hashes ‖ 16 hashes
//
// A tile of level L holds the nodes of tree level 8 L (C2SP tlog-tiles); the 16 are those of height 4 above them, so
// that a path through a tile costs at most 22 hashes and not 255. Only full tiles are stored; what is to their right,
// at most 255 hashes a tile level, is rebuilt at start from full tiles below and the last entries.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/merkle/compact_range.h"
#include "common/merkle/subtree.h"
#include "server/store/store.h"

namespace medflyt::log {

using crypto::Hash;

inline constexpr uint64_t kTileWidth = 256;

// Appending is the sequencer's alone; nodes may be asked for from any thread.
class Tree final : public merkle::NodeSource {
 public:
  // Rebuilds the right edge of a tree of `size` leaves, that of the log with this number (generations.h). `tail` are
  // the leaf hashes after the last full level-0 tile. DATA_LOSS (TILE_MISSING) when a full tile is absent or has
  // another length.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Tree>> Open(const store::Reader& store, uint32_t generation,
                                                                  TreeSize size, std::span<const Hash> tail);

  // Appends a leaf and stages the tiles that it fills.
  void Append(const Hash& leaf, store::Batch& batch);

  [[nodiscard]] TreeSize size() const { return range_.size(); }  // sequencer thread
  [[nodiscard]] Hash Root() const { return range_.Root(); }      // sequencer thread

  // Any thread. Nodes that are complete within the appended leaves, durable or not; the caller asks within a size it
  // knows to be durable.
  [[nodiscard]] absl::StatusOr<Hash> Node(unsigned level, uint64_t index) const override;

  // Any thread: the store holds the tiles of a tree of `size` leaves now.
  void MadeDurable(TreeSize size);

 private:
  // A full tile's row: its nodes of height 0, then those of height 4.
  using FullTile = std::vector<Hash>;
  using TileKey = std::pair<unsigned, uint64_t>;  // tile level, tile index

  Tree(const store::Reader& store, uint32_t generation) : store_(store), generation_(generation) {}
  [[nodiscard]] absl::StatusOr<std::shared_ptr<const FullTile>> Find(const TileKey& key) const;

  const store::Reader& store_;
  const uint32_t generation_;
  merkle::CompactRange range_;  // sequencer thread

  mutable Mutex mutex_;
  // By tile level: nodes of the tile that is not full yet, by height within the tile (0 to 7).
  struct Edge {
    uint64_t tile_index = 0;
    std::array<std::vector<Hash>, 8> nodes;
  };
  std::vector<Edge> edges_ MEDFLYT_GUARDED_BY(mutex_);
  // Full tiles that no commit has made durable yet: they are nowhere else.
  std::map<TileKey, std::shared_ptr<const FullTile>> pending_ MEDFLYT_GUARDED_BY(mutex_);
  // Recently used full tiles, most recent first.
  mutable std::list<std::pair<TileKey, std::shared_ptr<const FullTile>>> cached_ MEDFLYT_GUARDED_BY(mutex_);
  mutable std::unordered_map<TileKey, decltype(cached_)::iterator, absl::Hash<TileKey>> cache_index_
      MEDFLYT_GUARDED_BY(mutex_);
  // Stages the bottom row of the right edge's tile, which is full, and begins the next one.
  void FinishTileLocked(unsigned tile_level, store::Batch& batch) MEDFLYT_REQUIRES(mutex_);
  void CacheLocked(const TileKey& key, std::shared_ptr<const FullTile> tile) const MEDFLYT_REQUIRES(mutex_);
};

}  // namespace medflyt::log
