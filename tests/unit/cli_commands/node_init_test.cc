#include <gmock/gmock.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <vector>

#include "common/crypto/signer.h"
#include "common/directory/peer_card.h"
#include "common/tlog/note_key.h"
#include "tests/support/paths.h"
#include "tests/unit/cli_commands/workspace.h"

namespace medflyt::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class NodeInitTest : public testing::Workspace {
 protected:
  // What the node's own program says of a configuration, and its exit code.
  static std::pair<int, std::string> Check(const std::string& configuration) {
    const std::string command = medflyt::testing::BinDir() + "/medflytd --check --config '" + configuration + "' 2>&1";
    FILE* out = popen(command.c_str(), "r");
    std::string text;
    std::array<char, 512> line{};
    while (out != nullptr && std::fgets(line.data(), line.size(), out) != nullptr) text += line.data();
    const int status = pclose(out);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text};
  }
  static constexpr std::array<const char*, 3> kSecrets = {"node/keys/log.key", "node/keys/witness.key",
                                                          "node/keys/root.secret"};
};

TEST_F(NodeInitTest, MakesWhatTheNodeStartsFrom) {
  ASSERT_EQ(Init("node"), ExitCode::kOk) << program_.err;
  const auto [code, said] = Check(Path("node/medflytd.toml"));
  EXPECT_EQ(code, 0) << said;
  EXPECT_THAT(said, HasSubstr("ok"));
}

TEST_F(NodeInitTest, EveryOptionOfTheConfigurationIsOneTheNodeKnows) {
  Write("bases.toml", "[[legal_basis]]\nkey = \"RSL-12A\"\nvalid_from = 2017-01-01\n");
  ASSERT_EQ(Init("node", {{"--listen", "127.0.0.1:0"},
                          {"--metrics", "127.0.0.1:9461"},
                          {"--legal-bases", Path("bases.toml")},
                          {"--origin", "medflyt.odense.example/log"}}),
            ExitCode::kOk)
      << program_.err;
  const auto [code, said] = Check(Path("node/medflytd.toml"));
  EXPECT_EQ(code, 0) << said;
  const std::string configuration = Read("node/medflytd.toml");
  for (const char* line : {"authority = \"35209115\"\n", "production = false\n", "address = \"127.0.0.1:0\"\n",
                           "metrics = \"127.0.0.1:9461\"\n"}) {
    EXPECT_THAT(configuration, HasSubstr(line));
  }
  EXPECT_EQ(Json()["origin"], "medflyt.odense.example/log");
  ASSERT_EQ(Init("other", {}, {"--production"}), ExitCode::kOk) << program_.err;
  EXPECT_THAT(Read("other/medflytd.toml"), HasSubstr("production = true\n"));
}

TEST_F(NodeInitTest, PathsWithSpecialCharactersStayOnePath) {
  const std::string odd = "a \"b\" \\c\n[listen]";
  Write(odd + "/cert.pem", Pki().Read("node/cert.pem"));
  ASSERT_EQ(Init(odd, {{"--tls-certificate", Path(odd + "/cert.pem")}}), ExitCode::kOk) << program_.err;
  // Past the configuration: what fails, if anything, is not its syntax or a key of it.
  EXPECT_EQ(Check(Path(odd + "/medflytd.toml")).first, 0) << Check(Path(odd + "/medflytd.toml")).second;
}

TEST_F(NodeInitTest, SecretsAreForTheirOwnerAlone) {
  const mode_t before = umask(0);
  ASSERT_EQ(Init("node"), ExitCode::kOk) << program_.err;
  ASSERT_EQ(Init("deep/down/node/"), ExitCode::kOk) << "a slash at the end names the same folder: " << program_.err;
  umask(before);
  for (const char* folder : {"node", "node/keys", "node/peers", "deep/down/node", "deep/down/node/keys"}) {
    EXPECT_EQ(ModeOf(folder), 0700U) << folder;
  }
  for (const char* secret : kSecrets) {
    EXPECT_EQ(ModeOf(secret), 0600U) << secret;
    EXPECT_FALSE(Read(secret).empty());
  }
  // Nothing else of what was made holds a secret, nor does the output.
  for (const char* secret : kSecrets) {
    const std::string text = Read(secret);
    const std::string tail = text.substr(text.size() - 40, 39);
    EXPECT_THAT(program_.out + program_.err, Not(HasSubstr(tail)));
    for (const char* file : {"node/medflytd.toml", "node/node.card"}) EXPECT_THAT(Read(file), Not(HasSubstr(tail)));
  }
  // Only the files that are named, and no remains of writing them.
  std::set<std::string> names;
  for (const auto& [path, bytes] : Snapshot()) {
    if (path.starts_with(Path("node/"))) names.insert(path.substr(Path("node/").size()));
  }
  EXPECT_EQ(names, (std::set<std::string>{"keys", "keys/log.key", "keys/root.secret", "keys/witness.key",
                                          "medflytd.toml", "node.card", "peers"}));
}

