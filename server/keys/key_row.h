// One row of the key table, as it is stored and as it stands in a key-table backup.
//
//   'd' ‖ key id   ->  version, KEK generation, issuer, recipient, retention class, case, granted, nonce, wrapped key
//   'z' ‖ key id   ->  version: the key was destroyed, and is accepted from nobody again
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/base/id.h"
#include "server/keys/key_purpose.h"
#include "server/store/batch.h"

namespace medflyt::keys {

inline constexpr char kDataKeyPrefix = 'd';

inline constexpr char kDestroyedPrefix = 'z';

[[nodiscard]] std::string DataKeyRowKey(const KeyId& id);
[[nodiscard]] std::string DestroyedRowKey(const KeyId& id);
[[nodiscard]] std::string DestroyedRowValue();
// Nothing for bytes that no row of a destroyed key has.
[[nodiscard]] std::optional<KeyId> ParseDestroyedRow(std::string_view key, std::string_view value);

// What stands in front of the wrapped key; it is the associated data of the wrapping together with the row's key.
[[nodiscard]] std::string DataKeyRowHead(uint32_t generation, const KeyPurpose& purpose);

struct DataKeyRow {
  KeyId id;
  uint32_t generation;
  KeyPurpose purpose;
  bool granted;
  std::string_view wrapped;  // nonce ‖ sealed key, a part of the value that was parsed
};

// Nothing for bytes that no row of this version has. The wrapping itself is not opened.
[[nodiscard]] std::optional<DataKeyRow> ParseDataKeyRow(std::string_view key, std::string_view value);

// kMeta row, empty: a key was destroyed since the KEK's last rotation, so its wrapped bytes may be in files and
// backups.
inline constexpr std::string_view kKekRotationDueRow = "kek-rotation-due";
void StageKekRotationDue(store::Batch& batch);

// DATA_LOSS (KEY_ROW_MALFORMED).
[[nodiscard]] absl::Status KeyRowMalformed();
// FAILED_PRECONDITION (KEK_GENERATION_MISMATCH).
[[nodiscard]] absl::Status KekGenerationMismatch();

}  // namespace medflyt::keys
