#include "common/audit/verify.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "common/base/status.h"
#include "common/entry/parse.h"
#include "common/merkle/compact_range.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/tile.h"
#include "common/wire/ledger.h"

namespace medflyt::audit {
namespace {

constexpr size_t kMaxFindings = 100;

// Compares the tiles of one log with the nodes that its entries lead to.
class TileCheck {
 public:
  TileCheck(const FileReader& read, Report& report) : read_(read), report_(report) {}

  // A node that is complete; called in the order of the entries.
  absl::Status Add(unsigned level, const crypto::Hash& hash) {
    if (level % tlog::kTileHeight != 0) return absl::OkStatus();
    const unsigned tile_level = level / tlog::kTileHeight;
    if (levels_.size() <= tile_level) levels_.resize(tile_level + 1);
    Level& at = levels_[tile_level];
    at.hashes.append(hash.bytes());
    if (at.hashes.size() < tlog::kTileWidth * crypto::Hash::kSize) return absl::OkStatus();
    return Compare(tile_level);
  }

  // The tiles of the right edge.
  absl::Status Finish() {
    for (unsigned level = 0; level < levels_.size(); ++level) {
      if (!levels_[level].hashes.empty()) MEDFLYT_RETURN_IF_ERROR(Compare(level));
    }
    return absl::OkStatus();
  }

 private:
  struct Level {
    uint64_t index = 0;
    std::string hashes;
  };

  absl::Status Compare(unsigned level) {
    Level& at = levels_[level];
    const auto width = static_cast<unsigned>(at.hashes.size() / crypto::Hash::kSize);
    const std::string path = tlog::TilePath({level, at.index, width});
    MEDFLYT_ASSIGN_OR_RETURN(const auto bytes, read_(path));
    ++report_.tiles;
    if (!bytes) {
      Note(FindingCode::kTileMissing, path, level, at.index);
    } else if (*bytes != at.hashes) {
      const auto differs = std::mismatch(bytes->begin(), bytes->end(), at.hashes.begin(), at.hashes.end()).first;
      const auto hash = static_cast<uint64_t>(differs - bytes->begin()) / crypto::Hash::kSize;
      Note(FindingCode::kTileMismatch, path, level, at.index * tlog::kTileWidth + std::min<uint64_t>(hash, width - 1));
    }
    at.hashes.clear();
    ++at.index;
    return absl::OkStatus();
  }

  void Note(FindingCode code, const std::string& path, unsigned level, uint64_t node) {
    if (report_.findings.size() >= kMaxFindings) return;
    report_.findings.push_back({code, path, LeafIndex(node << (level * tlog::kTileHeight))});
  }

  const FileReader& read_;
  Report& report_;
  std::vector<Level> levels_;
};

void Count(std::string_view entry, wire::LedgerCodec& ledger, Report& report) {
  const auto parsed = entry::ParseEntry(entry, ledger);
  if (!parsed.ok()) {
    ++report.unreadable;
  } else if (std::holds_alternative<entry::SealedView>(*parsed)) {
    ++report.sealed;
  } else {
    ++report.ledger;
  }
}

}  // namespace

std::string_view NameOf(FindingCode code) {
  switch (code) {
    case FindingCode::kCheckpointInvalid:
      return "CHECKPOINT_INVALID";
    case FindingCode::kBundleMissing:
      return "BUNDLE_MISSING";
    case FindingCode::kBundleMalformed:
      return "BUNDLE_MALFORMED";
    case FindingCode::kTileMissing:
      return "TILE_MISSING";
    case FindingCode::kTileMismatch:
      return "TILE_MISMATCH";
    case FindingCode::kRootMismatch:
      return "ROOT_MISMATCH";
  }
  return "";
}

absl::StatusOr<Report> VerifyTiles(const FileReader& read, std::span<const tlog::VerifierKey> keys,
                                   const Progress& progress) {
  Report report;
  MEDFLYT_ASSIGN_OR_RETURN(const auto note, read("checkpoint"));
  const auto opened = note ? tlog::OpenCheckpoint(*note, keys) : absl::NotFoundError("no checkpoint");
  if (!opened.ok()) {
    report.findings.push_back({FindingCode::kCheckpointInvalid, "checkpoint", std::nullopt});
    return report;
  }
  report.origin = opened->checkpoint.origin();
  report.size = opened->checkpoint.size();
  report.root = opened->checkpoint.root();

  merkle::CompactRange tree;
  wire::LedgerCodec ledger;
  TileCheck tiles(read, report);
  const uint64_t size = report.size.value();
  for (uint64_t bundle = 0; bundle * tlog::kTileWidth < size; ++bundle) {
    const uint64_t first = bundle * tlog::kTileWidth;
    const unsigned width = tlog::TileWidthAt(0, bundle, report.size);
    const std::string path = tlog::EntryBundlePath(bundle, width);
    MEDFLYT_ASSIGN_OR_RETURN(const auto bytes, read(path));
    // Without these entries no later node can be derived: the first such finding is the last.
    if (!bytes) {
      report.findings.push_back({FindingCode::kBundleMissing, path, LeafIndex(first)});
      return report;
    }
    const auto entries = tlog::DecodeEntryBundle(*bytes, width);
    if (!entries.ok()) {
      report.findings.push_back({FindingCode::kBundleMalformed, path, LeafIndex(first)});
      return report;
    }
    absl::Status status;
    for (const std::string_view entry : *entries) {
      Count(entry, ledger, report);
      tree.Append(merkle::LeafHash(entry), [&](unsigned level, uint64_t, const crypto::Hash& hash) {
        if (status.ok()) status = tiles.Add(level, hash);
      });
    }
    MEDFLYT_RETURN_IF_ERROR(status);
    progress(tree.size().value(), size);
  }
  MEDFLYT_RETURN_IF_ERROR(tiles.Finish());
  if (tree.Root() != report.root) {
    report.findings.push_back({FindingCode::kRootMismatch, "checkpoint", std::nullopt});
  }
  return report;
}

FileReader DirectoryReader(std::string directory) {
  return [directory = std::move(directory)](const std::string& path) -> absl::StatusOr<std::optional<std::string>> {
    std::ifstream in(directory + "/" + path, std::ios::binary);
    if (!in) {
      const int error = errno;
      if (error == ENOENT || error == ENOTDIR) return std::optional<std::string>();
      return absl::UnavailableError(path + ": " + std::generic_category().message(error));
    }
    std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (in.bad()) return absl::UnavailableError(path + ": cannot be read");
    return std::optional<std::string>(std::move(bytes));
  };
}

}  // namespace medflyt::audit
