#include "server/store_rocksdb/rocks_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/perf_level.h"
#include "rocksdb/utilities/checkpoint.h"
#include "rocksdb/write_batch.h"
#include "server/store_rocksdb/engine_options.h"

namespace medflyt::store {
namespace {

constexpr std::string_view kEpochKey = "epoch";    // big-endian u64
constexpr std::string_view kLayoutKey = "layout";  // big-endian u32
constexpr size_t kCopyCacheBytes = 8 << 20;        // for a copy, which is read once

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

absl::Status FromRocks(const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = "storage engine: " + status.ToString();
  if (status.IsCorruption()) return absl::DataLossError(message);
  if (status.IsIOError() || status.IsShutdownInProgress()) return absl::UnavailableError(message);
  return absl::InternalError(message);
}

absl::Status FromErrno(int error, const std::string& what) {
  const std::string message = what + ": " + std::generic_category().message(error);
  return error == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
}

// Creates or tightens: the rows are for this user alone.
absl::Status MakePrivate(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return FromErrno(errno, "creating " + directory);
  if (::chmod(directory.c_str(), 0700) != 0) return FromErrno(errno, "setting the mode of " + directory);
  return absl::OkStatus();
}

// Passes the engine's warnings and errors on and drops its chatter.
class EngineLog final : public rocksdb::Logger {
 public:
  explicit EngineLog(medflyt::Logger* logger) : rocksdb::Logger(rocksdb::WARN_LEVEL), logger_(logger) {}

  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (logger_ == nullptr) return;
    if (level != rocksdb::WARN_LEVEL && level != rocksdb::ERROR_LEVEL && level != rocksdb::FATAL_LEVEL) return;
    char line[512];
    if (std::vsnprintf(line, sizeof(line), format, arguments) < 0) return;
    // A checkpoint stops the deletion of files twice, and warns of it itself.
    if (level == rocksdb::WARN_LEVEL && std::strstr(line, "File Deletions") != nullptr) return;
    logger_->Log(level == rocksdb::WARN_LEVEL ? Severity::kWarning : Severity::kError, "storage_engine", line);
  }

 private:
  medflyt::Logger* const logger_;
};

// The engine counts its own work in variables of each thread; nobody reads them, and at a million rows they are felt.
void CountNothing() { rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable); }

// The database as it is, or as a snapshot saw it.
class RocksReader {
 public:
  RocksReader(rocksdb::DB& db, const std::vector<rocksdb::ColumnFamilyHandle*>& families)
      : db_(db), families_(families) {}

  [[nodiscard]] absl::StatusOr<std::optional<std::string>> Get(Table table, std::string_view key,
                                                               const rocksdb::Snapshot* at) const {
    CountNothing();
    rocksdb::ReadOptions options;
    options.snapshot = at;
    std::string value;
    const rocksdb::Status status = db_.Get(options, family(table), ToSlice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    MEDFLYT_RETURN_IF_ERROR(FromRocks(status));
    return std::optional<std::string>(std::move(value));
  }

  absl::Status Scan(Table table, const KeyRange& range, Order order, RowVisitor visit,
                    const rocksdb::Snapshot* at) const {
    if (range.end.has_value() && *range.end <= range.begin) return absl::OkStatus();
    const rocksdb::Slice begin = ToSlice(range.begin);
    const rocksdb::Slice end = range.end.has_value() ? ToSlice(*range.end) : rocksdb::Slice();
    rocksdb::ReadOptions options;
    options.snapshot = at;
    options.iterate_lower_bound = &begin;
    if (range.end.has_value()) options.iterate_upper_bound = &end;
    const std::unique_ptr<rocksdb::Iterator> row(db_.NewIterator(options, family(table)));
    const bool ascending = order == Order::kAscending;
    for (ascending ? row->SeekToFirst() : row->SeekToLast(); row->Valid(); ascending ? row->Next() : row->Prev()) {
      if (visit(ToView(row->key()), ToView(row->value())) == Step::kStop) return absl::OkStatus();
    }
    return FromRocks(row->status());
  }

  [[nodiscard]] rocksdb::ColumnFamilyHandle* family(Table table) const { return families_[static_cast<size_t>(table)]; }

 private:
  rocksdb::DB& db_;
  const std::vector<rocksdb::ColumnFamilyHandle*>& families_;
};

// A database that nobody writes to.
class RocksCopy final : public Reader {
 public:
  RocksCopy(std::unique_ptr<rocksdb::DB> db, std::vector<rocksdb::ColumnFamilyHandle*> families)
      : db_(std::move(db)), families_(std::move(families)), reader_(*db_, families_) {}
  ~RocksCopy() override {
    for (rocksdb::ColumnFamilyHandle* family : families_) db_->DestroyColumnFamilyHandle(family).PermitUncheckedError();
    db_->Close().PermitUncheckedError();
  }

