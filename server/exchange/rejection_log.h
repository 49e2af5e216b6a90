// What authenticated peers sent and this node did not take: one ledger record a peer, rule and minute, with a count.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/directory/identity.h"
#include "server/exchange/scheduler.h"
#include "server/log/sequencer.h"

namespace medflyt::exchange {

// Thread-safe. A minute's counts are submitted when it is over, and ride on the next commit; what the queue turns away
// is tried again a minute later. Counts of the last minute before a crash are lost: they are no evidence, the refused
// messages had no effect.
class RejectionLog {
 public:
  RejectionLog(log::SubmissionQueue& queue, const Clock& clock, Scheduler& scheduler);

  void Record(AuthorityId peer, std::string_view rule);
  // Submits everything counted so far, the present minute's too.
  void Flush();

 private:
  // Minute, peer, rule.
  using Counts = std::map<std::tuple<int64_t, AuthorityId, std::string>, uint64_t>;
  struct Shared;
  class FlushSubmission;

  static void FlushBefore(const std::shared_ptr<Shared>& shared, int64_t minute);
  static void Arm(const std::shared_ptr<Shared>& shared, int64_t minute);

  const std::shared_ptr<Shared> shared_;  // outlived by the timers and submissions that hold it
};

}  // namespace medflyt::exchange
