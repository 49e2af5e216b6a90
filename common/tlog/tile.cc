#include "common/tlog/tile.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/tlog/text.h"

namespace medflyt::tlog {
namespace {

using merkle::Hash;

constexpr unsigned kMaxTileLevel = 63;

absl::Status TileError(std::string_view rule, std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, rule, field, message);
}

void AppendThreeDigits(std::string& out, uint64_t group) {
  out.push_back(static_cast<char>('0' + group / 100));
  out.push_back(static_cast<char>('0' + group / 10 % 10));
  out.push_back(static_cast<char>('0' + group % 10));
}

void AppendIndexAndWidth(std::string& path, uint64_t index, unsigned width) {
  uint64_t divisor = 1;
  while (index / divisor >= 1000) divisor *= 1000;
  for (; divisor > 1; divisor /= 1000) {
    path.append("/x");
    AppendThreeDigits(path, index / divisor % 1000);
  }
  path.push_back('/');
  AppendThreeDigits(path, index % 1000);
  if (width != kTileWidth) path.append(".p/").append(std::to_string(width));
}

std::optional<uint64_t> ParseThreeDigits(std::string_view group) {
  if (group.size() != 3) return std::nullopt;
  uint64_t value = 0;
  for (const char c : group) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

// `x001/x234/067`: three digits a group, all but the last behind an x.
std::optional<uint64_t> ParseTileIndex(std::string_view text) {
  uint64_t index = 0;
  while (true) {
    const bool last = !text.starts_with('x');
    if (!last) text.remove_prefix(1);
    const size_t end = last ? text.size() : text.find('/');
    if (end == std::string_view::npos) return std::nullopt;
    const auto group = ParseThreeDigits(text.substr(0, end));
    if (!group || index > (std::numeric_limits<uint64_t>::max() - *group) / 1000) return std::nullopt;
    index = index * 1000 + *group;
    if (last) return index;
    // A first group of zeros would be another spelling of a shorter path.
    if (index == 0) return std::nullopt;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

unsigned TileWidthAt(unsigned level, uint64_t index, TreeSize size) {
  if (level >= 64 / kTileHeight) return 0;
  const uint64_t hashes = size.value() >> (kTileHeight * level);
  if (index > hashes / kTileWidth) return 0;
  return static_cast<unsigned>(std::min<uint64_t>(hashes - index * kTileWidth, kTileWidth));
}

std::string TilePath(const Tile& tile) {
  std::string path = "tile/" + std::to_string(tile.level);
  AppendIndexAndWidth(path, tile.index, tile.width);
  return path;
}

std::string EntryBundlePath(uint64_t index, unsigned width) {
  std::string path = "tile/entries";
  AppendIndexAndWidth(path, index, width);
  return path;
}

absl::StatusOr<TilePathParts> ParseTilePath(std::string_view path) {
  const auto malformed = [](std::string_view message) { return TileError("TILE_PATH_MALFORMED", "path", message); };
  constexpr std::string_view kPrefix = "tile/";
  if (!path.starts_with(kPrefix)) return malformed("path does not begin with tile/");
  path.remove_prefix(kPrefix.size());
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos) return malformed("path has no tile index");
  TilePathParts parts;
  const std::string_view level = path.substr(0, slash);
  path.remove_prefix(slash + 1);
  if (level == "entries") {
    parts.entries = true;
  } else {
    const auto number = ParseDecimal(level, kMaxTileLevel);
    if (!number) return malformed("level is not a decimal number from 0 to 63");
    parts.tile.level = static_cast<unsigned>(*number);
  }
  constexpr std::string_view kPartial = ".p/";
  if (const size_t partial = path.find(kPartial); partial != std::string_view::npos) {
    const auto width = ParseDecimal(path.substr(partial + kPartial.size()), kTileWidth - 1);
    if (!width || *width == 0) return malformed("width of a partial tile is not a decimal number from 1 to 255");
    parts.tile.width = static_cast<unsigned>(*width);
    path = path.substr(0, partial);
  }
  const auto index = ParseTileIndex(path);
  if (!index) return malformed("tile index is not in groups of three digits");
  parts.tile.index = *index;
  return parts;
}

NodePlace PlaceOfNode(unsigned level, uint64_t index) {
  const unsigned height = level % kTileHeight;  // within the tile
  NodePlace place;
  place.tile_level = level / kTileHeight;
  place.tile_index = index >> (kTileHeight - height);
  place.first = static_cast<unsigned>((index << height) % kTileWidth);
  place.count = 1u << height;
  return place;
}

absl::StatusOr<Hash> HashFromTile(std::string_view tile_bytes, unsigned first, unsigned count) {
  if (tile_bytes.size() % Hash::kSize != 0) {
    return TileError("TILE_MALFORMED", "tile", "tile is no whole number of hashes");
  }
  const size_t width = tile_bytes.size() / Hash::kSize;
  if (count == 0 || count > kTileWidth || (count & (count - 1)) != 0 || first > width || count > width - first) {
    return TileError("TILE_MALFORMED", "tile", "tile has too few hashes");
  }
  const auto at = [&](size_t i) { return *Hash::FromBytes(tile_bytes.substr((first + i) * Hash::kSize, Hash::kSize)); };
  if (count == 1) return at(0);
  std::array<Hash, kTileWidth / 2> nodes;
  size_t left = count / 2;
  for (size_t i = 0; i < left; ++i) nodes[i] = merkle::NodeHash(at(2 * i), at(2 * i + 1));
  for (; left > 1; left /= 2) {
    for (size_t i = 0; i < left / 2; ++i) nodes[i] = merkle::NodeHash(nodes[2 * i], nodes[2 * i + 1]);
  }
  return nodes[0];
}

TileNodeSource::TileNodeSource(TreeSize size, Reader reader) : size_(size), reader_(std::move(reader)) {}
TileNodeSource::~TileNodeSource() = default;

absl::StatusOr<Hash> TileNodeSource::Node(unsigned level, uint64_t index) const {
  if (level >= 64 || index >= size_.value() >> level) {
    return TileError("TILE_OUT_OF_RANGE", "node", "node is not complete at this tree size");
  }
  const NodePlace place = PlaceOfNode(level, index);
  Remembered& last = last_[place.tile_level];
  if (!last.filled || last.index != place.tile_index) {
    const Tile tile{.level = place.tile_level,
                    .index = place.tile_index,
                    .width = TileWidthAt(place.tile_level, place.tile_index, size_)};
    last.filled = false;
    MEDFLYT_ASSIGN_OR_RETURN(last.bytes, reader_(tile));
    if (last.bytes.size() < tile.width * Hash::kSize || last.bytes.size() > kTileWidth * Hash::kSize) {
      return TileError("TILE_MALFORMED", "tile", "tile is not of its width");
    }
    last.filled = true;
    last.index = place.tile_index;
  }
  return HashFromTile(last.bytes, place.first, place.count);
}

absl::Status AppendBundleEntry(std::string& bundle, std::string_view entry) {
  if (entry.size() > kMaxEntryBytes) {
    return TileError("ENTRY_TOO_LONG", "entry", "an entry has at most 65535 bytes");
  }
  AppendU16(bundle, static_cast<uint16_t>(entry.size()));
  bundle.append(entry);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string_view>> DecodeEntryBundle(std::string_view bytes, unsigned width) {
  const auto malformed = [](std::string_view message) {
    return TileError("ENTRY_BUNDLE_MALFORMED", "bundle", message);
  };
  if (width == 0 || width > kTileWidth) return malformed("a bundle has 1 to 256 entries");
  std::vector<std::string_view> entries;
  entries.reserve(width);
  ByteReader in(bytes);
  for (unsigned i = 0; i < width; ++i) {
    const auto length = in.U16();
    if (!length) return malformed("bundle has too few entries");
    const auto entry = in.Take(*length);
    if (!entry) return malformed("an entry is cut off");
    entries.push_back(*entry);
  }
  if (!in.empty()) return malformed("bundle has too many bytes");
  return entries;
}

}  // namespace medflyt::tlog
