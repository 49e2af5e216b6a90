#include "server/exchange/log_key_pins.h"

#include <cstdint>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/hash.h"
#include "common/entry/handover.h"
#include "server/exchange/witness_rows.h"

namespace medflyt::exchange {
namespace {

using store::Table;

constexpr uint8_t kRowVersion = 1;

absl::Status Malformed() {
  return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "log-keys", "a row of a log's keys does not parse");
}

absl::Status NotHandedOver(std::string_view message) {
  return RuleError(absl::StatusCode::kFailedPrecondition, "LOG_KEY_NOT_HANDED_OVER", "origin", message);
}

PinnedKeys KeysOf(const directory::Log& log) {
  PinnedKeys keys;
  keys.reserve(log.keys.size());
  for (const directory::LogKey& each : log.keys) keys.push_back({each.key, each.from});
  return keys;
}

}  // namespace

std::string PinnedRowKey(AuthorityId peer, std::string_view origin) {
  std::string key = "log-keys";
  AppendU32(key, peer.number());
  return key.append(crypto::Sha256(origin).bytes());
}

std::string EncodePinned(const PinnedKeys& keys) {
  std::string value(1, static_cast<char>(kRowVersion));
  for (const PinnedKey& each : keys) {
    const std::string text = each.key.Format();
    AppendU64(value, each.from.value());
    AppendU16(value, static_cast<uint16_t>(text.size()));
    value.append(text);
  }
  return value;
}

absl::StatusOr<PinnedKeys> DecodePinned(std::string_view value) {
  ByteReader reader(value);
  const auto version = reader.U8();
  if (!version || *version != kRowVersion || reader.empty()) return Malformed();
  PinnedKeys keys;
  while (!reader.empty()) {
    const auto from = reader.U64();
    const auto length = reader.U16();
    const auto text = length ? reader.Take(*length) : std::nullopt;
    if (!from || !text) return Malformed();
    auto key = tlog::VerifierKey::Parse(*text);
    if (!key.ok()) return Malformed();
    keys.push_back({*std::move(key), TreeSize(*from)});
  }
  return keys;
}

std::string KnownLogsKey(AuthorityId peer) {
  std::string key = "known-logs";
  AppendU32(key, peer.number());
  return key;
}

std::string EncodeKnownLogs(const std::set<crypto::Hash>& logs) {
  std::string value(1, static_cast<char>(kRowVersion));
  for (const crypto::Hash& each : logs) value.append(each.bytes());
  return value;
}

absl::StatusOr<std::set<crypto::Hash>> DecodeKnownLogs(std::string_view value) {
  ByteReader reader(value);
  const auto version = reader.U8();
  if (!version || *version != kRowVersion || reader.empty()) return Malformed();
  std::set<crypto::Hash> logs;
  while (!reader.empty()) {
    const auto hash = reader.Take(crypto::Hash::kSize);
    if (!hash) return Malformed();
    logs.insert(*crypto::Hash::FromBytes(*hash));
  }
  return logs;
}

Believed LogsUpTo(const directory::Authority& card, std::string_view origin) {
  Believed believed{card.id};
  for (const directory::Log& log : card.logs) {
    believed.logs.push_back({log.origin, KeysOf(log)});
    if (log.origin == origin) return believed;
  }
  return {card.id};
}

absl::Status LogKeyPins::Recall(const directory::Authority& card) const {
  {
    MutexLock lock(mutex_);
    if (known_.contains(card.id)) return absl::OkStatus();
  }
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, log_.reader().store().Get(Table::kMeta, KnownLogsKey(card.id)));
  if (row) {
    MEDFLYT_ASSIGN_OR_RETURN(std::set<crypto::Hash> logs, DecodeKnownLogs(*row));
    MutexLock lock(mutex_);
    known_.try_emplace(card.id, Known{std::move(logs), true});
    return absl::OkStatus();
  }
  const std::string ours = log_.peer(card.id).origin;
  // Where the card does not have it, it says nothing of the logs before.
  const Believed shown = ours.empty() ? Believed{card.id} : LogsUpTo(card, ours);
  if (shown.logs.empty()) return absl::OkStatus();
  Known known;
  std::vector<std::pair<Key, Pin>> pins;
  for (const LogKeys& each : shown.logs) {
    MEDFLYT_ASSIGN_OR_RETURN(auto pin, Read(card.id, each.origin));
    known.logs.insert(crypto::Sha256(each.origin));
    pins.emplace_back(Key(card.id, each.origin), pin ? *std::move(pin) : Pin{each.keys, false});
  }
  MutexLock lock(mutex_);
  // Unless it was written meanwhile.
  if (known_.try_emplace(card.id, std::move(known)).second) {
    for (auto& [key, pin] : pins) pins_.try_emplace(std::move(key), std::move(pin));
  }
  return absl::OkStatus();
}

bool LogKeyPins::IsKnown(AuthorityId peer, std::string_view origin) const {
  MutexLock lock(mutex_);
  const auto found = known_.find(peer);
  return found != known_.end() && found->second.logs.contains(crypto::Sha256(origin));
}

