// Before a node goes on under a new log: what its peers hold of the old one is fetched back, and kept with the two
// officers' decision until the new log is opened (server/node, recover.h).
//
//   kMeta 'recovery'   ->  RecoveryPlan
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "common/entry/grant.h"
#include "medflyt/v1/recovery.pb.h"
#include "server/exchange/context.h"
#include "server/exchange/peer_calls.h"
#include "server/exchange/recovery_evidence.h"
#include "server/exchange/scheduler.h"
#include "server/store/store.h"

namespace medflyt::exchange {

inline constexpr std::string_view kRecoveryRow = "recovery";
// For all answers of one peer, far more than what a node holds takes: a peer that answers each question in time and
// never comes to an end keeps nobody longer.
inline constexpr absl::Duration kLongestGivingBack = absl::Hours(1);
// Bytes of all peers' answers together: hundreds of thousands of events. What is more is refused of who gave most.
inline constexpr size_t kMaxGivenBack = size_t{256} << 20;

// The plan that is kept; nothing before one is. DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::StatusOr<std::optional<v1::RecoveryPlan>> ReadRecoveryPlan(const store::Reader& store);

// One at a time: asks each of the peers in turn, verifies what it gives back before the next is asked, and makes plan
// and keys durable. Public calls are thread-safe; all else happens on a strand. Borrows context and calls; order of
// life as Cosigning's.
class Recovery {
 public:
  struct Decision {
    crypto::Hash first_certificate;
    crypto::Hash second_certificate;
  };
  // What came back, once the plan is durable.
  struct Outcome {
    TreeSize closed_size;   // of the highest head
    uint64_t held = 0;      // events of our own
    uint64_t returned = 0;  // of peers
  };
  using Done = std::function<void(absl::StatusOr<Outcome>)>;

  Recovery(Context& context, PeerCalls& calls, size_t most = kMaxGivenBack)
      : context_(context), calls_(calls), most_(most), strand_(std::make_shared<Strand>(context.parts.scheduler)) {}
  // Whoever waits is told UNAVAILABLE (NODE_STOPPING).
  void Stop();

  // The log is restrained. `done` once, on any thread: ABORTED (RECOVERY_RUNNING); what a peer answered, or kept it
  // from answering in time, as UNAVAILABLE (RECOVERY_PEER_FAILED, naming it); the errors of ReadEvidence. After an
  // error nothing is kept and it may be begun again.
  void Begin(std::vector<AuthorityId> peers, const Decision& decision, const Done& done);

 private:
  class PlanSubmission;
  class KeySubmission;
  void AskHeads();
  void AskHeld();
  void AskReturned();
  void NextPeer();
  void Fail(AuthorityId peer, std::string_view why);
  void Finish();
  void End(const absl::StatusOr<Outcome>& outcome) MEDFLYT_EXCLUDES(mutex_);
  [[nodiscard]] bool running() MEDFLYT_EXCLUDES(mutex_);
  [[nodiscard]] EvidenceParts Parts(const directory::Directory& directory) const;
  [[nodiscard]] v1::HeldByPeer& peer() { return *plan_.mutable_peers(plan_.peers_size() - 1); }
  [[nodiscard]] AuthorityId asked() const { return peers_.at(static_cast<size_t>(plan_.peers_size()) - 1); }
  // Nobody's honest answers are refused for the others', but where they are larger than those.
  [[nodiscard]] AuthorityId GaveMost() const;
  // Runs `then` with the answer on the strand; an error ends it all.
  template <typename Response>
  [[nodiscard]] std::function<void(absl::StatusOr<Response>)> Then(std::function<void(Response&)> then);

  Context& context_;
  PeerCalls& calls_;
  const size_t most_;
  const std::shared_ptr<Strand> strand_;

  // The strand's.
  std::vector<AuthorityId> peers_;
  v1::RecoveryPlan plan_;
  std::vector<size_t> given_;  // bytes, of each of the peers that was asked
  v1::ExchangeKey exchange_key_;
  absl::Time until_;    // of the asked peer
  uint64_t next_ = 0;   // number
  std::string origin_;  // of the asked peer's open log
  TreeSize accepted_;   // of that log

  Mutex mutex_;
  Done done_ MEDFLYT_GUARDED_BY(mutex_);  // while one is under way
};

}  // namespace medflyt::exchange
