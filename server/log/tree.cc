#include "server/log/tree.h"

#include <string>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/merkle/tree_hasher.h"

namespace medflyt::log {
namespace {

using store::Table;

constexpr unsigned kTileHeight = 8;
constexpr size_t kCachedTiles = 512;  // 16 KiB each

std::string TileRowKey(unsigned level, uint64_t index) {
  std::string key(1, static_cast<char>(level));
  AppendU64(key, index);
  return key;
}

// Where the nodes of a height begin in a full tile's inner nodes: 256 of height 0, then 128, 64, ...
constexpr size_t OffsetOf(unsigned height) { return 512 - (size_t{512} >> height); }

// All nodes of a full tile below the tile's own root, from its bottom row.
std::vector<Hash> InnerOf(std::vector<Hash> bottom) {
  bottom.reserve(OffsetOf(kTileHeight));
  for (unsigned height = 1; height < kTileHeight; ++height) {
    const size_t below = OffsetOf(height - 1);
    for (size_t i = 0; i < kTileWidth >> height; ++i) {
      bottom.push_back(merkle::NodeHash(bottom[below + 2 * i], bottom[below + 2 * i + 1]));
    }
  }
  return bottom;
}

absl::StatusOr<std::vector<Hash>> ReadTile(const store::Reader& store, unsigned level, uint64_t index) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, store.Get(Table::kTiles, TileRowKey(level, index)));
  if (!row || row->size() != kTileWidth * Hash::kSize) {
    return RuleError(absl::StatusCode::kDataLoss, "TILE_MISSING", "tile",
                     "a full tile is absent from the store or has another length");
  }
  std::vector<Hash> hashes;
  hashes.reserve(kTileWidth);
  for (uint64_t i = 0; i < kTileWidth; ++i) {
    hashes.push_back(*Hash::FromBytes(std::string_view(*row).substr(i * Hash::kSize, Hash::kSize)));
  }
  return hashes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tree>> Tree::Open(const store::Reader& store, TreeSize size,
                                                 std::span<const Hash> tail) {
  auto tree = std::unique_ptr<Tree>(new Tree(store));
  MutexLock lock(tree->mutex_);
  // The bottom row of each tile level's unfilled tile, lowest level first: the tail, then roots of full tiles below.
  std::vector<Hash> row(tail.begin(), tail.end());
  uint64_t nodes = size.value();
  for (unsigned level = 0; nodes > 0; ++level, nodes /= kTileWidth) {
    if (level > 0) {
      row.clear();
      for (uint64_t i = nodes - nodes % kTileWidth; i < nodes; ++i) {
        MEDFLYT_ASSIGN_OR_RETURN(auto bottom, ReadTile(store, level - 1, i));
        const std::vector<Hash> inner = InnerOf(std::move(bottom));
        const size_t top = OffsetOf(kTileHeight - 1);
        row.push_back(merkle::NodeHash(inner[top], inner[top + 1]));
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
  std::string row;
  row.reserve(kTileWidth * Hash::kSize);
  for (const Hash& node : edge.nodes[0]) row.append(node.bytes());
  batch.Put(Table::kTiles, TileRowKey(tile_level, edge.tile_index), row);
  auto inner = std::make_shared<Inner>();
  inner->reserve(OffsetOf(kTileHeight));
  for (auto& nodes : edge.nodes) {
    inner->insert(inner->end(), nodes.begin(), nodes.end());
    nodes.clear();
  }
  pending_.emplace(TileKey{tile_level, edge.tile_index}, std::move(inner));
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
  MEDFLYT_ASSIGN_OR_RETURN(const auto inner, FullTile({tile_level, tile_index}));
  return (*inner)[OffsetOf(height) + within];
}

absl::StatusOr<std::shared_ptr<const Tree::Inner>> Tree::FullTile(const TileKey& key) const {
  {
    MutexLock lock(mutex_);
    if (const auto found = pending_.find(key); found != pending_.end()) return found->second;
    if (const auto found = cache_index_.find(key); found != cache_index_.end()) {
      cached_.splice(cached_.begin(), cached_, found->second);
      return found->second->second;
    }
  }
  MEDFLYT_ASSIGN_OR_RETURN(auto bottom, ReadTile(store_, key.first, key.second));
  auto inner = std::make_shared<const Inner>(InnerOf(std::move(bottom)));
  MutexLock lock(mutex_);
  CacheLocked(key, inner);
  return inner;
}

void Tree::CacheLocked(const TileKey& key, std::shared_ptr<const Inner> inner) const {
  if (cache_index_.contains(key)) return;
  cached_.emplace_front(key, std::move(inner));
  cache_index_.emplace(key, cached_.begin());
  if (cached_.size() <= kCachedTiles) return;
  cache_index_.erase(cached_.back().first);
  cached_.pop_back();
}

}  // namespace medflyt::log