TEST_F(NodeInitTest, KeysAreMadeAnew) {
  ASSERT_EQ(Init("node"), ExitCode::kOk);
  ASSERT_EQ(Init("twin"), ExitCode::kOk);
  for (const char* file : {"keys/log.key", "keys/witness.key", "keys/root.secret", "node.card"}) {
    EXPECT_NE(Read(std::string("node/") + file), Read(std::string("twin/") + file)) << file;
  }
}

TEST_F(NodeInitTest, CardIsSignedByTheLogKeyAndSaysWhatWasAsked) {
  ASSERT_EQ(Init("node"), ExitCode::kOk) << program_.err;
  const auto card = directory::ParsePeerCard(Read("node/node.card"));
  ASSERT_TRUE(card.ok()) << card.status();
  const directory::Authority& authority = card->authority;
  EXPECT_EQ(authority.id.ToString(), "35209115");
  EXPECT_EQ(authority.kind, directory::Kind::kMunicipality);
  EXPECT_EQ(authority.NameOn(Date(2026, 11, 18)), "Odense Kommune");
  EXPECT_EQ(authority.CodeOn(Date(2007, 1, 1)), MunicipalityCode::Parse("0461"));
  EXPECT_EQ(authority.CodeOn(Date(2006, 12, 31)), std::nullopt);
  EXPECT_EQ(authority.endpoint, "localhost:7461");
  EXPECT_EQ(authority.logs.back().origin, "localhost/35209115/1");
  EXPECT_EQ(card->issued, Date(2026, 11, 18));
  const std::string text = Read("node/keys/log.key");
  const auto signer = tlog::NoteSigner::Parse(text.substr(0, text.size() - 1));
  ASSERT_TRUE(signer.ok()) << signer.status();
  EXPECT_EQ(signer->verifier_key(), authority.logs.back().keys.back().key);
  const nlohmann::json told = Json();
  EXPECT_EQ(told["log_key"], signer->verifier_key().Format());
  EXPECT_EQ(told["fingerprint"], directory::FingerprintOf(*card));
  EXPECT_EQ(told["configuration"], Path("node/medflytd.toml"));
  ASSERT_EQ(Run({"peer", "card", "--dir", Path("node")}), ExitCode::kOk) << program_.err;
  EXPECT_EQ(program_.out, Read("node/node.card"));
}

TEST_F(NodeInitTest, NothingThatIsThereIsReplaced) {
  ASSERT_EQ(Init("node"), ExitCode::kOk);
  const auto before = Snapshot();
  EXPECT_EQ(Init("node"), ExitCode::kFailed);
  EXPECT_THAT(program_.err, HasSubstr("exists already"));
  EXPECT_EQ(Snapshot(), before);
  // Nor where all but one file is gone.
  for (const char* kept : {"keys/log.key", "keys/witness.key", "keys/root.secret", "node.card", "medflytd.toml"}) {
    const std::string dir = "only-" + std::string(kept).substr(std::string(kept).rfind('/') + 1);
    Write(dir + "/" + kept, "what was there");
    EXPECT_EQ(Init(dir), ExitCode::kFailed) << kept;
    EXPECT_THAT(program_.err, HasSubstr("exists already"));
    EXPECT_EQ(program_.out, "");
    EXPECT_EQ(Read(dir + "/" + kept), "what was there");
    // Without a configuration that is new, nobody starts a node on it.
    if (std::string_view(kept) == "medflytd.toml") continue;
    EXPECT_FALSE(std::filesystem::exists(Path(dir + "/medflytd.toml"))) << kept;
  }
}

