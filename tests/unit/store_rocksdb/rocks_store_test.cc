// What only an engine with files can get wrong: modes, locks, damage, remains of deleted rows, what it logs.
#include "server/store_rocksdb/rocks_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"

namespace medflyt::store {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class RecordingLogger final : public Logger {
 public:
  void Log(Severity, std::string_view event, std::string_view details) override {
    MutexLock lock(mutex_);
    text_.append(event).append(" ").append(details).append("\n");
  }
  std::string text() const {
    MutexLock lock(mutex_);
    return text_;
  }

 private:
  mutable Mutex mutex_;
  std::string text_ MEDFLYT_GUARDED_BY(mutex_);
};

std::string Contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void Overwrite(const fs::path& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << contents;
}

unsigned ModeOf(const fs::path& path) { return static_cast<unsigned>(fs::status(path).permissions()); }

// Incompressible, and the same for the same seed.
std::string Noise(uint32_t seed, size_t size) {
  std::string bytes(size, '\0');
  uint64_t state = seed * uint64_t{0x9e3779b97f4a7c15} + 1;
  for (char& byte : bytes) {
    state = state * 6364136223846793005 + 1442695040888963407;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

// Counts the files whose reader says that it reads at random, which ends the kernel's reading ahead.
class HintCountingEnv final : public rocksdb::EnvWrapper {
 public:
  HintCountingEnv() : EnvWrapper(rocksdb::Env::Default()) {}
  rocksdb::Status NewRandomAccessFile(const std::string& name, std::unique_ptr<rocksdb::RandomAccessFile>* file,
                                      const rocksdb::EnvOptions& options) override {
    std::unique_ptr<rocksdb::RandomAccessFile> read;
    const rocksdb::Status status = target()->NewRandomAccessFile(name, &read, options);
    if (status.ok()) *file = std::make_unique<File>(std::move(read), *this);
    return status;
  }
  std::atomic<int> opened = 0;
  std::atomic<int> hinted = 0;

 private:
  class File final : public rocksdb::RandomAccessFileWrapper {
   public:
    File(std::unique_ptr<rocksdb::RandomAccessFile> file, HintCountingEnv& env)
        : RandomAccessFileWrapper(file.get()), file_(std::move(file)), env_(env) {
      ++env_.opened;
    }
    void Hint(AccessPattern pattern) override {
      if (pattern == RANDOM) ++env_.hinted;
      file_->Hint(pattern);
    }

   private:
    const std::unique_ptr<rocksdb::RandomAccessFile> file_;
    HintCountingEnv& env_;
  };
};

class RocksStoreTest : public ::testing::Test {
 protected:
  RocksStoreTest() {
    std::string pattern = (fs::temp_directory_path() / "medflyt-rocks-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    directory_ = root_ / "store";
    options_.logger = &logger_;
  }
  ~RocksStoreTest() override { fs::remove_all(root_); }

  absl::StatusOr<std::unique_ptr<Store>> Open() { return OpenRocksStore(directory_.string(), options_); }

  std::unique_ptr<Store> MustOpen() {
    auto store = Open();
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }

  static void Put(Store& store, Table table, std::string_view key, std::string_view value) {
    Batch batch;
    batch.Put(table, key, value);
    ASSERT_TRUE(store.Commit(batch, Durability::kSynced).ok());
  }

  static bool Has(const Store& store, std::string_view key) {
    const auto value = store.Get(Table::kSegments, key);
    EXPECT_TRUE(value.ok()) << value.status();
    return value.ok() && value->has_value();
  }

  std::vector<fs::path> FilesWith(std::string_view extension) const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(directory_)) {
      if (entry.path().extension() == extension) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  // Closing it would leave no log. What the engine removes meanwhile it needs no more.
  void CopyOpenStore(const fs::path& to) const {
    fs::create_directory(to);
    for (const auto& entry : fs::directory_iterator(directory_)) {
      std::error_code gone;
      fs::copy_file(entry.path(), to / entry.path().filename(), gone);
    }
  }

  bool AnyFileContains(std::string_view bytes) const { return AnyFileContains(directory_, bytes); }
  static bool AnyFileContains(const fs::path& directory, std::string_view bytes) {
    for (const auto& entry : fs::directory_iterator(directory)) {
      if (Contents(entry.path()).find(bytes) != std::string::npos) return true;
    }
    return false;
  }

  fs::path root_;
  fs::path directory_;
  RecordingLogger logger_;
  RocksOptions options_;
};

TEST_F(RocksStoreTest, TheDirectoryIsForThisUserAlone) {
  { const auto store = MustOpen(); }
  EXPECT_EQ(ModeOf(directory_), 0700U);
  fs::permissions(directory_, static_cast<fs::perms>(0755));
  const auto store = MustOpen();
  EXPECT_EQ(ModeOf(directory_), 0700U);
  ASSERT_TRUE(store->Checkpoint((root_ / "copy").string(), {}).ok());
  EXPECT_EQ(ModeOf(root_ / "copy"), 0700U);
}

TEST_F(RocksStoreTest, WithoutACreatorThereIsNoStore) {
  options_.create_if_missing = false;
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(fs::exists(directory_));
  fs::create_directory(directory_);
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kNotFound);
  options_.create_if_missing = true;
  { const auto store = MustOpen(); }
  options_.create_if_missing = false;
  EXPECT_TRUE(Open().ok());
}

TEST_F(RocksStoreTest, AMissingParentOrAFileInTheWayIsAnError) {
  EXPECT_FALSE(OpenRocksStore((root_ / "no" / "store").string(), options_).ok());
  Overwrite(directory_, "a file");
  EXPECT_FALSE(Open().ok());
  EXPECT_EQ(Contents(directory_), "a file");
}

TEST_F(RocksStoreTest, AnotherProcessIsKeptOutAndTheErrorSaysSo) {
  // The lock is the file's, so a process that holds it need not be a store.
  { const auto store = MustOpen(); }
  int ready[2];
  int done[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(done), 0);
  const std::string lock_path = (directory_ / "LOCK").string();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    const int file = ::open(lock_path.c_str(), O_RDWR);
    char byte = ::fcntl(file, F_SETLK, &lock) == 0 ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) != 1) ::_exit(1);
    ::close(done[1]);
    ::_exit(::read(done[0], &byte, 1) == 0 ? 0 : 1);  // until the parent closes its end
  }
  ::close(done[0]);
  char locked = 'n';
  ASSERT_EQ(::read(ready[0], &locked, 1), 1);
  ASSERT_EQ(locked, 'y');
  const auto refused = Open();
  ::close(done[1]);
  ::close(ready[0]);
  ::close(ready[1]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);

  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(BrokenRuleOf(refused.status()).value_or(BrokenRule{}).rule, "STORE_IN_USE");
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr(directory_.string()));
  EXPECT_TRUE(Open().ok());
}

