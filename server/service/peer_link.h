// The exchange's links over gRPC: both ends of PeerService.Exchange, and the answering end of its other calls.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/directory/identity.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/client_callback.h"
#include "grpcpp/support/server_callback.h"
#include "medflyt/v1/peer_service.grpc.pb.h"
#include "server/exchange/link.h"
#include "server/service/caller.h"
#include "server/service/event_reader.h"
#include "server/service/workers.h"

namespace medflyt::service {

// What waits to be sent on a link, beyond which it is closed (LINK_CONGESTED): far more than the exchange's window.
inline constexpr size_t kMaxLinkBacklog = 64 << 20;

// Messages that wait for the stream, one of which is being written. Thread-safe.
class LinkOutbox {
 public:
  enum class Added { kWait, kWrite, kClosed, kCongested };
  // kWrite: the caller begins to write current().
  [[nodiscard]] Added Add(v1::PeerMessage message);
  // The message being written; stays in place until Written.
  [[nodiscard]] const v1::PeerMessage& current() const { return current_; }
  // After a write: true where the caller writes current(), the next one, now. After Close there is none.
  [[nodiscard]] bool Written(bool ok);
  // Nothing more is taken. True, once, when nothing is being written and the stream can be ended; otherwise that is so
  // when Written has returned false, and `ends()` says it.
  [[nodiscard]] bool Close();
  // Whether the caller of Written that got false ends the stream.
  [[nodiscard]] bool ends();

 private:
  Mutex mutex_;
  std::deque<v1::PeerMessage> queue_ MEDFLYT_GUARDED_BY(mutex_);
  size_t bytes_ MEDFLYT_GUARDED_BY(mutex_) = 0;
  bool writing_ MEDFLYT_GUARDED_BY(mutex_) = false;
  bool closed_ MEDFLYT_GUARDED_BY(mutex_) = false;
  bool ended_ MEDFLYT_GUARDED_BY(mutex_) = false;
  v1::PeerMessage current_;  // the writer's
};

using AcceptLink =
    std::function<absl::StatusOr<std::shared_ptr<exchange::LinkEvents>>(AuthorityId, std::shared_ptr<exchange::Link>)>;

// What answers a peer's single questions: exchange::Witness, which answers once, on any thread, and
// exchange::HeadComparison. Thread-safe.
struct PeerAnswers {
  std::function<void(AuthorityId, const v1::CosignRequest&, std::function<void(absl::StatusOr<v1::CosignResponse>)>)>
      cosign;
  std::function<absl::StatusOr<v1::CompareHeadsResponse>(AuthorityId, const v1::CompareHeadsRequest&)> compare;
  std::function<absl::StatusOr<v1::ProveConsistencyResponse>(const v1::ProveConsistencyRequest&)> prove;  // on workers
  // These on workers.
  std::function<absl::StatusOr<v1::ProveInclusionResponse>(AuthorityId, const v1::ProveInclusionRequest&)> inclusion;
  std::function<absl::StatusOr<v1::GetHeldHeadsResponse>(AuthorityId, const v1::GetHeldHeadsRequest&)> held;
  std::function<absl::StatusOr<v1::GetHeldEventsResponse>(AuthorityId, const v1::GetHeldEventsRequest&)> held_events;
  std::function<absl::StatusOr<v1::GetReceiptedEventsResponse>(AuthorityId, const v1::GetReceiptedEventsRequest&)>
      receipted_events;
};

class PeerServiceImpl final : public v1::PeerService::CallbackService {
 public:
  // Borrows `gate` and `workers`, which outlive every call.
  PeerServiceImpl(const Gate& gate, Workers& workers, AcceptLink accept, PeerAnswers answers)
      : gate_(gate), workers_(workers), accept_(std::move(accept)), answers_(std::move(answers)) {}

