// What every engine must do; each test runs against all of them.
#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/memory_store.h"
#include "server/store_rocksdb/rocks_store.h"

namespace medflyt::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint32_t kLayout = 7;

// A place where a store is opened, closed and opened again.
class Place {
 public:
  virtual ~Place() = default;
  virtual absl::StatusOr<std::unique_ptr<Store>> Open(uint32_t layout) = 0;
  virtual absl::StatusOr<std::unique_ptr<Store>> OpenCopy(const std::string& name) = 0;
  virtual std::string CopyPath(const std::string& name) = 0;
};

class MemoryPlace final : public Place {
 public:
  absl::StatusOr<std::unique_ptr<Store>> Open(uint32_t layout) override { return OpenMemoryStore(disk_, layout); }
  absl::StatusOr<std::unique_ptr<Store>> OpenCopy(const std::string& name) override {
    const auto copy = disk_.CheckpointAt(name);
    if (copy == nullptr) return absl::NotFoundError("no copy");
    return OpenMemoryStore(*copy, kLayout);
  }
  std::string CopyPath(const std::string& name) override { return name; }

 private:
  MemoryDisk disk_;
};

class RocksPlace final : public Place {
 public:
  RocksPlace() {
    std::string pattern = (std::filesystem::temp_directory_path() / "medflyt-store-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~RocksPlace() override { std::filesystem::remove_all(directory_); }

  absl::StatusOr<std::unique_ptr<Store>> Open(uint32_t layout) override {
    RocksOptions options;
    options.layout_version = layout;
    return OpenRocksStore(directory_ + "/store", options);
  }
  absl::StatusOr<std::unique_ptr<Store>> OpenCopy(const std::string& name) override {
    RocksOptions options;
    options.layout_version = kLayout;
    options.create_if_missing = false;
    return OpenRocksStore(CopyPath(name), options);
  }
  std::string CopyPath(const std::string& name) override { return directory_ + "/" + name; }

 private:
  std::string directory_;
};

struct Engine {
  std::string name;
  std::function<std::unique_ptr<Place>()> make;
};

void PrintTo(const Engine& engine, std::ostream* out) { *out << engine.name; }

std::vector<std::string> Rows(const Reader& reader, Table table, const KeyRange& range = KeyRange::All(),
                              Order order = Order::kAscending) {
  std::vector<std::string> rows;
  const absl::Status status = reader.Scan(table, range, order, [&rows](std::string_view key, std::string_view value) {
    rows.push_back(std::string(key) + "=" + std::string(value));
    return Step::kContinue;
  });
  if (!status.ok()) rows.push_back(status.ToString());
  return rows;
}

std::vector<std::string> AllRows(const Reader& reader) {
  std::vector<std::string> all;
  for (const Table table : kTables) {
    for (const std::string& row : Rows(reader, table)) all.push_back(std::string(TableName(table)) + " " + row);
  }
  return all;
}

class StoreContractTest : public ::testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    place_ = GetParam().make();
    Reopen();
  }

  void Reopen() {
    store_.reset();
    auto opened = place_->Open(kLayout);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }

  void Put(Table table, std::string_view key, std::string_view value) {
    Batch batch;
    batch.Put(table, key, value);
    ASSERT_TRUE(store_->Commit(batch, Durability::kSynced).ok());
  }

  static std::optional<std::string> Get(const Reader& reader, Table table, std::string_view key) {
    auto value = reader.Get(table, key);
    EXPECT_TRUE(value.ok()) << value.status();
    return value.ok() ? *std::move(value) : std::nullopt;
  }

  std::unique_ptr<Place> place_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreContractTest, AnAbsentRowIsNoError) {
  EXPECT_EQ(Get(*store_, Table::kState, "absent"), std::nullopt);
  for (const Table table : kTables) EXPECT_THAT(Rows(*store_, table), IsEmpty());
}

