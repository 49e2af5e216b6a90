// A municipality's IT system, as the node's client: commands in bulk or one a call.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "client/sdk/client.h"
#include "medflyt/v1/commands.pb.h"

namespace medflyt::bench {

// Fills the command with that number, counted from 0. One thread at a time.
using CommandAt = std::function<void(uint64_t number, v1::Command& command)>;

// What a load did. Every command must have had an effect: the first error ends it.
struct LoadResult {
  uint64_t commands = 0;
  absl::Status status;
};

// One SubmitCommands stream with `batch` commands a message and at most `window` messages that are not answered yet.
// Goes on while `go_on(commands sent so far)` holds; returns once all is answered.
// Every command names the ground, where there is one.
[[nodiscard]] LoadResult SubmitInBulk(sdk::Client& client, int batch, int window, const CommandAt& command_at,
                                      const std::function<bool(uint64_t sent)>& go_on,
                                      const std::optional<v1::DisclosureGround>& ground = {});

// One PauseEnrolment or ResumeEnrolment a call, `window` calls in flight. `command_at` fills one of the two.
[[nodiscard]] LoadResult SubmitOneACall(sdk::Client& client, int window, const CommandAt& command_at,
                                        const std::function<bool(uint64_t sent)>& go_on);

}  // namespace medflyt::bench
