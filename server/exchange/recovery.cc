#include "server/exchange/recovery.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/absl_view.h"
#include "common/base/status.h"
#include "common/tlog/checkpoint.h"
#include "server/exchange/hello.h"
#include "server/exchange/recovery_submission.h"
#include "server/log/appender.h"

namespace medflyt::exchange {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(30);  // of one question
constexpr uint64_t kLastNumber = uint64_t{1} << 48;     // far beyond any that there is

using GivenKeys = std::vector<std::pair<AuthorityId, CheckedKey>>;  // with who gave each back

}  // namespace

absl::StatusOr<std::optional<v1::RecoveryPlan>> ReadRecoveryPlan(const store::Reader& store) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, store.Get(store::Table::kMeta, kRecoveryRow));
  if (!row) return std::optional<v1::RecoveryPlan>();
  v1::RecoveryPlan plan;
  if (!plan.ParseFromString(*row)) {
    return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", kRecoveryRow, "a stored row does not parse");
  }
  return std::optional(std::move(plan));
}

// The key to which peers seal must be durable before it is shown.
class Recovery::KeySubmission final : public log::Submission {
 public:
  explicit KeySubmission(Recovery& recovery) : recovery_(recovery), strand_(recovery.strand_) {}
  void Apply(log::Appender& appender) override {
    recovery_.context_.parts.exchange_keys.Rotate(appender.now(), appender.batch());
  }
  void Committed(const log::Head&) override {
    strand_->Post([&recovery = recovery_] { recovery.NextPeer(); });
  }
  void Abandoned(const absl::Status& why) override {
    strand_->Post([&recovery = recovery_, why] { recovery.End(why); });
  }
  bool appends() const override { return false; }

 private:
  Recovery& recovery_;
  const std::shared_ptr<Strand> strand_;
};

class Recovery::PlanSubmission final : public log::Submission {
 public:
  PlanSubmission(Recovery& recovery, const v1::RecoveryPlan& plan, GivenKeys keys, Outcome outcome)
      : recovery_(recovery),
        strand_(recovery.strand_),
        plan_(plan.SerializeAsString()),
        keys_(std::move(keys)),
        outcome_(outcome) {}
  void Apply(log::Appender& appender) override {
    std::map<KeyId, const crypto::Key*> given;
    for (const auto& [peer, key] : keys_) {
      const auto held = appender.keys().Find(key.key.id);
      const crypto::Key* other = given.try_emplace(key.key.id, &key.key.key).first->second;
      if (appender.keys().IsDestroyed(key.key.id) || (held.ok() && !(*held == key.key.key)) ||
          !(*other == key.key.key)) {
        status_ = RuleError(absl::StatusCode::kFailedPrecondition, "RECOVERY_EVIDENCE_INVALID", "keys",
                            absl::StrCat("what ", peer.ToString(), " gave back: under the id of one of its keys there ",
                                         "is another, held here or of another peer, or it was destroyed meanwhile"));
        return;
      }
    }
    for (const auto& [peer, key] : keys_) {
      status_ = Annotate(appender.keys().Accept(key.key, key.purpose, appender.batch()),
                         absl::StrCat("what ", peer.ToString(), " gave back"));
      if (!status_.ok()) return;
    }
    appender.batch().Put(store::Table::kMeta, kRecoveryRow, plan_);
  }
  void Committed(const log::Head&) override { Tell(status_); }
  void Abandoned(const absl::Status& why) override { Tell(why); }
  bool appends() const override { return false; }

 private:
  void Tell(const absl::Status& status) {
    strand_->Post([&recovery = recovery_, status, outcome = outcome_] {
      recovery.End(status.ok() ? absl::StatusOr<Outcome>(outcome) : status);
    });
  }

  Recovery& recovery_;
  const std::shared_ptr<Strand> strand_;
  const std::string plan_;
  const GivenKeys keys_;
  const Outcome outcome_;
  absl::Status status_;
};