// Loss of power cuts the log anywhere after the last sync: whatever is cut off, the commits before it are there, whole.
TEST_F(RocksStoreTest, ALogCutOffAnywhereKeepsTheCommitsBeforeTheCut) {
  std::vector<uintmax_t> size_after;  // of the log, by commit
  const fs::path saved = root_ / "saved";
  {
    const auto store = MustOpen();
    for (uint32_t i = 0; i < 4; ++i) {
      Batch batch;
      batch.Put(Table::kSegments, std::to_string(i), Noise(i, 50'000));
      batch.Put(Table::kState, "latest", std::to_string(i));
      ASSERT_TRUE(store->Commit(batch, Durability::kSynced).ok());
      size_after.push_back(fs::file_size(FilesWith(".log").back()));
    }
    CopyOpenStore(saved);
  }
  std::vector<uintmax_t> cuts;
  for (uintmax_t cut = size_after[1]; cut <= size_after[3]; cut += 7919) cuts.push_back(cut);
  for (const size_t i : {1U, 2U, 3U}) {
    for (const uintmax_t cut : {size_after[i] - 1, size_after[i], size_after[i] + 1}) cuts.push_back(cut);
  }
  for (const uintmax_t cut : cuts) {
    if (cut > size_after[3]) continue;
    SCOPED_TRACE("cut at " + std::to_string(cut));
    fs::remove_all(directory_);
    fs::copy(saved, directory_);
    fs::resize_file(FilesWith(".log").back(), cut);
    const auto store = MustOpen();
    ASSERT_NE(store, nullptr);
    size_t kept = 0;
    while (kept < 4 && size_after[kept] <= cut) ++kept;
    for (size_t i = 0; i < 4; ++i) EXPECT_EQ(Has(*store, std::to_string(i)), i < kept) << i;
    EXPECT_EQ(**store->Get(Table::kState, "latest"), std::to_string(kept - 1));
  }
}

// The opposite of a cut: something acknowledged is followed by more. Going on without it would fork the log.
TEST_F(RocksStoreTest, DamageInsideTheLogRefusesToOpen) {
  const fs::path saved = root_ / "saved";
  {
    const auto store = MustOpen();
    for (uint32_t i = 0; i < 4; ++i) Put(*store, Table::kSegments, std::to_string(i), Noise(i, 50'000));
    CopyOpenStore(saved);
  }
  fs::remove_all(directory_);
  fs::copy(saved, directory_);
  const fs::path log = FilesWith(".log").back();
  const std::string whole = Contents(log);
  ASSERT_GT(whole.size(), 200'000U);
  for (const size_t at : {whole.size() / 4, whole.size() / 2}) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    Overwrite(log, damaged);
    const auto store = Open();
    ASSERT_FALSE(store.ok()) << "flipped byte " << at;
    EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss);
  }
  Overwrite(log, whole);
  const auto store = MustOpen();
  for (uint32_t i = 0; i < 4; ++i) EXPECT_TRUE(Has(*store, std::to_string(i)));
}

TEST_F(RocksStoreTest, ADamagedTableIsDataLossAndNamesNoKey) {
  const std::string key = "sensitive-key-of-a-citizen";
  const std::string value = "sensitive-value-" + Noise(1, 50'000);
  {
    const auto store = MustOpen();
    Put(*store, Table::kSegments, key, value);
    ASSERT_TRUE(store->PurgeDeleted(Table::kSegments).ok());
  }
  bool found = false;
  for (const fs::path& table : FilesWith(".sst")) {
    std::string bytes = Contents(table);
    const size_t at = bytes.find(value.substr(0, 64));
    if (at == std::string::npos) continue;
    found = true;
    bytes[at + 20'000] = static_cast<char>(bytes[at + 20'000] ^ 1);
    Overwrite(table, bytes);
  }
  ASSERT_TRUE(found);
  const auto store = MustOpen();
  const auto read = store->Get(Table::kSegments, key);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.status().code(), absl::StatusCode::kDataLoss);
  const absl::Status scanned = store->Last(Table::kSegments, KeyRange::All()).status();
  EXPECT_EQ(scanned.code(), absl::StatusCode::kDataLoss);
  const absl::Status purged = store->PurgeDeleted(Table::kSegments);
  EXPECT_EQ(purged.code(), absl::StatusCode::kDataLoss);
  const std::string said = read.status().ToString() + scanned.ToString() + purged.ToString() + logger_.text();
  for (const std::string& secret : {key, HexEncode(key), std::string("sensitive"), HexEncode("sensitive")}) {
    EXPECT_THAT(said, Not(HasSubstr(secret)));
  }
}

TEST_F(RocksStoreTest, AMissingTableFileIsNotOverlooked) {
  {
    const auto store = MustOpen();
    Put(*store, Table::kSegments, "a", "1");
    ASSERT_TRUE(store->PurgeDeleted(Table::kSegments).ok());
  }
  for (const fs::path& table : FilesWith(".sst")) fs::remove(table);
  EXPECT_FALSE(Open().ok());
}

TEST_F(RocksStoreTest, PurgedValuesAreInNoFile) {
  const std::string deleted = "deleted-" + HexEncode(Noise(1, 200));
  const std::string overwritten = "overwritten-" + HexEncode(Noise(2, 200));
  const std::string kept = "kept-" + HexEncode(Noise(3, 200));
  const auto store = MustOpen();
  Put(*store, Table::kKeys, "a", deleted);
  Put(*store, Table::kKeys, "b", overwritten);
  Put(*store, Table::kKeys, "c", kept);
  ASSERT_TRUE(store->PurgeDeleted(Table::kKeys).ok());  // now they are in table files, not only in the log
  Batch batch;
  batch.Delete(Table::kKeys, "a");
  batch.Put(Table::kKeys, "b", "new");
  ASSERT_TRUE(store->Commit(batch, Durability::kSynced).ok());
  EXPECT_TRUE(AnyFileContains(deleted));
  EXPECT_TRUE(AnyFileContains(overwritten));

  ASSERT_TRUE(store->PurgeDeleted(Table::kKeys).ok());
  EXPECT_FALSE(AnyFileContains(deleted));
  EXPECT_FALSE(AnyFileContains(overwritten));
  EXPECT_TRUE(AnyFileContains(kept));
}

TEST_F(RocksStoreTest, PurgesWhatIsOnlyInTheLogToo) {
  const std::string deleted = "deleted-" + HexEncode(Noise(1, 200));
  const auto store = MustOpen();
  Put(*store, Table::kKeys, "a", deleted);
  Put(*store, Table::kState, "other", "table");
  Batch batch;
  batch.Delete(Table::kKeys, "a");
  ASSERT_TRUE(store->Commit(batch, Durability::kSynced).ok());
  EXPECT_TRUE(AnyFileContains(deleted));
  ASSERT_TRUE(store->PurgeDeleted(Table::kKeys).ok());
  EXPECT_FALSE(AnyFileContains(deleted));
}

TEST_F(RocksStoreTest, AnUnfinishedCheckpointIsInNobodysWay) {
  const auto store = MustOpen();
  Put(*store, Table::kState, "a", "1");
  fs::create_directories(root_ / "copy.partial" / "copy");
  Overwrite(root_ / "copy.partial" / "copy" / "CURRENT", "half");
  ASSERT_TRUE(store->Checkpoint((root_ / "copy").string(), {}).ok());
  EXPECT_FALSE(fs::exists(root_ / "copy.partial"));
  EXPECT_FALSE(store->Checkpoint((root_ / "no" / "copy").string(), {}).ok());
  EXPECT_TRUE(Open().status().code() == absl::StatusCode::kFailedPrecondition);
  Put(*store, Table::kState, "a", "still works");
}

TEST_F(RocksStoreTest, NoFileOfACheckpointHoldsWhatItLeavesOut) {
  const std::string in_a_table_file = "key-" + HexEncode(Noise(1, 200));
  const std::string in_the_log = "key-" + HexEncode(Noise(2, 200));
  const std::string kept = "row-" + HexEncode(Noise(3, 200));
  const auto store = MustOpen();
  Put(*store, Table::kKeys, "a", in_a_table_file);
  ASSERT_TRUE(store->PurgeDeleted(Table::kKeys).ok());
  Put(*store, Table::kKeys, "b", in_the_log);
  Put(*store, Table::kState, "a", kept);
  const std::array without = {Table::kKeys};
  ASSERT_TRUE(store->Checkpoint((root_ / "whole").string(), {}).ok());
  ASSERT_TRUE(store->Checkpoint((root_ / "copy").string(), without).ok());
  for (const std::string& key : {in_a_table_file, in_the_log}) {
    EXPECT_TRUE(AnyFileContains(root_ / "whole", key));
    EXPECT_FALSE(AnyFileContains(root_ / "copy", key));
    EXPECT_TRUE(AnyFileContains(key));
  }
  EXPECT_TRUE(AnyFileContains(root_ / "copy", kept));
}

TEST_F(RocksStoreTest, ACopyIsReadWithoutAChange) {
  {
    const auto store = MustOpen();
    Put(*store, Table::kState, "a", "1");
    ASSERT_TRUE(store->Checkpoint((root_ / "copy").string(), {}).ok());
  }
  const auto contents = [&] {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(root_ / "copy")) {
      files[entry.path().filename()] = Contents(entry.path());
    }
    return files;
  };
  const auto before = contents();
  {
    const auto reader = OpenRocksReader((root_ / "copy").string(), options_.layout_version);
    ASSERT_TRUE(reader.ok()) << reader.status();
    const auto value = (*reader)->Get(Table::kState, "a");
    ASSERT_TRUE(value.ok());
    EXPECT_EQ(*value, "1");
  }
  EXPECT_EQ(contents(), before);
  EXPECT_FALSE(OpenRocksReader((root_ / "copy").string(), options_.layout_version + 1).ok());
  EXPECT_EQ(OpenRocksReader((root_ / "none").string(), 1).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(fs::exists(root_ / "none"));
}

TEST_F(RocksStoreTest, TheEngineKeepsNoLogOfItsOwn) {
  const auto store = MustOpen();
  Put(*store, Table::kState, "a", "1");
  ASSERT_TRUE(store->PurgeDeleted(Table::kState).ok());
  EXPECT_FALSE(fs::exists(directory_ / "LOG"));
  EXPECT_EQ(logger_.text(), "");
}

TEST_F(RocksStoreTest, TheKernelMayReadAhead) {
  HintCountingEnv env;
  options_.env = &env;
  { const auto store = MustOpen(); }
  const auto store = MustOpen();
  Put(*store, Table::kTiles, "a", "1");
  ASSERT_TRUE(store->PurgeDeleted(Table::kTiles).ok());
  ASSERT_TRUE(store->Get(Table::kTiles, "a").ok());
  EXPECT_GT(env.opened, 0);
  EXPECT_EQ(env.hinted, 0);
}

// As a newer program with one more table would have left it.
TEST_F(RocksStoreTest, AStoreWithUnknownTablesIsANewerOne) {
  { const auto store = MustOpen(); }
  {
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const Table table : kTables)
      families.emplace_back(std::string(TableName(table)), rocksdb::ColumnFamilyOptions());
    families.emplace_back(rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions());
    families.emplace_back("future", rocksdb::ColumnFamilyOptions());
    rocksdb::DBOptions options;
    options.create_missing_column_families = true;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, directory_.string(), families, &handles, &opened).ok());
    for (rocksdb::ColumnFamilyHandle* handle : handles) ASSERT_TRUE(opened->DestroyColumnFamilyHandle(handle).ok());
    delete opened;
  }
  const auto store = Open();
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(BrokenRuleOf(store.status()).value_or(BrokenRule{}).rule, "INCOMPATIBLE_LAYOUT");
}

}  // namespace
}  // namespace medflyt::store
