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

absl::Status LogKeyPins::Check(AuthorityId peer, const directory::Log& shown) const {
  const Key key(peer, shown.origin);
  {
    MutexLock lock(mutex_);
    const auto found = pins_.find(key);
    if (found != pins_.end() && found->second.standing != Standing::kShown) return Follow(shown, found->second);
  }
  MEDFLYT_ASSIGN_OR_RETURN(Pin read, Read(peer, shown));
  MutexLock lock(mutex_);
  Pin& pin = pins_[key];
  // Unless it was pinned meanwhile.
  if (pin.standing == Standing::kShown) pin = std::move(read);
  return Follow(shown, pin);
}

absl::StatusOr<LogKeyPins::Pin> LogKeyPins::Read(AuthorityId peer, const directory::Log& shown) const {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, log_.reader().store().Get(Table::kMeta, PinnedRowKey(peer, shown.origin)));
  if (row) {
    MEDFLYT_ASSIGN_OR_RETURN(PinnedKeys keys, DecodePinned(*row));
    return Pin{std::move(keys), Standing::kWritten};
  }
  MEDFLYT_ASSIGN_OR_RETURN(const bool known, IsKnown(peer, shown.origin));
  return Pin{KeysOf(shown), known ? Standing::kPinned : Standing::kShown};
}

absl::StatusOr<bool> LogKeyPins::IsKnown(AuthorityId peer, std::string_view origin) const {
  if (!log_.peer(peer).origin.empty()) return true;
  MEDFLYT_ASSIGN_OR_RETURN(const auto witnessed, log_.reader().store().Get(Table::kMeta, WitnessedKey(origin)));
  return witnessed.has_value();
}

absl::Status LogKeyPins::Follow(const directory::Log& shown, Pin& pin) {
  for (size_t i = 0; i < pin.keys.size(); ++i) {
    if (i < shown.keys.size() && shown.keys[i].key == pin.keys[i].key && shown.keys[i].from == pin.keys[i].from) {
      continue;
    }
    return RuleError(absl::StatusCode::kFailedPrecondition, "LOG_KEY_NOT_HANDED_OVER", "origin",
                     "the peer's card has other keys of this log than those that were accepted");
  }
  for (size_t i = pin.keys.size(); i < shown.keys.size(); ++i) {
    if (!entry::VerifyHandover(shown.keys[i - 1].key, shown.keys[i]).ok()) {
      return RuleError(absl::StatusCode::kFailedPrecondition, "LOG_KEY_NOT_HANDED_OVER", "origin",
                       "the peer's card has a key of this log that the key before did not hand it over to");
    }
  }
  if (shown.keys.size() > pin.keys.size()) pin = {KeysOf(shown), Standing::kPinned};
  return absl::OkStatus();
}

void LogKeyPins::Stage(AuthorityId peer, std::string_view origin, store::Batch& batch) {
  MutexLock lock(mutex_);
  for (auto each = pins_.lower_bound(Key(peer, "")); each != pins_.end() && each->first.first == peer; ++each) {
    Pin& pin = each->second;
    const bool taken = pin.standing == Standing::kPinned || each->first.second == origin;
    if (!taken || pin.standing == Standing::kWritten) continue;
    batch.Put(Table::kMeta, PinnedRowKey(peer, each->first.second), EncodePinned(pin.keys));
    pin.standing = Standing::kWritten;
  }
}

void LogKeyPins::Admit(AuthorityId peer, const directory::Log& shown, store::Batch& batch) {
  MutexLock lock(mutex_);
  Pin& pin = pins_[Key(peer, shown.origin)];
  pin = {KeysOf(shown), Standing::kWritten};
  batch.Put(Table::kMeta, PinnedRowKey(peer, shown.origin), EncodePinned(pin.keys));
}

}  // namespace medflyt::exchange