void Recovery::Begin(std::vector<AuthorityId> peers, const Decision& decision, const Done& done) {
  bool busy = false;
  {
    MutexLock lock(mutex_);
    busy = done_ != nullptr;
    if (!busy) done_ = done;
  }
  if (busy) {
    return done(RuleError(absl::StatusCode::kAborted, "RECOVERY_RUNNING", "", "peers are being asked already"));
  }
  strand_->Post([this, peers = std::move(peers), decision] {
    peers_ = peers;
    plan_.Clear();
    given_.clear();
    plan_.set_first_certificate(std::string(decision.first_certificate.bytes()));
    plan_.set_second_certificate(std::string(decision.second_certificate.bytes()));
    const absl::Status queued = context_.parts.queue.Submit(std::make_unique<KeySubmission>(*this));
    if (!queued.ok()) End(queued);
  });
}

template <typename Response>
std::function<void(absl::StatusOr<Response>)> Recovery::Then(std::function<void(Response&)> then) {
  return [this, strand = strand_, then = std::move(then)](absl::StatusOr<Response> answer) {
    strand->Post([this, then, answer = std::make_shared<absl::StatusOr<Response>>(std::move(answer))] {
      if (!running()) return;
      if (!answer->ok()) return Fail(asked(), PeersRule(RuleOf(answer->status()), "REFUSED"));
      (*answer)->DiscardUnknownFields();  // it is kept, at our expense
      const size_t bytes = (*answer)->ByteSizeLong();
      given_.back() += bytes;
      if (plan_.ByteSizeLong() + bytes > most_) return Fail(GaveMost(), "more than a node holds");
      if (context_.parts.clock.Now() > until_) return Fail(asked(), "it has not come to an end");
      then(**answer);
    });
  };
}

void Recovery::Fail(AuthorityId peer, std::string_view why) {
  End(RuleError(absl::StatusCode::kUnavailable, "RECOVERY_PEER_FAILED", "peer",
                absl::StrCat("peer ", peer.ToString(), " did not give back what it holds: ", ToAbsl(why))));
}

AuthorityId Recovery::GaveMost() const {
  return peers_.at(static_cast<size_t>(std::max_element(given_.begin(), given_.end()) - given_.begin()));
}

void Recovery::NextPeer() {
  if (!given_.empty()) {
    // Before another is asked, who would be named for what this one filled the plan with.
    const directory::Directory directory = context_.directory();
    if (const absl::Status read = ReadEvidence(Parts(directory), peer()).status(); !read.ok()) return End(read);
  }
  if (static_cast<size_t>(plan_.peers_size()) == peers_.size()) return Finish();
  if (plan_.peers_size() == 0) {
    const auto current = context_.parts.exchange_keys.current();
    if (!current.ok()) return End(current.status());
    CardToProto(entry::SignExchangeKey(context_.parts.log_key, context_.parts.log.origin(), current->epoch,
                                       current->public_key, current->not_after),
                exchange_key_);
  }
  plan_.add_peers();
  given_.push_back(0);
  peer().set_peer(asked().number());
  until_ = context_.parts.clock.Now() + kLongestGivingBack;
  AskHeads();
}

void Recovery::AskHeads() {
  v1::GetHeldHeadsRequest request;
  request.set_origin(context_.parts.log.origin());
  calls_.GetHeldHeads(asked(), std::move(request), kTimeout,
                      Then<v1::GetHeldHeadsResponse>([this](v1::GetHeldHeadsResponse& answer) {
                        *peer().mutable_heads() = std::move(answer);
                        next_ = context_.parts.log.peer(asked()).receipted.value() + 1;
                        AskHeld();
                      }));
}

