#include "common/audit/derivation.h"

#include <algorithm>

#include "common/audit/bundle_facts.h"
#include "common/base/status.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/tile.h"

namespace medflyt::audit {
namespace {

constexpr size_t kHashBytes = crypto::Hash::kSize;

}  // namespace

crypto::Hash Derivation::RootWith(const crypto::Hash& tile_root) const {
  merkle::CompactRange with = tiles_above_;
  with.Append(tile_root);
  return with.Root();
}

absl::Status Derivation::Add(const FileReader& read, std::string_view leaves, const crypto::Hash& root) {
  CheckKnown(leaves);
  size_ += leaves.size() / kHashBytes;
  if (leaves.size() < tlog::kTileWidth * kHashBytes) {
    root_ = RootWith(root);
    return absl::OkStatus();
  }
  absl::Status status;
  tiles_above_.Append(root, [&](unsigned level, uint64_t, const crypto::Hash& hash) {
    if (level % tlog::kTileHeight != 0 || !status.ok()) return;
    status = Complete(read, level / tlog::kTileHeight + 1, hash);
  });
  return status;
}

// A size that is a multiple of the tile's width is met at the end of the tile before.
void Derivation::CheckKnown(std::string_view leaves) {
  const uint64_t end = size_ + leaves.size() / kHashBytes;
  for (; known_ != nullptr && next_known_ < known_->size(); ++next_known_) {
    const KnownRoot& known = (*known_)[next_known_];
    if (known.size.value() > end) return;
    if (!known.by_handover) ++kept_checked_;
    const uint64_t below = known.size.value() - size_;
    const crypto::Hash root =
        known.size.value() == 0 ? merkle::EmptyRoot() : RootWith(RootOfLeaves(leaves.substr(0, below * kHashBytes)));
    if (root != known.root) {
      Note(findings_, FindingCode::kLogForked, "checkpoint", std::nullopt,
           (known.by_handover ? "handover checkpoint of size " : "kept checkpoint of size ") +
               std::to_string(known.size.value()));
    }
  }
}

absl::Status Derivation::Finish(const FileReader& read) {
  if (size_ % tlog::kTileWidth == 0) root_ = tiles_above_.Root();
  CheckKnown({});
  for (unsigned level = 1; level <= levels_.size(); ++level) {
    if (!levels_[level - 1].hashes.empty()) MEDFLYT_RETURN_IF_ERROR(Compare(read, level));
  }
  return absl::OkStatus();
}

absl::Status Derivation::Complete(const FileReader& read, unsigned level, const crypto::Hash& hash) {
  if (levels_.size() < level) levels_.resize(level);
  Level& at = levels_[level - 1];
  at.hashes.append(hash.bytes());
  return at.hashes.size() == tlog::kTileWidth * kHashBytes ? Compare(read, level) : absl::OkStatus();
}

absl::Status Derivation::Compare(const FileReader& read, unsigned level) {
  Level& at = levels_[level - 1];
  const auto width = static_cast<unsigned>(at.hashes.size() / kHashBytes);
  const std::string path = tlog::TilePath({level, at.index, width});
  MEDFLYT_ASSIGN_OR_RETURN(const auto bytes, ReadOne(read, path));
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

}  // namespace medflyt::audit
