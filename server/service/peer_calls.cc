#include "server/service/peer_calls.h"

#include "common/base/status.h"
#include "common/rpc/limits.h"
#include "common/rpc/status_map.h"

namespace medflyt::service {
namespace {

using Async = v1::PeerService::StubInterface::async_interface;

// The answer into the response, or why there is none.
template <typename Response>
absl::Status Move(absl::StatusOr<Response> answer, Response& response) {
  if (!answer.ok()) return answer.status();
  response = *std::move(answer);
  return absl::OkStatus();
}

}  // namespace

template <typename Request, typename Response>
struct GrpcPeerCalls::Asked {
  std::unique_ptr<v1::PeerService::Stub> stub;
  grpc::ClientContext context;
  Request request;
  Response response;
  std::function<void(absl::StatusOr<Response>)> answer;
};

bool GrpcPeerCalls::Begin(std::shared_ptr<grpc::ClientContext> context) {
  MutexLock lock(mutex_);
  if (!stopped_) under_way_.insert(std::move(context));
  return !stopped_;
}

void GrpcPeerCalls::End(const std::shared_ptr<grpc::ClientContext>& context) {
  MutexLock lock(mutex_);
  under_way_.erase(context);
  if (under_way_.empty()) ended_.NotifyAll();
}

template <typename Request, typename Response>
void GrpcPeerCalls::Ask(AuthorityId peer, Request request, absl::Duration timeout, Method<Request, Response> method,
                        std::function<void(absl::StatusOr<Response>)> answer) {
  auto channel = dialer_.ChannelTo(peer);
  if (!channel.ok()) return answer(channel.status());
  auto asked = std::make_shared<Asked<Request, Response>>();
  asked->stub = v1::PeerService::NewStub(*std::move(channel));
  asked->request = std::move(request);
  asked->answer = std::move(answer);
  const std::shared_ptr<grpc::ClientContext> context(asked, &asked->context);
  if (!Begin(context)) {
    return asked->answer(RuleError(absl::StatusCode::kUnavailable, "NODE_STOPPING", "", "the node is stopping"));
  }
  rpc::SetDeadline(*context, absl::Now() + timeout);
  (asked->stub->async()->*method)(context.get(), &asked->request, &asked->response,
                                  [this, asked, context](const grpc::Status& status) {
                                    if (status.ok()) {
                                      asked->answer(std::move(asked->response));
                                    } else {
                                      asked->answer(rpc::FromGrpc(status));
                                    }
                                    End(context);
                                  });
}

void GrpcPeerCalls::Cosign(AuthorityId peer, v1::CosignRequest request, absl::Duration timeout, Cosigned answer) {
  Ask<v1::CosignRequest, v1::CosignResponse>(peer, std::move(request), timeout, &Async::Cosign, std::move(answer));
}

void GrpcPeerCalls::CompareHeads(AuthorityId peer, v1::CompareHeadsRequest request, absl::Duration timeout,
                                 Compared answer) {
  Ask<v1::CompareHeadsRequest, v1::CompareHeadsResponse>(peer, std::move(request), timeout, &Async::CompareHeads,
                                                         std::move(answer));
}

void GrpcPeerCalls::ProveConsistency(AuthorityId peer, v1::ProveConsistencyRequest request, absl::Duration timeout,
                                     Proven answer) {
  Ask<v1::ProveConsistencyRequest, v1::ProveConsistencyResponse>(peer, std::move(request), timeout,
                                                                 &Async::ProveConsistency, std::move(answer));
}

void GrpcPeerCalls::ProveInclusion(AuthorityId peer, v1::ProveInclusionRequest request, absl::Duration timeout,
                                   Included answer) {
  Ask<v1::ProveInclusionRequest, v1::ProveInclusionResponse>(peer, std::move(request), timeout, &Async::ProveInclusion,
                                                             std::move(answer));
}

void GrpcPeerCalls::GetHeldHeads(AuthorityId peer, v1::GetHeldHeadsRequest request, absl::Duration timeout,
                                 Held answer) {
  Ask<v1::GetHeldHeadsRequest, v1::GetHeldHeadsResponse>(peer, std::move(request), timeout, &Async::GetHeldHeads,
                                                         std::move(answer));
}

void GrpcPeerCalls::GetHeldEvents(AuthorityId peer, v1::GetHeldEventsRequest request, absl::Duration timeout,
                                  HeldEvents answer) {
  Ask<v1::GetHeldEventsRequest, v1::GetHeldEventsResponse>(peer, std::move(request), timeout, &Async::GetHeldEvents,
                                                           std::move(answer));
}

void GrpcPeerCalls::GetReceiptedEvents(AuthorityId peer, v1::GetReceiptedEventsRequest request, absl::Duration timeout,
                                       ReceiptedEvents answer) {
  Ask<v1::GetReceiptedEventsRequest, v1::GetReceiptedEventsResponse>(peer, std::move(request), timeout,
                                                                     &Async::GetReceiptedEvents, std::move(answer));
}

void GrpcPeerCalls::Stop() {
  std::set<std::shared_ptr<grpc::ClientContext>> cancelled;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    cancelled = under_way_;
  }
  // A call may end on this very thread.
  for (const auto& context : cancelled) context->TryCancel();
  MutexLock lock(mutex_);
  while (!under_way_.empty()) ended_.Wait(mutex_);
}

