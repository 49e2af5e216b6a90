#include "server/exchange/batch_check.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "common/crypto/secret.h"
#include "common/entry/grant.h"
#include "common/entry/opening.h"
#include "common/entry/parse.h"
#include "common/entry/seal.h"
#include "common/event/catalogue.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/tlog_proof.h"
#include "server/exchange/context.h"
#include "server/exchange/hello.h"

namespace medflyt::exchange {
namespace {

absl::Status Fault(std::string_view rule, std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, rule, field, message);
}

// An entry that is no sealed entry has no event id. It is known by its leaf hash.
EventId IdOfUnreadable(const crypto::Hash& leaf_hash) {
  return *EventId::FromBytes(leaf_hash.bytes().substr(0, EventId::kSize));
}

// The number that an event names; null where it names none.
const registry::CprNumber* CprOf(const event::Body& body) {
  return std::visit(
      [](const auto& each) -> const registry::CprNumber* {
        if constexpr (requires { each.cpr; }) return &each.cpr;
        if constexpr (requires { each.right.cpr; }) return each.right.cpr ? &*each.right.cpr : nullptr;
        return nullptr;
      },
      body);
}

bool IsNewer(const absl::Status& status) { return absl::IsUnimplemented(status); }

// Whether an opening is for an event that is not in the batch.
bool HasStrayOpening(const v1::EventBatch& batch, std::span<const entry::VerifiedEntry> entries) {
  std::set<std::string, std::less<>> ids;
  for (const entry::VerifiedEntry& entry : entries) {
    if (const auto sealed = entry::ParseSealed(entry.bytes); sealed.ok()) ids.emplace(sealed->event_id.bytes());
  }
  return std::any_of(batch.openings().begin(), batch.openings().end(),
                     [&ids](const v1::Opening& each) { return !ids.contains(each.for_event_id()); });
}

// Whatever size its card ends the log at.
std::vector<tlog::VerifierKey> AllKeysOf(const directory::Log& log) {
  std::vector<tlog::VerifierKey> keys;
  keys.reserve(log.keys.size());
  for (const directory::LogKey& each : log.keys) keys.push_back(each.key);
  return keys;
}

}  // namespace

keys::KeyPurpose PurposeOf(const event::Event& event) {
  const event::Header& header = event.header;
  return {header.case_id, header.issuer, header.recipient, event::RightOf(event::TypeOf(event.body)).retention};
}

struct BatchChecker::Granted {
  KeyId id;
  crypto::Key key;
  bool known;  // the key table has it already
};

