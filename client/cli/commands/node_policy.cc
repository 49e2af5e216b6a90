#include <string>

#include "client/cli/call.h"
#include "client/cli/commands.h"

namespace medflyt::cli {
namespace {

absl::Status ShowPolicy(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  MEDFLYT_ASSIGN_OR_RETURN(const auto policy, client->Call(&v1::AdminService::Stub::GetPolicy, v1::GetPolicyRequest()));
  const auto role = arguments.Find("--role");
  Document document = context.NewDocument();
  document.List("allowed", {"action", "role", "kinds", "two_officers", "here"});
  for (const v1::PolicyEntry& entry : policy.entries()) {
    if (role && entry.role() != *role) continue;
    std::string kinds;
    for (const std::string& kind : entry.kinds()) kinds += (kinds.empty() ? "" : " ") + kind;
    document.Row({entry.action(), entry.role(), kinds, entry.takes_two_officers(), entry.allowed_here()});
  }
  return document.End();
}

}  // namespace

Command NodePolicyCommand() {
  return {.noun = "node",
          .verb = "policy",
          .summary = "show who may do what at the node",
          .description =
              "One table of actions, roles of client certificates and kinds of authority. What is not in it is "
              "denied. It comes from the file that the node's configuration names as `policy`.",
          .options = {{.name = "--role",
                       .value_name = "ROLE",
                       .help = "what this role may do, alone",
                       .choices = {"registry-feed", "case-system", "administrator", "auditor", "node"}}},
          .examples = {{"What may a case system do?", "medflyt node policy --role case-system"}},
          .run = ShowPolicy};
}

}  // namespace medflyt::cli
