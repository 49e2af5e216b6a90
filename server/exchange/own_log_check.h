// Whether anybody has seen more of this node's own log than its store holds: then the store was rolled back, and what
// would be signed now could contradict what was signed before. Each peer is asked what it holds of the log, as witness
// and as recipient, and a head that the log itself has signed is all that proves anything.
//
//   kMeta 'own-log-proof' ‖ u32 peer   ->  a head that it has shown and that proves it, as a signed note
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/directory/directory.h"
#include "common/directory/identity.h"
#include "medflyt/v1/peer_service.pb.h"
#include "server/exchange/context.h"
#include "server/exchange/peer_calls.h"
#include "server/exchange/scheduler.h"
#include "server/exchange/witness.h"
#include "server/log/log.h"
#include "server/store/batch.h"
#include "server/store/store.h"

namespace medflyt::exchange {

struct OwnLogSchedule {
  absl::Duration again = absl::Seconds(10);    // until a peer's answer settles it
  absl::Duration timeout = absl::Seconds(30);  // of one question
};

// What a peer has said that it knows of our log.
enum class Standing : uint8_t {
  kNotAsked,
  kSilent,       // no answer, or one that is no use
  kWithin,       // nothing that our log does not have
  kBeyond,       // proven: a head of a larger size that our log has signed
  kContradicts,  // proven: a head that our log has signed and that is none of its beginnings
  kUnproven,     // claims more than ours, without a head that proves it
  kReleased,     // two officers no longer wait for it
};
[[nodiscard]] std::string_view NameOf(Standing standing);  // "not-asked"

struct PeerKnowledge {
  AuthorityId peer;
  Standing standing = Standing::kNotAsked;
  TreeSize size;              // the largest that it named
  std::string last_error;     // rule of the last question's failure
  std::string first_officer;  // has asked for its release
  friend bool operator==(const PeerKnowledge&, const PeerKnowledge&) = default;
};

// A head that our log has signed and that its store does not have.
struct OwnLogProof {
  AuthorityId peer;  // has shown it
  Standing standing = Standing::kBeyond;
  TreeSize size;
  std::string note;
};
// Those that are kept and still prove it: a store that was restored anew may have what an older one lacked, and what
// was shown of a closed log says nothing of the open one. DATA_LOSS (ROW_MALFORMED); the errors of the store. Any
// thread.
[[nodiscard]] absl::StatusOr<std::vector<OwnLogProof>> ReadOwnLogProofs(const log::Log& log,
                                                                        const directory::Directory& directory);
// All that are kept are forgotten with the batch: the log goes on in another. The errors of the store. Any thread.
[[nodiscard]] absl::Status ForgetOwnLogProofs(const store::Reader& store, store::Batch& batch);

// PeerService.GetHeldHeads: what this node holds of the peer's log. PERMISSION_DENIED (HELD_ORIGIN_FOREIGN),
// FAILED_PRECONDITION (HELD_ORIGIN_CLOSED) where it has a later log, as its card says and nobody needs to admit; the
// errors of NeedsAdmission. Reads the store; any thread.
[[nodiscard]] absl::StatusOr<v1::GetHeldHeadsResponse> AnswerHeldHeads(const Context& context, const Witness& witness,
                                                                       AuthorityId peer,
                                                                       const v1::GetHeldHeadsRequest& request);

// A peer that two officers said not to wait for: SHA-256 of their client certificates.
struct ReleasedPeer {
  AuthorityId peer;
  crypto::Hash first_certificate;
  crypto::Hash second_certificate;
};

// Asks every peer until each is settled: within, proven otherwise, or released. While the log is restrained one that
// was exchanged with is waited for, too, where its card is missing: it is asked once it has one. Who signs already
// waits for nobody who was taken out of the directory for good. Who was released is asked on, as long as others are
// waited for. A proof stays what it is, whatever the peer says later and over a restart, and ends nothing: what each of
// the others holds is needed to go on under a new log. Public calls are thread-safe; all else happens on a strand.
// Borrows context and calls; order of life as Cosigning's.
class OwnLogCheck {
 public:
  // Both on the strand, once at most. What was asked of a peer that was released may prove it after all: `behind` comes
  // behind `clear` then.
  struct Outcome {
    // Every peer that is waited for is within, or is one of these.
    std::function<void(const std::vector<ReleasedPeer>& released)> clear;
    std::function<void(TreeSize proven)> behind;  // the first proof: a size up to which nothing may be signed again
  };
  // With the proofs of before the start.
  OwnLogCheck(Context& context, PeerCalls& calls, const OwnLogSchedule& schedule, Outcome outcome,
              const std::vector<OwnLogProof>& proofs);

  void Start();
  void Stop() { strand_->Stop(); }

  // One officer asks that the peer be waited for no longer; true once another officer with another certificate has
  // asked too. FAILED_PRECONDITION (TWO_OFFICERS_REQUIRED, and OWN_LOG_PROVEN_BEHIND where the peer has proven what it
  // says, or the own card proves it), NOT_FOUND (PEER_UNKNOWN).
  [[nodiscard]] absl::StatusOr<bool> Release(AuthorityId peer, const std::string& officer,
                                             const crypto::Hash& certificate);

  // Of every peer that is waited for or has proven it, in order of id.
  [[nodiscard]] std::vector<PeerKnowledge> status() const;
  // Whether one of them, or the own card by a handover or a log that the store has none of, proves that the log was
  // larger than the store has it.
  [[nodiscard]] bool proven_behind() const;

 private:
  struct Known {
    PeerKnowledge said;
    crypto::Hash first_certificate;
    crypto::Hash second_certificate;
    bool asking = false;
    std::string unkept;  // note of a proof that is not durable yet
  };
  class ProofSubmission;
  [[nodiscard]] std::vector<AuthorityId> Awaited() const;
  void Look();
  void Ask(AuthorityId peer);
  void OnAnswer(AuthorityId peer, const absl::StatusOr<v1::GetHeldHeadsResponse>& answer);
  // What the answer shows, the size that it proves or claims, and by which note.
  [[nodiscard]] OwnLogProof Judge(AuthorityId peer, const v1::GetHeldHeadsResponse& answer) const;
  void KeepProofs();
  void Settle();

  Context& context_;
  PeerCalls& calls_;
  const OwnLogSchedule schedule_;
  const Outcome outcome_;
  const std::shared_ptr<Strand> strand_;
  // The strand's.
  bool cleared_ = false;  // and nobody is asked any more, but where it is behind after all
  bool behind_ = false;

  mutable Mutex mutex_;
  std::map<AuthorityId, Known> known_ MEDFLYT_GUARDED_BY(mutex_);
};

}  // namespace medflyt::exchange
