// What peers hold of a log whose store lacks it, read and verified: pure but for the key tables. A log that is opened
// in its place takes it over (recovery_submission.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/directory/directory.h"
#include "common/directory/identity.h"
#include "common/entry/batch.h"
#include "common/event/bodies.h"
#include "common/event/event.h"
#include "common/registry/number_range.h"
#include "medflyt/v1/exchange.pb.h"
#include "medflyt/v1/recovery.pb.h"
#include "server/exchange/batch_check.h"
#include "server/exchange/log_key_pins.h"
#include "server/keys/exchange_keys.h"
#include "server/keys/key_table.h"
#include "server/log/log.h"

namespace medflyt::exchange {

// Where an entry of ours stands: the place of its log in the own card, and its index there. In the order of time.
struct OwnPlace {
  size_t log = 0;
  LeafIndex index;
  friend auto operator<=>(const OwnPlace&, const OwnPlace&) = default;
};

// An event of our own that the store lacks and its recipient has.
struct HeldEvent {
  OwnPlace place;
  event::AnnouncementRef stands_at;  // the same, by name
  PairNumber number;
  EventId id;
  std::optional<event::Event> event;  // none: its key is nowhere, for the reason `refused`
  std::string refused;
  size_t batch = 0;  // of PeerEvidence::held_batches
  uint32_t position = 0;
  // Where the store has what it tells again, which has had its effect: a log that is lost began with what its store had
  // issued and nobody had.
  std::optional<log::Position> tells;
};

// An event of the peer's that we had receipted and the store lacks.
struct ReturnedEvent {
  OwnPlace record;  // of our EventReceived
  CheckedEvent event;
  size_t batch = 0;  // of PeerEvidence::returned_batches
};

// The peer's receipt of events of our own that the store has no receipt for, whether it has the events or not.
struct HeldReceipt {
  PairNumber first;
  std::string kept;                                          // kept_receipt.h
  std::vector<std::pair<PairNumber, std::string>> refusals;  // rules by which some are without effect there
};

struct PeerEvidence {
  AuthorityId peer;
  PairNumber last_issued;               // that the peer has
  PairNumber as_stored;                 // the last of them that the store has issued, and nothing else under its number
  PairNumber receipted_by_us;           // last of the peer's for which it holds our receipt
  PairNumber again_from;                // of the peer's, up to the last received, to be recorded again first of all
  std::vector<HeldEvent> held;          // in the order of numbers, which is that of the log
  std::vector<ReturnedEvent> returned;  // the same
  std::vector<HeldReceipt> receipts;    // the same; together of all up to `last_issued`
  std::vector<v1::EventBatch> held_batches;
  std::vector<v1::EventBatch> returned_batches;
  std::vector<CheckedKey> keys;  // that came with them and are not held
  std::vector<KeyId> granted;    // our own keys that the peer holds
  // The log of the peer's that events of its own came back of last, with its head there. Where none came back and the
  // store knows none of its logs, the one of its last receipt: the first contact. Empty for neither.
  std::string origin;
  log::AcceptedTree by_batch;
  log::AcceptedTree by_receipt;
  // That one, and each other that what came back of the peer's stands in, in the card's order: by which keys it, and
  // those before it, were read.
  std::vector<Believed> taken_over;
};

struct EvidenceParts {
  AuthorityId self;
  // Of the log that is closed. What peers hold of ours may stand in an earlier one, too, where a copy of before a
  // recovery was restored: from the last log on that the store has entries of.
  std::string closed_origin;
  const log::Log& log;  // of which it says how far the store goes
  const keys::KeyTable& keys;
  const keys::ExchangeKeys& exchange_keys;
  const directory::Directory& directory;
  std::span<const registry::NumberRange> refused_numbers;
  LogKeyPins& log_keys;  // by which peers' keys are believed
};

// What a peer says to have no receipts for is recorded again within the next log's first commit, with the batches that
// the rows of it keep (record_again.h): no more of one peer than this many numbers, and bytes of such batches.
inline constexpr uint64_t kMaxRecordedAgain = 100'000;
inline constexpr size_t kMaxRecordedAgainBytes = size_t{64} << 20;

// FAILED_PRECONDITION (RECOVERY_EVIDENCE_INVALID) where something is missing, unproven, or not what it should be, or
// would have more recorded again than the bounds above, or where a lost log has told the peer otherwise what the store
// has still to tell it: then the copy is newer than the one which that log went on from. The message says what. Beside
// it the errors of BatchChecker::Check and of LogKeyPins::Check, of every log of the peer's card. Each message names
// the peer.
[[nodiscard]] absl::StatusOr<PeerEvidence> ReadEvidence(const EvidenceParts& parts, const v1::HeldByPeer& given);

// The highest of our own head and those that our log has signed as peers show now, or had shown before, or our own
// card's handovers do; with one signature of the log's key and no other line. FAILED_PRECONDITION
// (RECOVERY_EVIDENCE_INVALID) where the log's newest key has signed none of them; DATA_LOSS (CHECKPOINT_FOREIGN) where
// our own head is not the log's; the errors of ReadOwnLogProofs.
[[nodiscard]] absl::StatusOr<std::string> HighestCheckpoint(const EvidenceParts& parts,
                                                            std::span<const v1::HeldByPeer> given);

}  // namespace medflyt::exchange
