#include "common/merkle/compact_range.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "tests/support/reference_tree.h"
#include "tests/unit/merkle/rule_of.h"

namespace medflyt::merkle {
namespace {

using testing::ReferenceTree;

TEST(CompactRange, EmptyTreeHasTheHashOfNothing) {
  const CompactRange range;
  EXPECT_EQ(range.size(), TreeSize(0));
  EXPECT_EQ(range.Root(), EmptyRoot());
  EXPECT_TRUE(range.Hashes().empty());
}

TEST(CompactRange, RootAtEverySizeIsThatOfTheReference) {
  const auto tree = ReferenceTree::Numbered(70);
  CompactRange range;
  for (size_t size = 1; size <= tree.size(); ++size) {
    range.Append(tree.leaf_hashes()[size - 1]);
    EXPECT_EQ(range.size(), TreeSize(size));
    EXPECT_EQ(range.Root(), tree.Root(size)) << "size " << size;
  }
}

TEST(CompactRange, ReportsEachCompletedSubtreeOnceAndUpwards) {
  const auto tree = ReferenceTree::Numbered(37);
  CompactRange range;
  std::map<std::pair<unsigned, uint64_t>, Hash> reported;
  for (const Hash& leaf : tree.leaf_hashes()) {
    unsigned expected_level = 0;
    range.Append(leaf, [&](unsigned level, uint64_t index, const Hash& hash) {
      EXPECT_EQ(level, expected_level++);
      EXPECT_TRUE(reported.emplace(std::pair(level, index), hash).second) << "level " << level << " index " << index;
    });
  }
  size_t expected = 0;
  for (unsigned level = 0; (tree.size() >> level) != 0; ++level) {
    for (uint64_t index = 0; index < tree.size() >> level; ++index, ++expected) {
      const auto found = reported.find({level, index});
      ASSERT_NE(found, reported.end()) << "level " << level << " index " << index;
      EXPECT_EQ(found->second, *tree.Node(level, index));
    }
  }
  EXPECT_EQ(reported.size(), expected);
}

TEST(CompactRange, ContinuesFromItsHashesAndFromStoredNodes) {
  const auto tree = ReferenceTree::Numbered(40);
  CompactRange range;
  for (size_t size = 0; size < tree.size(); ++size) {
    const auto from_hashes = CompactRange::FromHashes(TreeSize(size), range.Hashes());
    ASSERT_TRUE(from_hashes.ok());
    EXPECT_EQ(*from_hashes, range);
    auto from_source = CompactRange::FromSource(TreeSize(size), tree);
    ASSERT_TRUE(from_source.ok());
    from_source->Append(tree.leaf_hashes()[size]);
    EXPECT_EQ(from_source->Root(), tree.Root(size + 1));
    range.Append(tree.leaf_hashes()[size]);
  }
}

TEST(CompactRange, HashesRunFromTheLargestSubtree) {
  const auto tree = ReferenceTree::Numbered(7);
  const auto range = CompactRange::FromSource(TreeSize(7), tree);
  ASSERT_TRUE(range.ok());
  EXPECT_EQ(range->Hashes(), (std::vector<Hash>{tree.Range(0, 4), tree.Range(4, 6), tree.Range(6, 7)}));
}

TEST(CompactRange, RejectsAnotherNumberOfHashes) {
  const auto tree = ReferenceTree::Numbered(8);
  const std::vector<Hash> three(tree.leaf_hashes().begin(), tree.leaf_hashes().begin() + 3);
  for (const uint64_t size : {0u, 1u, 2u, 3u, 5u, 8u, 15u}) {
    const auto range = CompactRange::FromHashes(TreeSize(size), three);
    ASSERT_FALSE(range.ok()) << size;
    EXPECT_EQ(RuleOf(range.status()), "COMPACT_RANGE_INVALID");
  }
  EXPECT_TRUE(CompactRange::FromHashes(TreeSize(7), three).ok());
}

TEST(CompactRange, RejectsSizesBeyondTheLimit) {
  const std::vector<Hash> one(1);
  EXPECT_FALSE(CompactRange::FromHashes(TreeSize(uint64_t{1} << 63), one).ok());
  EXPECT_TRUE(CompactRange::FromHashes(TreeSize(uint64_t{1} << 62), one).ok());
  EXPECT_FALSE(CompactRange::FromSource(TreeSize(uint64_t{1} << 63), ReferenceTree()).ok());
}

TEST(CompactRange, AMissingStoredNodeIsAnError) {
  const auto tree = ReferenceTree::Numbered(5);
  EXPECT_EQ(CompactRange::FromSource(TreeSize(6), tree).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace medflyt::merkle
