#include "server/log/state_rows.h"

#include <optional>
#include <string>
#include <string_view>

#include "common/base/status.h"
#include "common/crypto/secret.h"
#include "server/log/sealed_row.h"

namespace medflyt::log {
namespace {

using domain::RowKey;
using domain::RowKind;
using store::Table;

constexpr std::string_view kPurpose = "medflyt/v1/state";

std::string Encode(const RowKey& key) { return std::string(1, static_cast<char>(key.kind)).append(key.id.bytes()); }

std::optional<RowKey> Decode(std::string_view bytes) {
  if (bytes.size() != 1 + CaseId::kSize) return std::nullopt;
  return RowKey{static_cast<RowKind>(bytes[0]), *CaseId::FromBytes(bytes.substr(1))};
}

// Rows of one citizen, which are erased with the keys of their case.
bool IsPersonal(RowKind kind) {
  return kind == RowKind::kEnrolment || kind == RowKind::kRelocation || kind == RowKind::kTransfer ||
         kind == RowKind::kGround || kind == RowKind::kDisputes;
}

absl::Status Malformed() {
  return RuleError(absl::StatusCode::kDataLoss, "STATE_ROW_MALFORMED", "state",
                   "a stored row of the state does not open");
}

}  // namespace

keys::KeyPurpose StateRows::PurposeOf(const RowKey& key) const {
  return keys::LocalKeyOf(IsPersonal(key.kind) ? key.id : CaseId(), self_);
}

absl::Status StateRows::Stage(const domain::RowChange& change, store::Batch& batch) const {
  const std::string row_key = Encode(change.key);
  if (!change.value) {
    batch.Delete(Table::kState, row_key);
    return absl::OkStatus();
  }
  bool created = false;
  MEDFLYT_ASSIGN_OR_RETURN(const keys::DataKey key, keys_.FindOrCreate(PurposeOf(change.key), batch, created));
  batch.Put(Table::kState, row_key, SealRow(key.key, random_, kPurpose, row_key, *change.value));
  return absl::OkStatus();
}

absl::Status StateRows::Load(const store::Reader& store, domain::State& state) const {
  absl::Status status;
  MEDFLYT_RETURN_IF_ERROR(store.Scan(Table::kState, store::KeyRange::All(), store::Order::kAscending,
                                     [&](std::string_view key_bytes, std::string_view value) {
                                       const auto key = Decode(key_bytes);
                                       status = Malformed();
                                       if (!key) return store::Step::kStop;
                                       const auto data_key = keys_.Find(PurposeOf(*key));
                                       if (absl::IsNotFound(data_key.status()) && IsPersonal(key->kind)) {
                                         status = absl::OkStatus();
                                         return store::Step::kContinue;
                                       }
                                       if (!data_key.ok()) return store::Step::kStop;
                                       auto row = OpenRow(data_key->key, kPurpose, key_bytes, value);
                                       if (!row.ok()) return store::Step::kStop;
                                       status = state.LoadRow(*key, *row);
                                       crypto::Wipe(*row);
                                       return status.ok() ? store::Step::kContinue : store::Step::kStop;
                                     }));
  return status;
}

}  // namespace medflyt::log
