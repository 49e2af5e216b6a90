// Proofs out of foreign bytes: no verifier may read out of bounds, run long, or accept a root that it was not led to.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/merkle/compact_range.h"
#include "common/merkle/multi_proof.h"
#include "common/merkle/proof.h"

namespace {

using namespace medflyt;

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader in(std::string_view(reinterpret_cast<const char*>(data), size));
  const auto index = in.U64();
  const auto tree_size = in.U64();
  const auto index_count = in.U8();
  if (!index || !tree_size || !index_count) return 0;
  std::vector<LeafIndex> indices;
  for (uint8_t i = 0; i < *index_count; ++i) {
    const auto next = in.U16();
    if (!next) return 0;
    indices.emplace_back(*next);
  }
  std::vector<merkle::Hash> hashes;
  while (const auto bytes = in.Take(merkle::Hash::kSize)) hashes.push_back(*merkle::Hash::FromBytes(*bytes));
  const merkle::Hash leaf = hashes.empty() ? merkle::Hash() : hashes.front();
  const merkle::Hash root = hashes.empty() ? merkle::Hash() : hashes.back();

  const LeafIndex leaf_index(*index);
  const TreeSize n(*tree_size);
  const auto computed = merkle::RootFromInclusion(leaf_index, n, leaf, hashes);
  const bool verified = merkle::VerifyInclusion(leaf_index, n, leaf, hashes, root).ok();
  Require(verified == (computed.ok() && *computed == root));

  if (merkle::VerifyConsistency(TreeSize(*index), n, leaf, root, hashes).ok())
    Require(0 < *index && *index <= *tree_size);

  const size_t leaves = std::min(indices.size(), hashes.size());
  const std::span<const merkle::Hash> all(hashes);
  const auto multi = merkle::RootFromMultiProof(indices, all.first(leaves), n, all.subspan(leaves));
  if (multi.ok()) Require(leaves == indices.size() && !indices.empty() && indices.back().value() < *tree_size);

  const auto range = merkle::CompactRange::FromHashes(n, hashes);
  if (range.ok()) Require(range->Hashes() == hashes && range->size() == n);
  return 0;
}