TEST_P(StoreContractTest, TablesAreApart) {
  Batch batch;
  for (const Table table : kTables) batch.Put(table, "key", TableName(table));
  ASSERT_TRUE(store_->Commit(batch, Durability::kSynced).ok());
  for (const Table table : kTables) EXPECT_EQ(Get(*store_, table, "key"), std::string(TableName(table)));

  batch.Clear();
  batch.Delete(Table::kIndex, "key");
  ASSERT_TRUE(store_->Commit(batch, Durability::kSynced).ok());
  EXPECT_EQ(Get(*store_, Table::kIndex, "key"), std::nullopt);
  EXPECT_EQ(Get(*store_, Table::kState, "key"), "state");
}

TEST_P(StoreContractTest, ALaterChangeOfTheSameRowWins) {
  Batch batch;
  batch.Put(Table::kState, "a", "1");
  batch.Put(Table::kState, "a", "2");
  batch.Put(Table::kState, "b", "1");
  batch.Delete(Table::kState, "b");
  batch.Delete(Table::kState, "c");
  batch.Put(Table::kState, "c", "1");
  ASSERT_TRUE(store_->Commit(batch, Durability::kSynced).ok());
  EXPECT_THAT(Rows(*store_, Table::kState), ElementsAre("a=2", "c=1"));
}

TEST_P(StoreContractTest, DeletesAndOverwrites) {
  Put(Table::kState, "a", "1");
  Put(Table::kState, "b", "2");
  Put(Table::kState, "b", "3");
  Batch batch;
  batch.Delete(Table::kState, "a");
  batch.Delete(Table::kState, "never there");
  ASSERT_TRUE(store_->Commit(batch, Durability::kSynced).ok());
  EXPECT_EQ(Get(*store_, Table::kState, "a"), std::nullopt);
  EXPECT_EQ(Get(*store_, Table::kState, "b"), "3");
  Put(Table::kState, "a", "again");
  EXPECT_THAT(Rows(*store_, Table::kState), ElementsAre("a=again", "b=3"));
}

TEST_P(StoreContractTest, EmptyAndBinaryKeysAndValues) {
  const std::string zero("\0", 1);
  Put(Table::kIndex, "", "empty key");
  Put(Table::kIndex, zero, "");
  Put(Table::kIndex, "\xff", std::string("\0\xff\0", 3));
  EXPECT_EQ(Get(*store_, Table::kIndex, ""), "empty key");
  EXPECT_EQ(Get(*store_, Table::kIndex, zero), "");
  EXPECT_EQ(Get(*store_, Table::kIndex, "\xff"), std::string("\0\xff\0", 3));
  EXPECT_EQ(Get(*store_, Table::kIndex, std::string("\0\0", 2)), std::nullopt);
  Batch batch;
  batch.Delete(Table::kIndex, "");
  ASSERT_TRUE(store_->Commit(batch, Durability::kSynced).ok());
  EXPECT_EQ(Get(*store_, Table::kIndex, ""), std::nullopt);
  EXPECT_EQ(Get(*store_, Table::kIndex, zero), "");
}

TEST_P(StoreContractTest, LargeValuesComeBackWhole) {
  std::string large(5 << 20, '\0');
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>((i * 2654435761U) >> 13);
  Put(Table::kSegments, "large", large);
  EXPECT_EQ(Get(*store_, Table::kSegments, "large"), large);
  Reopen();
  EXPECT_EQ(Get(*store_, Table::kSegments, "large"), large);
}

TEST_P(StoreContractTest, KeysAreOrderedAsUnsignedBytes) {
  for (const std::string_view key : {"\x80", "a", "\x7f", "", "aa", "\xff", "B", "a\xff"}) Put(Table::kState, key, "");
  EXPECT_THAT(Rows(*store_, Table::kState), ElementsAre("=", "B=", "a=", "aa=", "a\xff=", "\x7f=", "\x80=", "\xff="));
}

