#include "server/keys/key_backup.h"

#include <limits>
#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/hash.h"
#include "server/keys/key_row.h"

namespace medflyt::keys {
namespace {

using store::KeyRange;
using store::Table;

constexpr std::string_view kMagic = "medflyt-key-backup/v1\n";

absl::Status Malformed() {
  return RuleError(absl::StatusCode::kDataLoss, "KEY_BACKUP_MALFORMED", "key_backup",
                   "the key-table backup is damaged, cut off or none");
}

std::optional<std::string_view> TakeSized(ByteReader& reader) {
  const auto size = reader.U16();
  if (!size) return std::nullopt;
  return reader.Take(*size);
}

absl::Status CheckRow(std::string_view key, std::string_view value, uint32_t kek_generation) {
  if (ParseDestroyedRow(key, value)) return absl::OkStatus();
  const auto row = ParseDataKeyRow(key, value);
  if (!row) return KeyRowMalformed();
  return row->generation == kek_generation ? absl::OkStatus() : KekGenerationMismatch();
}

}  // namespace

absl::StatusOr<std::string> ExportKeys(const store::Reader& store, uint32_t kek_generation) {
  std::string rows;
  size_t count = 0;
  for (const char prefix : {kDataKeyPrefix, kDestroyedPrefix}) {
    absl::Status status;
    MEDFLYT_RETURN_IF_ERROR(store.Scan(Table::kKeys, KeyRange::Prefix(std::string(1, prefix)), store::Order::kAscending,
                                       [&](std::string_view key, std::string_view value) {
                                         status = CheckRow(key, value, kek_generation);
                                         if (!status.ok()) return store::Step::kStop;
                                         AppendU16(rows, static_cast<uint16_t>(key.size()));
                                         rows.append(key);
                                         AppendU16(rows, static_cast<uint16_t>(value.size()));
                                         rows.append(value);
                                         ++count;
                                         return store::Step::kContinue;
                                       }));
    MEDFLYT_RETURN_IF_ERROR(status);
  }
  if (count > std::numeric_limits<uint32_t>::max()) return absl::ResourceExhaustedError("too many keys for one backup");
  std::string file(kMagic);
  AppendU32(file, kek_generation);
  AppendU32(file, static_cast<uint32_t>(count));
  file.append(rows);
  file.append(crypto::Sha256(file).bytes());
  return file;
}

absl::StatusOr<KeyBackup> ParseKeyBackup(std::string_view file) {
  if (file.size() < kMagic.size() + crypto::Hash::kSize || !file.starts_with(kMagic)) return Malformed();
  const std::string_view hashed = file.substr(0, file.size() - crypto::Hash::kSize);
  if (crypto::Sha256(hashed).bytes() != file.substr(hashed.size())) return Malformed();
  ByteReader reader(hashed.substr(kMagic.size()));
  const auto generation = reader.U32();
  const auto count = reader.U32();
  if (!generation || *generation == 0 || !count) return Malformed();
  KeyBackup backup{*generation, {}};
  for (uint32_t i = 0; i < *count; ++i) {
    const auto key = TakeSized(reader);
    const auto value = TakeSized(reader);
    if (!key || !value) return Malformed();
    if (!CheckRow(*key, *value, *generation).ok()) return Malformed();
    if (!backup.rows.empty() && *key <= backup.rows.back().key) return Malformed();
    backup.rows.push_back({std::string(*key), std::string(*value)});
  }
  if (!reader.empty()) return Malformed();
  return backup;
}

absl::Status ImportKeys(const KeyBackup& backup, const store::Reader& store, store::Batch& batch) {
  MEDFLYT_RETURN_IF_ERROR(store.Scan(Table::kKeys, KeyRange::All(), store::Order::kAscending,
                                     [&batch](std::string_view key, std::string_view) {
                                       batch.Delete(Table::kKeys, key);
                                       return store::Step::kContinue;
                                     }));
  for (const store::Row& row : backup.rows) batch.Put(Table::kKeys, row.key, row.value);
  return absl::OkStatus();
}

}  // namespace medflyt::keys
