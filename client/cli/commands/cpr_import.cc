#include "client/cli/call.h"
#include "client/cli/commands.h"
#include "client/cli/input.h"

namespace medflyt::cli {
namespace {

absl::Status Run(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  MEDFLYT_ASSIGN_OR_RETURN(const auto input, InputFile::Open(context, arguments.Text("FILE")));
  absl::StatusOr<v1::ImportExtractResponse> response = [&] {
    Progress progress(context, "sending", input->size());
    return client->ImportExtract(ContextFor(*client, arguments), [&] {
      progress.Update(input->bytes_read());
      return input->NextChunk();
    });
  }();
  MEDFLYT_RETURN_IF_ERROR(response.status());
  Document document = context.NewDocument();
  document.Field("production_date", response->production_date());
  document.Field("previous_production_date", OrNone(response->previous_production_date()));
  document.Field("records", uint64_t{response->records()});
  document.Field("persons", uint64_t{response->persons()});
  document.List("relocations", {"relocation_id", "kind", "from", "to", "effective_date", "state"});
  for (const v1::Relocation& relocation : response->relocations()) {
    document.Row({relocation.relocation_id(), Shown(v1::ObservationKind_Name(relocation.kind()), "OBSERVATION_KIND_"),
                  OrNone(relocation.from_municipality()), OrNone(relocation.to_municipality()),
                  OrNone(relocation.effective_date()),
                  Shown(v1::RelocationState_Name(relocation.state()), "RELOCATION_STATE_")});
  }
  return document.End();
}

}  // namespace

Command CprImportCommand() {
  return {.noun = "cpr",
          .verb = "import",
          .summary = "give a registry extract to the node",
          .description =
              "The node compares it with the enrolments it is responsible for and keeps one record of the file and one "
              "of each match; of anyone else nothing is kept. A file that is not whole, that was imported before, or "
              "that does not follow the last one, changes nothing.",
          .options = {RequestIdOption()},
          .positionals = {{.name = "FILE", .help = "the extract, - for standard input", .kind = ValueKind::kFile}},
          .examples = {{"Import today's extract", "medflyt cpr import extract.txt"}},
          .run = Run};
}

}  // namespace medflyt::cli