TEST_P(StoreContractTest, ScansTheRangeAndNothingElse) {
  for (const std::string_view key : {"a", "b", "ba", "c", "d"}) Put(Table::kState, key, "");
  Put(Table::kIndex, "b", "another table");

  const auto between = KeyRange::Between("b", "d");
  EXPECT_THAT(Rows(*store_, Table::kState, between), ElementsAre("b=", "ba=", "c="));
  EXPECT_THAT(Rows(*store_, Table::kState, between, Order::kDescending), ElementsAre("c=", "ba=", "b="));
  EXPECT_THAT(Rows(*store_, Table::kState, KeyRange::From("c")), ElementsAre("c=", "d="));
  EXPECT_THAT(Rows(*store_, Table::kState, KeyRange::From("c"), Order::kDescending), ElementsAre("d=", "c="));
  EXPECT_THAT(Rows(*store_, Table::kState, KeyRange::Prefix("b")), ElementsAre("b=", "ba="));
  EXPECT_THAT(Rows(*store_, Table::kState, KeyRange::Between("aa", "b")), IsEmpty());
  EXPECT_THAT(Rows(*store_, Table::kState, KeyRange::Between("aa", "b"), Order::kDescending), IsEmpty());
  EXPECT_THAT(Rows(*store_, Table::kState, KeyRange::From("e")), IsEmpty());
  EXPECT_THAT(Rows(*store_, Table::kState, KeyRange::From("e"), Order::kDescending), IsEmpty());
  for (const Order order : {Order::kAscending, Order::kDescending}) {
    EXPECT_THAT(Rows(*store_, Table::kState, KeyRange::Between("b", "b"), order), IsEmpty());
    EXPECT_THAT(Rows(*store_, Table::kState, KeyRange::Between("d", "a"), order), IsEmpty());
    EXPECT_THAT(Rows(*store_, Table::kState, KeyRange::Between("", ""), order), IsEmpty());
  }
}

TEST_P(StoreContractTest, AVisitorStopsTheScan) {
  for (const std::string_view key : {"a", "b", "c"}) Put(Table::kState, key, "");
  for (const Order order : {Order::kAscending, Order::kDescending}) {
    std::vector<std::string> seen;
    const absl::Status status =
        store_->Scan(Table::kState, KeyRange::All(), order, [&seen](std::string_view key, std::string_view) {
          seen.emplace_back(key);
          return seen.size() == 2 ? Step::kStop : Step::kContinue;
        });
    EXPECT_TRUE(status.ok());
    EXPECT_EQ(seen,
              order == Order::kAscending ? (std::vector<std::string>{"a", "b"}) : (std::vector<std::string>{"c", "b"}));
  }
}

TEST_P(StoreContractTest, AVisitorMayReadAndCommitAndDoesNotMeetItsOwnRows) {
  for (const std::string_view key : {"a", "b", "c"}) Put(Table::kState, key, "1");
  for (const Order order : {Order::kAscending, Order::kDescending}) {
    size_t visited = 0;
    const absl::Status status =
        store_->Scan(Table::kState, KeyRange::All(), order, [&](std::string_view key, std::string_view value) {
          EXPECT_EQ(value, order == Order::kAscending ? "1" : key == "b" ? "2" : "1") << key;
          ++visited;
          Put(Table::kState, "b", "2");
          Put(Table::kState, std::string(key) + "x", "new");
          EXPECT_EQ(Get(*store_, Table::kState, "b"), "2");
          return Step::kContinue;
        });
    EXPECT_TRUE(status.ok());
    EXPECT_EQ(visited, 3U);
    Batch batch;
    for (const std::string_view key : {"ax", "bx", "cx"}) batch.Delete(Table::kState, key);
    ASSERT_TRUE(store_->Commit(batch, Durability::kBuffered).ok());
  }
}

