// Everything about a peer's batch that can be checked beside the sequencer: proofs, grants, seals, content, openings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/directory/directory.h"
#include "common/directory/identity.h"
#include "common/entry/batch.h"
#include "common/event/event.h"
#include "common/registry/cpr_number.h"
#include "common/registry/number_range.h"
#include "common/tlog/tlog_proof.h"
#include "common/wire/content.h"
#include "common/wire/ledger.h"
#include "medflyt/v1/exchange.pb.h"
#include "server/keys/exchange_keys.h"
#include "server/keys/key_table.h"
#include "server/log/log_reader.h"

namespace medflyt::exchange {

// The announcement that travelled beside a TransferRequested, opened and proven.
struct OpenedAnnouncement {
  event::AnnouncementVerified verified;  // but same_citizen, which needs the state
  registry::CprNumber cpr;
  // Of the announcer's log, under which it was proven; provisional until it is consistent with what we accept of it.
  entry::AcceptedHead head;
  tlog::TlogProof proof;  // under that head
};

struct CheckedEvent {
  size_t position = 0;  // among the batch's entries
  PairNumber number;
  EventId id;
  event::AnnouncementRef stands_at;   // in the issuer's log
  KeyId key_id;                       // that it was opened with, where it was
  std::optional<event::Event> event;  // none: it cannot be read, for the reason `refused`
  std::string refused;                // a rule: the event consumes its number and has no effect
  std::optional<OpenedAnnouncement> announcement;
};

struct CheckedKey {
  keys::DataKey key;
  keys::KeyPurpose purpose;
};

// What the key of an event must be for: its own case, pair and retention class.
[[nodiscard]] keys::KeyPurpose PurposeOf(const event::Event& event);

struct CheckedBatch {
  entry::AcceptedHead head;          // of the issuer's log
  std::vector<CheckedEvent> events;  // of consecutive numbers
  std::vector<CheckedKey> keys;      // granted, and not known yet
  // The events end where one begins that this program is too old to read, or whose announcement is; this is the rule.
  // Empty: all are there.
  std::string paused;
};

// One thread at a time.
class BatchChecker {
 public:
  struct Parts {
    AuthorityId self;
    AuthorityId issuer;
    const log::LogReader& reader;
    const keys::KeyTable& keys;
    const keys::ExchangeKeys& exchange_keys;
    std::span<const registry::NumberRange> refused_numbers;
    // Receipts of ours say what was taken of it, and whoever calls goes by them. What no key is held or granted for is
    // refused (KEY_MISSING) instead of asked for: it may be erased at its issuer. An announcement under a head behind
    // the end that a closed log has by now is opened as it was then: by the key that signed the head. A request whose
    // announcement cannot be opened any more, for whatever reason, is neither a fault nor refused: it has none.
    bool receipted = false;
    // Keys that are not held and came apart from grants; what proves one is that an event opens with it.
    std::span<const keys::DataKey> given = {};
    // Places among the entries: only these are looked at, and have the numbers next, next + 1, …. Empty: all events.
    std::span<const uint32_t> only = {};
  };
  explicit BatchChecker(const Parts& parts) : parts_(parts) {}

  // An error is a protocol fault: the batch consumes no number. Beside the errors of entry::VerifyBatch and
  // entry::OpenGrant:
  //   KEY_MISSING, EXCHANGE_KEY_DESTROYED                   with `missing_keys`: to be granted again
  //   KEY_COMMITMENT_MISMATCH, KEY_ID_REUSED, GRANT_NOT_LOGGED, GRANT_FOREIGN, RECORD_UNEXPECTED
  //   ISSUER_FOREIGN, RECIPIENT_FOREIGN, NUMBER_GAP         by an event's content; `next` is the number to be expected
  //   OPENING_MISSING, OPENING_INVALID, OPENING_FOREIGN     of a TransferRequested, whose opening was altered: for no
  //                                                         event of the batch, not to be opened, of another entry
  // What an event that is proven and has its key says wrongly is no error: it is refused. So is one that names a
  // refused number (TEST_NUMBER_IN_PRODUCTION): nobody has the right to state anything of somebody who does not exist.
  // So is one under a key that was destroyed here (KEY_DESTROYED), whoever grants it anew: what was erased stays so.
  // So is a TransferRequested
  // that no opening can ever bear out: OPENING_MISSING where the issuer has none, OPENING_FOREIGN where the log that it
  // names is unknown, or closed below the head under which the entry is proven, or the entry that it names is not such
  // an announcement.
  [[nodiscard]] absl::StatusOr<CheckedBatch> Check(const v1::EventBatch& batch, std::string_view origin,
                                                   const entry::AcceptedHead& accepted, PairNumber next,
                                                   const directory::Directory& directory,
                                                   std::vector<KeyId>& missing_keys);

 private:
  struct Granted;
  [[nodiscard]] absl::StatusOr<std::vector<Granted>> OpenGrants(const v1::EventBatch& batch, std::string_view origin,
                                                                const std::vector<wire::KeyGranted>& logged,
                                                                std::vector<KeyId>& missing_keys) const;
  [[nodiscard]] absl::Status Read(const entry::VerifiedEntry& entry, std::string_view origin,
                                  const std::vector<Granted>& granted, CheckedEvent& out,
                                  std::vector<KeyId>& missing_keys);
  [[nodiscard]] absl::Status Number(std::vector<CheckedEvent>& events, PairNumber next) const;
  // Sets the announcement, or the rule by which the request is refused.
  [[nodiscard]] absl::Status OpenAnnouncement(const event::TransferRequested& request, const v1::EventBatch& batch,
                                              std::span<const entry::VerifiedEntry> entries,
                                              const directory::Directory& directory, CheckedEvent& out);

  const Parts parts_;
  wire::ContentCodec content_;
  wire::LedgerCodec ledger_;
};

}  // namespace medflyt::exchange