void Recovery::AskHeld() {
  if (next_ > std::min(peer().heads().last_received_number(), kLastNumber)) {
    const log::PeerState state = context_.parts.log.peer(asked());
    next_ = state.received.value() + 1;
    const directory::Directory directory = context_.directory();
    const directory::Authority* authority = directory.Find(asked());
    origin_ = authority == nullptr || !authority->has_node() ? std::string() : authority->logs.back().origin;
    accepted_ = AcceptedOf(state, origin_, state.by_batch).size;
    return AskReturned();
  }
  v1::GetHeldEventsRequest request;
  request.set_origin(context_.parts.log.origin());
  request.set_first_number(next_);
  *request.mutable_exchange_key() = exchange_key_;
  calls_.GetHeldEvents(asked(), std::move(request), kTimeout,
                       Then<v1::GetHeldEventsResponse>([this](v1::GetHeldEventsResponse& answer) {
                         const uint64_t end = answer.first_number() + static_cast<uint64_t>(answer.positions_size());
                         const bool further = answer.first_number() <= next_ && end > next_;
                         next_ = further ? end : kLastNumber + 1;
                         if (further) *peer().add_held() = std::move(answer);  // what is missing, the evidence shows
                         AskHeld();
                       }));
}

void Recovery::AskReturned() {
  if (next_ > std::min(peer().heads().last_receipted_number(), kLastNumber)) return NextPeer();
  v1::GetReceiptedEventsRequest request;
  request.set_origin(context_.parts.log.origin());
  request.set_first_number(next_);
  request.set_accepted_size(accepted_.value());
  *request.mutable_exchange_key() = exchange_key_;
  calls_.GetReceiptedEvents(asked(), std::move(request), kTimeout,
                            Then<v1::GetReceiptedEventsResponse>([this](v1::GetReceiptedEventsResponse& answer) {
                              // What is missing, the evidence shows.
                              if (answer.positions().empty()) return NextPeer();
                              const auto stated = tlog::StatedCheckpoint(answer.batch().checkpoint());
                              if (stated.ok() && stated->origin() == origin_) accepted_ = stated->size();
                              next_ += static_cast<uint64_t>(answer.positions_size());
                              *peer().add_receipted() = std::move(answer);
                              AskReturned();
                            }));
}

EvidenceParts Recovery::Parts(const directory::Directory& directory) const {
  return {context_.parts.self,
          context_.parts.log.origin(),
          context_.parts.log,
          context_.parts.keys,
          context_.parts.exchange_keys,
          directory,
          context_.options.refused_numbers,
          context_.log_keys};
}

void Recovery::Finish() {
  const directory::Directory directory = context_.directory();
  const EvidenceParts parts = Parts(directory);
  const std::vector<v1::HeldByPeer> given(plan_.peers().begin(), plan_.peers().end());
  auto checkpoint = HighestCheckpoint(parts, given);
  if (!checkpoint.ok()) return End(checkpoint.status());
  Outcome outcome;
  const auto stated = tlog::StatedCheckpoint(*checkpoint);
  if (!stated.ok()) return End(stated.status());
  outcome.closed_size = stated->size();
  plan_.set_closed_checkpoint(*std::move(checkpoint));
  plan_.set_kept_size(context_.parts.log.head().size.value());
  GivenKeys keys;
  auto recovery = ReadRecovery(parts, plan_, context_.parts.log.head().size);
  if (!recovery.ok()) return End(recovery.status());
  const absl::Status opens = EncodeOpened(*recovery, context_.parts.clock.Now()).status();
  if (!opens.ok()) return End(opens);
  for (PeerEvidence& evidence : recovery->evidence) {
    outcome.held += evidence.held.size();
    outcome.returned += evidence.returned.size();
    for (CheckedKey& key : evidence.keys) keys.emplace_back(evidence.peer, std::move(key));
  }
  const absl::Status queued =
      context_.parts.queue.Submit(std::make_unique<PlanSubmission>(*this, plan_, std::move(keys), outcome));
  if (!queued.ok()) End(queued);
}

void Recovery::End(const absl::StatusOr<Outcome>& outcome) {
  Done done;
  {
    MutexLock lock(mutex_);
    done = std::exchange(done_, nullptr);
  }
  if (done) done(outcome);
}

void Recovery::Stop() {
  strand_->Stop();
  End(RuleError(absl::StatusCode::kUnavailable, "NODE_STOPPING", "", "the node is stopping"));
}

bool Recovery::running() {
  MutexLock lock(mutex_);
  return done_ != nullptr;
}

}  // namespace medflyt::exchange
