// What a command is: a declaration from which parsing, help, completion and the manual page are made, and its run.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/date.h"

namespace medflyt::cli {

class Context;

enum class ValueKind {
  kFlag,     // takes no value
  kText,     // never a CPR number: whatever looks like one is refused (see cpr_input.h)
  kInteger,  // 64 bits, signed
  kDate,     // yyyy-MM-dd
  kId,       // 32 hexadecimal digits
  kFile,     // a path, "-" for standard input or output
};

struct Option {
  std::string name;        // "--capacity"
  std::string value_name;  // what help calls its value: "N"; empty for a flag
  std::string help;        // a sentence's beginning, without a full stop
  ValueKind kind = ValueKind::kText;
  bool required = false;
  bool repeated = false;
  std::string default_value = {};
  std::vector<std::string> choices = {};  // the only values, where not empty
};

struct Positional {
  std::string name;  // "FILE"
  std::string help;
  ValueKind kind = ValueKind::kText;
  bool required = true;
  std::vector<std::string> choices = {};
};

struct Example {
  std::string explanation;
  std::string command;  // as typed, "medflyt ..."
};

// The values of a command line, already checked for kind, choices and presence. Options are named with their dashes,
// positionals as in their declaration. Asking for the value of what may be absent goes through Find.
class Arguments {
 public:
  explicit Arguments(std::map<std::string, std::vector<std::string>> values) : values_(std::move(values)) {}

  [[nodiscard]] bool Has(std::string_view name) const { return values_.contains(std::string(name)); }
  // Empty where absent.
  [[nodiscard]] std::string Text(std::string_view name) const;
  [[nodiscard]] const std::vector<std::string>& All(std::string_view name) const;
  [[nodiscard]] std::optional<std::string> Find(std::string_view name) const;
  [[nodiscard]] std::optional<int64_t> FindInteger(std::string_view name) const;
  [[nodiscard]] std::optional<Date> FindDate(std::string_view name) const;
  // Zero where absent.
  [[nodiscard]] int64_t Integer(std::string_view name) const { return FindInteger(name).value_or(0); }

 private:
  std::map<std::string, std::vector<std::string>> values_;  // absent: not in the map
};

struct Command {
  std::string noun;
  std::string verb;         // empty where the noun alone is the command
  std::string summary;      // one line, without a full stop
  std::string description;  // paragraphs, separated by an empty line
  std::vector<Option> options = {};
  std::vector<Positional> positionals = {};
  std::vector<Example> examples = {};
  std::function<absl::Status(Context&, const Arguments&)> run = {};

  [[nodiscard]] std::string Name() const { return verb.empty() ? noun : noun + " " + verb; }
};

// All commands of the program, sorted by name.
class CommandRegistry {
 public:
  // `summary` describes the commands of a noun together.
  void AddNoun(std::string noun, std::string summary);
  // A noun and verb may be added once.
  void Add(Command command);

  [[nodiscard]] const Command* Find(std::string_view noun, std::string_view verb) const;
  [[nodiscard]] bool HasNoun(std::string_view noun) const;
  // Of a noun's commands together; a lone command's own.
  [[nodiscard]] std::string NounSummary(std::string_view noun) const;
  [[nodiscard]] std::vector<std::string> Nouns() const;
  [[nodiscard]] std::vector<const Command*> Of(std::string_view noun) const;
  [[nodiscard]] std::vector<const Command*> All() const;

 private:
  std::map<std::string, std::string> noun_summaries_;
  std::map<std::pair<std::string, std::string>, Command> commands_;
};

// The options that every command has: --json, and those of the connection.
[[nodiscard]] const std::vector<Option>& GlobalOptions();

// Nothing, or what is wrong with a value of that kind: "must be a date, yyyy-MM-dd".
[[nodiscard]] std::optional<std::string> WrongValue(ValueKind kind, const std::vector<std::string>& choices,
                                                    std::string_view value);

}  // namespace medflyt::cli
