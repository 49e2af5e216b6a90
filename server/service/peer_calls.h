// What nodes ask each other outside the streams of events, over gRPC: the caller's end. The answering end is
// PeerServiceImpl's (peer_link.h); what it does of these calls stands beside this in peer_calls.cc.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <utility>

#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/directory/identity.h"
#include "grpcpp/client_context.h"
#include "medflyt/v1/peer_service.grpc.pb.h"
#include "server/exchange/peer_calls.h"
#include "server/service/peer_link.h"

namespace medflyt::service {

// On the channels of the dialer, which it borrows. Thread-safe.
class GrpcPeerCalls final : public exchange::PeerCalls {
 public:
  explicit GrpcPeerCalls(GrpcDialer& dialer) : dialer_(dialer) {}
  // Stops.
  ~GrpcPeerCalls() override { Stop(); }

  void Cosign(AuthorityId peer, v1::CosignRequest request, absl::Duration timeout, Cosigned answer) override;
  void CompareHeads(AuthorityId peer, v1::CompareHeadsRequest request, absl::Duration timeout,
                    Compared answer) override;
  void ProveConsistency(AuthorityId peer, v1::ProveConsistencyRequest request, absl::Duration timeout,
                        Proven answer) override;
  void ProveInclusion(AuthorityId peer, v1::ProveInclusionRequest request, absl::Duration timeout,
                      Included answer) override;
  void GetHeldHeads(AuthorityId peer, v1::GetHeldHeadsRequest request, absl::Duration timeout, Held answer) override;
  void GetHeldEvents(AuthorityId peer, v1::GetHeldEventsRequest request, absl::Duration timeout,
                     HeldEvents answer) override;
  void GetReceiptedEvents(AuthorityId peer, v1::GetReceiptedEventsRequest request, absl::Duration timeout,
                          ReceiptedEvents answer) override;

  // Cancels what is under way and waits for its end; later calls are UNAVAILABLE (NODE_STOPPING).
  void Stop();

 private:
  template <typename Request, typename Response>
  struct Asked;
  template <typename Request, typename Response>
  using Method = void (v1::PeerService::StubInterface::async_interface::*)(grpc::ClientContext*, const Request*,
                                                                           Response*,
                                                                           std::function<void(grpc::Status)>);
  template <typename Request, typename Response>
  void Ask(AuthorityId peer, Request request, absl::Duration timeout, Method<Request, Response> method,
           std::function<void(absl::StatusOr<Response>)> answer);
  [[nodiscard]] bool Begin(std::shared_ptr<grpc::ClientContext> context);
  void End(const std::shared_ptr<grpc::ClientContext>& context);

  GrpcDialer& dialer_;
  Mutex mutex_;
  CondVar ended_;
  std::set<std::shared_ptr<grpc::ClientContext>> under_way_ MEDFLYT_GUARDED_BY(mutex_);
  bool stopped_ MEDFLYT_GUARDED_BY(mutex_) = false;
};

}  // namespace medflyt::service
