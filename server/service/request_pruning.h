// Deletes what is kept of requests once they are older than their retention.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "server/log/sequencer.h"
#include "server/store/store.h"

namespace medflyt::service {

// The rows' keys are hashes, so all of them are looked at, a slice at a time: neither the sequencer nor a snapshot is
// held for long. One slice at a time, from any thread; borrows what it is given.
class RequestPruning {
 public:
  // How many rows a slice looks at.
  static constexpr size_t kSliceRows = 10'000;

  RequestPruning(const store::Store& store, log::SubmissionQueue& sequencer, const Clock& clock,
                 absl::Duration retention)
      : store_(store), sequencer_(sequencer), clock_(clock), retention_(retention) {}

  // Looks at the next slice; `done` is told whether there are more, once what was too old is durably gone: on this
  // thread where nothing was, else on the committing thread, which it must not block. The store's and the sequencer's
  // errors, and DATA_LOSS (ROW_MALFORMED); the same slice is then looked at again.
  using Done = std::function<void(const absl::StatusOr<bool>& more)>;
  void NextSlice(const Done& done);

 private:
  const store::Store& store_;
  log::SubmissionQueue& sequencer_;
  const Clock& clock_;
  const absl::Duration retention_;
  std::string after_;  // the last key that was looked at; empty before the first
};

}  // namespace medflyt::service
