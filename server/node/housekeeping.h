// What a node does of its own accord at set times, beside the exchange.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "server/exchange/scheduler.h"
#include "server/keys/kek_rotation.h"
#include "server/keys/key_table.h"
#include "server/log/sequencer.h"
#include "server/service/request_pruning.h"
#include "server/store/store.h"

namespace medflyt::node {

// Runs on the scheduler's threads, from Start until the scheduler stops; borrows its parts. Where something fails a
// line is logged, without content, and it is tried again at its next time.
//
//   expiry            whatever has run out by a date            at the start and just after each Danish midnight
//   request pruning   what is beyond request_retention_days     the same
//   retention         what need not be kept, and may be erased  the same
//   KEK rotation      where it is due, or was interrupted       at the start and every minute
class Housekeeping {
 public:
  struct Parts {
    const Clock& clock;
    RandomSource& random;
    Logger& logger;
    exchange::Scheduler& scheduler;
    const store::Store& store;
    log::SubmissionQueue& sequencer;
    const keys::KeyTable& keys;
    keys::KekRotation& rotation;
    absl::Duration request_retention;
    std::function<void()> exchange_key_renewed;  // by a rotation that is durable; called by the committing thread
  };
  explicit Housekeeping(const Parts& parts);

  // Once the node may sign.
  void Start();

 private:
  void Expire();
  void PruneRequests();
  void SweepRetention();
  void RotateKek();
  void OnKekRotated(const absl::Status& outcome);

  const Parts parts_;
  service::RequestPruning pruning_;
};

}  // namespace medflyt::node
