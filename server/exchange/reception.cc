#include "server/exchange/reception.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/absl_view.h"
#include "common/base/status.h"
#include "common/entry/receipt.h"
#include "common/merkle/tree_hasher.h"
#include "server/exchange/admitted.h"
#include "server/exchange/fork_evidence.h"
#include "server/exchange/kept.h"
#include "server/exchange/own_events.h"

namespace medflyt::exchange {
namespace {

// Batches of a peer that are held at once, waiting or with the sequencer: at most 1 MiB each. Enough to keep the
// sequencer busy during a sync; those beyond stay on the wire.
constexpr size_t kMaxBatchesHeld = 16;

absl::Status Fault(std::string_view rule, std::string_view message) {
  return RuleError(absl::StatusCode::kFailedPrecondition, rule, "batch", message);
}

absl::Status Forked() { return Fault("LOG_FORKED", "nothing is taken from a log that was proven to be forked"); }

bool IsPause(const absl::Status& status) { return absl::IsUnimplemented(status); }

}  // namespace

class Reception::Events final : public LinkEvents {
 public:
  Events(std::weak_ptr<Reception> reception, uint64_t link) : reception_(std::move(reception)), link_(link) {}

  void OnMessage(v1::PeerMessage message) override {
    const auto reception = reception_.lock();
    if (reception == nullptr || reception->accepted_links_.load() != link_) return;
    if (const absl::Status status = CheckSize(message); !status.ok()) {
      return reception->strand_->Post([weak = reception_, link = link_, status] {
        const auto self = weak.lock();
        if (self != nullptr && self->link_number_ == link) self->Fail(0, status);
      });
    }
    message.DiscardUnknownFields();  // a batch is kept, at our expense
    reception->strand_->Post(
        [weak = reception_, link = link_, shared = std::make_shared<v1::PeerMessage>(std::move(message))] {
          if (const auto self = weak.lock()) self->OnMessage(link, *shared);
        });
  }
  void OnSent() override {
    const auto reception = reception_.lock();
    if (reception == nullptr || !reception->repeats_.load()) return;
    reception->strand_->Post([weak = reception_, link = link_] {
      const auto self = weak.lock();
      if (self != nullptr && self->link_number_ == link) self->RepeatReceipts();
    });
  }
  void OnClosed(const absl::Status&) override {
    const auto reception = reception_.lock();
    // Of a superseded link nothing is left to clear: the newer one did it, or will.
    if (reception == nullptr || reception->accepted_links_.load() != link_) return;
    reception->strand_->Post([weak = reception_, link = link_] {
      const auto self = weak.lock();
      if (self == nullptr || self->link_number_ != link) return;
      self->link_.reset();
      self->waiting_batches_.clear();
      self->repeat_.reset();
      self->Update([](DirectionStatus& status) { status.connected = false; });
    });
  }

 private:
  const std::weak_ptr<Reception> reception_;
  const uint64_t link_;
};

Reception::Reception(Context& context, AuthorityId peer)
    : context_(context),
      peer_(peer),
      strand_(std::make_shared<Strand>(context.parts.scheduler)),
      checker_({context.parts.self, peer, context.parts.log.reader(), context.parts.keys, context.parts.exchange_keys,
                context.options.refused_numbers}),
      again_(std::make_shared<RecordingAgain>(context, peer, strand_)) {}

void Reception::Start() {
  strand_->Post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr || self->again_->running()) return;
    // Who reads the open log finds the peer's numbers in order only behind the last part.
    const absl::Status recalled = self->again_->Recall();
    if (recalled.ok() && self->again_->unfinished()) self->RunAgain();
  });
}

std::shared_ptr<LinkEvents> Reception::Accept(std::shared_ptr<Link> link) {
  uint64_t number = 0;
  std::shared_ptr<Link> earlier;
  {
    MutexLock lock(arrival_mutex_);
    number = ++accepted_links_;
    earlier = std::exchange(arrived_, std::move(link));
  }
  if (earlier != nullptr) {
    earlier->Close(absl::AbortedError("superseded"));
  } else {
    strand_->Post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Attach();
    });
  }
  return std::make_shared<Events>(weak_from_this(), number);
}

