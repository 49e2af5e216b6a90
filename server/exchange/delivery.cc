#include "server/exchange/delivery.h"

#include <algorithm>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/entry/batch.h"
#include "common/entry/receipt.h"
#include "server/exchange/admitted.h"
#include "server/exchange/fork_evidence.h"
#include "server/exchange/kept_receipt.h"
#include "server/exchange/receipt_submission.h"

namespace medflyt::exchange {
namespace {

absl::Status Malformed(std::string_view rule, std::string_view field) {
  return RuleError(absl::StatusCode::kInvalidArgument, rule, field, "the peer's message does not fit this link");
}

absl::Status Forked() {
  return RuleError(absl::StatusCode::kFailedPrecondition, "LOG_FORKED", "origin",
                   "nothing is exchanged with a log that was proven to be forked");
}

// Receipts that wait to be logged, at most 1 MiB each; those beyond stay on the wire.
constexpr size_t kMaxUnloggedReceipts = 16;

// Faults that only newer software, or people, can end.
bool IsPause(std::string_view rule) { return rule == "EVENT_TYPE_UNKNOWN" || rule == "ENTRY_KIND_UNKNOWN"; }

}  // namespace

// A link's events, carried over to the strand. Does not keep the delivery alive.
class Delivery::Events final : public LinkEvents {
 public:
  Events(std::weak_ptr<Delivery> delivery, uint64_t link) : delivery_(std::move(delivery)), link_(link) {}

  void OnMessage(v1::PeerMessage message) override {
    const auto delivery = delivery_.lock();
    if (delivery == nullptr) return;
    if (const absl::Status status = CheckSize(message); !status.ok()) {
      return delivery->strand_->Post([weak = delivery_, link = link_, status] {
        const auto self = weak.lock();
        if (self != nullptr && self->link_number_ == link) self->Reject(status);
      });
    }
    message.DiscardUnknownFields();  // a receipt is kept by what it says
    delivery->strand_->Post(
        [weak = delivery_, link = link_, shared = std::make_shared<const v1::PeerMessage>(std::move(message))] {
          if (const auto self = weak.lock()) self->OnMessage(link, *shared);
        });
  }
  void OnSent() override {}  // the window bounds what is sent
  void OnClosed(const absl::Status& why) override {
    const auto delivery = delivery_.lock();
    if (delivery == nullptr) return;
    delivery->strand_->Post([weak = delivery_, link = link_, why] {
      const auto self = weak.lock();
      if (self != nullptr && self->link_number_ == link && self->state_ != State::kWaiting) self->Disconnect(why);
    });
  }

 private:
  const std::weak_ptr<Delivery> delivery_;
  const uint64_t link_;
};

Delivery::Delivery(Context& context, AuthorityId peer)
    : context_(context),
      peer_(peer),
      strand_(std::make_shared<Strand>(context.parts.scheduler)),
      builder_({context.parts.self, context.parts.log, context.parts.keys}),
      backoff_(context.options.first_backoff, context.options.longest_backoff, context.parts.random) {}

void Delivery::Start() { DialAt(absl::InfinitePast()); }

void Delivery::Wake() {
  if (wake_posted_.exchange(true)) return;
  strand_->Post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->wake_posted_.store(false);
    self->Pump();
  });
}

void Delivery::DialNow() {
  strand_->Post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr || self->state_ != State::kWaiting) return;
    self->backoff_.Reset();
    self->Connect();
  });
}

void Delivery::OnRestrained() {
  strand_->Post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr || self->state_ == State::kWaiting) return;
    if (const absl::Status why = self->context_.parts.log.restraint(); !why.ok()) self->Disconnect(why);
  });
}

void Delivery::OnForked() {
  strand_->Post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self != nullptr && self->state_ != State::kWaiting && self->IsForked()) self->Disconnect(Forked());
  });
}

bool Delivery::IsForked() const {
  return hello_ ? context_.IsForked(peer_, hello_->origin) : context_.IsOpenLogForked(peer_);
}

void Delivery::Stop() {
  strand_->Post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    if (self->link_ != nullptr) self->link_->Close(absl::UnavailableError("the node stops"));
    self->strand_->Stop();
  });
}

DirectionStatus Delivery::status() const {
  MutexLock lock(status_mutex_);
  return status_;
}

void Delivery::Update(absl::FunctionRef<void(DirectionStatus&)> change) {
  MutexLock lock(status_mutex_);
  change(status_);
}

