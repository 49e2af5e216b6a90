// What is kept no longer: found by the table of retention periods, and erased by the node where the table says so.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/base/random.h"
#include "server/domain/retention.h"
#include "server/log/appender.h"
#include "server/log/submission.h"

namespace medflyt::privacy {

// A citizen whose cases, or an observation or agreement that, need not be kept any more.
struct Due {
  std::vector<CaseId> cases;
  domain::Retention retention;
};
// All of them, observations first and agreements last. Looks at the whole state.
[[nodiscard]] std::vector<Due> DueForErasure(const domain::State& state, const domain::Facts& facts);

// One commit's part of the daily sweep: erases at most kAtOnce citizens and observations that the node may erase by
// itself, all months of access records, and the keys of what peers said and were refused. Looks at the whole state and
// the whole key table.
class RetentionSweep final : public log::Submission {
 public:
  static constexpr size_t kAtOnce = 64;

  struct Outcome {
    size_t erased = 0;
    size_t keys = 0;       // destroyed, with those of access records and of events that were refused
    size_t proposed = 0;   // for officers
    size_t disclosed = 0;  // keys of single events of the erased that auditors hold
    size_t held_back = 0;  // may be erased, and could not be: something of it is not delivered
    bool more = false;     // another sweep may find something to erase
  };
  // `done` gets the outcome once it is durable, or the key table's error. Borrows `random`.
  using Done = std::function<void(const absl::StatusOr<Outcome>&)>;
  RetentionSweep(RandomSource& random, Done done) : random_(random), done_(std::move(done)) {}

  void Apply(log::Appender& appender) override;
  void Committed(const log::Head&) override { done_(outcome_); }
  void Abandoned(const absl::Status& why) override { done_(why); }

 private:
  [[nodiscard]] absl::StatusOr<Outcome> Sweep(log::Appender& appender);
  void SweepCases(log::Appender& appender, Outcome& outcome);
  [[nodiscard]] static absl::Status SweepUnclaimedKeys(log::Appender& appender, Outcome& outcome);
  [[nodiscard]] static absl::Status SweepAccessKeys(log::Appender& appender, Outcome& outcome);

  RandomSource& random_;
  const Done done_;
  absl::StatusOr<Outcome> outcome_ = Outcome();
};

}  // namespace medflyt::privacy
