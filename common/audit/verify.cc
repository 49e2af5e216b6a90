#include "common/audit/verify.h"

#include <algorithm>
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
constexpr size_t kHashBytes = crypto::Hash::kSize;

using Findings = std::vector<Finding>;

void Note(Findings& findings, FindingCode code, std::string path, std::optional<LeafIndex> entry) {
  if (findings.size() < kMaxFindings) findings.push_back({code, std::move(path), entry});
}

// The tree that some leaves lead to, and what is wrong with the stored tiles above them. A value: a copy goes on alone.
class Derivation {
 public:
  // The leaves of one tile of level 0, as one hash after another.
  absl::Status Add(const FileReader& read, std::string_view leaves) {
    absl::Status status;
    for (; !leaves.empty(); leaves.remove_prefix(kHashBytes)) {
      const auto leaf = crypto::Hash::FromBytes(leaves.substr(0, kHashBytes));
      tree_.Append(*leaf, [&](unsigned level, uint64_t, const crypto::Hash& hash) {
        if (level == 0 || level % tlog::kTileHeight != 0 || !status.ok()) return;
        status = Complete(read, level / tlog::kTileHeight, hash);
      });
    }
    return status;
  }

  // The tiles of the right edge.
  absl::Status Finish(const FileReader& read) {
    for (unsigned level = 1; level <= levels_.size(); ++level) {
      if (!levels_[level - 1].hashes.empty()) MEDFLYT_RETURN_IF_ERROR(Compare(read, level));
    }
    return absl::OkStatus();
  }

  [[nodiscard]] crypto::Hash Root() const { return tree_.Root(); }
  [[nodiscard]] const Findings& findings() const { return findings_; }
  [[nodiscard]] uint64_t tiles() const { return tiles_; }

 private:
  struct Level {
    uint64_t index = 0;
    std::string hashes;
  };

  absl::Status Complete(const FileReader& read, unsigned level, const crypto::Hash& hash) {
    if (levels_.size() < level) levels_.resize(level);
    Level& at = levels_[level - 1];
    at.hashes.append(hash.bytes());
    return at.hashes.size() == tlog::kTileWidth * kHashBytes ? Compare(read, level) : absl::OkStatus();
  }

  absl::Status Compare(const FileReader& read, unsigned level) {
    Level& at = levels_[level - 1];
    const auto width = static_cast<unsigned>(at.hashes.size() / kHashBytes);
    const std::string path = tlog::TilePath({level, at.index, width});
    MEDFLYT_ASSIGN_OR_RETURN(const auto bytes, read(path));
    ++tiles_;
    if (!bytes || *bytes != at.hashes) {
      uint64_t node = at.index * tlog::kTileWidth;
      if (bytes) {
        const auto differs = std::mismatch(bytes->begin(), bytes->end(), at.hashes.begin(), at.hashes.end()).first;
        node += std::min<uint64_t>(static_cast<uint64_t>(differs - bytes->begin()) / kHashBytes, width - 1);
      }
      Note(findings_, bytes ? FindingCode::kTileMismatch : FindingCode::kTileMissing, path,
           LeafIndex(node << (level * tlog::kTileHeight)));
    }
    at.hashes.clear();
    ++at.index;
    return absl::OkStatus();
  }

  merkle::CompactRange tree_;
  std::vector<Level> levels_;  // from level 1
  Findings findings_;
  uint64_t tiles_ = 0;
};

// What a bundle and the tile beside it say of the same leaves.
struct Leaves {
  std::string of_entries;                // hashes; empty where the bundle is missing or malformed
  std::optional<std::string> from_tile;  // as stored
};

class Verification {
 public:
  Verification(const FileReader& read, Report& report) : read_(read), report_(report) {}

