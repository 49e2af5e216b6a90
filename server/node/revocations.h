// Which certificates are revoked: the lists (PEM CRLs) in a directory, read again when they change.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/crypto/chain.h"

namespace medflyt::node {

// Thread-safe; whoever reads and then replaces keeps others from it meanwhile.
class Revocations {
 public:
  struct Lists {
    std::string text;                                      // of all files
    std::shared_ptr<const crypto::RevocationLists> lists;  // null where there is none
  };
  // Reads the *.crl of `directory`; where that is empty, nothing is ever revoked. Errors of the files, and
  // INVALID_ARGUMENT (CRL_INVALID) naming the file.
  [[nodiscard]] static absl::StatusOr<std::shared_ptr<Revocations>> Load(std::string directory);

  // Reads the lists again, and changes nothing. Errors as Load.
  [[nodiscard]] absl::StatusOr<Lists> Read() const MEDFLYT_EXCLUDES(mutex_);
  // These are the present ones from now on; true where they are others.
  bool Replace(Lists read) MEDFLYT_EXCLUDES(mutex_);

  // The present lists; null where there is none.
  [[nodiscard]] std::shared_ptr<const crypto::RevocationLists> lists() const MEDFLYT_EXCLUDES(mutex_);

 private:
  explicit Revocations(std::string directory) : directory_(std::move(directory)) {}

  const std::string directory_;
  mutable Mutex mutex_;
  Lists present_ MEDFLYT_GUARDED_BY(mutex_);
};

}  // namespace medflyt::node
