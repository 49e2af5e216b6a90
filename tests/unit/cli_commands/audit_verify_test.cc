#include <gmock/gmock.h>

#include "common/directory/peer_card.h"
#include "tests/unit/audit/tiled_log.h"
#include "tests/unit/cli_commands/workspace.h"

namespace medflyt::cli {
namespace {

using ::testing::HasSubstr;

class AuditVerifyTest : public testing::Workspace {
 protected:
  void SetUp() override { medflyt::testing::WriteFiles(log_.files(), folder_ / "log"); }
  ExitCode Verify(const std::vector<std::string>& more) {
    std::vector<std::string> args = {"audit", "verify", Path("log"), "--json"};
    args.insert(args.end(), more.begin(), more.end());
    return Run(args);
  }
  [[nodiscard]] std::string Key() const { return signer_.verifier_key().Format(); }

  const tlog::NoteSigner signer_ = medflyt::testing::LogSigner("odense.example/log", 'a');
  const medflyt::testing::TiledLog log_{medflyt::testing::NumberedEntries(600), signer_};
};

TEST_F(AuditVerifyTest, WholeLogIsVerifiedWithTheKeyAlone) {
  ASSERT_EQ(Verify({"--log-key", Key()}), ExitCode::kOk) << program_.err;
  const auto told = Json();
  EXPECT_EQ(told["verified"], true);
  EXPECT_EQ(told["origin"], "odense.example/log");
  EXPECT_EQ(told["tree_size"], 600);
  EXPECT_EQ(told["unreadable_entries"], 600);
  EXPECT_FALSE(told.contains("findings"));
  EXPECT_EQ(Run({"audit", "verify", Path("log"), "--log-key", Key()}), ExitCode::kOk);
  EXPECT_THAT(program_.out, HasSubstr("verified"));
}

TEST_F(AuditVerifyTest, FlippedByteInAnyFileIsExitCodeThree) {
  for (const auto& [path, bytes] : log_.files()) {
    for (const size_t at : {size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ 1);
      Write("log/" + path, changed);
      EXPECT_EQ(Verify({"--log-key", Key()}), ExitCode::kVerificationFailed) << path << " byte " << at;
      const auto told = Json();
      EXPECT_EQ(told["verified"], false);
      ASSERT_FALSE(told["findings"].empty());
      EXPECT_EQ(told["findings"][0]["file"], path) << told;
      EXPECT_THAT(program_.err, HasSubstr("not what was signed"));
    }
    Write("log/" + path, bytes);
  }
  EXPECT_EQ(Verify({"--log-key", Key()}), ExitCode::kOk) << "whole again";
}

TEST_F(AuditVerifyTest, MissingFileIsExitCodeThreeAndNamed) {
  for (const auto& [path, bytes] : log_.files()) {
    std::filesystem::remove(folder_ / "log" / path);
    EXPECT_EQ(Verify({"--log-key", Key()}), ExitCode::kVerificationFailed) << path;
    EXPECT_EQ(Json()["findings"][0]["file"], path);
    Write("log/" + path, bytes);
  }
}

TEST_F(AuditVerifyTest, ChangedEntryIsNamedInTextToo) {
  std::string bundle = log_.files().at("tile/entries/001");
  bundle[3] = 'X';
  Write("log/tile/entries/001", bundle);
  EXPECT_EQ(Run({"audit", "verify", Path("log"), "--log-key", Key()}), ExitCode::kVerificationFailed);
  EXPECT_THAT(program_.out, HasSubstr("ENTRY_MISMATCH"));
  EXPECT_THAT(program_.out, HasSubstr("tile/entries/001"));
  EXPECT_THAT(program_.out, HasSubstr("256"));
}

TEST_F(AuditVerifyTest, WithoutAKeyNothingIsBelieved) {
  EXPECT_EQ(Verify({}), ExitCode::kUsage);
  EXPECT_THAT(program_.err, HasSubstr("--log-key"));
  EXPECT_EQ(program_.out, "");
  EXPECT_EQ(Verify({"--log-key", "garbage"}), ExitCode::kFailed);
  EXPECT_EQ(Verify({"--log-key", medflyt::testing::LogSigner("odense.example/log", 'b').verifier_key().Format()}),
            ExitCode::kVerificationFailed);
  EXPECT_EQ(Json()["findings"][0]["finding"], "CHECKPOINT_INVALID");
}

TEST_F(AuditVerifyTest, CardNamesTheKeys) {
  ASSERT_EQ(Init("node"), ExitCode::kOk) << program_.err;
  const std::string secret = Read("node/keys/log.key");
  const auto signer = tlog::NoteSigner::Parse(secret.substr(0, secret.size() - 1));
  ASSERT_TRUE(signer.ok());
  medflyt::testing::WriteFiles(medflyt::testing::TiledLog(medflyt::testing::NumberedEntries(300), *signer).files(),
                               folder_ / "odense");
  EXPECT_EQ(Run({"audit", "verify", Path("odense"), "--card", Path("node/node.card")}), ExitCode::kOk) << program_.err;
  EXPECT_EQ(Verify({"--card", Path("node/node.card")}), ExitCode::kVerificationFailed) << "another's log";
  EXPECT_EQ(Verify({"--card", Path("node/node.card"), "--log-key", Key()}), ExitCode::kOk) << "both are believed";
  std::string card = Read("node/node.card");
  card.replace(card.find("localhost:7461"), 14, "localhost:7462");
  Write("changed.card", card);
  EXPECT_EQ(Run({"audit", "verify", Path("odense"), "--card", Path("changed.card")}), ExitCode::kVerificationFailed);
  EXPECT_EQ(Run({"audit", "verify", Path("odense"), "--card", Path("absent.card")}), ExitCode::kFailed);
}

TEST_F(AuditVerifyTest, RetiredKeyOfACardIsBelievedForItsTreeSizesOnly) {
  ASSERT_EQ(Init("node"), ExitCode::kOk) << program_.err;
  auto authority = directory::ParsePeerCard(Read("node/node.card"))->authority;
  const std::string origin = authority.logs.back().origin;
  const tlog::NoteSigner retired = medflyt::testing::LogSigner(origin, 'o');
  const tlog::NoteSigner present = medflyt::testing::LogSigner(origin, 'n');
  authority.logs.back().keys = {{retired.verifier_key(), TreeSize(0), TreeSize(300)},
                                {present.verifier_key(), TreeSize(300), std::nullopt}};
  const auto card = directory::WritePeerCard(authority, Date(2026, 11, 18), present);
  ASSERT_TRUE(card.ok()) << card.status();
  Write("rotated.card", *card);
  const auto verify = [&](const std::string& name, size_t size, const tlog::NoteSigner& signer) {
    medflyt::testing::WriteFiles(medflyt::testing::TiledLog(medflyt::testing::NumberedEntries(size), signer).files(),
                                 folder_ / name);
    return Run({"audit", "verify", Path(name), "--card", Path("rotated.card")});
  };
  EXPECT_EQ(verify("early", 299, retired), ExitCode::kOk) << program_.err;
  EXPECT_EQ(verify("late", 300, present), ExitCode::kOk) << program_.err;
  EXPECT_EQ(verify("forged", 300, retired), ExitCode::kVerificationFailed);
  EXPECT_EQ(verify("backdated", 299, present), ExitCode::kVerificationFailed);
}

TEST_F(AuditVerifyTest, FolderThatIsAbsentIsNoTampering) {
  EXPECT_EQ(Run({"audit", "verify", Path("nowhere"), "--log-key", Key()}), ExitCode::kFailed);
  EXPECT_THAT(program_.err, HasSubstr("no such directory"));
}

}  // namespace
}  // namespace medflyt::cli
