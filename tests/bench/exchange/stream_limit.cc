#include "tests/bench/exchange/stream_limit.h"

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "common/base/status.h"
#include "common/rpc/limits.h"
#include "common/rpc/status_map.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "medflyt/v1/peer_service.grpc.pb.h"

namespace medflyt::bench {
namespace {

class Answerer final : public v1::PeerService::Service {
 public:
  grpc::Status Exchange(grpc::ServerContext*,
                        grpc::ServerReaderWriter<v1::PeerMessage, v1::PeerMessage>* stream) override {
    v1::PeerMessage message;
    v1::PeerMessage answer;
    while (stream->Read(&message)) {
      answer.mutable_answer()->set_batch_sequence(message.batch().sequence());
      if (!stream->Write(answer)) break;
    }
    return grpc::Status::OK;
  }
};

}  // namespace

absl::StatusOr<double> EntriesASecondOverAStream(const rpc::TlsFiles& files, AuthorityId authority, int batch,
                                                 absl::Duration time) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto server_credentials, rpc::MakeServerCredentials(files));
  MEDFLYT_ASSIGN_OR_RETURN(const auto channel_credentials, rpc::MakeClientCredentials(files, authority));
  Answerer answerer;
  grpc::ServerBuilder builder;
  rpc::ApplyServerLimits(builder);
  int port = 0;
  builder.AddListeningPort("localhost:0", server_credentials, &port);
  builder.RegisterService(&answerer);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return absl::UnavailableError("no server for the stream's limit");

  const auto stub = v1::PeerService::NewStub(
      grpc::CreateCustomChannel("localhost:" + std::to_string(port), channel_credentials, rpc::ChannelLimits()));
  grpc::ClientContext context;
  const auto stream = stub->Exchange(&context);
  uint64_t answered = 0;
  const auto begin = std::chrono::steady_clock::now();
  std::thread reader([&] {
    v1::PeerMessage answer;
    while (stream->Read(&answer)) ++answered;
  });
  v1::PeerMessage message;
  for (int i = 0; i < batch; ++i) message.mutable_batch()->add_entries(std::string(600, 'e'));
  const auto end = begin + absl::ToChronoNanoseconds(time);
  for (uint64_t sequence = 1; std::chrono::steady_clock::now() < end; ++sequence) {
    message.mutable_batch()->set_sequence(sequence);
    if (!stream->Write(message)) break;
  }
  stream->WritesDone();
  reader.join();
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  const grpc::Status status = stream->Finish();
  server->Shutdown();
  if (!status.ok()) return rpc::FromGrpc(status);
  return static_cast<double>(answered) * batch / spent.count();
}

}  // namespace medflyt::bench