TEST_F(NodeInitTest, AnInterruptedInitIsCompletedAndKeepsItsKeys) {
  ASSERT_EQ(Init("whole"), ExitCode::kOk) << program_.err;
  const std::vector<std::string> order = {"keys/log.key", "keys/witness.key", "keys/root.secret", "node.card"};
  for (size_t made = 0; made <= order.size(); ++made) {
    // What is on disk where it was interrupted while the next file was written.
    const std::string dir = "after-" + std::to_string(made) + "/";
    std::filesystem::create_directories(Path(dir + "keys"));
    for (size_t i = 0; i < made; ++i) std::filesystem::copy(Path("whole/" + order[i]), Path(dir + order[i]));
    const std::string unfinished = dir + (made < order.size() ? order[made] : "medflytd.toml") + ".new.4711";
    Write(unfinished, "PRIVATE+KEY+half");

    ASSERT_EQ(Init(dir), ExitCode::kOk) << made << program_.err;
    for (size_t i = 0; i < std::min<size_t>(made, 3); ++i) {
      EXPECT_EQ(Read(dir + order[i]), Read("whole/" + order[i])) << order[i];
    }
    for (size_t i = made; i < 3; ++i) EXPECT_NE(Read(dir + order[i]), Read("whole/" + order[i])) << order[i];
    EXPECT_FALSE(std::filesystem::exists(Path(unfinished)));
    const auto card = directory::ParsePeerCard(Read(dir + "node.card"));
    ASSERT_TRUE(card.ok()) << card.status();
    EXPECT_EQ(Json()["log_key"], card->authority.logs.back().keys.back().key.Format());
    EXPECT_EQ(Json()["fingerprint"], directory::FingerprintOf(*card));
    const auto [code, said] = Check(Path(dir + "medflytd.toml"));
    EXPECT_EQ(code, 0) << made << said;
    // Now it is whole, and is not made again.
    const auto before = Snapshot();
    EXPECT_EQ(Init(dir), ExitCode::kFailed);
    EXPECT_EQ(Snapshot(), before);
  }
}

TEST_F(NodeInitTest, WhatIsLeftOfAnotherLogIsNotTakenOver) {
  ASSERT_EQ(Init("one", {{"--origin", "one.example/log"}}), ExitCode::kOk) << program_.err;
  ASSERT_EQ(Init("two", {{"--origin", "two.example/log"}}), ExitCode::kOk) << program_.err;
  for (const char* file : {"keys/log.key", "keys/witness.key", "node.card"}) {
    const std::string dir = "mixed-" + std::string(file).substr(std::string(file).rfind('/') + 1) + "/";
    Write(dir + file, Read(std::string("one/") + file));
    const auto before = Snapshot();
    EXPECT_EQ(Init(dir, {{"--origin", "two.example/log"}}), ExitCode::kFailed) << file;
    EXPECT_THAT(program_.err, HasSubstr("exists already"));
    EXPECT_EQ(Snapshot(), before) << file;
  }
}

// The program itself, killed as it puts its first, second, ... file in place.
TEST_F(NodeInitTest, AfterAKillAtEachFileItIsRepeated) {
  if (std::system("strace -o /dev/null true 2>/dev/null") != 0) GTEST_SKIP() << "SKIPPED-STRACE: strace does not run";
  const auto run = [&](const std::string& dir, const std::string& before) {
    const std::string command =
        before + " '" + medflyt::testing::BinDir() + "/medflyt' node init --dir '" + Path(dir) +
        "' --authority 35209115 --name 'Odense Kommune' --code 0461 --endpoint localhost:7461 --tls-certificate '" +
        Pki().Path("node/cert.pem") + "' --tls-key '" + Pki().Path("node/key.pem") + "' --issuers '" +
        Pki().Path("ca.pem") + "' >/dev/null 2>&1";
    return std::system(("exec " + command).c_str());
  };
  int killed = 0;
  for (int at = 1; at <= 5; ++at) {
    const std::string dir = "killed-" + std::to_string(at);
    // The fifth is the configuration; the card, which is the fourth, is renamed and not linked.
    const std::string call = at == 4 ? "rename,renameat,renameat2:signal=KILL:when=1"
                                     : "link,linkat:signal=KILL:when=" + std::to_string(at < 4 ? at : 4);
    const bool whole = run(dir, "strace -f -o /dev/null -e inject=" + call) == 0;
    killed += whole ? 0 : 1;
    std::map<std::string, std::string> secrets;
    for (const std::string file : {"log.key", "witness.key", "root.secret"}) {
      if (std::filesystem::exists(Path(dir + "/keys/" + file))) secrets[file] = Read(dir + "/keys/" + file);
    }
    EXPECT_GE(secrets.size() + 1, static_cast<size_t>(std::min(at, 4))) << "killed earlier than it should be";
    if (!std::filesystem::exists(Path(dir + "/medflytd.toml"))) {
      EXPECT_EQ(run(dir, ""), 0) << at;
    }
    for (const auto& [file, text] : secrets) EXPECT_EQ(Read(dir + "/keys/" + file), text) << at << file;
    const auto [code, said] = Check(Path(dir + "/medflytd.toml"));
    EXPECT_EQ(code, 0) << at << said;
    for (const auto& [path, bytes] : Snapshot()) EXPECT_EQ(path.find(".new."), std::string::npos) << path;
  }
  EXPECT_EQ(killed, 5);
}

