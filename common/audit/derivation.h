// The tree that leaves lead to, compared with the tiles above them and with roots that were seen before.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/audit/files.h"
#include "common/audit/finding.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/merkle/compact_range.h"

namespace medflyt::audit {

// A root of this log that was signed when it had that size.
struct KnownRoot {
  TreeSize size;
  crypto::Hash root;
  bool by_handover = false;  // as a proof of the keys shows, and not a checkpoint that was kept
};

// A value: a copy goes on alone. One thread.
//
// A tree over tile roots has the same upper nodes and the same root as the tree over the leaves, because a tile is a
// complete subtree and the last one, where it is partial, is the right edge (RFC 6962, section 2.1). So tiles are
// appended whole, and their roots may be made elsewhere.
class Derivation {
 public:
  // `known` in the order of sizes; what is beyond the tree is never looked at. Borrowed.
  explicit Derivation(const std::vector<KnownRoot>* known) : known_(known) {}

  // The next tile of level 0: its hashes and the root over them. Only the last one is not full.
  [[nodiscard]] absl::Status Add(const FileReader& read, std::string_view leaves, const crypto::Hash& root);
  // After the last one: the tiles of the right edge.
  [[nodiscard]] absl::Status Finish(const FileReader& read);

  [[nodiscard]] const crypto::Hash& root() const { return root_; }
  [[nodiscard]] const Findings& findings() const { return findings_; }
  [[nodiscard]] uint64_t tiles() const { return tiles_; }
  [[nodiscard]] uint64_t kept_checked() const { return kept_checked_; }

 private:
  struct Level {
    uint64_t index = 0;
    std::string hashes;
  };
  void CheckKnown(std::string_view leaves);
  [[nodiscard]] absl::Status Complete(const FileReader& read, unsigned level, const crypto::Hash& hash);
  [[nodiscard]] absl::Status Compare(const FileReader& read, unsigned level);
  // Of the tree with this tile, or part of it, as its last.
  [[nodiscard]] crypto::Hash RootWith(const crypto::Hash& tile_root) const;

  const std::vector<KnownRoot>* known_;
  size_t next_known_ = 0;
  uint64_t kept_checked_ = 0;
  uint64_t size_ = 0;
  merkle::CompactRange tiles_above_;  // over the roots of full tiles
  crypto::Hash root_ = merkle::EmptyRoot();
  std::vector<Level> levels_;  // from level 1
  Findings findings_;
  uint64_t tiles_ = 0;
};

}  // namespace medflyt::audit
