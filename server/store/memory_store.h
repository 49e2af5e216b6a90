// The store in memory, with the faults of a real one: for simulation of whole nodes and for tests. Deterministic: the
// test alone chooses what fails and what a crash takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/store/store.h"

namespace medflyt::store {

// What outlives the process: opened as a store, crashed, opened again. Thread-safe. Must outlive the stores opened on
// it and their snapshots.
class MemoryDisk {
 public:
  enum class Outcome { kNotApplied, kApplied };

  MemoryDisk();
  ~MemoryDisk();
  MemoryDisk(const MemoryDisk&) = delete;
  MemoryDisk& operator=(const MemoryDisk&) = delete;

  // The commit after the next `skip` ones fails with an unknown outcome; whoever opens the disk next finds it as
  // `outcome` says (and, where applied, with all unsynced commits before it). A commit that is refused does not count.
  void FailCommit(size_t skip, Outcome outcome);

  // Loss of power: of the commits not yet durable the first `keep_unsynced` are kept (all, when fewer) and the others
  // are gone. Stores and snapshots opened before answer UNAVAILABLE from here on. A fault ordered but not yet
  // delivered is withdrawn.
  void Crash(size_t keep_unsynced);

  // Commits that a crash could take now.
  [[nodiscard]] size_t unsynced_commits() const;

  // What Store::Checkpoint wrote to `directory`, or null. Later calls return the same disk.
  [[nodiscard]] std::shared_ptr<MemoryDisk> CheckpointAt(const std::string& directory) const;

  struct Contents;  // known to memory_store.cc alone
  [[nodiscard]] Contents& contents() { return *contents_; }

 private:
  std::unique_ptr<Contents> contents_;
};

// Opens the store on `disk`, raises its epoch and thereby fences every store opened on it before. A disk never opened
// takes `layout_version`; INCOMPATIBLE_LAYOUT where it has another, and then nobody is fenced.
[[nodiscard]] absl::StatusOr<std::unique_ptr<Store>> OpenMemoryStore(MemoryDisk& disk, uint32_t layout_version);

}  // namespace medflyt::store
