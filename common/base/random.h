// Randomness as an interface: the operating system's in production (common/crypto), seeded in simulation.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/id.h"

namespace medflyt {

// Thread-safe.
class RandomSource {
 public:
  virtual ~RandomSource() = default;
  // Fills `size` bytes; never fails.
  virtual void Fill(uint8_t* out, size_t size) = 0;

  template <typename Id>
  [[nodiscard]] Id NewId() {
    Id id;
    Fill(id.data(), Id::kSize);
    return id;
  }
};

}  // namespace medflyt
