#include "client/cli/call.h"
#include "client/cli/commands.h"

namespace medflyt::cli {
namespace {

absl::Status End(Context& context, const Arguments& arguments) {
  v1::EndResponsibilityRequest request;
  v1::EndResponsibility& end = *request.mutable_end_responsibility();
  end.set_enrolment_id(arguments.Text("ENROLMENT"));
  end.set_from(arguments.Text("--from"));
  v1::ResponsibilityEndReason reason = v1::RESPONSIBILITY_END_REASON_UNSPECIFIED;
  v1::ResponsibilityEndReason_Parse(EnumName("RESPONSIBILITY_END_REASON_", arguments.Text("--reason")), &reason);
  end.set_reason(reason);
  return Submit(context, arguments, &Municipality::EndResponsibility, std::move(request), GroundOf(context, arguments));
}

absl::Status Restore(Context& context, const Arguments& arguments) {
  v1::RestoreResponsibilityRequest request;
  request.mutable_restore_responsibility()->set_enrolment_id(arguments.Text("ENROLMENT"));
  return Submit(context, arguments, &Municipality::RestoreResponsibility, std::move(request));
}

Positional EnrolmentId() { return {.name = "ENROLMENT", .help = "our case with the provider", .kind = ValueKind::kId}; }

}  // namespace

std::vector<Command> ResponsibilityCommands() {
  return {{.noun = "responsibility",
           .verb = "end",
           .summary = "tell the provider that our responsibility ended, without disclosing a move",
           .description = "The enrolment ends. A move that is disclosed goes through relocation announce instead.",
           .options = WithGround({{.name = "--from",
                                   .value_name = "DATE",
                                   .help = "first day without responsibility",
                                   .kind = ValueKind::kDate,
                                   .required = true},
                                  {.name = "--reason",
                                   .value_name = "REASON",
                                   .help = "why",
                                   .required = true,
                                   .choices = {"moved", "dead", "emigrated", "other"}}}),
           .positionals = {EnrolmentId()},
           .run = End},
          {.noun = "responsibility",
           .verb = "restore",
           .summary = "reverse the end of our responsibility",
           .description = "What followed from it at the provider is reversed; nobody is displaced.",
           .options = {RequestIdOption()},
           .positionals = {EnrolmentId()},
           .run = Restore}};
}

}  // namespace medflyt::cli
