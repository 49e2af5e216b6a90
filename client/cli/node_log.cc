#include "client/cli/node_log.h"

#include <utility>

#include "client/sdk/client.h"
#include "common/base/status.h"

namespace medflyt::cli {
namespace {

using Audit = v1::AuditService::Stub;

class ClientLog final : public NodeLog {
 public:
  ClientLog(std::shared_ptr<sdk::Client> client, std::string origin)
      : client_(std::move(client)), origin_(std::move(origin)) {}

  std::string asked_origin() const override { return origin_; }
  std::unique_ptr<NodeLog> OfOrigin(std::string origin) override {
    return std::make_unique<ClientLog>(client_, std::move(origin));
  }

  absl::StatusOr<Head> Checkpoint() override {
    v1::GetCheckpointRequest request;
    request.set_origin(origin_);
    MEDFLYT_ASSIGN_OR_RETURN(auto response, client_->Call(&Audit::GetCheckpoint, request));
    return Head{std::move(*response.mutable_checkpoint()), std::move(*response.mutable_verifier_key()),
                std::move(*response.mutable_cosigned())};
  }

  absl::StatusOr<std::string> Tile(const tlog::Tile& tile) override {
    v1::GetTileRequest request;
    request.set_origin(origin_);
    request.set_level(tile.level);
    request.set_index(tile.index);
    request.set_width(tile.width);
    MEDFLYT_ASSIGN_OR_RETURN(auto response, client_->Call(&Audit::GetTile, request));
    return std::move(*response.mutable_data());
  }

  absl::StatusOr<std::string> EntryBundle(uint64_t index, unsigned width) override {
    v1::GetEntryBundleRequest request;
    request.set_origin(origin_);
    request.set_index(index);
    request.set_width(width);
    MEDFLYT_ASSIGN_OR_RETURN(auto response, client_->Call(&Audit::GetEntryBundle, request));
    return std::move(*response.mutable_data());
  }

  absl::StatusOr<merkle::Proof> ConsistencyProof(TreeSize from, TreeSize to) override {
    v1::GetConsistencyProofRequest request;
    request.set_origin(origin_);
    request.set_from(from.value());
    request.set_to(to.value());
    MEDFLYT_ASSIGN_OR_RETURN(const auto response, client_->Call(&Audit::GetConsistencyProof, request));
    merkle::Proof proof;
    for (const std::string& bytes : response.hashes()) {
      // One of another length proves nothing; neither does zero.
      proof.push_back(merkle::Hash::FromBytes(bytes).value_or(merkle::Hash()));
    }
    return proof;
  }

  absl::Status VisitBeside(LeafIndex first, TreeSize end,
                           absl::FunctionRef<absl::Status(const Beside&)> visit) override {
    v1::ListKeptRequest request;
    request.set_origin(origin_);
    request.set_first(first.value());
    request.set_end(end.value());
    do {
      MEDFLYT_ASSIGN_OR_RETURN(const v1::ListKeptResponse response, client_->Call(&Audit::ListKept, request));
      for (const v1::Kept& kept : response.kept()) {
        MEDFLYT_RETURN_IF_ERROR(visit(
            {LeafIndex(kept.record()), kept.has_receipt(), kept.has_receipt() ? kept.receipt() : kept.received()}));
      }
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<sdk::Client> client_;
  const std::string origin_;
};

}  // namespace

std::unique_ptr<NodeLog> NodeLogOver(std::shared_ptr<sdk::Client> client, std::string origin) {
  return std::make_unique<ClientLog>(std::move(client), std::move(origin));
}

}  // namespace medflyt::cli
