// The hashes of an RFC 6962 section 2.1 (RFC 9162 section 2.1.1) Merkle tree over SHA-256. The one place where leaves
// and nodes get their prefixes.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/crypto/hash.h"

namespace medflyt::merkle {

using crypto::Hash;

// The largest tree that is handled: sizes stay representable as signed 64-bit numbers, and levels are 0 to 62.
inline constexpr uint64_t kMaxTreeSize = (uint64_t{1} << 63) - 1;

// SHA-256(0x00 ‖ entry).
[[nodiscard]] Hash LeafHash(std::string_view entry);
// SHA-256(0x01 ‖ left ‖ right).
[[nodiscard]] Hash NodeHash(const Hash& left, const Hash& right);
// The root of a tree of size 0: SHA-256 of nothing.
[[nodiscard]] Hash EmptyRoot();

}  // namespace medflyt::merkle
