#include "client/cli/commands.h"

namespace medflyt::cli {

CommandRegistry AllCommands() {
  CommandRegistry commands;
  commands.AddNoun("cpr", "extracts of the civil registry");
  for (auto* declare : {CompletionCommand, HelpCommand, CprInspectCommand}) commands.Add(declare());
  return commands;
}

}  // namespace medflyt::cli