TEST_F(NodeInitTest, WrongValuesAreNamedAndNothingIsMade) {
  Write("garbage.pem", "no certificate");
  struct Wrong {
    std::map<std::string, std::string> options;
    const char* rule;
  };
  const Wrong wrongs[] = {{{{"--authority", "3520911"}}, "rule AUTHORITY_ID_INVALID, field --authority"},
                          {{{"--authority", "352091155"}}, "rule AUTHORITY_ID_INVALID, field --authority"},
                          {{{"--authority", "3520911x"}}, "rule AUTHORITY_ID_INVALID, field --authority"},
                          {{{"--authority", "00000000"}}, "rule AUTHORITY_ID_INVALID"},
                          {{{"--code", "461"}}, "rule AUTHORITY_CODE_INVALID, field --code"},
                          {{{"--code", "O461"}}, "rule AUTHORITY_CODE_INVALID, field --code"},
                          {{{"--code", "0000"}}, "rule AUTHORITY_CODE_INVALID"},
                          {{{"--endpoint", "localhost"}}, "rule ENDPOINT_INVALID"},
                          {{{"--endpoint", "localhost:"}}, "rule ENDPOINT_INVALID"},
                          {{{"--endpoint", ":7461"}}, "rule "},
                          {{{"--endpoint", "localhost:99999"}}, "rule ENDPOINT_INVALID"},
                          {{{"--endpoint", "local host:1"}}, "rule "},
                          {{{"--listen", "0.0.0.0"}}, "rule ENDPOINT_INVALID, field --listen"},
                          {{{"--listen", "0.0.0.0:x"}}, "rule ENDPOINT_INVALID, field --listen"},
                          {{{"--listen", "0.0.0.0:70000"}}, "rule ENDPOINT_INVALID, field --listen"},
                          {{{"--metrics", "9461"}}, "rule ENDPOINT_INVALID, field --metrics"},
                          {{{"--origin", "two words"}}, "rule KEY_NAME_INVALID"},
                          {{{"--origin", "a+b"}}, "rule KEY_NAME_INVALID"},
                          {{{"--name", "two\nlines"}}, "rule AUTHORITY_NAME_INVALID"},
                          {{{"--issuers", Path("garbage.pem")}}, "rule ISSUERS_INVALID"},
                          {{{"--issuers", Path("absent.pem")}}, "absent.pem"}};
  for (const Wrong& wrong : wrongs) {
    EXPECT_EQ(Init("node", wrong.options), ExitCode::kFailed) << wrong.options.begin()->second;
    EXPECT_THAT(program_.err, HasSubstr(wrong.rule)) << wrong.options.begin()->second;
    EXPECT_EQ(program_.out, "");
    EXPECT_FALSE(std::filesystem::exists(Path("node"))) << wrong.options.begin()->second;
  }
  for (const auto& missing : {"--dir", "--authority", "--name", "--endpoint", "--tls-key", "--issuers"}) {
    EXPECT_EQ(Init("node", {{missing, ""}}), ExitCode::kUsage);
    EXPECT_THAT(program_.err, HasSubstr(std::string(missing) + " is required"));
  }
  EXPECT_EQ(Init("node", {{"--kind", "kingdom"}}), ExitCode::kUsage);
  EXPECT_FALSE(std::filesystem::exists(Path("node")));
}

TEST_F(NodeInitTest, FolderThatCannotBeMadeIsAFailureAndNoOutage) {
  Write("file", "in the way");
  for (const char* dir : {"file", "file/node", "file/"}) {
    EXPECT_EQ(Init(dir), ExitCode::kFailed) << dir << program_.err;
    EXPECT_THAT(program_.err, HasSubstr("file"));
  }
  EXPECT_EQ(Read("file"), "in the way");
}

}  // namespace
}  // namespace medflyt::cli
