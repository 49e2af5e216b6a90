// Which keys of a peer's log this node goes by. The peer's card names them, and whoever may write the folder of the
// cards could name others: so the keys that were accepted are pinned here, and a card can only add to them what the key
// before has signed over (entry/handover.h), or what two officers admit (admission.h).
//
//   kMeta 'log-keys' ‖ u32 peer ‖ SHA-256 of the origin (32)   ->  version 1 (u8) ‖ for each key, in the card's order:
//                                                                 u64 tree size that it signs from ‖ u16 length ‖
//                                                                 verifier key
//
// The first contact with a peer trusts the card. Its keys are pinned in the commit that takes something which they
// signed. Of a peer that something was taken of, a log without a row is pinned at the first check after the start, as
// the card then names its keys, and written with what is next taken: a log of a store from before there were pins, or a
// new one, which two officers may still admit with other keys.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/base/named_type.h"
#include "common/directory/authority.h"
#include "common/directory/identity.h"
#include "common/tlog/note_key.h"
#include "server/log/log.h"
#include "server/store/batch.h"

namespace medflyt::exchange {

struct PinnedKey {
  tlog::VerifierKey key;
  TreeSize from;  // of the trees that it signs
  friend bool operator==(const PinnedKey&, const PinnedKey&) = default;
};
using PinnedKeys = std::vector<PinnedKey>;

[[nodiscard]] std::string PinnedRowKey(AuthorityId peer, std::string_view origin);
[[nodiscard]] std::string EncodePinned(const PinnedKeys& keys);
// DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::StatusOr<PinnedKeys> DecodePinned(std::string_view value);

// Thread-safe. Borrows the log.
class LogKeyPins {
 public:
  explicit LogKeyPins(const log::Log& log) : log_(log) {}

  // Whether the log, as the peer's card shows it now, has the keys that are pinned, and beyond them only such as were
  // handed over to, which are pinned from then on. FAILED_PRECONDITION (LOG_KEY_NOT_HANDED_OVER); DATA_LOSS
  // (ROW_MALFORMED), the errors of the store, which is read until something is pinned.
  [[nodiscard]] absl::Status Check(AuthorityId peer, const directory::Log& shown) const MEDFLYT_EXCLUDES(mutex_);

  // Called where something is applied that was signed with the keys of this log of the peer, as Check found them last:
  // what of the peer's pins is not written yet goes into the same commit.
  void Stage(AuthorityId peer, std::string_view origin, store::Batch& batch) MEDFLYT_EXCLUDES(mutex_);
  // Called where it is applied that two officers admit the log with just these keys.
  void Admit(AuthorityId peer, const directory::Log& shown, store::Batch& batch) MEDFLYT_EXCLUDES(mutex_);

 private:
  enum class Standing {
    kShown,    // by the card, and nothing was taken yet: another card shows others
    kPinned,   // and not written
    kWritten,  // in a commit that was applied
  };
  struct Pin {
    PinnedKeys keys;
    Standing standing = Standing::kShown;
  };
  using Key = std::pair<AuthorityId, std::string>;  // peer and origin

  [[nodiscard]] absl::StatusOr<Pin> Read(AuthorityId peer, const directory::Log& shown) const;
  // Whether anything was ever taken from the peer, or this log of it was cosigned.
  [[nodiscard]] absl::StatusOr<bool> IsKnown(AuthorityId peer, std::string_view origin) const;
  [[nodiscard]] static absl::Status Follow(const directory::Log& shown, Pin& pin);

  const log::Log& log_;
  mutable Mutex mutex_;
  mutable std::map<Key, Pin> pins_ MEDFLYT_GUARDED_BY(mutex_);  // what was read of the store, and what came since
};

}  // namespace medflyt::exchange
