#include "client/cli/help.h"

#include "client/cli/commands.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"

namespace medflyt::cli {

Command HelpCommand() {
  return {.noun = "help",
          .verb = "",
          .summary = "explain the program or a command",
          .description = "Without arguments, lists all commands.",
          .options = {{.name = "--man",
                       .value_name = "",
                       .help = "print the manual page of all commands in roff",
                       .kind = ValueKind::kFlag}},
          .positionals = {{.name = "NOUN", .help = "explain the commands of this noun", .required = false},
                          {.name = "VERB", .help = "explain this command of it", .required = false}},
          .examples = {{"Explain a command", "medflyt help cpr inspect"},
                       {"Install the manual page", "medflyt help --man > /usr/local/share/man/man1/medflyt.1"}},
          .run = [](Context& context, const Arguments& arguments) -> absl::Status {
            const size_t width = HelpWidth(context.environment().out_terminal);
            const std::string noun = arguments.Text("NOUN");
            const Command* command = context.commands().Find(noun, arguments.Text("VERB"));
            if (arguments.Has("--man")) {
              context.out() << ManualPage(context.commands());
            } else if (noun.empty()) {
              context.out() << ProgramHelp(context.commands(), width);
            } else if (command != nullptr) {
              context.out() << CommandHelp(*command, width);
            } else if (context.commands().HasNoun(noun) && !arguments.Has("VERB")) {
              context.out() << NounHelp(context.commands(), noun, width);
            } else {
              return UsageError("there is no command " + noun +
                                (arguments.Has("VERB") ? " " + arguments.Text("VERB") : std::string()));
            }
            context.out() << std::flush;
            return context.out().good() ? absl::OkStatus()
                                        : absl::DataLossError("standard output could not be written");
          }};
}

}  // namespace medflyt::cli
