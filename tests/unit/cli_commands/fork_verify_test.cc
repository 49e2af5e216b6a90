#include <gmock/gmock.h>

#include <filesystem>
#include <string>

#include "common/merkle/tree_hasher.h"
#include "common/tlog/fork_proof.h"
#include "tests/support/evidence_log.h"
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

// Two proofs as `event proof` writes them, of one index, under heads of two sizes.
class ForkProveTest : public ForkVerifyTest {
 protected:
  ForkProveTest() : nyborg_("nyborg.example/log", 'n'), other_("nyborg.example/log", 'n') {
    for (int i = 0; i < 9; ++i) {
      nyborg_.Append("entry " + std::to_string(i));
      other_.Append(i == 4 ? "what the other was shown" : "entry " + std::to_string(i));
    }
    Write("ours.tlog-proof", Proof(nyborg_, 4, 9));
    Write("theirs.tlog-proof", Proof(other_, 4, 7));
  }
  static std::string Proof(const medflyt::testing::EvidenceLog& log, uint64_t index, uint64_t size) {
    tlog::TlogProof proof = log.Proof(LeafIndex(index), size);
    proof.extra = log.entry(LeafIndex(index));
    return proof.Serialize();
  }
  ExitCode Prove(const std::string& first, const std::string& second) {
    return Run(
        {"peer", "fork-prove", Path(first), Path(second), "--log-key", Key(), "--out", Path("nyborg.fork"), "--json"});
  }
  std::string Key() const { return nyborg_.identity().keys[0].Format(); }

  medflyt::testing::EvidenceLog nyborg_;
  medflyt::testing::EvidenceLog other_;
};

TEST_F(ForkProveTest, TwoEntriesAtOneIndexMakeAProofThatVerifies) {
  ASSERT_EQ(Prove("ours.tlog-proof", "theirs.tlog-proof"), ExitCode::kOk) << program_.err;
  ASSERT_EQ(Run({"peer", "fork-verify", Path("nyborg.fork"), "--log-key", Key(), "--json"}), ExitCode::kOk)
      << program_.err;
  const auto told = Json();
  EXPECT_EQ(told["origin"], "nyborg.example/log");
  EXPECT_EQ(told["leaf_index"], 4);
  EXPECT_EQ(told["first_tree_size"], 9);
  EXPECT_EQ(told["second_tree_size"], 7);
  EXPECT_NE(told["first_leaf"], told["second_leaf"]);

  const std::string proof = Read("nyborg.fork");
  for (size_t i = 0; i < proof.size(); i += 7) {
    std::string changed = proof;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(Verify(changed, signer_), ExitCode::kVerificationFailed) << i;
  }
  EXPECT_EQ(Verify(proof + "\n", signer_), ExitCode::kVerificationFailed);
}

TEST_F(ForkProveTest, TwoCheckpointsOfOneSizeDoToo) {
  Write("kept.checkpoint", nyborg_.Note(9));
  Write("seen.checkpoint", other_.Note(9));
  ASSERT_EQ(Prove("kept.checkpoint", "seen.checkpoint"), ExitCode::kOk) << program_.err;
  EXPECT_EQ(Run({"peer", "fork-verify", Path("nyborg.fork"), "--log-key", Key()}), ExitCode::kOk) << program_.err;
}

TEST_F(ForkProveTest, WhatDoesNotContradictWritesNothing) {
  Write("later.tlog-proof", Proof(nyborg_, 4, 7));
  Write("beside.tlog-proof", Proof(other_, 5, 7));
  Write("small.checkpoint", nyborg_.Note(7));
  Write("large.checkpoint", nyborg_.Note(9));
  EXPECT_EQ(Prove("ours.tlog-proof", "later.tlog-proof"), ExitCode::kVerificationFailed);
  EXPECT_EQ(Prove("ours.tlog-proof", "beside.tlog-proof"), ExitCode::kVerificationFailed);
  EXPECT_EQ(Prove("small.checkpoint", "large.checkpoint"), ExitCode::kVerificationFailed);
  EXPECT_EQ(Prove("small.checkpoint", "ours.tlog-proof"), ExitCode::kVerificationFailed);
  tlog::TlogProof forged = other_.Proof(LeafIndex(4), 7);
  forged.extra = "an entry that somebody made up";
  Write("forged.tlog-proof", forged.Serialize());
  EXPECT_EQ(Prove("ours.tlog-proof", "forged.tlog-proof"), ExitCode::kVerificationFailed);
  forged.extra.clear();
  Write("bare.tlog-proof", forged.Serialize());
  EXPECT_EQ(Prove("ours.tlog-proof", "bare.tlog-proof"), ExitCode::kUsage);
  EXPECT_FALSE(std::filesystem::exists(Path("nyborg.fork")));
}

TEST_F(ForkVerifyTest, NobodysKeyIsBelievedUnnamed) {
  Write("nyborg.fork", proof_);
  EXPECT_EQ(Run({"peer", "fork-verify", Path("nyborg.fork")}), ExitCode::kUsage);
}

}  // namespace
}  // namespace medflyt::cli
