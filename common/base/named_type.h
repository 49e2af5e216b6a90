// A distinct type for each kind of number, so that a leaf index is never passed where a tree size is meant.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <utility>

namespace medflyt {

template <typename T, typename Tag>
class NamedType {
 public:
  using Value = T;

  constexpr NamedType() = default;
  constexpr explicit NamedType(T value) : value_(std::move(value)) {}

  [[nodiscard]] constexpr const T& value() const { return value_; }

  friend constexpr auto operator<=>(const NamedType&, const NamedType&) = default;
  friend std::ostream& operator<<(std::ostream& out, const NamedType& named) { return out << named.value_; }

  template <typename H>
  friend H AbslHashValue(H h, const NamedType& named) {
    return H::combine(std::move(h), named.value_);
  }

 private:
  T value_{};
};

using LeafIndex = NamedType<uint64_t, struct LeafIndexTag>;    // 0-based position of an entry in its log
using TreeSize = NamedType<uint64_t, struct TreeSizeTag>;      // number of entries in a log
using PairNumber = NamedType<uint64_t, struct PairNumberTag>;  // gapless from 1 for each issuer → recipient

}  // namespace medflyt

template <typename T, typename Tag>
struct std::hash<medflyt::NamedType<T, Tag>> {
  size_t operator()(const medflyt::NamedType<T, Tag>& named) const { return std::hash<T>{}(named.value()); }
};