grpc::ServerUnaryReactor* PeerServiceImpl::Cosign(grpc::CallbackServerContext* context,
                                                  const v1::CosignRequest* request, v1::CosignResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto peer = gate_.Peer(*context);
  if (!peer.ok()) {
    reactor->Finish(rpc::ToGrpc(peer.status()));
    return reactor;
  }
  answers_.cosign((*peer)->authority, *request, [reactor, response](absl::StatusOr<v1::CosignResponse> answer) {
    reactor->Finish(rpc::ToGrpc(Move(std::move(answer), *response)));
  });
  return reactor;
}

grpc::ServerUnaryReactor* PeerServiceImpl::CompareHeads(grpc::CallbackServerContext* context,
                                                        const v1::CompareHeadsRequest* request,
                                                        v1::CompareHeadsResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto peer = gate_.Peer(*context);
  absl::Status status = peer.status();
  if (peer.ok()) {
    status = Move(answers_.compare((*peer)->authority, *request), *response);
  }
  reactor->Finish(rpc::ToGrpc(status));
  return reactor;
}

grpc::ServerUnaryReactor* PeerServiceImpl::ProveConsistency(grpc::CallbackServerContext* context,
                                                            const v1::ProveConsistencyRequest* request,
                                                            v1::ProveConsistencyResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::Status status = gate_.Peer(*context).status();
  if (status.ok()) {
    status = workers_.Run([this, reactor, request, response] {
      reactor->Finish(rpc::ToGrpc(Move(answers_.prove(*request), *response)));
    });
  }
  if (!status.ok()) reactor->Finish(rpc::ToGrpc(status));
  return reactor;
}

template <typename Request, typename Response, typename Answering>
grpc::ServerUnaryReactor* PeerServiceImpl::OnWorker(grpc::CallbackServerContext* context, const Request* request,
                                                    Response* response, const Answering& answering) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto peer = gate_.Peer(*context);
  absl::Status status = peer.status();
  if (peer.ok()) {
    status = workers_.Run([reactor, &answering, peer = (*peer)->authority, request, response] {
      reactor->Finish(rpc::ToGrpc(Move(answering(peer, *request), *response)));
    });
  }
  if (!status.ok()) reactor->Finish(rpc::ToGrpc(status));
  return reactor;
}

grpc::ServerUnaryReactor* PeerServiceImpl::ProveInclusion(grpc::CallbackServerContext* context,
                                                          const v1::ProveInclusionRequest* request,
                                                          v1::ProveInclusionResponse* response) {
  return OnWorker(context, request, response, answers_.inclusion);
}

grpc::ServerUnaryReactor* PeerServiceImpl::GetHeldHeads(grpc::CallbackServerContext* context,
                                                        const v1::GetHeldHeadsRequest* request,
                                                        v1::GetHeldHeadsResponse* response) {
  return OnWorker(context, request, response, answers_.held);
}

grpc::ServerUnaryReactor* PeerServiceImpl::GetHeldEvents(grpc::CallbackServerContext* context,
                                                         const v1::GetHeldEventsRequest* request,
                                                         v1::GetHeldEventsResponse* response) {
  return OnWorker(context, request, response, answers_.held_events);
}

grpc::ServerUnaryReactor* PeerServiceImpl::GetReceiptedEvents(grpc::CallbackServerContext* context,
                                                              const v1::GetReceiptedEventsRequest* request,
                                                              v1::GetReceiptedEventsResponse* response) {
  return OnWorker(context, request, response, answers_.receipted_events);
}

}  // namespace medflyt::service