absl::Status LogKeyPins::Check(const directory::Authority& card, const directory::Log& shown) const {
  MEDFLYT_RETURN_IF_ERROR(Recall(card));
  const Key key(card.id, shown.origin);
  {
    MutexLock lock(mutex_);
    if (const auto found = pins_.find(key); found != pins_.end()) return Follow(shown, found->second);
  }
  MEDFLYT_ASSIGN_OR_RETURN(auto pin, Read(card.id, shown.origin));
  if (!pin) {
    MEDFLYT_ASSIGN_OR_RETURN(const bool proven, IsProven(card.id, shown.origin));
    // Nothing that is not taken of it pins it: another card shows other keys.
    if (!proven) return absl::OkStatus();
    pin = Pin{KeysOf(shown), false};
  }
  MutexLock lock(mutex_);
  return Follow(shown, pins_.try_emplace(key, *std::move(pin)).first->second);
}

absl::StatusOr<std::optional<LogKeyPins::Pin>> LogKeyPins::Read(AuthorityId peer, std::string_view origin) const {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, log_.reader().store().Get(Table::kMeta, PinnedRowKey(peer, origin)));
  if (!row) return std::optional<Pin>();
  MEDFLYT_ASSIGN_OR_RETURN(PinnedKeys keys, DecodePinned(*row));
  return std::optional(Pin{std::move(keys), true});
}

absl::StatusOr<bool> LogKeyPins::IsProven(AuthorityId peer, std::string_view origin) const {
  if (log_.peer(peer).origin == origin) return true;
  MEDFLYT_ASSIGN_OR_RETURN(const auto witnessed, log_.reader().store().Get(Table::kMeta, WitnessedKey(origin)));
  return witnessed.has_value();
}

absl::Status LogKeyPins::Follow(const directory::Log& shown, Pin& pin) {
  for (size_t i = 0; i < pin.keys.size(); ++i) {
    if (i < shown.keys.size() && shown.keys[i].key == pin.keys[i].key && shown.keys[i].from == pin.keys[i].from) {
      continue;
    }
    return NotHandedOver("the peer's card has other keys of this log than those that were accepted");
  }
  for (size_t i = pin.keys.size(); i < shown.keys.size(); ++i) {
    if (!entry::VerifyHandover(shown.keys[i - 1].key, shown.keys[i]).ok()) {
      return NotHandedOver("the peer's card has a key of this log that the key before did not hand it over to");
    }
  }
  if (shown.keys.size() > pin.keys.size()) pin = {KeysOf(shown), false};
  return absl::OkStatus();
}

void LogKeyPins::StageTaken(const Believed& by, store::Batch& batch) {
  if (by.logs.empty()) return;
  MutexLock lock(mutex_);
  Take(by);
  StagePins(by.peer, batch);
}

void LogKeyPins::StageTakenOver(const Believed& by, store::Batch& batch) {
  if (by.logs.empty()) return;
  MutexLock lock(mutex_);
  Take(by);
  Known& known = known_[by.peer];
  if (known.logs.insert(crypto::Sha256(by.logs.back().origin)).second) known.written = false;
  StagePins(by.peer, batch);
}

void LogKeyPins::Take(const Believed& by) {
  const auto [known, first] = known_.try_emplace(by.peer);
  if (first) {
    for (const LogKeys& each : by.logs) {
      known->second.logs.insert(crypto::Sha256(each.origin));
      pins_.try_emplace(Key(by.peer, each.origin), Pin{each.keys, false});
    }
  }
  pins_.try_emplace(Key(by.peer, by.logs.back().origin), Pin{by.logs.back().keys, false});
}

void LogKeyPins::StageCosigned(const Believed& by, store::Batch& batch) {
  if (by.logs.empty()) return;
  MutexLock lock(mutex_);
  pins_.try_emplace(Key(by.peer, by.logs.back().origin), Pin{by.logs.back().keys, false});
  StagePins(by.peer, batch);
}

void LogKeyPins::StageUnwritten(store::Batch& batch) {
  MutexLock lock(mutex_);
  for (const auto& [peer, known] : known_) StagePins(peer, batch);
}

void LogKeyPins::StagePins(AuthorityId peer, store::Batch& batch) {
  for (auto each = pins_.lower_bound(Key(peer, "")); each != pins_.end() && each->first.first == peer; ++each) {
    Pin& pin = each->second;
    if (pin.written) continue;
    batch.Put(Table::kMeta, PinnedRowKey(peer, each->first.second), EncodePinned(pin.keys));
    pin.written = true;
  }
  const auto known = known_.find(peer);
  if (known == known_.end() || known->second.written) return;
  batch.Put(Table::kMeta, KnownLogsKey(peer), EncodeKnownLogs(known->second.logs));
  known->second.written = true;
}

void LogKeyPins::Admit(AuthorityId peer, const directory::Log& shown, store::Batch& batch) {
  MutexLock lock(mutex_);
  Pin& pin = pins_[Key(peer, shown.origin)];
  pin = {KeysOf(shown), true};
  batch.Put(Table::kMeta, PinnedRowKey(peer, shown.origin), EncodePinned(pin.keys));
}

}  // namespace medflyt::exchange
