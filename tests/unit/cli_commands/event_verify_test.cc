#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "client/cli/checkpoint_store.h"
#include "common/base/bytes.h"
#include "common/crypto/hash.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/cosignature.h"
#include "common/tlog/tlog_proof.h"
#include "tests/support/reference_tree.h"
#include "tests/unit/audit/tiled_log.h"
#include "tests/unit/cli_commands/workspace.h"

namespace medflyt::cli {
namespace {

using ::testing::HasSubstr;

class EventVerifyTest : public testing::Workspace {
 protected:
  void SetUp() override {
    const auto tree = medflyt::testing::ReferenceTree::Numbered(kSize);
    const auto checkpoint = tlog::Checkpoint::Create("odense.example/log", TreeSize(kSize), tree.Root(kSize));
    proof_ = tlog::TlogProof{"", LeafIndex(kIndex), tree.InclusionPath(kIndex, kSize),
                             tlog::SignCheckpoint(*checkpoint, signer_)}
                 .Serialize();
    Write("event.tlog-proof", proof_);
    Write("event.entry", "leaf 5");
  }
  ExitCode Verify(const std::vector<std::string>& more) {
    std::vector<std::string> args = {"event", "verify", Path("event.tlog-proof"), Path("event.entry"), "--json"};
    args.insert(args.end(), more.begin(), more.end());
    return Run(args);
  }
  ExitCode VerifyWithKey() { return Verify({"--log-key", signer_.verifier_key().Format()}); }

