#include "server/service/bulk.h"

#include <utility>

#include "common/base/status.h"
#include "common/rpc/status_map.h"
#include "server/service/views.h"

namespace medflyt::service {
namespace {

constexpr size_t kMaxUnderWay = 16;

void ToOutcome(const CommandOutcome& outcome, v1::SubmitCommandsResponse::Outcome& out) {
  if (outcome.ok()) {
    ToView(*outcome, *out.mutable_result()->mutable_events());
    return;
  }
  const grpc::Status status = rpc::ToGrpc(outcome.status());
  google::rpc::Status& error = *out.mutable_error();
  if (!error.ParseFromString(status.error_details())) error.Clear();
  error.set_code(static_cast<int>(status.error_code()));
  error.set_message(status.error_message());
}

}  // namespace

BulkStream::BulkStream(const Parts& parts, Identity client)
    : parts_(parts), client_(std::move(client)), ending_(parts.metrics, parts.clock, "SubmitCommands") {}

absl::Status BulkStream::CheckBatch() const {
  MEDFLYT_RETURN_IF_ERROR(parts_.gate.StillValid(client_));
  if (request_.items().empty()) {
    return RuleError(absl::StatusCode::kInvalidArgument, "BATCH_EMPTY", "items", "a batch holds at least one command");
  }
  if (request_.items_size() > kMaxBatchItems || request_.ByteSizeLong() > kMaxBatchBytes) {
    return RuleError(absl::StatusCode::kInvalidArgument, "BATCH_TOO_LARGE", "items",
                     "a batch holds at most 256 commands and 1 MiB");
  }
  return absl::OkStatus();
}

void BulkStream::OnReadDone(bool ok) {
  std::shared_ptr<Batch> batch;
  Next next;
  const absl::Status checked = ok ? CheckBatch() : absl::OkStatus();
  {
    MutexLock lock(mutex_);
    if (ok && checked.ok()) {
      batch = std::make_shared<Batch>();
      batches_.push_back(batch);
      ++unanswered_;
    } else {
      reading_ = false;
      no_more_ = true;
      status_ = checked;
      next = NextLocked();
    }
  }
  if (batch == nullptr) return Do(next);
  Submit(batch);
}

void BulkStream::Submit(const std::shared_ptr<Batch>& batch) {
  std::vector<RequestedCommand> commands;
  commands.reserve(static_cast<size_t>(request_.items_size()));
  for (const auto& item : request_.items()) {
    commands.push_back(ReadCommand(parts_, client_, item.context(), item.command()));
  }
  const size_t count = commands.size();
  const absl::Status queued = parts_.queue.Submit(std::make_unique<CommandSubmission>(
      std::move(commands), parts_.request_retention,
      [this, batch](const std::vector<CommandOutcome>& outcomes) { Answered(batch, outcomes); }));
  // The batch may be answered already; but this stream lives until this reaction has returned.
  if (!queued.ok()) Answered(batch, std::vector<CommandOutcome>(count, CommandOutcome(queued)));
  Next next;
  {
    MutexLock lock(mutex_);
    reading_ = false;
    next = NextLocked();
  }
  Do(next);
}

void BulkStream::Answered(const std::shared_ptr<Batch>& batch, const std::vector<CommandOutcome>& outcomes) {
  size_t done = 0;
  for (const CommandOutcome& outcome : outcomes) {
    ToOutcome(outcome, *batch->response.add_outcomes());
    if (outcome.ok()) ++done;
  }
  parts_.metrics.CommandsAnswered(done, outcomes.size() - done);
  Next next;
  {
    MutexLock lock(mutex_);
    batch->answered = true;
    --unanswered_;
    next = NextLocked();
  }
  Do(next);
}

BulkStream::Next BulkStream::NextLocked() {
  Next next;
  if (finished_) return next;
  if (broken_) {
    next.finish = unanswered_ == 0 && !writing_ && !reading_;
    finished_ = next.finish;
    return next;
  }
  if (!writing_ && !batches_.empty() && batches_.front()->answered) {
    writing_ = true;
    next.write = &batches_.front()->response;
  }
  if (!reading_ && !no_more_ && batches_.size() < kMaxUnderWay) {
    reading_ = true;
    next.read = true;
  }
  next.finish = no_more_ && !reading_ && !writing_ && batches_.empty();
  finished_ = next.finish;
  return next;
}

void BulkStream::Do(const Next& next) {
  if (next.write != nullptr) StartWrite(next.write);
  if (next.read) {
    request_.Clear();
    StartRead(&request_);
  }
  if (!next.finish) return;
  absl::Status status;
  {
    MutexLock lock(mutex_);
    status = status_;
  }
  Finish(ending_.Of(status));
}

void BulkStream::OnWriteDone(bool ok) {
  Next next;
  {
    MutexLock lock(mutex_);
    writing_ = false;
    if (ok) {
      batches_.pop_front();
    } else {
      broken_ = true;
      status_ = absl::CancelledError("the client is gone");
    }
    next = NextLocked();
  }
  Do(next);
}

}  // namespace medflyt::service
