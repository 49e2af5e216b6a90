// A configuration that is wrong: the real program ends with code 2 and one line that names file, key and rule.
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/e2e/node/node_world.h"

namespace medflyt::testing {
namespace {

using ::testing::HasSubstr;

class ConfigE2e : public ::testing::Test {
 protected:
  ConfigE2e() { right = ReadFile(node.Path("medflytd.toml")); }

  // What the program prints on standard error; `exit_code` is then its exit code.
  std::string Run(const std::string& configuration, const std::vector<std::string>& more = {}) {
    std::filesystem::remove(node.Path("errors"));
    std::vector<std::string> command = {TestNode::Program(), "--config", configuration};
    command.insert(command.end(), more.begin(), more.end());
    Process process(command, node.Path("errors"));
    output.clear();
    while (const auto line = process.Line()) output += *line + "\n";
    exit_code = process.Wait();
    return node.Errors();
  }
  // With one text of the right configuration replaced.
  std::string RunWith(const std::string& text, const std::string& instead) {
    std::string changed = right;
    const size_t at = changed.find(text);
    EXPECT_NE(at, std::string::npos) << text;
    changed.replace(at, text.size(), instead);
    WriteFile(node.Path("wrong.toml"), changed);
    return Run(node.Path("wrong.toml"));
  }

  TestNode node{"35209115", "0461", "Odense Kommune"};
  std::string right;
  std::string output;
  int exit_code = 0;
};

TEST_F(ConfigE2e, EachFaultIsOneLineThatNamesFileKeyAndRule) {
  struct Fault {
    std::string text;
    std::string instead;
    std::string rule;
    std::string key;
    int line;  // of the file; 0: where the fault is not in the file itself
  };
  const Fault faults[] = {
      {"card =", "cards = 1\ncard =", "CONFIG_UNKNOWN_KEY", "cards", 3},
      {"[listen]", "[listen]\nadress = \"x\"", "CONFIG_UNKNOWN_KEY", "listen.adress", 8},
      {"[tls]", "[tls]\nca = \"x\"", "CONFIG_UNKNOWN_KEY", "tls.ca", 11},
      {"[listen]", "[listening]\nport = 1\n[listen]", "CONFIG_UNKNOWN_KEY", "listening", 7},
      {"card = \"node.card\"", "card = 5", "CONFIG_VALUE_INVALID", "card", 3},
      {"card = \"node.card\"", "card = \"\"", "CONFIG_VALUE_INVALID", "card", 3},
      {"card =", "production = \"yes\"\ncard =", "CONFIG_VALUE_INVALID", "production", 3},
      {"card =", "request_retention_days = \"400\"\ncard =", "CONFIG_VALUE_INVALID", "request_retention_days", 3},
      {"card =", "request_retention_days = -1\ncard =", "CONFIG_VALUE_INVALID", "request_retention_days", 3},
      {"authority = \"35209115\"", "authority = 35209115", "CONFIG_VALUE_INVALID", "authority", 1},
      {"authority = \"35209115\"", "authority = \"3520911\"", "CONFIG_VALUE_INVALID", "authority", 1},
      {"metrics = \"127.0.0.1:0\"", "metrics = \"127.0.0.1\"", "CONFIG_VALUE_INVALID", "listen.metrics", 9},
      {"metrics = \"127.0.0.1:0\"", "metrics = [1]", "CONFIG_VALUE_INVALID", "listen.metrics", 9},
      {"data_dir = \"data\"\n", "", "CONFIG_KEY_MISSING", "data_dir", 0},
      {"log_key = \"keys/log.key\"\n", "", "CONFIG_KEY_MISSING", "keys.log_key", 0},
      {"[listen]", "[listen", "CONFIG_SYNTAX", "", 7},
      {"card =", "card = \"x\"\ncard =", "CONFIG_SYNTAX", "", 4},
  };
  for (const Fault& fault : faults) {
    const std::string said = RunWith(fault.text, fault.instead);
    EXPECT_EQ(exit_code, 2) << fault.instead;
    EXPECT_EQ(output, "");
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
    EXPECT_THAT(said, HasSubstr("medflytd: " + fault.rule + ": "));
    EXPECT_THAT(said, HasSubstr("wrong.toml:" + (fault.line == 0 ? "" : std::to_string(fault.line) + ":")));
    EXPECT_THAT(said, HasSubstr(fault.key));
  }
}

TEST_F(ConfigE2e, AFileThatIsNotThereIsNamedWithItsKey) {
  struct Missing {
    std::string key;
    std::string text;
    std::string path;
  };
  const Missing files[] = {{"card", "\"node.card\"", "absent"},
                           {"peers_dir", "\"peers\"", "absent"},
                           {"peers_dir", "\"peers\"", "node.card"},
                           {"legal_bases", "\"legal-bases.toml\"", "absent"},
                           {"retention", "\"retention.toml\"", "absent"},
                           {"tls.certificate", "\"" + node.pki().Path("node/cert.pem") + "\"", "absent"},
                           {"tls.private_key", "\"" + node.pki().Path("node/key.pem") + "\"", "absent"},
                           {"keys.log_key", "\"keys/log.key\"", "absent"},
                           {"keys.log_key", "\"keys/log.key\"", "keys"},
                           {"keys.witness_key", "\"keys/witness.key\"", "absent"},
                           {"keys.root_secret", "\"keys/root.secret\"", "absent"}};
  for (const Missing& file : files) {
    const std::string said = RunWith(file.text, "\"" + file.path + "\"");
    EXPECT_EQ(exit_code, 2) << file.key;
    EXPECT_EQ(output, "");
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
    EXPECT_THAT(said, HasSubstr("medflytd: CONFIG_FILE_UNUSABLE: " + file.key + ": "));
    EXPECT_THAT(said, HasSubstr(node.Path(file.path) + ": "));
  }
  EXPECT_THAT(Run(node.Path("absent.toml")), HasSubstr("medflytd: CONFIG_UNREADABLE: " + node.Path("absent.toml")));
  EXPECT_EQ(exit_code, 2);
  // Nothing was begun.
  EXPECT_FALSE(std::filesystem::exists(node.Path("data")));
  EXPECT_EQ(Run(node.Path("medflytd.toml"), {"--check"}), "");
  EXPECT_EQ(exit_code, 0);
}

}  // namespace
}  // namespace medflyt::testing
