#include "client/cli/help.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace medflyt::cli {
namespace {

using Entry = std::pair<std::string, std::string>;  // a term and what it means

constexpr std::string_view kTagline = "exchange of places that follow citizens between municipalities";
constexpr std::string_view kOverview =
    "Speaks with a node of one's own authority, reads registry extracts, and verifies logs without any node. Data is "
    "printed on standard output, all else on standard error. CPR numbers are read from standard input or a file, never "
    "from the command line.";

const std::vector<Entry>& ExitCodes() {
  static const std::vector<Entry> kCodes = {
      {"0", "done"},
      {"1", "failed: refused, not found, or bad input"},
      {"2", "the command line is wrong"},
      {"3", "a verification failed: a proof, signature or log does not hold, and that is evidence"},
      {"4", "unavailable: no answer in time, so nothing is known"},
  };
  return kCodes;
}

const std::vector<Entry>& Variables() {
  static const std::vector<Entry> kVariables = {
      {"MEDFLYT_PROFILE", "the profile, where --profile is not given"},
      {"XDG_CONFIG_HOME", "folder of medflyt/profiles.toml; ~/.config where it is not set"},
      {"XDG_STATE_HOME", "folder of medflyt/trust, where checkpoints are kept; ~/.local/state where it is not set"},
      {"NO_COLOR", "where set, nothing is coloured"},
  };
  return kVariables;
}

std::string TermOf(const Option& option) {
  return option.value_name.empty() ? option.name : option.name + " " + option.value_name;
}

std::string MeaningOf(const Option& option) {
  std::string meaning = option.help;
  if (!option.choices.empty()) {
    meaning += ": ";
    for (size_t i = 0; i < option.choices.size(); ++i) meaning += (i > 0 ? ", " : "") + option.choices[i];
  }
  if (!option.default_value.empty()) meaning += " (default " + option.default_value + ")";
  if (option.required) meaning += " (required)";
  if (option.repeated) meaning += " (may be repeated)";
  return meaning;
}

std::vector<Entry> Entries(const std::vector<Option>& options) {
  std::vector<Entry> entries;
  for (const Option& option : options) entries.emplace_back(TermOf(option), MeaningOf(option));
  return entries;
}

std::vector<Entry> Entries(const std::vector<Positional>& positionals) {
  std::vector<Entry> entries;
  for (const Positional& positional : positionals) {
    std::string meaning = positional.help;
    for (size_t i = 0; i < positional.choices.size(); ++i) meaning += (i > 0 ? ", " : ": ") + positional.choices[i];
    entries.emplace_back(positional.name, meaning);
  }
  return entries;
}

std::string Section(std::string_view title, const std::vector<Entry>& entries, size_t width) {
  if (entries.empty()) return {};
  constexpr size_t kIndent = 2;
  constexpr size_t kWidestTerm = 30;
  size_t column = 0;
  for (const auto& [term, meaning] : entries) column = std::max(column, std::min(term.size(), kWidestTerm));
  column += 2 * kIndent;
  std::string text = "\n" + std::string(title) + ":\n";
  for (const auto& [term, meaning] : entries) {
    std::string line = std::string(kIndent, ' ') + term;
    const std::string wrapped = Wrapped(meaning, width, column);
    if (line.size() + kIndent > column) {
      text += line + "\n" + wrapped;
    } else {
      line.resize(column, ' ');
      text += line + (wrapped.size() > column ? wrapped.substr(column) : "\n");
    }
  }
  return text;
}

// A value that the option or argument would accept.
std::string Sample(ValueKind kind, const std::vector<std::string>& choices, const std::string& name) {
  if (!choices.empty()) return choices.front();
  switch (kind) {
    case ValueKind::kInteger:
      return "5";
    case ValueKind::kDate:
      return "2026-12-01";
    case ValueKind::kId:
      return "6f0e4a1c9b2d4e5f8a7b6c5d4e3f2a1b";
    case ValueKind::kText:
    case ValueKind::kFile:
    case ValueKind::kFlag:
      break;
  }
  return name;
}

// Within roff text: backslashes and hyphens as such, and no line that begins a request.
std::string Roff(std::string_view text) {
  std::string escaped;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) escaped += "\\&";
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else {
      escaped += c;
    }
    line_begins = c == '\n';
  }
  return escaped;
}

std::string RoffParagraphs(std::string_view text) {
  std::string paragraphs;
  while (!text.empty()) {
    const size_t end = text.find("\n\n");
    paragraphs += ".PP\n" + Roff(text.substr(0, end)) + "\n";
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 2);
  }
  return paragraphs;
}

std::string RoffEntries(const std::vector<Entry>& entries) {
  std::string text;
  for (const auto& [term, meaning] : entries) text += ".TP\n\\fB" + Roff(term) + "\\fR\n" + Roff(meaning) + "\n";
  return text;
}