absl::StatusOr<CheckedBatch> BatchChecker::Check(const v1::EventBatch& batch, std::string_view origin,
                                                 const entry::AcceptedHead& accepted, PairNumber next,
                                                 const directory::Directory& directory,
                                                 std::vector<KeyId>& missing_keys) {
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::VerifierKey log_key, KeyForNote(batch.checkpoint(), origin, directory));
  MEDFLYT_ASSIGN_OR_RETURN(const entry::VerifiedBatch verified,
                           entry::VerifyBatch(batch, {origin, std::span(&log_key, 1)}, accepted));
  CheckedBatch checked;
  checked.head = {verified.head.checkpoint.size(), verified.head.checkpoint.root()};

  std::vector<size_t> sealed;  // positions
  std::vector<wire::KeyGranted> logged;
  for (size_t i = 0; i < verified.entries.size(); ++i) {
    if (verified.entries[i].key_id) {
      if (parts_.only.empty() || std::find(parts_.only.begin(), parts_.only.end(), i) != parts_.only.end()) {
        sealed.push_back(i);
      }
      continue;
    }
    auto record = ledger_.Decode(verified.entries[i].bytes);
    if (!record.ok() && IsNewer(record.status())) return record.status();
    const auto* grant = record.ok() ? std::get_if<wire::KeyGranted>(&record->record) : nullptr;
    if (grant == nullptr) return Fault("RECORD_UNEXPECTED", "entries", "a ledger record here can only be a grant's");
    logged.push_back(*grant);
  }
  MEDFLYT_ASSIGN_OR_RETURN(std::vector<Granted> granted, OpenGrants(batch, origin, logged, missing_keys));
  for (const keys::DataKey& each : parts_.given) granted.push_back({each.id, each.key, false});

  std::vector<const Granted*> staged;
  for (const size_t position : sealed) {
    CheckedEvent event;
    event.position = position;
    const absl::Status status = Read(verified.entries[position], origin, granted, event, missing_keys);
    if (IsNewer(status)) {
      checked.paused = RuleOf(status);
      break;
    }
    if (RuleOf(status) == "KEY_MISSING") {
      if (!parts_.receipted) continue;  // all that are missing are asked for at once
      missing_keys.clear();
      event.refused = "KEY_MISSING";
    } else {
      MEDFLYT_RETURN_IF_ERROR(status);
    }
    if (event.event) {
      const auto* body = std::get_if<event::TransferRequested>(&event.event->body);
      if (body != nullptr && event.refused.empty()) {
        const absl::Status opened = OpenAnnouncement(*body, batch, verified.entries, directory, event);
        if (IsNewer(opened)) {
          checked.paused = RuleOf(opened);
          break;
        }
        if (parts_.receipted) {
          event.refused.clear();  // whether it was refused our receipt says
        } else {
          MEDFLYT_RETURN_IF_ERROR(opened);
        }
      }
      const KeyId& key_id = *verified.entries[position].key_id;
      const auto key = std::find_if(granted.begin(), granted.end(),
                                    [&key_id](const Granted& each) { return each.id == key_id && !each.known; });
      if (key != granted.end() && std::find(staged.begin(), staged.end(), &*key) == staged.end()) {
        staged.push_back(&*key);
        checked.keys.push_back({{key->id, key->key}, PurposeOf(*event.event)});
      }
    }
    checked.events.push_back(std::move(event));
  }
  if (!missing_keys.empty()) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "KEY_MISSING", "key_ids",
                     "an event's key was neither granted before nor with this batch");
  }
  if (checked.events.empty()) {
    if (checked.paused.empty()) return Fault("BATCH_MALFORMED", "entries", "the batch holds no event");
    return RuleError(absl::StatusCode::kUnimplemented, checked.paused, "entries",
                     "the event is newer than this program");
  }
  MEDFLYT_RETURN_IF_ERROR(Number(checked.events, next));
  return checked;
}

absl::StatusOr<std::vector<BatchChecker::Granted>> BatchChecker::OpenGrants(const v1::EventBatch& batch,
                                                                            std::string_view origin,
                                                                            const std::vector<wire::KeyGranted>& logged,
                                                                            std::vector<KeyId>& missing_keys) const {
  std::vector<Granted> granted;
  for (const v1::SealedGrant& grant : batch.grants()) {
    const auto id = KeyId::FromBytes(grant.key_id());
    if (!id || id->is_zero()) return Fault("BATCH_MALFORMED", "grants.key_id", "a key id has 16 bytes");
    const auto record =
        std::find_if(logged.begin(), logged.end(), [&id](const wire::KeyGranted& each) { return each.key_id == *id; });
    if (record == logged.end()) return Fault("GRANT_NOT_LOGGED", "grants", "the grant's record is not in the batch");
    if (record->recipient != parts_.self) return Fault("GRANT_FOREIGN", "grants", "the key is granted to another");
    if (parts_.keys.IsDestroyed(*id)) continue;  // nobody gives back what was erased here
    if (const auto held = parts_.keys.Find(*id); held.ok()) {
      if (entry::GrantCommitment(*id, *held) != record->commitment) {
        return Fault("KEY_ID_REUSED", "grants", "another key is known by this id");
      }
      granted.push_back({*id, *held, true});
      continue;
    }
    const auto exchange_key = parts_.exchange_keys.Find(grant.exchange_epoch());
    if (!exchange_key.ok()) {
      missing_keys.push_back(*id);
      return exchange_key.status();
    }
    MEDFLYT_ASSIGN_OR_RETURN(crypto::Key key, entry::OpenGrant({origin, *id, parts_.self}, grant.sealed(),
                                                               *exchange_key, record->commitment));
    granted.push_back({*id, std::move(key), false});
  }
  return granted;
}

