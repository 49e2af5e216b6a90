#include "server/service/parts.h"

#include <algorithm>
#include <variant>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/rpc/status_map.h"
#include "common/wire/command.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace medflyt::service {
namespace {

void AppendDeterministic(const google::protobuf::MessageLite& message, std::string& out) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  AppendU32(out, static_cast<uint32_t>(bytes.size()));
  out.append(bytes);
}

absl::Status CheckNumber(const Parts& parts, const registry::CprNumber& cpr, std::string_view field) {
  if (!registry::Holds(parts.refused_numbers, cpr)) return absl::OkStatus();
  return RuleError(absl::StatusCode::kInvalidArgument, "TEST_NUMBER_IN_PRODUCTION", field,
                   "is a test number, which a node in production does not take");
}

absl::StatusOr<event::Command> Read(const Parts& parts, const Identity& client, const v1::RequestContext& context,
                                    const v1::Command& command) {
  MEDFLYT_RETURN_IF_ERROR(parts.gate.Allows(*client, command));
  MEDFLYT_RETURN_IF_ERROR(CheckContext(context, RequestId::kRequired));
  MEDFLYT_ASSIGN_OR_RETURN(event::Command read, wire::CommandFromProto(command, context.officer(), parts.random));
  if (const auto named = NumberNamedIn(read.body)) {
    MEDFLYT_RETURN_IF_ERROR(CheckNumber(parts, named->cpr, named->field));
  }
  read.certificate = client->fingerprint;
  if (context.has_disclosure()) {
    MEDFLYT_ASSIGN_OR_RETURN(read.ground, wire::GroundFromProto(context.disclosure(), "context.disclosure"));
  }
  return read;
}

}  // namespace

grpc::Status Ending::Of(const absl::Status& status) const {
  grpc::Status ended = rpc::ToGrpc(status);
  metrics_->CallEnded(method_, ended.error_code(), clock_->Now() - began_);
  return ended;
}

RequestedCommand ReadCommand(const Parts& parts, const Identity& client, const v1::RequestContext& context,
                             const v1::Command& command) {
  RequestedCommand requested{Read(parts, client, context, command), {}, {}, client->fingerprint};
  if (!requested.command.ok()) return requested;
  std::string said;
  AppendDeterministic(context, said);
  AppendDeterministic(command, said);
  requested.events = &parts.events;
  requested.request = RequestKeyOf(*client, context.request_id());
  requested.digest = crypto::Sha256(said);
  requested.purpose = context.purpose();
  return requested;
}

}  // namespace medflyt::service
