#include "client/cli/call.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/input.h"
#include "client/cli/message_fields.h"

namespace medflyt::cli {
namespace {

constexpr std::string_view kState = "ENROLMENT_STATE_";
constexpr std::string_view kPlace = "PLACE_STATE_";
constexpr std::string_view kReason = "END_REASON_";
constexpr std::string_view kFlag = "PROTECTION_FLAG_";

absl::Status Propose(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const registry::CprNumber cpr, ReadCprNumber(context, arguments));
  v1::ProposeEnrolmentRequest request;
  v1::ProposeEnrolment& proposal = *request.mutable_propose_enrolment();
  proposal.set_provider(arguments.Text("--provider"));
  proposal.set_cpr(std::string(cpr.ExposeDigits()));
  proposal.set_agreement_id(arguments.Text("--agreement"));
  proposal.set_from(arguments.Text("--from"));
  return Submit(context, arguments, &Municipality::ProposeEnrolment, std::move(request), GroundOf(context, arguments));
}

v1::EndReason ReasonOf(const Arguments& arguments) {
  v1::EndReason reason = v1::END_REASON_UNSPECIFIED;
  v1::EndReason_Parse(EnumName(kReason, arguments.Text("--reason")), &reason);
  return reason;
}

v1::ProtectionFlag FlagOf(const Arguments& arguments) {
  v1::ProtectionFlag flag = v1::PROTECTION_FLAG_UNSPECIFIED;
  v1::ProtectionFlag_Parse(EnumName(kFlag, arguments.Text("--flag")), &flag);
  return flag;
}

// A command that names an enrolment, and what `set` makes of the other arguments.
template <typename Request>
std::function<absl::Status(Context&, const Arguments&)> OnEnrolment(
    grpc::Status (Municipality::*method)(grpc::ClientContext*, const Request&, v1::CommandResult*),
    auto mutable_command, auto set) {
  return [=](Context& context, const Arguments& arguments) {
    Request request;
    auto& command = *(request.*mutable_command)();
    command.set_enrolment_id(arguments.Text("ENROLMENT"));
    set(arguments, command);
    return Submit(context, arguments, method, std::move(request), GroundOf(context, arguments));
  };
}
constexpr auto kSetNothing = [](const Arguments&, auto&) {};
constexpr auto kSetDate = [](const Arguments& arguments, auto& command) { command.set_from(arguments.Text("--from")); };
constexpr auto kSetEnd = [](const Arguments& arguments, v1::EndEnrolment& command) {
  kSetDate(arguments, command);
  command.set_reason(ReasonOf(arguments));
};
constexpr auto kSetFlag = [](const Arguments& arguments, auto& command) { command.set_flag(FlagOf(arguments)); };

absl::Status Rectify(Context& context, const Arguments& arguments) {
  v1::RectifyValueRequest request;
  v1::RectifyValue& right = *request.mutable_rectify_value();
  right.set_enrolment_id(arguments.Text("ENROLMENT"));
  const int values = static_cast<int>(arguments.Has("--number")) + static_cast<int>(arguments.Has("--start")) +
                     static_cast<int>(arguments.Has("--end")) + static_cast<int>(arguments.Has("--reason"));
  if (values != 1) return UsageError("put right one value: --number, --start, --end or --reason");
  if (arguments.Has("--number")) {
    MEDFLYT_ASSIGN_OR_RETURN(const registry::CprNumber cpr, ReadCprNumber(context, arguments));
    right.set_cpr(std::string(cpr.ExposeDigits()));
  } else if (arguments.Has("--start")) {
    right.set_start(arguments.Text("--start"));
  } else if (arguments.Has("--end")) {
    right.set_end(arguments.Text("--end"));
  } else {
    right.set_end_reason(ReasonOf(arguments));
  }
  return Submit(context, arguments, &Municipality::RectifyValue, std::move(request), GroundOf(context, arguments));
}

absl::Status Renumber(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const registry::CprNumber cpr, ReadCprNumber(context, arguments));
  v1::RenumberCitizenRequest request;
  request.mutable_renumber_citizen()->set_enrolment_id(arguments.Text("ENROLMENT"));
  request.mutable_renumber_citizen()->set_cpr(std::string(cpr.ExposeDigits()));
  return Submit(context, arguments, &Municipality::RenumberCitizen, std::move(request), GroundOf(context, arguments));
}

