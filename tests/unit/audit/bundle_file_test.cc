#include "common/audit/bundle_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "common/base/status.h"
#include "common/tlog/tile.h"
#include "tests/support/shared.h"
#include "tests/unit/audit/evidence_files.h"

namespace medflyt::audit {
namespace {

using ::medflyt::testing::EvidenceFiles;
using ::medflyt::testing::kNyborgId;
using ::medflyt::testing::kOdenseId;
using ::testing::IsEmpty;

class BundleFileTest : public ::testing::Test {
 protected:
  BundleFileTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "medflyt-bundle.XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~BundleFileTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string Path() const { return (folder_ / "log.bundle").string(); }
  absl::StatusOr<std::shared_ptr<const BundleFile>> Opened(std::string_view bytes) const {
    std::ofstream(Path(), std::ios::binary | std::ios::trunc) << bytes;
    return BundleFile::Open(Path());
  }
  [[nodiscard]] bool Refused(std::string_view bytes) const {
    const auto opened = Opened(bytes);
    const auto broken = BrokenRuleOf(opened.status());
    return !opened.ok() && broken && broken->rule == "AUDIT_BUNDLE_MALFORMED";
  }
  static std::string Bundle(const std::vector<std::pair<std::string, std::string>>& members) {
    std::string bytes;
    for (const auto& [path, content] : members) bytes += *BundleMember(path, content);
    return bytes + BundleEnd();
  }
  // In the order of an export, with a receipt for each of so many entries; each holds its own path.
  static std::vector<std::pair<std::string, std::string>> Ordered(uint64_t receipts) {
    std::vector<std::pair<std::string, std::string>> members;
    const auto add = [&](std::string path) { members.emplace_back(path, path); };
    for (const char* path : {"bundle", "keys", "event-keys", "checkpoint"}) add(path);
    for (const uint64_t tile : {0U, 1U, 2U}) {
      const unsigned width = tile == 2 ? 88 : 256;
      add(tlog::EntryBundlePath(tile, width));
      add(tlog::TilePath({0, tile, width}));
    }
    add(tlog::TilePath({1, 0, 2}));
    add(std::string(kKeptComplete));
    for (uint64_t record = 0; record < receipts; ++record) add(ReceiptPath(LeafIndex(record)));
    add(ReceivedPath(LeafIndex(7)));
    return members;
  }
  // Whether each member, and nothing else, is read.
  static void ExpectRead(const FileReader& read, const std::vector<std::pair<std::string, std::string>>& members) {
    for (const auto& [path, content] : members) EXPECT_EQ(*ReadOne(read, path), content) << path;
    for (const char* absent :
         {"policy", "tile/entries/002", "tile/0/003", "tile/1/000.p/1", "tile/2/000", "tile/0",
          "kept/receipts/x009/000", "kept/received/006", "kept/received/008", "kept", "unheard-of"}) {
      EXPECT_EQ(*ReadOne(read, absent), std::nullopt) << absent;
    }
  }
  static std::vector<std::pair<std::string, std::string>> Sample() {
    return {{"bundle", FormatBundleContent({"odense.example/log", TreeSize(3), {}})},
            {"empty", ""},
            {"tile/0/x001/000", std::string(512, 'h')},
            {"checkpoint", std::string(513, 'c')}};
  }