  [[nodiscard]] absl::Status CheckLayoutIs(uint32_t layout_version) const {
    std::string layout;
    MEDFLYT_RETURN_IF_ERROR(
        FromRocks(db_->Get(rocksdb::ReadOptions(), families_.back(), ToSlice(kLayoutKey), &layout)));
    const std::optional<uint32_t> stored = ByteReader(layout).U32();
    if (!stored) return absl::DataLossError("the store's own rows are damaged");
    return CheckLayout(*stored, layout_version);
  }

  absl::StatusOr<std::optional<std::string>> Get(Table table, std::string_view key) const override {
    return reader_.Get(table, key, nullptr);
  }
  absl::Status Scan(Table table, const KeyRange& range, Order order, RowVisitor visit) const override {
    return reader_.Scan(table, range, order, visit, nullptr);
  }

 private:
  const std::unique_ptr<rocksdb::DB> db_;
  const std::vector<rocksdb::ColumnFamilyHandle*> families_;
  const RocksReader reader_;
};

class RocksSnapshot final : public Reader {
 public:
  RocksSnapshot(rocksdb::DB& db, const RocksReader& reader) : db_(db), reader_(reader), snapshot_(db.GetSnapshot()) {}
  ~RocksSnapshot() override { db_.ReleaseSnapshot(snapshot_); }

  absl::StatusOr<std::optional<std::string>> Get(Table table, std::string_view key) const override {
    return reader_.Get(table, key, snapshot_);
  }
  absl::Status Scan(Table table, const KeyRange& range, Order order, RowVisitor visit) const override {
    return reader_.Scan(table, range, order, visit, snapshot_);
  }

 private:
  rocksdb::DB& db_;
  const RocksReader& reader_;
  const rocksdb::Snapshot* const snapshot_;
};

class RocksStore final : public Store {
 public:
  RocksStore(rocksdb::Env& env, std::unique_ptr<rocksdb::DB> db, std::vector<rocksdb::ColumnFamilyHandle*> families)
      : env_(env), db_(std::move(db)), families_(std::move(families)), reader_(*db_, families_) {}

  ~RocksStore() override {
    // Whatever had to be durable is. The next opening finds table files and no log to replay.
    if (failure().ok()) db_->Flush(rocksdb::FlushOptions(), families_).PermitUncheckedError();
    for (rocksdb::ColumnFamilyHandle* family : families_) db_->DestroyColumnFamilyHandle(family).PermitUncheckedError();
    db_->Close().PermitUncheckedError();
  }

  // Checks the layout, or writes it in a new store, and raises the epoch.
  [[nodiscard]] absl::Status Claim(uint32_t layout_version) {
    std::string layout;
    std::string epoch;
    const rocksdb::Status found = db_->Get(rocksdb::ReadOptions(), own_rows(), ToSlice(kLayoutKey), &layout);
    rocksdb::WriteBatch rows;
    if (found.ok()) {
      MEDFLYT_RETURN_IF_ERROR(FromRocks(db_->Get(rocksdb::ReadOptions(), own_rows(), ToSlice(kEpochKey), &epoch)));
      const std::optional<uint32_t> stored_layout = ByteReader(layout).U32();
      const std::optional<uint64_t> stored_epoch = ByteReader(epoch).U64();
      if (!stored_layout.has_value() || !stored_epoch.has_value()) {
        return absl::DataLossError("the store's own rows are damaged");
      }
      MEDFLYT_RETURN_IF_ERROR(CheckLayout(*stored_layout, layout_version));
      epoch_ = *stored_epoch + 1;
    } else if (found.IsNotFound()) {
      AppendU32(layout, layout_version);
      MEDFLYT_RETURN_IF_ERROR(FromRocks(rows.Put(own_rows(), ToSlice(kLayoutKey), layout)));
      epoch_ = 1;
    } else {
      return FromRocks(found);
    }
    epoch.clear();
    AppendU64(epoch, epoch_);
    MEDFLYT_RETURN_IF_ERROR(FromRocks(rows.Put(own_rows(), ToSlice(kEpochKey), epoch)));
    rocksdb::WriteOptions synced;
    synced.sync = true;
    return FromRocks(db_->Write(synced, &rows));
  }

  absl::StatusOr<std::optional<std::string>> Get(Table table, std::string_view key) const override {
    return reader_.Get(table, key, nullptr);
  }

