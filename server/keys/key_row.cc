#include "server/keys/key_row.h"

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/seal.h"

namespace medflyt::keys {
namespace {

constexpr uint8_t kRowVersion = 1;

}  // namespace

std::string DataKeyRowKey(const KeyId& id) { return std::string(1, kDataKeyPrefix).append(id.bytes()); }

std::string DestroyedRowKey(const KeyId& id) { return std::string(1, kDestroyedPrefix).append(id.bytes()); }

std::string DestroyedRowValue() { return std::string(1, static_cast<char>(kRowVersion)); }

std::optional<KeyId> ParseDestroyedRow(std::string_view key, std::string_view value) {
  if (key.empty() || key.front() != kDestroyedPrefix || value != DestroyedRowValue()) return std::nullopt;
  return KeyId::FromBytes(key.substr(1));
}

std::string DataKeyRowHead(uint32_t generation, const KeyPurpose& purpose) {
  std::string head;
  head.push_back(static_cast<char>(kRowVersion));
  AppendU32(head, generation);
  AppendU32(head, purpose.issuer.number());
  AppendU32(head, purpose.recipient.number());
  head.push_back(static_cast<char>(purpose.retention));
  head.append(purpose.case_id.bytes());
  return head;
}

std::optional<DataKeyRow> ParseDataKeyRow(std::string_view key, std::string_view value) {
  if (key.empty() || key.front() != kDataKeyPrefix) return std::nullopt;
  const auto id = KeyId::FromBytes(key.substr(1));
  ByteReader reader(value);
  const auto version = reader.U8();
  const auto generation = reader.U32();
  const auto issuer = reader.U32();
  const auto recipient = reader.U32();
  const auto retention = reader.U8();
  const auto case_bytes = reader.Take(CaseId::kSize);
  const auto granted = reader.U8();
  if (!id || !version || *version != kRowVersion || !granted || *granted > 1) return std::nullopt;
  if (*retention < 1 || *retention > 3) return std::nullopt;
  const auto issuer_id = AuthorityId::FromNumber(*issuer);
  const auto recipient_id = AuthorityId::FromNumber(*recipient);
  if (!issuer_id || !recipient_id) return std::nullopt;
  if (reader.rest().size() != crypto::Nonce::kSize + crypto::Key::kSize + crypto::kSealOverhead) return std::nullopt;
  return DataKeyRow{*id, *generation,
                    KeyPurpose{*CaseId::FromBytes(*case_bytes), *issuer_id, *recipient_id,
                               static_cast<event::RetentionClass>(*retention)},
                    *granted == 1, reader.rest()};
}

void StageKekRotationDue(store::Batch& batch) { batch.Put(store::Table::kMeta, kKekRotationDueRow, ""); }

absl::Status KeyRowMalformed() {
  return RuleError(absl::StatusCode::kDataLoss, "KEY_ROW_MALFORMED", "keys", "a row of the key table does not parse");
}

absl::Status KekGenerationMismatch() {
  return RuleError(absl::StatusCode::kFailedPrecondition, "KEK_GENERATION_MISMATCH", "keys",
                   "the key table is wrapped under another KEK generation than the KEK file's");
}

}  // namespace medflyt::keys