TEST_P(StoreContractTest, FindsFirstAndLastOfARange) {
  // Segments under their first index, as the log keeps them.
  const auto index = [](uint64_t i) {
    std::string key;
    AppendU64(key, i);
    return key;
  };
  for (const uint64_t first : {uint64_t{0}, uint64_t{5}, uint64_t{300}, uint64_t{70000}}) {
    Put(Table::kSegments, index(first), std::to_string(first));
  }
  const auto holding = [&](uint64_t i) {
    auto row = store_->Last(Table::kSegments, KeyRange::Between("", index(i + 1)));
    EXPECT_TRUE(row.ok());
    return row.ok() && row->has_value() ? (*row)->value : "none";
  };
  EXPECT_EQ(holding(0), "0");
  EXPECT_EQ(holding(4), "0");
  EXPECT_EQ(holding(5), "5");
  EXPECT_EQ(holding(299), "5");
  EXPECT_EQ(holding(300), "300");
  EXPECT_EQ(holding(69999), "300");
  EXPECT_EQ(holding(1U << 30), "70000");

  auto first = store_->First(Table::kSegments, KeyRange::From(index(6)));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(*first, (Row{index(300), "300"}));
  first = store_->First(Table::kSegments, KeyRange::From(index(70001)));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(*first, std::nullopt);
  const auto last = store_->Last(Table::kSegments, KeyRange::Between(index(6), index(300)));
  ASSERT_TRUE(last.ok());
  EXPECT_EQ(*last, std::nullopt);
}

TEST_P(StoreContractTest, ASnapshotSeesNothingLater) {
  Put(Table::kState, "overwritten", "1");
  Put(Table::kState, "deleted", "1");
  const std::unique_ptr<Reader> before = store_->Snapshot();
  Batch batch;
  batch.Put(Table::kState, "overwritten", "2");
  batch.Delete(Table::kState, "deleted");
  batch.Put(Table::kState, "new", "1");
  ASSERT_TRUE(store_->Commit(batch, Durability::kBuffered).ok());
  const std::unique_ptr<Reader> between = store_->Snapshot();
  Put(Table::kState, "overwritten", "3");

  EXPECT_EQ(Get(*before, Table::kState, "overwritten"), "1");
  EXPECT_EQ(Get(*before, Table::kState, "deleted"), "1");
  EXPECT_EQ(Get(*before, Table::kState, "new"), std::nullopt);
  EXPECT_THAT(Rows(*before, Table::kState), ElementsAre("deleted=1", "overwritten=1"));
  EXPECT_THAT(Rows(*before, Table::kState, KeyRange::All(), Order::kDescending),
              ElementsAre("overwritten=1", "deleted=1"));
  const auto last = before->Last(Table::kState, KeyRange::Prefix("n"));
  ASSERT_TRUE(last.ok());
  EXPECT_EQ(*last, std::nullopt);

  EXPECT_THAT(Rows(*between, Table::kState), ElementsAre("new=1", "overwritten=2"));
  EXPECT_THAT(Rows(*store_, Table::kState), ElementsAre("new=1", "overwritten=3"));
}

TEST_P(StoreContractTest, EverythingIsThereAfterReopening) {
  Batch batch;
  for (const Table table : kTables) {
    batch.Put(table, "kept", TableName(table));
    batch.Put(table, "deleted", "x");
  }
  ASSERT_TRUE(store_->Commit(batch, Durability::kSynced).ok());
  batch.Clear();
  for (const Table table : kTables) batch.Delete(table, "deleted");
  ASSERT_TRUE(store_->Commit(batch, Durability::kBuffered).ok());
  const auto rows = AllRows(*store_);
  EXPECT_EQ(rows.size(), kTables.size());
  Reopen();
  EXPECT_EQ(AllRows(*store_), rows);
}

TEST_P(StoreContractTest, AnEmptyCommitSucceedsAndChangesNothing) {
  Put(Table::kState, "a", "1");
  EXPECT_TRUE(store_->Commit(Batch(), Durability::kBuffered).ok());
  EXPECT_TRUE(store_->Commit(Batch(), Durability::kSynced).ok());
  EXPECT_THAT(AllRows(*store_), ElementsAre("state a=1"));
}

