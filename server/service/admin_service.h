// Administration of this node (admin_service.proto).
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "medflyt/v1/admin_service.grpc.pb.h"
#include "server/exchange/admission.h"
#include "server/exchange/cosigning.h"
#include "server/exchange/own_log_check.h"
#include "server/exchange/recovery.h"
#include "server/exchange/status.h"
#include "server/service/parts.h"

namespace medflyt::service {

class AdminServiceImpl final : public v1::AdminService::CallbackService {
 public:
  struct Backup {
    std::string directory;
    std::string key_backup;
    TreeSize size;
    crypto::Hash root;
  };
  // What the node knows of itself. The functions are thread-safe and may read files: they are called on workers.
  struct Node {
    std::string verifier_key;
    std::string version;
    bool production = false;
    absl::Time started_at;
    std::function<std::vector<exchange::PeerStatus>()> peers;
    std::function<std::vector<exchange::CosignerStatus>()> cosigners;  // of our log
    std::function<std::optional<exchange::CosignedHead>()> cosigned;   // the newest
    // Reads the cards anew, at the word of that certificate's holder; how many authorities are known then.
    std::function<void(const crypto::Hash& certificate, std::function<void(absl::StatusOr<size_t>)> done)> reload_peers;
    std::function<absl::StatusOr<std::string>()> card;
    // What the peers said of our own log.
    std::function<std::vector<exchange::PeerKnowledge>()> knowledge;
    // exchange::OwnLogCheck::Release.
    std::function<absl::StatusOr<bool>(AuthorityId, const std::string& officer, const crypto::Hash& certificate)>
        release;
    // exchange::Admission::Admit.
    std::function<void(const exchange::Admission::Word&, exchange::Admission::Done)> admit;
    std::function<absl::StatusOr<Backup>()> back_up;
    // node::Recovering::Decide, and who asked first.
    std::function<void(const std::string& officer, const crypto::Hash& certificate,
                       const std::set<AuthorityId>& without,
                       std::function<void(absl::StatusOr<std::optional<exchange::Recovery::Outcome>>)> done)>
        recover;
    std::function<std::string()> first_to_recover;
  };
  AdminServiceImpl(const Parts& parts, Node node) : parts_(parts), node_(std::move(node)) {}

  using Context = grpc::CallbackServerContext;
  using Unary = grpc::ServerUnaryReactor;

  Unary* GetStatus(Context* context, const v1::GetStatusRequest* request, v1::GetStatusResponse* response) override;
  Unary* ListPeers(Context* context, const v1::ListPeersRequest* request, v1::ListPeersResponse* response) override;
  Unary* ReloadPeers(Context* context, const v1::ReloadPeersRequest* request,
                     v1::ReloadPeersResponse* response) override;
  Unary* GetPeerCard(Context* context, const v1::GetPeerCardRequest* request,
                     v1::GetPeerCardResponse* response) override;
  Unary* ReleasePeer(Context* context, const v1::ReleasePeerRequest* request,
                     v1::ReleasePeerResponse* response) override;
  Unary* AdmitGeneration(Context* context, const v1::AdmitGenerationRequest* request,
                         v1::AdmitGenerationResponse* response) override;
  Unary* CreateBackup(Context* context, const v1::CreateBackupRequest* request,
                      v1::CreateBackupResponse* response) override;
  Unary* RecoverNode(Context* context, const v1::RecoverNodeRequest* request,
                     v1::RecoverNodeResponse* response) override;
  Unary* ListForks(Context* context, const v1::ListForksRequest* request, v1::ListForksResponse* response) override;

  Unary* GetPolicy(Context* context, const v1::GetPolicyRequest* request, v1::GetPolicyResponse* response) override;

 private:
  Unary* Answer(Context* context, std::string_view name, std::function<absl::Status()> answer,
                Action action = Action::kAdminister);

  const Parts& parts_;
  const Node node_;
};

}  // namespace medflyt::service
