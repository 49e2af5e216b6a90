// Copies of a log that somebody changed: each one is found, and the finding says where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "common/audit/verify.h"
#include "tests/unit/audit/tiled_log.h"

namespace medflyt::audit {
namespace {

using ::medflyt::testing::LogSigner;
using ::medflyt::testing::NumberedEntries;
using ::medflyt::testing::ReaderOf;
using ::medflyt::testing::TiledLog;
using ::testing::ElementsAre;

constexpr std::string_view kOrigin = "odense.example/35209115/1";
constexpr size_t kSize = 256 * 256 + 256 + 70;  // three levels of tiles, each with a right edge
// Of this log, by what there is of each kind.
const char* const kFullBundle = "tile/entries/003";
const char* const kLastBundle = "tile/entries/257.p/70";
const char* const kFullTile = "tile/0/003";
const char* const kLastTile = "tile/0/257.p/70";
const char* const kFullTile1 = "tile/1/000";
const char* const kLastTile1 = "tile/1/001.p/1";
const char* const kTile2 = "tile/2/000.p/1";

Finding At(FindingCode code, std::string path, uint64_t entry) { return {code, std::move(path), LeafIndex(entry)}; }
Finding AtCheckpoint(FindingCode code) { return {code, "checkpoint", std::nullopt}; }

class DamageTest : public ::testing::Test {
 protected:
  // The findings for a copy of the log that `damage` changed.
  static std::vector<Finding> FindingsFor(const std::function<void(TiledLog::Files&)>& damage) {
    TiledLog::Files files = Whole().files();
    damage(files);
    return FindingsOf(files);
  }
  static std::vector<Finding> FindingsOf(const TiledLog::Files& files) {
    const auto report = VerifyTiles(ReaderOf(files), testing::Always({LogSigner(kOrigin, 'a').verifier_key()}),
                                    [](uint64_t, uint64_t) {});
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? std::vector<Finding>(report->findings.begin(), report->findings.end())
                       : std::vector<Finding>();
  }
  static const TiledLog& Whole() {
    static const TiledLog log(NumberedEntries(kSize), LogSigner(kOrigin, 'a'));
    return log;
  }
  static void Flip(TiledLog::Files& files, const std::string& path, size_t byte) {
    ASSERT_LT(byte, files.at(path).size()) << path;
    files.at(path)[byte] = static_cast<char>(files.at(path)[byte] ^ 0x20);
  }
  // Where in a bundle the content of an entry begins.
  static size_t OffsetOf(uint64_t entry) {
    size_t offset = 2;
    for (uint64_t i = entry / 256 * 256; i < entry; ++i) offset += 2 + Whole().entries()[i].size();
    return offset;
  }
  // The log of other entries, signed by the log's key or another's.
  static TiledLog Rewritten(const std::function<void(std::vector<std::string>&)>& change, char seed) {
    std::vector<std::string> entries = Whole().entries();
    change(entries);
    return {std::move(entries), LogSigner(kOrigin, seed)};
  }
};

TEST_F(DamageTest, FilesOfTheLogAreThoseNamedHere) {
  for (const char* path : {kFullBundle, kLastBundle, kFullTile, kLastTile, kFullTile1, kLastTile1, kTile2}) {
    EXPECT_TRUE(Whole().files().contains(path)) << path;
  }
  EXPECT_THAT(FindingsOf(Whole().files()), ::testing::IsEmpty());
}

TEST_F(DamageTest, FlippedByteInAnEntryNamesTheEntry) {
  for (const uint64_t entry : {768U, 769U, 900U, 1023U}) {
    for (const size_t byte : {OffsetOf(entry), OffsetOf(entry) + Whole().entries()[entry].size() - 1}) {
      EXPECT_THAT(FindingsFor([&](auto& files) { Flip(files, kFullBundle, byte); }),
                  ElementsAre(At(FindingCode::kEntryMismatch, kFullBundle, entry)));
    }
  }
  for (const uint64_t entry : {uint64_t{257 * 256}, uint64_t{kSize - 1}}) {
    EXPECT_THAT(FindingsFor([&](auto& files) { Flip(files, kLastBundle, OffsetOf(entry)); }),
                ElementsAre(At(FindingCode::kEntryMismatch, kLastBundle, entry)));
  }
}

TEST_F(DamageTest, FlippedByteInALengthMakesTheBundleMalformed) {
  for (const uint64_t entry : {768U, 900U, 1023U}) {
    for (const size_t back : {2U, 1U}) {
      EXPECT_THAT(FindingsFor([&](auto& files) { Flip(files, kFullBundle, OffsetOf(entry) - back); }),
                  ElementsAre(At(FindingCode::kBundleMalformed, kFullBundle, 768)));
    }
  }
}

TEST_F(DamageTest, FlippedByteInATileNamesTheTileAndTheEntriesBelow) {
  struct Place {
    const char* path;
    size_t hash;
    uint64_t entry;
  };
  const Place places[] = {
      {kFullTile, 0, 768},        {kFullTile, 131, 899}, {kFullTile, 255, 1023},   {kLastTile, 0, 257 * 256},
      {kLastTile, 69, kSize - 1}, {kFullTile1, 0, 0},    {kFullTile1, 7, 7 * 256}, {kFullTile1, 255, 255 * 256},
      {kLastTile1, 0, 256 * 256}, {kTile2, 0, 0}};
  for (const auto& [path, hash, entry] : places) {
    for (const size_t byte : {hash * 32, hash * 32 + 31}) {
      EXPECT_THAT(FindingsFor([&](auto& files) { Flip(files, path, byte); }),
                  ElementsAre(At(FindingCode::kTileMismatch, path, entry)))
          << path << " byte " << byte;
    }
  }
}

TEST_F(DamageTest, FlippedByteInTheCheckpointIsFound) {
  const std::string note = Whole().files().at("checkpoint");
  for (size_t i = 0; i < note.size(); ++i) {
    EXPECT_THAT(FindingsFor([&](auto& files) { Flip(files, "checkpoint", i); }),
                ElementsAre(AtCheckpoint(FindingCode::kCheckpointInvalid)))
        << i;
  }
}

TEST_F(DamageTest, MissingFilesAreNamedAndHideNothingElse) {
  const std::pair<const char*, uint64_t> tiles[] = {
      {kFullTile, 768}, {kLastTile, 257 * 256}, {kFullTile1, 0}, {kTile2, 0}, {kLastTile1, 256 * 256}};
  for (const auto& [path, entry] : tiles) {
    EXPECT_THAT(FindingsFor([path = path](auto& files) { files.erase(path); }),
                ElementsAre(At(FindingCode::kTileMissing, path, entry)));
  }
  for (const auto& [path, entry] : {std::pair(kFullBundle, 768U), std::pair(kLastBundle, 257U * 256)}) {
    EXPECT_THAT(FindingsFor([path = path](auto& files) { files.erase(path); }),
                ElementsAre(At(FindingCode::kBundleMissing, path, entry)));
  }
  EXPECT_THAT(FindingsFor([](auto& files) { files.erase("checkpoint"); }),
              ElementsAre(AtCheckpoint(FindingCode::kCheckpointMissing)));
  EXPECT_THAT(FindingsFor([](auto& files) {
                files.erase(kFullBundle);
                Flip(files, kLastBundle, OffsetOf(kSize - 1));
                Flip(files, kFullTile1, 0);
              }),
              ElementsAre(At(FindingCode::kBundleMissing, kFullBundle, 768),
                          At(FindingCode::kEntryMismatch, kLastBundle, kSize - 1),
                          At(FindingCode::kTileMismatch, kFullTile1, 0)));
}

TEST_F(DamageTest, WithoutEntriesAndTileNothingBeyondIsClaimed) {
  EXPECT_THAT(
      FindingsFor([](auto& files) {
        files.erase(kFullBundle);
        files.erase(kFullTile);
      }),
      ElementsAre(At(FindingCode::kBundleMissing, kFullBundle, 768), At(FindingCode::kTileMissing, kFullTile, 768)));
}

TEST_F(DamageTest, TilesOfAnotherLengthAreFound) {
  for (const auto& [path, entry] : {std::pair(kFullTile, 768U), std::pair(kLastTile, 257U * 256)}) {
    const std::string tile = Whole().files().at(path);
    for (const std::string& other :
         {std::string(), tile.substr(0, 32), tile.substr(0, tile.size() - 1), tile + "x", tile + tile.substr(0, 32)}) {
      EXPECT_THAT(FindingsFor([&](auto& files) { files[path] = other; }),
                  ElementsAre(At(FindingCode::kTileMismatch, path, entry)))
          << path << " of " << other.size() << " bytes";
    }
  }
  const std::string upper = Whole().files().at(kFullTile1);
  EXPECT_THAT(FindingsFor([&](auto& files) { files[kFullTile1] = upper + "x"; }),
              ElementsAre(At(FindingCode::kTileMismatch, kFullTile1, 255 * 256)));
  EXPECT_THAT(FindingsFor([&](auto& files) { files[kFullTile1].clear(); }),
              ElementsAre(At(FindingCode::kTileMismatch, kFullTile1, 0)));
}

TEST_F(DamageTest, BundlesThatAreCutOrHaveMoreAreMalformed) {
  const std::string bundle = Whole().files().at(kFullBundle);
  const size_t second = OffsetOf(769) - 2;
  const std::string first = bundle.substr(0, second);
  for (const std::string& other :
       {std::string(), bundle.substr(0, 1), bundle.substr(0, bundle.size() - 1), bundle.substr(0, second),
        bundle.substr(second), bundle + "x", bundle + first, first + bundle, bundle + std::string(2, '\0')}) {
    EXPECT_THAT(FindingsFor([&](auto& files) { files[kFullBundle] = other; }),
                ElementsAre(At(FindingCode::kBundleMalformed, kFullBundle, 768)))
        << other.size() << " bytes";
  }
}

TEST_F(DamageTest, EntriesThatChangedPlacesAreNamedBoth) {
  const auto swapped = Rewritten([](auto& entries) { std::swap(entries[800], entries[801]); }, 'a');
  EXPECT_THAT(FindingsFor([&](auto& files) { files[kFullBundle] = swapped.files().at(kFullBundle); }),
              ElementsAre(At(FindingCode::kEntryMismatch, kFullBundle, 800),
                          At(FindingCode::kEntryMismatch, kFullBundle, 801)));
}

TEST_F(DamageTest, EntryDroppedOrInsertedEverywhereBehindIsFound) {
  // A whole other log of the same size under the old checkpoint: tiles and bundles agree with each other.
  for (const auto& change :
       {std::function<void(std::vector<std::string>&)>([](auto& entries) {
          entries.erase(entries.begin() + 65'800);
          entries.push_back("late");
        }),
        std::function<void(std::vector<std::string>&)>([](auto& entries) {
          entries.insert(entries.begin() + 65'800, "early");
          entries.pop_back();
        }),
        std::function<void(std::vector<std::string>&)>([](auto& entries) { entries[65'800] += "x"; })}) {
    const TiledLog other = Rewritten(change, 'a');
    EXPECT_THAT(FindingsFor([&](auto& files) {
                  const std::string note = files.at("checkpoint");
                  files = other.files();
                  files["checkpoint"] = note;
                }),
                ElementsAre(AtCheckpoint(FindingCode::kRootMismatch)));
    // The same with the old tiles above: they show in which part it is.
    const auto findings = FindingsFor([&](auto& files) {
      for (auto& [path, bytes] : files) {
        if (path.starts_with("tile/0/") || path.starts_with("tile/entries/")) bytes = other.files().at(path);
      }
    });
    EXPECT_THAT(findings, ElementsAre(AtCheckpoint(FindingCode::kRootMismatch))) << "65,800 is in no complete tile";
    // And with all the old tiles: each entry from there on is named, as far as the list goes.
    const auto named = FindingsFor([&](auto& files) {
      for (auto& [path, bytes] : files) {
        if (path.starts_with("tile/entries/")) bytes = other.files().at(path);
      }
    });
    ASSERT_FALSE(named.empty());
    EXPECT_EQ(named[0], At(FindingCode::kEntryMismatch, "tile/entries/257.p/70", 65'800));
  }
}

TEST_F(DamageTest, EntryAndItsTileChangedTogetherShowInTheTileAbove) {
  const TiledLog other = Rewritten([](auto& entries) { entries[900] = "another"; }, 'a');
  EXPECT_THAT(FindingsFor([&](auto& files) {
                for (const char* path : {kFullBundle, kFullTile}) files[path] = other.files().at(path);
              }),
              ElementsAre(At(FindingCode::kTileMismatch, kFullTile1, 768), At(FindingCode::kTileMismatch, kTile2, 0),
                          AtCheckpoint(FindingCode::kRootMismatch)));
}

TEST_F(DamageTest, LogSignedByAnotherKeyIsNoLogOfThisAuthority) {
  const TiledLog forged = Rewritten([](auto& entries) { entries[5] = "another"; }, 'b');
  EXPECT_THAT(FindingsOf(forged.files()), ElementsAre(AtCheckpoint(FindingCode::kCheckpointInvalid)));
  // Nor with the true signature below the forged text, or both.
  const std::string honest = Whole().files().at("checkpoint");
  const std::string other = forged.files().at("checkpoint");
  const std::string signature = honest.substr(honest.find("\n\n") + 2);
  TiledLog::Files files = forged.files();
  files["checkpoint"] = other.substr(0, other.find("\n\n") + 2) + signature;
  EXPECT_THAT(FindingsOf(files), ElementsAre(AtCheckpoint(FindingCode::kCheckpointInvalid)));
  files["checkpoint"] = other + signature;
  EXPECT_THAT(FindingsOf(files), ElementsAre(AtCheckpoint(FindingCode::kCheckpointInvalid)));
}

TEST_F(DamageTest, CheckpointOfAnotherSizeDoesNotFitTheFiles) {
  // Larger than what is there: the partial files of that size are missing.
  const TiledLog longer = Rewritten([](auto& entries) { entries.push_back("one more"); }, 'a');
  EXPECT_THAT(FindingsFor([&](auto& files) { files["checkpoint"] = longer.files().at("checkpoint"); }),
              ElementsAre(At(FindingCode::kBundleMissing, "tile/entries/257.p/71", 257 * 256),
                          At(FindingCode::kTileMissing, "tile/0/257.p/71", 257 * 256)));
  // Smaller, at a border of tiles: the files below it are all there, and are that smaller log.
  const TiledLog shorter = Rewritten([](auto& entries) { entries.resize(256 * 256); }, 'a');
  TiledLog::Files files = Whole().files();
  files["checkpoint"] = shorter.files().at("checkpoint");
  EXPECT_THAT(FindingsOf(files), ::testing::IsEmpty());
  // Smaller, elsewhere.
  const TiledLog within = Rewritten([](auto& entries) { entries.resize(300); }, 'a');
  files["checkpoint"] = within.files().at("checkpoint");
  EXPECT_THAT(FindingsOf(files), ElementsAre(At(FindingCode::kBundleMissing, "tile/entries/001.p/44", 256),
                                             At(FindingCode::kTileMissing, "tile/0/001.p/44", 256)));
}

TEST_F(DamageTest, ManyFindingsAreCutAtAHundred) {
  EXPECT_EQ(FindingsFor([](auto& files) {
              for (auto& [path, bytes] : files) {
                if (path.starts_with("tile/0/")) bytes[0] = static_cast<char>(bytes[0] ^ 1);
              }
            }).size(),
            100U);
}

TEST_F(DamageTest, ManyFindingsOfOneKindAreCountedAndHideNoOther) {
  TiledLog::Files files = Whole().files();
  for (auto& [path, bytes] : files) {
    if (path.starts_with("tile/0/")) bytes[0] = static_cast<char>(bytes[0] ^ 1);
  }
  files.erase(kTile2);
  const auto report = VerifyTiles(ReaderOf(files), testing::Always({LogSigner(kOrigin, 'a').verifier_key()}),
                                  [](uint64_t, uint64_t) {});
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->findings.size(), 101U);
  EXPECT_EQ(report->findings[99], At(FindingCode::kTileMismatch, "tile/0/099", 99 * 256));
  EXPECT_EQ(report->findings[100].path, kTile2);
  EXPECT_EQ(report->findings[100].code, FindingCode::kTileMissing);
  EXPECT_THAT(report->findings.untold(), ElementsAre(::testing::Pair(FindingCode::kTileMismatch, 158U)));
}

}  // namespace
}  // namespace medflyt::audit
