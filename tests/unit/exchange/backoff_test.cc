#include "server/exchange/backoff.h"

#include <gtest/gtest.h>

namespace medflyt::exchange {
namespace {

class Constant final : public RandomSource {
 public:
  explicit Constant(uint8_t value) : value_(value) {}
  void Fill(uint8_t* out, size_t size) override { std::fill(out, out + size, value_); }

 private:
  const uint8_t value_;
};

TEST(Backoff, DoublesUpToTheLongestAndBeginsAgain) {
  Constant most(255);
  Backoff backoff(absl::Seconds(1), absl::Seconds(5), most);
  EXPECT_EQ(backoff.Next(), absl::Seconds(1));
  EXPECT_EQ(backoff.Next(), absl::Seconds(2));
  EXPECT_EQ(backoff.Next(), absl::Seconds(4));
  EXPECT_EQ(backoff.Next(), absl::Seconds(5));
  EXPECT_EQ(backoff.Next(), absl::Seconds(5));
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), absl::Seconds(1));
}

TEST(Backoff, WaitsAtLeastHalf) {
  Constant least(0);
  Backoff backoff(absl::Seconds(1), absl::Seconds(5), least);
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(500));
  EXPECT_EQ(backoff.Next(), absl::Seconds(1));
}

}  // namespace
}  // namespace medflyt::exchange
