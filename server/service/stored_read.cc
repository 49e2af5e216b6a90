#include "server/service/stored_read.h"

#include <memory>
#include <string>
#include <utility>

#include "server/service/submissions.h"

namespace medflyt::service {

grpc::ServerUnaryReactor* ReadStored(const Parts& parts, grpc::CallbackServerContext& context, const StoredRead& call,
                                     std::function<absl::Status(std::vector<CaseId>& cases)> read) {
  grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
  const Ending ending(parts.metrics, parts.clock, call.name);
  absl::Status status = parts.gate.Client(context, call.action).status();
  if (status.ok()) status = CheckContext(call.context, RequestId::kUnused);
  if (status.ok()) {
    status = parts.workers.Run([&parts, reactor, ending, read = std::move(read),
                                access = ReadSubmission::Access{call.kind, call.context.officer(),
                                                                std::string(call.name), call.context.purpose()}] {
      std::vector<CaseId> found;
      const absl::Status outcome = read(found);
      const absl::Status queued = parts.queue.Submit(std::make_unique<ReadSubmission>(
          access,
          [outcome, found](log::Appender&, std::vector<CaseId>& cases) {
            cases = found;
            return outcome;
          },
          [reactor, ending](const absl::Status& done) { reactor->Finish(ending.Of(done)); }));
      if (!queued.ok()) reactor->Finish(ending.Of(queued));
    });
  }
  if (!status.ok()) reactor->Finish(ending.Of(status));
  return reactor;
}

}  // namespace medflyt::service
