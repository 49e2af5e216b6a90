// Fixed-size binary identifiers.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/bytes.h"

namespace medflyt {

// `Size` bytes of one kind, told apart by `Tag`; ordered as bytes. The all-zero value means "none".
template <size_t Size, typename Tag>
class FixedBytes {
 public:
  static constexpr size_t kSize = Size;

  constexpr FixedBytes() = default;
  constexpr explicit FixedBytes(const std::array<uint8_t, Size>& bytes) : bytes_(bytes) {}

  // Nothing when `bytes` has another size.
  [[nodiscard]] static std::optional<FixedBytes> FromBytes(std::string_view bytes) {
    if (bytes.size() != Size) return std::nullopt;
    FixedBytes id;
    std::memcpy(id.bytes_.data(), bytes.data(), Size);
    return id;
  }

  // From hexadecimal text of either case; nothing when it is not exactly Size bytes.
  [[nodiscard]] static std::optional<FixedBytes> FromHex(std::string_view hex) {
    const auto bytes = HexDecode(hex);
    if (!bytes.ok()) return std::nullopt;
    return FromBytes(*bytes);
  }

  [[nodiscard]] std::string_view bytes() const { return {reinterpret_cast<const char*>(bytes_.data()), Size}; }
  [[nodiscard]] std::string ToHex() const { return HexEncode(bytes()); }
  [[nodiscard]] constexpr bool is_zero() const {
    return std::all_of(bytes_.begin(), bytes_.end(), [](uint8_t b) { return b == 0; });
  }
  [[nodiscard]] constexpr const std::array<uint8_t, Size>& array() const { return bytes_; }
  [[nodiscard]] constexpr uint8_t* data() { return bytes_.data(); }
  [[nodiscard]] constexpr const uint8_t* data() const { return bytes_.data(); }

  friend constexpr auto operator<=>(const FixedBytes&, const FixedBytes&) = default;

  template <typename H>
  friend H AbslHashValue(H h, const FixedBytes& id) {
    return H::combine_contiguous(std::move(h), id.bytes_.data(), Size);
  }

 private:
  std::array<uint8_t, Size> bytes_{};
};

using EventId = FixedBytes<16, struct EventIdTag>;  // random, unique across generations
using CaseId = FixedBytes<16, struct CaseIdTag>;    // random per pair of authorities; links nothing outside a node
using KeyId = FixedBytes<16, struct KeyIdTag>;      // names a data key; random

}  // namespace medflyt
