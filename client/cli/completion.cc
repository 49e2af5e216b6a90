#include "client/cli/completion.h"

#include <string_view>
#include <vector>

namespace medflyt::cli {
namespace {

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// Options of the command and of every command.
std::vector<Option> OptionsOf(const Command& command) {
  std::vector<Option> options = command.options;
  options.insert(options.end(), GlobalOptions().begin(), GlobalOptions().end());
  return options;
}

std::vector<std::string> Verbs(const CommandRegistry& commands, const std::string& noun) {
  std::vector<std::string> verbs;
  for (const Command* command : commands.Of(noun)) {
    if (!command->verb.empty()) verbs.push_back(command->verb);
  }
  return verbs;
}

std::string Escaped(std::string_view text, std::string_view meaningful) {
  std::string escaped;
  for (const char c : text) {
    if (meaningful.find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

// A word of a shell, in single quotes.
std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

// The same for fish, where a backslash escapes within single quotes too.
std::string FishQuoted(std::string_view text) { return "'" + Escaped(text, "\\'") + "'"; }

std::string PositionalWords(const Command& command) {
  std::vector<std::string> words;
  for (const Positional& positional : command.positionals) {
    words.insert(words.end(), positional.choices.begin(), positional.choices.end());
  }
  return Joined(words);
}

bool TakesFiles(const Command& command) {
  for (const Positional& positional : command.positionals) {
    if (positional.kind == ValueKind::kFile) return true;
  }
  return false;
}

}  // namespace

std::string BashCompletion(const CommandRegistry& commands) {
  std::string verbs;
  for (const std::string& noun : commands.Nouns()) {
    if (const auto words = Verbs(commands, noun); !words.empty()) {
      verbs += "      " + noun + ") words=" + Quoted(Joined(words)) + " ;;\n";
    }
  }
  std::string command_cases;
  std::string value_cases;
  for (const Command* command : commands.All()) {
    std::vector<std::string> names;
    for (const Option& option : OptionsOf(*command)) {
      names.push_back(option.name);
      const std::string key = "    " + Quoted(command->Name() + " " + option.name) + ") ";
      if (option.kind == ValueKind::kFlag) continue;
      if (!option.choices.empty()) {
        value_cases += key + "words=" + Quoted(Joined(option.choices)) + "; value=1 ;;\n";
      } else {
        value_cases += key + (option.kind == ValueKind::kFile ? "files=1; " : "") + "value=1 ;;\n";
      }
    }
    command_cases += "      " + Quoted(command->Name()) + ") words=" + Quoted(Joined(names)) +
                     "; plain=" + Quoted(PositionalWords(*command)) + "; files=" + (TakesFiles(*command) ? "1" : "0") +
                     " ;;\n";
  }
  return "# bash completion for medflyt\n"
         "_medflyt() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  local noun='' verb='' name='' words='' plain='' files=0 value=0 i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case ${COMP_WORDS[i]} in\n"
         "      -*) ;;\n"
         "      *) if [ -z \"$noun\" ]; then noun=${COMP_WORDS[i]}; elif [ -z \"$verb\" ]; then verb=${COMP_WORDS[i]}; "
         "fi "
         ";;\n"
         "    esac\n"
         "  done\n"
         "  name=\"$noun $verb\"\n" +
         [&] {
           std::string lone;
           for (const Command* command : commands.All()) {
             if (command->verb.empty()) lone += (lone.empty() ? "" : "|") + command->noun;
           }
           return lone.empty() ? std::string() : "  case $noun in " + lone + ") name=$noun; verb=none ;; esac\n";
         }() +
         "  case \"$name $previous\" in\n" + value_cases +
         "  esac\n"
         "  if [ $value -eq 0 ] && [ -z \"$noun\" ]; then\n"
         "    words=" +
         Quoted(Joined(commands.Nouns())) +
         "\n"
         "  elif [ $value -eq 0 ] && [ -z \"$verb\" ]; then\n"
         "    case $noun in\n" +
         verbs +
         "    esac\n"
         "  elif [ $value -eq 0 ]; then\n"
         "    case $name in\n" +
         command_cases +
         "    esac\n"
         "    case $cur in -*) plain=''; files=0 ;; *) words=$plain ;; esac\n"
         "  fi\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "  if [ $files -eq 1 ]; then COMPREPLY+=($(compgen -f -- \"$cur\")); fi\n"
         "}\n"
         "complete -o filenames -F _medflyt medflyt\n";
}

std::string ZshCompletion(const CommandRegistry& commands) {
  constexpr std::string_view kMeaningful = "[]:\\";
  std::string nouns;
  std::string noun_cases;
  std::string command_cases;
  for (const std::string& noun : commands.Nouns()) {
    nouns += " " + Quoted(noun + ":" + Escaped(commands.NounSummary(noun), ":\\"));
    std::string verbs;
    for (const Command* command : commands.Of(noun)) {
      if (!command->verb.empty()) verbs += " " + Quoted(command->verb + ":" + Escaped(command->summary, ":\\"));
    }
    if (!verbs.empty())
      noun_cases += "      " + noun + ") entries=(" + verbs + " ); _describe verb entries; return ;;\n";
  }
  for (const Command* command : commands.All()) {
    command_cases += "    " + Quoted(command->Name()) + ") _arguments";
    for (const Option& option : OptionsOf(*command)) {
      std::string spec = option.repeated ? "*" : "";
      spec.append(option.name).append("[").append(Escaped(option.help, kMeaningful)).append("]");
      if (option.kind != ValueKind::kFlag) {
        spec.append(":").append(option.value_name).append(":");
        if (!option.choices.empty()) spec.append("(").append(Joined(option.choices)).append(")");
        if (option.kind == ValueKind::kFile) spec.append("_files");
      }
      command_cases.append(" \\\n      ").append(Quoted(spec));
    }
    for (const Positional& positional : command->positionals) {
      command_cases += " \\\n      ':" + positional.name + ":";
      if (!positional.choices.empty()) command_cases += "(" + Joined(positional.choices) + ")";
      if (positional.kind == ValueKind::kFile) command_cases += "_files";
      command_cases += "'";
    }
    command_cases += "\n      ;;\n";
  }
  return "#compdef medflyt\n"
         "_medflyt() {\n"
         "  local -a entries\n"
         "  local name\n"
         "  if (( CURRENT == 2 )); then\n"
         "    entries=(" +
         nouns +
         " )\n"
         "    _describe command entries\n"
         "    return\n"
         "  fi\n"
         "  if (( CURRENT == 3 )); then\n"
         "    case $words[2] in\n" +
         noun_cases +
         "    esac\n"
         "  fi\n"
         "  name=\"$words[2] $words[3]\"\n"
         "  case $words[2] in\n" +
         [&] {
           std::string lone;
           for (const Command* command : commands.All()) {
             if (command->verb.empty())
               lone += "    " + command->noun + ") name=$words[2]; shift 1 words; (( CURRENT-- )) ;;\n";
           }
           return lone;
         }() +
         "    *) shift 2 words; (( CURRENT -= 2 )) ;;\n"
         "  esac\n"
         "  case $name in\n" +
         command_cases +
         "  esac\n"
         "}\n"
         "_medflyt \"$@\"\n";
}

std::string FishCompletion(const CommandRegistry& commands) {
  std::string script = "# fish completion for medflyt\ncomplete -c medflyt -f\n";
  for (const std::string& noun : commands.Nouns()) {
    script += "complete -c medflyt -n __fish_use_subcommand -a " + noun + " -d " +
              FishQuoted(commands.NounSummary(noun)) + "\n";
  }
  for (const Command* command : commands.All()) {
    std::string condition = "__fish_seen_subcommand_from " + command->noun;
    if (!command->verb.empty()) {
      script += "complete -c medflyt -n '" + condition + "; and not __fish_seen_subcommand_from " +
                Joined(Verbs(commands, command->noun)) + "' -a " + command->verb + " -d " +
                FishQuoted(command->summary) + "\n";
      condition += "; and __fish_seen_subcommand_from " + command->verb;
    }
    for (const Option& option : OptionsOf(*command)) {
      script += "complete -c medflyt -n '" + condition + "' -l " + option.name.substr(2);
      if (option.kind != ValueKind::kFlag) script += option.kind == ValueKind::kFile ? " -r -F" : " -x";
      if (!option.choices.empty()) script += " -a " + Quoted(Joined(option.choices));
      script += " -d " + FishQuoted(option.help) + "\n";
    }
    for (const Positional& positional : command->positionals) {
      if (positional.kind == ValueKind::kFile) script += "complete -c medflyt -n '" + condition + "' -F\n";
      if (!positional.choices.empty()) {
        script += "complete -c medflyt -n '" + condition + "' -a " + Quoted(Joined(positional.choices)) + "\n";
      }
    }
  }
  return script;
}

}  // namespace medflyt::cli
