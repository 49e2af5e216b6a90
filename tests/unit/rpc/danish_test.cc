// Every rule that the sources name has a Danish sentence. The sources are read at test time, so that a rule that is
// added anywhere fails here until it is translated.
#include "common/rpc/danish.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/paths.h"
#include "tests/support/shared.h"

namespace medflyt::rpc {
namespace {

// Rule → the file that names it: every string literal of the sources that is an UPPER_SNAKE name of two words or more.
// The rules are passed to RuleError directly, through helpers, in tables, and inside events, so the literal is what
// they share.
std::map<std::string, std::string> RulesOfTheSources() {
  const std::regex literal("\"([A-Z][A-Z0-9]*(_[A-Z0-9]+)+)\"");
  std::map<std::string, std::string> rules;
  for (const char* folder : {"common", "server", "client"}) {
    const auto root = std::filesystem::path(testing::SourceDir()) / folder;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      const std::string extension = entry.path().extension();
      if (extension != ".cc" && extension != ".h") continue;
      if (entry.path().filename() == "danish.cc") continue;
      if (entry.path().filename() == "finding.cc") continue;  // what an auditor finds is no error of a request
      const std::string source = testing::ReadFile(entry.path());
      for (auto it = std::sregex_iterator(source.begin(), source.end(), literal); it != std::sregex_iterator(); ++it) {
        rules.emplace((*it)[1], entry.path().string());
      }
    }
  }
  return rules;
}

// Literals of that form which are no rules: why a relocation is held, and names of the environment.
const std::set<std::string>& NoRules() {
  static const auto& names = *new std::set<std::string>{"NAME_AND_ADDRESS_PROTECTION",
                                                        "SPECIAL_ROAD_CODE",
                                                        "MEDFLYT_PROFILE",
                                                        "NO_COLOR",
                                                        "XDG_CONFIG_HOME",
                                                        "XDG_STATE_HOME"};
  return names;
}

TEST(DanishTest, EveryRuleOfTheSourcesHasASentence) {
  const auto rules = RulesOfTheSources();
  ASSERT_GE(rules.size(), 40u) << "the sources were not found";
  ASSERT_TRUE(rules.contains("TLS_FILE_UNUSABLE"));
  for (const auto& [rule, file] : rules) {
    if (NoRules().contains(rule)) continue;
    EXPECT_NE(DanishSentence(rule), "") << rule << " of " << file << " has no sentence in common/rpc/danish.cc";
  }
}

TEST(DanishTest, TheTableIsInOrderAndWhole) {
  const auto table = Translations();
  EXPECT_TRUE(std::is_sorted(table.begin(), table.end(),
                             [](const Translation& a, const Translation& b) { return a.rule < b.rule; }));
  for (size_t i = 0; i < table.size(); ++i) {
    EXPECT_TRUE(i == 0 || table[i - 1].rule != table[i].rule) << table[i].rule;
    EXPECT_THAT(std::string(table[i].rule), ::testing::MatchesRegex("[A-Z][A-Z0-9_]{1,62}"));
    EXPECT_TRUE(table[i].sentence.ends_with('.')) << table[i].rule;
    EXPECT_LE(table[i].sentence.size(), 200u) << table[i].rule;
    EXPECT_EQ(DanishSentence(table[i].rule), table[i].sentence);
  }
  EXPECT_EQ(DanishSentence(""), "");
  EXPECT_EQ(DanishSentence("ZZZ"), "");
  EXPECT_EQ(DanishSentence("AGREEMENT"), "");
}

}  // namespace
}  // namespace medflyt::rpc