// A CPR number is shown masked: the reader of a terminal knows whom they asked about.
Value Masked(const std::string& digits) {
  const auto cpr = registry::CprNumber::Parse(digits);
  return cpr.ok() ? Value(cpr->Masked()) : Value();
}

Value::Array FlagsOf(const v1::Enrolment& enrolment) {
  Value::Array flags;
  for (const v1::StandingFlag& standing : enrolment.flags()) {
    flags.emplace_back(Shown(v1::ProtectionFlag_Name(standing.flag()), kFlag) +
                       (standing.clear_requested() ? ", clearing asked for" : ""));
  }
  return flags;
}

absl::Status List(Context& context, const Arguments& arguments) {
  Document document = context.NewDocument();
  document.List("enrolments",
                {"enrolment_id", "citizen", "provider", "responsible", "state", "from", "to", "needs_officer"});
  v1::ListEnrolmentsRequest request;
  request.set_unfinished_only(arguments.Has("--unfinished"));
  MEDFLYT_RETURN_IF_ERROR(ForEachPage(
      context, &Municipality::ListEnrolments, std::move(request), [&document](const v1::ListEnrolmentsResponse& page) {
        for (const v1::Enrolment& enrolment : page.enrolments()) {
          document.Row({enrolment.enrolment_id(), Masked(enrolment.cpr()), enrolment.provider(),
                        enrolment.responsible(), Shown(v1::EnrolmentState_Name(enrolment.state()), kState),
                        OrNone(enrolment.from()), OrNone(enrolment.to()), enrolment.needs_officer()});
        }
      }));
  return document.End();
}

absl::Status Show(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  v1::GetEnrolmentRequest request;
  *request.mutable_context() = client->NewContext();
  if (const auto id = arguments.Find("ENROLMENT")) {
    request.set_enrolment_id(*id);
  } else {
    MEDFLYT_ASSIGN_OR_RETURN(const registry::CprNumber cpr, ReadCprNumber(context, arguments));
    request.set_cpr(std::string(cpr.ExposeDigits()));
  }
  request.set_on(arguments.Text("--on"));
  MEDFLYT_ASSIGN_OR_RETURN(const auto response, client->Call(&Municipality::GetEnrolment, request));
  const v1::Enrolment& enrolment = response.enrolment();
  Document document = context.NewDocument();
  document.Field("enrolment_id", enrolment.enrolment_id());
  document.Field("citizen", Masked(enrolment.cpr()));
  document.Field("provider", enrolment.provider());
  document.Field("responsible", OrNone(enrolment.responsible()));
  document.Field("state", Shown(v1::EnrolmentState_Name(enrolment.state()), kState));
  document.Field("from", OrNone(enrolment.from()));
  document.Field("to", OrNone(enrolment.to()));
  document.Field("end_reason", OrNone(Shown(v1::EndReason_Name(enrolment.end_reason()), kReason)));
  document.Field("refused_rule", OrNone(enrolment.refused_rule()));
  document.Field("flags", FlagsOf(enrolment));
  document.Field("disputes", EachOf(enrolment.disputes()));
  document.Field("conflicting_event_ids",
                 Value::Array(enrolment.conflicting_event_ids().begin(), enrolment.conflicting_event_ids().end()));
  document.Field("needs_officer", enrolment.needs_officer());
  document.List("history", {"from", "to", "responsible", "agreement_id", "place", "place_state", "case_id"});
  for (const v1::EnrolmentSpan& span : enrolment.history()) {
    document.Row({span.from(), OrNone(span.to()), span.responsible(), OrNone(span.agreement_id()),
                  span.place_number() == 0 ? Value() : Value(span.place_number()),
                  OrNone(Shown(v1::PlaceState_Name(span.place_state()), kPlace)), OrNone(span.case_id())});
  }
  return document.End();
}

