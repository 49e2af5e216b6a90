#include "tests/fault/store/faulty_file_system.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

namespace medflyt::store {
namespace {

namespace fs = std::filesystem;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class FaultyFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(FaultyFileSystem& system, std::string path, std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), system_(system), path_(std::move(path)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* debug) override {
    bool short_write = false;
    const IOStatus fault = system_.Before(FaultyFileSystem::Call::kAppend, &short_write);
    if (!fault.ok() && !short_write) return fault;
    const rocksdb::Slice written(data.data(), short_write ? data.size() / 2 : data.size());
    IOStatus status = target()->Append(written, options, debug);
    if (!status.ok()) return status;
    system_.Appended(path_, written.size());
    return fault;
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = target()->Truncate(size, options, debug);
    if (status.ok()) system_.Truncated(path_, size);
    return status;
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return RecordSync(); }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return RecordSync(); }

 private:
  IOStatus RecordSync() {
    bool short_write = false;
    IOStatus fault = system_.Before(FaultyFileSystem::Call::kSync, &short_write);
    if (fault.ok()) system_.Synced(path_);
    return fault;
  }

  FaultyFileSystem& system_;
  const std::string path_;
};

class FaultyDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  FaultyDirectory(FaultyFileSystem& system, std::string path, std::unique_ptr<rocksdb::FSDirectory> directory)
      : FSDirectoryWrapper(std::move(directory)), system_(system), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    bool short_write = false;
    IOStatus fault = system_.Before(FaultyFileSystem::Call::kSync, &short_write);
    if (fault.ok()) system_.DirectorySynced(path_);
    return fault;
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions&) override {
    return Fsync(options, debug);
  }

 private:
  FaultyFileSystem& system_;
  const std::string path_;
};

class ImpatientClock final : public rocksdb::SystemClockWrapper {
 public:
  ImpatientClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}

  const char* Name() const override { return "ImpatientClock"; }
  void SleepForMicroseconds(int microseconds) override {
    SystemClockWrapper::SleepForMicroseconds(std::min(microseconds, 1000));
  }
};

std::string Parent(const std::string& path) { return fs::path(path).lexically_normal().parent_path().string(); }
std::string Plain(const std::string& path) {
  std::string plain = fs::path(path).lexically_normal().string();
  while (plain.size() > 1 && plain.back() == '/') plain.pop_back();
  return plain;
}

}  // namespace

FaultyEnv::FaultyEnv(const std::shared_ptr<FaultyFileSystem>& disk) : EnvWrapper(rocksdb::Env::Default()) {
  file_system_ = disk;
  system_clock_ = std::make_shared<ImpatientClock>();
}

void FaultyFileSystem::Arm(uint64_t call, Fault fault) {
  MutexLock lock(mutex_);
  calls_ = 0;
  strikes_at_ = call;
  fault_ = fault;
  struck_ = false;
}

uint64_t FaultyFileSystem::calls() const {
  MutexLock lock(mutex_);
  return calls_;
}

bool FaultyFileSystem::struck() const {
  MutexLock lock(mutex_);
  return struck_;
}

void FaultyFileSystem::SwitchOff() {
  MutexLock lock(mutex_);
  off_ = true;
}

void FaultyFileSystem::LosePower(uint64_t seed) {
  MutexLock lock(mutex_);
  std::mt19937_64 random(seed);
  for (const auto& [path, extent] : files_) {
    if (extent.synced < extent.size && fs::exists(path)) {
      fs::resize_file(path, extent.synced + random() % (extent.size - extent.synced + 1));
    }
  }
  for (const std::string& path : unlisted_) fs::remove_all(path);
  for (const auto& [path, contents] : replaced_) std::ofstream(path, std::ios::binary | std::ios::trunc) << contents;
  files_.clear();
  unlisted_.clear();
  replaced_.clear();
}