  // False where nothing can be derived beyond this bundle.
  absl::StatusOr<bool> Add(uint64_t bundle) {
    const unsigned width = tlog::TileWidthAt(0, bundle, report_.size);
    MEDFLYT_ASSIGN_OR_RETURN(const Leaves leaves, Read(bundle, width));
    const bool usable = leaves.from_tile && leaves.from_tile->size() == width * kHashBytes;
    const bool agree = usable && *leaves.from_tile == leaves.of_entries;
    if (!agree && !by_tiles_) by_tiles_ = by_entries_;
    if (!agree) Differ(leaves, bundle, width);
    if (by_tiles_) {
      if (!usable && leaves.of_entries.empty()) return false;
      MEDFLYT_RETURN_IF_ERROR(by_tiles_->Add(read_, usable ? *leaves.from_tile : leaves.of_entries));
    }
    if (leaves.of_entries.empty()) by_entries_.reset();
    if (by_entries_) MEDFLYT_RETURN_IF_ERROR(by_entries_->Add(read_, leaves.of_entries));
    return true;
  }

  // Of the two derivations, the one that leads to the signed root tells what is wrong.
  absl::Status Finish(bool complete) {
    for (std::optional<Derivation>* each : {&by_entries_, &by_tiles_}) {
      if (*each && complete) MEDFLYT_RETURN_IF_ERROR((*each)->Finish(read_));
    }
    const bool entries_hold = by_entries_ && by_entries_->Root() == report_.root;
    const bool tiles_hold = !entries_hold && by_tiles_ && by_tiles_->Root() == report_.root;
    const Derivation* const followed = by_entries_ && !tiles_hold ? &*by_entries_ : by_tiles_ ? &*by_tiles_ : nullptr;
    for (const Findings* findings : {&bundles_, tiles_hold ? &entries_ : &tiles_}) {
      for (const Finding& finding : *findings) Note(report_.findings, finding.code, finding.path, finding.entry);
    }
    if (followed != nullptr) {
      for (const Finding& finding : followed->findings()) {
        Note(report_.findings, finding.code, finding.path, finding.entry);
      }
      report_.tiles += followed->tiles();
    }
    if (complete && !entries_hold && !tiles_hold) {
      Note(report_.findings, FindingCode::kRootMismatch, "checkpoint", std::nullopt);
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<Leaves> Read(uint64_t bundle, unsigned width) {
    Leaves leaves;
    const std::string path = tlog::EntryBundlePath(bundle, width);
    const LeafIndex first(bundle * tlog::kTileWidth);
    MEDFLYT_ASSIGN_OR_RETURN(const auto bytes, read_(path));
    MEDFLYT_ASSIGN_OR_RETURN(leaves.from_tile, read_(tlog::TilePath({0, bundle, width})));
    if (leaves.from_tile) ++report_.tiles;
    const auto entries = bytes ? tlog::DecodeEntryBundle(*bytes, width) : absl::NotFoundError(path);
    if (!entries.ok()) {
      Note(bundles_, bytes ? FindingCode::kBundleMalformed : FindingCode::kBundleMissing, path, first);
      return leaves;
    }
    leaves.of_entries.reserve(width * kHashBytes);
    for (const std::string_view entry : *entries) {
      Count(entry);
      leaves.of_entries.append(merkle::LeafHash(entry).bytes());
    }
    return leaves;
  }

  // Notes the difference twice, for it is not yet known which side is at fault.
  void Differ(const Leaves& leaves, uint64_t bundle, unsigned width) {
    const uint64_t first = bundle * tlog::kTileWidth;
    const std::string tile = tlog::TilePath({0, bundle, width});
    if (!leaves.from_tile) {
      for (Findings* findings : {&tiles_, &entries_})
        Note(*findings, FindingCode::kTileMissing, tile, LeafIndex(first));
      return;
    }
    if (leaves.from_tile->size() != width * kHashBytes) {
      for (Findings* findings : {&tiles_, &entries_}) {
        Note(*findings, FindingCode::kTileMismatch, tile, LeafIndex(first));
      }
      return;
    }
    if (leaves.of_entries.empty()) return;
    bool noted = false;
    for (unsigned i = 0; i < width; ++i) {
      if (leaves.from_tile->compare(i * kHashBytes, kHashBytes, leaves.of_entries, i * kHashBytes, kHashBytes) == 0) {
        continue;
      }
      if (!noted) Note(tiles_, FindingCode::kTileMismatch, tile, LeafIndex(first + i));
      noted = true;
      Note(entries_, FindingCode::kEntryMismatch, tlog::EntryBundlePath(bundle, width), LeafIndex(first + i));
    }
  }

  void Count(std::string_view entry) {
    const auto parsed = entry::ParseEntry(entry, ledger_);
    if (!parsed.ok()) {
      ++report_.unreadable;
    } else if (std::holds_alternative<entry::SealedView>(*parsed)) {
      ++report_.sealed;
    } else {
      ++report_.ledger;
    }
  }

  const FileReader& read_;
  Report& report_;
  wire::LedgerCodec ledger_;
  std::optional<Derivation> by_entries_ = Derivation();  // until a bundle cannot be read
  std::optional<Derivation> by_tiles_;                   // from the first difference on
  Findings bundles_;
  Findings entries_;  // if the tiles of level 0 are what was signed
  Findings tiles_;    // if the entries are
};

absl::StatusOr<tlog::OpenedCheckpoint> OpenCheckpoint(std::string_view bytes, std::span<const directory::LogKey> keys) {
  MEDFLYT_ASSIGN_OR_RETURN(tlog::SignedNote note, tlog::SignedNote::Parse(bytes));
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::Checkpoint unverified, tlog::Checkpoint::Parse(note.text));
  return tlog::OpenCheckpoint(std::move(note), KeysFor(keys, unverified.size()));
}

}  // namespace