void Delivery::DialAt(absl::Time when) {
  const auto dial = [weak = weak_from_this(), link = link_number_] {
    const auto self = weak.lock();
    if (self != nullptr && self->link_number_ == link && self->state_ == State::kWaiting) self->Connect();
  };
  if (when == absl::InfinitePast()) {
    strand_->Post(dial);
  } else {
    strand_->PostAt(when, dial);
  }
}

void Delivery::Connect() {
  // What was receipted on the last link must be durable first: the Hello states it.
  if (unlogged_receipts_ > 0) {
    dial_when_logged_ = true;
    return;
  }
  // Another card of the peer, with a log that two officers admit, ends it.
  if (IsForked()) return Disconnect(Forked());
  // What this log has, and another one will follow, would be the peer's for good. Usually only a restart ends it.
  if (const absl::Status restrained = context_.parts.log.restraint(); !restrained.ok()) return Disconnect(restrained);
  const auto card = context_.card();
  if (!card) return DialAt(context_.parts.clock.Now() + backoff_.Next());

  const uint64_t link = ++link_number_;
  state_ = State::kGreeting;
  asked_ = true;  // the first message comes unasked
  last_progress_ = context_.parts.clock.Now();
  link_ = context_.parts.dialer.Connect(peer_, std::make_shared<Events>(weak_from_this(), link));
  const log::Head head = context_.parts.log.head();
  const log::PeerState peer = context_.parts.log.peer(peer_);
  v1::PeerMessage message;
  *message.mutable_hello() = MakeHello(context_.parts.self, peer_, head, context_.parts.log.origin(), *card,
                                       {peer.by_receipt.size, PairNumber(), peer.receipted});
  // Where the peer's log is a new one, nothing of it was accepted yet.
  const directory::Directory directory = context_.directory();
  const directory::Authority* authority = directory.Find(peer_);
  if (authority == nullptr || authority->logs.empty() || authority->logs.back().origin != peer.origin) {
    message.mutable_hello()->set_accepted_size(0);
  }
  link_->Send(std::move(message));
  WatchAnswers(link);
}

void Delivery::WatchAnswers(uint64_t link) {
  strand_->PostAt(context_.parts.clock.Now() + context_.options.answer_timeout, [weak = weak_from_this(), link] {
    const auto self = weak.lock();
    if (self == nullptr || self->link_number_ != link || self->state_ == State::kWaiting) return;
    const bool awaits = self->state_ == State::kGreeting || !self->outstanding_.empty();
    if (awaits && self->context_.parts.clock.Now() - self->last_progress_ >= self->context_.options.answer_timeout) {
      return self->Disconnect(
          RuleError(absl::StatusCode::kDeadlineExceeded, "PEER_SILENT", "", "the peer did not answer in time"));
    }
    self->WatchAnswers(link);
  });
}

void Delivery::OnMessage(uint64_t link, const v1::PeerMessage& message) {
  if (link != link_number_ || state_ == State::kWaiting) return;
  asked_ = false;
  last_progress_ = context_.parts.clock.Now();
  Update([this](DirectionStatus& status) { status.last_contact = last_progress_; });
  if (message.has_hello() && state_ == State::kGreeting) {
    OnHello(message.hello());
  } else if (message.has_answer() && message.answer().has_fault()) {
    OnFault(message.answer().fault());
  } else if (message.has_answer() && state_ == State::kStreaming) {
    OnAnswer(message.answer());
  } else {
    Reject(Malformed("MESSAGE_UNEXPECTED", "kind"));
  }
  AskForMore();
}

void Delivery::AskForMore() {
  if (link_ == nullptr || asked_ || waiting_answer_ || unlogged_receipts_ >= kMaxUnloggedReceipts) return;
  asked_ = true;
  link_->Next();
}

void Delivery::Reject(const absl::Status& status) {
  if (IsOwn(status)) {
    context_.parts.logger.Error("answer_not_taken", absl::StrCat("peer=", peer_.ToString(), " rule=", RuleOf(status)));
  } else if (RuleOf(status) != kPeerLeftOut) {  // of which the log would say the same each minute, for good
    context_.rejections.Record(peer_, RuleOf(status));
  }
  Disconnect(status);
}

