#include "server/node/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/secret.h"

namespace medflyt::node {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status SystemError(const std::string& path) {
  const std::string message = absl::StrCat(path, ": ", std::strerror(errno));
  return errno == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
}

absl::StatusOr<std::string> ReadAll(int fd, const std::string& path, size_t most) {
  std::string bytes;
  char block[4096];
  for (;;) {
    const ssize_t count = ::read(fd, block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError(path);
    if (count == 0) break;
    bytes.append(block, static_cast<size_t>(count));
    if (bytes.size() > most) return absl::InvalidArgumentError(absl::StrCat(path, ": too long"));
  }
  explicit_bzero(block, sizeof block);
  return bytes;
}

absl::Status SyncDirectory(const std::string& path) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) return SystemError(path);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t most) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return SystemError(path);
  return ReadAll(fd.get(), path, most);
}

absl::StatusOr<std::string> ReadSecretFile(const std::string& path, size_t most) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (fd.get() < 0) return SystemError(path);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return SystemError(path);
  if (!S_ISREG(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "SECRET_FILE_MODE", "",
                     absl::StrCat(path, ": must be a file of the node's user, with mode 0600 or 0400"));
  }
  return ReadAll(fd.get(), path, most);
}

absl::Status ReplaceFile(const std::string& path, std::string_view bytes) {
  const std::string fresh = path + ".new";
  {
    const FileDescriptor fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (fd.get() < 0) return SystemError(fresh);
    size_t written = 0;
    while (written < bytes.size()) {
      const ssize_t count = ::write(fd.get(), bytes.data() + written, bytes.size() - written);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return SystemError(fresh);
      written += static_cast<size_t>(count);
    }
    if (::fsync(fd.get()) != 0) return SystemError(fresh);
  }
  return RenameDurably(fresh, path);
}

absl::Status MakePrivateDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return absl::OkStatus();
  struct stat info {};
  if (errno != EEXIST || ::stat(path.c_str(), &info) != 0) return SystemError(path);
  // Root restores into the directory of the node's user.
  const bool is_ours = info.st_uid == ::geteuid() || ::geteuid() == 0;
  if (!S_ISDIR(info.st_mode) || !is_ours || (info.st_mode & (S_IWGRP | S_IRWXO)) != 0) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "SECRET_FILE_MODE", "",
                     absl::StrCat(path, ": must be a directory of the node's user that others cannot read"));
  }
  return absl::OkStatus();
}

absl::Status RenameDurably(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return SystemError(to);
  const std::string directory = std::filesystem::path(to).parent_path().string();
  return SyncDirectory(directory.empty() ? "." : directory);
}

absl::Status SyncFileSystem(const std::string& directory) {
  const FileDescriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd.get() >= 0 && ::syncfs(fd.get()) == 0 ? absl::OkStatus() : SystemError(directory);
}

}  // namespace medflyt::node
