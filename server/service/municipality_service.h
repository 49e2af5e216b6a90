// What the IT systems of this authority ask: commands, reads, watching (municipality_service.proto).
#pragma once

#include "common/wire/command_list.h"
#include "medflyt/v1/municipality_service.grpc.pb.h"
#include "server/service/parts.h"

namespace medflyt::service {

// Thread-safe; its handlers never block. Commands and reads end on the committing thread.
class MunicipalityServiceImpl final : public v1::MunicipalityService::CallbackService {
 public:
  explicit MunicipalityServiceImpl(const Parts& parts) : parts_(parts) {}

  using Context = grpc::CallbackServerContext;
  using Unary = grpc::ServerUnaryReactor;

#define MEDFLYT_DECLARE_COMMAND(Name, field) \
  Unary* Name(Context* context, const v1::Name##Request* request, v1::CommandResult* result) override;
  MEDFLYT_COMMANDS(MEDFLYT_DECLARE_COMMAND)
#undef MEDFLYT_DECLARE_COMMAND

  grpc::ServerBidiReactor<v1::SubmitCommandsRequest, v1::SubmitCommandsResponse>* SubmitCommands(
      Context* context) override;
  grpc::ServerReadReactor<v1::ImportExtractRequest>* ImportExtract(Context* context,
                                                                   v1::ImportExtractResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchEventsResponse>* WatchEvents(Context* context,
                                                                 const v1::WatchEventsRequest* request) override;

  Unary* ListAgreements(Context* context, const v1::ListAgreementsRequest* request,
                        v1::ListAgreementsResponse* response) override;
  Unary* GetAgreement(Context* context, const v1::GetAgreementRequest* request,
                      v1::GetAgreementResponse* response) override;
  Unary* ListPlaces(Context* context, const v1::ListPlacesRequest* request, v1::ListPlacesResponse* response) override;
  Unary* ListWaitingList(Context* context, const v1::ListWaitingListRequest* request,
                         v1::ListWaitingListResponse* response) override;
  Unary* ListEnrolments(Context* context, const v1::ListEnrolmentsRequest* request,
                        v1::ListEnrolmentsResponse* response) override;
  Unary* GetEnrolment(Context* context, const v1::GetEnrolmentRequest* request,
                      v1::GetEnrolmentResponse* response) override;
  Unary* ListRelocations(Context* context, const v1::ListRelocationsRequest* request,
                         v1::ListRelocationsResponse* response) override;
  Unary* GetRelocation(Context* context, const v1::GetRelocationRequest* request,
                       v1::GetRelocationResponse* response) override;
  Unary* ListTransfers(Context* context, const v1::ListTransfersRequest* request,
                       v1::ListTransfersResponse* response) override;
  Unary* GetEvent(Context* context, const v1::GetEventRequest* request, v1::GetEventResponse* response) override;
  Unary* GetEventProof(Context* context, const v1::GetEventProofRequest* request,
                       v1::GetEventProofResponse* response) override;

 private:
  struct Call {
    Action kind;
    std::string_view name;  // the RPC's, a literal
    const v1::RequestContext& context;
    event::AccessKind access = event::AccessKind::kRead;
  };
  // One command, answered when it is durable.
  Unary* Execute(Context* context, const v1::RequestContext& said, const v1::Command& command,
                 v1::CommandResult* result);
  // Reads the state and answers once that is recorded. `prepared`: what parsing the request said.
  Unary* Read(Context* context, const Call& call, const absl::Status& prepared, ReadSubmission::Read read);

  const Parts& parts_;
};

}  // namespace medflyt::service