  std::filesystem::path folder_;
};

TEST_F(BundleFileTest, MembersComeBackAsTheyWere) {
  const auto opened = Opened(Bundle(Sample()));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ((*opened)->size(), 4U);
  const FileReader read = BundleReader(*opened);
  for (const auto& [path, content] : Sample()) EXPECT_EQ(*ReadOne(read, path), content) << path;
  EXPECT_EQ(*ReadOne(read, "tile/0"), std::nullopt);
  EXPECT_EQ(*ReadOne(read, "bundle"), "medflyt audit bundle v1\norigin odense.example/log\nsize 3\n");
}

// A log that was exchanged entry by entry has a receipt for each.
TEST_F(BundleFileTest, OfManyMembersInTheOrderOfAnExportFewPlacesAreRemembered) {
  const auto members = Ordered(3000);
  const auto opened = Opened(Bundle(members));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ((*opened)->size(), members.size());
  EXPECT_LE((*opened)->indexed(), members.size() / 256 + 1);
  const FileReader read = BundleReader(*opened);
  auto backwards = members;
  std::reverse(backwards.begin(), backwards.end());
  std::thread beside([&] { ExpectRead(read, backwards); });
  ExpectRead(read, members);
  beside.join();
}

TEST_F(BundleFileTest, MembersInAnotherOrderAreReadAsWell) {
  for (const size_t moved : {size_t{1}, size_t{4}, size_t{9}, size_t{700}}) {
    auto members = Ordered(900);
    std::swap(members[moved], members[moved + 1]);
    const auto opened = Opened(Bundle(members));
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ((*opened)->size(), members.size());
    ExpectRead(BundleReader(*opened), members);
  }
  // Twice, side by side or far apart.
  for (const size_t place : {size_t{300}, size_t{20}}) {
    auto members = Ordered(900);
    members.insert(members.begin() + 300, members[place]);
    EXPECT_TRUE(Refused(Bundle(members))) << place;
  }
}

TEST_F(BundleFileTest, FileThatChangesUnderItsReaderIsNoBundleAnyMore) {
  const std::string whole = Bundle(Ordered(900));
  const auto opened = Opened(whole);
  ASSERT_TRUE(opened.ok()) << opened.status();
  std::string changed = whole;
  const std::string path = ReceiptPath(LeafIndex(600));
  changed.replace(changed.find(path), path.size(), ReceiptPath(LeafIndex(601)));
  std::ofstream(Path(), std::ios::binary | std::ios::trunc) << changed;
  const auto read = ReadOne(BundleReader(*opened), path);
  const auto broken = BrokenRuleOf(read.status());
  ASSERT_TRUE(!read.ok() && broken);
  EXPECT_EQ(broken->rule, "AUDIT_BUNDLE_MALFORMED");
}

TEST_F(BundleFileTest, OthersToolsUnpackIt) {
  ASSERT_TRUE(Opened(Bundle(Sample())).ok());
  const std::string command = "tar -xf " + Path() + " -C " + folder_.string();
  ASSERT_EQ(std::system(command.c_str()), 0);
  for (const auto& [path, content] : Sample()) EXPECT_EQ(testing::ReadFile(folder_ / path), content) << path;
}

TEST_F(BundleFileTest, FileThatIsCutOrLongerIsNoBundle) {
  const std::string whole = Bundle(Sample());
  for (size_t size = 0; size < whole.size(); size += 61) EXPECT_TRUE(Refused(whole.substr(0, size))) << size;
  EXPECT_TRUE(Refused(whole.substr(0, whole.size() - 512)));
  EXPECT_TRUE(Refused(whole + "x"));
  EXPECT_TRUE(Refused(whole + std::string(512, '\0')));
  EXPECT_TRUE(Refused(BundleEnd()));
  EXPECT_FALSE(Refused(whole));
}

TEST_F(BundleFileTest, AnyChangedByteOfAHeaderIsRefused) {
  const std::string whole = Bundle(Sample());
  for (size_t i = 0; i < 512; ++i) {
    std::string changed = whole;
    changed[i] ^= 1;
    EXPECT_TRUE(Refused(changed)) << i;
  }
}

TEST_F(BundleFileTest, MembersTwiceOrInTheWrongPlaceAreRefused) {
  auto members = Sample();
  members.push_back(members[2]);
  EXPECT_TRUE(Refused(Bundle(members)));
  members = Sample();
  std::swap(members[0], members[1]);
  EXPECT_TRUE(Refused(Bundle(members)));
  for (const char* path : {"", "/checkpoint", "../checkpoint", "tile/../checkpoint", "a//b", "a/", "a b", ".hidden",
                           "tile/.p", "\xC3\xA6"}) {
    EXPECT_FALSE(BundleMember(path, "x").ok()) << path;
  }
  EXPECT_FALSE(BundleMember(std::string(101, 'a'), "x").ok());
  EXPECT_TRUE(BundleMember(std::string(100, 'a'), "x").ok());
}

TEST_F(BundleFileTest, FileThatIsAbsentIsNotCalledDamaged) {
  EXPECT_EQ(BundleFile::Open(Path()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(BundleFile::Open(folder_.string()).ok());
}

TEST_F(BundleFileTest, KeysAndOwnersComeBackAsTheyWere) {
  Trust trust = EvidenceFiles().Believed();
  trust.keys[0].until = TreeSize(500);
  const std::string text = FormatBundleKeys(trust);
  const auto parsed = ParseBundleKeys(text);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->keys, trust.keys);
  EXPECT_EQ(parsed->owners, trust.owners);
  for (const std::string& wrong :
       {text.substr(0, text.size() - 1), text + "x\n", std::string("\n"), std::string("key a b c\n"),
        std::string("owner odense.example/log 3520911\n"), std::string("owner a 35209115 x\n")}) {
    EXPECT_FALSE(ParseBundleKeys(wrong).ok()) << wrong;
  }
}

TEST(BundleContentTest, ComesBackAsItWasAndInOneFormOnly) {
  const std::string whole = FormatBundleContent({"odense.example/log", TreeSize(600), {}});
  EXPECT_EQ(ParseBundleContent(whole)->part, std::nullopt);
  const BundleContent part{"odense.example/log", TreeSize(600), Part{LeafIndex(256), TreeSize(600)}};
  const std::string text = FormatBundleContent(part);
  EXPECT_EQ(*ParseBundleContent(text), part);
  BundleContent kept = part;
  kept.kept = TreeSize(600);
  EXPECT_EQ(FormatBundleContent(kept), text + "kept 600\n");
  EXPECT_EQ(*ParseBundleContent(text + "kept 600\n"), kept);
  EXPECT_EQ(ParseBundleContent(whole + "kept 0\n")->kept, TreeSize(0));
  for (const std::string& wrong :
       {std::string(), std::string("medflyt audit bundle v1\n"), whole + "\n", whole + "part 1 600\n",
        whole + "part 256 601\n", whole + "part 256 500\n", whole + "part 256 256\n", whole + "part 256\n",
        whole + "part 0256 600\n", whole + "parts 256 600\n", text + "x\n", text.substr(0, text.size() - 1),
        whole + "kept 601\n", whole + "kept\n", whole + "kept 06\n", whole + "keep 600\n", whole + "kept 600\nx\n",
        whole + "kept 600\npart 256 600\n", whole + "kept 600\nkept 600\n"}) {
    EXPECT_FALSE(ParseBundleContent(wrong).ok()) << wrong;
  }
}

TEST_F(BundleFileTest, LogInABundleIsVerifiedAsInAFolder) {
  EvidenceFiles files;
  for (uint64_t number = 1; number <= 600; ++number) {
    files.AppendEvent(EvidenceFiles::Sealed(EvidenceFiles::kOrigin, kOdenseId, kNyborgId, number));
  }
  const auto verify = [&](const EvidenceFiles::Files& members) {
    std::vector<std::pair<std::string, std::string>> all = {
        {"bundle", FormatBundleContent({files.kOrigin, TreeSize(600), {}})}};
    all.insert(all.end(), members.begin(), members.end());
    const auto opened = Opened(Bundle(all));
    EXPECT_TRUE(opened.ok()) << opened.status();
    Work work;
    work.threads = 2;
    work.beside = true;
    work.opened = &files.keys_;
    return *VerifyLog(BundleReader(*opened), files.Believed(), work);
  };
  const Report whole = verify(files.Export());
  EXPECT_THAT(whole.findings, IsEmpty());
  EXPECT_EQ(whole.events.opened, 600U);
  EvidenceFiles::Files damaged = files.Export();
  damaged.at("tile/entries/001")[70] ^= 1;
  const Report report = verify(damaged);
  ASSERT_FALSE(report.verified());
  EXPECT_EQ(report.findings[0].code, FindingCode::kEntryMismatch);
  EXPECT_EQ(report.findings[0].entry, LeafIndex(256));
}

}  // namespace
}  // namespace medflyt::audit
