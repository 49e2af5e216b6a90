#include "server/store/batch.h"

#include <set>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "server/store/store.h"

namespace medflyt::store {
namespace {

TEST(BatchTest, GivesBackWhatWasPutInOrder) {
  Batch batch;
  EXPECT_TRUE(batch.empty());
  batch.Put(Table::kState, "key", "value");
  batch.Put(Table::kIndex, "", "");
  batch.Delete(Table::kState, "key");
  batch.Put(Table::kMeta, std::string("\0\xff", 2), std::string("\0", 1));

  ASSERT_EQ(batch.size(), 4U);
  EXPECT_EQ(batch.at(0).table, Table::kState);
  EXPECT_FALSE(batch.at(0).deletes);
  EXPECT_EQ(batch.at(0).key, "key");
  EXPECT_EQ(batch.at(0).value, "value");
  EXPECT_EQ(batch.at(1).table, Table::kIndex);
  EXPECT_EQ(batch.at(1).key, "");
  EXPECT_EQ(batch.at(1).value, "");
  EXPECT_TRUE(batch.at(2).deletes);
  EXPECT_EQ(batch.at(2).key, "key");
  EXPECT_EQ(batch.at(2).value, "");
  EXPECT_EQ(batch.at(3).key, std::string("\0\xff", 2));
  EXPECT_EQ(batch.at(3).value, std::string("\0", 1));
  EXPECT_EQ(batch.byte_size(), 3U + 5U + 3U + 2U + 1U);
}

TEST(BatchTest, IsReusedAfterClear) {
  Batch batch;
  batch.Put(Table::kState, "old", "old");
  batch.Clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.byte_size(), 0U);
  batch.Delete(Table::kKeys, "new");
  ASSERT_EQ(batch.size(), 1U);
  EXPECT_EQ(batch.at(0).key, "new");
}

TEST(BatchTest, IsMovedWithItsRows) {
  Batch batch;
  batch.Put(Table::kState, "k", "v");  // short enough to live inside a std::string object
  const Batch moved = std::move(batch);
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved.at(0).key, "k");
  EXPECT_EQ(moved.at(0).value, "v");
}

TEST(TableTest, NamesAreOneEachAndStable) {
  std::set<std::string_view> names;
  for (const Table table : kTables) names.insert(TableName(table));
  EXPECT_EQ(names, (std::set<std::string_view>{"segments", "tiles", "state", "index", "outbox", "keys", "meta"}));
}

TEST(KeyRangeTest, PrefixEndsBeforeTheNextPrefix) {
  const KeyRange plain = KeyRange::Prefix("ab");
  EXPECT_TRUE(plain.Contains("ab"));
  EXPECT_TRUE(plain.Contains("ab\xff\xff\xff"));
  EXPECT_FALSE(plain.Contains("aa\xff"));
  EXPECT_FALSE(plain.Contains("ac"));

  const KeyRange carried = KeyRange::Prefix("a\xff\xff");
  EXPECT_TRUE(carried.Contains("a\xff\xff"));
  EXPECT_TRUE(carried.Contains("a\xff\xff\xff"));
  EXPECT_FALSE(carried.Contains("a\xff\xfe"));
  EXPECT_FALSE(carried.Contains("b"));

  const KeyRange highest = KeyRange::Prefix("\xff\xff");
  EXPECT_FALSE(highest.end.has_value());
  EXPECT_TRUE(highest.Contains("\xff\xff\xff"));
  EXPECT_FALSE(highest.Contains("\xff\xfe"));

  const KeyRange signed_turn = KeyRange::Prefix("\x7f");
  EXPECT_TRUE(signed_turn.Contains("\x7f\xff"));
  EXPECT_FALSE(signed_turn.Contains("\x80"));

  EXPECT_TRUE(KeyRange::Prefix("").Contains(""));
  EXPECT_TRUE(KeyRange::Prefix("").Contains("\xff"));
}

}  // namespace
}  // namespace medflyt::store
