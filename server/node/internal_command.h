// A command of the node itself.
#pragma once

#include <functional>
#include <utility>

#include "common/event/command.h"
#include "server/log/appender.h"
#include "server/log/submission.h"

namespace medflyt::node {

class InternalCommand final : public log::Submission {
 public:
  // `done` gets the outcome once it is durable.
  InternalCommand(event::CommandBody body, std::function<void(const absl::Status&)> done)
      : command_{{}, std::move(body)}, done_(std::move(done)) {}

  void Apply(log::Appender& appender) override { outcome_ = appender.Execute(command_).status(); }
  void Committed(const log::Head&) override { done_(outcome_); }
  void Abandoned(const absl::Status& why) override { done_(why); }

 private:
  const event::Command command_;
  const std::function<void(const absl::Status&)> done_;
  absl::Status outcome_;
};

}  // namespace medflyt::node
