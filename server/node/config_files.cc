#include "server/node/config_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>

#include "common/base/status.h"

namespace medflyt::node {
namespace {

enum class Kind { kFile, kDirectory };

// The error number, or 0.
int TryToOpen(const std::string& path, Kind kind) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return errno;
  struct stat facts {};
  int error = ::fstat(fd, &facts) == 0 ? 0 : errno;
  if (error == 0 && kind == Kind::kDirectory && !S_ISDIR(facts.st_mode)) error = ENOTDIR;
  if (error == 0 && kind == Kind::kFile && S_ISDIR(facts.st_mode)) error = EISDIR;
  ::close(fd);
  return error;
}

absl::Status CheckFile(std::string_view key, const std::string& path, Kind kind) {
  const int error = TryToOpen(path, kind);
  if (error == 0) return absl::OkStatus();
  return RuleError(absl::StatusCode::kInvalidArgument, "CONFIG_FILE_UNUSABLE", key,
                   std::string(key) + ": " + path + ": " + std::generic_category().message(error));
}

// gRPC reads it, as the service manager or an administrator put it there: root's, and read by the node's group.
absl::Status CheckPrivateKey(const std::string& path) {
  MEDFLYT_RETURN_IF_ERROR(CheckFile("tls.private_key", path, Kind::kFile));
  struct stat facts {};
  const bool known = ::stat(path.c_str(), &facts) == 0;
  if (known && (facts.st_uid == 0 || facts.st_uid == ::geteuid()) && (facts.st_mode & (S_IWGRP | S_IRWXO)) == 0) {
    return absl::OkStatus();
  }
  return RuleError(
      absl::StatusCode::kFailedPrecondition, "SECRET_FILE_MODE", "tls.private_key",
      path + ": must belong to root or the node's user, be written by nobody else and not be read by others");
}

}  // namespace

absl::Status CheckFiles(const Config& config) {
  MEDFLYT_RETURN_IF_ERROR(CheckFile("card", config.card, Kind::kFile));
  MEDFLYT_RETURN_IF_ERROR(CheckFile("peers_dir", config.peers_dir, Kind::kDirectory));
  if (!config.legal_bases.empty()) {
    MEDFLYT_RETURN_IF_ERROR(CheckFile("legal_bases", config.legal_bases, Kind::kFile));
  }
  if (!config.retention.empty()) MEDFLYT_RETURN_IF_ERROR(CheckFile("retention", config.retention, Kind::kFile));
  MEDFLYT_RETURN_IF_ERROR(CheckFile("tls.certificate", config.tls_certificate, Kind::kFile));
  MEDFLYT_RETURN_IF_ERROR(CheckPrivateKey(config.tls_private_key));
  MEDFLYT_RETURN_IF_ERROR(CheckFile("keys.log_key", config.log_key, Kind::kFile));
  MEDFLYT_RETURN_IF_ERROR(CheckFile("keys.witness_key", config.witness_key, Kind::kFile));
  MEDFLYT_RETURN_IF_ERROR(CheckFile("keys.root_secret", config.root_secret, Kind::kFile));
  return config.policy.empty() ? absl::OkStatus() : CheckFile("policy", config.policy, Kind::kFile);
}

}  // namespace medflyt::node
