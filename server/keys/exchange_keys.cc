#include "server/keys/exchange_keys.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "server/keys/key_row.h"

namespace medflyt::keys {
namespace {

using store::KeyRange;
using store::Table;

constexpr char kExchangePrefix = 'x';
constexpr uint8_t kRowVersion = 1;

std::string RowKey(uint32_t epoch) {
  std::string key(1, kExchangePrefix);
  AppendU32(key, epoch);
  return key;
}

std::string RowHead(uint32_t generation) {
  std::string head(1, static_cast<char>(kRowVersion));
  AppendU32(head, generation);
  return head;
}

std::optional<crypto::Key> Unwrap(const Kek& kek, std::string_view row_key, std::string_view value) {
  const std::string head = RowHead(kek.generation);
  ByteReader reader(value);
  const auto stored_head = reader.Take(head.size());
  const auto nonce = reader.Take(crypto::Nonce::kSize);
  if (!stored_head || *stored_head != head || !nonce) return std::nullopt;
  auto opened =
      crypto::Open(kek.key, *crypto::Nonce::FromBytes(*nonce), std::string(row_key).append(head), reader.rest());
  if (!opened.ok()) return std::nullopt;
  auto key = crypto::Key::FromBytes(*opened);
  crypto::Wipe(*opened);
  return key;
}

}  // namespace

uint32_t ExchangeEpochAt(absl::Time time) {
  return static_cast<uint32_t>((time - absl::UnixEpoch()) / kExchangeWeek) * kEpochsAWeek;
}

absl::Time ExchangeEpochEnd(uint32_t epoch) {
  return absl::UnixEpoch() + kExchangeWeek * (int64_t{epoch / kEpochsAWeek} + 1);
}

absl::StatusOr<std::unique_ptr<ExchangeKeys>> ExchangeKeys::Load(const store::Reader& store, const Kek& kek,
                                                                 RandomSource& random) {
  auto keys = std::unique_ptr<ExchangeKeys>(new ExchangeKeys(kek, random));
  MutexLock lock(keys->mutex_);
  bool malformed = false;
  MEDFLYT_RETURN_IF_ERROR(store.Scan(Table::kKeys, KeyRange::Prefix(std::string(1, kExchangePrefix)),
                                     store::Order::kAscending,
                                     [&](std::string_view key, std::string_view value) MEDFLYT_REQUIRES(keys->mutex_) {
                                       ByteReader reader(key.substr(1));
                                       const auto epoch = reader.U32();
                                       auto secret = Unwrap(keys->kek_, key, value);
                                       malformed = !epoch || !reader.empty() || !secret;
                                       if (malformed) return store::Step::kStop;
                                       keys->keys_.emplace(*epoch, crypto::ExchangeKey(*std::move(secret)));
                                       return store::Step::kContinue;
                                     }));
  if (malformed) {
    return RuleError(absl::StatusCode::kDataLoss, "KEY_ROW_MALFORMED", "keys",
                     "a row of the exchange keys does not parse");
  }
  return keys;
}

bool ExchangeKeys::Rotate(absl::Time now, store::Batch& batch) {
  MutexLock lock(mutex_);
  const uint32_t epoch = ExchangeEpochAt(now);
  bool changed = false;
  while (!keys_.empty() && keys_.begin()->first + kEpochsAWeek < epoch) {
    batch.Delete(Table::kKeys, RowKey(keys_.begin()->first));
    StageKekRotationDue(batch);
    keys_.erase(keys_.begin());
    changed = true;
  }
  if (!keys_.empty() && keys_.rbegin()->first >= epoch) return changed;
  MakeLocked(epoch, batch);
  return true;
}

void ExchangeKeys::Renew(const Kek& next, absl::Time now, store::Batch& batch) {
  MutexLock lock(mutex_);
  kek_ = next;
  if (keys_.empty()) return;
  const uint32_t epoch = std::max(ExchangeEpochAt(now), keys_.rbegin()->first + 1);
  for (const auto& [ended, key] : keys_) batch.Delete(Table::kKeys, RowKey(ended));
  keys_.clear();
  MakeLocked(epoch, batch);
}

void ExchangeKeys::MakeLocked(uint32_t epoch, store::Batch& batch) {
  crypto::Key secret = crypto::Key::Make([this](uint8_t* out) { random_.Fill(out, crypto::Key::kSize); });
  StageLocked(epoch, secret, batch);
  keys_.emplace(epoch, crypto::ExchangeKey(std::move(secret)));
}

void ExchangeKeys::StageLocked(uint32_t epoch, const crypto::Key& secret, store::Batch& batch) {
  const auto nonce = random_.NewId<crypto::Nonce>();
  std::string value = RowHead(kek_.generation);
  const std::string associated = RowKey(epoch).append(value);
  value.append(nonce.bytes()).append(crypto::Seal(kek_.key, nonce, associated, secret.ExposeView()));
  batch.Put(Table::kKeys, RowKey(epoch), value);
}

absl::StatusOr<ExchangeKeys::Current> ExchangeKeys::current() const {
  MutexLock lock(mutex_);
  if (keys_.empty()) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "NO_EXCHANGE_KEY", "keys",
                     "the node has no exchange key yet");
  }
  const auto& [epoch, key] = *keys_.rbegin();
  return Current{epoch, key.public_key(), ExchangeEpochEnd(epoch)};
}

absl::StatusOr<crypto::ExchangeKey> ExchangeKeys::Find(uint32_t epoch) const {
  MutexLock lock(mutex_);
  const auto found = keys_.find(epoch);
  if (found == keys_.end()) {
    return RuleError(absl::StatusCode::kNotFound, "EXCHANGE_KEY_DESTROYED", "exchange_epoch",
                     "the exchange key of this epoch is gone; seal again to the current one");
  }
  return found->second;
}

}  // namespace medflyt::keys
