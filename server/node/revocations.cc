#include "server/node/revocations.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/node/files.h"

namespace medflyt::node {
namespace {

constexpr size_t kMaxListBytes = size_t{16} << 20;

absl::StatusOr<std::vector<std::string>> ListFiles(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".crl") files.push_back(entry->path().string());
  }
  if (error) return absl::UnavailableError(absl::StrCat(directory, ": ", error.message()));
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Revocations>> Revocations::Load(std::string directory) {
  auto revocations = std::shared_ptr<Revocations>(new Revocations(std::move(directory)));
  MEDFLYT_ASSIGN_OR_RETURN(Lists read, revocations->Read());
  revocations->Replace(std::move(read));
  return revocations;
}

absl::StatusOr<Revocations::Lists> Revocations::Read() const {
  if (directory_.empty()) return Lists();
  MEDFLYT_ASSIGN_OR_RETURN(const std::vector<std::string> files, ListFiles(directory_));
  Lists read;
  for (const std::string& file : files) {
    MEDFLYT_ASSIGN_OR_RETURN(const std::string list, ReadFile(file, kMaxListBytes));
    // Each by itself, so that the error names the file.
    if (const auto parsed = crypto::RevocationLists::Parse(list); !parsed.ok()) {
      return Annotate(parsed.status(), file);
    }
    read.text.append(list).append("\n");
  }
  {
    MutexLock lock(mutex_);
    if (read.text == present_.text) return present_;
  }
  if (!read.text.empty()) {
    MEDFLYT_ASSIGN_OR_RETURN(read.lists, crypto::RevocationLists::Parse(read.text));
  }
  return read;
}

bool Revocations::Replace(Lists read) {
  MutexLock lock(mutex_);
  if (read.text == present_.text) return false;
  present_ = std::move(read);
  return true;
}

std::shared_ptr<const crypto::RevocationLists> Revocations::lists() const {
  MutexLock lock(mutex_);
  return present_.lists;
}

}  // namespace medflyt::node
