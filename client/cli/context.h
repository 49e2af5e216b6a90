// What a command has at hand while it runs.
#pragma once

#include <functional>
#include <istream>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/output.h"
#include "client/cli/profile.h"
#include "client/cli/terminal.h"
#include "common/base/clock.h"

namespace medflyt::sdk {
class Client;
}

namespace medflyt::cli {

using ClientFactory = std::function<absl::StatusOr<std::shared_ptr<sdk::Client>>(const ConnectionSettings&)>;

// What the process gives the program, so that tests can give something else. It outlives the run.
struct Environment {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  Terminal in_terminal;
  Terminal out_terminal;
  Terminal err_terminal;
  std::function<std::optional<std::string>(std::string_view name)> variable;  // environment variables
  const Clock& clock;
  ClientFactory connect;
};

// One run of one command; used by one thread.
class Context {
 public:
  Context(const Environment& environment, const CommandRegistry& commands, const Arguments& globals)
      : environment_(environment), commands_(commands), globals_(globals) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  [[nodiscard]] const Environment& environment() const { return environment_; }
  [[nodiscard]] const CommandRegistry& commands() const { return commands_; }
  [[nodiscard]] std::istream& in() const { return environment_.in; }
  [[nodiscard]] std::ostream& out() const { return environment_.out; }
  [[nodiscard]] std::ostream& err() const { return environment_.err; }
  [[nodiscard]] bool json() const { return globals_.Has("--json"); }

  // The output of this run, in the form that the user asked for.
  [[nodiscard]] Document NewDocument() const { return {out(), environment_.out_terminal, json()}; }

  // Something that the user should know and that is no data: one line on standard error.
  void Note(std::string_view text) const;

  // The options of the command line before those of the profile: --profile, else $MEDFLYT_PROFILE, else the file's
  // default; from --profiles, else $XDG_CONFIG_HOME/medflyt/profiles.toml, else ~/.config/medflyt/profiles.toml.
  [[nodiscard]] absl::StatusOr<ConnectionSettings> Settings() const;

  // Connected at the first call. A usage error where no node is named; otherwise errors are the factory's.
  [[nodiscard]] absl::StatusOr<std::shared_ptr<sdk::Client>> Client();

 private:
  const Environment& environment_;
  const CommandRegistry& commands_;
  const Arguments& globals_;
  std::shared_ptr<sdk::Client> client_;
};

}  // namespace medflyt::cli
