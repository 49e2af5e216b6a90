// A call that reads the store on a worker and is recorded then, hit or miss, before it is answered: entries never
// change, so what was read is still true when the record stands behind it.
#pragma once

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "common/base/id.h"
#include "grpcpp/support/server_callback.h"
#include "medflyt/v1/request.pb.h"
#include "server/service/caller.h"
#include "server/service/parts.h"

namespace medflyt::service {

struct StoredRead {
  Action action;
  std::string_view name;  // the RPC's, a literal
  const v1::RequestContext& context;
  event::AccessKind kind = event::AccessKind::kRead;
};

// `read` fills the answer on a worker's thread and names the cases that it shows; it must outlive nothing but the call.
// The reactor is finished with its status once the record is durable, or with why it is not; with the gate's or the
// context's error before anything is read or recorded.
[[nodiscard]] grpc::ServerUnaryReactor* ReadStored(const Parts& parts, grpc::CallbackServerContext& context,
                                                   const StoredRead& call,
                                                   std::function<absl::Status(std::vector<CaseId>& cases)> read);

}  // namespace medflyt::service
