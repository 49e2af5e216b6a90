#include <gmock/gmock.h>

#include "common/merkle/tree_hasher.h"
#include "common/tlog/fork_proof.h"
#include "tests/unit/audit/tiled_log.h"
#include "tests/unit/cli_commands/workspace.h"

namespace medflyt::cli {
namespace {

class ForkVerifyTest : public testing::Workspace {
 protected:
  static std::string Note(const tlog::NoteSigner& signer, uint64_t size, std::string_view root) {
    const auto checkpoint =
        tlog::Checkpoint::Create(signer.verifier_key().name(), TreeSize(size), merkle::LeafHash(root));
    return tlog::SignCheckpoint(*checkpoint, signer).Serialize();
  }
  ExitCode Verify(const std::string& text, const tlog::NoteSigner& believed) {
    Write("nyborg.fork", text);
    return Run({"peer", "fork-verify", Path("nyborg.fork"), "--log-key", believed.verifier_key().Format(), "--json"});
  }

  const tlog::NoteSigner signer_ = medflyt::testing::LogSigner("nyborg.example/log", 'n');
  const std::string proof_ = tlog::ForkProof{Note(signer_, 7, "one"), Note(signer_, 7, "two")}.Serialize();
};

TEST_F(ForkVerifyTest, TwoRootsOfOneSizeHoldWithTheKeyAlone) {
  ASSERT_EQ(Verify(proof_, signer_), ExitCode::kOk) << program_.err;
  const auto told = Json();
  EXPECT_EQ(told["origin"], "nyborg.example/log");
  EXPECT_EQ(told["tree_size"], 7);
  EXPECT_NE(told["first_root"], told["second_root"]);
}

TEST_F(ForkVerifyTest, WhatIsNoProofIsExitCodeThree) {
  const auto none = [&](const tlog::ForkProof& proof) { return Verify(proof.Serialize(), signer_); };
  EXPECT_EQ(none({Note(signer_, 7, "one"), Note(signer_, 7, "one")}), ExitCode::kVerificationFailed);
  EXPECT_EQ(none({Note(signer_, 7, "one"), Note(signer_, 8, "two")}), ExitCode::kVerificationFailed);
  const auto stranger = medflyt::testing::LogSigner("nyborg.example/log", 's');
  EXPECT_EQ(none({Note(signer_, 7, "one"), Note(stranger, 7, "two")}), ExitCode::kVerificationFailed);
  EXPECT_EQ(Verify(proof_, stranger), ExitCode::kVerificationFailed);
  for (size_t i = 0; i < proof_.size(); i += 7) {
    std::string changed = proof_;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(Verify(changed, signer_), ExitCode::kVerificationFailed) << i << program_.err;
    EXPECT_EQ(Verify(proof_.substr(0, i), signer_), ExitCode::kVerificationFailed) << "cut at " << i;
  }
}

TEST_F(ForkVerifyTest, NobodysKeyIsBelievedUnnamed) {
  Write("nyborg.fork", proof_);
  EXPECT_EQ(Run({"peer", "fork-verify", Path("nyborg.fork")}), ExitCode::kUsage);
}

}  // namespace
}  // namespace medflyt::cli
