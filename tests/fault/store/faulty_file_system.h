// A file system that fails on order and that loses power: what was not synced is then gone, in part or whole.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "common/base/mutex.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "rocksdb/system_clock.h"

namespace medflyt::store {

enum class Fault {
  kError,       // EIO once; the device answers the next call again
  kShortWrite,  // half of an append arrives, then EIO; another call fails as with kError
  kFull,        // ENOSPC from there on, for everything that needs room
};

// Counts the calls that change something on disk: creations, appends, syncs of files and directories, renames, links,
// truncations. Syncs are recorded and not passed on, so that thousands of runs take seconds; LosePower makes them
// count.
class FaultyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  FaultyFileSystem() : rocksdb::FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  const char* Name() const override { return "FaultyFileSystem"; }

  // The call number `call`, from 1 and from now, meets `fault`.
  void Arm(uint64_t call, Fault fault);
  [[nodiscard]] uint64_t calls() const;
  [[nodiscard]] bool struck() const;

  // From here on every call fails, as for a process whose machine is off. Then, once the store is closed,
  // LosePower removes what no sync had secured: files nobody synced the directory of, and a seeded part of the unsynced
  // end of the others.
  void SwitchOff();
  void LosePower(uint64_t seed);

  // What the wrapped files and directories report.
  enum class Call { kCreate, kAppend, kSync, kRename };
  [[nodiscard]] rocksdb::IOStatus Before(Call call, bool* short_write);
  void Appended(const std::string& path, uint64_t size);
  void Synced(const std::string& path);
  void DirectorySynced(const std::string& path);
  void Truncated(const std::string& path, uint64_t size);

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

 private:
  struct Extent {
    uint64_t size = 0;
    uint64_t synced = 0;
  };

  mutable Mutex mutex_;
  uint64_t calls_ MEDFLYT_GUARDED_BY(mutex_) = 0;
  uint64_t strikes_at_ MEDFLYT_GUARDED_BY(mutex_) = 0;
  Fault fault_ MEDFLYT_GUARDED_BY(mutex_) = Fault::kError;
  bool struck_ MEDFLYT_GUARDED_BY(mutex_) = false;
  bool off_ MEDFLYT_GUARDED_BY(mutex_) = false;
  std::map<std::string, Extent> files_ MEDFLYT_GUARDED_BY(mutex_);  // written through this file system
  // Since the last sync of their directory: new names, and what names held that a rename replaced.
  std::set<std::string> unlisted_ MEDFLYT_GUARDED_BY(mutex_);
  std::map<std::string, std::string> replaced_ MEDFLYT_GUARDED_BY(mutex_);
};

// The engine's surroundings on that file system. After a background error the engine waits a second to try again; here
// it waits a moment.
class FaultyEnv final : public rocksdb::EnvWrapper {
 public:
  explicit FaultyEnv(const std::shared_ptr<FaultyFileSystem>& disk);

  void SleepForMicroseconds(int microseconds) override { system_clock_->SleepForMicroseconds(microseconds); }
};

}  // namespace medflyt::store
