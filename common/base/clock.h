// The clock as an interface, so that whole nodes run on simulated time.
#pragma once

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace medflyt {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual absl::Time Now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] absl::Time Now() const override { return absl::Now(); }
};

}  // namespace medflyt
