#include "client/cli/front_end.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <exception>
#include <map>
#include <memory>
#include <optional>

#include "client/cli/help.h"
#include "common/base/absl_view.h"
#include "common/base/status.h"

namespace medflyt::cli {
namespace {

constexpr std::string_view kVersion = MEDFLYT_VERSION;

// Where in the arguments the command's words stand; the options of every command may stand before and between them.
struct Words {
  std::string noun;
  std::string verb;
  std::vector<std::string> rest;  // all else, in order
};

const Option* FindGlobal(std::string_view argument) {
  for (const Option& option : GlobalOptions()) {
    if (option.name == argument.substr(0, argument.find('='))) return &option;
  }
  return nullptr;
}

Words SplitWords(const CommandRegistry& commands, const std::vector<std::string>& args) {
  Words words;
  size_t i = 0;
  for (; i < args.size() && args[i] != "--"; ++i) {
    const std::string& argument = args[i];
    const bool is_option = argument.size() > 1 && argument[0] == '-';
    if (is_option) {
      words.rest.push_back(argument);
      const Option* global = FindGlobal(argument);
      const bool takes_next =
          global != nullptr && global->kind != ValueKind::kFlag && argument.find('=') == std::string::npos;
      if (takes_next && i + 1 < args.size()) words.rest.push_back(args[++i]);
      // What follows an option of the command itself is that command's to read.
      if (global == nullptr && !words.noun.empty()) {
        ++i;
        break;
      }
    } else if (words.noun.empty()) {
      words.noun = argument;
      if (commands.Find(argument, "") != nullptr) {
        ++i;
        break;
      }
    } else {
      words.verb = argument;
      ++i;
      break;
    }
  }
  words.rest.insert(words.rest.end(), args.begin() + static_cast<std::ptrdiff_t>(i), args.end());
  return words;
}

// Lets CLI11 take the arguments apart; its exceptions end here.
absl::StatusOr<std::map<std::string, std::vector<std::string>>> Tokenised(const Command& command,
                                                                          std::vector<std::string> args) {
  std::map<std::string, std::vector<std::string>> repeated;
  std::map<std::string, std::string> single;
  std::map<std::string, bool> flags;
  CLI::App app;
  app.set_help_flag();
  app.allow_windows_style_options(false);
  app.allow_extras();
  std::map<std::string, std::vector<std::string>> values;
  try {
    for (const std::vector<Option>* options : {&GlobalOptions(), &command.options}) {
      for (const Option& option : *options) {
        if (option.kind == ValueKind::kFlag) {
          app.add_flag(option.name, flags[option.name])->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
        } else if (option.repeated) {
          app.add_option(option.name, repeated[option.name])->allow_extra_args(false);
        } else {
          // Counted below, for a message of our own.
          app.add_option(option.name, single[option.name])->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
        }
      }
    }
    for (const Positional& positional : command.positionals) app.add_option(positional.name, single[positional.name]);
    std::ranges::reverse(args);
    app.parse(args);
    for (const std::string& extra : app.remaining()) {
      if (extra == "--") continue;  // only says that what follows are no options
      return UsageError(extra.starts_with('-') ? "there is no option " + extra : "one argument too many: " + extra);
    }
    for (auto& [name, value] : single) {
      if (app.count(name) > 1) return UsageError(name + " may be given once only");
      if (app.count(name) == 1) values[name] = {std::move(value)};
    }
  } catch (const CLI::ArgumentMismatch& error) {
    return UsageError(std::string("an option lacks its value: ") + error.what());
  } catch (const CLI::Error& error) {
    return UsageError(error.what());
  }
  for (auto& [name, given] : repeated) {
    if (!given.empty()) values[name] = std::move(given);
  }
  for (const auto& [name, given] : flags) {
    if (given) values[name] = {"true"};
  }
  return values;
}

// Kinds, choices, presence and defaults.
absl::Status Complete(const Command& command, std::map<std::string, std::vector<std::string>>& values) {
  const auto check = [&values](const std::string& shown, const std::string& name, ValueKind kind,
                               const std::vector<std::string>& choices, bool required) -> absl::Status {
    const auto given = values.find(name);
    if (given == values.end()) return required ? UsageError(shown + " is required") : absl::OkStatus();
    if (kind == ValueKind::kFlag) return absl::OkStatus();
    for (const std::string& value : given->second) {
      if (const auto wrong = WrongValue(kind, choices, value)) return UsageError(shown + " " + *wrong);
    }
    return absl::OkStatus();
  };
  for (const std::vector<Option>* options : {&GlobalOptions(), &command.options}) {
    for (const Option& option : *options) {
      MEDFLYT_RETURN_IF_ERROR(check(option.name, option.name, option.kind, option.choices, option.required));
      if (!option.default_value.empty()) values.try_emplace(option.name, std::vector{option.default_value});
    }
  }
  for (const Positional& positional : command.positionals) {
    MEDFLYT_RETURN_IF_ERROR(
        check(positional.name, positional.name, positional.kind, positional.choices, positional.required));
  }
  return absl::OkStatus();
}

class Program {
 public:
  Program(const CommandRegistry& commands, const Environment& environment)
      : commands_(commands), environment_(environment) {}

