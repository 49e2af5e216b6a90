// Any history of commits, snapshots, openings and crashes leaves a store as it leaves a std::map.
#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"
#include "server/store/memory_store.h"
#include "server/store_rocksdb/rocks_store.h"

namespace medflyt::store {
namespace {

using Rows = std::map<std::string, std::string>;
using Model = std::array<Rows, kTables.size()>;

// Few and short, of bytes at the edges of the order, so that changes and ranges meet.
rc::Gen<std::string> Key() {
  return rc::gen::resize(3, rc::gen::container<std::string>(rc::gen::element('\0', '\1', 'a', '\x7f', '\x80', '\xff')));
}

rc::Gen<Table> AnyTable() { return rc::gen::element(Table::kSegments, Table::kState, Table::kIndex); }

Rows& At(Model& model, Table table) { return model[static_cast<size_t>(table)]; }

void Fill(Batch& batch, Model& model) {
  const int changes = *rc::gen::inRange(0, 8);
  for (int i = 0; i < changes; ++i) {
    const Table table = *AnyTable();
    const std::string key = *Key();
    if (*rc::gen::inRange(0, 3) == 0) {
      batch.Delete(table, key);
      At(model, table).erase(key);
    } else {
      const std::string value = *rc::gen::resize(20, rc::gen::arbitrary<std::string>());
      batch.Put(table, key, value);
      At(model, table)[key] = value;
    }
  }
}

// What a scan of the model gives, at most `limit` rows.
std::vector<Row> Expected(const Rows& rows, const KeyRange& range, Order order, size_t limit) {
  std::vector<Row> expected;
  for (const auto& [key, value] : rows) {
    if (range.Contains(key)) expected.push_back({key, value});
  }
  if (order == Order::kDescending) std::reverse(expected.begin(), expected.end());
  if (expected.size() > limit) expected.resize(limit);
  return expected;
}

void CheckReads(const Reader& reader, Model& model) {
  const Table table = *AnyTable();
  const Rows& rows = At(model, table);
  const std::string key = *Key();
  const auto value = reader.Get(table, key);
  RC_ASSERT(value.ok());
  const auto found = rows.find(key);
  RC_ASSERT(*value == (found == rows.end() ? std::nullopt : std::optional<std::string>(found->second)));

  KeyRange range = *rc::gen::inRange(0, 2) == 0 ? KeyRange::Prefix(*Key()) : KeyRange::From(*Key());
  if (*rc::gen::inRange(0, 2) == 0) range.end = *Key();
  const Order order = *rc::gen::element(Order::kAscending, Order::kDescending);
  const size_t limit = *rc::gen::element<size_t>(1, 2, 1000);
  std::vector<Row> scanned;
  RC_ASSERT(reader
                .Scan(table, range, order,
                      [&](std::string_view k, std::string_view v) {
                        scanned.push_back({std::string(k), std::string(v)});
                        return scanned.size() == limit ? Step::kStop : Step::kContinue;
                      })
                .ok());
  RC_ASSERT(scanned == Expected(rows, range, order, limit));
}

struct Pinned {
  std::unique_ptr<Reader> snapshot;
  Model model;
};

// `reopen` closes the store, lets the accident happen that it stands for, and opens again; it tells how many of the
// commits since the last synced one are gone.
void RunHistory(std::unique_ptr<Store> store, Model model, int steps,
                const std::function<size_t(std::unique_ptr<Store>&, size_t unsynced)>& reopen) {
  std::vector<Pinned> pinned;
  std::vector<Model> unsynced;  // the states before each commit that a crash may take
  for (int step = 0; step < steps; ++step) {
    switch (*rc::gen::inRange(0, 8)) {
      case 0:
        pinned.push_back({store->Snapshot(), model});
        break;
      case 1:
        if (!pinned.empty()) pinned.erase(pinned.begin() + *rc::gen::inRange<int>(0, static_cast<int>(pinned.size())));
        break;
      case 2: {
        if (*rc::gen::inRange(0, 4) != 0) break;
        pinned.clear();
        const size_t lost = reopen(store, unsynced.size());
        RC_ASSERT(lost <= unsynced.size());
        if (lost > 0) model = unsynced[unsynced.size() - lost];
        unsynced.clear();
        break;
      }
      default: {
        const Model before = model;
        Batch batch;
        Fill(batch, model);
        const bool synced = *rc::gen::arbitrary<bool>();
        RC_ASSERT(store->Commit(batch, synced ? Durability::kSynced : Durability::kBuffered).ok());
        if (synced) {
          unsynced.clear();
        } else {
          unsynced.push_back(before);
        }
      }
    }
    CheckReads(*store, model);
    for (Pinned& pin : pinned) CheckReads(*pin.snapshot, pin.model);
  }
  for (const Table table : kTables) {
    std::vector<Row> rows;
    RC_ASSERT(store
                  ->Scan(table, KeyRange::All(), Order::kAscending,
                         [&rows](std::string_view key, std::string_view value) {
                           rows.push_back({std::string(key), std::string(value)});
                           return Step::kContinue;
                         })
                  .ok());
    RC_ASSERT(rows == Expected(At(model, table), KeyRange::All(), Order::kAscending, rows.size() + 1));
  }
}

RC_GTEST_PROP(StoreModelTest, MemoryWithCrashes, ()) {
  MemoryDisk disk;
  const auto open = [&disk] {
    auto store = OpenMemoryStore(disk, 1);
    RC_ASSERT(store.ok());
    return *std::move(store);
  };
  RunHistory(open(), {}, *rc::gen::inRange(1, 60), [&](std::unique_ptr<Store>& store, size_t unsynced) -> size_t {
    RC_ASSERT(disk.unsynced_commits() == unsynced);
    const size_t keep = *rc::gen::inRange<size_t>(0, unsynced + 2);
    if (*rc::gen::arbitrary<bool>()) {
      store.reset();
      store = open();
      return 0;
    }
    disk.Crash(keep);
    store = open();
    return unsynced - std::min(keep, unsynced);
  });
}

// One database for all histories, emptied between them, so that they also meet what earlier ones left in its files.
TEST(StoreModelTest, Rocks) {
  std::string pattern = (std::filesystem::temp_directory_path() / "medflyt-model-XXXXXX").string();
  const std::filesystem::path root = ::mkdtemp(pattern.data());
  const auto open = [&root] {
    auto opened = OpenRocksStore((root / "store").string(), {});
    RC_ASSERT(opened.ok());
    return *std::move(opened);
  };
  const bool held = rc::check("a RocksDB store is a std::map", [&] {
    std::unique_ptr<Store> used = open();
    Batch clean;
    for (const Table table : kTables) {
      RC_ASSERT(used->Scan(table, KeyRange::All(), Order::kAscending,
                           [&clean, table](std::string_view key, std::string_view) {
                             clean.Delete(table, key);
                             return Step::kContinue;
                           })
                    .ok());
    }
    RC_ASSERT(used->Commit(clean, Durability::kSynced).ok());
    RunHistory(std::move(used), {}, *rc::gen::inRange(1, 40), [&](std::unique_ptr<Store>& closing, size_t) -> size_t {
      if (*rc::gen::arbitrary<bool>()) RC_ASSERT(closing->PurgeDeleted(Table::kState).ok());
      closing.reset();
      closing = open();
      return 0;
    });
  });
  EXPECT_TRUE(held);
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace medflyt::store
