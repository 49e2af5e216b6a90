#include "server/node/start_epoch.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "common/base/status.h"
#include "server/node/files.h"
#include "server/store/memory_store.h"
#include "tests/unit/node/temporary_directory.h"

namespace medflyt::node {
namespace {

class StartEpochTest : public ::testing::Test {
 protected:
  StartEpochTest() : store_(*store::OpenMemoryStore(disk_, 1)), file_(directory_.File("epoch")) {}

  // As a start of the node does it; by which rule the store is behind, or "OK".
  std::string Start(uint64_t size) { return Start(*store_, size); }
  std::string Start(store::Store& store, uint64_t size) {
    auto last = CheckStartEpoch(store, file_, TreeSize(size));
    if (!last.ok()) return BrokenRuleOf(last.status())->rule;
    if (!last->behind.ok()) return BrokenRuleOf(last->behind)->rule;
    EXPECT_TRUE(RaiseStartEpoch(store, file_, *last, TreeSize(size)).ok());
    return "OK";
  }

  testing::TemporaryDirectory directory_;
  store::MemoryDisk disk_;
  std::unique_ptr<store::Store> store_;
  const std::string file_;
};

TEST_F(StartEpochTest, RisesAtEachStart) {
  EXPECT_EQ(Start(0), "OK");
  EXPECT_EQ(Start(10), "OK");
  EXPECT_EQ(Start(10), "OK");
  EXPECT_EQ(*ReadFile(file_, 100), "medflyt-epoch/v1\n3\n10\n");
}

TEST_F(StartEpochTest, AnOlderStoreIsFound) {
  EXPECT_EQ(Start(0), "OK");
  store::MemoryDisk backup_disk;
  const auto backup = *store::OpenMemoryStore(backup_disk, 1);
  EXPECT_EQ(Start(*backup, 5), "STORE_ROLLED_BACK");  // a store that was never started
  EXPECT_EQ(Start(5), "OK");
}

TEST_F(StartEpochTest, AShorterLogIsFound) {
  EXPECT_EQ(Start(0), "OK");
  ASSERT_TRUE(NoteSize(file_, TreeSize(100)).ok());
  EXPECT_EQ(Start(99), "STORE_ROLLED_BACK");
  EXPECT_EQ(Start(100), "OK");
}

TEST_F(StartEpochTest, ANotedSizeOnlyGrows) {
  EXPECT_EQ(Start(0), "OK");
  ASSERT_TRUE(NoteSize(file_, TreeSize(100)).ok());
  ASSERT_TRUE(NoteSize(file_, TreeSize(40)).ok());
  EXPECT_EQ(*ReadFile(file_, 100), "medflyt-epoch/v1\n1\n100\n");
}

TEST_F(StartEpochTest, NothingIsNotedWhereThereIsNoFile) {
  ASSERT_TRUE(NoteSize(file_, TreeSize(40)).ok());
  EXPECT_FALSE(std::filesystem::exists(file_));
}

// The peers have said that nobody saw more.
TEST_F(StartEpochTest, AStoreThatWasBehindGoesOnFromItsOwnSize) {
  EXPECT_EQ(Start(0), "OK");
  ASSERT_TRUE(NoteSize(file_, TreeSize(100)).ok());
  auto last = CheckStartEpoch(*store_, file_, TreeSize(60));
  ASSERT_TRUE(last.ok() && !last->behind.ok());
  ASSERT_TRUE(RaiseStartEpoch(*store_, file_, *last, TreeSize(60)).ok());
  EXPECT_EQ(*ReadFile(file_, 100), "medflyt-epoch/v1\n2\n60\n");
  EXPECT_EQ(Start(60), "OK");
}

// A copy made after the file could not be written has the epoch that the store has: the next one must be higher.
TEST_F(StartEpochTest, AnEpochThatReachedTheStoreAloneIsNotUsedAgain) {
  EXPECT_EQ(Start(5), "OK");
  auto epoch = CheckStartEpoch(*store_, file_, TreeSize(5));
  ASSERT_TRUE(epoch.ok());
  EXPECT_FALSE(RaiseStartEpoch(*store_, directory_.File("gone") + "/epoch", *epoch, TreeSize(5)).ok());
  ASSERT_TRUE(store_->Checkpoint("copy", {}).ok());
  ASSERT_TRUE(RaiseStartEpoch(*store_, file_, *epoch, TreeSize(5)).ok());
  const auto copy = *store::OpenMemoryStore(*disk_.CheckpointAt("copy"), 1);
  EXPECT_EQ(Start(*copy, 5), "STORE_ROLLED_BACK");
}

TEST_F(StartEpochTest, ACrashBetweenStoreAndFileIsNoRollback) {
  EXPECT_EQ(Start(0), "OK");
  const std::string before = *ReadFile(file_, 100);
  EXPECT_EQ(Start(7), "OK");
  ASSERT_TRUE(ReplaceFile(file_, before).ok());  // the store is one ahead
  EXPECT_EQ(Start(7), "OK");
  EXPECT_EQ(*ReadFile(file_, 100), "medflyt-epoch/v1\n3\n7\n");
}

TEST_F(StartEpochTest, ALostOrDamagedFileIsNotOverlooked) {
  EXPECT_EQ(Start(0), "OK");
  std::filesystem::remove(file_);
  EXPECT_EQ(Start(0), "EPOCH_FILE_MISSING");
  for (const char* text : {"", "medflyt-epoch/v1\n1\n", "medflyt-epoch/v2\n1\n0\n", "medflyt-epoch/v1\n-1\n0\n",
                           "medflyt-epoch/v1\n1\n0\nx", "medflyt-epoch/v1\n1\n0"}) {
    ASSERT_TRUE(ReplaceFile(file_, text).ok());
    EXPECT_EQ(Start(0), "EPOCH_FILE_MALFORMED") << text;
  }
}

}  // namespace
}  // namespace medflyt::node
