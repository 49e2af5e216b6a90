#include "server/exchange/exchange.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/exchange/fork_evidence.h"
#include "server/log/appender.h"

namespace medflyt::exchange {

// The rows of the keys are durable before the card is shown to anybody: what is sealed to a key that a crash took
// would have to be sealed again.
class Exchange::RotateSubmission final : public log::Submission {
 public:
  explicit RotateSubmission(Exchange& exchange) : exchange_(exchange) {}
  void Apply(log::Appender& appender) override {
    exchange_.context_.parts.exchange_keys.Rotate(appender.now(), appender.batch());
    exchange_.context_.log_keys.StageUnwritten(appender.batch());
  }
  void Committed(const log::Head&) override { exchange_.ShowExchangeKey(); }
  void Abandoned(const absl::Status&) override {}
  bool appends() const override { return false; }

 private:
  Exchange& exchange_;
};

void Exchange::Peer::Start() const {
  delivery->Start();
  reception->Start();
}

void Exchange::Peer::Stop() const {
  delivery->Stop();
  reception->Stop();
}

absl::StatusOr<std::unique_ptr<Exchange>> Exchange::Create(const Parts& parts, directory::Directory directory,
                                                           const Options& options) {
  auto exchange = std::unique_ptr<Exchange>(new Exchange(parts, std::move(directory), options));
  MEDFLYT_RETURN_IF_ERROR(RecallForkEvidence(exchange->context_));
  const directory::Directory present = exchange->context_.directory();
  for (const directory::Authority& authority : present.authorities()) {
    if (authority.id != parts.self) MEDFLYT_RETURN_IF_ERROR(exchange->context_.log_keys.Recall(authority));
  }
  parts.log.AddObserver(*exchange);
  return exchange;
}

Exchange::Exchange(const Parts& parts, directory::Directory directory, const Options& options)
    : context_(parts, std::move(directory), options, [this](AuthorityId peer) { OnForked(peer); }),
      strand_(std::make_shared<Strand>(parts.scheduler)) {}

void Exchange::Start() {
  Reconcile();
  Rotate();
}

void Exchange::Rotate() {
  const absl::Time now = context_.parts.clock.Now();
  const absl::Status submitted = context_.parts.queue.Submit(std::make_unique<RotateSubmission>(*this));
  // Daily, when an epoch ends, and soon again where the queue was full.
  const absl::Time epoch_end = keys::ExchangeEpochEnd(keys::ExchangeEpochAt(now));
  const absl::Time next = submitted.ok() ? std::min(now + absl::Hours(24), epoch_end) : now + absl::Seconds(1);
  strand_->PostAt(next, [this] { Rotate(); });
}

void Exchange::ShowExchangeKey() {
  const auto current = context_.parts.exchange_keys.current();
  if (!current.ok()) return;
  context_.set_card(entry::SignExchangeKey(context_.parts.log_key, context_.parts.log.origin(), current->epoch,
                                           current->public_key, current->not_after));
  std::vector<Peer> begin;
  {
    MutexLock lock(mutex_);
    if (started_ || stopped_) return;
    started_ = true;
    for (const auto& [id, peer] : peers_) begin.push_back(peer);
  }
  for (const Peer& peer : begin) peer.Start();
}

void Exchange::Reconcile() {
  const directory::Directory directory = context_.directory();
  std::vector<Peer> begin;
  std::vector<Peer> gone;
  {
    MutexLock lock(mutex_);
    if (stopped_) return;
    for (const directory::Authority& authority : directory.authorities()) {
      if (!authority.has_node() || authority.id == context_.parts.self || peers_.contains(authority.id)) continue;
      Peer peer{std::make_shared<Delivery>(context_, authority.id),
                std::make_shared<Reception>(context_, authority.id)};
      if (started_) begin.push_back(peer);
      peers_.emplace(authority.id, std::move(peer));
    }
    for (auto known = peers_.begin(); known != peers_.end();) {
      const directory::Authority* authority = directory.Find(known->first);
      if (authority != nullptr && authority->has_node()) {
        ++known;
        continue;
      }
      gone.push_back(std::move(known->second));
      known = peers_.erase(known);
    }
  }
  for (const Peer& peer : begin) peer.Start();
  for (const Peer& peer : gone) peer.Stop();
}

void Exchange::Stop() {
  std::map<AuthorityId, Peer> peers;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    peers = peers_;
  }
  strand_->Stop();
  context_.rejections.Flush();
  context_.evidence.Flush();
  for (const auto& [id, peer] : peers) peer.Stop();
}

absl::StatusOr<std::shared_ptr<LinkEvents>> Exchange::Accept(AuthorityId peer, std::shared_ptr<Link> link) {
  MutexLock lock(mutex_);
  if (stopped_) {
    return RuleError(absl::StatusCode::kUnavailable, "NODE_STOPPING", "", "the node stops");
  }
  const auto found = peers_.find(peer);
  if (found == peers_.end()) {
    return RuleError(absl::StatusCode::kPermissionDenied, "PEER_UNKNOWN", "authority",
                     "the directory has no node of this authority");
  }
  return found->second.reception->Accept(std::move(link));
}

void Exchange::OnDirectoryChanged(directory::Directory directory) {
  context_.set_directory(std::move(directory));
  Reconcile();
}

void Exchange::OnTrustChanged() {
  MutexLock lock(mutex_);
  if (!started_ || stopped_) return;
  for (const auto& [id, peer] : peers_) peer.delivery->DialNow();
}

void Exchange::OnRestrained() {
  MutexLock lock(mutex_);
  if (stopped_) return;
  for (const auto& [id, peer] : peers_) {
    peer.delivery->OnRestrained();
    peer.reception->OnRestrained();
  }
}

void Exchange::OnForked(AuthorityId peer) {
  MutexLock lock(mutex_);
  const auto found = peers_.find(peer);
  if (stopped_ || found == peers_.end()) return;
  found->second.delivery->OnForked();
  found->second.reception->OnForked();
}

void Exchange::DialNow(AuthorityId peer) {
  MutexLock lock(mutex_);
  if (!started_ || stopped_) return;
  if (const auto found = peers_.find(peer); found != peers_.end()) found->second.delivery->DialNow();
}

void Exchange::OnCommit(const log::Head&, const std::vector<AuthorityId>& receivers) {
  MutexLock lock(mutex_);
  for (const AuthorityId& receiver : receivers) {
    if (const auto found = peers_.find(receiver); found != peers_.end()) found->second.delivery->Wake();
  }
}

PeerStatus Exchange::StatusOf(AuthorityId peer) const {
  PeerStatus status;
  status.peer = peer;
  status.numbers = context_.parts.log.peer(peer);
  status.forked = context_.IsOpenLogForked(peer);
  status.forked_logs = context_.ForkedLogs(peer);
  MutexLock lock(mutex_);
  if (const auto found = peers_.find(peer); found != peers_.end()) {
    status.delivery = found->second.delivery->status();
    status.reception = found->second.reception->status();
  }
  return status;
}

std::vector<PeerStatus> Exchange::Statuses() const {
  std::vector<AuthorityId> ids;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, peer] : peers_) ids.push_back(id);
  }
  std::vector<PeerStatus> statuses;
  statuses.reserve(ids.size());
  for (const AuthorityId& id : ids) statuses.push_back(StatusOf(id));
  return statuses;
}

}  // namespace medflyt::exchange
