// What the commands that talk to a node have in common.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/context.h"
#include "client/sdk/client.h"
#include "common/base/status.h"

namespace medflyt::cli {

using Municipality = v1::MunicipalityService::Stub;

// --request-id ID: to repeat a command whose answer was lost.
[[nodiscard]] Option RequestIdOption();

// --legal-basis, --necessity-file, --journal and --data: why another authority is told of the citizen. On commands that
// tell one: needed with the first in a case, and to replace the ground.
[[nodiscard]] std::vector<Option> GroundOptions();
// The options, and then those of the ground and --request-id.
[[nodiscard]] std::vector<Option> WithGround(std::vector<Option> options);
// The ground that the options name; nothing where none of them is there. Which are needed the node says. The errors of
// InputFile.
[[nodiscard]] absl::StatusOr<std::optional<v1::DisclosureGround>> GroundOf(Context& context,
                                                                           const Arguments& arguments);

// "EnrolmentState_Name(state)" and "ENROLMENT_STATE_" make "active"; empty for the unspecified value.
[[nodiscard]] std::string Shown(std::string_view enum_name, std::string_view prefix);
// The way back: the name of the enum's value that is shown as `text`.
[[nodiscard]] std::string EnumName(std::string_view prefix, std::string_view text);

// The request's context: officer and purpose of the connection, and the id of --request-id or a fresh one.
[[nodiscard]] v1::RequestContext ContextFor(sdk::Client& client, const Arguments& arguments);

// Shows the events that a command led to.
[[nodiscard]] absl::Status PrintResult(Context& context, const v1::CommandResult& result);

// Calls the RPC of a command and shows its events.
template <typename Request>
[[nodiscard]] absl::Status Submit(Context& context, const Arguments& arguments,
                                  grpc::Status (Municipality::*method)(grpc::ClientContext*, const Request&,
                                                                       v1::CommandResult*),
                                  Request request,
                                  const absl::StatusOr<std::optional<v1::DisclosureGround>>& ground = std::nullopt) {
  MEDFLYT_RETURN_IF_ERROR(ground.status());
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  *request.mutable_context() = ContextFor(*client, arguments);
  if (*ground) *request.mutable_context()->mutable_disclosure() = **ground;
  MEDFLYT_ASSIGN_OR_RETURN(const v1::CommandResult result, client->Call(method, request));
  return PrintResult(context, result);
}

// One page after another of a list RPC, until there are no more: `visit(response)` shows one.
template <typename Request, typename Response, typename Visit>
[[nodiscard]] absl::Status ForEachPage(Context& context,
                                       grpc::Status (Municipality::*method)(grpc::ClientContext*, const Request&,
                                                                            Response*),
                                       Request request, Visit&& visit) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  *request.mutable_context() = client->NewContext();
  do {
    MEDFLYT_ASSIGN_OR_RETURN(const Response response, client->Call(method, request));
    visit(response);
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

// When the event was recorded, in UTC; no value where that is not known.
[[nodiscard]] Value RecordedAt(const v1::EventView& event);

// Empty text is no value.
[[nodiscard]] inline Value OrNone(const std::string& text) { return text.empty() ? Value() : Value(text); }

}  // namespace medflyt::cli