Positional EnrolmentId() { return {.name = "ENROLMENT", .help = "the enrolment's id", .kind = ValueKind::kId}; }
Option From(std::string help) {
  return {.name = "--from", .value_name = "DATE", .help = std::move(help), .kind = ValueKind::kDate, .required = true};
}

Option Reason(bool required) {
  return {.name = "--reason",
          .value_name = "REASON",
          .help = "why it ends",
          .required = required,
          .choices = {"job", "education", "renounced", "moved", "dead", "other", "stopped", "exit", "prison", "error"}};
}

Option Flag() {
  return {.name = "--flag",
          .value_name = "FLAG",
          .help = "what protects the citizen",
          .required = true,
          .choices = {"exit-programme", "safety-package"}};
}

Command DatedCommand(std::string verb, std::string summary, std::string description, std::string from_help,
                     std::function<absl::Status(Context&, const Arguments&)> run) {
  return {.noun = "enrolment",
          .verb = std::move(verb),
          .summary = std::move(summary),
          .description = std::move(description),
          .options = WithGround({From(std::move(from_help))}),
          .positionals = {EnrolmentId()},
          .run = std::move(run)};
}

}  // namespace

std::vector<Command> EnrolmentCommands() {
  return {
      {.noun = "enrolment",
       .verb = "propose",
       .summary = "propose that a citizen is enrolled with the provider",
       .description = "By the municipality responsible for the citizen, on a ground that an officer confirms. The "
                      "provider's own citizens "
                      "need neither agreement nor ground.",
       .options =
           WithGround({{.name = "--provider", .value_name = "CVR", .help = "who delivers the effort", .required = true},
                       {.name = "--agreement",
                        .value_name = "ID",
                        .help = "the agreement that the place belongs to",
                        .kind = ValueKind::kId},
                       From("first day wanted"),
                       CprOption()}),
       .examples =
           {{"Nyborg proposes a citizen of its own, the number on standard input",
             "medflyt enrolment propose --provider 35209115 --agreement 6f0e4a1c9b2d4e5f8a7b6c5d4e3f2a1b "
             "--from 2026-02-01 --cpr-file citizen.txt --legal-basis RSL-11C --necessity-file why.txt --journal "
             "2026-117 --data identity --data service --data residence"}},
       .run = Propose},
      DatedCommand(
          "start", "start a proposed enrolment", "By the provider's officer; a buyer's citizen gets a place.",
          "first day",
          OnEnrolment(&Municipality::StartEnrolment, &v1::StartEnrolmentRequest::mutable_start_enrolment, kSetDate)),
      {.noun = "enrolment",
       .verb = "refuse",
       .summary = "refuse a proposed enrolment",
       .description = "By the provider's officer. A place that was reserved is free again.",
       .options = {RequestIdOption()},
       .positionals = {EnrolmentId()},
       .run = OnEnrolment(&Municipality::RefuseEnrolment, &v1::RefuseEnrolmentRequest::mutable_refuse_enrolment,
                          kSetNothing)},
      DatedCommand(
          "pause", "pause an enrolment", "The place is kept.", "first day of the pause",
          OnEnrolment(&Municipality::PauseEnrolment, &v1::PauseEnrolmentRequest::mutable_pause_enrolment, kSetDate)),
      DatedCommand(
          "resume", "resume a paused enrolment", "By the provider's officer.", "first day after the pause",
          OnEnrolment(&Municipality::ResumeEnrolment, &v1::ResumeEnrolmentRequest::mutable_resume_enrolment, kSetDate)),
      {.noun = "enrolment",
       .verb = "end",
       .summary = "end an enrolment",
       .description = "By the provider's officer. The place is free, and whoever waits first gets it. Towards other "
                      "authorities the reasons stopped, exit, prison and error are stated as other.",
       .options = WithGround({From("first day without the enrolment"), Reason(true)}),
       .positionals = {EnrolmentId()},
       .run = OnEnrolment(&Municipality::EndEnrolment, &v1::EndEnrolmentRequest::mutable_end_enrolment, kSetEnd)},
      {.noun = "enrolment",
       .verb = "flag",
       .summary = "have every move of a protected citizen held",
       .description =
           "By the responsible municipality, for a citizen in the exit programme or with a safety package. Each move "
           "that is observed from now on is held until two officers release it, and so is one of which nobody was told "
           "yet. No other authority learns of it.",
       .options = {Flag(), RequestIdOption()},
       .positionals = {EnrolmentId()},
       .examples = {{"A citizen with a safety package",
                     "medflyt enrolment flag 6f0e4a1c9b2d4e5f8a7b6c5d4e3f2a1b --flag safety-package"}},
       .run = OnEnrolment(&Municipality::SetFlag, &v1::SetFlagRequest::mutable_set_flag, kSetFlag)},
      {.noun = "enrolment",
       .verb = "unflag",
       .summary = "clear a flag, by two officers",
       .description = "The first officer asks; another one, with another client certificate, clears it. What is held "
                      "stays held. Setting the flag again takes back what the first one asked.",
       .options = {Flag(), RequestIdOption()},
       .positionals = {EnrolmentId()},
       .run = OnEnrolment(&Municipality::ClearFlag, &v1::ClearFlagRequest::mutable_clear_flag, kSetFlag)},
      {.noun = "enrolment",
       .verb = "renumber",
       .summary = "tell the provider a citizen's new CPR number",
       .description = "By the responsible municipality. The case stays the same, and both numbers find it.",
       .options = WithGround({CprOption()}),
       .positionals = {EnrolmentId()},
       .run = Renumber},
      {.noun = "enrolment",
       .verb = "rectify",
       .summary = "put right a value that was wrong from the start",
       .description =
           "One of --number, --start, --end and --reason. A number is put right by the responsible municipality: "
           "nobody is found by the wrong one any more. Dates and the reason are put right by the provider. Everyone "
           "who was told the wrong value by this node is told the right one, and tells it on. Of a stay that changed "
           "hands the start is the first case's and the end the last's; a move's date is put right by relocation "
           "correct. Others are told on the ground of the case, or on one that is given here and counts for this "
           "alone, also where the basis of the case's ground has run out.",
       .options = WithGround(
           {{.name = "--number",
             .value_name = "",
             .help = "the CPR number, read from --cpr-file",
             .kind = ValueKind::kFlag},
            CprOption(),
            {.name = "--start", .value_name = "DATE", .help = "first day", .kind = ValueKind::kDate},
            {.name = "--end", .value_name = "DATE", .help = "first day without it", .kind = ValueKind::kDate},
            Reason(false)}),
       .positionals = {EnrolmentId()},
       .examples = {{"It began a month later than was written",
                     "medflyt enrolment rectify 6f0e4a1c9b2d4e5f8a7b6c5d4e3f2a1b --start 2026-03-01"},
                    {"On a ground of its own",
                     "medflyt enrolment rectify 6f0e4a1c9b2d4e5f8a7b6c5d4e3f2a1b --start 2026-03-01 --legal-basis "
                     "GDPR-16-19 --necessity-file why.txt --journal 2026-119 --data service"}},
       .run = Rectify},
      {.noun = "enrolment",
       .verb = "list",
       .summary = "list enrolments",
       .description = "CPR numbers are shown masked. The search is recorded, with officer and purpose.",
       .options = {{.name = "--unfinished",
                    .value_name = "",
                    .help = "without those that ended or were refused",
                    .kind = ValueKind::kFlag}},
       .run = List},
      {.noun = "enrolment",
       .verb = "show",
       .summary = "show an enrolment: responsible municipality and place for every date",
       .description =
           "By its id, or by the citizen's CPR number from a file or standard input. The look-up is recorded, "
           "hit or miss, with officer and purpose.",
       .options = {CprOption(),
                   {.name = "--on",
                    .value_name = "DATE",
                    .help = "the date asked about; today by default",
                    .kind = ValueKind::kDate}},
       .positionals = {{.name = "ENROLMENT", .help = "the enrolment's id", .kind = ValueKind::kId, .required = false}},
       .examples = {{"By the citizen's number", "medflyt enrolment show --cpr-file citizen.txt"}},
       .run = Show},
  };
}

}  // namespace medflyt::cli
