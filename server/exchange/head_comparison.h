// Peers compare what they saw of other logs: a log that shows different histories to different eyes is found when two
// of them meet, even if no witness saw both.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "common/entry/batch.h"
#include "medflyt/v1/peer_service.pb.h"
#include "server/exchange/context.h"
#include "server/exchange/peer_calls.h"
#include "server/exchange/scheduler.h"
#include "server/exchange/witness.h"

namespace medflyt::exchange {

struct ComparisonSchedule {
  absl::Duration look = absl::Minutes(1);    // how soon a peer that has come is asked
  absl::Duration repeat = absl::Hours(24);   // how often each is asked, and how long an owner may leave a pair unproven
  absl::Duration again = absl::Minutes(10);  // after a failure
  absl::Duration timeout = absl::Seconds(30);  // of one question
  absl::Duration unshown = absl::Hours(1);     // how long a head that came with events may stay unshown to this witness
};

inline constexpr int kMaxHeads = 256;         // of one message
inline constexpr size_t kMaxUnanswered = 16;  // pairs of one owner's heads

// The heads of a log that this node holds, the one that it cosigned last and those that came with the log's own batches
// and receipts, are held against each other and against what its peers hold:
//   one size, two roots         proof of a fork, whoever brings it: both notes are the log's. Kept; the log is stopped.
//   two sizes                   the log itself is asked for the proof between them. One that holds: nothing. One that
//                               does not, or is refused: kept as a suspicion, accused of nothing. No answer: asked
//                               again, and kept as a suspicion once its owner was there for a day, all in all, without
//                               giving one. An owner that is away is not suspected, nor one that says that its store
//                               is behind, for as long as no stream of events shows that its log goes on.
// Peers are told the head that was cosigned last. One that came with events would say that and when there were some, so
// it is told only where its owner has not shown it to this node as its witness for so long that it may never do.
// Public calls are thread-safe; all else happens on a strand. Borrows context, witness and calls; order of life as
// Cosigning's.
class HeadComparison {
 public:
  // The peers with which there is contact now.
  struct Contact {
    std::set<AuthorityId> present;     // of whatever kind
    std::set<AuthorityId> exchanging;  // a stream of events stands, as with no node that is restrained
  };
  // Thread-safe.
  using ContactNow = std::function<Contact()>;
  HeadComparison(Context& context, const Witness& witness, PeerCalls& calls, ContactNow contact,
                 const ComparisonSchedule& schedule)
      : context_(context),
        witness_(witness),
        calls_(calls),
        contact_(std::move(contact)),
        schedule_(schedule),
        strand_(std::make_shared<Strand>(context.parts.scheduler)) {}

  // Each peer of the directory is asked daily, and when it has come.
  void Start();
  void Stop() { strand_->Stop(); }

  // PeerService.CompareHeads: answers with what is known here, then looks at what the peer sent. INVALID_ARGUMENT
  // (HEADS_MALFORMED), RESOURCE_EXHAUSTED (COMPARE_BUSY) while the peer's last ones are being looked at.
  [[nodiscard]] absl::StatusOr<v1::CompareHeadsResponse> Compare(AuthorityId peer,
                                                                 const v1::CompareHeadsRequest& request);
  // PeerService.ProveConsistency, of our own logs: UNAVAILABLE (PROOF_NOT_KEPT) where the store lost that much of it;
  // OUT_OF_RANGE (PROOF_OUT_OF_RANGE) unless 0 < from <= to, and to is durable. Reads the store.
  [[nodiscard]] absl::StatusOr<v1::ProveConsistencyResponse> Prove(const v1::ProveConsistencyRequest& request) const;

 private:
  struct Held {
    entry::AcceptedHead head;
    std::string note;  // empty: to be found among what came with events
  };
  // Two heads of one log.
  struct Pair {
    AuthorityId owner;
    std::string origin;
    Held accepted;
    Held presented;
  };
  using PairKey = std::tuple<AuthorityId, TreeSize, crypto::Hash, TreeSize, crypto::Hash>;  // the smaller head first
  // A pair whose proof was asked for in vain.
  struct Unanswered {
    Pair pair;
    absl::Time again;                               // when it is asked for next
    absl::Duration present = absl::ZeroDuration();  // how long its owner was there meanwhile, look by look
    bool busy = false;                              // its owner said so last: it was there
    bool kept = false;                              // as a suspicion
  };
  // Heads that came with events of a log and are larger than what its owner has shown to this node as its witness.
  // Those that come while one waits are not told for it: they would say, each as it comes, when something was sent.
  struct Unshown {
    std::string origin;
    Held waiting;      // the newest when it was found; size 0: none
    absl::Time since;  // when that was
    Held told;         // the last that waited for too long; size 0: none
  };

  [[nodiscard]] static PairKey KeyOf(const Pair& pair);

  void PlanAt(absl::Time when);
  void Look();
  void AskHeads(AuthorityId peer);
  // Finds the heads that are told although they came with events.
  void FindUnshown(absl::Time now);
  // The latest notes of each log that is neither ours nor the peer's.
  [[nodiscard]] std::vector<std::string> HeadsFor(AuthorityId peer) const;
  template <typename Notes>
  void TakeAll(AuthorityId peer, const Notes& notes);
  [[nodiscard]] absl::Status Take(const std::string& bytes);
  // What this node holds of the log, each head once.
  [[nodiscard]] std::vector<Held> HeldOf(AuthorityId owner, const std::string& origin) const;
  // What this node holds of the peer's log against each other.
  void CompareOwn(AuthorityId owner);
  void CompareHeads(Pair pair);
  void AskForProof(const Pair& pair);
  void OnProof(const Pair& pair, const absl::StatusOr<v1::ProveConsistencyResponse>& answer);
  void OnNoAnswer(const Pair& pair, const absl::Status& why);
  void AskAgain(const Contact& contact, absl::Time now);
  void Keep(const Pair& pair, const absl::Status& status);

  Context& context_;
  const Witness& witness_;
  PeerCalls& calls_;
  const ContactNow contact_;
  const ComparisonSchedule schedule_;
  const std::shared_ptr<Strand> strand_;

  // The strand's.
  std::map<AuthorityId, absl::Time> due_;  // when each peer is asked next
  std::set<AuthorityId> met_;              // at the last look
  std::set<PairKey> proving_;              // questions under way
  std::map<PairKey, Unanswered> unanswered_;
  std::set<AuthorityId> behind_;            // said that their store is behind, and no stream of theirs stood since
  std::map<AuthorityId, Unshown> unshown_;  // by owner, of the log that is exchanged with

  mutable Mutex mutex_;
  std::set<AuthorityId> busy_ MEDFLYT_GUARDED_BY(mutex_);
  std::map<AuthorityId, std::string> told_ MEDFLYT_GUARDED_BY(mutex_);  // notes that came with events, by owner
};

}  // namespace medflyt::exchange
