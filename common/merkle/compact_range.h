// The right edge of a growing tree: what is needed to append, and to know the root at every size.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/merkle/subtree.h"
#include "common/merkle/tree_hasher.h"

namespace medflyt::merkle {

// The hashes of the maximal perfect subtrees of a tree [0, size), one for each one bit of the size. Appending
// allocates nothing and hashes one node per leaf on average. A value: copies are independent (about 2 KB). Not
// thread-safe.
class CompactRange {
 public:
  // The empty tree.
  CompactRange() = default;

  // From the hashes that Hashes() returned at this size. INVALID_ARGUMENT (COMPACT_RANGE_INVALID) when their number
  // does not fit the size or the size exceeds kMaxTreeSize.
  [[nodiscard]] static absl::StatusOr<CompactRange> FromHashes(TreeSize size, std::span<const Hash> hashes);
  // From stored nodes: asks for one node per one bit of the size.
  [[nodiscard]] static absl::StatusOr<CompactRange> FromSource(TreeSize size, const NodeSource& source);

  // Appends a leaf, then calls `completed(level, index, hash)` for every perfect subtree that it completes, upwards
  // from the leaf itself (level 0). The size stays below kMaxTreeSize by any realistic use: at a million leaves a
  // second that takes 290,000 years.
  template <typename Visitor>
  void Append(const Hash& leaf, Visitor&& completed) {
    Hash hash = leaf;
    uint64_t index = size_;
    unsigned level = 0;
    completed(level, index, hash);
    for (; (index & 1) != 0; index >>= 1) {
      hash = NodeHash(subtrees_[level], hash);
      ++level;
      completed(level, index >> 1, hash);
    }
    subtrees_[level] = hash;
    ++size_;
  }
  void Append(const Hash& leaf) {
    Append(leaf, [](unsigned, uint64_t, const Hash&) {});
  }

  [[nodiscard]] TreeSize size() const { return TreeSize(size_); }
  // The root of the tree at this size; EmptyRoot() at 0.
  [[nodiscard]] Hash Root() const;
  // Largest subtree (leftmost) first.
  [[nodiscard]] std::vector<Hash> Hashes() const;

  friend bool operator==(const CompactRange& a, const CompactRange& b) {
    return a.size_ == b.size_ && a.Hashes() == b.Hashes();
  }

 private:
  uint64_t size_ = 0;
  // By level; meaningful where that bit of the size is one.
  std::array<Hash, 64> subtrees_;
};

}  // namespace medflyt::merkle