IOStatus FaultyFileSystem::Before(Call call, bool* short_write) {
  MutexLock lock(mutex_);
  if (off_) return IOStatus::IOError("the machine is off");
  ++calls_;
  const bool strikes = calls_ == strikes_at_;
  struck_ = struck_ || strikes;
  if (fault_ == Fault::kFull) {
    // A sync needs no room where its data were accepted.
    return struck_ && call != Call::kSync ? IOStatus::NoSpace("injected") : IOStatus::OK();
  }
  if (!strikes) return IOStatus::OK();
  *short_write = fault_ == Fault::kShortWrite && call == Call::kAppend;
  return IOStatus::IOError("injected");
}

void FaultyFileSystem::Appended(const std::string& path, uint64_t size) {
  MutexLock lock(mutex_);
  files_[path].size += size;
}

void FaultyFileSystem::Synced(const std::string& path) {
  MutexLock lock(mutex_);
  files_[path].synced = files_[path].size;
}

void FaultyFileSystem::DirectorySynced(const std::string& path) {
  MutexLock lock(mutex_);
  std::erase_if(unlisted_, [&path](const std::string& file) { return Parent(file) == path; });
  std::erase_if(replaced_, [&path](const auto& file) { return Parent(file.first) == path; });
}

void FaultyFileSystem::Truncated(const std::string& path, uint64_t size) {
  MutexLock lock(mutex_);
  Extent& extent = files_[path];
  extent.size = size;
  extent.synced = std::min(extent.synced, size);
}

IOStatus FaultyFileSystem::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                           std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) {
  bool short_write = false;
  const IOStatus fault = Before(Call::kCreate, &short_write);
  if (!fault.ok()) return fault;
  std::unique_ptr<rocksdb::FSWritableFile> created;
  const IOStatus status = target()->NewWritableFile(path, options, &created, debug);
  if (!status.ok()) return status;
  {
    MutexLock lock(mutex_);
    files_[Plain(path)] = {};
    unlisted_.insert(Plain(path));
  }
  *file = std::make_unique<FaultyFile>(*this, Plain(path), std::move(created));
  return status;
}

IOStatus FaultyFileSystem::NewDirectory(const std::string& path, const IOOptions& options,
                                        std::unique_ptr<rocksdb::FSDirectory>* directory, IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSDirectory> opened;
  const IOStatus status = target()->NewDirectory(path, options, &opened, debug);
  if (status.ok()) *directory = std::make_unique<FaultyDirectory>(*this, Plain(path), std::move(opened));
  return status;
}

IOStatus FaultyFileSystem::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                                      IODebugContext* debug) {
  bool short_write = false;
  const IOStatus fault = Before(Call::kRename, &short_write);
  if (!fault.ok()) return fault;
  std::optional<std::string> replaced;
  if (fs::is_regular_file(to)) {
    std::ifstream in(to, std::ios::binary);
    replaced.emplace(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  const IOStatus status = target()->RenameFile(from, to, options, debug);
  if (!status.ok()) return status;
  MutexLock lock(mutex_);
  if (auto moved = files_.extract(Plain(from)); !moved.empty()) files_[Plain(to)] = moved.mapped();
  unlisted_.erase(Plain(from));
  if (replaced.has_value()) {
    replaced_.try_emplace(Plain(to), *std::move(replaced));
  } else {
    unlisted_.insert(Plain(to));
  }
  return status;
}

IOStatus FaultyFileSystem::LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                                    IODebugContext* debug) {
  bool short_write = false;
  const IOStatus fault = Before(Call::kCreate, &short_write);
  return fault.ok() ? target()->LinkFile(from, to, options, debug) : fault;
}

IOStatus FaultyFileSystem::DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* debug) {
  {
    MutexLock lock(mutex_);
    if (off_) return IOStatus::IOError("the machine is off");
    files_.erase(Plain(path));
    unlisted_.erase(Plain(path));
    replaced_.erase(Plain(path));
  }
  return target()->DeleteFile(path, options, debug);
}

}  // namespace medflyt::store
