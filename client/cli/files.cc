#include "client/cli/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace medflyt::cli {
namespace {

namespace fs = std::filesystem;

// Never UNAVAILABLE: that would tell the user that a node did not answer.
absl::Status Failure(const fs::path& path, int error) {
  const std::string text = path.string() + ": " + std::generic_category().message(error);
  if (error == EACCES || error == EPERM || error == EROFS) return absl::PermissionDeniedError(text);
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(text);
  if (error == EEXIST) return absl::AlreadyExistsError(path.string() + " exists already");
  return absl::FailedPreconditionError(text);
}

// The error number, or 0.
int WriteNew(const fs::path& path, std::string_view bytes, FileMode mode) {
  const mode_t bits = mode == FileMode::kSecret ? 0600 : 0644;
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, bits);
  if (file < 0) return errno;
  int error = 0;
  while (!bytes.empty() && error == 0) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno != EINTR) error = errno;
    } else {
      bytes.remove_prefix(static_cast<size_t>(written));
    }
  }
  if (error == 0 && fsync(file) != 0) error = errno;
  if (close(file) != 0 && error == 0) error = errno;
  return error;
}

int SyncDirectory(const fs::path& path) {
  const int directory = open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return errno;
  const int error = fsync(directory) == 0 ? 0 : errno;
  close(directory);
  return error;
}

// Writes the file beside `path` and lets `place` put it there.
absl::Status WriteBeside(const fs::path& path, std::string_view bytes, FileMode mode,
                         int (*place)(const char* from, const char* to)) {
  const fs::path beside = path.string() + ".new." + std::to_string(getpid());
  int error = WriteNew(beside, bytes, mode);
  if (error == 0 && place(beside.c_str(), path.c_str()) != 0) error = errno;
  unlink(beside.c_str());  // gone already where it was renamed
  if (error == 0) error = SyncDirectory(path.parent_path());
  return error == 0 ? absl::OkStatus() : Failure(path, error);
}

}  // namespace

absl::Status WriteFile(const fs::path& path, std::string_view bytes, FileMode mode) {
  return WriteBeside(path, bytes, mode, rename);
}

absl::Status CreateFile(const fs::path& path, std::string_view bytes, FileMode mode) {
  // Unlike rename, link replaces nothing.
  return WriteBeside(path, bytes, mode, link);
}

absl::Status MakeDirectory(const fs::path& path) {
  // "a/b/" is "a/b": else b itself would be made as a parent, for all to read.
  const fs::path directory = path.has_filename() ? path : path.parent_path();
  std::error_code error;
  if (directory.has_parent_path()) fs::create_directories(directory.parent_path(), error);
  if (error) return Failure(directory, error.value());
  if (mkdir(directory.c_str(), 0700) == 0) return absl::OkStatus();
  if (errno != EEXIST) return Failure(directory, errno);
  return fs::is_directory(directory, error) ? absl::OkStatus() : Failure(directory, ENOTDIR);
}

}  // namespace medflyt::cli