std::string RoffExample(const Example& example) {
  return ".PP\n" + Roff(example.explanation) + ":\n.PP\n.RS 4\n.nf\n" + Roff(example.command) + "\n.fi\n.RE\n";
}

}  // namespace

size_t HelpWidth(const Terminal& terminal) {
  constexpr int kNarrowest = 60;
  constexpr int kWidest = 100;
  return static_cast<size_t>(std::clamp(terminal.columns, kNarrowest, kWidest));
}

std::string UsageOf(const Command& command) {
  std::string usage = "medflyt " + command.Name();
  for (const Option& option : command.options) {
    if (option.required) usage += " " + TermOf(option);
  }
  usage += " [OPTIONS]";
  for (const Positional& positional : command.positionals) {
    usage += positional.required ? " " + positional.name : " [" + positional.name + "]";
  }
  return usage;
}

std::vector<Example> ExamplesOf(const Command& command) {
  if (!command.examples.empty()) return command.examples;
  std::string call = "medflyt " + command.Name();
  for (const Positional& positional : command.positionals) {
    if (positional.required) call += " " + Sample(positional.kind, positional.choices, positional.name);
  }
  for (const Option& option : command.options) {
    if (!option.required) continue;
    call += " " + option.name;
    if (option.kind != ValueKind::kFlag) call += " " + Sample(option.kind, option.choices, option.value_name);
  }
  return {{"In its simplest form", call}};
}

std::string ProgramHelp(const CommandRegistry& commands, size_t width) {
  std::string text = "medflyt - " + std::string(kTagline) + "\n\n" + Wrapped(kOverview, width, 0);
  text += "\nUsage: medflyt NOUN VERB [OPTIONS]\n";
  std::vector<Entry> entries;
  for (const Command* command : commands.All()) entries.emplace_back(command->Name(), command->summary);
  text += Section("Commands", entries, width);
  text += Section("Options of every command", Entries(GlobalOptions()), width);
  text += Section("Exit codes", ExitCodes(), width);
  return text + "\nSee 'medflyt NOUN VERB --help' for a command, 'medflyt help --man' for the manual page.\n";
}

std::string NounHelp(const CommandRegistry& commands, std::string_view noun, size_t width) {
  const std::string name(noun);
  std::string text = "medflyt " + name + " - " + commands.NounSummary(noun) + "\n";
  text += "\nUsage: medflyt " + name + " VERB [OPTIONS]\n";
  std::vector<Entry> entries;
  for (const Command* command : commands.Of(noun)) entries.emplace_back(command->verb, command->summary);
  return text + Section("Verbs", entries, width) + "\nSee 'medflyt " + name + " VERB --help' for one of them.\n";
}

std::string CommandHelp(const Command& command, size_t width) {
  std::string text = "medflyt " + command.Name() + " - " + command.summary + "\n\nUsage: " + UsageOf(command) + "\n";
  if (!command.description.empty()) text += "\n" + Wrapped(command.description, width, 0);
  text += Section("Arguments", Entries(command.positionals), width);
  text += Section("Options", Entries(command.options), width);
  text += Section("Options of every command", Entries(GlobalOptions()), width);
  text += "\nExamples:\n";
  for (const Example& example : ExamplesOf(command)) {
    text += Wrapped(example.explanation + ":", width, 2) + "    " + example.command + "\n";
  }
  return text;
}

std::string ManualPage(const CommandRegistry& commands) {
  std::string page = ".TH MEDFLYT 1 \"\" \"medflyt " MEDFLYT_VERSION "\" \"User Commands\"\n";
  page += ".SH NAME\nmedflyt \\- " + Roff(kTagline) + "\n";
  page += ".SH SYNOPSIS\n\\fBmedflyt\\fR \\fINOUN\\fR \\fIVERB\\fR [\\fIOPTIONS\\fR]\n";
  page += ".SH DESCRIPTION\n" + RoffParagraphs(kOverview);
  page += ".SH COMMANDS\n";
  for (const Command* command : commands.All()) {
    page += ".SS " + Roff(UsageOf(*command)) + "\n" + Roff(command->summary) + ".\n";
    page += RoffParagraphs(command->description);
    page += RoffEntries(Entries(command->positionals)) + RoffEntries(Entries(command->options));
    for (const Example& example : ExamplesOf(*command)) page += RoffExample(example);
  }
  page += ".SH OPTIONS OF EVERY COMMAND\n" + RoffEntries(Entries(GlobalOptions()));
  page += ".SH EXIT STATUS\n" + RoffEntries(ExitCodes());
  page += ".SH ENVIRONMENT\n" + RoffEntries(Variables());
  page += ".SH FILES\n.TP\n\\fI~/.config/medflyt/profiles.toml\\fR\n" +
          Roff(
              "Profiles: a table [profile.NAME] each, with address, server_name, ca, certificate, key, officer and "
              "purpose; default_profile names the one that is used when none is asked for.") +
          "\n";
  return page;
}

}  // namespace medflyt::cli
