#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include "common/audit/verify.h"
#include "tests/unit/audit/tiled_log.h"

namespace medflyt::audit {
namespace {

class DirectoryReaderTest : public ::testing::Test {
 protected:
  DirectoryReaderTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "medflyt-audit.XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~DirectoryReaderTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(DirectoryReaderTest, ReadsALogFromItsFolder) {
  const tlog::NoteSigner signer = testing::LogSigner("odense.example/log", 'a');
  const testing::TiledLog log(testing::NumberedEntries(300), signer);
  testing::WriteFiles(log.files(), folder_);
  const auto report = VerifyTiles(DirectoryReader(folder_.string()), testing::Always({signer.verifier_key()}),
                                  [](uint64_t, uint64_t) {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->verified());
}

TEST_F(DirectoryReaderTest, WhatAnExportSaysToBeCompleteIsASizeOrNothing) {
  const FileReader read = DirectoryReader(folder_.string());
  EXPECT_EQ(*KeptUntil(read), std::nullopt);
  std::filesystem::create_directory(folder_ / "kept");
  for (const auto& [text, size] :
       {std::pair("600", 600U), std::pair("0", 0U), std::pair("", 0U), std::pair("600\n", 0U), std::pair("-1", 0U),
        std::pair("99999999999999999999", 0U)}) {
    std::ofstream(folder_ / kKeptComplete, std::ios::binary | std::ios::trunc) << text;
    EXPECT_EQ(*KeptUntil(read), TreeSize(size)) << text;
  }
}

TEST_F(DirectoryReaderTest, GivesTheExactBytes) {
  const std::string bytes("a\0\r\n\xFF", 5);
  std::ofstream(folder_ / "checkpoint", std::ios::binary) << bytes;
  std::ofstream(folder_ / "empty");
  const FileReader read = DirectoryReader(folder_.string());
  EXPECT_EQ(ReadOne(read, "checkpoint").value_or(std::nullopt), bytes);
  EXPECT_EQ(ReadOne(read, "empty").value_or(std::nullopt), "");
}

TEST_F(DirectoryReaderTest, WhatIsNoFileIsAbsentAndNeverWaitedFor) {
  std::filesystem::create_directories(folder_ / "tile" / "0");
  std::ofstream(folder_ / "checkpoint") << "text";
  ASSERT_EQ(mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  const FileReader read = DirectoryReader(folder_.string());
  for (const char* path : {"absent", "tile/0", "tile/0/000", "checkpoint/below", "pipe"}) {
    const auto bytes = ReadOne(read, path);
    ASSERT_TRUE(bytes.ok()) << path << ": " << bytes.status();
    EXPECT_FALSE(bytes->has_value()) << path;
  }
}

TEST_F(DirectoryReaderTest, OfATooLongFileOnlySoMuchIsReadThatItIsWrong) {
  std::ofstream(folder_ / "long") << "x";
  std::filesystem::resize_file(folder_ / "long", 1'000'000'000'000);
  const auto bytes = ReadOne(DirectoryReader(folder_.string()), "long");
  ASSERT_TRUE(bytes.ok() && bytes->has_value());
  EXPECT_EQ((*bytes)->size(), 256U * 65537 + 1);
}

TEST_F(DirectoryReaderTest, WhatTheSystemRefusesIsUnavailable) {
  std::filesystem::create_symlink("loop", folder_ / "loop");
  EXPECT_EQ(ReadOne(DirectoryReader(folder_.string()), "loop").status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace medflyt::audit
