#include "server/store/memory_store.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/status.h"

namespace medflyt::store {
namespace {

// A commit's number on its disk, from 1. Never used twice, not even for one that a crash took.
using Sequence = uint64_t;

struct Version {
  Sequence written;
  std::optional<std::string> value;  // nothing where this commit deleted the row
};

// The versions of a row, oldest first: the latest, and those that a snapshot or a crash could still bring back.
using Versions = std::vector<Version>;
using Rows = std::map<std::string, Versions, std::less<>>;

const std::string* VisibleAt(const Versions& versions, Sequence at) {
  const auto after =
      std::ranges::upper_bound(versions, at, std::less<>(), [](const Version& version) { return version.written; });
  if (after == versions.begin()) return nullptr;
  const std::optional<std::string>& value = std::prev(after)->value;
  return value.has_value() ? &*value : nullptr;
}

}  // namespace

struct MemoryDisk::Contents {
  struct Touched {
    Sequence written;
    Table table;
    std::string key;
  };
  struct Fault {
    size_t skip;
    Outcome outcome;
  };

  mutable Mutex mutex;
  std::array<Rows, kTables.size()> tables MEDFLYT_GUARDED_BY(mutex);
  std::deque<Touched> touched MEDFLYT_GUARDED_BY(mutex);     // rows that may hold versions to forget, by commit
  std::deque<Sequence> unsynced MEDFLYT_GUARDED_BY(mutex);   // commits not yet durable, in order
  std::multiset<Sequence> pinned MEDFLYT_GUARDED_BY(mutex);  // what snapshots read at
  Sequence last MEDFLYT_GUARDED_BY(mutex) = 0;
  uint64_t epoch MEDFLYT_GUARDED_BY(mutex) = 0;
  uint64_t crashes MEDFLYT_GUARDED_BY(mutex) = 0;
  std::optional<uint32_t> layout MEDFLYT_GUARDED_BY(mutex);
  std::optional<Fault> fault MEDFLYT_GUARDED_BY(mutex);
  std::map<std::string, std::shared_ptr<MemoryDisk>> checkpoints MEDFLYT_GUARDED_BY(mutex);

  [[nodiscard]] Rows& rows(Table table) MEDFLYT_REQUIRES(mutex) { return tables[static_cast<size_t>(table)]; }

  void Apply(const Batch& batch, Durability durability) MEDFLYT_REQUIRES(mutex) {
    ++last;
    for (size_t i = 0; i < batch.size(); ++i) {
      const Batch::Change change = batch.at(i);
      Versions& versions = rows(change.table)[std::string(change.key)];
      std::optional<std::string> value;
      if (!change.deletes) value.emplace(change.value);
      if (!versions.empty() && versions.back().written == last) {
        versions.back().value = std::move(value);
      } else {
        versions.push_back({last, std::move(value)});
        touched.push_back({last, change.table, std::string(change.key)});
      }
    }
    if (durability == Durability::kSynced) {
      unsynced.clear();
    } else {
      unsynced.push_back(last);
    }
    Forget();
  }

  // Drops the versions that neither a snapshot nor a crash can bring back.
  void Forget() MEDFLYT_REQUIRES(mutex) {
    Sequence floor = unsynced.empty() ? last : unsynced.front() - 1;
    if (!pinned.empty()) floor = std::min(floor, *pinned.begin());
    while (!touched.empty() && touched.front().written <= floor) {
      Rows& table = rows(touched.front().table);
      if (const auto row = table.find(touched.front().key); row != table.end()) {
        Versions& versions = row->second;
        auto first_kept = versions.begin();
        while (std::next(first_kept) != versions.end() && std::next(first_kept)->written <= floor) ++first_kept;
        versions.erase(versions.begin(), first_kept);
        if (versions.size() == 1 && !versions.front().value.has_value() && versions.front().written <= floor) {
          table.erase(row);
        }
      }
      touched.pop_front();
    }
  }

