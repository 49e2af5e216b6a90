#include "server/privacy/disclosed_keys.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "server/log/sealed_row.h"

namespace medflyt::privacy {
namespace {

constexpr uint8_t kVersion = 1;
constexpr std::string_view kPurpose = "medflyt/v1/disclosed-keys";
constexpr std::string_view kAfterwards = "medflyt/v1/disclosed-of-erased";

std::string RowKeyOf(const crypto::Key& key, const CaseId& case_id) {
  return std::string("k").append(crypto::KeyedHash(key, "medflyt/v1/disclosed-case", {case_id.bytes()}).bytes());
}
std::string AfterwardsRowKey(const CaseId& erasure) { return std::string("d").append(erasure.bytes()); }

absl::Status Malformed() {
  return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "disclosed_keys", "a stored row does not parse");
}

// The case's local key. Nothing where there is none: nothing was ever kept here under it, or it is erased.
absl::StatusOr<std::optional<keys::DataKey>> FindKey(log::Appender& appender, const CaseId& case_id) {
  auto key = appender.keys().Find(keys::LocalKeyOf(case_id, appender.state().self()));
  if (absl::IsNotFound(key.status())) return std::optional<keys::DataKey>();
  MEDFLYT_RETURN_IF_ERROR(key.status());
  return std::optional<keys::DataKey>(*std::move(key));
}

absl::StatusOr<std::vector<DisclosedKey>> ReadRow(log::Appender& appender, const CaseId& case_id) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto key, FindKey(appender, case_id));
  if (!key) return std::vector<DisclosedKey>();
  const std::string row_key = RowKeyOf(key->key, case_id);
  MEDFLYT_ASSIGN_OR_RETURN(const auto value, appender.FindIndex(row_key));
  if (!value) return std::vector<DisclosedKey>();
  const auto row = log::OpenRow(key->key, kPurpose, row_key, *value);
  if (!row.ok()) return Malformed();
  return DecodeDisclosed(*row);
}

}  // namespace

absl::StatusOr<std::set<crypto::Hash>> RememberDisclosed(log::Appender& appender, RandomSource& random,
                                                         const CaseId& case_id, const crypto::Hash& certificate,
                                                         const std::vector<OpenedEvent>& events) {
  const AuthorityId self = appender.state().self();
  const bool is_held = appender.state().UseOf(case_id).has_value();
  MEDFLYT_ASSIGN_OR_RETURN(std::vector<DisclosedKey> given, ReadRow(appender, case_id));
  std::set<crypto::Hash> known;
  for (const DisclosedKey& each : given) {
    if (each.certificate == certificate) known.insert(each.leaf_hash);
  }
  const size_t before = given.size();
  std::set<crypto::Hash> erased;
  for (const OpenedEvent& event : events) {
    const auto purpose = appender.keys().PurposeOf(event.key_id);
    if (absl::IsNotFound(purpose.status())) {
      erased.insert(event.leaf_hash);
      continue;
    }
    MEDFLYT_RETURN_IF_ERROR(purpose.status());
    if (!is_held || purpose->retention != event::RetentionClass::kCase) continue;
    if (!known.insert(event.leaf_hash).second) continue;
    given.push_back({event.leaf_hash, purpose->issuer == self ? purpose->recipient : purpose->issuer, certificate,
                     appender.facts().today});
  }
  if (given.size() == before) return erased;
  bool created = false;
  MEDFLYT_ASSIGN_OR_RETURN(const keys::DataKey key,
                           appender.keys().FindOrCreate(keys::LocalKeyOf(case_id, self), appender.batch(), created));
  const std::string row_key = RowKeyOf(key.key, case_id);
  appender.PutIndex(row_key, log::SealRow(key.key, random, kPurpose, row_key, EncodeDisclosed(given)));
  return erased;
}

absl::StatusOr<std::vector<DisclosedKey>> DisclosedOf(log::Appender& appender, const std::set<CaseId>& cases) {
  std::vector<DisclosedKey> all;
  for (const CaseId& id : cases) {
    MEDFLYT_ASSIGN_OR_RETURN(const std::vector<DisclosedKey> given, ReadRow(appender, id));
    all.insert(all.end(), given.begin(), given.end());
  }
  return all;
}

