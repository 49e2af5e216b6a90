#include "common/audit/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "common/base/status.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/text.h"
#include "common/tlog/tile.h"

namespace medflyt::audit {
namespace {

// A full bundle of the longest entries.
constexpr size_t kMaxFile = tlog::kTileWidth * (2 + tlog::kMaxEntryBytes);

// One that is longer is read one byte beyond the most, which makes it wrong for every reader.
absl::StatusOr<bool> ReadOpen(int file, const std::string& path, std::string& bytes) {
  struct stat facts {};
  if (fstat(file, &facts) != 0) return absl::UnavailableError(path + ": " + std::generic_category().message(errno));
  if (!S_ISREG(facts.st_mode)) return false;
  const auto size = static_cast<uint64_t>(facts.st_size);
  bytes.resize(size > kMaxFile ? kMaxFile + 1 : static_cast<size_t>(size));
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(file, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::UnavailableError(path + ": " + std::generic_category().message(errno));
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  bytes.resize(done);
  return true;
}

std::string KeptPath(std::string_view kind, LeafIndex record) {
  const std::string tile = tlog::TilePath({0, record.value(), tlog::kTileWidth});
  return std::string("kept/").append(kind).append(tile.substr(std::string_view("tile/0").size()));
}

}  // namespace

Part Part::Around(LeafIndex first, TreeSize end, TreeSize size) {
  const uint64_t begin = first.value() / tlog::kTileWidth * tlog::kTileWidth;
  const uint64_t bundles = (end.value() + tlog::kTileWidth - 1) / tlog::kTileWidth;
  return {LeafIndex(begin), TreeSize(std::min(size.value(), bundles * tlog::kTileWidth))};
}

std::string ReceiptPath(LeafIndex record) { return KeptPath("receipts", record); }
std::string ReceivedPath(LeafIndex record) { return KeptPath("received", record); }

absl::StatusOr<std::optional<TreeSize>> KeptUntil(const FileReader& read) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto text, ReadOne(read, std::string(kKeptComplete)));
  if (!text) return std::optional<TreeSize>();
  return std::optional(TreeSize(tlog::ParseDecimal(*text, merkle::kMaxTreeSize).value_or(0)));
}

absl::StatusOr<std::optional<std::string>> ReadOne(const FileReader& read, const std::string& path) {
  std::string bytes;
  MEDFLYT_ASSIGN_OR_RETURN(const bool there, read(path, bytes));
  return there ? std::optional(std::move(bytes)) : std::nullopt;
}

FileReader DirectoryReader(std::string directory) {
  return [directory = std::move(directory)](const std::string& path, std::string& bytes) -> absl::StatusOr<bool> {
    // Without waiting for the writer of a pipe.
    const int file = ::open((directory + "/" + path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
      const int error = errno;
      if (error == ENOENT || error == ENOTDIR || error == ENXIO) return false;
      return absl::UnavailableError(path + ": " + std::generic_category().message(error));
    }
    auto read = ReadOpen(file, path, bytes);
    ::close(file);
    return read;
  };
}

}  // namespace medflyt::audit
