// Completion scripts for shells, made from the commands' declarations.
#pragma once

#include <string>

#include "client/cli/command.h"

namespace medflyt::cli {

// To be sourced by bash, or put into its folder of completions.
[[nodiscard]] std::string BashCompletion(const CommandRegistry& commands);
// To be put as _medflyt into a folder of zsh's fpath.
[[nodiscard]] std::string ZshCompletion(const CommandRegistry& commands);
// To be put as medflyt.fish into fish's folder of completions.
[[nodiscard]] std::string FishCompletion(const CommandRegistry& commands);

}  // namespace medflyt::cli
