// Tile paths, tiles and entry bundles. The first byte chooses widths and positions for the last two.
#include <string>

#include "common/tlog/tile.h"
#include "tests/fuzz/tlog/require.h"

using namespace medflyt;
using namespace medflyt::tlog;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = Input(data, size);
  if (const auto parts = ParseTilePath(input); parts.ok()) {
    const Tile& tile = parts->tile;
    Require((parts->entries ? EntryBundlePath(tile.index, tile.width) : TilePath(tile)) == input);
  }
  if (size == 0) return 0;
  const unsigned number = data[0];
  const std::string_view rest = input.substr(1);
  if (const auto entries = DecodeEntryBundle(rest, number); entries.ok()) {
    std::string bundle;
    for (const std::string_view entry : *entries) Require(AppendBundleEntry(bundle, entry).ok());
    Require(bundle == rest && entries->size() == number);
  }
  const unsigned count = 1u << (number % 9);
  if (HashFromTile(rest, number, count).ok()) Require((number + count) * merkle::Hash::kSize <= rest.size());
  const TileNodeSource source(TreeSize(number + 1),
                              [&](const Tile&) -> absl::StatusOr<std::string> { return std::string(rest); });
  (void)source.Node(number % 9, 0);
  return 0;
}
