#include "client/cli/help.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "client/cli/completion.h"
#include "tests/unit/cli/program.h"

namespace medflyt::cli {
namespace {

using ::medflyt::cli::testing::Program;
using ::testing::HasSubstr;
using ::testing::Not;

// Commands enough for the tests of completion, so that they do not change with the program's.
CommandRegistry SomeCommands() {
  CommandRegistry commands;
  commands.AddNoun("cpr", "extracts");
  for (auto* declare : {CompletionCommand, HelpCommand, CprInspectCommand}) commands.Add(declare());
  return commands;
}

// Runs bash with the completion script and prints what it proposes for the words, the last of which is begun.
std::string Proposals(const std::string& words, int count) {
  const std::string script = ::testing::TempDir() + "/medflyt_completion.bash";
  std::ofstream(script) << BashCompletion(SomeCommands());
  const std::string result = script + ".out";
  const std::string command = "bash -c 'source " + script + "; COMP_WORDS=(" + words +
                              "); COMP_CWORD=" + std::to_string(count) + "; _medflyt; echo \"${COMPREPLY[@]}\"' > " +
                              result;
  if (std::system(command.c_str()) != 0) return "bash failed";
  std::ifstream in(result);
  std::string line;
  std::getline(in, line);
  return line;
}

TEST(HelpTest, EveryCommandExplainsItself) {
  const CommandRegistry commands = AllCommands();
  for (const Command* command : commands.All()) {
    EXPECT_FALSE(command->summary.empty()) << command->Name();
    EXPECT_FALSE(command->summary.ends_with('.')) << command->Name();
    EXPECT_FALSE(command->description.empty()) << command->Name();
    EXPECT_TRUE(command->run) << command->Name();
    for (const Example& example : ExamplesOf(*command))
      EXPECT_THAT(example.command, HasSubstr("medflyt")) << example.command;
    const std::string help = CommandHelp(*command, 80);
    for (const Option& option : command->options) {
      EXPECT_TRUE(option.name.starts_with("--")) << option.name;
      EXPECT_EQ(option.value_name.empty(), option.kind == ValueKind::kFlag) << command->Name() << option.name;
      EXPECT_THAT(help, HasSubstr(option.name));
      for (const Option& global : GlobalOptions()) EXPECT_NE(option.name, global.name) << command->Name();
    }
    for (const Positional& positional : command->positionals) EXPECT_THAT(help, HasSubstr(positional.name));
  }
}

// What help shows is what the program accepts, as far as no shell stands between.
TEST(HelpTest, ExamplesAreAccepted) {
  const CommandRegistry real = AllCommands();
  Program program;
  size_t tried = 0;
  for (const Command* command : real.All()) {
    Command harmless = *command;
    harmless.run = [](Context&, const Arguments&) { return absl::OkStatus(); };
    program.commands.Add(std::move(harmless));
    for (const Example& example : ExamplesOf(*command)) {
      if (example.command.find_first_of("'\"|<>$`&;\\") != std::string::npos) continue;
      std::istringstream words(example.command);
      std::vector<std::string> args;
      for (std::string word; words >> word;) args.push_back(word);
      ASSERT_EQ(args.front(), "medflyt") << example.command;
      args.erase(args.begin());
      EXPECT_EQ(program.Run(args), ExitCode::kOk) << example.command << "\n" << program.err;
      ++tried;
    }
  }
  EXPECT_GT(tried, 0U);
}

TEST(HelpTest, EveryNounIsDescribed) {
  const CommandRegistry commands = AllCommands();
  for (const std::string& noun : commands.Nouns()) EXPECT_FALSE(commands.NounSummary(noun).empty()) << noun;
}

TEST(HelpTest, IsDataAndExitCodeZero) {
  Program program;
  EXPECT_EQ(program.Run({"--help"}), ExitCode::kOk);
  EXPECT_THAT(program.out, HasSubstr("cpr inspect"));
  EXPECT_THAT(program.out, HasSubstr("a verification failed"));
  EXPECT_EQ(program.Run({"help"}), ExitCode::kOk);
  EXPECT_EQ(program.Run({"cpr", "--help"}), ExitCode::kOk);
  EXPECT_THAT(program.out, HasSubstr("inspect"));
  EXPECT_EQ(program.Run({"cpr", "inspect", "--help"}), ExitCode::kOk) << "although FILE is missing";
  const std::string help = program.out;
  EXPECT_THAT(help, HasSubstr("Usage: medflyt cpr inspect [OPTIONS] FILE\n"));
  EXPECT_THAT(help, HasSubstr("Examples:\n"));
  EXPECT_EQ(program.Run({"help", "cpr", "inspect"}), ExitCode::kOk);
  EXPECT_EQ(program.out, help);
  EXPECT_EQ(program.err, "");
  EXPECT_EQ(program.Run({"help", "cpr", "bake"}), ExitCode::kUsage);
  EXPECT_EQ(program.Run({"help", "bread"}), ExitCode::kUsage);
  EXPECT_EQ(program.Run({"--version"}), ExitCode::kOk);
  EXPECT_THAT(program.out, HasSubstr("medflyt 0."));
}

TEST(HelpTest, LinesFitTheWidth) {
  std::istringstream lines(ProgramHelp(AllCommands(), 80));
  std::string line;
  while (std::getline(lines, line)) EXPECT_LE(line.size(), 88U) << line;
}

TEST(ManualPageTest, HoldsEveryCommandAndIsRoff) {
  Program program;
  ASSERT_EQ(program.Run({"help", "--man"}), ExitCode::kOk);
  for (const char* section : {".TH MEDFLYT 1", ".SH NAME", ".SH SYNOPSIS", ".SH COMMANDS", ".SH EXIT STATUS",
                              ".SH ENVIRONMENT", ".SH FILES", ".SS medflyt cpr inspect [OPTIONS] FILE"}) {
    EXPECT_THAT(program.out, HasSubstr(std::string(section)));
  }
  EXPECT_THAT(program.out, HasSubstr("\\-\\-json"));
  std::istringstream lines(program.out);
  std::string line;
  while (std::getline(lines, line)) {
    if (!line.starts_with('.')) continue;
    const std::string request = line.substr(0, line.find(' '));
    EXPECT_THAT((std::vector<std::string>{".TH", ".SH", ".SS", ".PP", ".TP", ".RS", ".RE", ".nf", ".fi"}),
                ::testing::Contains(request));
  }
}

TEST(ManualPageTest, TextThatLooksLikeARequestIsText) {
  CommandRegistry commands;
  commands.Add({.noun = "a", .verb = "b", .summary = ".so /etc/passwd", .description = "'quoted\n.nf back\\slash"});
  const std::string page = ManualPage(commands);
  EXPECT_THAT(page, HasSubstr("\n\\&.so /etc/passwd"));
  EXPECT_THAT(page, HasSubstr("\n\\&'quoted\n\\&.nf back\\eslash"));
}

TEST(CompletionTest, BashProposesWhatFits) {
  EXPECT_EQ(Proposals("medflyt \"\"", 1), "completion cpr help");
  EXPECT_EQ(Proposals("medflyt c", 1), "completion cpr");
  EXPECT_EQ(Proposals("medflyt cpr \"\"", 2), "inspect");
  EXPECT_EQ(Proposals("medflyt completion \"\"", 2), "bash zsh fish");
  EXPECT_EQ(Proposals("medflyt cpr inspect --js", 3), "--json");
  EXPECT_EQ(Proposals("medflyt help --m", 2), "--man");
  EXPECT_EQ(Proposals("medflyt cpr inspect /etc/passw", 3).substr(0, 11), "/etc/passwd");
  EXPECT_EQ(Proposals("medflyt cpr inspect --officer \"\"", 4), "") << "any text";
}

TEST(CompletionTest, EveryShellKnowsEveryCommand) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    Program program;
    ASSERT_EQ(program.Run({"completion", shell}), ExitCode::kOk);
    EXPECT_THAT(program.out, HasSubstr("inspect"));
    EXPECT_THAT(program.out, HasSubstr("profile"));
    EXPECT_EQ(program.err, "");
  }
}

TEST(CompletionTest, QuotesInHelpStayQuotes) {
  CommandRegistry commands;
  commands.Add({.noun = "a",
                .verb = "b",
                .summary = "it's \\ [one]: $(reboot)",
                .description = "",
                .options = {{.name = "--x", .value_name = "", .help = "it's [two]", .kind = ValueKind::kFlag}}});
  EXPECT_THAT(ZshCompletion(commands), HasSubstr("'b:it'\\''s \\\\ [one]\\: $(reboot)'"));
  EXPECT_THAT(ZshCompletion(commands), HasSubstr("'--x[it'\\''s \\[two\\]]'"));
  EXPECT_THAT(FishCompletion(commands), HasSubstr("'it\\'s \\\\ [one]: $(reboot)'"));
}

}  // namespace
}  // namespace medflyt::cli
