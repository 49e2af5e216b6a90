#include "client/cli/log_export.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "client/cli/files.h"
#include "common/audit/files.h"
#include "common/base/status.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/tile.h"

namespace medflyt::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUnfinished = ".unfinished";

absl::Status Failure(const fs::path& path, const std::error_code& error) {
  const std::string text = path.string() + ": " + error.message();
  return error == std::errc::permission_denied ? absl::PermissionDeniedError(text)
                                               : absl::FailedPreconditionError(text);
}

// Whole or not at all for whoever looks meanwhile; durable with the checkpoint, not before.
absl::Status WriteTile(const fs::path& path, std::string_view bytes) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return Failure(path.parent_path(), error);
  const fs::path beside = path.string() + std::string(kUnfinished);
  const int file = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return Failure(beside, {errno, std::generic_category()});
  int failed = 0;
  while (!bytes.empty() && failed == 0) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      failed = errno;
    }
  }
  if (::close(file) != 0 && failed == 0) failed = errno;
  if (failed == 0 && ::rename(beside.c_str(), path.c_str()) != 0) failed = errno;
  if (failed == 0) return absl::OkStatus();
  ::unlink(beside.c_str());
  return Failure(path, {failed, std::generic_category()});
}

// All that was written to the file system of this directory is durable.
absl::Status SyncAll(const fs::path& directory) {
  const int file = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return Failure(directory, {errno, std::generic_category()});
  const int failed = ::syncfs(file) == 0 ? 0 : errno;
  ::close(file);
  return failed == 0 ? absl::OkStatus() : Failure(directory, {failed, std::generic_category()});
}

bool IsBundleOf(std::string_view bundle, std::string_view tile) {
  const auto entries = tlog::DecodeEntryBundle(bundle, tlog::kTileWidth);
  if (!entries.ok() || tile.size() != tlog::kTileWidth * merkle::Hash::kSize) return false;
  for (const std::string_view entry : *entries) {
    if (tile.substr(0, merkle::Hash::kSize) != merkle::LeafHash(entry).bytes()) return false;
    tile.remove_prefix(merkle::Hash::kSize);
  }
  return true;
}

class Exporting {
 public:
  Exporting(const Context& context, NodeLog& log, const CheckpointStore& store, const SeenHead& head,
            const fs::path& directory, const ExportOptions& options)
      : context_(context),
        log_(log),
        store_(store),
        size_(head.checkpoint.size()),
        head_(head),
        directory_(directory),
        options_(options),
        read_(audit::DirectoryReader(directory.string())) {}

  absl::StatusOr<Exported> Run() {
    MEDFLYT_RETURN_IF_ERROR(MakeDirectory(directory_));
    MEDFLYT_RETURN_IF_ERROR(CheckCopy());
    for (unsigned level = 0; tlog::TileWidthAt(level, 0, size_) > 0; ++level) {
      unsigned width = 0;
      for (uint64_t index = 0; (width = tlog::TileWidthAt(level, index, size_)) > 0; ++index) {
        MEDFLYT_RETURN_IF_ERROR(level == 0 ? CopyLeaves(index, width) : CopyTile({level, index, width}));
      }
    }
    if (options_.beside) MEDFLYT_RETURN_IF_ERROR(CopyBeside());
    MEDFLYT_RETURN_IF_ERROR(SyncAll(directory_));
    MEDFLYT_RETURN_IF_ERROR(WriteFile(directory_ / "checkpoint", head_.note, FileMode::kPublic));
    MEDFLYT_RETURN_IF_ERROR(RemoveReplaced());
    return done_;
  }

 private:
  // That the copy which lies there may become one of this head.
  absl::Status CheckCopy() {
    MEDFLYT_ASSIGN_OR_RETURN(const auto note, audit::ReadOne(read_, "checkpoint"));
    if (!note) return absl::OkStatus();
    const auto opened = OpenOther(head_, *note);
    if (!opened.ok() || opened->checkpoint.size() > size_) {
      return RuleError(absl::StatusCode::kFailedPrecondition, "EXPORT_OF_ANOTHER_LOG", "--tiles",
                       "the checkpoint there is of another log, of a key that is not believed for it, or of a longer "
                       "log: export elsewhere");
    }
    copied_ = opened->checkpoint.size();
    return ShowOneLog(context_, log_, store_, head_, {opened->checkpoint, *note});
  }

  absl::Status CopyTile(const tlog::Tile& tile) {
    const std::string path = tlog::TilePath(tile);
    const bool full = tile.width == tlog::kTileWidth;
    if (full) {
      MEDFLYT_ASSIGN_OR_RETURN(const auto there, audit::ReadOne(read_, path));
      if (there && there->size() == tlog::kTileWidth * merkle::Hash::kSize) {
        ++done_.kept;
        return absl::OkStatus();
      }
    }
    MEDFLYT_ASSIGN_OR_RETURN(const std::string bytes, log_.Tile(tile));
    return Write(path, bytes);
  }

