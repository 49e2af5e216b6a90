#include "server/log/generations.h"

#include <gtest/gtest.h>

#include "common/crypto/signer.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/checkpoint.h"
#include "server/store/memory_store.h"

namespace medflyt::log {
namespace {

tlog::NoteSigner SignerOf(const std::string& origin) {
  return *tlog::NoteSigner::Create(origin, crypto::Signer(*crypto::Key::FromBytes(std::string(32, 'k'))));
}

class GenerationsTest : public ::testing::Test {
 protected:
  // The open log of that size is closed, and the next one opened.
  void Close(const std::string& origin, uint64_t size, const std::string& next) {
    const auto checkpoint = tlog::Checkpoint::Create(origin, TreeSize(size), merkle::LeafHash("root"));
    const Head head{TreeSize(size), merkle::LeafHash("root"),
                    tlog::SignCheckpoint(*checkpoint, SignerOf(origin)).Serialize()};
    store::Batch batch;
    batch.Put(store::Table::kMeta, HeadKey(), EncodeHead(head));
    ASSERT_TRUE(store_->Commit(batch, store::Durability::kSynced).ok());
    const absl::Status opened = OpenNextGeneration(*store_, SignerOf(next));
    ASSERT_TRUE(opened.ok()) << opened;
  }

  store::MemoryDisk disk_;
  std::unique_ptr<store::Store> store_ = *store::OpenMemoryStore(disk_, 1);
};

TEST_F(GenerationsTest, PlacesFollowEachOther) {
  Close("a/1", 5, "a/2");
  Close("a/2", 3, "a/3");
  const auto logs = Generations::Load(*store_, "a/3");
  ASSERT_TRUE(logs.ok()) << logs.status();
  ASSERT_EQ(logs->all().size(), 3U);
  EXPECT_EQ(logs->open().origin, "a/3");
  EXPECT_EQ(logs->open().begin, Position(8));
  EXPECT_EQ(logs->before_open()->origin, "a/2");
  EXPECT_EQ(logs->before_open()->last->size, TreeSize(3));
  EXPECT_EQ(logs->Find("a/1")->number, 0U);
  EXPECT_EQ(logs->Find("a/4"), nullptr);
  const std::vector<std::pair<std::string, uint64_t>> places = {{"a/1", 0}, {"a/1", 4}, {"a/2", 0},
                                                                {"a/2", 2}, {"a/3", 0}, {"a/3", 1000}};
  const std::vector<uint64_t> positions = {0, 4, 5, 7, 8, 1008};
  for (size_t i = 0; i < places.size(); ++i) {
    const Generation& log = logs->Of(Position(positions[i]));
    EXPECT_EQ(log.origin, places[i].first);
    EXPECT_EQ(log.IndexOf(Position(positions[i])), LeafIndex(places[i].second));
    EXPECT_EQ(log.At(LeafIndex(places[i].second)), Position(positions[i]));
  }
}

// A client that had seen more of a log than its node has now goes on with the log that follows.
TEST_F(GenerationsTest, ABookmarkBeyondAClosedLogLeadsToTheNext) {
  Close("a/1", 5, "a/2");
  const auto logs = Generations::Load(*store_, "a/2");
  ASSERT_TRUE(logs.ok());
  for (const uint64_t position : {0U, 4U, 5U, 77U}) {
    EXPECT_EQ(logs->At(logs->BookmarkOf(Position(position))), Position(position));
  }
  EXPECT_EQ(logs->At(4), Position(4)) << "of the first log it is the leaf index";
  EXPECT_EQ(logs->At(900), Position(5));
  EXPECT_LT(logs->BookmarkOf(Position(4)), logs->BookmarkOf(Position(5)));
  EXPECT_GT(logs->At(uint64_t{7} << 48), Position(1'000'000)) << "of a log that is not there yet";
}

// What a client had seen of logs that are lost leads to the log that follows them, and a number of a generation means
// the same as in the store that is gone.
TEST_F(GenerationsTest, LogsThatAreLostKeepTheirNumbers) {
  const auto checkpoint = tlog::Checkpoint::Create("a/1", TreeSize(5), merkle::LeafHash("root"));
  store::Batch batch;
  batch.Put(store::Table::kMeta, HeadKey(),
            EncodeHead({TreeSize(5), merkle::LeafHash("root"),
                        tlog::SignCheckpoint(*checkpoint, SignerOf("a/1")).Serialize()}));
  ASSERT_TRUE(store_->Commit(batch, store::Durability::kSynced).ok());
  const std::vector<std::string> between = {"a/2", "a/3"};
  const absl::Status opened = OpenNextGeneration(*store_, SignerOf("a/4"), between);
  ASSERT_TRUE(opened.ok()) << opened;
  const auto logs = Generations::Load(*store_, "a/4");
  ASSERT_TRUE(logs.ok()) << logs.status();
  EXPECT_EQ(logs->open().number, 3U);
  EXPECT_EQ(logs->open().begin, Position(5));
  EXPECT_EQ(logs->Find("a/3")->last->size, TreeSize(0));
  EXPECT_EQ(logs->Of(Position(5)).origin, "a/4");
  for (const uint64_t lost : {1U, 2U}) EXPECT_EQ(logs->At(lost << 48 | 57), Position(5));
  EXPECT_EQ(logs->At(uint64_t{3} << 48 | 57), Position(62));
}

TEST_F(GenerationsTest, ARowThatNamesNoLogIsNotRead) {
  store::Batch batch;
  batch.Put(store::Table::kMeta, ClosedKey(0), EncodeHead({TreeSize(5), merkle::LeafHash("root"), "no note"}));
  ASSERT_TRUE(store_->Commit(batch, store::Durability::kSynced).ok());
  EXPECT_EQ(Generations::Load(*store_, "a/2").status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(GenerationsTest, WhatHasNoHeadThatNamesALogIsNotClosed) {
  EXPECT_EQ(OpenNextGeneration(*store_, SignerOf("a/2")).code(), absl::StatusCode::kDataLoss);
  store::Batch batch;
  batch.Put(store::Table::kMeta, HeadKey(), EncodeHead({TreeSize(5), merkle::LeafHash("root"), "no note"}));
  ASSERT_TRUE(store_->Commit(batch, store::Durability::kSynced).ok());
  EXPECT_EQ(OpenNextGeneration(*store_, SignerOf("a/2")).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Generations::Load(*store_, "a/1")->all().size(), 1U);
}

}  // namespace
}  // namespace medflyt::log
