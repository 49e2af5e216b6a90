#include "server/service/stored_read.h"

#include <memory>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "server/service/submissions.h"

namespace medflyt::service {

grpc::ServerUnaryReactor* ReadStored(const Parts& parts, grpc::CallbackServerContext& context, const StoredRead& call,
                                     std::function<absl::Status(std::vector<CaseId>& cases)> read,
                                     StoredReadEnd complete, StoredReadRest rest) {
  grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
  const Ending ending(parts.metrics, parts.clock, call.name);
  const absl::Status status = [&]() -> absl::Status {
    MEDFLYT_ASSIGN_OR_RETURN(const Identity client, parts.gate.Client(context, call.action));
    MEDFLYT_RETURN_IF_ERROR(CheckContext(call.context, RequestId::kUnused));
    MEDFLYT_RETURN_IF_ERROR(call.form);
    return parts.workers.Run([&parts, reactor, ending, read = std::move(read), complete = std::move(complete),
                              rest = std::move(rest),
                              access = ReadSubmission::Access{call.kind, call.context.officer(), std::string(call.name),
                                                              call.context.purpose(), client->fingerprint}] {
      std::vector<CaseId> found;
      const absl::Status outcome = read(found);
      const absl::Status queued = parts.queue.Submit(std::make_unique<ReadSubmission>(
          access,
          [outcome, found, complete, certificate = access.certificate](log::Appender& appender,
                                                                       std::vector<CaseId>& cases) {
            cases = found;
            return outcome.ok() && complete ? complete(appender, certificate) : outcome;
          },
          [reactor, ending, rest](const absl::Status& done) {
            const auto end = [reactor, ending](const absl::Status& ended) { reactor->Finish(ending.Of(ended)); };
            if (done.ok() && rest) return rest(end);
            end(done);
          }));
      if (!queued.ok()) reactor->Finish(ending.Of(queued));
    });
  }();
  if (!status.ok()) reactor->Finish(ending.Of(status));
  return reactor;
}

}  // namespace medflyt::service
