// What the authority owes the citizen, and the citizens of an incident (citizen_service.proto).
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "medflyt/v1/citizen_service.grpc.pb.h"
#include "server/service/access_reader.h"
#include "server/service/case_reader.h"
#include "server/service/incident_reader.h"
#include "server/service/parts.h"

namespace medflyt::service {

class CitizenServiceImpl final : public v1::CitizenService::CallbackService {
 public:
  explicit CitizenServiceImpl(const Parts& parts)
      : parts_(parts), cases_(parts.events), access_(parts.events), incidents_(parts.events) {}

  grpc::ServerUnaryReactor* ReportCitizen(grpc::CallbackServerContext* context, const v1::ReportCitizenRequest* request,
                                          v1::ReportCitizenResponse* response) override;
  grpc::ServerUnaryReactor* EraseCitizen(grpc::CallbackServerContext* context, const v1::EraseCitizenRequest* request,
                                         v1::EraseCitizenResponse* response) override;
  grpc::ServerUnaryReactor* ListErasures(grpc::CallbackServerContext* context, const v1::ListErasuresRequest* request,
                                         v1::ListErasuresResponse* response) override;
  grpc::ServerUnaryReactor* ReportIncident(grpc::CallbackServerContext* context,
                                           const v1::ReportIncidentRequest* request,
                                           v1::ReportIncidentResponse* response) override;

 private:
  // Events and look-ups of the cases, out of the log. On a worker's thread.
  [[nodiscard]] absl::Status ReadLog(const std::vector<CaseId>& cases, log::Position first,
                                     v1::ReportCitizenResponse& response) const;

  const Parts& parts_;
  const CaseReader cases_;
  const AccessReader access_;
  const IncidentReader incidents_;
};

}  // namespace medflyt::service
