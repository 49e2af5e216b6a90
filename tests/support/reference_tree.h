// RFC 6962 section 2.1, word for word and slowly: what the library is compared with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/crypto/hash.h"
#include "common/merkle/subtree.h"

namespace medflyt::testing {

class ReferenceTree final : public merkle::NodeSource {
 public:
  using Hash = crypto::Hash;

  // A tree of `leaves` leaves with contents "leaf 0", "leaf 1", ...
  static ReferenceTree Numbered(size_t leaves) {
    ReferenceTree tree;
    for (size_t i = 0; i < leaves; ++i) tree.Append("leaf " + std::to_string(i));
    return tree;
  }

  void Append(std::string_view entry) { leaves_.push_back(crypto::Sha256({std::string_view("\0", 1), entry})); }

  [[nodiscard]] const std::vector<Hash>& leaf_hashes() const { return leaves_; }
  [[nodiscard]] size_t size() const { return leaves_.size(); }

  // MTH(D[begin:end]).
  [[nodiscard]] Hash Range(size_t begin, size_t end) const {
    if (begin == end) return crypto::Sha256(std::string_view());
    if (end - begin == 1) return leaves_[begin];
    const size_t middle = begin + Split(end - begin);
    const Hash left = Range(begin, middle);
    const Hash right = Range(middle, end);
    return crypto::Sha256({std::string_view("\x01", 1), left.bytes(), right.bytes()});
  }
  [[nodiscard]] Hash Root(size_t size) const { return Range(0, size); }

  // PATH(index, D[size]), section 2.1.1.
  [[nodiscard]] std::vector<Hash> InclusionPath(size_t index, size_t size) const { return Path(index, 0, size); }
  // PROOF(size1, D[size2]), section 2.1.2.
  [[nodiscard]] std::vector<Hash> ConsistencyPath(size_t size1, size_t size2) const {
    return SubProof(size1, 0, size2, true);
  }

  // Counts how often it is asked; an index beyond the tree is an error.
  [[nodiscard]] absl::StatusOr<Hash> Node(unsigned level, uint64_t index) const override {
    ++asked_;
    if (level > 62 || index >= (size() >> level)) return absl::NotFoundError("no such complete subtree");
    const size_t begin = static_cast<size_t>(index << level);
    return Range(begin, begin + (size_t{1} << level));
  }
  [[nodiscard]] size_t asked() const { return asked_; }

 private:
  // The largest power of two smaller than `leaves`.
  static size_t Split(size_t leaves) {
    size_t k = 1;
    while (k * 2 < leaves) k *= 2;
    return k;
  }

  [[nodiscard]] std::vector<Hash> Path(size_t index, size_t begin, size_t end) const {
    if (end - begin == 1) return {};
    const size_t middle = begin + Split(end - begin);
    const bool left = index < middle;
    std::vector<Hash> path = left ? Path(index, begin, middle) : Path(index, middle, end);
    path.push_back(left ? Range(middle, end) : Range(begin, middle));
    return path;
  }

  // `m` is absolute: the first tree is [0, m).
  [[nodiscard]] std::vector<Hash> SubProof(size_t m, size_t begin, size_t end, bool known) const {
    if (m == end) {
      if (known) return {};
      return {Range(begin, end)};
    }
    const size_t middle = begin + Split(end - begin);
    const bool left = m <= middle;
    std::vector<Hash> proof = left ? SubProof(m, begin, middle, known) : SubProof(m, middle, end, false);
    proof.push_back(left ? Range(middle, end) : Range(begin, middle));
    return proof;
  }

  std::vector<Hash> leaves_;
  mutable size_t asked_ = 0;
};

}  // namespace medflyt::testing