std::vector<tlog::VerifierKey> KeysFor(std::span<const directory::LogKey> keys, TreeSize size) {
  std::vector<tlog::VerifierKey> valid;
  for (const directory::LogKey& key : keys) {
    if (key.from <= size && (!key.until || size < *key.until)) valid.push_back(key.key);
  }
  return valid;
}

std::string_view NameOf(FindingCode code) {
  switch (code) {
    case FindingCode::kCheckpointMissing:
      return "CHECKPOINT_MISSING";
    case FindingCode::kCheckpointInvalid:
      return "CHECKPOINT_INVALID";
    case FindingCode::kBundleMissing:
      return "BUNDLE_MISSING";
    case FindingCode::kBundleMalformed:
      return "BUNDLE_MALFORMED";
    case FindingCode::kEntryMismatch:
      return "ENTRY_MISMATCH";
    case FindingCode::kTileMissing:
      return "TILE_MISSING";
    case FindingCode::kTileMismatch:
      return "TILE_MISMATCH";
    case FindingCode::kRootMismatch:
      return "ROOT_MISMATCH";
  }
  return "";
}

absl::StatusOr<Report> VerifyTiles(const FileReader& read, std::span<const directory::LogKey> keys,
                                   const Progress& progress) {
  Report report;
  MEDFLYT_ASSIGN_OR_RETURN(const auto note, read("checkpoint"));
  if (!note) {
    Note(report.findings, FindingCode::kCheckpointMissing, "checkpoint", std::nullopt);
    return report;
  }
  const auto opened = OpenCheckpoint(*note, keys);
  if (!opened.ok()) {
    Note(report.findings, FindingCode::kCheckpointInvalid, "checkpoint", std::nullopt);
    return report;
  }
  report.origin = opened->checkpoint.origin();
  report.size = opened->checkpoint.size();
  report.root = opened->checkpoint.root();

  Verification verification(read, report);
  const uint64_t size = report.size.value();
  bool complete = true;
  for (uint64_t bundle = 0; complete && bundle * tlog::kTileWidth < size; ++bundle) {
    MEDFLYT_ASSIGN_OR_RETURN(complete, verification.Add(bundle));
    if (complete) progress(std::min(size, (bundle + 1) * tlog::kTileWidth), size);
  }
  MEDFLYT_RETURN_IF_ERROR(verification.Finish(complete));
  return report;
}

}  // namespace medflyt::audit
