// Which keys of a peer's log this node goes by. The peer's card names them, and whoever may write the folder of the
// cards could name others: so the keys that were accepted are pinned here, and a card can only add to them what the key
// before has signed over (entry/handover.h), or what two officers admit (admission.h).
//
//   kMeta 'log-keys' ‖ u32 peer ‖ SHA-256 of the origin (32)   ->  version 1 (u8) ‖ for each key, in the card's order:
//                                                                 u64 tree size that it signs from ‖ u16 length ‖
//                                                                 verifier key
//   kMeta 'known-logs' ‖ u32 peer                              ->  version 1 (u8) ‖ for each log: SHA-256 of its origin
//
// The first contact with a peer trusts the card. The first commit that takes a batch or a receipt of it pins the log
// that proved it, with the very keys that did, and the earlier logs of the same card with it: they are its known logs.
// An earlier log that a later card names is none of them, and needs two officers like a later one (admitted.h). A log
// that was cosigned is pinned, too, and is not known by that; one that a recovery takes over is both. Of what stands
// opened beside another peer's event the announcer's log is believed by these rules, and not pinned by it.
//
// A store from before there were such rows takes those of the card that is there at the start, or when the peer is met
// first, up to the log that is exchanged with.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
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

struct LogKeys {
  std::string origin;
  PinnedKeys keys;
};
// The logs of a peer's card up to one that was believed, which is the last; with the keys by which it was. None of our
// own logs, or of one that is in no card.
struct Believed {
  AuthorityId peer;
  std::vector<LogKeys> logs = {};
};

[[nodiscard]] std::string KnownLogsKey(AuthorityId peer);
// By the SHA-256 of their origins.
[[nodiscard]] std::string EncodeKnownLogs(const std::set<crypto::Hash>& logs);
// DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::StatusOr<std::set<crypto::Hash>> DecodeKnownLogs(std::string_view value);

// Thread-safe. Borrows the log.
class LogKeyPins {
 public:
  explicit LogKeyPins(const log::Log& log) : log_(log) {}

  // Reads which logs of this peer are known, once; where the store does not say it, and something was taken of the
  // peer, they are those of its card. DATA_LOSS (ROW_MALFORMED), the errors of the store.
  [[nodiscard]] absl::Status Recall(const directory::Authority& card) const MEDFLYT_EXCLUDES(mutex_);
  // Whether the log was in the card up to the one that something was taken of first. After Recall.
  [[nodiscard]] bool IsKnown(AuthorityId peer, std::string_view origin) const MEDFLYT_EXCLUDES(mutex_);

  // Whether this log of the card has the keys that are pinned, where any are, and beyond them only such as were handed
  // over to, which are pinned from then on. FAILED_PRECONDITION (LOG_KEY_NOT_HANDED_OVER); the errors of Recall. The
  // store is read until the log is pinned.
  [[nodiscard]] absl::Status Check(const directory::Authority& card, const directory::Log& shown) const
      MEDFLYT_EXCLUDES(mutex_);

  // Called where a batch or a receipt is applied that was proven by what was believed: it is pinned, and at the first
  // time the logs before it. What of the peer's pins is not written yet goes into the same commit.
  void StageTaken(const Believed& by, store::Batch& batch) MEDFLYT_EXCLUDES(mutex_);
  // The same for a log that a recovery takes over, as receipts of our own say that it was taken before: it is known
  // from then on, too, whoever had admitted it. After Recall.
  void StageTakenOver(const Believed& by, store::Batch& batch) MEDFLYT_EXCLUDES(mutex_);
  // Called where it is applied that a head of the log was cosigned: that log alone.
  void StageCosigned(const Believed& by, store::Batch& batch) MEDFLYT_EXCLUDES(mutex_);
  // What of all peers' pins is not written yet.
  void StageUnwritten(store::Batch& batch) MEDFLYT_EXCLUDES(mutex_);
  // Called where it is applied that two officers admit the log with just these keys.
  void Admit(AuthorityId peer, const directory::Log& shown, store::Batch& batch) MEDFLYT_EXCLUDES(mutex_);

 private:
  struct Pin {
    PinnedKeys keys;
    bool written = false;  // in a commit that was applied
  };
  struct Known {
    std::set<crypto::Hash> logs;
    bool written = false;
  };
  using Key = std::pair<AuthorityId, std::string>;  // peer and origin

  // The pin that the store has.
  [[nodiscard]] absl::StatusOr<std::optional<Pin>> Read(AuthorityId peer, std::string_view origin) const;
  // Whether this log of the peer is exchanged with, or was cosigned.
  [[nodiscard]] absl::StatusOr<bool> IsProven(AuthorityId peer, std::string_view origin) const;
  [[nodiscard]] static absl::Status Follow(const directory::Log& shown, Pin& pin);
  void Take(const Believed& by) MEDFLYT_REQUIRES(mutex_);
  void StagePins(AuthorityId peer, store::Batch& batch) MEDFLYT_REQUIRES(mutex_);

  const log::Log& log_;
  mutable Mutex mutex_;
  // What was read of the store, and what came since.
  mutable std::map<Key, Pin> pins_ MEDFLYT_GUARDED_BY(mutex_);
  mutable std::map<AuthorityId, Known> known_ MEDFLYT_GUARDED_BY(mutex_);
};

// The logs of the card up to this one, with the keys that they have there; none where the card does not have this one.
// Pure; any thread.
[[nodiscard]] Believed LogsUpTo(const directory::Authority& card, std::string_view origin);

}  // namespace medflyt::exchange