  absl::Status Scan(Table table, const KeyRange& range, Order order, RowVisitor visit) const override {
    return reader_.Scan(table, range, order, visit, nullptr);
  }

  absl::Status Commit(const Batch& batch, Durability durability) override {
    MutexLock lock(mutex_);
    MEDFLYT_RETURN_IF_ERROR(failure_);
    const rocksdb::Status status = Write(batch, durability);
    if (!status.ok()) failure_ = OutcomeUnknownError(status.ToString());
    return failure_;
  }

  std::unique_ptr<Reader> Snapshot() const override { return std::make_unique<RocksSnapshot>(*db_, reader_); }

  absl::Status Checkpoint(const std::string& directory, std::span<const Table> without) override;

  absl::Status PurgeDeleted(Table table) override {
    MEDFLYT_RETURN_IF_ERROR(failure());
    // All families, because the write-ahead log, which holds the values too, goes only when none of them needs it.
    MEDFLYT_RETURN_IF_ERROR(FromRocks(db_->Flush(rocksdb::FlushOptions(), families_)));
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    return FromRocks(db_->CompactRange(options, reader_.family(table), nullptr, nullptr));
  }

  uint64_t epoch() const override { return epoch_; }

 private:
  [[nodiscard]] rocksdb::ColumnFamilyHandle* own_rows() const { return families_.back(); }

  [[nodiscard]] absl::Status failure() const {
    MutexLock lock(mutex_);
    return failure_;
  }

  [[nodiscard]] rocksdb::Status Write(const Batch& batch, Durability durability) MEDFLYT_REQUIRES(mutex_) {
    // In order of their keys, rows find their places in the tables in memory from the one before; changes of one row
    // stay in their order, for the last one wins.
    order_.clear();
    for (size_t i = 0; i < batch.size(); ++i) order_.push_back(batch.at(i));
    std::stable_sort(order_.begin(), order_.end(), [](const Batch::Change& a, const Batch::Change& b) {
      return a.table != b.table ? a.table < b.table : a.key < b.key;
    });
    writing_.Clear();
    for (const Batch::Change& change : order_) {
      rocksdb::ColumnFamilyHandle* const family = reader_.family(change.table);
      const rocksdb::Status status = change.deletes ? writing_.Delete(family, ToSlice(change.key))
                                                    : writing_.Put(family, ToSlice(change.key), ToSlice(change.value));
      if (!status.ok()) return status;
    }
    CountNothing();
    rocksdb::WriteOptions options;
    options.sync = durability == Durability::kSynced;
    return db_->Write(options, &writing_);
  }

  rocksdb::Env& env_;
  const std::unique_ptr<rocksdb::DB> db_;
  const std::vector<rocksdb::ColumnFamilyHandle*> families_;  // as in Families()
  const RocksReader reader_;
  uint64_t epoch_ = 0;  // set by Claim, before anyone else has the store

