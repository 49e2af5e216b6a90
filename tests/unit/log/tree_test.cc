#include "server/log/tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/merkle/proof.h"
#include "common/merkle/tree_hasher.h"
#include "server/log/layout.h"
#include "server/store/memory_store.h"

namespace medflyt::log {
namespace {

Hash LeafOf(uint64_t i) { return merkle::LeafHash("entry " + std::to_string(i)); }

// A tree grown leaf by leaf into a store, with the compact range beside it as the independent judge of its root.
class TreeTest : public ::testing::Test {
 protected:
  void GrowTo(uint64_t size) {
    for (uint64_t i = judge_.size().value(); i < size; ++i) {
      store::Batch batch;
      tree_->Append(LeafOf(i), batch);
      judge_.Append(LeafOf(i));
      if (batch.empty()) continue;
      ASSERT_TRUE(store_->Commit(batch, store::Durability::kSynced).ok());
    }
  }

  std::unique_ptr<Tree> Reopen() {
    const uint64_t size = judge_.size().value();
    std::vector<Hash> tail;
    for (uint64_t i = size / kTileWidth * kTileWidth; i < size; ++i) tail.push_back(LeafOf(i));
    auto tree = Tree::Open(*store_, 0, TreeSize(size), tail);
    EXPECT_TRUE(tree.ok()) << tree.status();
    return tree.ok() ? *std::move(tree) : nullptr;
  }

  store::MemoryDisk disk_;
  std::unique_ptr<store::Store> store_ = *store::OpenMemoryStore(disk_, 1);
  std::unique_ptr<Tree> tree_ = *Tree::Open(*store_, 0, TreeSize(0), {});
  merkle::CompactRange judge_;
};

TEST_F(TreeTest, EmptyTreeHasTheEmptyRoot) { EXPECT_EQ(tree_->Root(), merkle::EmptyRoot()); }

// Around every place where a tile fills or a level begins.
TEST_F(TreeTest, ReopenedTreeGrowsToTheSameRoot) {
  for (const uint64_t size : {1u, 2u, 255u, 256u, 257u, 511u, 512u, 600u, 65535u, 65536u, 65537u, 65792u, 66000u}) {
    GrowTo(size);
    ASSERT_EQ(tree_->Root(), judge_.Root()) << size;
    tree_ = Reopen();
    ASSERT_NE(tree_, nullptr);
    ASSERT_EQ(tree_->Root(), judge_.Root()) << "reopened at " << size;
  }
}

// More tiles than are cached: until their commit is durable the store has none of them.
TEST_F(TreeTest, TilesAreThereUntilTheirCommitIsDurableAndAfter) {
  constexpr uint64_t kTiles = 600;
  store::Batch batch;
  for (uint64_t i = 0; i < kTiles * kTileWidth; ++i) tree_->Append(LeafOf(i), batch);
  const auto nodes = [&] {
    std::vector<Hash> found;
    for (uint64_t tile = 0; tile < kTiles; ++tile) {
      const auto node = tree_->Node(0, tile * kTileWidth);
      EXPECT_TRUE(node.ok()) << node.status();
      if (node.ok()) found.push_back(*node);
    }
    return found;
  };
  std::vector<Hash> leaves;
  for (uint64_t tile = 0; tile < kTiles; ++tile) leaves.push_back(LeafOf(tile * kTileWidth));
  EXPECT_EQ(nodes(), leaves);
  ASSERT_TRUE(store_->Commit(batch, store::Durability::kSynced).ok());
  tree_->MadeDurable(TreeSize(kTiles * kTileWidth));
  EXPECT_EQ(nodes(), leaves);
}

TEST_F(TreeTest, ProofsHoldAtSmallerSizesAfterReopening) {
  GrowTo(1000);
  const auto smaller = judge_;
  GrowTo(66000);
  tree_ = Reopen();
  ASSERT_NE(tree_, nullptr);
  for (uint64_t index = 0; index < 1000; ++index) {
    const auto small = merkle::BuildInclusionProof(*tree_, LeafIndex(index), TreeSize(1000));
    ASSERT_TRUE(small.ok()) << small.status();
    EXPECT_TRUE(merkle::VerifyInclusion(LeafIndex(index), TreeSize(1000), LeafOf(index), *small, smaller.Root()).ok());
    const auto whole = merkle::BuildInclusionProof(*tree_, LeafIndex(index), TreeSize(66000));
    ASSERT_TRUE(whole.ok()) << whole.status();
    EXPECT_TRUE(merkle::VerifyInclusion(LeafIndex(index), TreeSize(66000), LeafOf(index), *whole, judge_.Root()).ok());
  }
  const auto consistency = merkle::BuildConsistencyProof(*tree_, TreeSize(1000), TreeSize(66000));
  ASSERT_TRUE(consistency.ok()) << consistency.status();
  EXPECT_TRUE(
      merkle::VerifyConsistency(TreeSize(1000), TreeSize(66000), smaller.Root(), judge_.Root(), *consistency).ok());
}

TEST_F(TreeTest, OnlyFullTilesAreStored) {
  GrowTo(256 * 3 + 17);
  int tiles = 0;
  ASSERT_TRUE(store_
                  ->Scan(store::Table::kTiles, store::KeyRange::All(), store::Order::kAscending,
                         [&tiles](std::string_view, std::string_view value) {
                           EXPECT_EQ(value.size(), (kTileWidth + 16) * Hash::kSize);
                           ++tiles;
                           return store::Step::kContinue;
                         })
                  .ok());
  EXPECT_EQ(tiles, 3);
}

TEST_F(TreeTest, MissingTileIsDataLoss) {
  GrowTo(600);
  store::Batch batch;
  batch.Delete(store::Table::kTiles, TileRowKey(0, 0, 1));
  ASSERT_TRUE(store_->Commit(batch, store::Durability::kSynced).ok());
  std::vector<Hash> tail;
  for (uint64_t i = 512; i < 600; ++i) tail.push_back(LeafOf(i));
  EXPECT_EQ(Tree::Open(*store_, 0, TreeSize(600), tail).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace medflyt::log
