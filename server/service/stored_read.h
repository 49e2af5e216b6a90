// A call that reads the store on a worker and is recorded then, hit or miss, before it is answered: entries never
// change, so what was read is still true when the record stands behind it.
#pragma once

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "common/base/id.h"
#include "grpcpp/support/server_callback.h"
#include "medflyt/v1/request.pb.h"
#include "server/log/appender.h"
#include "server/service/caller.h"
#include "server/service/parts.h"

namespace medflyt::service {

struct StoredRead {
  Action action;
  std::string_view name;  // the RPC's, a literal
  const v1::RequestContext& context;
  event::AccessKind kind = event::AccessKind::kRead;
  absl::Status form = {};  // whether the request has its form
};

// With the fingerprint of the certificate of who reads.
using StoredReadEnd = std::function<absl::Status(log::Appender& appender, const crypto::Hash& certificate)>;

// What is still to be done once the record is durable, for calls that ask others: it never blocks, and calls `end`
// once, on any thread.
using StoredReadRest = std::function<void(std::function<void(const absl::Status&)> end)>;

// `read` fills the answer on a worker's thread and names the cases that it shows; it must outlive nothing but the call.
// Where it went well, `complete` adds what the state says, or what must be kept of it, on the sequencer's thread and in
// one commit with the record. The reactor is finished with their status once the record is durable, and after `rest`
// where all went well; or with why it is not; with the gate's, the context's or the form's error before anything is
// read or recorded.
[[nodiscard]] grpc::ServerUnaryReactor* ReadStored(const Parts& parts, grpc::CallbackServerContext& context,
                                                   const StoredRead& call,
                                                   std::function<absl::Status(std::vector<CaseId>& cases)> read,
                                                   StoredReadEnd complete = {}, StoredReadRest rest = {});

}  // namespace medflyt::service
