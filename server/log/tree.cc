#include "server/log/tree.h"

#include <string>

#include "common/base/status.h"
#include "common/merkle/tree_hasher.h"
#include "server/log/layout.h"

namespace medflyt::log {
namespace {

using store::Table;

constexpr unsigned kTileHeight = 8;
constexpr size_t kCachedTiles = 512;  // 8.5 KiB each

constexpr unsigned kKeptHeight = 4;  // kept beside the tile's hashes
constexpr size_t kTileHashes = kTileWidth + (kTileWidth >> kKeptHeight);

// The node over [first, first + 2^height) of these.
Hash NodeOver(std::span<const Hash> hashes, unsigned height, size_t first) {
  if (height == 0) return hashes[first];
  return merkle::NodeHash(NodeOver(hashes, height - 1, first),
                          NodeOver(hashes, height - 1, first + (size_t{1} << (height - 1))));
}

// A node of a full tile, of any height up to the tile's own root, from the nearest that are kept below it.
Hash NodeOfTile(std::span<const Hash> tile, unsigned height, uint64_t index) {
  const unsigned kept = height < kKeptHeight ? 0 : kKeptHeight;
  return NodeOver(kept == 0 ? tile : tile.subspan(kTileWidth), height - kept, index << (height - kept));
}

absl::StatusOr<std::vector<Hash>> ReadTile(const store::Reader& store, uint32_t generation, unsigned level,
                                           uint64_t index) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, store.Get(Table::kTiles, TileRowKey(generation, level, index)));
  if (!row || row->size() != kTileHashes * Hash::kSize) {
    return RuleError(absl::StatusCode::kDataLoss, "TILE_MISSING", "tile",
                     "a full tile is absent from the store or has another length");
  }
  std::vector<Hash> hashes;
  hashes.reserve(kTileHashes);
  for (size_t i = 0; i < kTileHashes; ++i) {
    hashes.push_back(*Hash::FromBytes(std::string_view(*row).substr(i * Hash::kSize, Hash::kSize)));
  }
  return hashes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tree>> Tree::Open(const store::Reader& store, uint32_t generation, TreeSize size,
                                                 std::span<const Hash> tail) {
  auto tree = std::unique_ptr<Tree>(new Tree(store, generation));
  MutexLock lock(tree->mutex_);
  // The bottom row of each tile level's unfilled tile, lowest level first: the tail, then roots of full tiles below.
  std::vector<Hash> row(tail.begin(), tail.end());
  uint64_t nodes = size.value();
  for (unsigned level = 0; nodes > 0; ++level, nodes /= kTileWidth) {
    if (level > 0) {
      row.clear();
      for (uint64_t i = nodes - nodes % kTileWidth; i < nodes; ++i) {
        MEDFLYT_ASSIGN_OR_RETURN(const auto tile, ReadTile(store, generation, level - 1, i));
        row.push_back(NodeOfTile(tile, kTileHeight, 0));
      }
    }
    Edge& edge = tree->edges_.emplace_back();
    edge.tile_index = nodes / kTileWidth;
    merkle::CompactRange within;
    for (const Hash& hash : row) {
      within.Append(hash, [&edge](unsigned height, uint64_t, const Hash& node) {
        if (height < kTileHeight) edge.nodes[height].push_back(node);
      });
    }
  }

  std::vector<Hash> perfect;  // of the compact range: one node for each one bit, largest first
  for (unsigned level = 64; level-- > 0;) {
    if ((size.value() >> level & 1) == 0) continue;
    const Edge& edge = tree->edges_.at(level / kTileHeight);
    const auto& at_height = edge.nodes[level % kTileHeight];
    if (at_height.empty())
      return RuleError(absl::StatusCode::kDataLoss, "TILE_MISSING", "tile", "right edge too short");
    perfect.push_back(at_height.back());
  }
  MEDFLYT_ASSIGN_OR_RETURN(tree->range_, merkle::CompactRange::FromHashes(size, perfect));
  return tree;
}

void Tree::Append(const Hash& leaf, store::Batch& batch) {
  std::array<Hash, 64> completed;  // by level, from the leaf upwards
  unsigned levels = 0;
  range_.Append(leaf, [&](unsigned level, uint64_t, const Hash& hash) {
    completed[level] = hash;
    levels = level + 1;
  });
  MutexLock lock(mutex_);
  for (unsigned level = 0; level < levels; ++level) {
    const unsigned tile_level = level / kTileHeight;
    const unsigned height = level % kTileHeight;
    if (edges_.size() <= tile_level) edges_.resize(tile_level + 1);
    // The tile's own root belongs to the level above: it is what completes the tile.
    if (height == 0 && tile_level > 0) FinishTileLocked(tile_level - 1, batch);
    edges_[tile_level].nodes[height].push_back(completed[level]);
  }
}

void Tree::FinishTileLocked(unsigned tile_level, store::Batch& batch) {
  Edge& edge = edges_[tile_level];
  auto tile = std::make_shared<FullTile>(std::move(edge.nodes[0]));
  tile->insert(tile->end(), edge.nodes[kKeptHeight].begin(), edge.nodes[kKeptHeight].end());
  for (auto& nodes : edge.nodes) nodes.clear();
  std::string row;
  row.reserve(kTileHashes * Hash::kSize);
  for (const Hash& node : *tile) row.append(node.bytes());
  batch.Put(Table::kTiles, TileRowKey(generation_, tile_level, edge.tile_index), row);
  pending_.emplace(TileKey{tile_level, edge.tile_index}, std::move(tile));
  ++edge.tile_index;
}

void Tree::MadeDurable(TreeSize size) {
  MutexLock lock(mutex_);
  std::erase_if(pending_, [&](const auto& tile) MEDFLYT_REQUIRES(mutex_) {
    const auto& [level, index] = tile.first;
    if (index >= size.value() >> (kTileHeight * (level + 1))) return false;
    CacheLocked(tile.first, tile.second);
    return true;
  });
}

absl::StatusOr<Hash> Tree::Node(unsigned level, uint64_t index) const {
  const unsigned tile_level = level / kTileHeight;
  const unsigned height = level % kTileHeight;
  const uint64_t tile_index = index >> (kTileHeight - height);
  const uint64_t within = index & ((kTileWidth >> height) - 1);
  {
    MutexLock lock(mutex_);
    if (tile_level < edges_.size() && edges_[tile_level].tile_index == tile_index) {
      const auto& nodes = edges_[tile_level].nodes[height];
      if (within < nodes.size()) return nodes[within];
    }
  }
  MEDFLYT_ASSIGN_OR_RETURN(const auto tile, Find({tile_level, tile_index}));
  return NodeOfTile(*tile, height, within);
}

absl::StatusOr<std::shared_ptr<const Tree::FullTile>> Tree::Find(const TileKey& key) const {
  {
    MutexLock lock(mutex_);
    if (const auto found = pending_.find(key); found != pending_.end()) return found->second;
    if (const auto found = cache_index_.find(key); found != cache_index_.end()) {
      cached_.splice(cached_.begin(), cached_, found->second);
      return found->second->second;
    }
  }
  MEDFLYT_ASSIGN_OR_RETURN(auto read, ReadTile(store_, generation_, key.first, key.second));
  auto tile = std::make_shared<const FullTile>(std::move(read));
  MutexLock lock(mutex_);
  CacheLocked(key, tile);
  return tile;
}

void Tree::CacheLocked(const TileKey& key, std::shared_ptr<const FullTile> tile) const {
  if (cache_index_.contains(key)) return;
  cached_.emplace_front(key, std::move(tile));
  cache_index_.emplace(key, cached_.begin());
  if (cached_.size() <= kCachedTiles) return;
  cache_index_.erase(cached_.back().first);
  cached_.pop_back();
}

}  // namespace medflyt::log
