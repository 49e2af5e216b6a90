// A peer's batch, checked as far as it can be beside the sequencer, on its way into the log.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/named_type.h"
#include "common/directory/identity.h"
#include "common/entry/batch.h"
#include "server/exchange/batch_check.h"
#include "server/exchange/log_key_pins.h"
#include "server/log/submission.h"

namespace medflyt::exchange {

struct BatchToLog {
  AuthorityId peer;
  std::string origin;              // of the peer's log
  entry::AcceptedHead base;        // from which its consistency was proven
  CheckedBatch checked;            // events that are new here, of consecutive numbers
  std::string kept;                // the row of the batch (StartKept), still without the records
  LogKeyPins* log_keys = nullptr;  // where what proved it is pinned
  Believed believed = {};          // the log that proved it
};

struct BatchOutcome {
  absl::Status status;                 // of a protocol fault, found only now; nothing was applied then
  std::vector<log::Position> records;  // of the events, in their order
  log::Head head;                      // that makes it durable
  bool abandoned = false;              // nothing is known, or nothing was done
};

// Accepts the keys, logs each event as received or refused and applies it, keeps the batch. All or nothing. `done` is
// called once, on any thread. Once one batch of a link has failed, so do those behind it: `link_failed` says so.
class BatchSubmission final : public log::Submission {
 public:
  BatchSubmission(BatchToLog batch, std::shared_ptr<std::atomic<bool>> link_failed,
                  std::function<void(BatchOutcome)> done)
      : batch_(std::move(batch)), link_failed_(std::move(link_failed)), done_(std::move(done)) {}

  void Apply(log::Appender& appender) override;
  void Committed(const log::Head& head) override;
  void Abandoned(const absl::Status& why) override;
  size_t weight() const override { return batch_.checked.events.size(); }

 private:
  // Nothing is appended before this says OK.
  [[nodiscard]] absl::Status Recheck(log::Appender& appender) const;
  [[nodiscard]] log::Position Append(const CheckedEvent& event, log::Appender& appender) const;

  BatchToLog batch_;
  const std::shared_ptr<std::atomic<bool>> link_failed_;
  const std::function<void(BatchOutcome)> done_;
  BatchOutcome outcome_;
};

}  // namespace medflyt::exchange
