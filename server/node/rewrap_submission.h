// The part of a KEK rotation that the sequencer does.
#pragma once

#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "server/keys/kek_rotation.h"
#include "server/log/appender.h"
#include "server/log/submission.h"

namespace medflyt::node {

class RewrapSubmission final : public log::Submission {
 public:
  // `done` gets the outcome once it is durable.
  RewrapSubmission(keys::KekRotation& rotation, std::function<void(const absl::Status&)> done)
      : rotation_(rotation), done_(std::move(done)) {}

  void Apply(log::Appender& appender) override { outcome_ = rotation_.Rewrap(appender.now(), appender.batch()); }
  void Committed(const log::Head&) override { done_(outcome_); }
  void Abandoned(const absl::Status& why) override { done_(why); }

 private:
  keys::KekRotation& rotation_;
  const std::function<void(const absl::Status&)> done_;
  absl::Status outcome_;
};

}  // namespace medflyt::node
