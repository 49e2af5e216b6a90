#include "common/audit/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "common/entry/seal.h"
#include "common/wire/ledger.h"
#include "tests/support/shared.h"
#include "tests/unit/audit/tiled_log.h"

namespace medflyt::audit {
namespace {

using ::medflyt::testing::LogSigner;
using ::medflyt::testing::NumberedEntries;
using ::medflyt::testing::ReaderOf;
using ::medflyt::testing::TiledLog;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kOrigin = "odense.example/35209115/1";

Report Verified(const TiledLog::Files& files, const std::vector<tlog::VerifierKey>& keys) {
  const auto report = VerifyTiles(ReaderOf(files), testing::Always(keys), [](uint64_t, uint64_t) {});
  EXPECT_TRUE(report.ok()) << report.status();
  return report.value_or(Report());
}

TEST(VerifyTilesTest, LogsOfEverySizeHold) {
  const tlog::NoteSigner signer = LogSigner(kOrigin, 'a');
  for (const size_t size : {0U, 1U, 2U, 255U, 256U, 257U, 511U, 512U, 1000U, 65535U, 65536U, 65537U, 70000U}) {
    const TiledLog log(NumberedEntries(size), signer);
    std::vector<std::pair<uint64_t, uint64_t>> seen;
    const auto report = VerifyTiles(ReaderOf(log.files()), testing::Always({signer.verifier_key()}),
                                    [&seen](uint64_t done, uint64_t of) { seen.emplace_back(done, of); });
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_TRUE(report->verified()) << size << ": " << NameOf(report->findings[0].code) << report->findings[0].path;
    EXPECT_EQ(report->origin, kOrigin);
    EXPECT_EQ(report->size, TreeSize(size));
    EXPECT_EQ(report->unreadable, size);
    // Every tile but the checkpoint and the bundles.
    const size_t bundles = (size + 255) / 256;
    EXPECT_EQ(report->tiles, log.files().size() - 1 - bundles);
    if (size > 0) {
      ASSERT_EQ(seen.size(), bundles);
      EXPECT_EQ(seen.back(), std::pair(uint64_t{size}, uint64_t{size}));
    }
  }
}

TEST(VerifyTilesTest, SeveralThreadsFindWhatOneFinds) {
  const tlog::NoteSigner signer = LogSigner(kOrigin, 'a');
  const TiledLog log(NumberedEntries(256 * 300 + 17), signer);
  TiledLog::Files damaged = log.files();
  damaged.at("tile/entries/004")[5] ^= 1;
  damaged.at("tile/0/299").clear();
  damaged.erase("tile/entries/256");
  damaged.at("tile/1/000")[40] ^= 1;
  Trust trust;
  trust.keys = testing::Always({signer.verifier_key()});
  for (const TiledLog::Files& files : {log.files(), damaged}) {
    const auto alone = VerifyLog(ReaderOf(files), trust, {});
    ASSERT_TRUE(alone.ok());
    EXPECT_EQ(alone->verified(), files == log.files());
    for (const unsigned threads : {2U, 3U, 8U}) {
      std::vector<uint64_t> told;
      Work work;
      work.threads = threads;
      work.progress = [&told](uint64_t done, uint64_t) { told.push_back(done); };
      const auto together = VerifyLog(ReaderOf(files), trust, work);
      ASSERT_TRUE(together.ok());
      EXPECT_EQ(together->findings, alone->findings);
      EXPECT_EQ(together->tiles, alone->tiles);
      EXPECT_EQ(together->unreadable, alone->unreadable);
      EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
      EXPECT_EQ(told.size(), 301U);
    }
  }
}

TEST(VerifyTilesTest, ThreadsEndWhereNothingMoreCanBeDerivedOrRead) {
  const tlog::NoteSigner signer = LogSigner(kOrigin, 'a');
  const TiledLog log(NumberedEntries(256 * 64), signer);
  Trust trust;
  trust.keys = testing::Always({signer.verifier_key()});
  Work work;
  work.threads = 4;
  TiledLog::Files cut = log.files();
  cut.erase("tile/entries/003");
  cut.erase("tile/0/003");
  const auto report = VerifyLog(ReaderOf(cut), trust, work);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->findings.size(), 2U);
  const FileReader whole = ReaderOf(log.files());
  const auto unread = VerifyLog(
      [&](const std::string& path, std::string& bytes) -> absl::StatusOr<bool> {
        if (path == "tile/entries/005") return absl::UnavailableError("input/output error");
        return whole(path, bytes);
      },
      trust, work);
  EXPECT_EQ(unread.status().code(), absl::StatusCode::kUnavailable);
}

TEST(VerifyTilesTest, ReadsEachFileOnceAndNoOther) {
  const tlog::NoteSigner signer = LogSigner(kOrigin, 'a');
  const TiledLog log(NumberedEntries(700), signer);
  std::map<std::string, int> reads;
  const FileReader reader = ReaderOf(log.files());
  const auto report = VerifyTiles(
      [&](const std::string& path, std::string& bytes) {
        ++reads[path];
        return reader(path, bytes);
      },
      testing::Always({signer.verifier_key()}), [](uint64_t, uint64_t) {});
  ASSERT_TRUE(report.ok() && report->verified());
  std::map<std::string, int> expected;
  for (const auto& [path, bytes] : log.files()) expected[path] = 1;
  EXPECT_EQ(reads, expected);
}

TEST(VerifyTilesTest, TellsKindsOfEntriesApartWithoutOpeningThem) {
  const tlog::NoteSigner signer = LogSigner(kOrigin, 'a');
  wire::LedgerCodec ledger;
  std::vector<std::string> entries;
  for (int i = 0; i < 3; ++i) {
    entries.push_back(*entry::SealEntry(*EventId::FromBytes(std::string(16, 'e')),
                                        *crypto::Nonce::FromBytes(std::string(24, 'n')), "content",
                                        *crypto::Key::FromBytes(std::string(32, 'k')), kOrigin));
  }
  const auto record = ledger.Encode(
      {absl::FromUnixSeconds(1'795'000'000), wire::KeyDestroyed{*KeyId::FromBytes(std::string(16, 'i'))}});
  ASSERT_TRUE(record.ok()) << record.status();
  entries.insert(entries.end(), 2, *record);
  const Report whole = Verified(TiledLog(entries, signer).files(), {signer.verifier_key()});
  EXPECT_TRUE(whole.verified());
  EXPECT_EQ(whole.sealed, 3U);
  EXPECT_EQ(whole.ledger, 2U);
  EXPECT_EQ(whole.records.keys_destroyed, 2U);
  // Field 15 of a later version, and what no version can have made.
  entries.insert(entries.end(), {"\x7A\x01x", "", std::string(65535, '\x0A'), entries[0].substr(1)});
  const Report report = Verified(TiledLog(entries, signer).files(), {signer.verifier_key()});
  EXPECT_EQ(report.sealed, 3U);
  EXPECT_EQ(report.ledger, 2U);
  EXPECT_EQ(report.not_understood, 1U) << "newer, and no fault";
  EXPECT_EQ(report.unreadable, 3U) << "they are part of the tree all the same";
  const auto malformed = [](uint64_t entry) {
    return Finding{FindingCode::kEntryMalformed, "tile/entries/000.p/9", LeafIndex(entry)};
  };
  EXPECT_THAT(report.findings, ElementsAre(malformed(6), malformed(7), malformed(8)));
}

TEST(VerifyTilesTest, BelievesTheKeysOfTheLogAndNoOther) {
  const tlog::NoteSigner signer = LogSigner(kOrigin, 'a');
  const TiledLog log(NumberedEntries(300), signer);
  const Finding invalid{FindingCode::kCheckpointInvalid, "checkpoint", std::nullopt};
  const std::vector<tlog::VerifierKey> others[] = {
      {},
      {LogSigner(kOrigin, 'b').verifier_key()},               // another key of that name
      {LogSigner("nyborg.example/log", 'a').verifier_key()},  // that key under another name
      {*tlog::VerifierKey::Create(kOrigin, tlog::SignatureType::kCosignature, signer.verifier_key().key())},
  };
  for (const auto& keys : others) {
    const Report report = Verified(log.files(), keys);
    EXPECT_THAT(report.findings, ElementsAre(invalid));
    EXPECT_EQ(report.origin, "") << "nothing of an invalid checkpoint is repeated";
  }
  EXPECT_TRUE(Verified(log.files(), {LogSigner(kOrigin, 'b').verifier_key(), signer.verifier_key()}).verified());
}

TEST(VerifyTilesTest, RetiredKeyVouchesForNothingThatCameAfter) {
  const tlog::NoteSigner signer = LogSigner(kOrigin, 'a');
  const TiledLog log(NumberedEntries(300), signer);
  const auto verified = [&](uint64_t from, std::optional<TreeSize> until) {
    const std::vector<directory::LogKey> keys = {{signer.verifier_key(), TreeSize(from), until}};
    const auto report = VerifyTiles(ReaderOf(log.files()), keys, [](uint64_t, uint64_t) {});
    return report.ok() && report->verified();
  };
  EXPECT_TRUE(verified(0, std::nullopt));
  EXPECT_TRUE(verified(300, std::nullopt));
  EXPECT_TRUE(verified(0, TreeSize(301)));
  EXPECT_FALSE(verified(301, std::nullopt)) << "before its time";
  EXPECT_FALSE(verified(0, TreeSize(300)));
  EXPECT_FALSE(verified(0, TreeSize(5)));
}

TEST(VerifyTilesTest, LogOfAnotherImplementationHoldsAtEverySize) {
  MEDFLYT_SHARED_OR_SKIP(folder, "vectors/tlog-tiles-15");
  const std::vector<tlog::VerifierKey> keys = {
      *tlog::VerifierKey::Parse("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx")};
  const FileReader files = DirectoryReader(folder.string());
  for (int size = 0; size <= 15; ++size) {
    const FileReader at_size = [&](const std::string& path, std::string& bytes) {
      return files(path == "checkpoint" ? "checkpoint." + std::to_string(size) : path, bytes);
    };
    const auto report = VerifyTiles(at_size, testing::Always(keys), [](uint64_t, uint64_t) {});
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_THAT(report->findings, IsEmpty()) << size;
    EXPECT_EQ(report->size, TreeSize(static_cast<uint64_t>(size)));
    // One byte wrong in the checkpoint, wherever it is.
    const std::string note = **ReadOne(at_size, "checkpoint");
    for (size_t i = 0; i < note.size(); ++i) {
      const auto damaged = VerifyTiles(
          [&](const std::string& path, std::string& bytes) -> absl::StatusOr<bool> {
            if (path != "checkpoint") return files(path, bytes);
            bytes = note;
            bytes[i] = static_cast<char>(bytes[i] ^ 1);
            return true;
          },
          testing::Always(keys), [](uint64_t, uint64_t) {});
      ASSERT_TRUE(damaged.ok());
      EXPECT_FALSE(damaged->verified()) << size << " byte " << i;
    }
  }
}

TEST(VerifyTilesTest, CorruptedCopiesOfThatLogAreToldApart) {
  MEDFLYT_SHARED_OR_SKIP(folder, "vectors/tlog-tiles-15");
  const std::vector<directory::LogKey> keys = testing::Always(
      {*tlog::VerifierKey::Parse("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx")});
  const char* const kBundle = "tile/entries/000.p/15";
  const char* const kTile = "tile/0/000.p/15";
  TiledLog::Files whole;
  whole["checkpoint"] = testing::ReadFile(folder / "checkpoint.15");
  for (const char* path : {kBundle, kTile}) whole[path] = testing::ReadFile(folder / path);
  const auto findings = [&](const TiledLog::Files& files) {
    return VerifyTiles(ReaderOf(files), keys, [](uint64_t, uint64_t) {})->findings;
  };
  const auto at = [](FindingCode code, const char* path, uint64_t entry) {
    return Finding{code, path, LeafIndex(entry)};
  };
  ASSERT_THAT(findings(whole), IsEmpty());
  // Every byte of the tile and of the entries, with the entry that it is part of.
  for (size_t i = 0; i < whole[kTile].size(); ++i) {
    TiledLog::Files files = whole;
    files[kTile][i] ^= 1;
    EXPECT_THAT(findings(files), ElementsAre(at(FindingCode::kTileMismatch, kTile, i / 32)));
  }
  size_t begin = 0;
  for (uint64_t entry = 0; entry < 15; ++entry) {
    const size_t length = static_cast<unsigned char>(whole[kBundle][begin + 1]);
    for (size_t i = begin; i < begin + 2 + length; ++i) {
      TiledLog::Files files = whole;
      files[kBundle][i] ^= 1;
      const bool in_length = i < begin + 2;
      EXPECT_THAT(findings(files), ElementsAre(in_length ? at(FindingCode::kBundleMalformed, kBundle, 0)
                                                         : at(FindingCode::kEntryMismatch, kBundle, entry)));
    }
    begin += 2 + length;
  }
  // Dropped: the last entry, with the files of the size below under this checkpoint; and a file each.
  TiledLog::Files shorter = whole;
  shorter[kBundle] = testing::ReadFile(folder / "tile/entries/000.p/14");
  shorter[kTile] = testing::ReadFile(folder / "tile/0/000.p/14");
  EXPECT_THAT(findings(shorter),
              ElementsAre(at(FindingCode::kBundleMalformed, kBundle, 0), at(FindingCode::kTileMismatch, kTile, 0)));
  for (const auto& [path, code] :
       {std::pair(kBundle, FindingCode::kBundleMissing), std::pair(kTile, FindingCode::kTileMissing)}) {
    TiledLog::Files files = whole;
    files.erase(path);
    EXPECT_THAT(findings(files), ElementsAre(at(code, path, 0)));
  }
  // Swapped: "one" and "two".
  TiledLog::Files swapped = whole;
  swapped[kBundle].replace(0, 10, std::string("\0\3two\0\3one", 10));
  EXPECT_THAT(findings(swapped),
              ElementsAre(at(FindingCode::kEntryMismatch, kBundle, 0), at(FindingCode::kEntryMismatch, kBundle, 1)));
  // An older checkpoint of the same log under the new files: what it is over is not there.
  TiledLog::Files replayed = whole;
  replayed["checkpoint"] = testing::ReadFile(folder / "checkpoint.14");
  EXPECT_THAT(findings(replayed), ElementsAre(at(FindingCode::kBundleMissing, "tile/entries/000.p/14", 0),
                                              at(FindingCode::kTileMissing, "tile/0/000.p/14", 0)));
}

TEST(VerifyTilesTest, WhatCannotBeReadIsAnErrorAndNoFinding) {
  const tlog::NoteSigner signer = LogSigner(kOrigin, 'a');
  const TiledLog log(NumberedEntries(600), signer);
  const FileReader reader = ReaderOf(log.files());
  for (const auto& [broken, bytes] : log.files()) {
    const auto report = VerifyTiles(
        [&](const std::string& path, std::string& file) -> absl::StatusOr<bool> {
          if (path == broken) return absl::UnavailableError("input/output error");
          return reader(path, file);
        },
        testing::Always({signer.verifier_key()}), [](uint64_t, uint64_t) {});
    EXPECT_EQ(report.status().code(), absl::StatusCode::kUnavailable) << broken;
  }
}

TEST(VerifyTilesTest, EveryFindingHasAName) {
  std::set<std::string> names;
  for (int code = 0; code <= static_cast<int>(FindingCode::kIssuedWithoutRight); ++code) {
    const std::string name(NameOf(static_cast<FindingCode>(code)));
    EXPECT_THAT(name, ::testing::MatchesRegex("[A-Z]+(_[A-Z]+)+"));
    EXPECT_TRUE(names.insert(name).second) << name << " is told twice";
    EXPECT_NE(MeaningOf(static_cast<FindingCode>(code)), "");
  }
}

}  // namespace
}  // namespace medflyt::audit
