// Small files, read and replaced whole.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace medflyt::node {

// NOT_FOUND, or UNAVAILABLE with what the system says; INVALID_ARGUMENT beyond `most` bytes.
[[nodiscard]] absl::StatusOr<std::string> ReadFile(const std::string& path, size_t most);

// A file that holds a secret. FAILED_PRECONDITION (SECRET_FILE_MODE) unless it is a regular file that belongs to the
// user of this process, without access for group and others. Else as ReadFile. The caller wipes the text.
[[nodiscard]] absl::StatusOr<std::string> ReadSecretFile(const std::string& path, size_t most);

// Replaces the file by one of mode 0600, durably and at once: whoever reads sees the old bytes or the new.
[[nodiscard]] absl::Status ReplaceFile(const std::string& path, std::string_view bytes);

// Made with mode 0700 where it is missing; its parent must be there. FAILED_PRECONDITION (SECRET_FILE_MODE) for one
// that belongs to another user, that its group may write, or others read.
[[nodiscard]] absl::Status MakePrivateDirectory(const std::string& path);
// Within one directory; durable on OK.
[[nodiscard]] absl::Status RenameDurably(const std::string& from, const std::string& to);
// All that was written to the file system of this directory is durable.
[[nodiscard]] absl::Status SyncFileSystem(const std::string& directory);

}  // namespace medflyt::node
