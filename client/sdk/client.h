// A municipal IT system's, an administrator's or an auditor's connection to their own authority's node.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/random.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status_map.h"
#include "grpcpp/client_context.h"
#include "medflyt/v1/admin_service.grpc.pb.h"
#include "medflyt/v1/audit_service.grpc.pb.h"
#include "medflyt/v1/citizen_service.grpc.pb.h"
#include "medflyt/v1/municipality_service.grpc.pb.h"

namespace medflyt::sdk {

struct ClientOptions {
  std::string address;                         // host:port
  std::string server_name;                     // the name in the node's certificate; that of `address` where empty
  rpc::TlsFiles files;                         // the client's certificate; its organisation is also the node's
  std::string officer;                         // who acts, unless a request says otherwise
  std::string purpose;                         // why
  absl::Duration timeout = absl::Seconds(30);  // of a call that is no stream
};

// Thread-safe. Errors are the node's, with rule and field (BrokenRuleOf); UNAVAILABLE where it cannot be reached.
class Client {
 public:
  // Connects at the first call. Errors: those of rpc::MakeClientCredentials, and TLS_FILE_UNUSABLE where the
  // certificate names no organisation.
  [[nodiscard]] static absl::StatusOr<std::shared_ptr<Client>> Create(const ClientOptions& options,
                                                                      RandomSource& random);

  // Officer, purpose and a fresh request id. A command that is repeated after a lost answer must carry the id of the
  // first attempt.
  [[nodiscard]] v1::RequestContext NewContext();

  // One unary call: Call(&v1::MunicipalityService::Stub::GetEnrolment, request). `timeout` in place of the options'.
  template <typename Stub, typename Request, typename Response>
  [[nodiscard]] absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                                           Response*),
                                              const Request& request,
                                              std::optional<absl::Duration> timeout = std::nullopt) {
    grpc::ClientContext context;
    SetTimeout(context, timeout.value_or(options_.timeout));
    Response response;
    const grpc::Status status = (StubOf<Stub>().*method)(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpc(status);
    return response;
  }

  // Sends an extract as `next_chunk` yields it, until it yields nothing; chunks are at most 1 MiB. Nothing is imported
  // unless all of it arrived and was whole.
  [[nodiscard]] absl::StatusOr<v1::ImportExtractResponse> ImportExtract(
      const v1::RequestContext& context, absl::FunctionRef<absl::StatusOr<std::string_view>()> next_chunk);

  // Visits what the node sends until it ends or the visitor returns false.
  [[nodiscard]] absl::Status WatchEvents(const v1::WatchEventsRequest& request,
                                         absl::FunctionRef<bool(const v1::WatchEventsResponse&)> visit);
  // Visits entries [first, end) in order; stops at the visitor's first error. Of the log with that origin, which may be
  // a closed one; without one of that which is open.
  [[nodiscard]] absl::Status StreamEntries(
      uint64_t first, uint64_t end, absl::FunctionRef<absl::Status(uint64_t index, std::string_view entry)> visit,
      const std::string& origin = {});

  // For streams that this class does not wrap, such as SubmitCommands.
  [[nodiscard]] v1::MunicipalityService::Stub& municipality() { return *municipality_; }

 private:
  Client(const ClientOptions& options, RandomSource& random, std::shared_ptr<grpc::Channel> channel);
  static void SetTimeout(grpc::ClientContext& context, absl::Duration timeout);

  template <typename Stub>
  [[nodiscard]] Stub& StubOf() {
    if constexpr (std::is_same_v<Stub, v1::MunicipalityService::Stub>) {
      return *municipality_;
    } else if constexpr (std::is_same_v<Stub, v1::AuditService::Stub>) {
      return *audit_;
    } else if constexpr (std::is_same_v<Stub, v1::CitizenService::Stub>) {
      return *citizen_;
    } else {
      return *admin_;
    }
  }

  const ClientOptions options_;
  RandomSource& random_;
  std::unique_ptr<v1::MunicipalityService::Stub> municipality_;
  std::unique_ptr<v1::AuditService::Stub> audit_;
  std::unique_ptr<v1::CitizenService::Stub> citizen_;
  std::unique_ptr<v1::AdminService::Stub> admin_;
};

}  // namespace medflyt::sdk
