#include "common/merkle/compact_range.h"

#include <bit>

#include "common/base/status.h"

namespace medflyt::merkle {
namespace {

absl::Status CompactRangeInvalid(std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "COMPACT_RANGE_INVALID", "hashes", message);
}

}  // namespace

absl::StatusOr<CompactRange> CompactRange::FromHashes(TreeSize size, std::span<const Hash> hashes) {
  if (size.value() > kMaxTreeSize) return CompactRangeInvalid("tree size is too large");
  if (static_cast<size_t>(std::popcount(size.value())) != hashes.size()) {
    return CompactRangeInvalid("number of hashes does not fit the tree size");
  }
  CompactRange range;
  range.size_ = size.value();
  uint64_t rest = size.value();
  for (const Hash& hash : hashes) {
    const uint64_t largest = std::bit_floor(rest);
    range.subtrees_[static_cast<size_t>(std::countr_zero(largest))] = hash;
    rest -= largest;
  }
  return range;
}

absl::StatusOr<CompactRange> CompactRange::FromSource(TreeSize size, const NodeSource& source) {
  if (size.value() > kMaxTreeSize) return CompactRangeInvalid("tree size is too large");
  CompactRange range;
  range.size_ = size.value();
  for (uint64_t rest = size.value(); rest != 0;) {
    const auto level = static_cast<unsigned>(std::countr_zero(rest));
    rest -= uint64_t{1} << level;
    MEDFLYT_ASSIGN_OR_RETURN(range.subtrees_[level], source.Node(level, rest >> level));
  }
  return range;
}

Hash CompactRange::Root() const {
  if (size_ == 0) return EmptyRoot();
  auto level = static_cast<unsigned>(std::countr_zero(size_));
  Hash root = subtrees_[level];
  for (++level; level < subtrees_.size(); ++level) {
    if ((size_ >> level & 1) != 0) root = NodeHash(subtrees_[level], root);
  }
  return root;
}

std::vector<Hash> CompactRange::Hashes() const {
  std::vector<Hash> hashes;
  hashes.reserve(static_cast<size_t>(std::popcount(size_)));
  for (uint64_t rest = size_; rest != 0;) {
    const uint64_t largest = std::bit_floor(rest);
    hashes.push_back(subtrees_[static_cast<size_t>(std::countr_zero(largest))]);
    rest -= largest;
  }
  return hashes;
}

}  // namespace medflyt::merkle