void Delivery::OnHello(const v1::Hello& message) {
  const directory::Directory directory = context_.directory();
  auto hello = CheckHello(message, context_.parts.self, peer_, directory, context_.parts.clock.Now());
  absl::Status status = hello.status();
  if (status.ok()) status = CheckProgress(*hello, directory);
  if (!status.ok()) return Reject(status);
  hello_ = *std::move(hello);
  const log::PeerState peer = context_.parts.log.peer(peer_);
  state_ = State::kStreaming;
  next_sequence_ = 1;
  next_number_ = PairNumber(hello_->progress.last_number.value() + 1);
  sent_size_ = hello_->progress.accepted_size;
  next_receipt_ = PairNumber(peer.receipted.value() + 1);
  receipt_head_ = {AcceptedOf(peer, hello_->origin, peer.by_receipt), ""};
  Update([this, &peer](DirectionStatus& known) {
    known.connected = true;
    known.proven = peer.receipted;
    known.left_out.reset();
    // That nobody answered is over, and so is a fork of the log before, where it was found here; what a peer answered
    // to a batch is over only when it has taken one.
    if (known.last_error == absl::StatusCodeToString(absl::StatusCode::kUnavailable) ||
        (known.last_error == "LOG_FORKED" && !answered_)) {
      known.last_error.clear();
    }
  });
  Pump();
}

absl::Status Delivery::CheckProgress(const PeerHello& hello, const directory::Directory& directory) {
  if (context_.IsForked(peer_, hello.origin)) return Forked();
  MEDFLYT_RETURN_IF_ERROR(CheckAdmitted(context_, directory, peer_, hello.origin).status());
  const log::PeerState peer = context_.parts.log.peer(peer_);
  const entry::AcceptedHead accepted = AcceptedOf(peer, hello.origin, peer.by_receipt);
  if (absl::Status status = CheckHead(hello.head, accepted); !status.ok()) {
    if (SuggestsFork(status)) KeepForkEvidence(context_, peer_, status, accepted, hello.checkpoint);
    return status;
  }
  if (FollowsAnotherLog() && hello.progress.accepted_size.value() == 0 && hello.progress.last_number > peer.receipted) {
    // Nothing of this log has arrived there, so those numbers are of an earlier log's events. What follows them is not
    // sent: it would be taken, and what this log has under these numbers never would.
    ShowLeftOut(peer.receipted, hello.progress.last_number);
    return RuleError(absl::StatusCode::kFailedPrecondition, kPeerLeftOut, "hello",
                     "the peer has more of a closed log than this one goes on from");
  }
  // Each of these says that one of the two stores is not what it was. Who it is, people find out.
  std::string_view rule;
  if (hello.progress.accepted_size > context_.parts.log.head().size || hello.progress.last_number > peer.issued) {
    rule = "OWN_LOG_BEHIND";
  } else if (hello.progress.last_number < peer.receipted) {
    rule = "PEER_BEHIND_RECEIPTS";
  } else {
    return absl::OkStatus();
  }
  context_.parts.logger.Error("exchange_held", absl::StrCat("peer=", peer_.ToString(), " rule=", std::string(rule)));
  return RuleError(absl::StatusCode::kFailedPrecondition, rule, "hello",
                   "the peer's progress contradicts what is stored here");
}

bool Delivery::FollowsAnotherLog() const { return context_.parts.log.reader().generations().before_open() != nullptr; }

void Delivery::ShowLeftOut(PairNumber one, PairNumber other) {
  const Numbers left_out = Between(one, other);
  bool news = false;
  Update([&](DirectionStatus& status) { news = SetLeftOut(status, left_out); });
  if (!news) return;
  context_.parts.logger.Error("peer_left_out", absl::StrCat("peer=", peer_.ToString(), " ours=", left_out.first.value(),
                                                            "-", left_out.last.value()));
}

bool Delivery::IsLeftOut(const v1::Fault& fault) {
  if (fault.rule() != kPeerLeftOut || fault.expected_number() == 0) return false;
  const PairNumber receipted = context_.parts.log.peer(peer_).receipted;
  const PairNumber has(fault.expected_number() - 1);
  // Only a log that follows another one can lack what the other side had of it.
  const directory::Directory directory = context_.directory();
  const directory::Authority* authority = directory.Find(peer_);
  const bool ours_lacks = has > receipted && FollowsAnotherLog();
  const bool theirs_lacks = has < receipted && authority != nullptr && authority->logs.size() > 1;
  if (!ours_lacks && !theirs_lacks) return false;
  ShowLeftOut(receipted, has);
  return true;
}