  absl::Status CopyLeaves(uint64_t index, unsigned width) {
    const uint64_t end = std::min(size_.value(), (index + 1) * tlog::kTileWidth);
    const std::string path = tlog::EntryBundlePath(index, width);
    const fs::path tile = directory_ / tlog::TilePath({0, index, width});
    std::error_code error;
    if (end <= copied_.value() && width == tlog::kTileWidth && fs::exists(directory_ / path, error) &&
        fs::exists(tile, error)) {
      // Below a checkpoint that lies there all was durable before it.
      done_.kept += 2;
      options_.progress(end);
      return absl::OkStatus();
    }
    MEDFLYT_RETURN_IF_ERROR(CopyTile({0, index, width}));
    if (!options_.part || options_.part->Holds(LeafIndex(index * tlog::kTileWidth))) {
      MEDFLYT_RETURN_IF_ERROR(CopyBundle(index, width, path));
    }
    options_.progress(end);
    return absl::OkStatus();
  }

  absl::Status CopyBundle(uint64_t index, unsigned width, const std::string& path) {
    if (width == tlog::kTileWidth) {
      MEDFLYT_ASSIGN_OR_RETURN(const auto there, audit::ReadOne(read_, path));
      if (there) {
        MEDFLYT_ASSIGN_OR_RETURN(const auto tile, audit::ReadOne(read_, tlog::TilePath({0, index, width})));
        if (IsBundleOf(*there, tile.value_or(""))) {
          ++done_.kept;
          return absl::OkStatus();
        }
      }
    }
    MEDFLYT_ASSIGN_OR_RETURN(const std::string bytes, log_.EntryBundle(index, width));
    return Write(path, bytes);
  }

  // From where the last one ended, which a file of its own says: an interrupted one begins again.
  absl::Status CopyBeside() {
    MEDFLYT_ASSIGN_OR_RETURN(const auto until, audit::KeptUntil(read_));
    // A size beyond the copy's own is of an export that was interrupted before its checkpoint.
    const TreeSize from = until && *until <= copied_ ? *until : TreeSize(0);
    const audit::Part whole{LeafIndex(from.value()), size_};
    const audit::Part& part = options_.part ? *options_.part : whole;
    MEDFLYT_RETURN_IF_ERROR(log_.VisitBeside(part.first, part.end, [this](const NodeLog::Beside& beside) {
      return Write(beside.receipt ? audit::ReceiptPath(beside.record) : audit::ReceivedPath(beside.record),
                   beside.bytes);
    }));
    return Write(std::string(audit::kKeptComplete), std::to_string(size_.value()));
  }

  absl::Status Write(const std::string& path, std::string_view bytes) {
    ++done_.written;
    return WriteTile(directory_ / path, bytes);
  }

  // Partial files of other sizes, and what an interruption left.
  absl::Status RemoveReplaced() {
    std::error_code error;
    std::vector<fs::path> replaced;
    fs::recursive_directory_iterator files(directory_ / "tile", error);
    for (; !error && files != fs::recursive_directory_iterator(); files.increment(error)) {
      if (!files->is_regular_file(error)) continue;
      const std::string path = files->path().lexically_relative(directory_).generic_string();
      const auto parts = tlog::ParseTilePath(path);
      const bool wanted =
          parts.ok() && tlog::TileWidthAt(parts->tile.level, parts->tile.index, size_) == parts->tile.width;
      const bool ours = parts.ok() || path.ends_with(kUnfinished);
      if (ours && !wanted) replaced.push_back(files->path());
    }
    if (error && error != std::errc::no_such_file_or_directory) return Failure(directory_, error);
    for (const fs::path& path : replaced) {
      if (fs::remove(path, error)) ++done_.removed;
      fs::remove(path.parent_path(), error);  // only where it is empty
    }
    return absl::OkStatus();
  }

  const Context& context_;
  NodeLog& log_;
  const CheckpointStore& store_;
  const TreeSize size_;
  const SeenHead& head_;
  const fs::path directory_;
  const ExportOptions& options_;
  const audit::FileReader read_;
  TreeSize copied_;
  Exported done_;
};

}  // namespace

absl::StatusOr<Exported> ExportLog(const Context& context, NodeLog& log, const CheckpointStore& store,
                                   const SeenHead& head, const fs::path& directory, const ExportOptions& options) {
  return Exporting(context, log, store, head, directory, options).Run();
}

}  // namespace medflyt::cli
