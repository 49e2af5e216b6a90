#include "client/cli/call.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/message_fields.h"

namespace medflyt::cli {
namespace {

constexpr std::string_view kState = "RELOCATION_STATE_";
constexpr std::string_view kHold = "HOLD_REASON_";

std::string StateOf(const v1::Relocation& relocation) {
  return Shown(v1::RelocationState_Name(relocation.state()), kState);
}
std::string KindOf(const v1::Relocation& relocation) {
  return Shown(v1::ObservationKind_Name(relocation.kind()), "OBSERVATION_KIND_");
}
Value::Array HoldsOf(const v1::Relocation& relocation) {
  Value::Array reasons;
  for (const int reason : relocation.hold_reasons()) {
    reasons.emplace_back(Shown(v1::HoldReason_Name(static_cast<v1::HoldReason>(reason)), kHold));
  }
  return reasons;
}

absl::Status List(Context& context, const Arguments& arguments) {
  Document document = context.NewDocument();
  document.List("relocations", {"relocation_id", "direction", "kind", "from", "to", "effective_date", "state",
                                "held_for", "needs_officer"});
  v1::ListRelocationsRequest request;
  for (const std::string& wanted : arguments.All("--state")) {
    v1::RelocationState state = v1::RELOCATION_STATE_UNSPECIFIED;
    v1::RelocationState_Parse(EnumName(kState, wanted), &state);
    request.add_states(state);
  }
  MEDFLYT_RETURN_IF_ERROR(
      ForEachPage(context, &Municipality::ListRelocations, std::move(request),
                  [&document](const v1::ListRelocationsResponse& page) {
                    for (const v1::Relocation& relocation : page.relocations()) {
                      document.Row({relocation.relocation_id(), relocation.incoming() ? "in" : "out",
                                    KindOf(relocation), relocation.from_municipality(),
                                    OrNone(relocation.to_municipality()), OrNone(relocation.effective_date()),
                                    StateOf(relocation), HoldsOf(relocation), relocation.needs_officer()});
                    }
                  }));
  return document.End();
}

absl::Status Show(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  v1::GetRelocationRequest request;
  *request.mutable_context() = client->NewContext();
  request.set_relocation_id(arguments.Text("RELOCATION"));
  MEDFLYT_ASSIGN_OR_RETURN(const auto response, client->Call(&Municipality::GetRelocation, request));
  const v1::Relocation& relocation = response.relocation();
  Document document = context.NewDocument();
  document.Field("relocation_id", relocation.relocation_id());
  document.Field("direction", relocation.incoming() ? "in" : "out");
  document.Field("state", StateOf(relocation));
  document.Field("kind", KindOf(relocation));
  document.Field("enrolment_id", OrNone(relocation.enrolment_id()));
  document.Field("from", OrNone(relocation.from_municipality()));
  document.Field("to", OrNone(relocation.to_municipality()));
  document.Field("effective_date", OrNone(relocation.effective_date()));
  document.Field("uncertain", relocation.uncertain());
  document.Field("hold_reasons", HoldsOf(relocation));
  document.Field("release_requested", relocation.release_requested());
  document.Field("provider", OrNone(relocation.provider()));
  document.Field("other_party", OrNone(relocation.other_party()));
  document.Field("concerns_id", OrNone(relocation.concerns_id()));
  document.Field("observed_on", OrNone(relocation.observed_on()));
  document.Field("disputes", EachOf(relocation.disputes()));
  document.Field("conflicting_event_ids",
                 Value::Array(relocation.conflicting_event_ids().begin(), relocation.conflicting_event_ids().end()));
  document.Field("needs_officer", relocation.needs_officer());
  return document.End();
}

absl::Status Hold(Context& context, const Arguments& arguments) {
  v1::HoldRelocationRequest request;
  request.mutable_hold_relocation()->set_relocation_id(arguments.Text("RELOCATION"));
  v1::HoldReason reason = v1::HOLD_REASON_UNSPECIFIED;
  v1::HoldReason_Parse(EnumName(kHold, arguments.Text("--reason")), &reason);
  request.mutable_hold_relocation()->set_reason(reason);
  return Submit(context, arguments, &Municipality::HoldRelocation, std::move(request));
}

absl::Status Assess(Context& context, const Arguments& arguments) {
  if (arguments.Has("--disclose") == arguments.Has("--withhold")) {
    return UsageError("decide with one of --disclose and --withhold");
  }
  v1::AssessDisclosureRequest request;
  v1::AssessDisclosure& assessment = *request.mutable_assess_disclosure();
  assessment.set_relocation_id(arguments.Text("RELOCATION"));
  assessment.set_disclose(arguments.Has("--disclose"));
  MEDFLYT_ASSIGN_OR_RETURN(const auto ground, GroundOf(context, arguments));
  *assessment.mutable_ground() = ground.value_or(v1::DisclosureGround());
  assessment.set_effective_date(arguments.Text("--effective-date"));
  return Submit(context, arguments, &Municipality::AssessDisclosure, std::move(request));
}

absl::Status Correct(Context& context, const Arguments& arguments) {
  v1::CorrectRelocationRequest request;
  request.mutable_correct_relocation()->set_relocation_id(arguments.Text("RELOCATION"));
  request.mutable_correct_relocation()->set_effective_date(arguments.Text("--effective-date"));
  return Submit(context, arguments, &Municipality::CorrectRelocation, std::move(request), GroundOf(context, arguments));
}

Positional RelocationId() { return {.name = "RELOCATION", .help = "the relocation's id", .kind = ValueKind::kId}; }
Option EffectiveDate(std::string help, bool required) {
  return {.name = "--effective-date",
          .value_name = "DATE",
          .help = std::move(help),
          .kind = ValueKind::kDate,
          .required = required};
}

// A command that names a relocation and nothing else.
template <typename Request>
// NOLINTBEGIN(performance-unnecessary-value-param): moved, where Request is known
Command Plain(std::string verb, std::string summary, std::string description,
              grpc::Status (Municipality::*method)(grpc::ClientContext*, const Request&, v1::CommandResult*),
              auto mutable_command, std::vector<Option> options = {RequestIdOption()}) {
  // NOLINTEND(performance-unnecessary-value-param)
  return {.noun = "relocation",
          .verb = std::move(verb),
          .summary = std::move(summary),
          .description = std::move(description),
          .options = std::move(options),
          .positionals = {RelocationId()},
          .run = [=](Context& context, const Arguments& arguments) {
            Request request;
            (request.*mutable_command)()->set_relocation_id(arguments.Text("RELOCATION"));
            return Submit(context, arguments, method, std::move(request), GroundOf(context, arguments));
          }};
}

}  // namespace

std::vector<Command> RelocationCommands() {
  return {
      {.noun = "relocation",
       .verb = "list",
       .summary = "list moves: observed here, and announced by others",
       .description = "The search is recorded, with officer and purpose.",
       .options = {{.name = "--state",
                    .value_name = "STATE",
                    .help = "only those in this state; may be repeated",
                    .repeated = true,
                    .choices = {"observed", "held", "in-assessment", "disclosed", "not-disclosed", "announced",
                                "acknowledged", "declined", "expired", "corrected", "annulled"}}},
       .examples = {{"What waits for an officer", "medflyt relocation list --state in-assessment --state held"}},
       .run = List},
      {.noun = "relocation",
       .verb = "show",
       .summary = "show a move",
       .description = "The look-up is recorded, with officer and purpose.",
       .positionals = {RelocationId()},
       .run = Show},
      {.noun = "relocation",
       .verb = "hold",
       .summary = "hold a move: nothing is sent to anyone",
       .description = "Until two officers release it.",
       .options = {{.name = "--reason",
                    .value_name = "REASON",
                    .help = "why",
                    .default_value = "officer",
                    .choices = {"officer", "exit-programme", "safety-package"}},
                   RequestIdOption()},
       .positionals = {RelocationId()},
       .run = Hold},
      Plain("release", "release a held move, as the first or the second of two officers",
            "The first call asks, and a second one by another officer with another certificate releases.",
            &Municipality::ReleaseHold, &v1::ReleaseHoldRequest::mutable_release_hold),
      {.noun = "relocation",
       .verb = "assess",
       .summary = "decide whether a move is disclosed to the municipality moved to",
       .description = "A human decision about one citizen. --journal is always needed; to disclose takes the whole "
                      "ground, with all that an announcement tells: identity, service and residence.",
       .options = WithGround(
           {{.name = "--disclose",
             .value_name = "",
             .help = "the new municipality shall know",
             .kind = ValueKind::kFlag},
            {.name = "--withhold", .value_name = "", .help = "nothing is disclosed", .kind = ValueKind::kFlag},
            EffectiveDate("the date of the move, where the registry's is uncertain", false)}),
       .positionals = {RelocationId()},
       .examples = {{"Disclose",
                     "medflyt relocation assess 6f0e4a1c9b2d4e5f8a7b6c5d4e3f2a1b --disclose --necessity-file why.txt "
                     "--legal-basis RSL-11C --journal 2026-118 --data identity --data service --data residence"}},
       .run = Assess},
      Plain("announce", "announce a move to the municipality moved to, and end our responsibility",
            "After an assessment that discloses it. The provider is told of the end on the ground of the enrolment's "
            "case.",
            &Municipality::AnnounceRelocation, &v1::AnnounceRelocationRequest::mutable_announce_relocation,
            WithGround({})),
      {.noun = "relocation",
       .verb = "correct",
       .summary = "correct the date of a move",
       .description =
           "What was announced no longer holds; a new relocation with the right date is assessed anew. Who was "
           "announced to is told the right date on the ground of the assessment, or on one that is given here "
           "and counts for this alone.",
       .options = WithGround({EffectiveDate("the right date", true)}),
       .positionals = {RelocationId()},
       .run = Correct},
      Plain("annul", "annul a move that did not happen", "A transfer that followed from it is reversed.",
            &Municipality::AnnulRelocation, &v1::AnnulRelocationRequest::mutable_annul_relocation),
      Plain("acknowledge", "acknowledge a move that was announced to us", "The municipality left is told.",
            &Municipality::AcknowledgeRelocation, &v1::AcknowledgeRelocationRequest::mutable_acknowledge_relocation),
      Plain("decline", "decline a move that was announced to us", "The municipality left is told.",
            &Municipality::DeclineRelocation, &v1::DeclineRelocationRequest::mutable_decline_relocation),
  };
}

}  // namespace medflyt::cli
