// What a submission may do while it is applied: read the state, append, stage rows of its own.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/event/command.h"
#include "common/event/event.h"
#include "server/domain/decide.h"
#include "server/domain/state.h"
#include "server/keys/key_table.h"
#include "server/log/layout.h"
#include "server/store/batch.h"

namespace medflyt::log {

// Valid during one Apply, on the sequencer's thread. What is appended or staged becomes durable together, with the
// commit that this submission is part of.
class Appender {
 public:
  virtual ~Appender() = default;

  [[nodiscard]] virtual const domain::State& state() const = 0;
  [[nodiscard]] virtual absl::Time now() const = 0;
  // As of now, in Danish civil time.
  [[nodiscard]] virtual const domain::Facts& facts() const = 0;

  // Decides the command, appends its events and what follows from them by rule. The events of the command come first
  // in the result. The domain's errors; then nothing was appended.
  [[nodiscard]] virtual absl::StatusOr<std::vector<IssuedEvent>> Execute(const event::Command& command) = 0;

  // Appends a peer's event: a record of its receipt, its effect, and what follows by rule. With a `refused` rule it
  // consumes its number and has no effect. `verified` is what was found in the announcement opened beside a
  // TransferRequested; it is logged, and applied, before what follows. Returns where the record stands.
  [[nodiscard]] virtual absl::StatusOr<Position> AppendReceived(
      const event::Event& event, const event::AnnouncementRef& stands_at, std::string_view refused,
      const std::optional<event::AnnouncementVerified>& verified) = 0;
  // The same for an event whose content could not be decoded: there is only its place and its id.
  [[nodiscard]] virtual Position AppendUndecodable(AuthorityId issuer, PairNumber number, const EventId& id,
                                                   const event::AnnouncementRef& stands_at,
                                                   std::string_view refused) = 0;

  // Appends the exact bytes of a ledger record (common/entry/ledger.h).
  virtual Position AppendLedger(std::string_view entry) = 0;

  // From here on what follows by rule waits until ApplyRules: then it follows from the state as it is there, and what
  // is told of already, by the word of `told`, is not issued.
  virtual void DeferRules() = 0;
  [[nodiscard]] virtual absl::Status ApplyRules(std::function<bool(const event::Draft&)> told) = 0;
  // Issues again, as the next of its pair, what an entry of a closed log says, behind a record that says so. Its effect
  // on the state it had then; what names it there names the new entry from here on. The errors of sealing and of
  // LogReader::AddressAt.
  [[nodiscard]] virtual absl::StatusOr<IssuedEvent> Reissue(event::Event event, std::string_view closed_origin,
                                                            LeafIndex closed_index) = 0;

  // The record of an event of our own that came back and that told again what an entry of a closed log says, behind
  // the same record as Reissue's. It has no effect: that one had it. What names the other names this one from here on.
  // Returns where the record of its receipt stands. The errors of LogReader::AddressAt.
  [[nodiscard]] virtual absl::StatusOr<Position> AppendToldAgain(const event::Event& event,
                                                                 const event::AnnouncementRef& stands_at,
                                                                 std::string_view closed_origin,
                                                                 LeafIndex closed_index) = 0;

  // Behind the last entry, those of this commit included.
  [[nodiscard]] virtual Position end() const = 0;
  // The events that this node issued among the entries [first, end) of one earlier Execute. FAILED_PRECONDITION
  // (EVENT_ERASED) where the key of one is gone; the reader's errors.
  [[nodiscard]] virtual absl::StatusOr<std::vector<IssuedEvent>> IssuedBetween(Position first, Position end) = 0;

  // Whether the peer has not receipted all that was issued to it of these cases, under these keys of theirs. True, too,
  // where more events wait for the peer than can be looked through here. The reader's errors.
  [[nodiscard]] virtual absl::StatusOr<bool> IsUndelivered(AuthorityId peer, const std::set<KeyId>& keys,
                                                           const std::set<CaseId>& cases) const = 0;

  // The peer's row; a change is staged.
  [[nodiscard]] virtual PeerState& peer(AuthorityId authority) = 0;

  // Whether an event with this id was issued or received, in this commit or before.
  [[nodiscard]] virtual absl::StatusOr<bool> IsKnown(const EventId& id) const = 0;
  // A kIndex row, as staged by this or an earlier submission or as stored.
  [[nodiscard]] virtual absl::StatusOr<std::optional<std::string>> FindIndex(std::string_view key) const = 0;
  virtual void PutIndex(std::string_view key, std::string_view value) = 0;
  virtual void DeleteIndex(std::string_view key) = 0;

  // For rows that only their writer reads: other tables than kIndex.
  [[nodiscard]] virtual store::Batch& batch() = 0;
  [[nodiscard]] virtual keys::KeyTable& keys() = 0;
};

}  // namespace medflyt::log