  void Lose(Sequence first_lost) MEDFLYT_REQUIRES(mutex) {
    for (Rows& table : tables) {
      for (auto row = table.begin(); row != table.end();) {
        std::erase_if(row->second, [first_lost](const Version& version) { return version.written >= first_lost; });
        row = row->second.empty() ? table.erase(row) : std::next(row);
      }
    }
    std::erase_if(touched, [first_lost](const Touched& change) { return change.written >= first_lost; });
  }
};

namespace {

using Contents = MemoryDisk::Contents;

absl::Status StoppedError() { return absl::UnavailableError("the machine of this store has stopped"); }

// The disk as of one commit.
class View final : public Reader {
 public:
  View(Contents& disk, Sequence at, uint64_t crashes) MEDFLYT_REQUIRES(disk.mutex)
      : disk_(disk), at_(at), crashes_(crashes) {
    disk.pinned.insert(at);
  }
  ~View() override {
    MutexLock lock(disk_.mutex);
    disk_.pinned.erase(disk_.pinned.find(at_));
    disk_.Forget();
  }

  absl::StatusOr<std::optional<std::string>> Get(Table table, std::string_view key) const override {
    MutexLock lock(disk_.mutex);
    if (disk_.crashes != crashes_) return StoppedError();
    const Rows& rows = disk_.rows(table);
    const auto row = rows.find(key);
    const std::string* value = row == rows.end() ? nullptr : VisibleAt(row->second, at_);
    if (value == nullptr) return std::optional<std::string>();
    return std::optional<std::string>(*value);
  }

  absl::Status Scan(Table table, const KeyRange& range, Order order, RowVisitor visit) const override {
    KeyRange rest = range;
    while (true) {
      // The lock is not held while the visitor runs: it may use the store.
      MEDFLYT_ASSIGN_OR_RETURN(std::optional<Row> row, Next(table, rest, order));
      if (!row.has_value() || visit(row->key, row->value) == Step::kStop) return absl::OkStatus();
      if (order == Order::kAscending) {
        rest.begin = std::move(row->key);
        rest.begin.push_back('\0');  // the least key above it
      } else {
        rest.end = std::move(row->key);
      }
    }
  }

 private:
  absl::StatusOr<std::optional<Row>> Next(Table table, const KeyRange& range, Order order) const {
    MutexLock lock(disk_.mutex);
    if (disk_.crashes != crashes_) return StoppedError();
    const Rows& rows = disk_.rows(table);
    if (order == Order::kAscending) {
      for (auto row = rows.lower_bound(range.begin); row != rows.end() && range.Contains(row->first); ++row) {
        if (const std::string* value = VisibleAt(row->second, at_)) return std::optional<Row>(Row{row->first, *value});
      }
    } else {
      for (auto row = range.end.has_value() ? rows.lower_bound(*range.end) : rows.end(); row != rows.begin();) {
        --row;
        if (!range.Contains(row->first)) break;
        if (const std::string* value = VisibleAt(row->second, at_)) return std::optional<Row>(Row{row->first, *value});
      }
    }
    return std::optional<Row>();
  }

  Contents& disk_;
  const Sequence at_;
  const uint64_t crashes_;
};

class MemoryStore final : public Store {
 public:
  MemoryStore(Contents& disk, uint64_t epoch, uint64_t crashes) : disk_(disk), epoch_(epoch), crashes_(crashes) {}

  ~MemoryStore() override {
    MutexLock lock(disk_.mutex);
    if (failed_after_.has_value()) disk_.pinned.erase(disk_.pinned.find(*failed_after_));
    disk_.Forget();
  }

  absl::StatusOr<std::optional<std::string>> Get(Table table, std::string_view key) const override {
    return Now()->Get(table, key);
  }

  absl::Status Scan(Table table, const KeyRange& range, Order order, RowVisitor visit) const override {
    return Now()->Scan(table, range, order, visit);
  }

  absl::Status Commit(const Batch& batch, Durability durability) override {
    MutexLock lock(disk_.mutex);
    MEDFLYT_RETURN_IF_ERROR(Usable());
    if (disk_.epoch != epoch_) return FencedError();
    if (disk_.fault.has_value() && disk_.fault->skip-- == 0) {
      // What was read until now is read until the end: only the next opener sees whether the batch was applied.
      failed_after_ = disk_.last;
      disk_.pinned.insert(disk_.last);
      const MemoryDisk::Outcome outcome = disk_.fault->outcome;
      disk_.fault.reset();
      if (outcome == MemoryDisk::Outcome::kApplied) disk_.Apply(batch, Durability::kSynced);
      return Usable();
    }
    disk_.Apply(batch, durability);
    return absl::OkStatus();
  }