void Reception::OnRestrained() {
  strand_->Post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    if (const absl::Status why = self->context_.parts.log.restraint(); !why.ok()) self->Disconnect(why);
  });
}

void Reception::OnForked() {
  strand_->Post([weak = weak_from_this()] {
    const auto self = weak.lock();
    // One that has not greeted is refused when it does.
    if (self == nullptr || !self->hello_) return;
    if (self->context_.IsForked(self->peer_, self->hello_->origin)) self->Disconnect(Forked());
  });
}

void Reception::Stop() {
  strand_->Post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    if (self->link_ != nullptr) self->link_->Close(absl::UnavailableError("the node stops"));
    self->strand_->Stop();
  });
}

DirectionStatus Reception::status() const {
  MutexLock lock(status_mutex_);
  return status_;
}

void Reception::Update(absl::FunctionRef<void(DirectionStatus&)> change) {
  MutexLock lock(status_mutex_);
  change(status_);
}

void Reception::Attach() {
  if (link_ != nullptr) link_->Close(absl::AbortedError("superseded"));
  if (link_failed_ != nullptr) link_failed_->store(true);
  {
    MutexLock lock(arrival_mutex_);
    link_number_ = accepted_links_.load();
    link_ = std::exchange(arrived_, nullptr);
  }
  link_failed_ = std::make_shared<std::atomic<bool>>(false);
  waiting_hello_.reset();
  waiting_batches_.clear();
  hello_.reset();
  repeat_.reset();
  pausing_ = false;
  asked_ = true;  // the first message comes unasked
}

void Reception::OnMessage(uint64_t link, v1::PeerMessage& message) {
  if (link != link_number_ || link_ == nullptr) return;
  asked_ = false;
  const absl::Time now = context_.parts.clock.Now();
  Update([now](DirectionStatus& status) { status.last_contact = now; });
  if (message.has_hello() && !hello_ && !waiting_hello_) {
    waiting_hello_ = message.hello();
    return GreetIfSettled();
  }
  if (message.has_batch() && hello_) {
    waiting_batches_.push_back(std::move(*message.mutable_batch()));
    return TakeBatches();
  }
  Fail(0, Fault("MESSAGE_UNEXPECTED", "no such message belongs here"));
}

void Reception::OnHello(const v1::Hello& hello) {
  // A copy: what waits is cleared here.
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
  const v1::Hello greeting = hello;
  waiting_hello_.reset();
  if (const absl::Status status = Greet(greeting); !status.ok()) return Fail(0, status);
  if (repeat_) return RepeatReceipts();
  TakeBatches();
}

