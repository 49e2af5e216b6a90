#include "server/log/state_rows.h"

#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/seal.h"

namespace medflyt::log {
namespace {

using domain::RowKey;
using domain::RowKind;
using store::Table;

constexpr uint8_t kVersion = 1;
constexpr size_t kPadding = 256;

std::string Encode(const RowKey& key) { return std::string(1, static_cast<char>(key.kind)).append(key.id.bytes()); }

std::optional<RowKey> Decode(std::string_view bytes) {
  if (bytes.size() != 1 + CaseId::kSize) return std::nullopt;
  return RowKey{static_cast<RowKind>(bytes[0]), *CaseId::FromBytes(bytes.substr(1))};
}

std::string AssociatedData(std::string_view row_key) { return std::string("medflyt/v1/state").append(row_key); }

// Rows of one citizen, which are erased with the keys of their case.
bool IsPersonal(RowKind kind) {
  return kind == RowKind::kEnrolment || kind == RowKind::kRelocation || kind == RowKind::kTransfer ||
         kind == RowKind::kGround || kind == RowKind::kDisputes;
}

absl::Status Malformed() {
  return RuleError(absl::StatusCode::kDataLoss, "STATE_ROW_MALFORMED", "state",
                   "a stored row of the state does not open");
}

// The row's bytes, out of its padded plaintext.
std::optional<std::string_view> Unpad(std::string_view padded) {
  ByteReader reader(padded);
  const auto length = reader.U32();
  if (!length) return std::nullopt;
  return reader.Take(*length);
}

}  // namespace

keys::KeyPurpose StateRows::PurposeOf(const RowKey& key) const {
  return {IsPersonal(key.kind) ? key.id : CaseId(), self_, self_, event::RetentionClass::kCase};
}

absl::Status StateRows::Stage(const domain::RowChange& change, store::Batch& batch) const {
  const std::string row_key = Encode(change.key);
  if (!change.value) {
    batch.Delete(Table::kState, row_key);
    return absl::OkStatus();
  }
  std::string padded;
  padded.reserve(change.value->size() + kPadding + sizeof(uint32_t));
  AppendU32(padded, static_cast<uint32_t>(change.value->size()));
  padded.append(*change.value);
  padded.resize((padded.size() + kPadding - 1) / kPadding * kPadding, '\0');

  bool created = false;
  MEDFLYT_ASSIGN_OR_RETURN(const keys::DataKey key, keys_.FindOrCreate(PurposeOf(change.key), batch, created));
  const auto nonce = random_.NewId<crypto::Nonce>();
  std::string value(1, static_cast<char>(kVersion));
  value.append(nonce.bytes()).append(crypto::Seal(key.key, nonce, AssociatedData(row_key), padded));
  crypto::Wipe(padded);
  batch.Put(Table::kState, row_key, value);
  return absl::OkStatus();
}

absl::Status StateRows::Load(const store::Reader& store, domain::State& state) const {
  absl::Status status;
  MEDFLYT_RETURN_IF_ERROR(store.Scan(Table::kState, store::KeyRange::All(), store::Order::kAscending,
                                     [&](std::string_view key_bytes, std::string_view value) {
                                       const auto key = Decode(key_bytes);
                                       ByteReader reader(value);
                                       const auto version = reader.U8();
                                       const auto nonce = reader.Take(crypto::Nonce::kSize);
                                       status = Malformed();
                                       if (!key || !version || *version != kVersion || !nonce)
                                         return store::Step::kStop;
                                       const auto data_key = keys_.Find(PurposeOf(*key));
                                       if (absl::IsNotFound(data_key.status()) && IsPersonal(key->kind)) {
                                         status = absl::OkStatus();
                                         return store::Step::kContinue;
                                       }
                                       if (!data_key.ok()) return store::Step::kStop;
                                       auto opened = crypto::Open(data_key->key, *crypto::Nonce::FromBytes(*nonce),
                                                                  AssociatedData(key_bytes), reader.rest());
                                       if (!opened.ok()) return store::Step::kStop;
                                       const auto row = Unpad(*opened);
                                       if (!row) return store::Step::kStop;
                                       status = state.LoadRow(*key, *row);
                                       crypto::Wipe(*opened);
                                       return status.ok() ? store::Step::kContinue : store::Step::kStop;
                                     }));
  return status;
}

}  // namespace medflyt::log
