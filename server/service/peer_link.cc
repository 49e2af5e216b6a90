#include "server/service/peer_link.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/rpc/limits.h"
#include "common/rpc/status_map.h"
#include "grpcpp/create_channel.h"

namespace medflyt::service {
namespace {

absl::Status Congested() {
  return RuleError(absl::StatusCode::kResourceExhausted, "LINK_CONGESTED", "", "the peer does not take what is sent");
}

absl::Status NodeStops() {
  return RuleError(absl::StatusCode::kUnavailable, "NODE_STOPPING", "", "the node is stopping");
}

absl::Status TrustChanged() { return absl::UnavailableError("issuers or revocations have changed"); }

// The recipient's end. Kept alive by itself until gRPC is done with it.
class InboundLink final : public grpc::ServerBidiReactor<v1::PeerMessage, v1::PeerMessage>,
                          public exchange::Link,
                          public PeerServiceImpl::Inbound,
                          public std::enable_shared_from_this<InboundLink> {
 public:
  InboundLink(const Gate& gate, Identity peer) : gate_(gate), peer_(std::move(peer)) {}

  void Begin(std::shared_ptr<exchange::LinkEvents> events) {
    self_ = shared_from_this();
    events_ = std::move(events);
    Next();
  }

  void Next() override {
    MutexLock lock(mutex_);
    // A call that is being finished may be gone before a read begins.
    if (closing_ || std::exchange(reading_, true)) return;
    StartRead(&incoming_);
  }

  void Send(v1::PeerMessage message) override {
    switch (outbox_.Add(std::move(message))) {
      case LinkOutbox::Added::kWrite:
        return StartWrite(&outbox_.current());
      case LinkOutbox::Added::kCongested:
        return Close(Congested());
      case LinkOutbox::Added::kWait:
      case LinkOutbox::Added::kClosed:
        return;
    }
  }

  void Close(const absl::Status& reason) override {
    {
      MutexLock lock(mutex_);
      if (!closing_) {
        closing_ = true;
        reason_ = reason;
      }
    }
    if (outbox_.Close()) End();
  }

  void Judge() override {
    if (const absl::Status valid = gate_.StillValid(peer_); !valid.ok()) Close(valid);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Close(absl::OkStatus());
    if (const absl::Status valid = gate_.StillValid(peer_); !valid.ok()) return Close(valid);
    v1::PeerMessage message = std::exchange(incoming_, {});
    {
      MutexLock lock(mutex_);
      reading_ = false;
    }
    events_->OnMessage(std::move(message));
  }
  void OnWriteDone(bool ok) override {
    if (outbox_.Written(ok)) return StartWrite(&outbox_.current());
    if (!ok) return Close(absl::UnavailableError("the peer is gone"));
    if (outbox_.ends()) return End();
    events_->OnSent();
  }
  void OnCancel() override { Close(absl::CancelledError("the peer is gone")); }
  void OnDone() override {
    const std::shared_ptr<InboundLink> last = std::move(self_);
    events_->OnClosed(reason());
    events_.reset();
  }

 private:
  void End() { Finish(rpc::ToGrpc(reason())); }
  absl::Status reason() {
    MutexLock lock(mutex_);
    return reason_;
  }

  const Gate& gate_;
  const Identity peer_;
  std::shared_ptr<InboundLink> self_;
  std::shared_ptr<exchange::LinkEvents> events_;
  v1::PeerMessage incoming_;
  LinkOutbox outbox_;
  Mutex mutex_;
  bool reading_ MEDFLYT_GUARDED_BY(mutex_) = false;
  bool closing_ MEDFLYT_GUARDED_BY(mutex_) = false;
  absl::Status reason_ MEDFLYT_GUARDED_BY(mutex_);
};

// The issuer's end.
class OutboundLink final : public grpc::ClientBidiReactor<v1::PeerMessage, v1::PeerMessage>,
                           public exchange::Link,
                           public std::enable_shared_from_this<OutboundLink> {
 public:
  OutboundLink(std::shared_ptr<grpc::Channel> channel, std::shared_ptr<exchange::LinkEvents> events)
      : events_(std::move(events)), stub_(v1::PeerService::NewStub(std::move(channel))) {}

  void Begin() {
    self_ = shared_from_this();
    stub_->async()->Exchange(&context_, this);
    AddHold();  // sends and reads begin outside gRPC's reactions; released when the link closes
    Next();
    StartCall();
  }

  void Next() override {
    MutexLock lock(mutex_);
    // Once the link closes, the call may be gone before a read begins.
    if (closing_ || std::exchange(reading_, true)) return;
    StartRead(&incoming_);
  }

  void Send(v1::PeerMessage message) override {
    switch (outbox_.Add(std::move(message))) {
      case LinkOutbox::Added::kWrite:
        return StartWrite(&outbox_.current());
      case LinkOutbox::Added::kCongested:
        return Close(Congested());
      case LinkOutbox::Added::kWait:
      case LinkOutbox::Added::kClosed:
        return;
    }
  }

  void Close(const absl::Status& reason) override {
    if (!Closes(reason)) return;
    // Ends a read, and a write that the peer does not take, with an error.
    context_.TryCancel();
    if (outbox_.Close()) RemoveHold();
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      // The peer has ended the call, and its status is on the way.
      if (Closes(absl::OkStatus()) && outbox_.Close()) RemoveHold();
      return;
    }
    v1::PeerMessage message = std::exchange(incoming_, {});
    {
      MutexLock lock(mutex_);
      reading_ = false;
    }
    events_->OnMessage(std::move(message));
  }
  void OnWriteDone(bool ok) override {
    if (outbox_.Written(ok)) return StartWrite(&outbox_.current());
    if (!ok) Close(absl::UnavailableError("the peer is gone"));
    if (outbox_.ends()) return RemoveHold();
    if (ok) events_->OnSent();
  }
  void OnDone(const grpc::Status& status) override {
    const std::shared_ptr<OutboundLink> last = std::move(self_);
    absl::Status why;
    {
      MutexLock lock(mutex_);
      why = reason_;
    }
    // Our own TryCancel makes the call end with CANCELLED: what the peer said comes first, then what we said.
    if (!status.ok() && status.error_code() != grpc::StatusCode::CANCELLED) why = rpc::FromGrpc(status);
    events_->OnClosed(why);
    events_.reset();
  }

