// How long to wait before the next attempt.
#pragma once

#include "absl/time/time.h"
#include "common/base/random.h"

namespace medflyt::exchange {

// Doubles from `first` to `longest`; each wait is between half and all of that, at random, so that peers that lost
// one node together do not come back together.
class Backoff {
 public:
  Backoff(absl::Duration first, absl::Duration longest, RandomSource& random);

  [[nodiscard]] absl::Duration Next();
  void Reset();

 private:
  const absl::Duration first_;
  const absl::Duration longest_;
  RandomSource& random_;
  absl::Duration next_;
};

}  // namespace medflyt::exchange
