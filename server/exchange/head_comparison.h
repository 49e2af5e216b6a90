// Peers compare what they saw of other logs: a log that shows different histories to different eyes is found when two
// of them meet, even if no witness saw both.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/directory/identity.h"
#include "common/entry/batch.h"
#include "medflyt/v1/peer_service.pb.h"
#include "server/exchange/context.h"
#include "server/exchange/peer_calls.h"
#include "server/exchange/scheduler.h"
#include "server/exchange/witness.h"

namespace medflyt::exchange {

struct ComparisonSchedule {
  absl::Duration look = absl::Minutes(1);      // how soon a peer that has come is asked
  absl::Duration repeat = absl::Hours(24);     // how often one that stays is asked
  absl::Duration again = absl::Minutes(10);    // after a failure
  absl::Duration timeout = absl::Seconds(30);  // of one question
};

inline constexpr int kMaxHeads = 256;  // of one message

// The head of a log that this node cosigned last is held against what its peers hold, and against what came with that
// log's own batches:
//   one size, two roots         proof of a fork, whoever brings it: both notes are the log's. Kept; the log's owner is
//                               stopped.
//   two sizes                   the log itself is asked for the proof between them. One that holds: nothing. One that
//                               does not, or is refused: kept as a suspicion, accused of nothing. No answer: asked
//                               again next time.
// Public calls are thread-safe; all else happens on a strand. Borrows context, witness and calls; order of life as
// Cosigning's.
class HeadComparison {
 public:
  // Which peers are connected. Thread-safe.
  using Connected = std::function<std::vector<AuthorityId>()>;
  HeadComparison(Context& context, const Witness& witness, PeerCalls& calls, Connected connected,
                 const ComparisonSchedule& schedule)
      : context_(context),
        witness_(witness),
        calls_(calls),
        connected_(std::move(connected)),
        schedule_(schedule),
        strand_(std::make_shared<Strand>(context.parts.scheduler)) {}

  // Each peer is asked when it has come, and daily.
  void Start();
  void Stop() { strand_->Stop(); }

  // PeerService.CompareHeads: answers with what is known here, then looks at what the peer sent. INVALID_ARGUMENT
  // (HEADS_MALFORMED), RESOURCE_EXHAUSTED (COMPARE_BUSY) while the peer's last ones are being looked at.
  [[nodiscard]] absl::StatusOr<v1::CompareHeadsResponse> Compare(AuthorityId peer,
                                                                 const v1::CompareHeadsRequest& request);
  // PeerService.ProveConsistency, of our own log: OUT_OF_RANGE (PROOF_OUT_OF_RANGE) unless 0 < from <= to, and to is
  // durable. Reads the store.
  [[nodiscard]] absl::StatusOr<v1::ProveConsistencyResponse> Prove(const v1::ProveConsistencyRequest& request) const;

 private:
  struct Held {
    entry::AcceptedHead head;
    std::string note;  // empty: to be found among what came with events
  };

  void PlanAt(absl::Time when);
  void Look();
  void AskHeads(AuthorityId peer);
  // The latest note of each log that is neither ours nor the peer's.
  [[nodiscard]] std::vector<std::string> HeadsFor(AuthorityId peer) const;
  template <typename Notes>
  void TakeAll(AuthorityId peer, const Notes& notes);
  [[nodiscard]] absl::Status Take(const std::string& bytes);
  // What its batches and receipts showed of the peer's log.
  void CompareWithEvents(AuthorityId owner);
  void CompareHeads(AuthorityId owner, const Held& accepted, const Held& presented);
  void OnProof(AuthorityId owner, const Held& accepted, const Held& presented,
               const absl::StatusOr<v1::ProveConsistencyResponse>& answer);
  void Keep(AuthorityId owner, const absl::Status& status, const Held& accepted, const Held& presented);

  Context& context_;
  const Witness& witness_;
  PeerCalls& calls_;
  const Connected connected_;
  const ComparisonSchedule schedule_;
  const std::shared_ptr<Strand> strand_;

  // The strand's.
  std::map<AuthorityId, absl::Time> asked_;                        // of peers that are connected
  std::set<std::tuple<AuthorityId, TreeSize, TreeSize>> proving_;  // questions under way

  Mutex mutex_;
  std::set<AuthorityId> busy_ MEDFLYT_GUARDED_BY(mutex_);
};

}  // namespace medflyt::exchange