 private:
  // Whether this is what closes the link.
  bool Closes(const absl::Status& reason) {
    MutexLock lock(mutex_);
    if (closing_) return false;
    closing_ = true;
    reason_ = reason;
    return true;
  }

  std::shared_ptr<OutboundLink> self_;
  std::shared_ptr<exchange::LinkEvents> events_;
  const std::unique_ptr<v1::PeerService::Stub> stub_;
  grpc::ClientContext context_;
  v1::PeerMessage incoming_;
  LinkOutbox outbox_;
  Mutex mutex_;
  bool reading_ MEDFLYT_GUARDED_BY(mutex_) = false;
  bool closing_ MEDFLYT_GUARDED_BY(mutex_) = false;
  absl::Status reason_ MEDFLYT_GUARDED_BY(mutex_);
};

class RefusedLink final : public grpc::ServerBidiReactor<v1::PeerMessage, v1::PeerMessage> {
 public:
  explicit RefusedLink(const absl::Status& why) { Finish(rpc::ToGrpc(why)); }
  void OnDone() override { delete this; }
};

// To a peer that cannot be dialled at all.
class DeadLink final : public exchange::Link {
 public:
  void Send(v1::PeerMessage) override {}
  void Next() override {}
  void Close(const absl::Status&) override {}
};

}  // namespace

LinkOutbox::Added LinkOutbox::Add(v1::PeerMessage message) {
  MutexLock lock(mutex_);
  if (closed_) return Added::kClosed;
  if (!writing_) {
    writing_ = true;
    current_ = std::move(message);
    return Added::kWrite;
  }
  bytes_ += message.ByteSizeLong();
  if (bytes_ > kMaxLinkBacklog) return Added::kCongested;
  queue_.push_back(std::move(message));
  return Added::kWait;
}

bool LinkOutbox::Written(bool ok) {
  MutexLock lock(mutex_);
  if (!ok) queue_.clear();
  if (queue_.empty()) {
    writing_ = false;
    return false;
  }
  current_ = std::move(queue_.front());
  queue_.pop_front();
  bytes_ -= std::min(bytes_, current_.ByteSizeLong());
  return true;
}

