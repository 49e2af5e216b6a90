#include "common/tlog/tile.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/merkle/proof.h"
#include "tests/support/reference_tree.h"
#include "tests/unit/tlog/keys.h"

namespace medflyt::tlog {
namespace {

using testing::ReferenceTree;

// The tile's bytes straight from its definition: MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l]).
std::string TileBytes(const ReferenceTree& tree, const Tile& tile) {
  const size_t span = size_t{1} << (8 * tile.level);
  std::string bytes;
  for (unsigned i = 0; i < tile.width; ++i) {
    const size_t begin = (tile.index * 256 + i) * span;
    bytes += tree.Range(begin, begin + span).bytes();
  }
  return bytes;
}

TEST(TilePath, IsThatOfTheSpecification) {
  EXPECT_EQ(TilePath({.level = 0, .index = 0, .width = 256}), "tile/0/000");
  EXPECT_EQ(TilePath({.level = 0, .index = 0, .width = 1}), "tile/0/000.p/1");
  EXPECT_EQ(TilePath({.level = 1, .index = 999, .width = 255}), "tile/1/999.p/255");
  EXPECT_EQ(TilePath({.level = 2, .index = 1000, .width = 256}), "tile/2/x001/000");
  EXPECT_EQ(TilePath({.level = 63, .index = 1234067, .width = 256}), "tile/63/x001/x234/067");
  EXPECT_EQ(TilePath({.level = 0, .index = std::numeric_limits<uint64_t>::max(), .width = 256}),
            "tile/0/x018/x446/x744/x073/x709/x551/615");
  EXPECT_EQ(EntryBundlePath(1234067, 256), "tile/entries/x001/x234/067");
  EXPECT_EQ(EntryBundlePath(5, 17), "tile/entries/005.p/17");
}

TEST(TilePath, ParsesBack) {
  const uint64_t max = std::numeric_limits<uint64_t>::max();
  for (const uint64_t index : {uint64_t{0}, uint64_t{7}, uint64_t{999}, uint64_t{1000}, uint64_t{1000000}, max}) {
    for (const unsigned width : {1u, 255u, 256u}) {
      const Tile tile{.level = 3, .index = index, .width = width};
      EXPECT_EQ(*ParseTilePath(TilePath(tile)), (TilePathParts{.entries = false, .tile = tile}));
      const Tile bundle{.level = 0, .index = index, .width = width};
      EXPECT_EQ(*ParseTilePath(EntryBundlePath(index, width)), (TilePathParts{.entries = true, .tile = bundle}));
    }
  }
}

TEST(TilePath, RefusesOtherSpellings) {
  for (const char* bad : {"",
                          "tile",
                          "tile/",
                          "tile/0",
                          "tile/0/",
                          "/tile/0/000",
                          "tile//000",
                          "tile/00/000",
                          "tile/64/000",
                          "tile/-1/000",
                          "tile/8/0/000",
                          "tile/0/0",
                          "tile/0/00",
                          "tile/0/0000",
                          "tile/0/x000",
                          "tile/0/x000/001",
                          "tile/0/x000/x001/001",
                          "tile/0/001/002",
                          "tile/0/x001/",
                          "tile/0/x001/x002",
                          "tile/0/x01/002",
                          "tile/0/X001/002",
                          "tile/0/xx01/002",
                          "tile/0/000/",
                          "tile/0/00a",
                          "tile/0/+01",
                          "tile/0/ 01",
                          "tile/0/../000",
                          "tile/0/000.p",
                          "tile/0/000.p/",
                          "tile/0/000.p/0",
                          "tile/0/000.p/256",
                          "tile/0/000.p/01",
                          "tile/0/000.p/1/",
                          "tile/0/000.p/1.p/1",
                          "tile/0/000.P/1",
                          "tile/entries",
                          "tile/entries/",
                          "tile/entries/0",
                          "tile/Entries/000",
                          "tile/0/x018/x446/x744/x073/x709/x551/616",
                          "tile/0/x001/x018/x446/x744/x073/x709/x551/615"}) {
    EXPECT_EQ(RuleOf(ParseTilePath(bad).status()), "TILE_PATH_MALFORMED") << bad;
  }
  EXPECT_FALSE(ParseTilePath(std::string_view("tile/0/000\0", 11)).ok());
}

TEST(Tile, WidthsAreThoseOfTheSpecificationsExample) {
  const TreeSize size(70000);
  EXPECT_EQ(TileWidthAt(0, 0, size), 256u);
  EXPECT_EQ(TileWidthAt(0, 272, size), 256u);
  EXPECT_EQ(TileWidthAt(0, 273, size), 112u);
  EXPECT_EQ(TileWidthAt(0, 274, size), 0u);
  EXPECT_EQ(TileWidthAt(1, 0, size), 256u);
  EXPECT_EQ(TileWidthAt(1, 1, size), 17u);
  EXPECT_EQ(TileWidthAt(1, 2, size), 0u);
  EXPECT_EQ(TileWidthAt(2, 0, size), 1u);
  EXPECT_EQ(TileWidthAt(3, 0, size), 0u);
  EXPECT_EQ(TileWidthAt(0, 0, TreeSize(256)), 256u);
  EXPECT_EQ(TileWidthAt(0, 1, TreeSize(256)), 0u);
  EXPECT_EQ(TileWidthAt(1, 0, TreeSize(256)), 1u);
  EXPECT_EQ(TileWidthAt(0, 0, TreeSize(0)), 0u);
  const uint64_t max = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(TileWidthAt(0, max, TreeSize(max)), 0u);
  EXPECT_EQ(TileWidthAt(0, max / 256, TreeSize(max)), 255u);
  EXPECT_EQ(TileWidthAt(7, 0, TreeSize(max)), 255u);
  EXPECT_EQ(TileWidthAt(8, 0, TreeSize(max)), 0u);
  EXPECT_EQ(TileWidthAt(64, 0, TreeSize(max)), 0u);
}

TEST(Tile, HashesNodesOfEveryLevel) {
  const auto tree = ReferenceTree::Numbered(600);
  const std::string full = TileBytes(tree, {.level = 0, .index = 1, .width = 256});
  for (unsigned level = 0; level <= 7; ++level) {
    for (uint64_t index = 256u >> level; index < 512u >> level; ++index) {
      const NodePlace place = PlaceOfNode(level, index);
      EXPECT_EQ(place.tile_level, 0u);
      EXPECT_EQ(place.tile_index, 1u);
      EXPECT_EQ(*HashFromTile(full, place.first, place.count), *tree.Node(level, index)) << level << " " << index;
    }
  }
  EXPECT_EQ(*HashFromTile(full, 0, 256), *tree.Node(8, 1));
  const NodePlace upper = PlaceOfNode(8, 1);
  EXPECT_EQ(upper.tile_level, 1u);
  EXPECT_EQ(upper.tile_index, 0u);
  EXPECT_EQ(upper.first, 1u);
  EXPECT_EQ(upper.count, 1u);
  const NodePlace high = PlaceOfNode(19, 0x1ff);
  EXPECT_EQ(high.tile_level, 2u);
  EXPECT_EQ(high.tile_index, 0x1ffu >> 5);
  EXPECT_EQ(high.first, (0x1ffu << 3) % 256);
  EXPECT_EQ(high.count, 8u);
}

TEST(Tile, RefusesTilesOfAnotherLength) {
  const std::string five(5 * 32, 'h');
  EXPECT_TRUE(HashFromTile(five, 4, 1).ok());
  EXPECT_TRUE(HashFromTile(five, 0, 4).ok());
  for (const auto& [first, count] : std::vector<std::pair<unsigned, unsigned>>{
           {5, 1}, {4, 2}, {0, 8}, {0, 0}, {0, 3}, {0, 512}, {~0u, 1}, {1, ~0u}}) {
    EXPECT_EQ(RuleOf(HashFromTile(five, first, count).status()), "TILE_MALFORMED") << first << " " << count;
  }
  EXPECT_EQ(RuleOf(HashFromTile(five + "h", 0, 1).status()), "TILE_MALFORMED");
  EXPECT_EQ(RuleOf(HashFromTile("", 0, 1).status()), "TILE_MALFORMED");
}

TEST(TileNodeSource, GivesTheProofsOfTheTree) {
  const auto tree = ReferenceTree::Numbered(1100);
  for (const size_t size : {1u, 2u, 255u, 256u, 257u, 600u, 1023u, 1024u, 1100u}) {
    size_t reads = 0;
    const auto read = [&](const Tile& tile) -> absl::StatusOr<std::string> {
      ++reads;
      EXPECT_EQ(tile.width, TileWidthAt(tile.level, tile.index, TreeSize(size)));
      EXPECT_GT(tile.width, 0u);
      return TileBytes(tree, tile);
    };
    for (size_t index = 0; index < size; index += 97) {
      const TileNodeSource source(TreeSize(size), read);
      reads = 0;
      EXPECT_EQ(*merkle::BuildInclusionProof(source, LeafIndex(index), TreeSize(size)),
                tree.InclusionPath(index, size));
      EXPECT_LE(reads, 4u) << "tiles are read once each";
      if (index == 0) continue;
      const TileNodeSource second(TreeSize(size), read);
      EXPECT_EQ(*merkle::BuildConsistencyProof(second, TreeSize(index), TreeSize(size)),
                tree.ConsistencyPath(index, size));
    }
  }
}

TEST(TileNodeSource, TakesTheFullTileForAPartialOne) {
  const auto tree = ReferenceTree::Numbered(256);
  const TileNodeSource source(TreeSize(100), [&](const Tile& tile) -> absl::StatusOr<std::string> {
    return TileBytes(tree, {.level = tile.level, .index = tile.index, .width = 256});
  });
  EXPECT_EQ(*merkle::BuildInclusionProof(source, LeafIndex(99), TreeSize(100)), tree.InclusionPath(99, 100));
}

TEST(TileNodeSource, RefusesNodesBeyondTheSizeAndBadTiles) {
  const auto tree = ReferenceTree::Numbered(300);
  const TileNodeSource source(TreeSize(300), [&](const Tile& tile) -> absl::StatusOr<std::string> {
    if (tile.level == 1) return absl::NotFoundError("no such tile");
    std::string bytes = TileBytes(tree, tile);
    if (tile.index == 1) bytes.pop_back();
    return bytes;
  });
  EXPECT_EQ(RuleOf(source.Node(0, 300).status()), "TILE_OUT_OF_RANGE");
  EXPECT_EQ(RuleOf(source.Node(1, 150).status()), "TILE_OUT_OF_RANGE");
  EXPECT_EQ(RuleOf(source.Node(9, 0).status()), "TILE_OUT_OF_RANGE");
  EXPECT_EQ(RuleOf(source.Node(64, 0).status()), "TILE_OUT_OF_RANGE");
  EXPECT_EQ(source.Node(8, 0).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(RuleOf(source.Node(0, 256).status()), "TILE_MALFORMED");
  EXPECT_EQ(*source.Node(0, 255), tree.leaf_hashes()[255]);
  EXPECT_EQ(RuleOf(source.Node(0, 257).status()), "TILE_MALFORMED") << "a bad tile is not remembered";
  EXPECT_EQ(*source.Node(0, 254), tree.leaf_hashes()[254]) << "nor taken for the good one before it";
}

TEST(EntryBundle, ParsesWhatWasAppended) {
  const std::vector<std::string> entries = {"", "a", std::string(kMaxEntryBytes, 'z'), std::string("\0\xff", 2)};
  std::string bundle;
  for (const auto& entry : entries) ASSERT_TRUE(AppendBundleEntry(bundle, entry).ok());
  const auto decoded = DecodeEntryBundle(bundle, 4);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(std::vector<std::string>(decoded->begin(), decoded->end()), entries);
}

TEST(EntryBundle, RefusesATooLongEntryUntouched) {
  std::string bundle = "before";
  EXPECT_EQ(RuleOf(AppendBundleEntry(bundle, std::string(kMaxEntryBytes + 1, 'z'))), "ENTRY_TOO_LONG");
  EXPECT_EQ(bundle, "before");
}

TEST(EntryBundle, RefusesAnotherNumberOfEntriesAndCuts) {
  std::string bundle;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(AppendBundleEntry(bundle, "entry").ok());
  ASSERT_TRUE(DecodeEntryBundle(bundle, 3).ok());
  for (const unsigned width : {0u, 1u, 2u, 4u, 256u, 257u}) {
    EXPECT_EQ(RuleOf(DecodeEntryBundle(bundle, width).status()), "ENTRY_BUNDLE_MALFORMED") << width;
  }
  for (size_t cut = 0; cut < bundle.size(); ++cut) EXPECT_FALSE(DecodeEntryBundle(bundle.substr(0, cut), 3).ok());
  EXPECT_FALSE(DecodeEntryBundle(bundle + std::string(1, '\0'), 3).ok());
  EXPECT_FALSE(DecodeEntryBundle(bundle + std::string(2, '\0'), 3).ok());
  EXPECT_TRUE(DecodeEntryBundle(bundle + std::string(2, '\0'), 4).ok());
}

}  // namespace
}  // namespace medflyt::tlog
