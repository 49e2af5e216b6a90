// ImportExtract: a registry extract as a stream of chunks, matched while it arrives.
#pragma once

#include <atomic>
#include <optional>

#include "common/crypto/hash.h"
#include "grpcpp/support/server_callback.h"
#include "medflyt/v1/municipality_service.pb.h"
#include "server/intake/matcher.h"
#include "server/intake/watched.h"
#include "server/service/parts.h"

namespace medflyt::service {

// Deletes itself when it is done. Header → copy of the watched citizens (sequencer) → chunks (workers) → command
// (sequencer). Nothing is under way but one of these, so there is nothing to lock.
class ImportStream final : public grpc::ServerReadReactor<v1::ImportExtractRequest> {
 public:
  ImportStream(const Parts& parts, Identity client, v1::ImportExtractResponse* response);
  ~ImportStream() override;
  void Begin() { StartRead(&request_); }

  void OnReadDone(bool ok) override;
  void OnCancel() override { cancelled_ = true; }
  void OnDone() override { delete this; }

 private:
  [[nodiscard]] absl::Status TakeHeader();
  void TakeSnapshot();
  void TakeChunk();
  void Import();
  [[nodiscard]] absl::Status Apply(log::Appender& appender, const event::ImportExtract& command);
  void End(const absl::Status& status) { Finish(ending_.Of(status)); }

  const Parts& parts_;
  const Identity client_;
  v1::ImportExtractResponse* const response_;
  const Ending ending_;
  v1::ImportExtractRequest request_;

  v1::ImportExtractRequest::Header header_;
  intake::Watched watched_;
  std::optional<intake::ExtractMatcher> matcher_;
  crypto::Sha256Stream digest_;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace medflyt::service
