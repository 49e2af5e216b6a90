// Proofs of single events under heads that witnesses have cosigned: what an auditor's policy asks for. An event travels
// under a head that nobody has cosigned yet, so its recipient asks the issuer for a later proof when one is wanted
// (PeerService.ProveInclusion).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/directory/identity.h"
#include "common/entry/batch.h"
#include "medflyt/v1/peer_service.pb.h"
#include "server/exchange/context.h"
#include "server/exchange/peer_calls.h"
#include "server/exchange/witness_rows.h"
#include "server/log/generations.h"
#include "server/log/layout.h"
#include "server/log/log.h"

namespace medflyt::exchange {

// The newest head of this log of ours, open or closed, that peers have cosigned, of those that are durable; nothing
// before the first. DATA_LOSS (ROW_MALFORMED). Any thread, as all that reads the store.
[[nodiscard]] absl::StatusOr<std::optional<CosignedHead>> NewestCosigned(const log::Log& log,
                                                                         const log::Generation& generation);
// The same in a copy of the store, whose log has `size` entries.
[[nodiscard]] absl::StatusOr<std::optional<CosignedHead>> NewestCosigned(const store::Reader& store,
                                                                         const log::Generation& generation,
                                                                         TreeSize size);

// PeerService.ProveInclusion, of one of our logs. PERMISSION_DENIED (PROOF_LEAF_FOREIGN) for whatever is no event that
// this peer was sent, in the same words whether it exists or not; FAILED_PRECONDITION (NOT_COSIGNED); OUT_OF_RANGE
// (PROOF_OUT_OF_RANGE); RESOURCE_EXHAUSTED (PROOF_BUSY) while another question of this peer is answered. Reads the
// store: of a million events some twenty.
[[nodiscard]] absl::StatusOr<v1::ProveInclusionResponse> AnswerInclusion(Context& context, AuthorityId peer,
                                                                         const v1::ProveInclusionRequest& request);

// What the issuer of a received event is asked, and what its answer is held against.
struct InclusionQuestion {
  struct Held {
    entry::AcceptedHead head;
    std::string note;  // empty: to be found among what came with events
  };
  AuthorityId issuer;
  v1::ProveInclusionRequest request;
  Held batch;  // that the event came under
  Held known;  // that was accepted last of that log; of a log which the peer has closed since: `batch`
};
// DATA_LOSS (LOG_FORKED) where that log is proven to have forked: nothing more is taken of it; NOT_FOUND
// (EVENT_UNKNOWN) for an event that was not received here; DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::StatusOr<InclusionQuestion> AskInclusion(const Context& context, const log::EventLocation& event);

// The tlog-proof that the answer makes, once all of it holds: a head of that log, signed by its key for that size and
// cosigned by a witness of the directory other than the issuer, that leads from the very leaf that was received, and
// goes on from what was accepted or is a beginning of it. Of the head's signatures it has the log's and those of the
// directory's witnesses, no others. Else the rule that is broken (ANSWER_MALFORMED,
// LOG_KEY_EXPIRED, CHECKPOINT_NOT_BY_LOG, NOTE_*, CHECKPOINT_*, INCLUSION_PROOF_INVALID, TLOG_PROOF_MALFORMED,
// COSIGNATURE_INVALID), and nothing is used. Two roots of one size are kept as proof of a fork (LOG_FORKED), a proof of
// consistency that does not hold as a suspicion (CONSISTENCY_PROOF_INVALID).
[[nodiscard]] absl::StatusOr<std::string> JudgeInclusion(Context& context, const InclusionQuestion& question,
                                                         const v1::ProveInclusionResponse& answer);

// Asks issuers, for clients that wait. Borrows; thread-safe.
class IssuerProofs {
 public:
  // Runs a task soon, on a thread that may read the store; an error says that it was dropped.
  using Run = std::function<absl::Status(std::function<void()>)>;
  IssuerProofs(Context& context, PeerCalls& calls, Run run) : context_(context), calls_(calls), run_(std::move(run)) {}

  // As AskInclusion. Reads the store.
  [[nodiscard]] absl::StatusOr<InclusionQuestion> Question(const log::EventLocation& event) const {
    return AskInclusion(context_, event);
  }
  struct Answer {
    std::string tlog_proof;  // as JudgeInclusion made it; empty where there is none
    std::string rule;        // then: why, in a rule's form
  };
  using Done = std::function<void(Answer)>;
  // Never blocks; an issuer has three seconds. `done` is called once, on any thread. Where there is no proof a line in
  // the log says so.
  void Ask(const InclusionQuestion& question, const Done& done) const;

 private:
  Context& context_;
  PeerCalls& calls_;
  const Run run_;
};

}  // namespace medflyt::exchange