void Delivery::OnFault(const v1::Fault& fault) {
  const std::string rule = PeersRule(fault.rule(), "FAULT");
  if (!IsLeftOut(fault)) {
    context_.parts.logger.Warning("batch_not_taken", absl::StrCat("peer=", peer_.ToString(), " rule=", rule));
  }
  // Only keys of what was sent: a peer that names others would have `regrant_` grow without end.
  std::set<KeyId> sent;
  for (const Outstanding& batch : outstanding_) {
    for (const SentEvent& event : batch.events) sent.insert(event.key_id);
  }
  for (const std::string& bytes : fault.missing_key_ids()) {
    if (const auto id = KeyId::FromBytes(bytes); id && sent.contains(*id)) regrant_.insert(*id);
  }
  if (IsPause(rule)) {
    Update([&rule](DirectionStatus& status) { status.paused = rule; });
  }
  Disconnect(RuleError(absl::StatusCode::kFailedPrecondition, rule, "batch", "the peer did not take what was sent"));
  answered_ = true;
}

void Delivery::OnAnswer(const v1::BatchAnswer& answer) {
  if (IsForked()) return Disconnect(Forked());
  const auto taken = TakeReceipt(answer);
  if (!taken.ok()) return Reject(taken.status());
  if (!*taken) {
    waiting_answer_ = answer;
    return;
  }
  backoff_.Reset();
  Update([](DirectionStatus& status) {
    status.last_error.clear();
    status.paused.clear();
  });
  Pump();
}

absl::StatusOr<bool> Delivery::TakeReceipt(const v1::BatchAnswer& answer) {
  if (!answer.has_receipt()) return Malformed("ANSWER_MALFORMED", "result");
  const v1::Receipt& receipt = answer.receipt();
  // Before anything is read on the strength of what the peer says: no receipt is of more than a batch holds.
  if (static_cast<size_t>(receipt.leaves_size()) > entry::kMaxBatchEntries) {
    return Malformed("RECEIPT_MALFORMED", "leaves");
  }
  std::vector<SentEvent> expected;
  if (answer.batch_sequence() == 0) {
    // Receipts that were lost, for events that the peer had when it greeted.
    if (next_receipt_ > hello_->progress.last_number) return Malformed("RECEIPT_UNEXPECTED", "batch_sequence");
    const auto count = std::min<uint64_t>(static_cast<uint64_t>(receipt.leaves_size()),
                                          hello_->progress.last_number.value() + 1 - next_receipt_.value());
    if (count == 0) return Malformed("RECEIPT_MALFORMED", "leaves");
    MEDFLYT_ASSIGN_OR_RETURN(expected, builder_.SentFrom(peer_, next_receipt_, count));
  } else {
    if (outstanding_.empty() || outstanding_.front().sequence != answer.batch_sequence()) {
      return Malformed("ANSWER_OUT_OF_ORDER", "batch_sequence");
    }
    expected = outstanding_.front().events;
  }
  if (expected.empty() || expected.front().number != next_receipt_) {
    return Malformed("ANSWER_OUT_OF_ORDER", "receipt");
  }

  const directory::Directory directory = context_.directory();  // the card may be another one by now
  MEDFLYT_ASSIGN_OR_RETURN(Believed believed, CheckAdmitted(context_, directory, peer_, hello_->origin));
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::VerifierKey key, KeyForNote(receipt.checkpoint(), hello_->origin, directory));
  const auto verified = entry::VerifyReceipt(
      receipt, {hello_->origin, std::span(&key, 1)}, receipt_head_.head, context_.parts.log.origin(),
      [&expected](LeafIndex leaf) -> std::optional<crypto::Hash> {
        const auto found = std::lower_bound(expected.begin(), expected.end(), leaf,
                                            [](const SentEvent& event, LeafIndex index) { return event.leaf < index; });
        if (found == expected.end() || found->leaf != leaf) return std::nullopt;
        return found->leaf_hash;
      },
      ledger_);
  if (!verified.ok()) {
    if (unlogged_receipts_ > 0 && IsJudgedByLeaves(verified.status())) return false;
    return JudgeUntaken(context_, directory, peer_, hello_->origin, verified.status(), receipt_head_,
                        receipt.checkpoint(), ShownBy(receipt));
  }
  // Each event once, none missing, in the order of their numbers.
  bool complete = verified->events.size() == expected.size();
  for (size_t i = 0; complete && i < expected.size(); ++i) complete = verified->events[i].index == expected[i].leaf;
  if (!complete) return Malformed("RECEIPT_INCOMPLETE", "leaves");

  const entry::AcceptedHead head{verified->head.checkpoint.size(), verified->head.checkpoint.root()};
  for (const SentEvent& event : expected) regrant_.erase(event.key_id);
  for (size_t i = 0; i < expected.size(); ++i) {
    if (verified->events[i].refused_rule.empty()) continue;
    context_.parts.logger.Warning("event_refused",
                                  absl::StrCat("peer=", peer_.ToString(), " number=", expected[i].number.value(),
                                               " event=", expected[i].id.ToHex(),
                                               " rule=", PeersRule(verified->events[i].refused_rule, "REFUSED")));
  }
  next_receipt_ = PairNumber(expected.back().number.value() + 1);
  Update([&expected](DirectionStatus& status) { status.proven = expected.back().number; });
  if (answer.batch_sequence() != 0) outstanding_.pop_front();
  std::string kept = EncodeReceipt(receipt, *verified);
  auto submission = std::make_unique<ReceiptSubmission>(
      ReceiptToLog{peer_, hello_->origin, receipt_head_.head, head, std::move(expected), verified->events,
                   crypto::Sha256(receipt.SerializeAsString()), std::move(kept), &context_.log_keys,
                   std::move(believed)},
      [weak = weak_from_this()](bool logged) {
        const auto self = weak.lock();
        if (self == nullptr) return;
        self->strand_->Post([weak, logged] {
          if (const auto still = weak.lock()) still->OnReceiptLogged(logged);
        });
      });
  receipt_head_ = {head, receipt.checkpoint()};
  MEDFLYT_RETURN_IF_ERROR(context_.parts.queue.Submit(std::move(submission)));
  ++unlogged_receipts_;
  return true;
}

