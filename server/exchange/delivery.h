// Our events on their way to one peer: dials, sends batches within a window, checks the receipts and has them logged.
//
//   waiting ──dial──► greeting ──the peer's Hello──► streaming
//      ▲                 │                              │
//      └──── back off ◄──┴── closed, timeout, fault ◄───┘
//
// After every interruption the peer's Hello says where to go on, so nothing about a link is kept.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/wire/ledger.h"
#include "server/exchange/backoff.h"
#include "server/exchange/batch_builder.h"
#include "server/exchange/context.h"
#include "server/exchange/fork_evidence.h"
#include "server/exchange/hello.h"
#include "server/exchange/link.h"
#include "server/exchange/scheduler.h"
#include "server/exchange/status.h"

namespace medflyt::exchange {

// Public calls are thread-safe; all else happens on the delivery's strand.
class Delivery final : public std::enable_shared_from_this<Delivery> {
 public:
  Delivery(Context& context, AuthorityId peer);

  void Start();
  // Events for the peer have become durable.
  void Wake();
  // Where it waits to dial again, there is reason not to.
  void DialNow();
  // The log has been restrained: a link that stands ends, and none is dialled while it is.
  void OnRestrained();
  // A log of the peer is proven to be forked: a link with it ends, and none is dialled with it.
  void OnForked();
  void Stop();
  [[nodiscard]] DirectionStatus status() const;

 private:
  class Events;
  enum class State { kWaiting, kGreeting, kStreaming };
  struct Outstanding {
    uint64_t sequence;
    std::vector<SentEvent> events;
  };

  void Connect();
  // Of the log that greeted on this link, or that would.
  [[nodiscard]] bool IsForked() const;
  void OnMessage(uint64_t link, const v1::PeerMessage& message);
  void OnHello(const v1::Hello& hello);
  // Whether what the peer says of our exchange so far can be true.
  [[nodiscard]] absl::Status CheckProgress(const PeerHello& hello, const directory::Directory& directory);
  // Whether our open log goes on from one that was closed.
  [[nodiscard]] bool FollowsAnotherLog() const;
  // What a node that was left out of a recovery has, and the other does not, between these last numbers.
  void ShowLeftOut(PairNumber one, PairNumber other);
  // Whether the fault says that it was, with numbers that can be true; then shown.
  [[nodiscard]] bool IsLeftOut(const v1::Fault& fault);
  void OnAnswer(const v1::BatchAnswer& answer);
  void OnFault(const v1::Fault& fault);
  // False: it must wait until the receipts before it are logged, for it may contradict what is in them.
  [[nodiscard]] absl::StatusOr<bool> TakeReceipt(const v1::BatchAnswer& answer);
  void OnReceiptLogged(bool logged);
  // Asks for the peer's next message, unless too many receipts wait to be logged, or one to be taken.
  void AskForMore();
  // Sends batches while the window is open and events wait.
  void Pump();
  void WatchAnswers(uint64_t link);
  // Ends the link because of what the peer said, which is recorded, or because of what we could not do about it.
  void Reject(const absl::Status& status);
  // Ends the link and dials again later. `why` is kept as the last error.
  void Disconnect(const absl::Status& why);
  void DialAt(absl::Time when);
  void Update(absl::FunctionRef<void(DirectionStatus&)> change);

  Context& context_;
  const AuthorityId peer_;
  const std::shared_ptr<Strand> strand_;
  std::atomic<bool> wake_posted_ = false;

  BatchBuilder builder_;
  wire::LedgerCodec ledger_;
  Backoff backoff_;
  State state_ = State::kWaiting;
  uint64_t link_number_ = 0;  // events of earlier links are ignored
  std::shared_ptr<Link> link_;
  absl::Time last_progress_;

  std::optional<PeerHello> hello_;
  uint64_t next_sequence_ = 1;
  PairNumber next_number_;  // to be sent
  TreeSize sent_size_;      // of our log, that the peer will have accepted
  std::deque<Outstanding> outstanding_;
  PairNumber next_receipt_;       // the number that the next receipt begins with
  HeldHead receipt_head_;         // of the peer's log, as of the last receipt, which may not be stored yet
  std::set<KeyId> regrant_;       // the peer said that it lacks them
  size_t unlogged_receipts_ = 0;  // submitted and not yet durable
  std::optional<v1::BatchAnswer> waiting_answer_;  // taken once none is
  bool asked_ = false;                             // the link's next message is on its way
  bool dial_when_logged_ = false;
  bool answered_ = false;  // the last error is what the peer answered

  mutable Mutex status_mutex_;
  DirectionStatus status_ MEDFLYT_GUARDED_BY(status_mutex_);
};

}  // namespace medflyt::exchange
