#include <string>

#include "client/cli/call.h"
#include "client/cli/citizen_report.h"
#include "client/cli/commands.h"
#include "client/cli/files.h"
#include "client/cli/input.h"

namespace medflyt::cli {
namespace {

absl::Status Report(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const registry::CprNumber cpr, ReadCprNumber(context, arguments));
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  CitizenReport report;
  report.citizen = cpr.Masked();
  report.made_at = context.environment().clock.Now();
  v1::ReportCitizenRequest request;
  *request.mutable_context() = client->NewContext();
  request.set_cpr(std::string(cpr.ExposeDigits()));
  do {
    MEDFLYT_ASSIGN_OR_RETURN(const auto page, client->Call(&v1::CitizenService::Stub::ReportCitizen, request));
    report.held.MergeFrom(page);
    request.set_first(page.next_first());
  } while (request.first() != 0);
  const std::string name = arguments.Text("--out");
  MEDFLYT_RETURN_IF_ERROR(WriteFile(name + ".html", ReportPage(report), FileMode::kSecret));
  MEDFLYT_RETURN_IF_ERROR(WriteFile(name + ".json", ReportJson(report), FileMode::kSecret));
  Document document = context.NewDocument();
  document.Field("page", name + ".html");
  document.Field("json", name + ".json");
  document.Field("enrolments", report.held.enrolments_size());
  document.Field("relocations", report.held.relocations_size());
  document.Field("transfers", report.held.transfers_size());
  document.Field("events", report.held.events_size());
  document.Field("look_ups", report.held.look_ups_size());
  return document.End();
}

}  // namespace

Command CitizenReportCommand() {
  return {.noun = "citizen",
          .verb = "report",
          .summary = "all that the node holds of a citizen, for the citizen (GDPR, article 15)",
          .description =
              "A page in Danish that prints well (NAME.html) and the same as JSON (NAME.json), both readable by their "
              "owner alone: what is held, where it came from, who was told what on which legal basis, and when and why "
              "somebody looked. Names of staff are left out, and CPR numbers are masked. Of a citizen of whom nothing "
              "is held the page says so. The search is recorded as every other.",
          .options = {CprOption(),
                      {.name = "--out",
                       .value_name = "NAME",
                       .help = "name of the two files, without their ends",
                       .kind = ValueKind::kFile,
                       .required = true}},
          .examples = {{"On a citizen's request", "medflyt citizen report --out indsigt-2026-118"}},
          .run = Report};
}

}  // namespace medflyt::cli