absl::Status BatchChecker::Read(const entry::VerifiedEntry& entry, std::string_view origin,
                                const std::vector<Granted>& granted, CheckedEvent& out,
                                std::vector<KeyId>& missing_keys) {
  out.stands_at = {std::string(origin), entry.index, entry.leaf_hash};
  const auto parsed = entry::ParseEntry(entry.bytes, ledger_);
  if (!parsed.ok() && IsNewer(parsed.status())) return parsed.status();
  const auto* sealed = parsed.ok() ? std::get_if<entry::SealedView>(&*parsed) : nullptr;
  if (sealed == nullptr) {
    if (parsed.ok()) return Fault("RECORD_UNEXPECTED", "key_ids", "a ledger record has no key");
    out.id = IdOfUnreadable(entry.leaf_hash);
    out.refused = RuleOf(parsed.status());
    return absl::OkStatus();
  }
  out.id = sealed->event_id;

  const KeyId& key_id = *entry.key_id;
  const auto grant =
      std::find_if(granted.begin(), granted.end(), [&key_id](const Granted& each) { return each.id == key_id; });
  auto key = grant != granted.end() ? absl::StatusOr<crypto::Key>(grant->key) : parts_.keys.Find(key_id);
  if (!key.ok() && parts_.keys.IsDestroyed(key_id)) {
    out.refused = "KEY_DESTROYED";
    return absl::OkStatus();
  }
  if (!key.ok()) {
    if (std::find(missing_keys.begin(), missing_keys.end(), key_id) == missing_keys.end()) {
      missing_keys.push_back(key_id);
    }
    return RuleError(absl::StatusCode::kFailedPrecondition, "KEY_MISSING", "key_ids", "the key is not known");
  }
  auto content = entry::OpenEntry(*sealed, *key, origin);
  // The key ids are beside the proven bytes: a wrong one says nothing of the event.
  if (RuleOf(content.status()) == "KEY_COMMITMENT_MISMATCH") return content.status();
  if (!content.ok()) {
    out.refused = RuleOf(content.status());
    return absl::OkStatus();
  }
  auto event = content_.Decode(*content, sealed->event_id);
  crypto::Wipe(*content);
  if (!event.ok()) {
    if (IsNewer(event.status())) return event.status();
    out.refused = RuleOf(event.status());
    return absl::OkStatus();
  }
  // Such an event has a number of another pair's, so it cannot consume one of ours.
  if (event->header.issuer != parts_.issuer) {
    return Fault("ISSUER_FOREIGN", "entries", "the event names another issuer than the sender");
  }
  if (event->header.recipient != parts_.self) {
    return Fault("RECIPIENT_FOREIGN", "entries", "the event is addressed to another");
  }
  const registry::CprNumber* cpr = CprOf(event->body);
  if (cpr != nullptr && registry::Holds(parts_.refused_numbers, *cpr)) out.refused = "TEST_NUMBER_IN_PRODUCTION";
  out.key_id = key_id;
  out.event = *std::move(event);
  return absl::OkStatus();
}

absl::Status BatchChecker::Number(std::vector<CheckedEvent>& events, PairNumber next) const {
  // An event that cannot be read has the number that its place among the others gives it.
  uint64_t first = next.value();
  const auto readable =
      std::find_if(events.begin(), events.end(), [](const CheckedEvent& event) { return event.event.has_value(); });
  if (!parts_.only.empty()) {
    // They are numbered by who gave them, and what can be read bears it out below.
  } else if (readable != events.end()) {
    const auto before = static_cast<uint64_t>(readable - events.begin());
    if (readable->event->header.number.value() <= before) return Fault("NUMBER_GAP", "number", "numbers begin at 1");
    first = readable->event->header.number.value() - before;
  } else if (const auto known = parts_.reader.Locate(events.front().id); known.ok() && known->issuer == parts_.issuer) {
    first = known->number.value();
  }
  if (first > next.value()) {
    return Fault("NUMBER_GAP", "number", "an event before this one was not received");
  }
  for (size_t i = 0; i < events.size(); ++i) {
    events[i].number = PairNumber(first + i);
    if (events[i].event && events[i].event->header.number != events[i].number) {
      return Fault("NUMBER_GAP", "number", "the numbers of the batch are not consecutive");
    }
  }
  return absl::OkStatus();
}

