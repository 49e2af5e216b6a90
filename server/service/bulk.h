// SubmitCommands: batches of commands on one stream, answered in order.
#pragma once

#include <deque>
#include <memory>

#include "common/base/mutex.h"
#include "grpcpp/support/server_callback.h"
#include "medflyt/v1/municipality_service.pb.h"
#include "server/service/parts.h"

namespace medflyt::service {

inline constexpr int kMaxBatchItems = 256;
inline constexpr size_t kMaxBatchBytes = 1 << 20;

// Deletes itself when it is done. Several batches are under way at a time; when that many are, no more is read until
// the first is answered, which is how the sequencer slows a client down.
class BulkStream final : public grpc::ServerBidiReactor<v1::SubmitCommandsRequest, v1::SubmitCommandsResponse> {
 public:
  BulkStream(const Parts& parts, Identity client);
  // The first read.
  void Begin() { StartRead(&request_); }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  struct Batch {
    v1::SubmitCommandsResponse response;
    bool answered = false;
  };
  // What is to be done now that the lock is released; each at most once.
  struct Next {
    v1::SubmitCommandsResponse* write = nullptr;
    bool read = false;
    bool finish = false;
  };

  [[nodiscard]] absl::Status CheckBatch() const;
  void Submit(const std::shared_ptr<Batch>& batch);
  void Answered(const std::shared_ptr<Batch>& batch, const std::vector<CommandOutcome>& outcomes);
  [[nodiscard]] Next NextLocked() MEDFLYT_REQUIRES(mutex_);
  void Do(const Next& next);

  const Parts& parts_;
  const Identity client_;
  const Ending ending_;
  v1::SubmitCommandsRequest request_;

  Mutex mutex_;
  std::deque<std::shared_ptr<Batch>> batches_ MEDFLYT_GUARDED_BY(mutex_);  // in the order of their answers
  size_t unanswered_ MEDFLYT_GUARDED_BY(mutex_) = 0;
  bool reading_ MEDFLYT_GUARDED_BY(mutex_) = true;  // request_ is gRPC's, or still being taken apart
  bool writing_ MEDFLYT_GUARDED_BY(mutex_) = false;
  bool no_more_ MEDFLYT_GUARDED_BY(mutex_) = false;  // the client has sent its last, or a batch was no batch
  bool broken_ MEDFLYT_GUARDED_BY(mutex_) = false;   // nothing can be written any more
  bool finished_ MEDFLYT_GUARDED_BY(mutex_) = false;
  absl::Status status_ MEDFLYT_GUARDED_BY(mutex_);
};

}  // namespace medflyt::service
