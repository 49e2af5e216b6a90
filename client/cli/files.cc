#include "client/cli/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace medflyt::cli {
namespace {

absl::Status Failure(const std::filesystem::path& path, int error) {
  const std::string text = path.string() + ": " + std::generic_category().message(error);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(text);
  if (error == ENOENT) return absl::NotFoundError(text);
  return absl::UnavailableError(text);
}

absl::Status Write(const std::filesystem::path& path, std::string_view bytes, FileMode mode) {
  const mode_t bits = mode == FileMode::kSecret ? 0600 : 0644;
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, bits);
  if (file < 0) return Failure(path, errno);
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
  return error == 0 ? absl::OkStatus() : Failure(path, error);
}

}  // namespace

absl::Status WriteFile(const std::filesystem::path& path, std::string_view bytes, FileMode mode) {
  const std::filesystem::path beside = path.string() + ".new." + std::to_string(getpid());
  absl::Status status = Write(beside, bytes, mode);
  if (status.ok() && rename(beside.c_str(), path.c_str()) != 0) status = Failure(path, errno);
  if (!status.ok()) unlink(beside.c_str());
  return status;
}

absl::Status CreateFile(const std::filesystem::path& path, std::string_view bytes, FileMode mode) {
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) {
    return absl::AlreadyExistsError(path.string() + " exists already");
  }
  return Write(path, bytes, mode);
}

absl::Status MakeDirectory(const std::filesystem::path& path) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) return Failure(path, error.value());
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return Failure(path, errno);
  return absl::OkStatus();
}

}  // namespace medflyt::cli
