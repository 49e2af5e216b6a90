#include "client/cli/commands.h"
#include "client/cli/context.h"
#include "client/cli/input.h"
#include "common/base/status.h"
#include "common/registry/summary.h"

namespace medflyt::cli {
namespace {

absl::Status Print(Context& context, const registry::ExtractSummary& summary) {
  Document document = context.NewDocument();
  document.Field("production_date", summary.header.production_date);
  document.Field("previous_production_date", summary.header.previous_production_date);
  document.Field("records", summary.records);
  document.Field("persons", summary.persons);
  document.Field("emigrated", summary.emigrated);
  document.Field("disappeared", summary.disappeared);
  document.Field("dead", summary.dead);
  document.Field("renumbered", summary.renumbered);
  document.Field("protected", summary.is_protected);
  document.List("moves", {"from", "to", "effective_date", "uncertain", "held", "hold_reasons"});
  for (size_t i = 0; i < summary.moves.size(); ++i) {
    const registry::Move move = summary.moves[i];
    Value::Array reasons;
    for (const std::string_view reason : move.holds.Names()) reasons.emplace_back(reason);
    document.Row({move.from.ToString(), move.to.ToString(), move.effective_date, move.uncertain, move.held(),
                  std::move(reasons)});
  }
  return document.End();
}

absl::Status Run(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto input, InputFile::Open(context, arguments.Text("FILE")));
  absl::StatusOr<registry::ExtractSummary> summary = [&] {
    Progress progress(context, "reading", input->size());
    return registry::Summarise([&] {
      progress.Update(input->bytes_read());
      return input->NextChunk();
    });
  }();
  MEDFLYT_RETURN_IF_ERROR(summary.status());
  return Print(context, *summary);
}

}  // namespace

Command CprInspectCommand() {
  return {
      .noun = "cpr",
      .verb = "inspect",
      .summary = "check a registry extract and show what it tells",
      .description =
          "Reads a CPR Direkte extract, checks that it is whole and well formed, and shows its dates, its counts and "
          "the moves that its current addresses state. No node is needed and nothing is kept; no CPR number is "
          "shown.\n\n"
          "A move is held where the person has name-and-address protection on the production date, or a special "
          "road code. Files of any size are read in little memory.",
      .positionals = {{.name = "FILE", .help = "the extract, - for standard input", .kind = ValueKind::kFile}},
      .examples = {{"Look at today's extract", "medflyt cpr inspect extract.txt"},
                   {"Count the moves that are held",
                    "medflyt cpr inspect --json extract.txt | jq '[.moves[] | select(.held)] | length'"}},
      .run = Run};
}

}  // namespace medflyt::cli