  static constexpr size_t kSize = 11;
  static constexpr size_t kIndex = 5;
  const tlog::NoteSigner signer_ = medflyt::testing::LogSigner("odense.example/log", 'a');
  std::string proof_;
};

TEST_F(EventVerifyTest, ProofAndEntryHoldWithTheKeyAlone) {
  ASSERT_EQ(VerifyWithKey(), ExitCode::kOk) << program_.err;
  const auto told = Json();
  EXPECT_EQ(told["verified"], true);
  EXPECT_EQ(told["origin"], "odense.example/log");
  EXPECT_EQ(told["leaf_index"], kIndex);
  EXPECT_EQ(told["tree_size"], kSize);
}

TEST_F(EventVerifyTest, AnyChangedByteOfTheProofIsExitCodeThree) {
  for (size_t i = 0; i < proof_.size(); ++i) {
    std::string changed = proof_;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    Write("event.tlog-proof", changed);
    EXPECT_EQ(VerifyWithKey(), ExitCode::kVerificationFailed) << i << program_.err;
    EXPECT_EQ(program_.out, "") << "nothing is said of what does not hold";
  }
  for (size_t i = 0; i < proof_.size(); i += 5) {
    Write("event.tlog-proof", proof_.substr(0, i));
    EXPECT_EQ(VerifyWithKey(), ExitCode::kVerificationFailed) << "cut at " << i;
  }
  Write("event.tlog-proof", proof_ + "\n");
  EXPECT_EQ(VerifyWithKey(), ExitCode::kVerificationFailed);
}

TEST_F(EventVerifyTest, AnotherEntryIsExitCodeThree) {
  for (const char* entry : {"leaf 4", "leaf 6", "leaf 5\n", "leaf", ""}) {
    Write("event.entry", entry);
    EXPECT_EQ(VerifyWithKey(), ExitCode::kVerificationFailed) << entry;
  }
  Write("event.entry", "leaf 5");
  // The same proof at other places.
  for (const char* index : {"index 4\n", "index 6\n", "index 11\n", "index 05\n"}) {
    std::string changed = proof_;
    Write("event.tlog-proof", changed.replace(changed.find("index 5\n"), 8, index));
    EXPECT_EQ(VerifyWithKey(), ExitCode::kVerificationFailed) << index;
  }
}

TEST_F(EventVerifyTest, ProofThatCarriesItsEntryStandsAlone) {
  auto proof = *tlog::TlogProof::Parse(proof_);
  proof.extra = "leaf 5";
  const std::string alone = proof.Serialize();
  Write("event.tlog-proof", alone);
  const auto verify = [&](const std::vector<std::string>& more) {
    std::vector<std::string> args = {"event", "verify", Path("event.tlog-proof"), "--json"};
    args.insert(args.end(), more.begin(), more.end());
    return Run(args);
  };
  const std::vector<std::string> key = {"--log-key", signer_.verifier_key().Format()};
  EXPECT_EQ(verify(key), ExitCode::kOk) << program_.err;
  EXPECT_EQ(Json()["leaf_index"], kIndex);
  for (size_t i = 0; i < alone.size(); ++i) {
    std::string changed = alone;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    Write("event.tlog-proof", changed);
    EXPECT_EQ(verify(key), ExitCode::kVerificationFailed) << i << program_.err;
  }
  Write("event.tlog-proof", alone);
  Write("event.entry", "leaf 4");
  EXPECT_EQ(VerifyWithKey(), ExitCode::kVerificationFailed) << "another entry than it carries";
  Write("event.tlog-proof", proof_);
  EXPECT_EQ(verify(key), ExitCode::kUsage) << "without its entry there is nothing to say";
}

TEST_F(EventVerifyTest, PolicyAsksForACosignedCheckpoint) {
  const auto witness = *tlog::Cosigner::Create("witness.example/1", crypto::Signer(crypto::Key::Random()));
  Write("witnesses.policy",
        "log " + signer_.verifier_key().Format() + "\nwitness w " + witness.verifier_key().Format() + "\nquorum w\n");
  EXPECT_EQ(Verify({"--policy", Path("witnesses.policy")}), ExitCode::kFailed) << "no evidence against anybody";
  EXPECT_THAT(program_.err, HasSubstr("POLICY_QUORUM_NOT_MET"));
  auto proof = *tlog::TlogProof::Parse(proof_);
  proof.checkpoint.signatures.push_back(
      *witness.Cosign(*tlog::Checkpoint::Parse(proof.checkpoint.text), absl::FromUnixSeconds(1'795'000'000)));
  Write("event.tlog-proof", proof.Serialize());
  EXPECT_EQ(Verify({"--policy", Path("witnesses.policy")}), ExitCode::kOk) << program_.err;
  EXPECT_EQ(Json()["cosigned_by"][0]["witness"], "witness.example/1");
  proof.checkpoint.signatures.back().signature.back() ^= 1;
  Write("event.tlog-proof", proof.Serialize());
  EXPECT_EQ(Verify({"--policy", Path("witnesses.policy")}), ExitCode::kVerificationFailed) << "a wrong cosignature is";
}

// What others saw of a log is one with what was seen here only where it is shown to be.
TEST_F(EventVerifyTest, ProofIsProvisionalUnlessThatVeryCheckpointWasSeen) {
  ASSERT_EQ(VerifyWithKey(), ExitCode::kOk) << "without a memory: " << program_.err;
  EXPECT_EQ(Json()["provisional"], true);
  EXPECT_THAT(program_.err, HasSubstr("provisional"));
  const CheckpointStore store(Path("state/medflyt/trust"));
  const auto tree = medflyt::testing::ReferenceTree::Numbered(kSize + 1);
  const auto longer = tlog::Checkpoint::Create("odense.example/log", TreeSize(kSize + 1), tree.Root(kSize + 1));
  ASSERT_TRUE(store.Keep(tlog::SignCheckpoint(*longer, signer_).Serialize()).ok());
  program_.variables["XDG_STATE_HOME"] = Path("state");
  ASSERT_EQ(VerifyWithKey(), ExitCode::kOk) << program_.err;
  EXPECT_EQ(Json()["provisional"], true) << "trees of two sizes cannot be compared offline";
  ASSERT_TRUE(store.Keep(tlog::TlogProof::Parse(proof_)->checkpoint.Serialize()).ok());
  ASSERT_EQ(VerifyWithKey(), ExitCode::kOk) << program_.err;
  EXPECT_EQ(Json()["provisional"], false);
  EXPECT_EQ(program_.err, "");
}

TEST_F(EventVerifyTest, AnotherRootOfASizeThatWasSeenIsAForkAndBothAreKept) {
  const std::string seen =
      medflyt::testing::TiledLog(medflyt::testing::NumberedEntries(kSize), signer_).files().at("checkpoint");
  ASSERT_TRUE(CheckpointStore(Path("seen")).Keep(seen).ok());
  const auto witness = *tlog::Cosigner::Create("witness.example/1", crypto::Signer(crypto::Key::Random()));
  Write("witnesses.policy",
        "log " + signer_.verifier_key().Format() + "\nwitness w " + witness.verifier_key().Format() + "\nquorum w\n");
  for (const std::vector<std::string>& trust : {std::vector<std::string>{"--log-key", signer_.verifier_key().Format()},
                                                {"--policy", Path("witnesses.policy")}}) {
    std::filesystem::remove_all(folder_ / "seen/odense.example%2Flog/evidence");
    std::vector<std::string> more = trust;
    more.insert(more.end(), {"--trust", Path("seen")});
    EXPECT_EQ(Verify(more), ExitCode::kVerificationFailed) << "also where witnesses are late";
    EXPECT_THAT(program_.err, HasSubstr("LOG_FORKED"));
    EXPECT_EQ(program_.out, "");
    std::map<std::string, std::string> evidence;
    for (const auto& file :
         std::filesystem::recursive_directory_iterator(folder_ / "seen/odense.example%2Flog/evidence")) {
      if (file.is_regular_file()) {
        evidence[file.path().filename().string()] = medflyt::testing::ReadFile(file.path());
      }
    }
    EXPECT_EQ(evidence["kept.checkpoint"], seen);
    EXPECT_EQ(evidence["seen.checkpoint"], tlog::TlogProof::Parse(proof_)->checkpoint.Serialize());
  }
}

TEST_F(EventVerifyTest, WithoutAKeyNothingIsBelieved) {
  EXPECT_EQ(Verify({}), ExitCode::kUsage);
  EXPECT_EQ(program_.out, "");
  for (const auto& other : {medflyt::testing::LogSigner("odense.example/log", 'b'),
                            medflyt::testing::LogSigner("nyborg.example/log", 'a')}) {
    EXPECT_EQ(Verify({"--log-key", other.verifier_key().Format()}), ExitCode::kVerificationFailed);
  }
}

TEST_F(EventVerifyTest, FileThatIsAbsentIsNoTampering) {
  std::filesystem::remove(folder_ / "event.entry");
  EXPECT_EQ(VerifyWithKey(), ExitCode::kFailed);
  EXPECT_THAT(program_.err, HasSubstr("event.entry"));
}

}  // namespace
}  // namespace medflyt::cli
