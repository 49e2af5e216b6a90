// The faults that a simulation orders from the store in memory.
#include "server/store/memory_store.h"

#include <memory>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "gtest/gtest.h"

namespace medflyt::store {
namespace {

std::unique_ptr<Store> Open(MemoryDisk& disk) {
  auto store = OpenMemoryStore(disk, 1);
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

absl::Status Put(Store& store, std::string_view key, std::string_view value, Durability durability) {
  Batch batch;
  batch.Put(Table::kState, key, value);
  return store.Commit(batch, durability);
}

std::string Value(const Reader& reader, std::string_view key) {
  const auto value = reader.Get(Table::kState, key);
  if (!value.ok()) return value.status().ToString();
  return value->value_or("absent");
}

TEST(MemoryStoreTest, ACrashTakesAnEndOfTheUnsyncedCommitsAndNothingElse) {
  for (size_t keep = 0; keep <= 4; ++keep) {
    MemoryDisk disk;
    auto store = Open(disk);
    ASSERT_TRUE(Put(*store, "a", "0", Durability::kBuffered).ok());
    ASSERT_TRUE(Put(*store, "synced", "yes", Durability::kSynced).ok());
    EXPECT_EQ(disk.unsynced_commits(), 0U);
    for (const std::string_view value : {"1", "2", "3"}) {
      ASSERT_TRUE(Put(*store, "a", value, Durability::kBuffered).ok());
    }
    EXPECT_EQ(disk.unsynced_commits(), 3U);
    EXPECT_EQ(Value(*store, "a"), "3");
    disk.Crash(keep);
    store = Open(disk);
    EXPECT_EQ(Value(*store, "a"), std::to_string(std::min<size_t>(keep, 3)));
    EXPECT_EQ(Value(*store, "synced"), "yes");
  }
}

TEST(MemoryStoreTest, ACrashBringsBackWhatALostCommitDeleted) {
  MemoryDisk disk;
  auto store = Open(disk);
  ASSERT_TRUE(Put(*store, "a", "1", Durability::kSynced).ok());
  Batch batch;
  batch.Delete(Table::kState, "a");
  batch.Put(Table::kState, "b", "1");
  ASSERT_TRUE(store->Commit(batch, Durability::kBuffered).ok());
  EXPECT_EQ(Value(*store, "a"), "absent");
  disk.Crash(0);
  store = Open(disk);
  EXPECT_EQ(Value(*store, "a"), "1");
  EXPECT_EQ(Value(*store, "b"), "absent");
}

TEST(MemoryStoreTest, WhatSurvivedACrashSurvivesTheNext) {
  MemoryDisk disk;
  auto store = Open(disk);
  ASSERT_TRUE(Put(*store, "a", "1", Durability::kBuffered).ok());
  ASSERT_TRUE(Put(*store, "a", "2", Durability::kBuffered).ok());
  disk.Crash(1);
  disk.Crash(0);
  store = Open(disk);
  EXPECT_EQ(Value(*store, "a"), "1");
}

TEST(MemoryStoreTest, ClosingIsNoCrash) {
  MemoryDisk disk;
  auto store = Open(disk);
  ASSERT_TRUE(Put(*store, "a", "1", Durability::kBuffered).ok());
  store.reset();
  store = Open(disk);
  EXPECT_EQ(Value(*store, "a"), "1");
}

TEST(MemoryStoreTest, AnEmptySyncedCommitSecuresThoseBeforeIt) {
  MemoryDisk disk;
  auto store = Open(disk);
  ASSERT_TRUE(Put(*store, "a", "1", Durability::kBuffered).ok());
  ASSERT_TRUE(store->Commit(Batch(), Durability::kSynced).ok());
  disk.Crash(0);
  store = Open(disk);
  EXPECT_EQ(Value(*store, "a"), "1");
}

TEST(MemoryStoreTest, AfterACrashTheOldProcessIsDead) {
  MemoryDisk disk;
  auto store = Open(disk);
  ASSERT_TRUE(Put(*store, "a", "1", Durability::kSynced).ok());
  const auto snapshot = store->Snapshot();
  disk.Crash(0);
  const auto next = Open(disk);
  EXPECT_EQ(Put(*store, "a", "ghost", Durability::kSynced).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store->Checkpoint("copy", {}).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store->Get(Table::kState, "a").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(snapshot->Get(Table::kState, "a").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(snapshot->Last(Table::kState, KeyRange::All()).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Value(*next, "a"), "1");
}

TEST(MemoryStoreTest, AFailedCommitIsFoundOrNotOnlyByTheNextOpener) {
  for (const auto outcome : {MemoryDisk::Outcome::kNotApplied, MemoryDisk::Outcome::kApplied}) {
    for (const bool crash : {false, true}) {
      MemoryDisk disk;
      auto store = Open(disk);
      ASSERT_TRUE(Put(*store, "a", "0", Durability::kSynced).ok());
      disk.FailCommit(1, outcome);
      ASSERT_TRUE(Put(*store, "a", "1", Durability::kSynced).ok());
      const absl::Status failed = Put(*store, "a", "2", Durability::kSynced);
      EXPECT_EQ(failed.code(), absl::StatusCode::kUnknown);
      EXPECT_EQ(BrokenRuleOf(failed).value_or(BrokenRule{}).rule, "STORE_OUTCOME_UNKNOWN");
      EXPECT_EQ(Value(*store, "a"), "1");
      EXPECT_EQ(Value(*store->Snapshot(), "a"), "1");

      // It refuses everything that follows.
      EXPECT_EQ(Put(*store, "b", "1", Durability::kSynced), failed);
      EXPECT_EQ(Put(*store, "b", "1", Durability::kBuffered), failed);
      EXPECT_EQ(store->Checkpoint("copy", {}), failed);
      EXPECT_EQ(store->PurgeDeleted(Table::kState), failed);
      EXPECT_EQ(disk.CheckpointAt("copy"), nullptr);

      if (crash) disk.Crash(0);
      store.reset();
      store = Open(disk);
      EXPECT_EQ(Value(*store, "a"), outcome == MemoryDisk::Outcome::kApplied ? "2" : "1");
      EXPECT_EQ(Value(*store, "b"), "absent");
      EXPECT_TRUE(Put(*store, "b", "2", Durability::kSynced).ok());
    }
  }
}

TEST(MemoryStoreTest, AnAppliedFailureBringsTheUnsyncedCommitsBeforeIt) {
  for (const auto outcome : {MemoryDisk::Outcome::kNotApplied, MemoryDisk::Outcome::kApplied}) {
    MemoryDisk disk;
    auto store = Open(disk);
    ASSERT_TRUE(Put(*store, "a", "buffered", Durability::kBuffered).ok());
    disk.FailCommit(0, outcome);
    ASSERT_FALSE(Put(*store, "b", "failed", Durability::kSynced).ok());
    disk.Crash(0);
    store = Open(disk);
    const bool applied = outcome == MemoryDisk::Outcome::kApplied;
    EXPECT_EQ(Value(*store, "a"), applied ? "buffered" : "absent");
    EXPECT_EQ(Value(*store, "b"), applied ? "failed" : "absent");
  }
}

TEST(MemoryStoreTest, ARefusedLayoutFencesNobody) {
  MemoryDisk disk;
  auto store = Open(disk);
  EXPECT_FALSE(OpenMemoryStore(disk, 2).ok());
  EXPECT_TRUE(Put(*store, "a", "1", Durability::kSynced).ok());
}

}  // namespace
}  // namespace medflyt::store
