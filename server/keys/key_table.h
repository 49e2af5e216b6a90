// The data keys of a node: those it made for its own events, and those that peers granted it.
//
// A data key is random, one for each case, issuer → recipient and retention class. Its row (key_row.h) is wrapped under
// the KEK and is all there is of it on disk: deleting the row and rotating the KEK erases everything that was sealed
// with it. The id of a destroyed key stays, in the table and in its backups, so that nobody can give the key back.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"
#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/base/mutex.h"
#include "common/base/random.h"
#include "common/crypto/secret.h"
#include "server/keys/kek.h"
#include "server/keys/key_purpose.h"
#include "server/store/store.h"

namespace medflyt::keys {

struct DataKey {
  KeyId id;
  crypto::Key key;
};

// Thread-safe. Changes are staged in the batch of the caller's next commit and visible here at once; a node whose
// commit fails exits, so memory never outlives what the store refused.
class KeyTable {
 public:
  // Reads every row; DATA_LOSS (KEY_ROW_MALFORMED) for one that does not parse, FAILED_PRECONDITION
  // (KEK_GENERATION_MISMATCH) for one that is wrapped under another KEK generation. Borrows `random`.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<KeyTable>> Load(const store::Reader& store, Kek kek,
                                                                      RandomSource& random);

  // The key for this purpose; made, and its row staged, where there is none yet (`created` is then set).
  [[nodiscard]] absl::StatusOr<DataKey> FindOrCreate(const KeyPurpose& purpose, store::Batch& batch, bool& created);
  // NOT_FOUND (KEY_UNKNOWN) where no such key is held: never made, never granted, or destroyed.
  [[nodiscard]] absl::StatusOr<crypto::Key> Find(const KeyId& id) const;
  [[nodiscard]] absl::StatusOr<DataKey> Find(const KeyPurpose& purpose) const;
  [[nodiscard]] bool Has(const KeyId& id) const;
  // What a key is for. NOT_FOUND (KEY_UNKNOWN).
  [[nodiscard]] absl::StatusOr<KeyPurpose> PurposeOf(const KeyId& id) const;
  // Of all keys of the class that are held. This one and the next look at every key.
  [[nodiscard]] std::set<KeyId> IdsOf(event::RetentionClass retention) const;

  // Of all keys of the class for one of these cases, whoever made them.
  [[nodiscard]] std::set<KeyId> IdsOf(const std::set<CaseId>& cases, event::RetentionClass retention) const;

  // Of the keys of class case that others made, with the case that each is for.
  [[nodiscard]] std::vector<std::pair<KeyId, CaseId>> Granted(AuthorityId self) const;

  // The key is gone here at once, and from files and backups once the KEK was rotated, which the batch makes due.
  // NOT_FOUND (KEY_UNKNOWN).
  [[nodiscard]] absl::Status Destroy(const KeyId& id, store::Batch& batch);
  [[nodiscard]] bool IsDestroyed(const KeyId& id) const;

  // A key that `purpose.issuer` granted to this node. The same key again changes nothing; another key under a known id
  // is ALREADY_EXISTS (KEY_ID_REUSED), one that was destroyed here FAILED_PRECONDITION (KEY_DESTROYED).
  [[nodiscard]] absl::Status Accept(const DataKey& key, const KeyPurpose& purpose, store::Batch& batch);

  // Whether the recipient is known, by its receipt, to have stored the key. Until then each batch carries the grant.
  [[nodiscard]] bool IsGranted(const KeyId& id) const;
  void MarkGranted(const KeyId& id, store::Batch& batch);

  // Wraps every key under `next` and stages every row; keys made from here on are wrapped under it too. On error
  // (KEY_ROW_MALFORMED, for a row that does not open) nothing is staged or changed.
  [[nodiscard]] absl::Status Rewrap(const Kek& next, store::Batch& batch);
  [[nodiscard]] uint32_t kek_generation() const;

  [[nodiscard]] size_t size() const;

 private:
  struct Entry {
    KeyPurpose purpose;
    bool granted = false;
    std::string wrapped;  // nonce ‖ sealed key
    // In the clear, in secret memory, while it was used recently.
    mutable std::optional<crypto::Key> key;
  };
  using Entries = std::unordered_map<KeyId, Entry, absl::Hash<KeyId>>;

  KeyTable(Kek kek, RandomSource& random) : random_(random), kek_(std::move(kek)) {}
  // Opens the wrapping, without keeping the key.
  [[nodiscard]] absl::StatusOr<crypto::Key> OpenLocked(const KeyId& id, const Entry& entry) const
      MEDFLYT_REQUIRES(mutex_);
  [[nodiscard]] absl::StatusOr<crypto::Key> UnwrapLocked(const KeyId& id, const Entry& entry) const
      MEDFLYT_REQUIRES(mutex_);
  // Counts one more key in the clear; before that, where they are too many, wipes all of them.
  void CountClearLocked() const MEDFLYT_REQUIRES(mutex_);
  void InsertLocked(const DataKey& key, const KeyPurpose& purpose, store::Batch& batch) MEDFLYT_REQUIRES(mutex_);
  void StageLocked(const KeyId& id, const Entry& entry, store::Batch& batch) const MEDFLYT_REQUIRES(mutex_);

  RandomSource& random_;
  mutable Mutex mutex_;
  Kek kek_ MEDFLYT_GUARDED_BY(mutex_);
  Entries entries_ MEDFLYT_GUARDED_BY(mutex_);
  std::unordered_map<KeyPurpose, const Entries::value_type*, absl::Hash<KeyPurpose>> by_purpose_
      MEDFLYT_GUARDED_BY(mutex_);  // into entries_, whose elements stay where they are
  std::unordered_multimap<CaseId, KeyId, absl::Hash<CaseId>> by_case_ MEDFLYT_GUARDED_BY(mutex_);
  std::unordered_set<KeyId, absl::Hash<KeyId>> destroyed_ MEDFLYT_GUARDED_BY(mutex_);
  mutable size_t in_the_clear_ MEDFLYT_GUARDED_BY(mutex_) = 0;
};

}  // namespace medflyt::keys
