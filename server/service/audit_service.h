// The log for auditors: checkpoint, tiles, proofs, entries; all within what is durable (audit_service.proto). Events
// are opened in two calls only, which are recorded before they are answered.
#pragma once

#include "medflyt/v1/audit_service.grpc.pb.h"
#include "server/service/access_reader.h"
#include "server/service/case_reader.h"
#include "server/service/parts.h"

namespace medflyt::service {

// Thread-safe; the store is read on workers.
class AuditServiceImpl final : public v1::AuditService::CallbackService {
 public:
  // `verifier_key` is the log's, in its text form.
  AuditServiceImpl(const Parts& parts, std::string verifier_key)
      : parts_(parts), verifier_key_(std::move(verifier_key)), cases_(parts.events), access_(parts.events) {}

  using Context = grpc::CallbackServerContext;
  using Unary = grpc::ServerUnaryReactor;

  Unary* GetCheckpoint(Context* context, const v1::GetCheckpointRequest* request,
                       v1::GetCheckpointResponse* response) override;
  Unary* GetTile(Context* context, const v1::GetTileRequest* request, v1::GetTileResponse* response) override;
  Unary* GetEntryBundle(Context* context, const v1::GetEntryBundleRequest* request,
                        v1::GetEntryBundleResponse* response) override;
  Unary* GetInclusionProof(Context* context, const v1::GetInclusionProofRequest* request,
                           v1::GetInclusionProofResponse* response) override;
  Unary* GetConsistencyProof(Context* context, const v1::GetConsistencyProofRequest* request,
                             v1::GetConsistencyProofResponse* response) override;
  grpc::ServerWriteReactor<v1::StreamEntriesResponse>* StreamEntries(Context* context,
                                                                     const v1::StreamEntriesRequest* request) override;

  Unary* ListKept(Context* context, const v1::ListKeptRequest* request, v1::ListKeptResponse* response) override;
  Unary* ListCaseEvents(Context* context, const v1::ListCaseEventsRequest* request,
                        v1::ListCaseEventsResponse* response) override;
  Unary* ListAccessRecords(Context* context, const v1::ListAccessRecordsRequest* request,
                           v1::ListAccessRecordsResponse* response) override;

 private:
  Unary* Answer(Context* context, std::string_view name, std::function<absl::Status()> read);

  const Parts& parts_;
  const std::string verifier_key_;
  const CaseReader cases_;
  const AccessReader access_;
};

}  // namespace medflyt::service
