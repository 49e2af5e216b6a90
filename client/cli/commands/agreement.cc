#include "client/cli/call.h"
#include "client/cli/commands.h"

namespace medflyt::cli {
namespace {

constexpr std::string_view kUnit = "PRICE_UNIT_";

absl::Status Propose(Context& context, const Arguments& arguments) {
  v1::ProposeAgreementRequest request;
  v1::ProposeAgreement& proposal = *request.mutable_propose_agreement();
  proposal.set_agreement_id(arguments.Text("--agreement"));
  proposal.set_provider(arguments.Text("--provider"));
  proposal.set_buyer(arguments.Text("--buyer"));
  v1::AgreementTermsInput& terms = *proposal.mutable_terms();
  terms.set_capacity(static_cast<uint32_t>(arguments.Integer("--capacity")));
  terms.set_price_ore(arguments.Integer("--price-ore"));
  v1::PriceUnit unit = v1::PRICE_UNIT_UNSPECIFIED;
  v1::PriceUnit_Parse(EnumName(kUnit, arguments.Text("--price-unit")), &unit);
  terms.set_price_unit(unit);
  terms.set_valid_from(arguments.Text("--from"));
  terms.set_valid_to(arguments.Text("--to"));
  terms.set_notice_days(static_cast<uint32_t>(arguments.Integer("--notice-days")));
  terms.set_settlement_months(static_cast<uint32_t>(arguments.Integer("--settlement-months")));
  terms.set_legal_basis(arguments.Text("--legal-basis"));
  terms.set_council_case(arguments.Text("--council-case"));
  return Submit(context, arguments, &Municipality::ProposeAgreement, std::move(request));
}

absl::Status Accept(Context& context, const Arguments& arguments) {
  v1::AcceptAgreementRequest request;
  request.mutable_accept_agreement()->set_agreement_id(arguments.Text("AGREEMENT"));
  request.mutable_accept_agreement()->set_version(static_cast<uint32_t>(arguments.Integer("--version")));
  return Submit(context, arguments, &Municipality::AcceptAgreement, std::move(request));
}

absl::Status Decline(Context& context, const Arguments& arguments) {
  v1::DeclineAgreementRequest request;
  request.mutable_decline_agreement()->set_agreement_id(arguments.Text("AGREEMENT"));
  request.mutable_decline_agreement()->set_version(static_cast<uint32_t>(arguments.Integer("--version")));
  return Submit(context, arguments, &Municipality::DeclineAgreement, std::move(request));
}

absl::Status Terminate(Context& context, const Arguments& arguments) {
  v1::TerminateAgreementRequest request;
  request.mutable_terminate_agreement()->set_agreement_id(arguments.Text("AGREEMENT"));
  request.mutable_terminate_agreement()->set_last_day(arguments.Text("--last-day"));
  return Submit(context, arguments, &Municipality::TerminateAgreement, std::move(request));
}

absl::Status List(Context& context, const Arguments& arguments) {
  Document document = context.NewDocument();
  document.List("agreements", {"agreement_id", "provider", "buyer", "state", "capacity", "occupied", "waiting"});
  v1::ListAgreementsRequest request;
  request.set_on(arguments.Text("--on"));
  MEDFLYT_RETURN_IF_ERROR(ForEachPage(
      context, &Municipality::ListAgreements, std::move(request), [&document](const v1::ListAgreementsResponse& page) {
        for (const v1::Agreement& agreement : page.agreements()) {
          document.Row({agreement.agreement_id(), agreement.provider(), agreement.buyer(),
                        Shown(v1::AgreementState_Name(agreement.state()), "AGREEMENT_STATE_"), agreement.capacity(),
                        agreement.occupied(), agreement.waiting()});
        }
      }));
  return document.End();
}

absl::Status Show(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  v1::GetAgreementRequest request;
  *request.mutable_context() = client->NewContext();
  request.set_agreement_id(arguments.Text("AGREEMENT"));
  request.set_on(arguments.Text("--on"));
  MEDFLYT_ASSIGN_OR_RETURN(const auto response, client->Call(&Municipality::GetAgreement, request));
  const v1::Agreement& agreement = response.agreement();
  Document document = context.NewDocument();
  document.Field("agreement_id", agreement.agreement_id());
  document.Field("provider", agreement.provider());
  document.Field("buyer", agreement.buyer());
  document.Field("state", Shown(v1::AgreementState_Name(agreement.state()), "AGREEMENT_STATE_"));
  document.Field("capacity", agreement.capacity());
  document.Field("occupied", agreement.occupied());
  document.Field("waiting", agreement.waiting());
  document.Field("terminated_last_day", OrNone(agreement.terminated_last_day()));
  document.List("versions", {"version", "state", "proposed_by", "capacity", "price_ore", "price_unit", "valid_from",
                             "valid_to", "notice_days", "settlement_months", "legal_basis", "council_case"});
  for (const v1::AgreementVersion& version : agreement.versions()) {
    const v1::AgreementTermsInput& terms = version.terms();
    document.Row({version.version(), Shown(v1::AgreementVersionState_Name(version.state()), "AGREEMENT_VERSION_STATE_"),
                  version.proposed_by(), terms.capacity(), int64_t{terms.price_ore()},
                  Shown(v1::PriceUnit_Name(terms.price_unit()), kUnit), terms.valid_from(), terms.valid_to(),
                  terms.notice_days(), terms.settlement_months(), terms.legal_basis(), terms.council_case()});
  }
  return document.End();
}

Positional AgreementId() { return {.name = "AGREEMENT", .help = "the agreement's id", .kind = ValueKind::kId}; }
Option OnDate() {
  return {
      .name = "--on", .value_name = "DATE", .help = "the date asked about; today by default", .kind = ValueKind::kDate};
}
Option Version() {
  return {.name = "--version",
          .value_name = "N",
          .help = "the version that is answered",
          .kind = ValueKind::kInteger,
          .default_value = "1"};
}

}  // namespace

std::vector<Command> AgreementCommands() {
  return {
      {.noun = "agreement",
       .verb = "propose",
       .summary = "propose an agreement, or its next version, to the other party",
       .description = "A version is in force once both parties have signed it: one by proposing, one by accepting.",
       .options =
           {{.name = "--provider", .value_name = "CVR", .help = "who delivers the places", .required = true},
            {.name = "--buyer", .value_name = "CVR", .help = "who buys them", .required = true},
            {.name = "--capacity",
             .value_name = "N",
             .help = "number of places",
             .kind = ValueKind::kInteger,
             .required = true},
            {.name = "--price-ore",
             .value_name = "ØRE",
             .help = "price of a unit, in øre",
             .kind = ValueKind::kInteger,
             .required = true},
            {.name = "--price-unit",
             .value_name = "UNIT",
             .help = "what the price is for",
             .default_value = "per-place",
             .choices = {"per-place", "per-day"}},
            {.name = "--from", .value_name = "DATE", .help = "first day", .kind = ValueKind::kDate, .required = true},
            {.name = "--to", .value_name = "DATE", .help = "last day", .kind = ValueKind::kDate, .required = true},
            {.name = "--notice-days",
             .value_name = "N",
             .help = "days between termination and the last day",
             .kind = ValueKind::kInteger,
             .default_value = "90"},
            {.name = "--settlement-months",
             .value_name = "N",
             .help = "length of a settlement period",
             .kind = ValueKind::kInteger,
             .default_value = "1"},
            {.name = "--legal-basis", .value_name = "KEY", .help = "key of the table of legal bases", .required = true},
            {.name = "--council-case", .value_name = "NUMBER", .help = "the council's case", .required = true},
            {.name = "--agreement",
             .value_name = "ID",
             .help = "the agreement that gets a next version; a new one by default",
             .kind = ValueKind::kId},
            RequestIdOption()},
       .examples = {{"Odense offers Nyborg three places",
                     "medflyt agreement propose --provider 35209115 --buyer 29189722 --capacity 3 --price-ore 1250000 "
                     "--from 2026-01-01 --to 2027-12-31 --legal-basis RSL-47 --council-case 2025-117"}},
       .run = Propose},
      {.noun = "agreement",
       .verb = "accept",
       .summary = "sign the version that the other party proposed",
       .description = "From here on the version is in force, from its first day.",
       .options = {Version(), RequestIdOption()},
       .positionals = {AgreementId()},
       .examples = {{"Accept the first version", "medflyt agreement accept 6f0e4a1c9b2d4e5f8a7b6c5d4e3f2a1b"}},
       .run = Accept},
      {.noun = "agreement",
       .verb = "decline",
       .summary = "decline the version that the other party proposed",
       .description = "What was in force before stays in force.",
       .options = {Version(), RequestIdOption()},
       .positionals = {AgreementId()},
       .run = Decline},
      {.noun = "agreement",
       .verb = "terminate",
       .summary = "end an agreement, with its notice",
       .description = "Places are retired after the last day, which is no earlier than the notice allows.",
       .options = {{.name = "--last-day",
                    .value_name = "DATE",
                    .help = "last day of the agreement",
                    .kind = ValueKind::kDate,
                    .required = true},
                   RequestIdOption()},
       .positionals = {AgreementId()},
       .run = Terminate},
      {.noun = "agreement",
       .verb = "list",
       .summary = "list the agreements",
       .description = "With capacity and occupied places on a date.",
       .options = {OnDate()},
       .run = List},
      {.noun = "agreement",
       .verb = "show",
       .summary = "show an agreement with all its versions",
       .description = "With capacity and occupied places on a date.",
       .options = {OnDate()},
       .positionals = {AgreementId()},
       .run = Show},
  };
}

}  // namespace medflyt::cli
