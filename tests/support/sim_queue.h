// The sequencer of a simulated node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "server/log/appender.h"
#include "server/log/log.h"
#include "tests/support/sim_network.h"
#include "tests/support/sim_time.h"

namespace medflyt::testing {

// Applies a function on the sequencer; tells once when it is durable.
class SimSubmission final : public log::Submission {
 public:
  using Work = std::function<void(log::Appender&)>;
  explicit SimSubmission(Work work, std::function<void()> durable = nullptr)
      : work_(std::move(work)), durable_(std::move(durable)) {}
  void Apply(log::Appender& appender) override { work_(appender); }
  void Committed(const log::Head&) override {
    if (durable_) durable_();
  }
  void Abandoned(const absl::Status&) override {}

 private:
  const Work work_;
  const std::function<void()> durable_;
};

// The sequencer's two halves as planned moments: what is prepared is not durable until its commit comes.
class SimQueue final : public log::SubmissionQueue {
 public:
  SimQueue(Timeline& timeline, Chance& chance, const SimNetwork& network, Life life, std::function<void()> failed)
      : timeline_(timeline), chance_(chance), network_(network), life_(std::move(life)), failed_(std::move(failed)) {}

  void Serve(log::Log& log, std::function<void(const log::Appender&)> inspect) {
    log_ = &log;
    inspect_ = std::move(inspect);
  }

  absl::Status Submit(std::unique_ptr<log::Submission> submission) override {
    const uint64_t full_one_in = network_.weather.queue_full_one_in;
    if (full_one_in != 0 && chance_.OneIn(full_one_in)) {
      return RuleError(absl::StatusCode::kResourceExhausted, "QUEUE_FULL", "", "try again");
    }
    const bool urgent = submission->urgent();
    waiting_.push_back(std::move(submission));
    const absl::Duration linger = urgent ? absl::ZeroDuration() : absl::Milliseconds(50);
    timeline_.At(timeline_.Now() + linger + chance_.Between(absl::ZeroDuration(), absl::Milliseconds(3)), life_,
                 [this] { Prepare(); });
    return absl::OkStatus();
  }

 private:
  void Prepare() {
    if (waiting_.empty()) return;
    // Sometimes not all of them.
    const size_t count = chance_.OneIn(4) ? 1 + chance_.Below(waiting_.size()) : waiting_.size();
    std::vector<std::unique_ptr<log::Submission>> taken;
    for (size_t i = 0; i < count; ++i) taken.push_back(std::move(waiting_[i]));
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    taken.push_back(std::make_unique<SimSubmission>([this](log::Appender& appender) { inspect_(appender); }));
    prepared_.push_back(log_->Prepare(std::move(taken)));
    // Commits happen in the order in which they were prepared, whatever these moments are.
    timeline_.At(timeline_.Now() + chance_.Between(absl::Microseconds(200), absl::Milliseconds(15)), life_,
                 [this] { Commit(); });
    if (!waiting_.empty()) {
      timeline_.At(timeline_.Now() + absl::Milliseconds(1), life_, [this] { Prepare(); });
    }
  }

  void Commit() {
    const std::unique_ptr<log::PreparedCommit> next = std::move(prepared_.front());
    prepared_.pop_front();
    if (!log_->Commit(*next).ok()) failed_();
  }

  Timeline& timeline_;
  Chance& chance_;
  const SimNetwork& network_;
  const std::weak_ptr<const bool> life_;
  const std::function<void()> failed_;
  log::Log* log_ = nullptr;
  std::function<void(const log::Appender&)> inspect_;
  std::vector<std::unique_ptr<log::Submission>> waiting_;
  std::deque<std::unique_ptr<log::PreparedCommit>> prepared_;
};

}  // namespace medflyt::testing
