#include "client/sdk/client.h"

#include <chrono>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "common/base/id.h"
#include "common/base/status.h"
#include "common/crypto/x509.h"
#include "common/rpc/limits.h"
#include "common/rpc/peer_identity.h"
#include "grpcpp/create_channel.h"

namespace medflyt::sdk {
namespace {

using RequestId = FixedBytes<16, struct RequestIdTag>;

// The authority that the client's certificate was issued to, which is also that of its node.
absl::StatusOr<AuthorityId> OwnAuthority(const std::string& certificate_file) {
  std::ifstream in(certificate_file, std::ios::binary);
  const std::string pem{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const auto certificate = crypto::ParseCertificate(pem);
  const auto authority = certificate.ok() ? rpc::AuthorityOfOrganisation(certificate->organization_identifier)
                                          : std::optional<AuthorityId>();
  if (!authority) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "TLS_FILE_UNUSABLE", "certificate",
                     "the client certificate cannot be read or names no organisation");
  }
  return *authority;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Client>> Client::Create(const ClientOptions& options, RandomSource& random) {
  MEDFLYT_ASSIGN_OR_RETURN(const AuthorityId authority, OwnAuthority(options.files.certificate));
  MEDFLYT_ASSIGN_OR_RETURN(const auto credentials, rpc::MakeClientCredentials(options.files, authority));
  grpc::ChannelArguments arguments = rpc::ChannelLimits();
  if (!options.server_name.empty()) arguments.SetSslTargetNameOverride(options.server_name);
  return std::shared_ptr<Client>(
      new Client(options, random, grpc::CreateCustomChannel(options.address, credentials, arguments)));
}

Client::Client(const ClientOptions& options, RandomSource& random, std::shared_ptr<grpc::Channel> channel)
    : options_(options),
      random_(random),
      municipality_(v1::MunicipalityService::NewStub(channel)),
      audit_(v1::AuditService::NewStub(channel)),
      citizen_(v1::CitizenService::NewStub(channel)),
      admin_(v1::AdminService::NewStub(channel)) {}

v1::RequestContext Client::NewContext() {
  v1::RequestContext context;
  context.set_request_id(random_.NewId<RequestId>().ToHex());
  context.set_officer(options_.officer);
  context.set_purpose(options_.purpose);
  return context;
}

void Client::SetTimeout(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
}

absl::StatusOr<v1::ImportExtractResponse> Client::ImportExtract(
    const v1::RequestContext& request_context, absl::FunctionRef<absl::StatusOr<std::string_view>()> next_chunk) {
  grpc::ClientContext context;
  v1::ImportExtractResponse response;
  const auto writer = municipality_->ImportExtract(&context, &response);
  v1::ImportExtractRequest part;
  *part.mutable_header()->mutable_context() = request_context;
  // A write fails when the node has already refused what came before; Finish tells why.
  bool open = writer->Write(part);
  while (open) {
    const auto chunk = next_chunk();
    if (!chunk.ok()) {
      context.TryCancel();
      (void)writer->Finish();
      return chunk.status();
    }
    if (chunk->empty()) break;
    part.set_chunk(chunk->data(), chunk->size());
    open = writer->Write(part);
  }
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  if (!status.ok()) return rpc::FromGrpc(status);
  return response;
}

absl::Status Client::WatchEvents(const v1::WatchEventsRequest& request,
                                 absl::FunctionRef<bool(const v1::WatchEventsResponse&)> visit) {
  grpc::ClientContext context;
  const auto reader = municipality_->WatchEvents(&context, request);
  v1::WatchEventsResponse response;
  while (reader->Read(&response)) {
    if (visit(response)) continue;
    context.TryCancel();
    (void)reader->Finish();
    return absl::OkStatus();
  }
  return rpc::FromGrpc(reader->Finish());
}

absl::Status Client::StreamEntries(uint64_t first, uint64_t end,
                                   absl::FunctionRef<absl::Status(uint64_t index, std::string_view entry)> visit,
                                   const std::string& origin) {
  grpc::ClientContext context;
  v1::StreamEntriesRequest request;
  request.set_origin(origin);
  request.set_first(first);
  request.set_end(end);
  const auto reader = audit_->StreamEntries(&context, request);
  v1::StreamEntriesResponse response;
  while (reader->Read(&response)) {
    uint64_t index = response.first();
    for (const std::string& entry : response.entries()) {
      const absl::Status status = visit(index++, entry);
      if (status.ok()) continue;
      context.TryCancel();
      (void)reader->Finish();
      return status;
    }
  }
  return rpc::FromGrpc(reader->Finish());
}

}  // namespace medflyt::sdk
