// What a fuzz target demands, in every build type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace medflyt::tlog {

inline void Require(bool condition) {
  if (!condition) std::abort();
}

inline std::string_view Input(const uint8_t* data, size_t size) { return {reinterpret_cast<const char*>(data), size}; }

}  // namespace medflyt::tlog
