// What is handed to the sequencer: a command, a read that must be recorded, a peer's batch, a receipt.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "server/log/layout.h"

namespace medflyt::log {

class Appender;

// Created on any thread, then owned by the sequencer, which calls Apply once and after it exactly one of Committed and
// Abandoned; or Abandoned alone, where it never came to apply.
class Submission {
 public:
  Submission() = default;
  Submission(const Submission&) = delete;
  Submission& operator=(const Submission&) = delete;
  virtual ~Submission() = default;

  // On the sequencer's thread, in queue order: reads the state and appends what follows. Must not block.
  virtual void Apply(Appender& appender) = 0;

  // On the committing thread: all that Apply appended, and all before it, is durable under `head`. Must not block.
  virtual void Committed(const Head& head) = 0;

  // The node stops before this was applied (UNAVAILABLE, NODE_STOPPING). Or a commit failed and the process did not end
  // at once, as a node's does: whether it became durable is not known (UNKNOWN, STORE_OUTCOME_UNKNOWN). The client
  // repeats its request id. Or the log is restrained (Log::Restrain), and nothing was applied.
  virtual void Abandoned(const absl::Status& why) = 0;

  // How much of a commit and of the queue it takes: how many commands or events it is.
  [[nodiscard]] virtual size_t weight() const { return 1; }

  // False for what writes rows and never appends an entry: it goes on while the log is restrained (Log::Restrain).
  [[nodiscard]] virtual bool appends() const { return true; }

  // False for what may wait a little for the next commit instead of causing one, such as logging receipts.
  [[nodiscard]] virtual bool urgent() const { return true; }
};

}  // namespace medflyt::log
