#include "common/merkle/tree_hasher.h"

#include <cstring>

namespace medflyt::merkle {
namespace {

constexpr std::string_view kLeafPrefix("\x00", 1);
constexpr char kNodePrefix = 0x01;

}  // namespace

Hash LeafHash(std::string_view entry) { return crypto::Sha256({kLeafPrefix, entry}); }

Hash NodeHash(const Hash& left, const Hash& right) {
  // One contiguous buffer: a single update is measurably cheaper than three.
  char node[1 + 2 * Hash::kSize];
  node[0] = kNodePrefix;
  std::memcpy(node + 1, left.data(), Hash::kSize);
  std::memcpy(node + 1 + Hash::kSize, right.data(), Hash::kSize);
  return crypto::Sha256(std::string_view(node, sizeof(node)));
}

Hash EmptyRoot() { return crypto::Sha256(std::string_view()); }

}  // namespace medflyt::merkle
