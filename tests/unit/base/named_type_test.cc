#include "common/base/named_type.h"

#include <gtest/gtest.h>

#include <sstream>
#include <type_traits>
#include <unordered_set>

#include "absl/hash/hash.h"

namespace medflyt {
namespace {

// What the type is for: these do not compile.
static_assert(!std::is_convertible_v<uint64_t, LeafIndex>);
static_assert(!std::is_convertible_v<LeafIndex, uint64_t>);
static_assert(!std::is_constructible_v<TreeSize, LeafIndex>);
static_assert(!std::is_assignable_v<TreeSize&, LeafIndex>);
static_assert(!std::equality_comparable_with<TreeSize, LeafIndex>);

TEST(NamedType, ComparesAndPrintsAsItsValue) {
  EXPECT_EQ(LeafIndex().value(), 0U);
  EXPECT_EQ(LeafIndex(7), LeafIndex(7));
  EXPECT_LT(LeafIndex(7), LeafIndex(8));
  EXPECT_GT(LeafIndex(UINT64_MAX), LeafIndex(8));
  std::ostringstream out;
  out << TreeSize(42);
  EXPECT_EQ(out.str(), "42");
}

TEST(NamedType, IsAKeyOfEitherKindOfHashTable) {
  const std::unordered_set<LeafIndex> set = {LeafIndex(1), LeafIndex(2), LeafIndex(1)};
  EXPECT_EQ(set.size(), 2U);
  EXPECT_EQ(absl::Hash<LeafIndex>{}(LeafIndex(5)), absl::Hash<LeafIndex>{}(LeafIndex(5)));
  EXPECT_NE(absl::Hash<LeafIndex>{}(LeafIndex(5)), absl::Hash<LeafIndex>{}(LeafIndex(6)));
}

}  // namespace
}  // namespace medflyt