  mutable Mutex mutex_;
  absl::Status failure_ MEDFLYT_GUARDED_BY(mutex_);         // of the first commit that failed
  rocksdb::WriteBatch writing_ MEDFLYT_GUARDED_BY(mutex_);  // kept for its memory, as is the next
  std::vector<Batch::Change> order_ MEDFLYT_GUARDED_BY(mutex_);
};

// Empties tables of a copy. Opening it has written its log's rows to table files, and a family that is dropped takes
// its files along.
absl::Status EmptyTables(rocksdb::Env* env, const std::string& directory, std::span<const Table> tables) {
  rocksdb::DBOptions database = DatabaseOptions();
  database.env = env;
  database.info_log = std::make_shared<EngineLog>(nullptr);
  const std::vector<rocksdb::ColumnFamilyDescriptor> known = Families(kCopyCacheBytes);
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::DB* opened = nullptr;
  MEDFLYT_RETURN_IF_ERROR(FromRocks(rocksdb::DB::Open(database, directory, known, &families, &opened)));
  const std::unique_ptr<rocksdb::DB> db(opened);
  rocksdb::Status status;
  for (const Table table : tables) {
    const auto i = static_cast<size_t>(table);
    if (status = db->DropColumnFamily(families[i]); !status.ok()) break;
    db->DestroyColumnFamilyHandle(families[i]).PermitUncheckedError();
    families[i] = nullptr;
    if (status = db->CreateColumnFamily(known[i].options, known[i].name, &families[i]); !status.ok()) break;
  }
  for (rocksdb::ColumnFamilyHandle* family : families) {
    if (family != nullptr) db->DestroyColumnFamilyHandle(family).PermitUncheckedError();
  }
  const rocksdb::Status closed = db->Close();
  return FromRocks(status.ok() ? closed : status);
}

// Written beside its place under a private directory and moved there when whole: so a copy never stands open to other
// users, and an unfinished one is never mistaken for a copy.
absl::Status RocksStore::Checkpoint(const std::string& directory, std::span<const Table> without) {
  MEDFLYT_RETURN_IF_ERROR(failure());
  const std::filesystem::path place = std::filesystem::absolute(directory).lexically_normal();
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(place, error))) {
    return absl::AlreadyExistsError("the checkpoint's directory exists: " + directory);
  }
  const std::string partial = place.string() + ".partial";
  const std::string copy = partial + "/copy";
  std::filesystem::remove_all(partial, error);  // of an attempt that was interrupted
  MEDFLYT_RETURN_IF_ERROR(MakePrivate(partial));

  const absl::Status status = [&]() -> absl::Status {
    rocksdb::Checkpoint* created = nullptr;
    MEDFLYT_RETURN_IF_ERROR(FromRocks(rocksdb::Checkpoint::Create(db_.get(), &created)));
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(created);
    MEDFLYT_RETURN_IF_ERROR(FromRocks(checkpoint->CreateCheckpoint(copy)));
    if (!without.empty()) MEDFLYT_RETURN_IF_ERROR(EmptyTables(&env_, copy, without));
    MEDFLYT_RETURN_IF_ERROR(MakePrivate(copy));
    MEDFLYT_RETURN_IF_ERROR(FromRocks(env_.RenameFile(copy, place.string())));
    std::unique_ptr<rocksdb::Directory> parent;
    MEDFLYT_RETURN_IF_ERROR(FromRocks(env_.NewDirectory(place.parent_path().string(), &parent)));
    return FromRocks(parent->Fsync());
  }();
  std::filesystem::remove_all(partial, error);
  if (!status.ok()) std::filesystem::remove_all(place, error);
  return status;
}

absl::Status FromOpen(const rocksdb::Status& status, const std::string& directory) {
  const std::string text = status.ToString();
  if (status.IsIOError() &&
      (text.find("While lock file") != std::string::npos || text.find("lock hold by") != std::string::npos)) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "STORE_IN_USE", "",
                     "another process uses the store in " + directory);
  }
  if (status.IsInvalidArgument() && text.find("olumn families not opened") != std::string::npos) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "INCOMPATIBLE_LAYOUT", "",
                     "the store in " + directory + " has tables that this program does not know: a newer one wrote it");
  }
  return FromRocks(status);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenRocksStore(const std::string& directory, const RocksOptions& options) {
  // The engine would leave a lock file where there is no store.
  if (!options.create_if_missing && !std::filesystem::exists(std::filesystem::path(directory) / "CURRENT")) {
    return absl::NotFoundError("no store in " + directory);
  }
  MEDFLYT_RETURN_IF_ERROR(MakePrivate(directory));
  rocksdb::Env* const env = options.env != nullptr ? options.env : rocksdb::Env::Default();
  rocksdb::DBOptions database = DatabaseOptions();
  database.env = env;
  database.info_log = std::make_shared<EngineLog>(options.logger);
  database.create_if_missing = options.create_if_missing;
  database.create_missing_column_families = options.create_if_missing;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::Open(database, directory, Families(options.block_cache_bytes), &families, &opened);
  if (!status.ok()) return FromOpen(status, directory);
  auto store = std::make_unique<RocksStore>(*env, std::unique_ptr<rocksdb::DB>(opened), std::move(families));
  MEDFLYT_RETURN_IF_ERROR(store->Claim(options.layout_version));
  return store;
}

absl::StatusOr<std::unique_ptr<Reader>> OpenRocksReader(const std::string& directory, uint32_t layout_version) {
  // The engine would make the directory.
  if (!std::filesystem::exists(std::filesystem::path(directory) / "CURRENT")) {
    return absl::NotFoundError("no store in " + directory);
  }
  rocksdb::DBOptions database = DatabaseOptions();
  database.info_log = std::make_shared<EngineLog>(nullptr);
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::OpenForReadOnly(database, directory, Families(kCopyCacheBytes), &families, &opened);
  if (!status.ok()) return FromOpen(status, directory);
  auto copy = std::make_unique<RocksCopy>(std::unique_ptr<rocksdb::DB>(opened), std::move(families));
  MEDFLYT_RETURN_IF_ERROR(copy->CheckLayoutIs(layout_version));
  return copy;
}

}  // namespace medflyt::store
