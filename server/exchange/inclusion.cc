#include "server/exchange/inclusion.h"

#include <algorithm>
#include <cstdint>

#include "common/base/status.h"
#include "common/merkle/multi_proof.h"
#include "common/merkle/subtree.h"
#include "common/merkle/tree_hasher.h"

namespace medflyt::exchange {
namespace {

// Walks the tree as a multi-proof is read (common/merkle/multi_proof.h) and keeps the siblings of one leaf's path.
class Walk {
 public:
  Walk(std::span<const LeafIndex> indices, std::span<const crypto::Hash> leaf_hashes,
       std::span<const crypto::Hash> proof, LeafIndex target)
      : indices_(indices), leaf_hashes_(leaf_hashes), proof_(proof), target_(target.value()) {}

  // The hash of [begin, end), which holds the leaves indices[first, last).
  crypto::Hash Over(uint64_t begin, uint64_t end, size_t first, size_t last) {
    if (first == last) return proof_[next_++];
    if (end - begin == 1) return leaf_hashes_[first];
    const uint64_t middle = begin + merkle::LeftChildLeaves(end - begin);
    const auto from = indices_.begin();
    const auto split =
        static_cast<size_t>(std::lower_bound(from + static_cast<std::ptrdiff_t>(first),
                                             from + static_cast<std::ptrdiff_t>(last), LeafIndex(middle)) -
                            from);
    const crypto::Hash left = Over(begin, middle, first, split);
    const crypto::Hash right = Over(middle, end, split, last);
    if (target_ >= begin && target_ < end) path_.push_back(target_ < middle ? right : left);
    return merkle::NodeHash(left, right);
  }

  merkle::Proof TakePath() { return std::move(path_); }

 private:
  std::span<const LeafIndex> indices_;
  std::span<const crypto::Hash> leaf_hashes_;
  std::span<const crypto::Hash> proof_;
  uint64_t target_;
  size_t next_ = 0;
  merkle::Proof path_;
};

}  // namespace

absl::StatusOr<merkle::Proof> InclusionFromMultiProof(std::span<const LeafIndex> indices,
                                                      std::span<const crypto::Hash> leaf_hashes, TreeSize size,
                                                      std::span<const crypto::Hash> proof, size_t which) {
  // This also says that the walk below finds every hash that it asks for.
  MEDFLYT_RETURN_IF_ERROR(merkle::RootFromMultiProof(indices, leaf_hashes, size, proof).status());
  if (which >= indices.size()) {
    return RuleError(absl::StatusCode::kInvalidArgument, "MULTI_PROOF_INVALID", "which", "there is no such leaf");
  }
  Walk walk(indices, leaf_hashes, proof, indices[which]);
  (void)walk.Over(0, size.value(), 0, indices.size());
  return walk.TakePath();
}

}  // namespace medflyt::exchange
