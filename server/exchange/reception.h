// A peer's events on their way to us: greets, checks batches in order, has them logged, answers with receipts.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "server/exchange/batch_check.h"
#include "server/exchange/batch_submission.h"
#include "server/exchange/context.h"
#include "server/exchange/fork_evidence.h"
#include "server/exchange/hello.h"
#include "server/exchange/link.h"
#include "server/exchange/recording_again.h"
#include "server/exchange/scheduler.h"
#include "server/exchange/status.h"
#include "server/log/layout.h"

namespace medflyt::exchange {

// The newest link of the peer counts; an older one is closed. Public calls are thread-safe; all else happens on the
// reception's strand.
class Reception final : public std::enable_shared_from_this<Reception> {
 public:
  Reception(Context& context, AuthorityId peer);

  // Takes over an inbound link of this peer, whom the transport has authenticated.
  [[nodiscard]] std::shared_ptr<LinkEvents> Accept(std::shared_ptr<Link> link);
  // Ends what a crash interrupted. Once the node may append.
  void Start();
  // The log has been restrained: a link that stands ends, and none is greeted while it is.
  void OnRestrained();
  // A log of the peer is proven to be forked: a link with it ends.
  void OnForked();
  void Stop();
  [[nodiscard]] DirectionStatus status() const;

 private:
  class Events;

  // Takes over the link that arrived last.
  void Attach();
  void OnMessage(uint64_t link, v1::PeerMessage& message);  // takes what it keeps out of it
  void OnHello(const v1::Hello& hello);
  [[nodiscard]] absl::Status Greet(const v1::Hello& hello);
  // This node or the peer was left out of the other's recovery: the fault, and what one has and the other does not.
  [[nodiscard]] absl::Status LeftOut(PairNumber receipted, std::string_view message);
  // What is to be repeated to a peer that has receipts up to this number, and what of it recorded again first.
  [[nodiscard]] absl::Status PlanRepeat(PairNumber receipted);
  // Repeats some receipts that the peer lost; goes on when the link has sent them, and then with what waits.
  void RepeatReceipts();
  [[nodiscard]] absl::StatusOr<std::vector<log::Position>> RecordsToRepeat() const;
  void RunAgain();
  void OnRecordedAgain(const absl::Status& recorded);
  // Answers the greeting that waits, once nothing is with the sequencer.
  void GreetIfSettled();
  // Takes the batches that wait, in order, as far as it can, and asks for more where there is room.
  void TakeBatches();
  void AskForMore();
  // False: it must wait until the batches before it are durable, for it repeats or may contradict what is in them.
  [[nodiscard]] absl::StatusOr<bool> TakeBatch(v1::EventBatch& batch, std::vector<KeyId>& missing_keys);
  // The records of events that were received before, which these must be byte for byte.
  [[nodiscard]] absl::StatusOr<std::vector<log::Position>> RecordsOfRepeated(const CheckedBatch& checked, size_t count);
  // Refuses the requests whose announcement stands in a log that has forked.
  [[nodiscard]] absl::Status CheckOpened(CheckedBatch& checked, const directory::Directory& directory);
  // Of which that is known, or is shown by the opening itself: then kept.
  [[nodiscard]] absl::StatusOr<bool> IsOfForkedLog(const OpenedAnnouncement& opened,
                                                   const directory::Directory& directory);
  void OnOutcome(uint64_t link, uint64_t sequence, std::vector<log::Position> records, const std::string& paused,
                 const BatchOutcome& outcome);
  [[nodiscard]] absl::Status SendReceipt(uint64_t sequence, std::span<const log::Position> records,
                                         const log::Head& head);
  // Answers with a fault and closes. Recorded as a rejection where it is the peer's doing. Where the log is restrained
  // only closed: the numbers of a store that went back are no answer.
  void Fail(uint64_t sequence, const absl::Status& why, const std::vector<KeyId>& missing_keys = {});
  void Disconnect(const absl::Status& why);
  void Update(absl::FunctionRef<void(DirectionStatus&)> change);

  Context& context_;
  const AuthorityId peer_;
  const std::shared_ptr<Strand> strand_;

  // The link that arrived last and that the strand has not taken over yet: one, however many arrive.
  Mutex arrival_mutex_;
  std::shared_ptr<Link> arrived_ MEDFLYT_GUARDED_BY(arrival_mutex_);
  std::atomic<uint64_t> accepted_links_ = 0;  // number of the link that arrived last; what others say is dropped

  BatchChecker checker_;
  uint64_t link_number_ = 0;  // messages of other links are ignored
  std::shared_ptr<Link> link_;
  std::shared_ptr<std::atomic<bool>> link_failed_;
  size_t in_flight_ = 0;  // batches with the sequencer, of any link
  const std::shared_ptr<RecordingAgain> again_;

  std::optional<v1::Hello> waiting_hello_;  // greeted once nothing is in flight
  std::optional<PeerHello> hello_;
  std::deque<v1::EventBatch> waiting_batches_;
  bool asked_ = false;  // the link's next message is on its way
  // Numbers of which the peer lacks the receipts, from the next to be repeated to the last. Batches wait for them:
  // receipts are in the order of numbers.
  struct Repeat {
    PairNumber next;
    PairNumber last;
  };
  std::optional<Repeat> repeat_;
  std::atomic<bool> repeats_ = false;  // what OnSent asks
  bool pausing_ = false;               // a batch in flight ends where this program is too old; what follows waits
  uint64_t next_sequence_ = 1;
  PairNumber next_number_;  // expected next, ahead of what is durable
  // Of the peer's log, as verified last on this link. It may never be stored: a batch that was sent again under a newer
  // head leaves nothing behind, and one in flight may be dropped. So its note is kept here, for it may be half a proof.
  HeldHead link_head_;
  entry::AcceptedHead staged_head_;  // as the last batch handed to the sequencer will leave it
  TreeSize receipt_from_;            // size of our log that the peer will have accepted

  mutable Mutex status_mutex_;
  DirectionStatus status_ MEDFLYT_GUARDED_BY(status_mutex_);
};

}  // namespace medflyt::exchange
