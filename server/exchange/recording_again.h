// Has records of receipt made again (record_again.h), a part after the other, so that others' commands come in between.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "common/base/named_type.h"
#include "common/directory/identity.h"
#include "server/exchange/context.h"
#include "server/exchange/record_again.h"
#include "server/exchange/scheduler.h"

namespace medflyt::exchange {

// Of one peer. All on the strand.
class RecordingAgain final : public std::enable_shared_from_this<RecordingAgain> {
 public:
  RecordingAgain(Context& context, AuthorityId peer, std::shared_ptr<Strand> strand)
      : context_(context), peer_(peer), strand_(std::move(strand)) {}

  // Takes up what was left unfinished when the node stopped. DATA_LOSS (ROW_MALFORMED).
  [[nodiscard]] absl::Status Recall();
  // What of a peer's events is to be recorded again before it is given the receipts that it does not have, which are
  // those from `next` on. FAILED_PRECONDITION (PEER_BEHIND_RECEIPTS) where it had more of them; DATA_LOSS
  // (ROW_MALFORMED). Not while one runs.
  [[nodiscard]] absl::Status Plan(PairNumber next);

  [[nodiscard]] bool unfinished() const { return unfinished_.has_value(); }
  [[nodiscard]] bool running() const { return done_ != nullptr; }
  // Records what is unfinished to its end, whoever waits for it; then, or with what kept it from that, calls `done`
  // once. Does nothing more where it runs already.
  using Done = std::function<void(const absl::Status&)>;
  void Run(Done done);

 private:
  class Part;

  [[nodiscard]] absl::Status RecordNext();
  void OnRecorded(const std::optional<Repetition>& unfinished, const absl::Status& recorded);
  void End(const absl::Status& status);

  Context& context_;
  const AuthorityId peer_;
  const std::shared_ptr<Strand> strand_;
  std::optional<Repetition> unfinished_;
  Done done_;
};

}  // namespace medflyt::exchange
