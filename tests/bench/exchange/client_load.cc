#include "tests/bench/exchange/client_load.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/status_map.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"
#include "grpcpp/support/sync_stream.h"

namespace medflyt::bench {
namespace {

// Unary calls in flight, each started again by its own completion.
class UnaryCalls {
 public:
  UnaryCalls(sdk::Client& client, const CommandAt& command_at, const std::function<bool(uint64_t)>& go_on)
      : client_(client), command_at_(command_at), go_on_(go_on) {}

  LoadResult Run(int window) {
    std::vector<std::unique_ptr<Call>> calls;
    for (int i = 0; i < window; ++i) calls.push_back(std::make_unique<Call>());
    for (const auto& call : calls) Next(*call);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return running_ == 0; });
    return result_;
  }

 private:
  struct Call {
    std::unique_ptr<grpc::ClientContext> context;
    v1::Command command;
    v1::PauseEnrolmentRequest pause;
    v1::ResumeEnrolmentRequest resume;
    v1::CommandResult result;
  };

  void Next(Call& call) {
    {
      const std::lock_guard lock(mutex_);
      if (!result_.status.ok() || !go_on_(result_.commands)) return;
      command_at_(result_.commands++, call.command);
      ++running_;
    }
    call.context = std::make_unique<grpc::ClientContext>();
    const auto done = [this, &call](const grpc::Status& status) { Done(call, status); };
    auto& async = *client_.municipality().async();
    if (call.command.has_pause_enrolment()) {
      *call.pause.mutable_context() = client_.NewContext();
      call.pause.mutable_pause_enrolment()->Swap(call.command.mutable_pause_enrolment());
      async.PauseEnrolment(call.context.get(), &call.pause, &call.result, done);
    } else {
      *call.resume.mutable_context() = client_.NewContext();
      call.resume.mutable_resume_enrolment()->Swap(call.command.mutable_resume_enrolment());
      async.ResumeEnrolment(call.context.get(), &call.resume, &call.result, done);
    }
  }

  void Done(Call& call, const grpc::Status& status) {
    if (status.ok()) Next(call);
    const std::lock_guard lock(mutex_);
    if (!status.ok() && result_.status.ok()) result_.status = rpc::FromGrpc(status);
    --running_;
    if (running_ == 0) changed_.notify_all();
  }

  sdk::Client& client_;
  const CommandAt& command_at_;
  const std::function<bool(uint64_t)>& go_on_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int running_ = 0;
  LoadResult result_;
};

}  // namespace

LoadResult SubmitInBulk(sdk::Client& client, int batch, int window, const CommandAt& command_at,
                        const std::function<bool(uint64_t sent)>& go_on,
                        const std::optional<v1::DisclosureGround>& ground) {
  LoadResult result;
  grpc::ClientContext context;
  const auto stream = client.municipality().SubmitCommands(&context);
  std::mutex mutex;
  std::condition_variable changed;
  int in_flight = 0;
  absl::Status failed;

  std::thread reader([&] {
    v1::SubmitCommandsResponse response;
    while (stream->Read(&response)) {
      absl::Status status;
      for (const auto& outcome : response.outcomes()) {
        if (!outcome.has_error()) continue;
        status = absl::InternalError(absl::StrCat("a command failed: ", outcome.error().message()));
        break;
      }
      {
        const std::lock_guard lock(mutex);
        --in_flight;
        if (failed.ok()) failed = status;
      }
      changed.notify_one();
    }
    const std::lock_guard lock(mutex);
    in_flight = 0;
    if (failed.ok()) failed = absl::CancelledError("the stream ended");
    changed.notify_one();
  });

  v1::SubmitCommandsRequest request;
  bool open = true;
  while (open && go_on(result.commands)) {
    request.Clear();
    for (int i = 0; i < batch; ++i) {
      auto& item = *request.add_items();
      *item.mutable_context() = client.NewContext();
      if (ground) *item.mutable_context()->mutable_disclosure() = *ground;
      command_at(result.commands++, *item.mutable_command());
    }
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return in_flight < window || !failed.ok(); });
      if (!failed.ok()) break;
      ++in_flight;
    }
    open = stream->Write(request);
  }
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return in_flight == 0 || !failed.ok(); });
    result.status = failed;
  }
  stream->WritesDone();
  reader.join();
  const grpc::Status status = stream->Finish();
  if (!status.ok()) result.status = rpc::FromGrpc(status);
  return result;
}

LoadResult SubmitOneACall(sdk::Client& client, int window, const CommandAt& command_at,
                          const std::function<bool(uint64_t sent)>& go_on) {
  return UnaryCalls(client, command_at, go_on).Run(window);
}

}  // namespace medflyt::bench
