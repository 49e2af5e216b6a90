// What a broken rule is called in Danish.
#pragma once

#include <span>
#include <string_view>

namespace medflyt::rpc {

struct Translation {
  std::string_view rule;
  std::string_view sentence;  // whole, with its full stop; says what is wrong, and what to do where that is clear
};

// Every rule, in order of its name. A test walks the rules that the sources use and fails for one that is not here.
[[nodiscard]] std::span<const Translation> Translations();

// Empty for a rule that is not there.
[[nodiscard]] std::string_view DanishSentence(std::string_view rule);

}  // namespace medflyt::rpc