absl::Status Reception::Greet(const v1::Hello& message) {
  MEDFLYT_RETURN_IF_ERROR(context_.parts.log.restraint());
  const auto card = context_.card();
  if (!card) return absl::UnavailableError("the node is starting");
  const directory::Directory directory = context_.directory();
  MEDFLYT_ASSIGN_OR_RETURN(PeerHello hello,
                           CheckHello(message, context_.parts.self, peer_, directory, context_.parts.clock.Now()));
  if (context_.IsForked(peer_, hello.origin)) return Forked();
  MEDFLYT_RETURN_IF_ERROR(CheckAdmitted(context_, directory, peer_, hello.origin).status());
  const log::PeerState peer = context_.parts.log.peer(peer_);
  const log::Head own = context_.parts.log.head();
  const entry::AcceptedHead accepted = AcceptedOf(peer, hello.origin, peer.by_batch);
  if (const absl::Status status = CheckHead(hello.head, accepted); !status.ok()) {
    if (SuggestsFork(status)) KeepForkEvidence(context_, peer_, status, accepted, hello.checkpoint);
    return status;
  }
  const PairNumber receipted = hello.progress.receipted_number;
  if (hello.progress.accepted_size.value() == 0 && receipted > peer.received &&
      context_.parts.log.reader().generations().before_open() != nullptr) {
    return LeftOut(receipted, "the issuer holds receipts of a closed log for events that are not stored here");
  }
  if (accepted.size.value() == 0 && peer.received > receipted) {
    // What it sends next would be taken, and what its new log has under the numbers before never would.
    return LeftOut(receipted, "more of the issuer's closed log was received here than its new log goes on from");
  }
  // One of the two stores is not what it was; people find out which.
  if (hello.progress.accepted_size > own.size || hello.progress.receipted_number > peer.received) {
    context_.parts.logger.Error("exchange_held", absl::StrCat("peer=", peer_.ToString(), " rule=OWN_LOG_BEHIND"));
    return Fault("OWN_LOG_BEHIND", "the issuer holds receipts of what is not stored here");
  }
  MEDFLYT_RETURN_IF_ERROR(PlanRepeat(receipted));
  hello_ = std::move(hello);
  next_sequence_ = 1;
  next_number_ = PairNumber(peer.received.value() + 1);
  link_head_ = {accepted, ""};
  staged_head_ = accepted;
  receipt_from_ = hello_->progress.accepted_size;
  v1::PeerMessage answer;
  *answer.mutable_hello() = MakeHello(context_.parts.self, peer_, own, context_.parts.log.origin(), *card,
                                      {accepted.size, peer.received, PairNumber()});
  link_->Send(std::move(answer));
  Update([](DirectionStatus& status) {
    status.connected = true;
    status.last_error.clear();
    status.left_out.reset();
  });
  return absl::OkStatus();
}

absl::Status Reception::PlanRepeat(PairNumber receipted) {
  const PairNumber next(receipted.value() + 1);
  const PairNumber last = context_.parts.log.peer(peer_).received;
  MEDFLYT_RETURN_IF_ERROR(again_->Plan(next));
  if (again_->unfinished() || next <= last) repeat_ = {next, last};
  return absl::OkStatus();
}

absl::Status Reception::LeftOut(PairNumber receipted, std::string_view message) {
  const Numbers left_out = Between(receipted, context_.parts.log.peer(peer_).received);
  bool news = false;
  Update([&](DirectionStatus& status) { news = SetLeftOut(status, left_out); });
  if (news) {
    context_.parts.logger.Error(
        "peer_left_out",
        absl::StrCat("peer=", peer_.ToString(), " theirs=", left_out.first.value(), "-", left_out.last.value()));
  }
  return Fault(kPeerLeftOut, message);
}

void Reception::RepeatReceipts() {
  if (!repeat_ || link_ == nullptr) return;
  if (again_->unfinished()) return RunAgain();
  if (repeat_->next > repeat_->last) {
    repeat_.reset();
    return TakeBatches();
  }
  const auto records = RecordsToRepeat();
  if (!records.ok()) return Fail(0, records.status());
  repeat_->next = PairNumber(repeat_->next.value() + records->size());
  if (repeat_->next > repeat_->last) repeat_.reset();
  repeats_.store(repeat_.has_value());  // before it is sent: OnSent may come at once
  if (const absl::Status status = SendReceipt(0, *records, context_.parts.log.head()); !status.ok()) {
    return Fail(0, status);
  }
  if (!repeat_) TakeBatches();
}

absl::StatusOr<std::vector<log::Position>> Reception::RecordsToRepeat() const {
  std::vector<log::Position> records;
  const uint64_t count = std::min<uint64_t>(repeat_->last.value() + 1 - repeat_->next.value(), entry::kMaxBatchEntries);
  const absl::Status enough = absl::CancelledError();
  const auto collect = [&](const KeptRow& row) {
    for (size_t i = 0; i < row.events.size() && records.size() < count; ++i) {
      if (row.first.value() + i >= repeat_->next.value()) records.push_back(row.events[i].record);
    }
    return records.size() < count ? absl::OkStatus() : enough;
  };
  const absl::Status visited = VisitKept(context_.parts.log.reader().store(), peer_, repeat_->next, collect);
  if (records.size() == count) return records;
  MEDFLYT_RETURN_IF_ERROR(visited);
  return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "received", "events that were received are not kept");
}

