// The key table as one file, kept apart from the backups of the data: these hold what the keys seal, this holds the
// keys, wrapped under the KEK, and the KEK is in neither. So whoever has any data backup, the newest key-table backup
// and the KEK restores all that was not erased; once the KEK has been rotated, an older key-table backup restores
// nothing.
//
//   "medflyt-key-backup/v1\n" ‖ u32 KEK generation ‖ u32 number of rows
//   each row, ascending by its key: u16 length ‖ key ‖ u16 length ‖ value     (key_row.h; integers are big-endian)
//   SHA-256 of all before
//
// The hash finds what storage damaged. Nobody can alter a row for another, since each is sealed under the KEK; a row
// that somebody took out is a key that is lost.
//
// Exchange keys are in no backup, for they are to be gone after days: a restored node makes itself a new one, and its
// peers seal again what was on its way.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/store.h"

namespace medflyt::keys {

struct KeyBackup {
  uint32_t kek_generation = 0;   // of every row
  std::vector<store::Row> rows;  // of data keys and of destroyed ones, as they are stored, ascending
};

// The file's bytes. FAILED_PRECONDITION (KEK_GENERATION_MISMATCH) where a row is wrapped under another generation than
// `kek_generation`; DATA_LOSS (KEY_ROW_MALFORMED); the errors of reading.
[[nodiscard]] absl::StatusOr<std::string> ExportKeys(const store::Reader& store, uint32_t kek_generation);

// DATA_LOSS (KEY_BACKUP_MALFORMED) for anything that ExportKeys does not write. No row is opened.
[[nodiscard]] absl::StatusOr<KeyBackup> ParseKeyBackup(std::string_view file);

// Stages that the store's keys are those of the backup and no others, exchange keys included. The errors of reading.
[[nodiscard]] absl::Status ImportKeys(const KeyBackup& backup, const store::Reader& store, store::Batch& batch);

}  // namespace medflyt::keys
