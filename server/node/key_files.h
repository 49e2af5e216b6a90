// The KEK file and the key-table backup, where the configuration says.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/keys/kek_rotation.h"
#include "server/node/config.h"

namespace medflyt::node {

// The KEK's file is in no backup, since an old one would bring back what was erased; so that it does not go with its
// disk, a second file elsewhere may be kept beside it. Both are replaced before a rotation goes on, the copy first:
// what the file itself says was done, was done to both.
class KeyFilesOnDisk final : public keys::KeyFiles {
 public:
  explicit KeyFilesOnDisk(const Config& config)
      : kek_(config.kek), kek_copy_(config.kek_copy), backup_(config.key_backup) {}
  absl::Status ReplaceKek(std::string_view bytes) override;
  absl::Status ReplaceBackup(std::string_view bytes) override;
  absl::StatusOr<std::string> ReadBackup(size_t most) override;

  // The file's text. Where the copy is missing or another it is written first, out of the file, and the file out of the
  // copy where the file alone is missing. NOT_FOUND where both are; the errors of ReadSecretFile.
  [[nodiscard]] absl::StatusOr<std::string> ReadKek(size_t most);

 private:
  const std::string kek_;
  const std::string kek_copy_;  // empty: none
  const std::string backup_;
};

}  // namespace medflyt::node
