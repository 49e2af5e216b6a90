#include "client/cli/command.h"

#include <algorithm>
#include <charconv>

#include "common/base/bytes.h"
#include "common/registry/cpr_number.h"

namespace medflyt::cli {
namespace {

constexpr size_t kIdDigits = 32;

std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string Arguments::Text(std::string_view name) const { return Find(name).value_or(""); }

const std::vector<std::string>& Arguments::All(std::string_view name) const {
  static const std::vector<std::string> kNone;
  const auto found = values_.find(std::string(name));
  return found == values_.end() ? kNone : found->second;
}

std::optional<std::string> Arguments::Find(std::string_view name) const {
  const auto& all = All(name);
  return all.empty() ? std::nullopt : std::optional(all.front());
}

std::optional<int64_t> Arguments::FindInteger(std::string_view name) const {
  const auto text = Find(name);
  return text ? ParseInteger(*text) : std::nullopt;
}

std::optional<Date> Arguments::FindDate(std::string_view name) const {
  const auto text = Find(name);
  return text ? ParseIsoDate(*text) : std::nullopt;
}

void CommandRegistry::AddNoun(std::string noun, std::string summary) {
  noun_summaries_.insert_or_assign(std::move(noun), std::move(summary));
}

void CommandRegistry::Add(Command command) {
  std::pair key(command.noun, command.verb);
  commands_.insert_or_assign(std::move(key), std::move(command));
}

const Command* CommandRegistry::Find(std::string_view noun, std::string_view verb) const {
  const auto found = commands_.find({std::string(noun), std::string(verb)});
  return found == commands_.end() ? nullptr : &found->second;
}

bool CommandRegistry::HasNoun(std::string_view noun) const {
  return std::ranges::any_of(commands_, [noun](const auto& entry) { return entry.first.first == noun; });
}

std::string CommandRegistry::NounSummary(std::string_view noun) const {
  if (const auto found = noun_summaries_.find(std::string(noun)); found != noun_summaries_.end()) return found->second;
  const Command* lone = Find(noun, "");
  return lone != nullptr ? lone->summary : std::string();
}

std::vector<std::string> CommandRegistry::Nouns() const {
  std::vector<std::string> nouns;
  for (const auto& [key, command] : commands_) {
    if (nouns.empty() || nouns.back() != key.first) nouns.push_back(key.first);
  }
  return nouns;
}

std::vector<const Command*> CommandRegistry::Of(std::string_view noun) const {
  std::vector<const Command*> commands;
  for (const auto& [key, command] : commands_) {
    if (key.first == noun) commands.push_back(&command);
  }
  return commands;
}

std::vector<const Command*> CommandRegistry::All() const {
  std::vector<const Command*> commands;
  commands.reserve(commands_.size());
  for (const auto& [key, command] : commands_) commands.push_back(&command);
  return commands;
}

const std::vector<Option>& GlobalOptions() {
  static const std::vector<Option> kOptions = {
      {.name = "--json", .value_name = "", .help = "print one JSON object instead of text", .kind = ValueKind::kFlag},
      {.name = "--help", .value_name = "", .help = "explain the command and stop", .kind = ValueKind::kFlag},
      {.name = "--profile", .value_name = "NAME", .help = "take the connection from this profile"},
      {.name = "--profiles", .value_name = "FILE", .help = "read profiles from this file", .kind = ValueKind::kFile},
      {.name = "--address", .value_name = "HOST:PORT", .help = "node to connect to"},
      {.name = "--server-name", .value_name = "NAME", .help = "name that the node's certificate must have"},
      {.name = "--ca", .value_name = "FILE", .help = "certificates that are trusted (PEM)", .kind = ValueKind::kFile},
      {.name = "--certificate", .value_name = "FILE", .help = "own certificate (PEM)", .kind = ValueKind::kFile},
      {.name = "--key", .value_name = "FILE", .help = "own private key (PEM)", .kind = ValueKind::kFile},
      {.name = "--officer", .value_name = "ID", .help = "officer who acts; it is recorded"},
      {.name = "--purpose", .value_name = "TEXT", .help = "purpose of the act; it is recorded"},
  };
  return kOptions;
}

std::optional<std::string> WrongValue(ValueKind kind, const std::vector<std::string>& choices, std::string_view value) {
  if (!choices.empty()) {
    if (std::ranges::find(choices, value) != choices.end()) return std::nullopt;
    std::string all;
    for (const std::string& choice : choices) all += (all.empty() ? "" : ", ") + choice;
    return "must be one of " + all;
  }
  switch (kind) {
    case ValueKind::kInteger:
      return ParseInteger(value) ? std::nullopt : std::optional<std::string>("must be a whole number");
    case ValueKind::kDate:
      return ParseIsoDate(value) ? std::nullopt : std::optional<std::string>("must be a date, yyyy-MM-dd");
    case ValueKind::kId:
      return value.size() == kIdDigits && HexDecode(value).ok()
                 ? std::nullopt
                 : std::optional<std::string>("must be an id of 32 hexadecimal digits");
    case ValueKind::kText:
    case ValueKind::kFile:
      return registry::CprNumber::ParseWritten(value).ok()
                 ? std::optional<std::string>("must not be a CPR number: others can see the command line")
                 : std::nullopt;
    case ValueKind::kFlag:
      break;
  }
  return std::nullopt;
}

}  // namespace medflyt::cli
