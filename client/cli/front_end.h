// From a command line to an exit code.
#pragma once

#include <string>
#include <vector>

#include "client/cli/command.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"

namespace medflyt::cli {

// Runs the command that `args` (without the program's name) tells. Data goes to the environment's `out`, all else to
// its `err`; a failure is one line "medflyt: <message> (rule RULE, field FIELD)".
[[nodiscard]] ExitCode RunProgram(const CommandRegistry& commands, const std::vector<std::string>& args,
                                  const Environment& environment);

// Puts asterisks for whatever in `text` could be a CPR number.
[[nodiscard]] std::string WithoutCprNumbers(std::string_view text);

}  // namespace medflyt::cli