  std::unique_ptr<Reader> Snapshot() const override { return Now(); }

  absl::Status Checkpoint(const std::string& directory, std::span<const Table> without) override {
    auto copy = std::make_shared<MemoryDisk>();
    MutexLock lock(disk_.mutex);
    MEDFLYT_RETURN_IF_ERROR(Usable());
    if (disk_.checkpoints.contains(directory)) return absl::AlreadyExistsError("the checkpoint's directory exists");
    CopyTo(copy->contents(), without);
    disk_.checkpoints.emplace(directory, std::move(copy));
    return absl::OkStatus();
  }

  // Nothing is kept beyond need.
  absl::Status PurgeDeleted(Table) override {
    MutexLock lock(disk_.mutex);
    return Usable();
  }

  uint64_t epoch() const override { return epoch_; }

 private:
  [[nodiscard]] absl::Status Usable() const MEDFLYT_REQUIRES(disk_.mutex) {
    if (disk_.crashes != crashes_) return StoppedError();
    if (failed_after_.has_value()) return OutcomeUnknownError("injected fault");
    return absl::OkStatus();
  }

  [[nodiscard]] std::unique_ptr<View> Now() const {
    MutexLock lock(disk_.mutex);
    return std::make_unique<View>(disk_, failed_after_.value_or(disk_.last), crashes_);
  }

  void CopyTo(Contents& copy, std::span<const Table> without) const MEDFLYT_REQUIRES(disk_.mutex) {
    MutexLock lock(copy.mutex);
    copy.last = 1;
    copy.epoch = disk_.epoch;
    copy.layout = disk_.layout;
    for (const Table table : kTables) {
      if (std::find(without.begin(), without.end(), table) != without.end()) continue;
      for (const auto& [key, versions] : disk_.rows(table)) {
        if (const std::string* value = VisibleAt(versions, disk_.last)) copy.rows(table)[key] = {{copy.last, *value}};
      }
    }
  }

  Contents& disk_;
  const uint64_t epoch_;
  const uint64_t crashes_;
  std::optional<Sequence> failed_after_ MEDFLYT_GUARDED_BY(disk_.mutex);  // the last commit before the failed one
};

}  // namespace

MemoryDisk::MemoryDisk() : contents_(std::make_unique<Contents>()) {}
MemoryDisk::~MemoryDisk() = default;

void MemoryDisk::FailCommit(size_t skip, Outcome outcome) {
  MutexLock lock(contents_->mutex);
  contents_->fault = Contents::Fault{skip, outcome};
}

void MemoryDisk::Crash(size_t keep_unsynced) {
  MutexLock lock(contents_->mutex);
  ++contents_->crashes;
  contents_->fault.reset();
  if (keep_unsynced < contents_->unsynced.size()) contents_->Lose(contents_->unsynced[keep_unsynced]);
  contents_->unsynced.clear();  // what survived the crash is on the disk
  contents_->Forget();
}

size_t MemoryDisk::unsynced_commits() const {
  MutexLock lock(contents_->mutex);
  return contents_->unsynced.size();
}

std::shared_ptr<MemoryDisk> MemoryDisk::CheckpointAt(const std::string& directory) const {
  MutexLock lock(contents_->mutex);
  const auto found = contents_->checkpoints.find(directory);
  return found == contents_->checkpoints.end() ? nullptr : found->second;
}

absl::StatusOr<std::unique_ptr<Store>> OpenMemoryStore(MemoryDisk& disk, uint32_t layout_version) {
  Contents& contents = disk.contents();
  MutexLock lock(contents.mutex);
  if (contents.layout.has_value()) MEDFLYT_RETURN_IF_ERROR(CheckLayout(*contents.layout, layout_version));
  contents.layout = layout_version;
  ++contents.epoch;
  contents.unsynced.clear();  // the epoch is written synced, and everything before it with it
  contents.Forget();
  return std::make_unique<MemoryStore>(contents, contents.epoch, contents.crashes);
}

}  // namespace medflyt::store