void Reception::RunAgain() {
  again_->Run([weak = weak_from_this()](const absl::Status& recorded) {
    if (const auto self = weak.lock()) self->OnRecordedAgain(recorded);
  });
}

void Reception::OnRecordedAgain(const absl::Status& recorded) {
  if (repeat_ && link_ != nullptr) {  // of the link that it was begun for: no other greets meanwhile
    if (!recorded.ok()) return Fail(0, recorded);
    return RepeatReceipts();
  }
  // Nobody waits for it here. What could not be recorded is when the peer greets next.
  GreetIfSettled();
}

void Reception::GreetIfSettled() {
  if (in_flight_ == 0 && !again_->running() && waiting_hello_ && link_ != nullptr) OnHello(*waiting_hello_);
}

void Reception::AskForMore() {
  if (link_ == nullptr || asked_ || waiting_hello_ || pausing_) return;
  if (waiting_batches_.size() + in_flight_ >= kMaxBatchesHeld) return;
  asked_ = true;
  link_->Next();
}

void Reception::TakeBatches() {
  while (!waiting_batches_.empty() && link_ != nullptr && !pausing_ && !repeat_) {
    std::vector<KeyId> missing_keys;
    v1::EventBatch& batch = waiting_batches_.front();
    const uint64_t sequence = batch.sequence();
    const auto taken = TakeBatch(batch, missing_keys);
    if (!taken.ok()) return Fail(sequence, taken.status(), missing_keys);
    if (!*taken) break;
    waiting_batches_.pop_front();
  }
  AskForMore();
}

absl::StatusOr<bool> Reception::TakeBatch(v1::EventBatch& batch, std::vector<KeyId>& missing_keys) {
  if (context_.IsForked(peer_, hello_->origin)) return Forked();
  const directory::Directory directory = context_.directory();  // the card may be another one by now
  MEDFLYT_ASSIGN_OR_RETURN(Believed believed, CheckAdmitted(context_, directory, peer_, hello_->origin));
  if (batch.sequence() != next_sequence_) return Fault("SEQUENCE_GAP", "a batch of this stream is missing");
  auto checked = checker_.Check(batch, hello_->origin, link_head_.head, next_number_, directory, missing_keys);
  if (!checked.ok()) {
    if (in_flight_ > 0 && IsJudgedByLeaves(checked.status())) return false;
    return JudgeUntaken(context_, directory, peer_, hello_->origin, checked.status(), link_head_, batch.checkpoint(),
                        ShownBy(batch));
  }
  MEDFLYT_RETURN_IF_ERROR(CheckOpened(*checked, directory));
  // What was opened may have shown that it is the peer's own log that has forked.
  if (context_.IsForked(peer_, hello_->origin)) return Forked();

  const uint64_t first = checked->events.front().number.value();
  const size_t repeated = std::min<size_t>(checked->events.size(), next_number_.value() - first);
  if (repeated > 0 && in_flight_ > 0) return false;  // until what they are compared with can be read
  MEDFLYT_ASSIGN_OR_RETURN(std::vector<log::Position> records, RecordsOfRepeated(*checked, repeated));
  checked->events.erase(checked->events.begin(), checked->events.begin() + static_cast<std::ptrdiff_t>(repeated));
  link_head_ = {checked->head, batch.checkpoint()};
  ++next_sequence_;
  if (checked->events.empty()) {
    if (!checked->paused.empty()) return Fault(checked->paused, "an event is newer than this program");
    MEDFLYT_RETURN_IF_ERROR(SendReceipt(batch.sequence(), records, context_.parts.log.head()));
    return true;
  }

  next_number_ = PairNumber(checked->events.back().number.value() + 1);
  const uint64_t sequence = batch.sequence();
  batch.clear_grants();
  batch.clear_openings();
  batch.clear_sequence();
  const std::string paused = checked->paused;
  pausing_ = !paused.empty();
  std::vector<uint32_t> positions;
  positions.reserve(checked->events.size());
  for (const CheckedEvent& event : checked->events) positions.push_back(static_cast<uint32_t>(event.position));
  auto submission = std::make_unique<BatchSubmission>(
      BatchToLog{peer_, hello_->origin, staged_head_, *std::move(checked), StartKept(positions, batch),
                 &context_.log_keys, std::move(believed)},
      link_failed_,
      [weak = weak_from_this(), link = link_number_, sequence, records = std::move(records),
       paused](BatchOutcome outcome) {
        const auto self = weak.lock();
        if (self == nullptr) return;
        self->strand_->Post([weak, link, sequence, records, paused, outcome = std::move(outcome)] {
          if (const auto still = weak.lock()) still->OnOutcome(link, sequence, records, paused, outcome);
        });
      });
  staged_head_ = link_head_.head;
  MEDFLYT_RETURN_IF_ERROR(context_.parts.queue.Submit(std::move(submission)));
  ++in_flight_;
  return true;
}

