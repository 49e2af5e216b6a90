// Tiles and entry bundles: c2sp.org/tlog-tiles@v0.1.0.
//
// A tile at level L holds up to 256 hashes of perfect subtrees of height 8 * L, each over a full tile below:
//
//   level 1:  [ tile 0's root | tile 1's root | ...                      one hash for 256 leaves
//   level 0:  [ leaf hash 0 ... leaf hash 255 ] [ leaf hash 256 ...      one hash for a leaf
//
// The seven node levels between two tile levels are hashed from the tile when asked for.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/merkle/subtree.h"

namespace medflyt::tlog {

inline constexpr unsigned kTileHeight = 8;
inline constexpr unsigned kTileWidth = 256;      // hashes of a full tile
inline constexpr size_t kMaxEntryBytes = 65535;  // what a bundle's u16 length can say

// A tile of one tree size. A full tile is the same at every size.
struct Tile {
  unsigned level = 0;           // 0 to 63
  uint64_t index = 0;           // within its level
  unsigned width = kTileWidth;  // 1 to 256 hashes

  friend bool operator==(const Tile&, const Tile&) = default;
};

// How many hashes this tile has in a tree of `size` leaves: 0 where it does not exist yet, kTileWidth where it is full.
[[nodiscard]] unsigned TileWidthAt(unsigned level, uint64_t index, TreeSize size);

// `tile/<L>/<N>[.p/<W>]`; the suffix for partial tiles only.
[[nodiscard]] std::string TilePath(const Tile& tile);
// `tile/entries/<N>[.p/<W>]` for the entries of level 0's tile `index`.
[[nodiscard]] std::string EntryBundlePath(uint64_t index, unsigned width);

struct TilePathParts {
  bool entries = false;  // an entry bundle's path; the tile is then that of level 0
  Tile tile;

  friend bool operator==(const TilePathParts&, const TilePathParts&) = default;
};
// Only what TilePath and EntryBundlePath write; else INVALID_ARGUMENT (TILE_PATH_MALFORMED).
[[nodiscard]] absl::StatusOr<TilePathParts> ParseTilePath(std::string_view path);

// Which hashes of which tile a node (level, index) is made of: 2^(level mod 8) hashes from `first`.
struct NodePlace {
  unsigned tile_level = 0;
  uint64_t tile_index = 0;
  unsigned first = 0;
  unsigned count = 1;
};
[[nodiscard]] NodePlace PlaceOfNode(unsigned level, uint64_t index);

// The hash of the node that is `count` (a power of two, at most 256) hashes of the tile's bytes from `first`.
// INVALID_ARGUMENT (TILE_MALFORMED) when the bytes are no whole number of hashes or too few.
[[nodiscard]] absl::StatusOr<merkle::Hash> HashFromTile(std::string_view tile_bytes, unsigned first, unsigned count);

// The hashes of a tree out of its tiles. Not thread-safe: it remembers the last tile read of each level, because a
// proof asks for several nodes of one tile. Make one for each proof or walk.
class TileNodeSource final : public merkle::NodeSource {
 public:
  // The bytes of that tile: width * 32, or more where only the wider tile is at hand. Errors are passed on.
  using Reader = std::function<absl::StatusOr<std::string>(const Tile& tile)>;

  TileNodeSource(TreeSize size, Reader reader);
  ~TileNodeSource() override;
  TileNodeSource(const TileNodeSource&) = delete;
  TileNodeSource& operator=(const TileNodeSource&) = delete;

  // INVALID_ARGUMENT (TILE_OUT_OF_RANGE) for a node that is not complete at this size, TILE_MALFORMED for a tile of
  // another length.
  [[nodiscard]] absl::StatusOr<merkle::Hash> Node(unsigned level, uint64_t index) const override;

 private:
  struct Remembered {
    bool filled = false;
    uint64_t index = 0;
    std::string bytes;
  };

  TreeSize size_;
  Reader reader_;
  mutable std::array<Remembered, 64 / kTileHeight> last_;
};

// Appends one entry to a bundle: u16 big-endian length ‖ bytes. INVALID_ARGUMENT (ENTRY_TOO_LONG) beyond
// kMaxEntryBytes, leaving the bundle as it was.
[[nodiscard]] absl::Status AppendBundleEntry(std::string& bundle, std::string_view entry);

// The entries of a bundle, as views into its bytes. INVALID_ARGUMENT (ENTRY_BUNDLE_MALFORMED) unless the bytes are
// exactly `width` entries.
[[nodiscard]] absl::StatusOr<std::vector<std::string_view>> DecodeEntryBundle(std::string_view bytes, unsigned width);

}  // namespace medflyt::tlog
