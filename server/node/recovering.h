// Two officers' decision, on a node that signs nothing, that it goes on under a new log.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "server/exchange/own_log_check.h"
#include "server/exchange/recovery.h"
#include "server/log/log.h"

namespace medflyt::node {

// Thread-safe. Borrows all of it.
class Recovering {
 public:
  // Nothing: a second officer is waited for.
  using Done = std::function<void(absl::StatusOr<std::optional<exchange::Recovery::Outcome>>)>;
  Recovering(const log::Log& log, const exchange::OwnLogCheck& check, exchange::Recovery& recovery)
      : log_(log), check_(check), recovery_(recovery) {}

  // One officer asks for it; the second one's call fetches back what every peer holds that was neither released nor
  // left out, and is done when that is durable. Both name the same peers to be left out. The first is forgotten when
  // the node stops. FAILED_PRECONDITION: LOG_NOT_RESTRAINED; RECOVERY_NOT_NEEDED while nobody has proven that there is
  // more of the log; RECOVERY_PEERS_UNHEARD while one has not answered, or claims what it cannot prove, and is neither
  // released nor left out; RECOVERY_PEERS_DIFFER where the second officer leaves out others than the first;
  // TWO_OFFICERS_REQUIRED. And the errors of exchange::Recovery, after which a second officer may call again.
  void Decide(const std::string& officer, const crypto::Hash& certificate, const std::set<AuthorityId>& without,
              Done done);
  // Who asked first; empty before.
  [[nodiscard]] std::string first_officer() const;

 private:
  struct First {
    std::string officer;
    crypto::Hash certificate;
    std::set<AuthorityId> without;
  };
  const log::Log& log_;
  const exchange::OwnLogCheck& check_;
  exchange::Recovery& recovery_;
  mutable Mutex mutex_;
  std::optional<First> first_ MEDFLYT_GUARDED_BY(mutex_);
};

}  // namespace medflyt::node