void Delivery::OnReceiptLogged(bool logged) {
  --unlogged_receipts_;
  if (!logged && state_ != State::kWaiting) {
    Disconnect(RuleError(absl::StatusCode::kAborted, "RECEIPT_STALE", "receipt", "the receipt came too late"));
  }
  if (unlogged_receipts_ == 0 && waiting_answer_) {
    const v1::BatchAnswer answer = *std::exchange(waiting_answer_, std::nullopt);
    OnAnswer(answer);
  }
  if (unlogged_receipts_ == 0 && dial_when_logged_) {
    dial_when_logged_ = false;
    if (state_ == State::kWaiting) Connect();
  }
  AskForMore();
}

void Delivery::Pump() {
  if (state_ != State::kStreaming) return;
  if (IsForked()) return Disconnect(Forked());
  if (const absl::Status restrained = context_.parts.log.restraint(); !restrained.ok()) return Disconnect(restrained);
  const absl::Time now = context_.parts.clock.Now();
  while (outstanding_.size() < context_.options.window && next_number_ <= context_.parts.log.peer(peer_).issued) {
    if (now > hello_->card.not_after) {
      return Disconnect(RuleError(absl::StatusCode::kFailedPrecondition, "EXCHANGE_KEY_EXPIRED", "exchange_key",
                                  "the peer's exchange key has run out: greet again"));
    }
    auto built = builder_.Build(peer_, hello_->card, next_number_, sent_size_, regrant_);
    if (!built.ok()) {
      context_.parts.logger.Error("batch_not_built",
                                  absl::StrCat("peer=", peer_.ToString(), " rule=", RuleOf(built.status())));
      return Disconnect(built.status());
    }
    if (!*built) return;
    BuiltBatch& batch = **built;
    batch.batch.set_sequence(next_sequence_);
    next_number_ = PairNumber(batch.events.back().number.value() + 1);
    sent_size_ = batch.size;
    if (outstanding_.empty()) last_progress_ = now;
    outstanding_.push_back({next_sequence_++, std::move(batch.events)});
    v1::PeerMessage message;
    *message.mutable_batch() = std::move(batch.batch);
    link_->Send(std::move(message));
  }
}

void Delivery::Disconnect(const absl::Status& why) {
  if (link_ != nullptr) link_->Close(why);
  link_.reset();
  state_ = State::kWaiting;
  ++link_number_;
  outstanding_.clear();
  waiting_answer_.reset();
  hello_.reset();
  answered_ = false;
  Update([&why](DirectionStatus& status) {
    status.connected = false;
    status.last_error = RuleOf(why);
  });
  DialAt(context_.parts.clock.Now() + backoff_.Next());
}

}  // namespace medflyt::exchange
