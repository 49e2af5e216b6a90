#include "client/cli/files.h"

#include <gmock/gmock.h>

#include "tests/unit/cli_commands/workspace.h"

namespace medflyt::cli {
namespace {

class FilesTest : public testing::Workspace {
 protected:
  // The names in the folder.
  [[nodiscard]] std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) names.push_back(entry.path().filename());
    return names;
  }
};

TEST_F(FilesTest, WriteReplacesAndLeavesNothingElse) {
  for (const std::string& bytes : {std::string("one"), std::string("\0\xFF", 2), std::string()}) {
    ASSERT_TRUE(WriteFile(Path("a"), bytes, FileMode::kPublic).ok());
    EXPECT_EQ(Read("a"), bytes);
  }
  EXPECT_EQ(ModeOf("a"), 0644U);
  ASSERT_TRUE(WriteFile(Path("a"), "secret", FileMode::kSecret).ok());
  EXPECT_EQ(ModeOf("a"), 0600U);
  EXPECT_THAT(Names(), ::testing::ElementsAre("a"));
}

TEST_F(FilesTest, CreateReplacesNothingNotEvenALinkToNowhere) {
  ASSERT_TRUE(CreateFile(Path("a"), "one", FileMode::kSecret).ok());
  EXPECT_EQ(ModeOf("a"), 0600U);
  EXPECT_EQ(CreateFile(Path("a"), "two", FileMode::kSecret).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Read("a"), "one");
  std::filesystem::create_symlink(Path("elsewhere"), Path("b"));
  EXPECT_EQ(CreateFile(Path("b"), "two", FileMode::kSecret).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(std::filesystem::exists(Path("elsewhere")));
  EXPECT_THAT(Names(), ::testing::UnorderedElementsAre("a", "b"));
}

TEST_F(FilesTest, FailuresNameThePathAndAreNoOutage) {
  Write("file", "x");
  for (const char* path : {"absent/a", "file/a"}) {
    for (const absl::Status& status :
         {WriteFile(Path(path), "x", FileMode::kPublic), CreateFile(Path(path), "x", FileMode::kPublic)}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
      EXPECT_THAT(std::string(status.message()), ::testing::StartsWith(Path(path) + ": "));
    }
  }
  std::filesystem::create_directory(Path("folder"));
  EXPECT_EQ(WriteFile(Path("folder"), "x", FileMode::kPublic).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Names(), ::testing::UnorderedElementsAre("file", "folder"));
}

TEST_F(FilesTest, DirectoriesAreMadeForTheirOwner) {
  const mode_t before = umask(0);
  for (const char* path : {"a", "b/", "c/d", "e/f/"}) EXPECT_TRUE(MakeDirectory(Path(path)).ok()) << path;
  umask(before);
  for (const char* path : {"a", "b", "c/d", "e/f"}) EXPECT_EQ(ModeOf(path), 0700U) << path;
  std::filesystem::permissions(Path("a"), std::filesystem::perms(0750));
  EXPECT_TRUE(MakeDirectory(Path("a")).ok());
  EXPECT_EQ(ModeOf("a"), 0750U) << "one that is there stays as it is";
  Write("file", "x");
  for (const char* path : {"file", "file/", "file/a"}) {
    EXPECT_EQ(MakeDirectory(Path(path)).code(), absl::StatusCode::kNotFound) << path;
  }
}

}  // namespace
}  // namespace medflyt::cli
