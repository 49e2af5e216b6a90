// Files that commands write, so that a reader sees the old content or the new, never a part.
#pragma once

#include <filesystem>
#include <string_view>

#include "absl/status/status.h"

namespace medflyt::cli {

enum class FileMode { kPublic, kSecret };  // 0644, 0600

// Replaces the file: written beside it, synced, renamed; durable once it returns. PERMISSION_DENIED, NOT_FOUND or
// FAILED_PRECONDITION, by the path.
[[nodiscard]] absl::Status WriteFile(const std::filesystem::path& path, std::string_view bytes, FileMode mode);

// As WriteFile, but ALREADY_EXISTS where there is a file: for keys, which must not be replaced.
[[nodiscard]] absl::Status CreateFile(const std::filesystem::path& path, std::string_view bytes, FileMode mode);

// The directory and its parents, itself with mode 0700 where it is made. NOT_FOUND where a file stands in the way.
[[nodiscard]] absl::Status MakeDirectory(const std::filesystem::path& path);

}  // namespace medflyt::cli