absl::Status ForgetDisclosed(log::Appender& appender, const std::set<CaseId>& cases) {
  for (const CaseId& id : cases) {
    MEDFLYT_ASSIGN_OR_RETURN(const auto key, FindKey(appender, id));
    if (!key) continue;
    const std::string row_key = RowKeyOf(key->key, id);
    MEDFLYT_ASSIGN_OR_RETURN(const auto row, appender.FindIndex(row_key));
    if (row) appender.DeleteIndex(row_key);
  }
  return absl::OkStatus();
}

absl::Status KeepDisclosed(log::Appender& appender, RandomSource& random, const CaseId& erasure,
                           std::vector<DisclosedKey> disclosed) {
  if (disclosed.empty()) return absl::OkStatus();
  bool created = false;
  MEDFLYT_ASSIGN_OR_RETURN(
      const keys::DataKey key,
      appender.keys().FindOrCreate(keys::OwnKeyOf(appender.state().self()), appender.batch(), created));
  const size_t kept = std::min(disclosed.size(), kMaxKeptDisclosed);
  std::string row;
  AppendU32(row, static_cast<uint32_t>(disclosed.size() - kept));
  disclosed.resize(kept);
  row.append(EncodeDisclosed(disclosed));
  const std::string row_key = AfterwardsRowKey(erasure);
  appender.PutIndex(row_key, log::SealRow(key.key, random, kAfterwards, row_key, row));
  return absl::OkStatus();
}

absl::StatusOr<KeptDisclosed> KeptDisclosedOf(log::Appender& appender, const CaseId& erasure) {
  const std::string row_key = AfterwardsRowKey(erasure);
  MEDFLYT_ASSIGN_OR_RETURN(const auto value, appender.FindIndex(row_key));
  if (!value) return KeptDisclosed();
  MEDFLYT_ASSIGN_OR_RETURN(const keys::DataKey key, appender.keys().Find(keys::OwnKeyOf(appender.state().self())));
  const auto row = log::OpenRow(key.key, kAfterwards, row_key, *value);
  if (!row.ok()) return Malformed();
  ByteReader reader(*row);
  const auto left = reader.U32();
  if (!left) return Malformed();
  KeptDisclosed kept;
  MEDFLYT_ASSIGN_OR_RETURN(kept.keys, DecodeDisclosed(std::string_view(*row).substr(sizeof *left)));
  kept.left = *left;
  return kept;
}

std::string EncodeDisclosed(const std::vector<DisclosedKey>& keys) {
  std::string row(1, static_cast<char>(kVersion));
  for (const DisclosedKey& each : keys) {
    row.append(each.leaf_hash.bytes());
    AppendU32(row, each.with.number());
    row.append(each.certificate.bytes());
    AppendU32(row, static_cast<uint32_t>(DaysSinceEpoch(each.on)));
  }
  return row;
}

absl::StatusOr<std::vector<DisclosedKey>> DecodeDisclosed(std::string_view row) {
  ByteReader reader(row);
  const auto version = reader.U8();
  if (!version || *version != kVersion) return Malformed();
  std::vector<DisclosedKey> keys;
  while (!reader.empty()) {
    const auto leaf_hash = reader.Take(crypto::Hash::kSize);
    const auto number = reader.U32();
    const auto certificate = reader.Take(crypto::Hash::kSize);
    const auto days = reader.U32();
    const auto with = number ? AuthorityId::FromNumber(*number) : std::nullopt;
    const auto on = days ? DateOfEpochDays(*days) : std::nullopt;
    if (!leaf_hash || !with || !certificate || !on) return Malformed();
    keys.push_back({*crypto::Hash::FromBytes(*leaf_hash), *with, *crypto::Hash::FromBytes(*certificate), *on});
  }
  return keys;
}

}  // namespace medflyt::privacy
