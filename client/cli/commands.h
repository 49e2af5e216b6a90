// The program's commands: each function stands in commands/ in a file of its own and declares one.
#pragma once

#include "client/cli/command.h"

namespace medflyt::cli {

[[nodiscard]] Command CompletionCommand();
[[nodiscard]] Command HelpCommand();
[[nodiscard]] Command CprInspectCommand();

// All of them.
[[nodiscard]] CommandRegistry AllCommands();

}  // namespace medflyt::cli
