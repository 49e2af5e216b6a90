// Events as clients are shown them, out of the durable log. Reads the store: on a worker's thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/directory/directory.h"
#include "common/directory/identity.h"
#include "common/event/command.h"
#include "medflyt/v1/municipality_service.pb.h"
#include "server/exchange/kept.h"
#include "server/keys/key_table.h"
#include "server/log/log.h"

namespace medflyt::service {

using DirectorySource = std::function<directory::Directory()>;  // thread-safe

// Thread-safe.
class EventReader {
 public:
  // Borrows log and keys.
  EventReader(AuthorityId self, const log::Log& log, const keys::KeyTable& keys, DirectorySource directory)
      : self_(self), log_(log), keys_(keys), directory_(std::move(directory)) {}

  // NOT_FOUND (EVENT_UNKNOWN). Adds to `named` the citizens' cases that it names; none of what cannot be read.
  [[nodiscard]] absl::StatusOr<v1::EventView> View(const EventId& id, std::set<CaseId>* named = nullptr) const;
  // What a dispute of the event needs to know of it. NOT_FOUND (EVENT_UNKNOWN), FAILED_PRECONDITION (EVENT_ERASED: its
  // key is destroyed; EVENT_NOT_DISPUTABLE: it cannot be read).
  [[nodiscard]] absl::StatusOr<event::LoggedEvent> Logged(const EventId& id) const;
  // The proof of the event's entry in its issuer's log: for an event of our own under the newest checkpoint of that log
  // that peers have cosigned, else under its last one; for a received one under the checkpoint that it came with, which
  // nobody had cosigned. NOT_FOUND (EVENT_UNKNOWN).
  struct Proven {
    v1::GetEventProofResponse response;
    std::optional<log::EventLocation> from_peer;  // whose node may have a better one
  };
  [[nodiscard]] absl::StatusOr<Proven> Proof(const EventId& id) const;

 private:
  friend class EventScan;
  friend class CaseReader;
  friend class AccessReader;
  friend class IncidentReader;
  // An entry, and what is known of it without its key.
  struct Found {
    std::string entry;
    KeyId key_id;
    std::string origin;
    LeafIndex index;
    std::string refused_rule;
    log::Position position;  // of the entry, or of our record of it
    bool own = false;
    absl::Time received_at = absl::InfinitePast();  // of a received event: when our record of it was made
  };
  [[nodiscard]] absl::StatusOr<log::EventLocation> Locate(const EventId& id) const;
  [[nodiscard]] absl::StatusOr<Found> Find(const log::EventLocation& location) const;
  // Where it is not, it was received; those of our own that came back from peers, too.
  [[nodiscard]] bool IsInOwnLog(const log::EventLocation& location) const {
    return location.issuer == self_ && location.number.value() == 0;
  }
  // Of an entry of our own.
  [[nodiscard]] Found Own(log::Position at, std::string_view entry, const KeyId& key_id) const;
  // Adds the events of the issuer, ourselves as to those that came back from peers, that are sealed under one of the
  // keys and whose records stand among the entries [first, end).
  [[nodiscard]] absl::Status FindReceived(AuthorityId issuer, const std::set<KeyId>& keys, log::Position first,
                                          log::Position end, std::vector<Found>& found) const;
  // `named` as of View.
  [[nodiscard]] absl::StatusOr<v1::EventView> ViewOf(const Found& found, std::set<CaseId>* named = nullptr) const;
  [[nodiscard]] absl::Status AddDelivery(const EventId& id, const v1::Content& content, v1::EventView& view) const;

  const AuthorityId self_;
  const log::Log& log_;
  const keys::KeyTable& keys_;
  const DirectorySource directory_;
};

// Goes through the log from a position on. One thread at a time.
class EventScan {
 public:
  struct Page {
    std::vector<v1::WatchEventsResponse> responses;
    std::set<CaseId> cases;  // citizens', that its events name
  };

  EventScan(const EventReader& reader, log::Position from) : reader_(reader), next_(from) {}

  // What the next entries of the log hold, at most `entries` of them: one response for each event that is shown, and
  // one without an event where the position moved on beyond it. Empty when nothing durable is left.
  [[nodiscard]] absl::StatusOr<Page> Next(size_t entries);
  [[nodiscard]] log::Position next() const { return next_; }

 private:
  // The kept entry of a record of receipt; nothing where it was recorded again in a later log.
  [[nodiscard]] absl::StatusOr<std::optional<EventReader::Found>> Received(log::Position position,
                                                                           const std::string& record);
  // Whose log has this origin: as the directory says, else whoever's kept rows name the record that stands there.
  // Nothing where none does any more.
  [[nodiscard]] absl::StatusOr<std::optional<AuthorityId>> IssuerOf(const std::string& origin, log::Position position);
  // The number of the issuer's event that was recorded there; another where there is none.
  [[nodiscard]] absl::StatusOr<PairNumber> NumberAt(AuthorityId issuer, log::Position position) const;

  struct Cursor {
    PairNumber number;  // of the event that was found last
    exchange::KeptRow row;
    v1::EventBatch batch;
  };
  [[nodiscard]] absl::Status Load(AuthorityId issuer, PairNumber number, Cursor& cursor) const;
  // To the next number; false where the record that stands there is not this one: events were recorded again meanwhile.
  [[nodiscard]] absl::StatusOr<bool> Advance(AuthorityId issuer, log::Position position, Cursor& cursor) const;

  const EventReader& reader_;
  log::Position next_;
  std::map<AuthorityId, Cursor> cursors_;
  std::map<std::string, AuthorityId> departed_;  // by the origins that the directory has no more
};

}  // namespace medflyt::service
