// Simulated time: everything that happens, in the order of its moment, on one thread. The same seed gives the same run.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <utility>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "server/exchange/scheduler.h"

namespace medflyt::testing {

// What ends with a node's crash holds this; what was planned for a life that is over never happens.
using Life = std::shared_ptr<const bool>;
inline Life NewLife() { return std::make_shared<const bool>(true); }

class Timeline final : public Clock {
 public:
  explicit Timeline(absl::Time start) : now_(start) {}

  absl::Time Now() const override { return now_; }

  void At(absl::Time when, std::weak_ptr<const bool> life, std::function<void()> happens) {
    planned_.emplace(std::pair(std::max(when, now_), ++order_), Planned{std::move(life), std::move(happens)});
  }
  void In(absl::Duration delay, const Life& life, std::function<void()> happens) {
    At(now_ + delay, life, std::move(happens));
  }

  // The next thing happens; false where nothing is planned before `end`, at which time then is.
  bool Step(absl::Time end) {
    if (planned_.empty() || planned_.begin()->first.first > end) {
      now_ = std::max(now_, end);
      return false;
    }
    auto next = planned_.extract(planned_.begin());
    now_ = std::max(now_, next.key().first);
    if (!next.mapped().life.expired()) next.mapped().happens();
    return true;
  }

 private:
  struct Planned {
    std::weak_ptr<const bool> life;
    std::function<void()> happens;
  };

  absl::Time now_;
  uint64_t order_ = 0;
  std::map<std::pair<absl::Time, uint64_t>, Planned> planned_;
};

// The chance of a run. Not thread-safe, as nothing here need be.
class Chance final : public RandomSource {
 public:
  explicit Chance(uint64_t seed) : engine_(seed) {}

  void Fill(uint8_t* out, size_t size) override {
    for (size_t done = 0; done < size; done += 8) {
      const uint64_t drawn = engine_();
      std::memcpy(out + done, &drawn, std::min<size_t>(8, size - done));
    }
  }
  // From 0 to below `bound`, which is at least 1.
  uint64_t Below(uint64_t bound) { return engine_() % bound; }
  bool OneIn(uint64_t bound) { return Below(bound) == 0; }
  absl::Duration Between(absl::Duration least, absl::Duration most) {
    return least + absl::Microseconds(
                       static_cast<int64_t>(Below(static_cast<uint64_t>(absl::ToInt64Microseconds(most - least)) + 1)));
  }

 private:
  std::mt19937_64 engine_;
};

class SimScheduler final : public exchange::Scheduler {
 public:
  SimScheduler(Timeline& timeline, Life life) : timeline_(timeline), life_(std::move(life)) {}
  void RunAt(absl::Time when, exchange::Task task) override { timeline_.At(when, life_, std::move(task)); }

 private:
  Timeline& timeline_;
  const std::weak_ptr<const bool> life_;
};

}  // namespace medflyt::testing
