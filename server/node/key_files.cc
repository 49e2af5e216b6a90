#include "server/node/key_files.h"

#include "common/base/status.h"
#include "server/node/files.h"

namespace medflyt::node {

absl::Status KeyFilesOnDisk::ReplaceKek(std::string_view bytes) {
  if (!kek_copy_.empty()) MEDFLYT_RETURN_IF_ERROR(ReplaceFile(kek_copy_, bytes));
  return ReplaceFile(kek_, bytes);
}

absl::Status KeyFilesOnDisk::ReplaceBackup(std::string_view bytes) { return ReplaceFile(backup_, bytes); }

absl::StatusOr<std::string> KeyFilesOnDisk::ReadBackup(size_t most) { return ReadFile(backup_, most); }

absl::StatusOr<std::string> KeyFilesOnDisk::ReadKek(size_t most) {
  auto file = ReadSecretFile(kek_, most);
  if (kek_copy_.empty() || (!file.ok() && !absl::IsNotFound(file.status()))) return file;
  auto copy = ReadSecretFile(kek_copy_, most);
  if (!copy.ok() && !absl::IsNotFound(copy.status())) return copy;
  // One that was not there while the KEK was rotated holds what must be gone.
  if (file.ok() && (!copy.ok() || *copy != *file)) MEDFLYT_RETURN_IF_ERROR(ReplaceFile(kek_copy_, *file));
  if (!file.ok() && copy.ok()) {
    MEDFLYT_RETURN_IF_ERROR(ReplaceFile(kek_, *copy));
    return copy;
  }
  return file;
}

}  // namespace medflyt::node
