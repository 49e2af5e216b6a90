// Our logs read by the Go checksum database's packages, and theirs by us.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/merkle/compact_range.h"
#include "common/merkle/proof.h"
#include "common/tlog/cosignature.h"
#include "common/tlog/tile.h"
#include "common/tlog/tlog_proof.h"
#include "tests/support/paths.h"
#include "tests/support/shared.h"

namespace medflyt::tlog {
namespace {

constexpr std::string_view kOrigin = "odense.example/medflyt/log";
// Sizes around tile and level borders; the last needs a tile of level 2.
constexpr std::array<uint64_t, 11> kSizes = {1, 2, 255, 256, 257, 600, 4096, 65535, 65536, 65537, 70000};

std::string Entry(uint64_t index) { return "entry " + std::to_string(index) + std::string(index % 5, '\xfe'); }

void Write(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string HashLines(const merkle::Proof& proof) {
  std::string text;
  for (const Hash& hash : proof) text += Base64Encode(hash.bytes()) + "\n";
  return text;
}

// The tile asked for, else the widest there is.
absl::StatusOr<std::string> ReadTile(const std::filesystem::path& folder, Tile tile) {
  for (; tile.width <= kTileWidth; ++tile.width) {
    const auto path = folder / TilePath(tile);
    if (std::filesystem::exists(path)) return testing::ReadFile(path);
  }
  return absl::NotFoundError("no such tile");
}

class GoInterop : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "medflyt-go-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void WriteOurLog() {
    const auto log = *NoteSigner::Create(kOrigin, crypto::Signer(crypto::Key::Random()));
    const auto witness = *Cosigner::Create("nyborg.example/medflyt/witness", crypto::Signer(crypto::Key::Random()));
    Write(folder_ / "log.vkey", log.verifier_key().Format());
    Write(folder_ / "witness.vkey", witness.verifier_key().Format());

    merkle::CompactRange range;
    std::vector<Checkpoint> checkpoints;
    std::array<std::string, 3> tiles;
    std::array<uint64_t, 3> full = {};
    std::string bundle;
    for (uint64_t index = 0; index < kSizes.back(); ++index) {
      ASSERT_TRUE(AppendBundleEntry(bundle, Entry(index)).ok());
      range.Append(merkle::LeafHash(Entry(index)), [&](unsigned level, uint64_t, const Hash& hash) {
        if (level % kTileHeight == 0) tiles.at(level / kTileHeight) += hash.bytes();
      });
      for (unsigned level = 0; level < tiles.size(); ++level) {
        if (tiles[level].size() != kTileWidth * Hash::kSize) continue;
        Write(folder_ / TilePath({.level = level, .index = full[level], .width = kTileWidth}), tiles[level]);
        if (level == 0) {
          Write(folder_ / EntryBundlePath(full[0], kTileWidth), bundle);
          bundle.clear();
        }
        tiles[level].clear();
        ++full[level];
      }
      if (std::find(kSizes.begin(), kSizes.end(), index + 1) == kSizes.end()) continue;
      checkpoints.push_back(*Checkpoint::Create(kOrigin, range.size(), range.Root()));
    }
    for (unsigned level = 0; level < tiles.size(); ++level) {
      const auto width = static_cast<unsigned>(tiles[level].size() / Hash::kSize);
      if (width != 0) Write(folder_ / TilePath({.level = level, .index = full[level], .width = width}), tiles[level]);
      if (level == 0) Write(folder_ / EntryBundlePath(full[0], width), bundle);
    }
    for (const Checkpoint& checkpoint : checkpoints) WriteProofs(checkpoint, log, witness);
  }

