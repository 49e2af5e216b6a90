// Usage texts and the manual page, made from the commands' declarations.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "client/cli/command.h"
#include "client/cli/terminal.h"

namespace medflyt::cli {

// The width to which help is wrapped.
[[nodiscard]] size_t HelpWidth(const Terminal& terminal);

// "medflyt cpr inspect [OPTIONS] FILE"
[[nodiscard]] std::string UsageOf(const Command& command);

// The command's own examples; where it declares none, its simplest call with invented values.
[[nodiscard]] std::vector<Example> ExamplesOf(const Command& command);

[[nodiscard]] std::string ProgramHelp(const CommandRegistry& commands, size_t width);
[[nodiscard]] std::string NounHelp(const CommandRegistry& commands, std::string_view noun, size_t width);
[[nodiscard]] std::string CommandHelp(const Command& command, size_t width);

// The manual page medflyt(1) in roff (man macros).
[[nodiscard]] std::string ManualPage(const CommandRegistry& commands);

}  // namespace medflyt::cli