bool LinkOutbox::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  if (writing_ || ended_) return false;
  ended_ = true;
  return true;
}

bool LinkOutbox::ends() {
  MutexLock lock(mutex_);
  if (!closed_ || writing_ || ended_) return false;
  ended_ = true;
  return true;
}

grpc::ServerBidiReactor<v1::PeerMessage, v1::PeerMessage>* PeerServiceImpl::Exchange(
    grpc::CallbackServerContext* context) {
  auto peer = gate_.Peer(*context);
  if (!peer.ok()) return new RefusedLink(peer.status());
  const AuthorityId authority = (*peer)->authority;
  auto link = std::make_shared<InboundLink>(gate_, *std::move(peer));
  auto events = accept_(authority, link);
  if (!events.ok()) return new RefusedLink(events.status());
  {
    MutexLock lock(mutex_);
    std::erase_if(open_, [](const std::weak_ptr<Inbound>& each) { return each.expired(); });
    open_.push_back(link);
  }
  link->Begin(*std::move(events));
  // Trust may have changed since the certificate was looked at and before the link was in the list.
  link->Judge();
  return link.get();
}

void PeerServiceImpl::EndRevoked() {
  std::vector<std::weak_ptr<Inbound>> open;
  {
    MutexLock lock(mutex_);
    open = open_;
  }
  for (const std::weak_ptr<Inbound>& each : open) {
    if (const auto link = each.lock()) link->Judge();
  }
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> GrpcDialer::ChannelTo(AuthorityId peer) {
  const directory::Directory directory = directory_();
  const directory::Authority* authority = directory.Find(peer);
  if (authority == nullptr || !authority->has_node()) {
    return RuleError(absl::StatusCode::kNotFound, "PEER_UNKNOWN", "", "the directory has no node of this authority");
  }
  MutexLock lock(mutex_);
  Known& known = channels_[peer];
  if (known.channel == nullptr || known.endpoint != authority->endpoint) {
    MEDFLYT_ASSIGN_OR_RETURN(auto credentials, credentials_(peer));
    known = {authority->endpoint, grpc::CreateCustomChannel(authority->endpoint, credentials, rpc::ChannelLimits())};
  }
  return known.channel;
}

std::shared_ptr<exchange::Link> GrpcDialer::Connect(AuthorityId peer, std::shared_ptr<exchange::LinkEvents> events) {
  uint64_t renewals = 0;
  {
    MutexLock lock(mutex_);
    renewals = renewals_;
  }
  auto channel = ChannelTo(peer);
  if (!channel.ok()) {
    workers_.RunNext([events = std::move(events), why = channel.status()] { events->OnClosed(why); });
    return std::make_shared<DeadLink>();
  }
  auto link = std::make_shared<OutboundLink>(*std::move(channel), std::move(events));
  link->Begin();
  bool stopped = false;
  bool renewed = false;
  std::shared_ptr<exchange::Link> earlier;
  {
    MutexLock lock(mutex_);
    std::weak_ptr<exchange::Link>& known = links_[peer];
    earlier = known.lock();
    known = link;
    stopped = stopped_;
    renewed = renewals_ != renewals;
  }
  if (earlier != nullptr) earlier->Close(absl::AbortedError("superseded"));
  if (renewed) link->Close(TrustChanged());
  if (stopped) link->Close(NodeStops());
  return link;
}

void GrpcDialer::Renew() {
  std::map<AuthorityId, std::weak_ptr<exchange::Link>> links;
  {
    MutexLock lock(mutex_);
    ++renewals_;
    links.swap(links_);
    channels_.clear();
  }
  for (const auto& [peer, link] : links) {
    if (const auto alive = link.lock()) alive->Close(TrustChanged());
  }
}

void GrpcDialer::Stop() {
  std::map<AuthorityId, std::weak_ptr<exchange::Link>> links;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    links.swap(links_);
  }
  for (const auto& [peer, link] : links) {
    if (const auto alive = link.lock()) alive->Close(NodeStops());
  }
}

}  // namespace medflyt::service
