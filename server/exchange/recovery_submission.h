// The first commit of a log that goes on from a closed one: what peers gave back, in the order of the closed log, and
// what never arrived anywhere, once more.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/wire/ledger.h"
#include "server/exchange/recovery_evidence.h"
#include "server/log/appender.h"
#include "server/log/submission.h"

namespace medflyt::exchange {

struct RecoveryToLog {
  const log::Log& log;  // open, and empty
  const keys::KeyTable& keys;
  LogKeyPins& log_keys;
  std::vector<AuthorityId> peers;  // ascending: PeersOf, context.h
  wire::GenerationOpened opened;   // but for `pairs`
  std::vector<PeerEvidence> evidence;
};

// In this order: GenerationOpened; an EventReceived for each event of our own that a peer gave back and each of a
// peer's that we had receipted, in the order of the closed log, or of those that the store lacks, with its effect, or
// behind an EntryReissued where it told again what the store has, and what follows from it by rule and no
// peer has already; receipts' records again of what was received and not receipted; and what was issued and never
// arrived, as EntryReissued with its event. The peers' numbers go on from there, and the plan is gone.
class RecoverySubmission final : public log::Submission {
 public:
  explicit RecoverySubmission(RecoveryToLog recovery) : recovery_(std::move(recovery)) {}

  void Apply(log::Appender& appender) override { outcome_ = Append(appender); }
  void Committed(const log::Head&) override {}
  void Abandoned(const absl::Status&) override {}
  // After Apply. Where it is an error, what was prepared must not be committed.
  [[nodiscard]] const absl::Status& outcome() const { return outcome_; }

 private:
  // One entry that came back.
  struct Returned {
    OwnPlace place;
    PeerEvidence* from;
    HeldEvent* held;  // one of these two
    ReturnedEvent* returned;
  };
  [[nodiscard]] absl::Status Append(log::Appender& appender);
  // What peers have no receipts for, and whose records stand in a closed log.
  [[nodiscard]] absl::Status AppendAgain(log::Appender& appender);
  [[nodiscard]] absl::Status AppendReturned(log::Appender& appender);
  // Ids and records of our own events that came back, by recipient and number there.
  using CameBackAs = std::map<std::pair<AuthorityId, PairNumber>, std::pair<EventId, log::Position>>;
  [[nodiscard]] absl::Status KeepReceipts(const PeerEvidence& evidence, const CameBackAs& came_back,
                                          log::Appender& appender) const;
  [[nodiscard]] absl::StatusOr<log::Position> AppendHeld(const HeldEvent& held, log::Appender& appender);
  [[nodiscard]] absl::StatusOr<log::Position> AppendFromPeer(const ReturnedEvent& returned, AuthorityId peer,
                                                             log::Appender& appender);
  // The peer's numbers go on from what arrived; adds what did not.
  [[nodiscard]] absl::Status TakeBack(AuthorityId peer, log::Appender& appender, std::vector<log::Outbound>& waiting);
  [[nodiscard]] absl::Status Reissue(std::vector<log::Outbound> waiting, log::Appender& appender);

  RecoveryToLog recovery_;
  absl::Status outcome_;
  PairNumber own_;  // of the last event of our own that came back
  // What is told again, by its names in the closed log, and its names now.
  std::map<crypto::Hash, crypto::Hash> leaf_hashes_;
  std::map<EventId, EventId> ids_;
  // What is told of already, as far as a rule can be known again by it.
  std::set<std::tuple<event::Type, AuthorityId, CaseId>> told_;
};

// What is taken over out of the plan, for a store that has `kept` of the closed log. The errors of ReadEvidence;
// DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::StatusOr<RecoveryToLog> ReadRecovery(const EvidenceParts& parts, const v1::RecoveryPlan& plan,
                                                         TreeSize kept);
// The record that the new log begins with. INVALID_ARGUMENT (LEDGER_RECORD_MALFORMED) where it is none: asked before
// the log is closed, for behind that there is no way back.
[[nodiscard]] absl::StatusOr<std::string> EncodeOpened(const RecoveryToLog& recovery, absl::Time now);

// Appends and commits it to `log`, which is `parts.log` and empty, out of the plan; the plan is gone with it. DATA_LOSS
// (ROW_MALFORMED), the errors of ReadEvidence; then nothing is durable, and the log must not be used. On the thread
// that opened the log, before anything else uses it.
[[nodiscard]] absl::Status AppendRecovered(const EvidenceParts& parts, const v1::RecoveryPlan& plan, log::Log& log);

}  // namespace medflyt::exchange
