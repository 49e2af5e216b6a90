#include "server/keys/key_table.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/crypto/seal.h"
#include "server/keys/key_row.h"

namespace medflyt::keys {
namespace {

using store::KeyRange;
using store::Table;

constexpr size_t kMaxUnwrapped = 16384;  // 1 MiB of secret memory

std::string AssociatedData(const KeyId& id, std::string_view head) { return DataKeyRowKey(id).append(head); }

// nonce ‖ sealed key
std::string Wrap(const Kek& kek, const DataKey& key, const KeyPurpose& purpose, RandomSource& random) {
  const auto nonce = random.NewId<crypto::Nonce>();
  const std::string associated = AssociatedData(key.id, DataKeyRowHead(kek.generation, purpose));
  return std::string(nonce.bytes()).append(crypto::Seal(kek.key, nonce, associated, key.key.ExposeView()));
}

absl::Status Unknown() {
  return RuleError(absl::StatusCode::kNotFound, "KEY_UNKNOWN", "key_id", "no such data key is held here");
}

}  // namespace

absl::StatusOr<std::unique_ptr<KeyTable>> KeyTable::Load(const store::Reader& store, Kek kek, RandomSource& random) {
  const uint32_t generation = kek.generation;
  auto table = std::unique_ptr<KeyTable>(new KeyTable(std::move(kek), random));
  MutexLock lock(table->mutex_);
  absl::Status status;
  MEDFLYT_RETURN_IF_ERROR(
      store.Scan(Table::kKeys, KeyRange::Prefix(std::string(1, kDataKeyPrefix)), store::Order::kAscending,
                 [&](std::string_view key, std::string_view value) MEDFLYT_REQUIRES(table->mutex_) {
                   const auto row = ParseDataKeyRow(key, value);
                   if (!row) {
                     status = KeyRowMalformed();
                     return store::Step::kStop;
                   }
                   if (row->generation != generation) {
                     status = KekGenerationMismatch();
                     return store::Step::kStop;
                   }
                   const auto entry = table->entries_.emplace(
                       row->id, Entry{row->purpose, row->granted, std::string(row->wrapped), std::nullopt});
                   table->by_purpose_.emplace(row->purpose, &*entry.first);
                   table->by_case_.emplace(row->purpose.case_id, row->id);
                   return store::Step::kContinue;
                 }));
  MEDFLYT_RETURN_IF_ERROR(status);
  MEDFLYT_RETURN_IF_ERROR(store.Scan(Table::kKeys, KeyRange::Prefix(std::string(1, kDestroyedPrefix)),
                                     store::Order::kAscending,
                                     [&](std::string_view key, std::string_view value) MEDFLYT_REQUIRES(table->mutex_) {
                                       const auto id = ParseDestroyedRow(key, value);
                                       if (id) table->destroyed_.insert(*id);
                                       status = id ? absl::OkStatus() : KeyRowMalformed();
                                       return id ? store::Step::kContinue : store::Step::kStop;
                                     }));
  MEDFLYT_RETURN_IF_ERROR(status);
  return table;
}

absl::StatusOr<DataKey> KeyTable::FindOrCreate(const KeyPurpose& purpose, store::Batch& batch, bool& created) {
  MutexLock lock(mutex_);
  created = false;
  if (const auto found = by_purpose_.find(purpose); found != by_purpose_.end()) {
    MEDFLYT_ASSIGN_OR_RETURN(crypto::Key key, UnwrapLocked(found->second->first, found->second->second));
    return DataKey{found->second->first, std::move(key)};
  }
  created = true;
  DataKey key{random_.NewId<KeyId>(),
              crypto::Key::Make([this](uint8_t* out) { random_.Fill(out, crypto::Key::kSize); })};
  InsertLocked(key, purpose, batch);
  return key;
}

absl::StatusOr<crypto::Key> KeyTable::Find(const KeyId& id) const {
  MutexLock lock(mutex_);
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return Unknown();
  return UnwrapLocked(id, entry->second);
}

absl::StatusOr<DataKey> KeyTable::Find(const KeyPurpose& purpose) const {
  MutexLock lock(mutex_);
  const auto found = by_purpose_.find(purpose);
  if (found == by_purpose_.end()) return Unknown();
  MEDFLYT_ASSIGN_OR_RETURN(crypto::Key key, UnwrapLocked(found->second->first, found->second->second));
  return DataKey{found->second->first, std::move(key)};
}

bool KeyTable::Has(const KeyId& id) const {
  MutexLock lock(mutex_);
  return entries_.contains(id);
}

std::set<KeyId> KeyTable::IdsOf(event::RetentionClass retention) const {
  MutexLock lock(mutex_);
  std::set<KeyId> ids;
  for (const auto& [id, entry] : entries_) {
    if (entry.purpose.retention == retention) ids.insert(id);
  }
  return ids;
}

std::set<KeyId> KeyTable::IdsOf(const std::set<CaseId>& cases, event::RetentionClass retention) const {
  MutexLock lock(mutex_);
  std::set<KeyId> ids;
  for (const CaseId& case_id : cases) {
    const auto [begin, end] = by_case_.equal_range(case_id);
    for (auto row = begin; row != end; ++row) {
      if (entries_.at(row->second).purpose.retention == retention) ids.insert(row->second);
    }
  }
  return ids;
}

std::vector<std::pair<KeyId, CaseId>> KeyTable::Granted(AuthorityId self) const {
  MutexLock lock(mutex_);
  std::vector<std::pair<KeyId, CaseId>> granted;
  for (const auto& [id, entry] : entries_) {
    if (entry.purpose.retention != event::RetentionClass::kCase || entry.purpose.issuer == self) continue;
    granted.emplace_back(id, entry.purpose.case_id);
  }
  return granted;
}

absl::Status KeyTable::Destroy(const KeyId& id, store::Batch& batch) {
  MutexLock lock(mutex_);
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return Unknown();
  const auto by_purpose = by_purpose_.find(entry->second.purpose);
  if (by_purpose != by_purpose_.end() && by_purpose->second == &*entry) by_purpose_.erase(by_purpose);
  const auto [begin, end] = by_case_.equal_range(entry->second.purpose.case_id);
  by_case_.erase(std::find_if(begin, end, [&id](const auto& row) { return row.second == id; }));
  if (entry->second.key) --in_the_clear_;
  entries_.erase(entry);
  destroyed_.insert(id);
  batch.Delete(Table::kKeys, DataKeyRowKey(id));
  batch.Put(Table::kKeys, DestroyedRowKey(id), DestroyedRowValue());
  StageKekRotationDue(batch);
  return absl::OkStatus();
}

bool KeyTable::IsDestroyed(const KeyId& id) const {
  MutexLock lock(mutex_);
  return destroyed_.contains(id);
}

absl::StatusOr<KeyPurpose> KeyTable::PurposeOf(const KeyId& id) const {
  MutexLock lock(mutex_);
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return Unknown();
  return entry->second.purpose;
}

absl::Status KeyTable::Accept(const DataKey& key, const KeyPurpose& purpose, store::Batch& batch) {
  MutexLock lock(mutex_);
  if (const auto entry = entries_.find(key.id); entry != entries_.end()) {
    MEDFLYT_ASSIGN_OR_RETURN(const crypto::Key held, UnwrapLocked(key.id, entry->second));
    if (held == key.key) return absl::OkStatus();
    return RuleError(absl::StatusCode::kAlreadyExists, "KEY_ID_REUSED", "key_id", "another key is held under this id");
  }
  if (destroyed_.contains(key.id)) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "KEY_DESTROYED", "key_id",
                     "what was sealed with this key has been erased here");
  }
  InsertLocked(key, purpose, batch);
  return absl::OkStatus();
}

