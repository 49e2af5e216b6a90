#include "server/keys/kek_rotation.h"

#include <memory>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "server/keys/key_backup.h"
#include "server/keys/key_row.h"

namespace medflyt::keys {

using store::KeyRange;
using store::Table;

absl::StatusOr<Kek> KekOfRows(const store::Reader& store, const KekGenerations& held) {
  if (!held.next) return held.current;
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, store.First(Table::kKeys, KeyRange::All()));
  if (!row) return *held.next;
  ByteReader reader(row->value);  // data keys and exchange keys: version, generation
  const auto version = reader.U8();
  const auto generation = reader.U32();
  return version && generation && *generation == held.next->generation ? *held.next : held.current;
}

absl::StatusOr<bool> KekRotation::IsDue() const {
  if (under_way_.load()) return true;
  MEDFLYT_ASSIGN_OR_RETURN(const auto due, parts_.store.Get(Table::kMeta, kKekRotationDueRow));
  return due.has_value();
}

absl::Status KekRotation::Begin() {
  MutexLock lock(mutex_);
  if (held_.next) return absl::OkStatus();
  const KekGenerations both{held_.current, NewKek(parts_.random, held_.current.generation + 1)};
  MEDFLYT_RETURN_IF_ERROR(parts_.files.ReplaceKek(WrapKek(both, parts_.root_secret, parts_.random)));
  held_ = both;
  under_way_.store(true);
  return absl::OkStatus();
}

absl::Status KekRotation::Rewrap(absl::Time now, store::Batch& batch) {
  MutexLock lock(mutex_);
  if (!held_.next || parts_.keys.kek_generation() == held_.next->generation) return absl::OkStatus();
  MEDFLYT_RETURN_IF_ERROR(parts_.keys.Rewrap(*held_.next, batch));
  parts_.exchange_keys.Renew(*held_.next, now, batch);
  batch.Delete(Table::kMeta, kKekRotationDueRow);
  return absl::OkStatus();
}

absl::Status KekRotation::Finish() {
  MutexLock lock(mutex_);
  if (!held_.next) return absl::OkStatus();
  MEDFLYT_RETURN_IF_ERROR(BackUpLocked());
  MEDFLYT_RETURN_IF_ERROR(parts_.store.PurgeDeleted(Table::kKeys));
  KekGenerations alone{*held_.next, std::nullopt};
  MEDFLYT_RETURN_IF_ERROR(parts_.files.ReplaceKek(WrapKek(alone, parts_.root_secret, parts_.random)));
  held_ = std::move(alone);
  under_way_.store(false);
  return absl::OkStatus();
}

absl::Status KekRotation::BackUp() {
  MutexLock lock(mutex_);
  return BackUpLocked();
}

absl::Status KekRotation::BackUpLocked() {
  // Of one moment: rows may be rewrapped meanwhile.
  const std::unique_ptr<store::Reader> now = parts_.store.Snapshot();
  MEDFLYT_ASSIGN_OR_RETURN(const Kek kek, KekOfRows(*now, held_));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string backup, ExportKeys(*now, kek.generation));
  MEDFLYT_RETURN_IF_ERROR(parts_.files.ReplaceBackup(backup));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string kept, parts_.files.ReadBackup(backup.size()));
  if (kept != backup) {
    return RuleError(absl::StatusCode::kUnavailable, "KEY_BACKUP_UNCONFIRMED", "keys.backup",
                     "the key-table backup is not read back as it was written");
  }
  return absl::OkStatus();
}

}  // namespace medflyt::keys
