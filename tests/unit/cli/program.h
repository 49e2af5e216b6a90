// Runs the program in this process and keeps what it printed.
#pragma once

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "client/cli/commands.h"
#include "client/cli/front_end.h"

namespace medflyt::cli::testing {

class FixedClock final : public Clock {
 public:
  [[nodiscard]] absl::Time Now() const override { return now += step; }
  mutable absl::Time now = absl::FromUnixSeconds(1'000'000);
  absl::Duration step;
};

struct Program {
  ExitCode Run(const std::vector<std::string>& args, const std::string& input = "") {
    std::istringstream in(input);
    std::ostringstream out_stream;
    std::ostringstream err_stream;
    const Environment environment{.in = in,
                                  .out = out_stream,
                                  .err = err_stream,
                                  .in_terminal = {},
                                  .out_terminal = out_terminal,
                                  .err_terminal = err_terminal,
                                  .variable =
                                      [this](std::string_view name) {
                                        const auto found = variables.find(std::string(name));
                                        return found == variables.end() ? std::nullopt : std::optional(found->second);
                                      },
                                  .clock = clock,
                                  .connect = connect};
    const ExitCode code = RunProgram(commands, args, environment);
    out = out_stream.str();
    err = err_stream.str();
    return code;
  }

  CommandRegistry commands = AllCommands();
  Terminal out_terminal;
  Terminal err_terminal;
  std::map<std::string, std::string> variables;
  FixedClock clock;
  ClientFactory connect = [](const ConnectionSettings&) -> absl::StatusOr<std::shared_ptr<sdk::Client>> {
    return absl::UnavailableError("nobody there");
  };
  std::string out;
  std::string err;
};

}  // namespace medflyt::cli::testing