TEST_P(StoreContractTest, TheEpochRisesAtEachOpeningAndIsNoRow) {
  uint64_t last = store_->epoch();
  EXPECT_GE(last, 1U);
  for (int i = 0; i < 3; ++i) {
    Reopen();
    EXPECT_EQ(store_->epoch(), last + 1);
    last = store_->epoch();
  }
  EXPECT_THAT(AllRows(*store_), IsEmpty());
}

TEST_P(StoreContractTest, TwoOpenersNeverBothWrite) {
  Put(Table::kState, "a", "first opener");
  const auto second = place_->Open(kLayout);
  Batch batch;
  batch.Put(Table::kState, "a", "late");
  if (second.ok()) {
    // The engine lets the second in: then the first has lost its right to write.
    EXPECT_GT((*second)->epoch(), store_->epoch());
    const absl::Status late = store_->Commit(batch, Durability::kSynced);
    EXPECT_EQ(late.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(BrokenRuleOf(late).value_or(BrokenRule{}).rule, "STORE_FENCED");
    EXPECT_EQ(Get(**second, Table::kState, "a"), "first opener");
    EXPECT_TRUE((*second)->Commit(batch, Durability::kSynced).ok());
  } else {
    EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(BrokenRuleOf(second.status()).value_or(BrokenRule{}).rule, "STORE_IN_USE");
    EXPECT_TRUE(store_->Commit(batch, Durability::kSynced).ok());
  }
}

TEST_P(StoreContractTest, AnotherLayoutIsRefusedAndNothingIsChanged) {
  Put(Table::kState, "a", "1");
  const uint64_t epoch = store_->epoch();
  store_.reset();
  for (const uint32_t layout : {kLayout - 1, kLayout + 1}) {
    const auto other = place_->Open(layout);
    ASSERT_FALSE(other.ok());
    EXPECT_EQ(other.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(BrokenRuleOf(other.status()).value_or(BrokenRule{}).rule, "INCOMPATIBLE_LAYOUT");
    EXPECT_THAT(std::string(other.status().message()), ::testing::HasSubstr("layout 7"));
    EXPECT_THAT(std::string(other.status().message()), ::testing::HasSubstr("layout " + std::to_string(layout)));
  }
  Reopen();
  EXPECT_EQ(store_->epoch(), epoch + 1);
  EXPECT_EQ(Get(*store_, Table::kState, "a"), "1");
}

TEST_P(StoreContractTest, ACheckpointIsAnEqualStoreOfItsOwn) {
  Batch batch;
  for (const Table table : kTables) batch.Put(table, "key", TableName(table));
  batch.Put(Table::kState, "deleted", "x");
  ASSERT_TRUE(store_->Commit(batch, Durability::kBuffered).ok());
  batch.Clear();
  batch.Delete(Table::kState, "deleted");
  ASSERT_TRUE(store_->Commit(batch, Durability::kBuffered).ok());
  const auto rows = AllRows(*store_);

  const absl::Status made = store_->Checkpoint(place_->CopyPath("copy"), {});
  ASSERT_TRUE(made.ok()) << made;
  Put(Table::kState, "key", "changed since");
  Put(Table::kState, "new", "since");

  {
    const auto copy = place_->OpenCopy("copy");
    ASSERT_TRUE(copy.ok()) << copy.status();
    EXPECT_EQ(AllRows(**copy), rows);
    EXPECT_EQ((*copy)->epoch(), store_->epoch() + 1);
    Batch own;
    own.Put(Table::kState, "key", "in the copy");
    EXPECT_TRUE((*copy)->Commit(own, Durability::kSynced).ok());
  }
  EXPECT_EQ(Get(*store_, Table::kState, "key"), "changed since");
  Put(Table::kState, "key", "and again");
  const auto copy = place_->OpenCopy("copy");
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(Get(**copy, Table::kState, "key"), "in the copy");
  EXPECT_EQ(Get(**copy, Table::kState, "new"), std::nullopt);
}

TEST_P(StoreContractTest, ACheckpointLeavesOutTheTablesThatItIsToldTo) {
  for (const char* key : {"first", "second"}) {
    Batch batch;
    for (const Table table : kTables) batch.Put(table, key, TableName(table));
    ASSERT_TRUE(store_->Commit(batch, Durability::kSynced).ok());
  }
  const std::array without = {Table::kKeys, Table::kIndex};
  const absl::Status made = store_->Checkpoint(place_->CopyPath("copy"), without);
  ASSERT_TRUE(made.ok()) << made;

  const auto copy = place_->OpenCopy("copy");
  ASSERT_TRUE(copy.ok()) << copy.status();
  for (const Table table : kTables) {
    const bool left_out = table == Table::kKeys || table == Table::kIndex;
    EXPECT_EQ(Get(**copy, table, "first").has_value(), !left_out) << TableName(table);
    EXPECT_TRUE(Get(*store_, table, "first").has_value()) << TableName(table);
  }
  Batch own;
  own.Put(Table::kKeys, "key", "in the copy");
  EXPECT_TRUE((*copy)->Commit(own, Durability::kSynced).ok());
  EXPECT_EQ(Get(**copy, Table::kKeys, "key"), "in the copy");
}

TEST_P(StoreContractTest, ACheckpointNeverReplacesAnother) {
  Put(Table::kState, "a", "1");
  ASSERT_TRUE(store_->Checkpoint(place_->CopyPath("copy"), {}).ok());
  Put(Table::kState, "a", "2");
  EXPECT_EQ(store_->Checkpoint(place_->CopyPath("copy"), {}).code(), absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(store_->Checkpoint(place_->CopyPath("other"), {}).ok());
  const auto copy = place_->OpenCopy("copy");
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(Get(**copy, Table::kState, "a"), "1");
  const auto other = place_->OpenCopy("other");
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(Get(**other, Table::kState, "a"), "2");
}

TEST_P(StoreContractTest, PurgingKeepsEveryLiveRow) {
  for (const Table table : kTables) {
    Put(table, "kept", TableName(table));
    Put(table, "overwritten", "old");
    Put(table, "overwritten", "new");
    Put(table, "deleted", "x");
    Batch batch;
    batch.Delete(table, "deleted");
    ASSERT_TRUE(store_->Commit(batch, Durability::kSynced).ok());
  }
  const auto rows = AllRows(*store_);
  const std::unique_ptr<Reader> snapshot = store_->Snapshot();
  for (const Table table : kTables) ASSERT_TRUE(store_->PurgeDeleted(table).ok());
  EXPECT_EQ(AllRows(*store_), rows);
  EXPECT_EQ(AllRows(*snapshot), rows);
}

TEST_P(StoreContractTest, ReadersSeeWholeBatchesWhileOneWrites) {
  constexpr int kCommits = 300;
  Put(Table::kState, "counter", "0");
  Put(Table::kIndex, "counter", "0");
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      int last = 0;
      while (!done) {
        const std::unique_ptr<Reader> snapshot = store_->Snapshot();
        const int state = std::stoi(Get(*snapshot, Table::kState, "counter").value_or("-1"));
        const int index = std::stoi(Get(*snapshot, Table::kIndex, "counter").value_or("-2"));
        EXPECT_EQ(state, index);
        EXPECT_GE(state, last);
        last = state;
      }
    });
  }
  for (int i = 1; i <= kCommits; ++i) {
    Batch batch;
    batch.Put(Table::kState, "counter", std::to_string(i));
    batch.Put(Table::kIndex, "counter", std::to_string(i));
    ASSERT_TRUE(store_->Commit(batch, Durability::kBuffered).ok());
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(Get(*store_, Table::kState, "counter"), std::to_string(kCommits));
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreContractTest,
                         ::testing::Values(Engine{"Memory", [] { return std::make_unique<MemoryPlace>(); }},
                                           Engine{"Rocks", [] { return std::make_unique<RocksPlace>(); }}),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace medflyt::store
