#include <gmock/gmock.h>

#include "common/directory/peer_card.h"
#include "tests/unit/cli_commands/workspace.h"

namespace medflyt::cli {
namespace {

using ::testing::HasSubstr;

class PeerAddTest : public testing::Workspace {
 protected:
  void SetUp() override {
    ASSERT_EQ(Init("odense"), ExitCode::kOk) << program_.err;
    ASSERT_EQ(Init("nyborg", {{"--authority", "29189722"}, {"--name", "Nyborg Kommune"}, {"--code", "0450"}}),
              ExitCode::kOk)
        << program_.err;
    card_ = Path("nyborg/node.card");
    fingerprint_ = Json()["fingerprint"];
  }
  ExitCode Add(const std::vector<std::string>& more) {
    std::vector<std::string> args = {"peer", "add", card_, "--dir", Path("odense"), "--json"};
    args.insert(args.end(), more.begin(), more.end());
    return Run(args);
  }
  [[nodiscard]] bool Added() const { return std::filesystem::exists(Path("odense/peers/29189722.card")); }

  std::string card_;
  std::string fingerprint_;
};

TEST_F(PeerAddTest, WithoutFingerprintTheCardIsShownAndNothingChanges) {
  const auto before = Snapshot();
  EXPECT_EQ(Add({}), ExitCode::kUsage);
  const auto shown = Json();
  EXPECT_EQ(shown["authority"], "29189722");
  EXPECT_EQ(shown["name"], "Nyborg Kommune");
  EXPECT_EQ(shown["endpoint"], "localhost:7461");
  EXPECT_EQ(shown["fingerprint"], fingerprint_);
  EXPECT_FALSE(shown.contains("added"));
  EXPECT_THAT(program_.err, HasSubstr("--fingerprint '" + fingerprint_ + "'"));
  EXPECT_EQ(Snapshot(), before);
}

TEST_F(PeerAddTest, WrongFingerprintIsAVerificationThatFailed) {
  const auto before = Snapshot();
  std::string other = fingerprint_;
  other[0] = other[0] == '0' ? '1' : '0';
  for (const std::string& wrong : {other, fingerprint_.substr(0, 34), fingerprint_ + "0", std::string("x")}) {
    EXPECT_EQ(Add({"--fingerprint", wrong}), ExitCode::kVerificationFailed) << wrong;
    EXPECT_FALSE(Json().contains("added"));
    EXPECT_EQ(Snapshot(), before);
  }
}

TEST_F(PeerAddTest, RightFingerprintLetsTheAuthorityIn) {
  ASSERT_EQ(Add({"--fingerprint", fingerprint_}), ExitCode::kOk) << program_.err;
  EXPECT_EQ(Json()["added"], Path("odense/peers/29189722.card"));
  EXPECT_EQ(Read("odense/peers/29189722.card"), Read("nyborg/node.card"));
  ASSERT_EQ(Add({"--fingerprint", fingerprint_}), ExitCode::kOk) << "again: " << program_.err;
}

TEST_F(PeerAddTest, FingerprintMayBeTypedInAnyCaseAndGrouping) {
  std::string typed;
  for (const char c : fingerprint_) {
    if (c != ' ') typed.push_back(static_cast<char>(std::toupper(c)));
  }
  ASSERT_EQ(Add({"--fingerprint", typed}), ExitCode::kOk) << program_.err;
  EXPECT_TRUE(Added());
}

TEST_F(PeerAddTest, ChangedCardIsNeverTakenIn) {
  const std::string whole = Read("nyborg/node.card");
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = whole;
    return text.replace(text.find(from), from.size(), to);
  };
  card_ = Path("changed.card");
  // What the holder did not sign.
  for (const std::string& changed : {with("localhost:7461", "localhost:7462"), with("Nyborg", "Nyborx")}) {
    Write("changed.card", changed);
    EXPECT_EQ(Add({"--fingerprint", fingerprint_}), ExitCode::kVerificationFailed) << program_.err;
    EXPECT_THAT(program_.err, HasSubstr("CARD_SIGNATURE_INVALID"));
    EXPECT_FALSE(Added());
  }
  // A flipped bit anywhere, and cut anywhere.
  for (size_t i = 0; i < whole.size(); i += 7) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    for (const std::string& bytes : {changed, whole.substr(0, i)}) {
      Write("changed.card", bytes);
      const ExitCode code = Add({"--fingerprint", fingerprint_});
      EXPECT_TRUE(code == ExitCode::kFailed || code == ExitCode::kVerificationFailed) << i << program_.err;
      EXPECT_FALSE(Added());
    }
  }
  Write("changed.card", std::string(1 << 20, 'x'));
  EXPECT_EQ(Add({"--fingerprint", fingerprint_}), ExitCode::kFailed);
  card_ = Path("absent.card");
  EXPECT_EQ(Add({"--fingerprint", fingerprint_}), ExitCode::kFailed);
  EXPECT_FALSE(Added());
}

TEST_F(PeerAddTest, FolderThatIsNoNodesIsNamed) {
  EXPECT_EQ(Run({"peer", "add", card_, "--dir", Path("nowhere"), "--fingerprint", fingerprint_}), ExitCode::kFailed);
  EXPECT_THAT(program_.err, HasSubstr("nowhere"));
  EXPECT_FALSE(std::filesystem::exists(Path("nowhere")));
}

}  // namespace
}  // namespace medflyt::cli
