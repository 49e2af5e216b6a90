#include "server/exchange/backoff.h"

#include <algorithm>
#include <cstdint>

namespace medflyt::exchange {

Backoff::Backoff(absl::Duration first, absl::Duration longest, RandomSource& random)
    : first_(first), longest_(longest), random_(random), next_(first) {}

absl::Duration Backoff::Next() {
  const absl::Duration longest_now = next_;
  next_ = std::min(next_ * 2, longest_);
  uint8_t jitter = 0;
  random_.Fill(&jitter, 1);
  return longest_now / 2 + longest_now / 2 * (static_cast<double>(jitter) / 255.0);
}

void Backoff::Reset() { next_ = first_; }

}  // namespace medflyt::exchange
