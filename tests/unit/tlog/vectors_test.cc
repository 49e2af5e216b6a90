// The 15-leaf log of the shared folder, written by another implementation: we must read it, and write the same bytes.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "common/merkle/compact_range.h"
#include "common/merkle/proof.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/tile.h"
#include "tests/support/shared.h"

namespace medflyt::tlog {
namespace {

constexpr std::string_view kVerifier = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
constexpr std::string_view kSigner =
    "PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg";
constexpr std::array<std::string_view, 15> kLeaves = {"one",    "two",   "three",    "four",    "five",
                                                      "six",    "seven", "eit",      "nain",    "ten",
                                                      "ileven", "twelf", "threeten", "fourten", "fivten"};

TEST(ForeignLog, CheckpointsAreOpenedAndSignedToTheSameBytesAtEverySize) {
  MEDFLYT_SHARED_OR_SKIP(folder, "vectors/tlog-tiles-15");
  const std::vector<VerifierKey> known = {*VerifierKey::Parse(kVerifier)};
  const auto signer = *NoteSigner::Parse(kSigner);
  merkle::CompactRange range;
  for (size_t size = 0; size <= kLeaves.size(); ++size) {
    const std::string bytes = testing::ReadFile(folder / ("checkpoint." + std::to_string(size)));
    const auto opened = OpenCheckpoint(bytes, known);
    ASSERT_TRUE(opened.ok()) << size << ": " << opened.status();
    EXPECT_EQ(opened->checkpoint.origin(), "example.com/log/testdata");
    EXPECT_EQ(opened->checkpoint.size(), TreeSize(size));
    EXPECT_EQ(opened->checkpoint.root(), range.Root()) << size;

    const auto ours = Checkpoint::Create("example.com/log/testdata", range.size(), range.Root());
    ASSERT_TRUE(ours.ok());
    EXPECT_EQ(SignCheckpoint(*ours, signer).Serialize(), bytes) << size;
    if (size < kLeaves.size()) range.Append(merkle::LeafHash(kLeaves[size]));
  }
  EXPECT_EQ(testing::ReadFile(folder / "checkpoint"), testing::ReadFile(folder / "checkpoint.15"));
}

TEST(ForeignLog, TilesAndEntryBundlesAreTheSameBytes) {
  MEDFLYT_SHARED_OR_SKIP(folder, "vectors/tlog-tiles-15");
  std::string tile;
  std::string bundle;
  for (size_t size = 1; size <= kLeaves.size(); ++size) {
    tile += merkle::LeafHash(kLeaves[size - 1]).bytes();
    ASSERT_TRUE(AppendBundleEntry(bundle, kLeaves[size - 1]).ok());
    const unsigned width = TileWidthAt(0, 0, TreeSize(size));
    ASSERT_EQ(width, size);
    EXPECT_EQ(testing::ReadFile(folder / TilePath({.level = 0, .index = 0, .width = width})), tile);
    const std::string foreign = testing::ReadFile(folder / EntryBundlePath(0, width));
    EXPECT_EQ(foreign, bundle);
    const auto entries = DecodeEntryBundle(foreign, width);
    ASSERT_TRUE(entries.ok());
    for (size_t i = 0; i < size; ++i) EXPECT_EQ((*entries)[i], kLeaves[i]);
  }
}

TEST(ForeignLog, EveryFileIsOneThatWeWouldWrite) {
  MEDFLYT_SHARED_OR_SKIP(folder, "vectors/tlog-tiles-15");
  size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "tile")) {
    if (!entry.is_regular_file()) continue;
    const std::string path = entry.path().lexically_relative(folder).generic_string();
    const auto parts = ParseTilePath(path);
    ASSERT_TRUE(parts.ok()) << path;
    EXPECT_EQ(parts->entries ? EntryBundlePath(parts->tile.index, parts->tile.width) : TilePath(parts->tile), path);
    ++files;
  }
  EXPECT_EQ(files, 30u);
}

TEST(ForeignLog, ProofsFromItsTilesLeadToItsCheckpoints) {
  MEDFLYT_SHARED_OR_SKIP(folder, "vectors/tlog-tiles-15");
  const std::vector<VerifierKey> known = {*VerifierKey::Parse(kVerifier)};
  const auto checkpoint_at = [&](size_t size) {
    return OpenCheckpoint(testing::ReadFile(folder / ("checkpoint." + std::to_string(size))), known)->checkpoint;
  };
  for (size_t size = 1; size <= kLeaves.size(); ++size) {
    const TileNodeSource source(TreeSize(size), [&](const Tile& tile) -> absl::StatusOr<std::string> {
      return testing::ReadFile(folder / TilePath(tile));
    });
    const Checkpoint head = checkpoint_at(size);
    for (size_t index = 0; index < size; ++index) {
      const auto proof = merkle::BuildInclusionProof(source, LeafIndex(index), TreeSize(size));
      ASSERT_TRUE(proof.ok()) << proof.status();
      const Hash leaf = merkle::LeafHash(kLeaves[index]);
      EXPECT_TRUE(merkle::VerifyInclusion(LeafIndex(index), head.size(), leaf, *proof, head.root()).ok());
      const Checkpoint earlier = checkpoint_at(index + 1);
      const auto consistency = merkle::BuildConsistencyProof(source, earlier.size(), head.size());
      ASSERT_TRUE(consistency.ok()) << consistency.status();
      EXPECT_TRUE(
          merkle::VerifyConsistency(earlier.size(), head.size(), earlier.root(), head.root(), *consistency).ok());
    }
  }
}

}  // namespace
}  // namespace medflyt::tlog
