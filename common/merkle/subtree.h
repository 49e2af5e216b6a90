// Subtrees of an RFC 6962 tree.
//
//   size 6:          root [0,6)
//                   /          \            The left child of [begin, end) covers the largest power of two of leaves
//             [0,4)            [4,6)        that is smaller than the whole. Perfect subtrees are named by level and
//            /     \          /     \       index: (level, index) covers leaves [index << level, (index + 1) << level).
//        [0,2)    [2,4)      4       5      All others touch the right edge ("ragged") and are stored nowhere.
#pragma once

#include <bit>
#include <cstdint>

#include "absl/status/statusor.h"
#include "common/merkle/tree_hasher.h"

namespace medflyt::merkle {

// Where the hashes of perfect subtrees come from: tiles, memory. Const calls of an implementation are as thread-safe
// as it says.
class NodeSource {
 public:
  virtual ~NodeSource() = default;
  // The hash over leaves [index << level, (index + 1) << level); level 0 is a leaf's hash. Called only for subtrees
  // that lie within the tree size asked about. An error is passed on to whoever asked for the proof.
  [[nodiscard]] virtual absl::StatusOr<Hash> Node(unsigned level, uint64_t index) const = 0;
};

// Number of leaves of the left child of a subtree with `leaves` > 1 leaves.
[[nodiscard]] constexpr uint64_t LeftChildLeaves(uint64_t leaves) { return std::bit_floor(leaves - 1); }

// The hash of the subtree [begin, end) of any tree with at least `end` leaves; `begin` < `end`, and the range is one
// that the splitting above arrives at. Asks the source for as many nodes as `end - begin` has one bits.
[[nodiscard]] absl::StatusOr<Hash> SubtreeHash(const NodeSource& source, uint64_t begin, uint64_t end);

}  // namespace medflyt::merkle