bool KeyTable::IsGranted(const KeyId& id) const {
  MutexLock lock(mutex_);
  const auto entry = entries_.find(id);
  return entry != entries_.end() && entry->second.granted;
}

void KeyTable::MarkGranted(const KeyId& id, store::Batch& batch) {
  MutexLock lock(mutex_);
  const auto entry = entries_.find(id);
  if (entry == entries_.end() || entry->second.granted) return;
  entry->second.granted = true;
  StageLocked(id, entry->second, batch);
}

absl::Status KeyTable::Rewrap(const Kek& next, store::Batch& batch) {
  MutexLock lock(mutex_);
  std::vector<std::string> wrapped;
  wrapped.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) {
    MEDFLYT_ASSIGN_OR_RETURN(crypto::Key key, OpenLocked(id, entry));
    wrapped.push_back(Wrap(next, {id, std::move(key)}, entry.purpose, random_));
  }
  kek_ = next;
  auto fresh = wrapped.begin();
  for (auto& [id, entry] : entries_) {
    entry.wrapped = std::move(*fresh++);
    StageLocked(id, entry, batch);
  }
  return absl::OkStatus();
}

uint32_t KeyTable::kek_generation() const {
  MutexLock lock(mutex_);
  return kek_.generation;
}

size_t KeyTable::size() const {
  MutexLock lock(mutex_);
  return entries_.size();
}

absl::StatusOr<crypto::Key> KeyTable::OpenLocked(const KeyId& id, const Entry& entry) const {
  const std::string_view wrapped = entry.wrapped;
  const std::string associated = AssociatedData(id, DataKeyRowHead(kek_.generation, entry.purpose));
  auto opened = crypto::Open(kek_.key, *crypto::Nonce::FromBytes(wrapped.substr(0, crypto::Nonce::kSize)), associated,
                             wrapped.substr(crypto::Nonce::kSize));
  if (!opened.ok()) return KeyRowMalformed();
  auto key = crypto::Key::FromBytes(*opened);
  crypto::Wipe(*opened);
  if (!key) return KeyRowMalformed();
  return *std::move(key);
}

absl::StatusOr<crypto::Key> KeyTable::UnwrapLocked(const KeyId& id, const Entry& entry) const {
  if (entry.key) return *entry.key;
  MEDFLYT_ASSIGN_OR_RETURN(crypto::Key key, OpenLocked(id, entry));
  CountClearLocked();
  entry.key = key;
  return key;
}

void KeyTable::CountClearLocked() const {
  if (in_the_clear_ >= kMaxUnwrapped) {
    for (const auto& [id, entry] : entries_) entry.key.reset();
    in_the_clear_ = 0;
  }
  ++in_the_clear_;
}

void KeyTable::InsertLocked(const DataKey& key, const KeyPurpose& purpose, store::Batch& batch) {
  Entry entry{purpose, false, Wrap(kek_, key, purpose, random_), std::nullopt};
  StageLocked(key.id, entry, batch);
  CountClearLocked();
  entry.key = key.key;
  const auto inserted = entries_.emplace(key.id, std::move(entry));
  by_purpose_.emplace(purpose, &*inserted.first);
  by_case_.emplace(purpose.case_id, key.id);
}

void KeyTable::StageLocked(const KeyId& id, const Entry& entry, store::Batch& batch) const {
  std::string value = DataKeyRowHead(kek_.generation, entry.purpose);
  value.push_back(entry.granted ? 1 : 0);
  value.append(entry.wrapped);
  batch.Put(Table::kKeys, DataKeyRowKey(id), value);
}

}  // namespace medflyt::keys
