// Every leaf of every multi-proof gives the inclusion proof that the log itself would give.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "common/merkle/multi_proof.h"
#include "server/exchange/inclusion.h"
#include "tests/support/reference_tree.h"

namespace medflyt::testing {
namespace {

RC_GTEST_PROP(InclusionFromMultiProof, IsTheLogsOwnProof, ()) {
  const auto size = *rc::gen::inRange<uint64_t>(1, 600);
  ReferenceTree tree;
  for (uint64_t i = 0; i < size; ++i) tree.Append("entry " + std::to_string(i));
  const auto chosen = *rc::gen::nonEmpty(rc::gen::container<std::set<uint64_t>>(rc::gen::inRange<uint64_t>(0, size)));
  std::vector<LeafIndex> indices;
  std::vector<crypto::Hash> leaf_hashes;
  for (const uint64_t index : chosen) {
    indices.emplace_back(index);
    leaf_hashes.push_back(tree.leaf_hashes()[index]);
  }
  const auto multi_proof = merkle::BuildMultiProof(tree, indices, TreeSize(size));
  RC_ASSERT(multi_proof.ok());
  for (size_t which = 0; which < indices.size(); ++which) {
    const auto path = exchange::InclusionFromMultiProof(indices, leaf_hashes, TreeSize(size), *multi_proof, which);
    RC_ASSERT(path.ok());
    RC_ASSERT(*path == *merkle::BuildInclusionProof(tree, indices[which], TreeSize(size)));
  }
  RC_ASSERT(
      !exchange::InclusionFromMultiProof(indices, leaf_hashes, TreeSize(size), *multi_proof, indices.size()).ok());
  auto longer = *multi_proof;
  longer.push_back(leaf_hashes[0]);
  RC_ASSERT(!exchange::InclusionFromMultiProof(indices, leaf_hashes, TreeSize(size), longer, 0).ok());
  if (!multi_proof->empty()) {
    auto shorter = *multi_proof;
    shorter.pop_back();
    RC_ASSERT(!exchange::InclusionFromMultiProof(indices, leaf_hashes, TreeSize(size), shorter, 0).ok());
  }
}

}  // namespace
}  // namespace medflyt::testing
