#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/commands.h"
#include "client/cli/front_end.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  const medflyt::SystemClock clock;
  const medflyt::cli::Environment environment{
      .in = std::cin,
      .out = std::cout,
      .err = std::cerr,
      .in_terminal = medflyt::cli::Terminal::Of(STDIN_FILENO),
      .out_terminal = medflyt::cli::Terminal::Of(STDOUT_FILENO),
      .err_terminal = medflyt::cli::Terminal::Of(STDERR_FILENO),
      .variable = [](std::string_view name) -> std::optional<std::string> {
        const char* value = std::getenv(std::string(name).c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
      },
      .clock = clock,
      .connect = [](const medflyt::cli::ConnectionSettings&) -> absl::StatusOr<std::shared_ptr<medflyt::sdk::Client>> {
        return absl::UnimplementedError("no command of this program talks to a node");
      }};
  return static_cast<int>(medflyt::cli::RunProgram(medflyt::cli::AllCommands(),
                                                   std::vector<std::string>(argv + 1, argv + argc), environment));
}