  void WriteProofs(const Checkpoint& checkpoint, const NoteSigner& log, const Cosigner& witness) {
    const uint64_t size = checkpoint.size().value();
    SignedNote note = SignCheckpoint(checkpoint, log);
    note.signatures.push_back(*witness.Cosign(checkpoint, absl::FromUnixSeconds(1790000000)));
    const std::string name = std::to_string(size);
    Write(folder_ / ("checkpoint." + name), note.Serialize());
    const TileNodeSource source(checkpoint.size(), [&](const Tile& tile) { return ReadTile(folder_, tile); });
    for (const uint64_t index : {uint64_t{0}, size / 3, size - 1}) {
      const auto proof = merkle::BuildInclusionProof(source, LeafIndex(index), checkpoint.size());
      ASSERT_TRUE(proof.ok()) << proof.status();
      Write(folder_ / (name + "." + std::to_string(index) + ".tlog-proof"),
            TlogProof{.extra = "", .index = LeafIndex(index), .hashes = *proof, .checkpoint = note}.Serialize());
    }
    for (const uint64_t older : kSizes) {
      if (older > size) break;
      const auto proof = merkle::BuildConsistencyProof(source, TreeSize(older), checkpoint.size());
      ASSERT_TRUE(proof.ok()) << proof.status();
      Write(folder_ / (std::to_string(older) + "-" + name + ".consistency"),
            std::to_string(older) + "\n" + name + "\n" + HashLines(*proof));
    }
  }

  std::filesystem::path folder_;
};

TEST_F(GoInterop, EachReadsTheOthersLog) {
  const std::filesystem::path checker = std::filesystem::path(testing::BinDir()) / "go_log_check";
  if (!std::filesystem::exists(checker)) GTEST_SKIP() << "SKIPPED-GO: go and golang-golang-x-mod-dev are not installed";
  WriteOurLog();
  ASSERT_FALSE(HasFatalFailure());

  FILE* const pipe = popen(("'" + checker.string() + "' '" + folder_.string() + "' 2>&1").c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string output;
  std::array<char, 512> buffer;
  while (const size_t count = fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), count);
  const int status = pclose(pipe);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << output;
  // Sizes 1 and 2 have fewer than three different leaves to prove.
  EXPECT_EQ(output, "checkpoints 11 inclusion 30 consistency 66\n");

  const std::filesystem::path theirs = folder_ / "go";
  const std::vector<VerifierKey> known = {*VerifierKey::Parse(testing::ReadFile(theirs / "log.vkey"))};
  const auto head = OpenCheckpoint(testing::ReadFile(theirs / "checkpoint.300"), known);
  ASSERT_TRUE(head.ok()) << head.status();
  merkle::CompactRange range;
  for (uint64_t size = 1; size <= 300; ++size) {
    range.Append(merkle::LeafHash("go entry " + std::to_string(size - 1)));
    const std::string name = std::to_string(size);
    const auto opened = OpenCheckpoint(testing::ReadFile(theirs / ("checkpoint." + name)), known);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->checkpoint.size(), range.size());
    EXPECT_EQ(opened->checkpoint.root(), range.Root());

    const auto proof = TlogProof::Parse(testing::ReadFile(theirs / (name + ".tlog-proof")));
    ASSERT_TRUE(proof.ok()) << proof.status();
    EXPECT_EQ(proof->index, LeafIndex(12347 % size));
    const Hash leaf = merkle::LeafHash("go entry " + std::to_string(proof->index.value()));
    EXPECT_TRUE(VerifyTlogProof(*proof, leaf, known).ok()) << size;

    if (size == 300) break;
    merkle::Proof consistency;
    std::ifstream lines(theirs / (name + ".consistency"));
    for (std::string line; std::getline(lines, line);) {
      consistency.push_back(*Hash::FromBytes(*Base64Decode(line)));
    }
    const auto verdict = merkle::VerifyConsistency(opened->checkpoint.size(), head->checkpoint.size(), range.Root(),
                                                   head->checkpoint.root(), consistency);
    EXPECT_TRUE(verdict.ok()) << size << ": " << verdict;
  }
}

}  // namespace
}  // namespace medflyt::tlog
