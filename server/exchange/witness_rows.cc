#include "server/exchange/witness_rows.h"

#include <optional>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/tlog/checkpoint.h"

namespace medflyt::exchange {
namespace {

constexpr uint8_t kRowVersion = 1;

absl::Status Malformed() {
  return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "cosigned", "a row of witnessing does not parse");
}

std::string Versioned() { return std::string(1, static_cast<char>(kRowVersion)); }

absl::StatusOr<CosignedHead> HeadOf(std::string_view note, std::string_view origin) {
  const auto checkpoint = tlog::StatedCheckpoint(note);
  if (!checkpoint.ok()) return Malformed();
  if (checkpoint->origin() != origin) return CosignedHead();
  return CosignedHead{checkpoint->size(), std::string(note)};
}

}  // namespace

std::string WitnessedKey(std::string_view origin) { return std::string(kWitnessedPrefix).append(origin); }

std::string CosignedByKey(AuthorityId peer) {
  std::string key = "cosigned-by";
  AppendU32(key, peer.number());
  return key;
}

std::string ClosedCosignedKey(std::string_view origin) { return std::string("cosigned-of").append(origin); }

std::string EncodeWitnessed(const WitnessedHead& witnessed) {
  std::string value = Versioned();
  AppendU64(value, witnessed.head.size.value());
  value.append(witnessed.head.root.bytes());
  AppendU64(value, static_cast<uint64_t>(absl::ToUnixMicros(witnessed.at)));
  return value.append(witnessed.note);
}

std::string EncodeCosignedBy(const PeersCosignature& cosignature) {
  std::string value = Versioned();
  AppendU64(value, static_cast<uint64_t>(absl::ToUnixSeconds(cosignature.at)));
  return value.append(cosignature.head.note);
}

std::string EncodeCosigned(const CosignedHead& head) { return Versioned().append(head.note); }

absl::StatusOr<WitnessedHead> DecodeWitnessed(std::string_view value) {
  ByteReader reader(value);
  const auto version = reader.U8();
  const auto size = reader.U64();
  const auto root = reader.Take(crypto::Hash::kSize);
  const auto micros = reader.U64();
  if (!version || *version != kRowVersion || !size || !root || !micros || reader.empty()) return Malformed();
  return WitnessedHead{{TreeSize(*size), *crypto::Hash::FromBytes(*root)},
                       absl::FromUnixMicros(static_cast<int64_t>(*micros)),
                       std::string(reader.rest())};
}

absl::StatusOr<PeersCosignature> DecodeCosignedBy(std::string_view value, std::string_view origin) {
  ByteReader reader(value);
  const auto version = reader.U8();
  const auto seconds = reader.U64();
  if (!version || *version != kRowVersion || !seconds) return Malformed();
  MEDFLYT_ASSIGN_OR_RETURN(CosignedHead head, HeadOf(reader.rest(), origin));
  return PeersCosignature{std::move(head), absl::FromUnixSeconds(static_cast<int64_t>(*seconds))};
}

absl::StatusOr<CosignedHead> DecodeCosigned(std::string_view value, std::string_view origin) {
  ByteReader reader(value);
  const auto version = reader.U8();
  if (!version || *version != kRowVersion) return Malformed();
  return HeadOf(reader.rest(), origin);
}

}  // namespace medflyt::exchange