  grpc::ServerBidiReactor<v1::PeerMessage, v1::PeerMessage>* Exchange(grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* Cosign(grpc::CallbackServerContext* context, const v1::CosignRequest* request,
                                   v1::CosignResponse* response) override;
  grpc::ServerUnaryReactor* CompareHeads(grpc::CallbackServerContext* context, const v1::CompareHeadsRequest* request,
                                         v1::CompareHeadsResponse* response) override;
  grpc::ServerUnaryReactor* ProveConsistency(grpc::CallbackServerContext* context,
                                             const v1::ProveConsistencyRequest* request,
                                             v1::ProveConsistencyResponse* response) override;
  grpc::ServerUnaryReactor* ProveInclusion(grpc::CallbackServerContext* context,
                                           const v1::ProveInclusionRequest* request,
                                           v1::ProveInclusionResponse* response) override;
  grpc::ServerUnaryReactor* GetHeldHeads(grpc::CallbackServerContext* context, const v1::GetHeldHeadsRequest* request,
                                         v1::GetHeldHeadsResponse* response) override;
  grpc::ServerUnaryReactor* GetHeldEvents(grpc::CallbackServerContext* context, const v1::GetHeldEventsRequest* request,
                                          v1::GetHeldEventsResponse* response) override;
  grpc::ServerUnaryReactor* GetReceiptedEvents(grpc::CallbackServerContext* context,
                                               const v1::GetReceiptedEventsRequest* request,
                                               v1::GetReceiptedEventsResponse* response) override;

  // After issuers or revocations have changed: ends the streams whose certificate is not valid any more.
  void EndRevoked();

  // A stream of a peer's that is open.
  class Inbound {
   public:
    virtual ~Inbound() = default;
    // Ends it where its certificate does not stand any more.
    virtual void Judge() = 0;
  };

 private:
  template <typename Request, typename Response, typename Answering>
  [[nodiscard]] grpc::ServerUnaryReactor* OnWorker(grpc::CallbackServerContext* context, const Request* request,
                                                   Response* response, const Answering& answering);

  const Gate& gate_;
  Workers& workers_;
  const AcceptLink accept_;
  const PeerAnswers answers_;
  Mutex mutex_;
  std::vector<std::weak_ptr<Inbound>> open_ MEDFLYT_GUARDED_BY(mutex_);
};

// Makes the credentials for a channel to that authority's node.
using CredentialsFor = std::function<absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>>(AuthorityId)>;

// Dials the endpoint that the directory has. One channel a peer, which gRPC reconnects.
class GrpcDialer final : public exchange::Dialer {
 public:
  // Borrows `workers`.
  GrpcDialer(DirectorySource directory, CredentialsFor credentials, Workers& workers)
      : directory_(std::move(directory)), credentials_(std::move(credentials)), workers_(workers) {}

  std::shared_ptr<exchange::Link> Connect(AuthorityId peer, std::shared_ptr<exchange::LinkEvents> events) override;
  // After issuers or revocations have changed: closes what it dialled, and forgets the connections, so that the next
  // link begins with a handshake. Which of the peers is trusted still is for that handshake to say.
  void Renew();
  // NOT_FOUND (PEER_UNKNOWN), and the errors of the credentials.
  [[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::Channel>> ChannelTo(AuthorityId peer);
  // Closes what it dialled; later links are closed at once.
  void Stop();

 private:
  struct Known {
    std::string endpoint;
    std::shared_ptr<grpc::Channel> channel;
  };
  const DirectorySource directory_;
  const CredentialsFor credentials_;
  Workers& workers_;
  Mutex mutex_;
  std::map<AuthorityId, Known> channels_ MEDFLYT_GUARDED_BY(mutex_);
  std::map<AuthorityId, std::weak_ptr<exchange::Link>> links_ MEDFLYT_GUARDED_BY(mutex_);  // the latest of each peer
  uint64_t renewals_ MEDFLYT_GUARDED_BY(mutex_) = 0;
  bool stopped_ MEDFLYT_GUARDED_BY(mutex_) = false;
};

}  // namespace medflyt::service