  ExitCode Run(const std::vector<std::string>& args) {
    if (args.empty()) {
      environment_.err << ProgramHelp(commands_, HelpWidth(environment_.err_terminal));
      return ExitCode::kUsage;
    }
    const Words words = SplitWords(commands_, args);
    if (words.noun.empty()) return WithoutCommand(words.rest);
    if (!commands_.HasNoun(words.noun)) return Misused("there is no command " + words.noun, "medflyt --help");
    const Command* command = commands_.Find(words.noun, words.verb);
    if (command == nullptr) return WithoutVerb(words);
    return Execute(*command, words.rest);
  }

 private:
  ExitCode Show(const std::string& text) {
    environment_.out << text << std::flush;
    return environment_.out.good() ? ExitCode::kOk : ExitCode::kFailed;
  }

  ExitCode Fail(const absl::Status& status) {
    environment_.err << Styled(environment_.err_terminal, Style::kError, "medflyt:") << ' ' << DescribeError(status)
                     << '\n';
    return ExitCodeOf(status);
  }

  ExitCode Misused(std::string_view message, std::string_view help) {
    (void)Fail(UsageError(WithoutCprNumbers(message)));
    environment_.err << "See '" << help << "'.\n";
    return ExitCode::kUsage;
  }

  ExitCode WithoutCommand(const std::vector<std::string>& rest) {
    if (rest == std::vector<std::string>{"--help"}) {
      return Show(ProgramHelp(commands_, HelpWidth(environment_.out_terminal)));
    }
    if (rest == std::vector<std::string>{"--version"}) return Show("medflyt " + std::string(kVersion) + "\n");
    return Misused("a command is missing", "medflyt --help");
  }

  ExitCode WithoutVerb(const Words& words) {
    const bool asks = std::ranges::find(words.rest, "--help") != words.rest.end();
    if (words.verb.empty() && asks) {
      return Show(NounHelp(commands_, words.noun, HelpWidth(environment_.out_terminal)));
    }
    const std::string help = "medflyt " + words.noun + " --help";
    if (words.verb.empty()) return Misused("what about " + words.noun + "? A verb is missing", help);
    return Misused("there is no command " + words.noun + " " + words.verb, help);
  }

  ExitCode Execute(const Command& command, const std::vector<std::string>& args) {
    // Before anything is checked: who asks for help may have the rest wrong.
    const auto end = std::ranges::find(args, "--");
    if (std::find(args.begin(), end, "--help") != end) {
      return Show(CommandHelp(command, HelpWidth(environment_.out_terminal)));
    }
    auto values = Tokenised(command, args);
    const absl::Status complete = values.ok() ? Complete(command, *values) : values.status();
    const std::string help = "medflyt " + command.Name() + " --help";
    if (!complete.ok()) return Misused(ToStd(complete.message()), help);
    const Arguments arguments(*std::move(values));
    Context context(environment_, commands_, arguments);
    const absl::Status status = command.run(context, arguments);
    if (status.ok()) return ExitCode::kOk;
    if (ExitCodeOf(status) == ExitCode::kUsage) return Misused(DescribeError(status), help);
    return Fail(status);
  }

  const CommandRegistry& commands_;
  const Environment& environment_;
};

}  // namespace

std::string WithoutCprNumbers(std::string_view text) {
  constexpr size_t kBirthdayDigits = 6;
  constexpr size_t kDigits = 10;
  std::string masked(text);
  for (size_t begin = 0; begin < masked.size();) {
    size_t digits = 0;
    size_t end = begin;
    while (end < masked.size() && (std::isdigit(static_cast<unsigned char>(masked[end])) != 0 ||
                                   (masked[end] == '-' && digits == kBirthdayDigits))) {
      if (masked[end] != '-') ++digits;
      ++end;
    }
    if (digits >= kDigits)
      std::fill(masked.begin() + static_cast<std::ptrdiff_t>(begin), masked.begin() + static_cast<std::ptrdiff_t>(end),
                '*');
    begin = std::max(end, begin + 1);
  }
  return masked;
}

ExitCode RunProgram(const CommandRegistry& commands, const std::vector<std::string>& args,
                    const Environment& environment) {
  return Program(commands, environment).Run(args);
}

}  // namespace medflyt::cli
