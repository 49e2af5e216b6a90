// Rotates the KEK, so that what was destroyed is gone: a wrapped key stays in the engine's files and in every backup
// after its row is deleted, and opens until the KEK that wraps it is destroyed.
//
//   step                                                       a start after a crash finds, and goes on with
//   1 KEK file holds both generations, synced                  both in the file, rows under the old    -> 2
//   2 one synced batch: every row under the new, "due" gone,
//     the exchange keys renewed                                both in the file, rows under the new    -> 3
//   3 key-table backup written, read back and compared         the same                                -> 3
//   4 store purged of the rows under the old                   the same                                -> 3
//   5 KEK file holds the new one alone, synced                 nothing to do
//
// So the KEK file alone says whether a rotation is under way, and a row that one is due (key_row.h). The old KEK goes
// last: before the backup was confirmed a loss of the store would have lost every key.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/base/random.h"
#include "common/crypto/secret.h"
#include "server/keys/exchange_keys.h"
#include "server/keys/kek.h"
#include "server/keys/key_table.h"
#include "server/store/store.h"

namespace medflyt::keys {

// Where the KEK and the key-table backup lie, apart from the store. Each is replaced whole and durably.
class KeyFiles {
 public:
  virtual ~KeyFiles() = default;
  [[nodiscard]] virtual absl::Status ReplaceKek(std::string_view bytes) = 0;
  [[nodiscard]] virtual absl::Status ReplaceBackup(std::string_view bytes) = 0;
  // Of at most `most` bytes.
  [[nodiscard]] virtual absl::StatusOr<std::string> ReadBackup(size_t most) = 0;
};

// The generation that the store's keys are wrapped under; the tables are loaded with it. For rows of neither the
// tables' Load has the error. The errors of reading.
[[nodiscard]] absl::StatusOr<Kek> KekOfRows(const store::Reader& store, const KekGenerations& held);

// Begin, Rewrap and Finish are called in this order, one at a time; each again after an error of its own or of a later
// one. Where nothing is left to do they do nothing. Thread-safe.
class KekRotation {
 public:
  struct Parts {  // borrowed; all outlive the rotation
    store::Store& store;
    KeyTable& keys;
    ExchangeKeys& exchange_keys;
    KeyFiles& files;
    const crypto::Key& root_secret;
    RandomSource& random;
  };
  // `held` is what the KEK file holds; the tables were loaded with KekOfRows.
  KekRotation(const Parts& parts, KekGenerations held)
      : parts_(parts), under_way_(held.next.has_value()), held_(std::move(held)) {}

  // Whether one is under way, or a key was destroyed since the last. Waits for nothing. The errors of reading.
  [[nodiscard]] absl::StatusOr<bool> IsDue() const;

  // Step 1. The errors of the file; then nothing has begun, though the file may already hold the new generation.
  [[nodiscard]] absl::Status Begin();
  // Stages step 2, on the thread that stages all changes of the keys, in the batch of their next commit. The errors of
  // KeyTable::Rewrap; then nothing was staged. Once it is durable, peers are to be shown the new exchange key.
  [[nodiscard]] absl::Status Rewrap(absl::Time now, store::Batch& batch);
  // Steps 3 to 5, once that batch is durable; blocks while the store rewrites the key table. UNAVAILABLE
  // (KEY_BACKUP_UNCONFIRMED) where another backup is read back than was written; the errors of files and store. The old
  // KEK is still there after each.
  [[nodiscard]] absl::Status Finish();

  // Writes the key-table backup as the keys are now, whether or not a rotation is under way, and reads it back. Errors
  // as Finish.
  [[nodiscard]] absl::Status BackUp();

 private:
  [[nodiscard]] absl::Status BackUpLocked() MEDFLYT_REQUIRES(mutex_);

  const Parts parts_;
  std::atomic<bool> under_way_;  // held_.next, also while Finish holds the lock
  mutable Mutex mutex_;
  KekGenerations held_ MEDFLYT_GUARDED_BY(mutex_);
};

}  // namespace medflyt::keys