absl::StatusOr<std::vector<log::Position>> Reception::RecordsOfRepeated(const CheckedBatch& checked, size_t count) {
  std::vector<log::Position> records;
  std::optional<KeptRow> row;
  v1::EventBatch kept;
  for (size_t i = 0; i < count; ++i) {
    const CheckedEvent& event = checked.events[i];
    if (!row || event.number.value() - row->first.value() >= row->events.size()) {
      MEDFLYT_ASSIGN_OR_RETURN(row, FindKept(context_.parts.log.reader().store(), peer_, event.number));
      MEDFLYT_ASSIGN_OR_RETURN(kept, row->ParseBatch());
    }
    const KeptEvent& place = row->events[event.number.value() - row->first.value()];
    const int position = static_cast<int>(place.position);
    if (kept.indices(position) != event.stands_at.index.value() ||
        merkle::LeafHash(kept.entries(position)) != event.stands_at.leaf_hash) {
      return Fault("NUMBER_REUSED", "another event was received with this number");
    }
    records.push_back(place.record);
  }
  return records;
}

absl::Status Reception::CheckOpened(CheckedBatch& checked, const directory::Directory& directory) {
  for (CheckedEvent& event : checked.events) {
    if (!event.announcement) continue;
    MEDFLYT_ASSIGN_OR_RETURN(const bool forked, IsOfForkedLog(*event.announcement, directory));
    if (!forked) continue;
    // Whoever sends it may have been shown no other branch than this: the fork is the announcer's doing alone.
    event.refused = "LOG_FORKED";
    event.announcement.reset();
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Reception::IsOfForkedLog(const OpenedAnnouncement& opened, const directory::Directory& directory) {
  const event::AnnouncementRef& announcement = opened.verified.announcement;
  if (context_.IsForked(opened.verified.issuer, announcement.origin)) return true;
  MEDFLYT_RETURN_IF_ERROR(CheckAdmitted(context_, directory, opened.verified.issuer, announcement.origin).status());
  // A log of ours that was closed may truly have had another entry there: that it was lost is known, and no peer's
  // doing.
  if (opened.verified.issuer == context_.parts.self) return false;
  const auto fork = FindLeafFork(context_.parts.log, directory, opened.verified.issuer, announcement.origin,
                                 {announcement.leaf_hash, opened.proof});
  if (fork) {
    (void)KeepLeafFork(context_, opened.verified.issuer, *fork);
    return true;
  }
  const log::PeerState announcer = context_.parts.log.peer(opened.verified.issuer);
  const entry::AcceptedHead accepted = AcceptedOf(announcer, announcement.origin, announcer.by_batch);
  if (accepted.size.value() == 0 || opened.head.size != accepted.size || opened.head.root == accepted.root) {
    return false;
  }
  KeepForkEvidence(
      context_, opened.verified.issuer,
      RuleError(absl::StatusCode::kDataLoss, "LOG_FORKED", "openings", "the announcer's log has two heads of one size"),
      accepted, opened.proof.checkpoint.Serialize());
  return true;
}

void Reception::OnOutcome(uint64_t link, uint64_t sequence, std::vector<log::Position> records,
                          const std::string& paused, const BatchOutcome& outcome) {
  --in_flight_;
  if (link == link_number_ && link_ != nullptr) {
    absl::Status status = outcome.status;
    if (status.ok() && !outcome.abandoned) {
      records.insert(records.end(), outcome.records.begin(), outcome.records.end());
      // The part of a batch that could be read is durable; its receipt is repeated when the rest can be read, too.
      if (!paused.empty()) {
        status = RuleError(absl::StatusCode::kUnimplemented, paused, "entries", "an event is newer than this program");
      } else {
        status = SendReceipt(sequence, records, outcome.head);
      }
    }
    if (!status.ok()) Fail(sequence, status);
  }
  GreetIfSettled();
  TakeBatches();
}

absl::Status Reception::SendReceipt(uint64_t sequence, std::span<const log::Position> records, const log::Head& head) {
  // A peer would keep for good what the log that follows does not have.
  MEDFLYT_RETURN_IF_ERROR(context_.parts.log.restraint());
  if (context_.IsForked(peer_, hello_->origin)) return Forked();
  v1::PeerMessage message;
  v1::BatchAnswer& answer = *message.mutable_answer();
  answer.set_batch_sequence(sequence);
  MEDFLYT_ASSIGN_OR_RETURN(*answer.mutable_receipt(),
                           MakeReceipt(context_.parts.log.reader(), records, head, receipt_from_));
  receipt_from_ = head.size;
  link_->Send(std::move(message));
  return absl::OkStatus();
}

void Reception::Fail(uint64_t sequence, const absl::Status& why, const std::vector<KeyId>& missing_keys) {
  if (link_ == nullptr) return;
  if (const absl::Status restrained = context_.parts.log.restraint(); !restrained.ok()) return Disconnect(restrained);
  const std::string rule = RuleOf(why);
  const bool own = IsOwn(why);
  if (IsPause(why)) {
    context_.parts.logger.Warning("delivery_paused", absl::StrCat("peer=", peer_.ToString(), " rule=", rule));
  } else if (own) {
    context_.parts.logger.Error("batch_not_stored", absl::StrCat("peer=", peer_.ToString(), " rule=", rule));
  } else if (rule != kPeerLeftOut) {
    context_.parts.logger.Warning("batch_rejected", absl::StrCat("peer=", peer_.ToString(), " rule=", rule));
  }
  if (!own && rule != kPeerLeftOut) context_.rejections.Record(peer_, rule);
  const log::PeerState peer = context_.parts.log.peer(peer_);
  v1::PeerMessage message;
  message.mutable_answer()->set_batch_sequence(sequence);
  v1::Fault& fault = *message.mutable_answer()->mutable_fault();
  fault.set_rule(rule);
  fault.set_message(own ? std::string("the recipient could not store what was sent")
                        : std::string(ToStd(why.message())));
  fault.set_expected_number(peer.received.value() + 1);
  fault.set_accepted_size(peer.by_batch.size.value());
  for (const KeyId& id : missing_keys) fault.add_missing_key_ids(std::string(id.bytes()));
  link_->Send(std::move(message));
  Disconnect(why);
}

void Reception::Disconnect(const absl::Status& why) {
  if (link_ == nullptr) return;
  link_->Close(why);
  link_.reset();
  link_failed_->store(true);
  waiting_batches_.clear();
  repeat_.reset();
  hello_.reset();
  const std::string rule = RuleOf(why);
  Update([&](DirectionStatus& status) {
    status.connected = false;
    status.last_error = rule;
    status.paused = IsPause(why) ? rule : std::string();
  });
}

}  // namespace medflyt::exchange
