// What holds for every command of the program, by its declaration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "client/cli/help.h"
#include "tests/unit/cli/program.h"

namespace medflyt::cli {
namespace {

using ::medflyt::cli::testing::Program;
using ::testing::HasSubstr;

// The words of the program's call in an example: quotes taken off, without what the shell does around it.
std::vector<std::string> WordsOf(const std::string& example) {
  std::vector<std::string> words;
  std::string word;
  bool begun = false;
  char quote = 0;
  const auto end = [&] {
    if (begun) words.push_back(word);
    word.clear();
    begun = false;
  };
  for (const char c : example) {
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word.push_back(c);
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      begun = true;
    } else if (c == ' ' || c == '(') {
      end();
    } else if (c == '>' || c == '|' || c == ')' || c == ';') {
      end();
      if (!words.empty() && std::find(words.begin(), words.end(), "medflyt") != words.end()) break;
      words.clear();
    } else {
      word.push_back(c);
      begun = true;
    }
  }
  EXPECT_EQ(quote, 0) << example;
  end();
  const auto name = std::find(words.begin(), words.end(), "medflyt");
  if (name == words.end()) return {};
  return {name + 1, words.end()};
}

TEST(CommandRegistryTest, NoTwoOptionsOfACommandHaveOneName) {
  const CommandRegistry commands = AllCommands();
  for (const Command* command : commands.All()) {
    // Those of the connection are options of every command.
    std::map<std::string, int> names;
    for (const Option& option : GlobalOptions()) ++names[option.name];
    for (const Option& option : command->options) ++names[option.name];
    for (const Positional& positional : command->positionals) ++names[positional.name];
    for (const auto& [name, count] : names) EXPECT_EQ(count, 1) << command->Name() << " " << name;
  }
}

TEST(CommandRegistryTest, EveryOptionReachesItsCommand) {
  // Given with a value of its kind, each option is seen by the command itself and by nothing else.
  const CommandRegistry real = AllCommands();
  for (const Command* command : real.All()) {
    std::vector<std::string> args = {command->noun};
    if (!command->verb.empty()) args.push_back(command->verb);
    std::map<std::string, std::string> given;
    const auto sample = [](ValueKind kind, const std::vector<std::string>& choices) -> std::string {
      if (!choices.empty()) return choices.back();
      switch (kind) {
        case ValueKind::kInteger:
          return "7";
        case ValueKind::kDate:
          return "2026-02-03";
        case ValueKind::kId:
          return "0123456789abcdef0123456789abcdef";
        default:
          return "text";
      }
    };
    for (const Option& option : command->options) {
      args.push_back(option.name);
      given[option.name] = "true";
      if (option.kind == ValueKind::kFlag) continue;
      args.push_back(sample(option.kind, option.choices));
      given[option.name] = args.back();
    }
    for (const Positional& positional : command->positionals) {
      args.push_back(sample(positional.kind, positional.choices));
      given[positional.name] = args.back();
    }
    Program program;
    bool ran = false;
    Command replaced = *command;
    replaced.run = [&](Context&, const Arguments& arguments) {
      ran = true;
      for (const auto& [name, value] : given) EXPECT_EQ(arguments.Text(name), value) << command->Name() << name;
      return absl::OkStatus();
    };
    program.commands.Add(replaced);
    EXPECT_EQ(program.Run(args), ExitCode::kOk) << command->Name() << ": " << program.err;
    EXPECT_TRUE(ran) << command->Name();
  }
}

TEST(CommandRegistryTest, HelpOfEveryCommandIsComplete) {
  Program program;
  for (const Command* command : program.commands.All()) {
    std::vector<std::string> args = {command->noun};
    if (!command->verb.empty()) args.push_back(command->verb);
    args.push_back("--help");
    EXPECT_EQ(program.Run(args), ExitCode::kOk) << command->Name();
    EXPECT_EQ(program.err, "");
    EXPECT_THAT(program.out, HasSubstr(UsageOf(*command)));
    for (const Option& option : command->options) EXPECT_THAT(program.out, HasSubstr(option.name));
    for (const Option& option : GlobalOptions()) EXPECT_THAT(program.out, HasSubstr(option.name));
    for (const Example& example : command->examples) EXPECT_FALSE(example.explanation.empty()) << command->Name();
  }
  for (const std::string& noun : program.commands.Nouns()) {
    EXPECT_EQ(program.Run({noun, "--help"}), ExitCode::kOk) << noun;
  }
}

TEST(CommandRegistryTest, ExamplesAreCommandLinesOfTheirCommand) {
  const CommandRegistry real = AllCommands();
  for (const Command* command : real.All()) {
    for (const Example& example : command->examples) {
      Program program;
      bool ran = false;
      Command replaced = *command;
      replaced.run = [&ran](Context&, const Arguments&) {
        ran = true;
        return absl::OkStatus();
      };
      program.commands.Add(replaced);
      const std::vector<std::string> words = WordsOf(example.command);
      ASSERT_FALSE(words.empty()) << example.command;
      EXPECT_EQ(program.Run(words), ExitCode::kOk) << example.command << ": " << program.err;
      EXPECT_TRUE(ran) << example.command << " is no example of " << command->Name();
    }
  }
}

TEST(CommandRegistryTest, CommandsOfANodeAskForOneAndFindNone) {
  // Of the commands that need a node, each says which is missing, and says unavailable where none answers.
  for (const std::vector<std::string>& args : {std::vector<std::string>{"agreement", "list"},
                                               {"place", "list"},
                                               {"enrolment", "list"},
                                               {"relocation", "list"},
                                               {"transfer", "list"},
                                               {"event", "watch"},
                                               {"audit", "checkpoint"},
                                               {"node", "status"},
                                               {"peer", "list"},
                                               {"peer", "card"}}) {
    Program program;
    EXPECT_EQ(program.Run(args), ExitCode::kUsage) << args[0];
    EXPECT_THAT(program.err, HasSubstr("which node?"));
    EXPECT_EQ(program.out, "");
    std::vector<std::string> with_address = args;
    with_address.insert(with_address.end(), {"--address", "localhost:1"});
    EXPECT_EQ(program.Run(with_address), ExitCode::kUnavailable) << args[0];
    EXPECT_EQ(program.out, "") << args[0] << " " << args[1];
  }
}

}  // namespace
}  // namespace medflyt::cli