absl::Status BatchChecker::OpenAnnouncement(const event::TransferRequested& request, const v1::EventBatch& batch,
                                            std::span<const entry::VerifiedEntry> entries,
                                            const directory::Directory& directory, CheckedEvent& out) {
  const event::AnnouncementRef& named = request.announcement;
  const directory::Authority* announcer = directory.OfOrigin(named.origin);
  if (announcer == nullptr) {
    out.refused = "OPENING_FOREIGN";
    return absl::OkStatus();
  }
  const auto opening = std::find_if(batch.openings().begin(), batch.openings().end(),
                                    [&out](const v1::Opening& each) { return each.for_event_id() == out.id.bytes(); });
  if (opening == batch.openings().end()) {
    // An opening for no event of the batch was this one's, perhaps; without such the issuer has none to send.
    if (HasStrayOpening(batch, entries)) {
      return Fault("OPENING_MISSING", "openings", "an opening is for no event of the batch");
    }
    out.refused = "OPENING_MISSING";
    return absl::OkStatus();
  }
  const auto invalid = [](const absl::Status& why) {
    return Fault("OPENING_INVALID", "openings", std::string(why.message()));
  };

  const auto sealed = entry::ParseSealed(opening->entry());
  if (!sealed.ok()) return invalid(sealed.status());
  const auto exchange_key = parts_.exchange_keys.Find(opening->exchange_epoch());
  if (!exchange_key.ok()) return exchange_key.status();
  const auto key =
      entry::OpenEventKey({named.origin, sealed->event_id, parts_.self}, opening->sealed_event_key(), *exchange_key);
  if (!key.ok()) return invalid(key.status());
  const auto proof = tlog::TlogProof::Parse(opening->tlog_proof());
  if (!proof.ok()) return invalid(proof.status());
  const auto log_key = KeyForNote(proof->checkpoint.Serialize(), named.origin, directory);
  std::vector<tlog::VerifierKey> log_keys;
  if (log_key.ok()) log_keys = {*log_key};
  if (RuleOf(log_key.status()) == "LOG_KEY_EXPIRED" && merkle::LeafHash(opening->entry()) == named.leaf_hash) {
    log_keys = AllKeysOf(*directory.LogOf(named.origin));
    if (!tlog::OpenCheckpoint(proof->checkpoint, log_keys).ok()) return invalid(log_key.status());
    if (!parts_.receipted) {
      // Its owner's card ends the log below this head, which the log did sign: there is no other to send.
      out.refused = "OPENING_FOREIGN";
      return absl::OkStatus();
    }
  }
  if (log_keys.empty()) return invalid(log_key.status());
  const auto opened =
      entry::OpenForThirdParty(opening->entry(), *key, opening->tlog_proof(), {named.origin, log_keys}, content_);
  // Openings are beside the proven bytes: another entry than the one named says nothing of the request.
  if ((opened.ok() || IsNewer(opened.status())) && merkle::LeafHash(opening->entry()) != named.leaf_hash) {
    return Fault("OPENING_FOREIGN", "openings", "what was opened is not the entry that the request names");
  }
  // The announcement is proven, and this program is too old to read it.
  if (IsNewer(opened.status())) return opened.status();
  if (!opened.ok()) return invalid(opened.status());

  const auto* announced = std::get_if<event::RelocationAnnounced>(&opened->event.body);
  if (announced == nullptr || opened->index != named.index || opened->event.header.issuer != announcer->id) {
    out.refused = "OPENING_FOREIGN";
    return absl::OkStatus();
  }
  OpenedAnnouncement result{
      {}, announced->cpr, {opened->head.checkpoint.size(), opened->head.checkpoint.root()}, *proof};
  result.verified.announcement = named;
  result.verified.issuer = opened->event.header.issuer;
  result.verified.addressee = opened->event.header.recipient;
  result.verified.provider = announced->provider;
  result.verified.effective_date = announced->effective_date;
  out.announcement = std::move(result);
  return absl::OkStatus();
}

}  // namespace medflyt::exchange
