// The X25519 keys that peers seal grants to, in epochs: a private key is destroyed after its epoch, so that what was
// sealed to it cannot be opened again by anyone.
//
//   kKeys row 'x' ‖ epoch (big-endian)   ->  version, KEK generation, nonce, wrapped private key
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/base/random.h"
#include "common/crypto/seal.h"
#include "server/keys/kek.h"
#include "server/store/store.h"

namespace medflyt::keys {

inline constexpr absl::Duration kExchangeWeek = absl::Hours(24 * 7);
inline constexpr uint32_t kEpochsAWeek = 1U << 14;  // more than it has minutes

// Epochs are numbered within whole weeks since 1970-01-01T00:00:00Z: each week has one, and another for each time that
// the keys were renewed in it. This is the first of the moment's week.
[[nodiscard]] uint32_t ExchangeEpochAt(absl::Time time);
// Of the week that the epoch is in.
[[nodiscard]] absl::Time ExchangeEpochEnd(uint32_t epoch);

// Thread-safe. Staging as in KeyTable.
class ExchangeKeys {
 public:
  struct Current {
    uint32_t epoch;
    crypto::ExchangePublicKey public_key;
    absl::Time not_after;  // peers seal to it no later than this
  };

  [[nodiscard]] static absl::StatusOr<std::unique_ptr<ExchangeKeys>> Load(const store::Reader& store, const Kek& kek,
                                                                          RandomSource& random);

  // Makes the key of the week of `now` where it is missing and destroys those older than the week before it. False
  // when there was nothing to do. Where it destroys one, a rotation of the KEK becomes due (kek_rotation.h): until then
  // the wrapped key is still in files and backups.
  bool Rotate(absl::Time now, store::Batch& batch);

  // Destroys every key and makes one of another epoch in their place, wrapped under `next`, as will be what is made
  // from here on. What was sealed to them and recorded on its way opens with nothing that this node has any more; what
  // was on its way is sealed again.
  void Renew(const Kek& next, absl::Time now, store::Batch& batch);

  // FAILED_PRECONDITION (NO_EXCHANGE_KEY) before the first Rotate.
  [[nodiscard]] absl::StatusOr<Current> current() const;
  // NOT_FOUND (EXCHANGE_KEY_DESTROYED) for an epoch whose key is gone: the sender seals again.
  [[nodiscard]] absl::StatusOr<crypto::ExchangeKey> Find(uint32_t epoch) const;

 private:
  ExchangeKeys(Kek kek, RandomSource& random) : random_(random), kek_(std::move(kek)) {}
  void MakeLocked(uint32_t epoch, store::Batch& batch) MEDFLYT_REQUIRES(mutex_);
  void StageLocked(uint32_t epoch, const crypto::Key& secret, store::Batch& batch) MEDFLYT_REQUIRES(mutex_);

  RandomSource& random_;
  mutable Mutex mutex_;
  Kek kek_ MEDFLYT_GUARDED_BY(mutex_);
  std::map<uint32_t, crypto::ExchangeKey> keys_ MEDFLYT_GUARDED_BY(mutex_);
};

}  // namespace medflyt::keys
