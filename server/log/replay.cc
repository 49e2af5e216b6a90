#include "server/log/replay.h"

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "common/base/status.h"
#include "common/entry/seal.h"
#include "common/merkle/tree_hasher.h"
#include "common/wire/content.h"
#include "server/domain/decide.h"
#include "server/domain/readdress.h"

namespace medflyt::log {

absl::StatusOr<Replayed> Replay(AuthorityId self, const LogReader& reader, Position end, const keys::KeyTable& keys,
                                KeptEntrySource kept) {
  Replayed replayed{domain::State(self)};
  wire::ContentCodec contents;
  wire::LedgerCodec ledger;

  // Of the event that the next sealed entry tells again: it has had its effect.
  std::optional<domain::EventAddress> told_before;
  std::set<std::pair<std::string, LeafIndex>> received_before;
  // Opens one entry of the log `at` and applies its event.
  auto apply = [&](const StoredEntry& entry, const domain::LogPosition& at) -> absl::Status {
    const auto key = keys.Find(entry.key_id);
    if (absl::IsNotFound(key.status())) {
      ++replayed.unopened;
      return absl::OkStatus();
    }
    MEDFLYT_RETURN_IF_ERROR(key.status());
    MEDFLYT_ASSIGN_OR_RETURN(const auto sealed, entry::ParseSealed(entry.bytes));
    MEDFLYT_ASSIGN_OR_RETURN(const std::string content, entry::OpenEntry(sealed, *key, at.origin));
    MEDFLYT_ASSIGN_OR_RETURN(const event::Event event, contents.Decode(content, sealed.event_id));
    domain::Evolve(replayed.state, event, at);
    ++replayed.events;
    return absl::OkStatus();
  };

  MEDFLYT_RETURN_IF_ERROR(reader.Visit(Position(0), end, [&](Position at, std::string_view bytes, const KeyId& key_id) {
    if (!key_id.is_zero()) {
      const Generation& log = reader.generations().Of(at);
      if (told_before) {
        const auto now = reader.AddressAt(at);
        if (!now.ok()) return now.status();
        domain::Readdress(replayed.state, *std::exchange(told_before, std::nullopt), *now);
        return absl::OkStatus();
      }
      return apply({std::string(bytes), key_id}, {log.origin, log.IndexOf(at), merkle::LeafHash(bytes)});
    }
    const auto record = ledger.Decode(bytes);
    if (!record.ok()) return record.status();
    if (const auto* reissued = std::get_if<wire::EntryReissued>(&record->record)) {
      const Generation* closed = reader.generations().Find(reissued->closed_origin);
      if (closed == nullptr) return absl::DataLossError("a record names a log that the node never had");
      const auto before = reader.AddressAt(closed->At(reissued->closed_index));
      if (!before.ok()) return before.status();
      told_before = *before;
    }
    const auto* received = std::get_if<wire::EventReceived>(&record->record);
    if (received == nullptr || !received->refused_rule.empty()) return absl::OkStatus();
    // Recorded again after a recovery, so that its receipt can be proven.
    if (!received_before.emplace(received->issuer_origin, received->issuer_index).second) return absl::OkStatus();
    const auto entry = kept(*received);
    if (!entry.ok()) return entry.status();
    if (told_before) {  // in a log that was lost, and came back from it
      const auto sealed = entry::ParseSealed(entry->bytes);
      if (!sealed.ok()) return sealed.status();
      const event::AnnouncementRef now{received->issuer_origin, received->issuer_index, received->leaf_hash};
      domain::Readdress(replayed.state, *std::exchange(told_before, std::nullopt), {sealed->event_id, now});
      return absl::OkStatus();
    }
    return apply(*entry, {received->issuer_origin, received->issuer_index, received->leaf_hash});
  }));
  return replayed;
}

}  // namespace medflyt::log
