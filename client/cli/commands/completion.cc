#include "client/cli/completion.h"

#include "client/cli/commands.h"
#include "client/cli/context.h"

namespace medflyt::cli {

Command CompletionCommand() {
  return {.noun = "completion",
          .verb = "",
          .summary = "print a completion script for a shell",
          .description = "The script knows every command, its options and their values.",
          .positionals = {{.name = "SHELL", .help = "the shell", .choices = {"bash", "zsh", "fish"}}},
          .examples = {{"For bash, in this session", "source <(medflyt completion bash)"},
                       {"For fish, from now on", "medflyt completion fish > ~/.config/fish/completions/medflyt.fish"}},
          .run = [](Context& context, const Arguments& arguments) -> absl::Status {
            const std::string shell = arguments.Text("SHELL");
            context.out() << (shell == "bash"  ? BashCompletion(context.commands())
                              : shell == "zsh" ? ZshCompletion(context.commands())
                                               : FishCompletion(context.commands()))
                          << std::flush;
            return context.out().good() ? absl::OkStatus()
                                        : absl::DataLossError("standard output could not be written");
          }};
}

}  // namespace medflyt::cli
