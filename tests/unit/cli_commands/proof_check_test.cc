// What a node gives as the proof of an event, checked before it is handed on.
#include "client/cli/proof_check.h"

#include <gmock/gmock.h>

#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "client/cli/exit_code.h"
#include "common/base/status.h"
#include "tests/support/reference_tree.h"
#include "tests/unit/cli_commands/fake_node.h"
#include "tests/unit/cli_commands/workspace.h"

namespace medflyt::cli {
namespace {

using ::medflyt::testing::Always;
using ::medflyt::testing::LogSigner;
using ::medflyt::testing::NumberedEntries;
using ::testing::ElementsAre;

constexpr const char* kOrigin = "odense.example/35209115/1";
constexpr size_t kIndex = 5;

class ProofCheckTest : public testing::Workspace {
 protected:
  ProofCheckTest() { node_.Grow(300); }

  [[nodiscard]] Environment NewEnvironment() {
    return {
        in_, out_, err_, {}, {}, {}, [](std::string_view) { return std::nullopt; }, program_.clock, program_.connect};
  }
  // The head, looked at now.
  SeenHead Looked() {
    const Environment environment = NewEnvironment();
    const Context context(environment, program_.commands, globals_);
    return *Look(context, node_, store_, Always({node_.signer().verifier_key()}), {});
  }
  absl::StatusOr<CheckedProof> Check(const GivenProof& given, const std::optional<SeenHead>& head,
                                     const std::vector<directory::LogKey>& named = {}) {
    const Environment environment = NewEnvironment();
    const Context context(environment, program_.commands, globals_);
    return CheckProof(context, node_, store_, named, head, given);
  }
  // Of one entry, under a checkpoint over all of these.
  static GivenProof Given(const std::vector<std::string>& entries, char seed = 'a') {
    medflyt::testing::ReferenceTree tree;
    for (const std::string& entry : entries) tree.Append(entry);
    const size_t size = entries.size();
    const tlog::NoteSigner signer = LogSigner(kOrigin, seed);
    const auto checkpoint = tlog::Checkpoint::Create(kOrigin, TreeSize(size), tree.Root(size));
    return {{"", LeafIndex(kIndex), tree.InclusionPath(kIndex, size), tlog::SignCheckpoint(*checkpoint, signer)},
            entries[kIndex],
            kOrigin,
            {signer.verifier_key().Format()}};
  }
  static std::vector<std::string> Rewritten(size_t size) {
    std::vector<std::string> entries = NumberedEntries(size);
    entries[9] = "another";
    return entries;
  }
  // The rule of what must be evidence.
  std::string Accused(const GivenProof& given, const std::optional<SeenHead>& head,
                      const std::vector<directory::LogKey>& named = {}) {
    const auto checked = Check(given, head, named);
    EXPECT_EQ(ExitCodeOf(checked.status()), ExitCode::kVerificationFailed) << checked.status();
    const auto broken = BrokenRuleOf(checked.status());
    return broken ? broken->rule : "";
  }
  std::vector<uint64_t> KeptSizes() {
    std::vector<uint64_t> sizes;
    const auto all = store_.All(kOrigin);
    for (const KeptCheckpoint& kept : *all) sizes.push_back(kept.checkpoint.size().value());
    return sizes;
  }
  [[nodiscard]] int EvidenceFiles() const {
    int files = 0;
    for (const auto& [path, bytes] : Snapshot()) {
      if (path.find("/evidence/") != std::string::npos && path.ends_with(".checkpoint")) ++files;
    }
    return files;
  }

  std::istringstream in_;
  std::ostringstream out_;
  std::ostringstream err_;
  const Arguments globals_{{}};
  testing::FakeNode node_{LogSigner(kOrigin, 'a')};
  CheckpointStore store_{folder_ / "trust"};
};

TEST_F(ProofCheckTest, OfTheNodesOwnLogItIsShownToBeOneWithTheHeadAndKept) {
  const SeenHead head = Looked();
  node_.Grow(320);
  for (const size_t size : {250U, 300U, 310U}) {
    const auto checked = Check(Given(NumberedEntries(size)), head);
    ASSERT_TRUE(checked.ok()) << size << checked.status();
    EXPECT_FALSE(checked->provisional) << size;
    EXPECT_FALSE(checked->key_by_node) << size;
  }
  EXPECT_THAT(KeptSizes(), ElementsAre(250U, 300U, 310U));
  EXPECT_EQ(EvidenceFiles(), 0);
}

TEST_F(ProofCheckTest, OfATreeThatTheNodesLogDoesNotContinueItIsEvidence) {
  const SeenHead head = Looked();
  node_.Grow(320);
  for (const size_t size : {250U, 300U, 310U}) {
    EXPECT_EQ(Accused(Given(Rewritten(size)), head), "LOG_FORKED") << size;
    EXPECT_EQ(EvidenceFiles(), 2) << size;
    std::filesystem::remove_all(folder_ / "trust/odense.example%2F35209115%2F1/evidence");
  }
  EXPECT_THAT(KeptSizes(), ElementsAre(300U));
}

TEST_F(ProofCheckTest, WhatProvesNothingIsNotHandedOn) {
  const SeenHead head = Looked();
  GivenProof other = Given(NumberedEntries(250));
  other.entry = "entry 6";
  GivenProof elsewhere = Given(NumberedEntries(250));
  elsewhere.origin = "nyborg.example/log";
  const auto own = Always({node_.signer().verifier_key()});
  EXPECT_EQ(Accused(other, head), "INCLUSION_PROOF_INVALID");
  EXPECT_EQ(Accused(other, std::nullopt), "INCLUSION_PROOF_INVALID");
  EXPECT_EQ(Accused(elsewhere, std::nullopt), "NOTE_UNSIGNED") << "the log's own key, of another log";
  EXPECT_EQ(Accused(Given(NumberedEntries(250), 'b'), head), "NOTE_UNSIGNED") << "whatever key the node names";
  EXPECT_EQ(Accused(Given(NumberedEntries(250), 'b'), std::nullopt, own), "NOTE_UNSIGNED");
  GivenProof nameless = Given(NumberedEntries(250));
  nameless.verifier_keys.clear();
  EXPECT_EQ(ExitCodeOf(Check(nameless, std::nullopt).status()), ExitCode::kUsage) << "nobody is accused of that";
  EXPECT_THAT(KeptSizes(), ElementsAre(300U));
}

TEST_F(ProofCheckTest, OfALogThatWasNotLookedAtItIsProvisionalUnlessThatCheckpointWasSeen) {
  const GivenProof given = Given(NumberedEntries(250));
  auto checked = Check(given, std::nullopt);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_TRUE(checked->provisional);
  EXPECT_TRUE(checked->key_by_node);
  EXPECT_TRUE(KeptSizes().empty()) << "nothing shows that it is consistent";
  ASSERT_TRUE(store_.Keep(given.proof.checkpoint.Serialize()).ok());
  checked = Check(given, std::nullopt, Always({node_.signer().verifier_key()}));
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_FALSE(checked->provisional);
  EXPECT_FALSE(checked->key_by_node);
  EXPECT_EQ(Accused(Given(Rewritten(250)), std::nullopt), "LOG_FORKED");
  EXPECT_EQ(EvidenceFiles(), 2);
}

// Whoever gives the proof may have made up a key of another's log, and signed another root with it.
TEST_F(ProofCheckTest, AKeyThatOnlyTheNodeNamesAccusesNobody) {
  ASSERT_TRUE(store_.Keep(Given(NumberedEntries(250)).proof.checkpoint.Serialize()).ok());
  GivenProof minted = Given(Rewritten(250), 'b');
  for (const std::string& beside : {std::string("no key"), node_.signer().verifier_key().Format()}) {
    minted.verifier_keys.push_back(beside);
    const auto checked = Check(minted, std::nullopt);
    ASSERT_TRUE(checked.ok()) << beside << checked.status();
    EXPECT_TRUE(checked->provisional) << beside;
    EXPECT_TRUE(checked->key_by_node) << beside;
  }
  EXPECT_EQ(EvidenceFiles(), 0);
  EXPECT_THAT(KeptSizes(), ElementsAre(250U));
}

TEST_F(ProofCheckTest, TheKeyThatWasRememberedComesBeforeTheNodesWord) {
  ASSERT_TRUE(store_.PinKey(node_.signer().verifier_key()).ok());
  ASSERT_TRUE(store_.Keep(Given(NumberedEntries(250)).proof.checkpoint.Serialize()).ok());
  const auto refused = Check(Given(Rewritten(250), 'b'), std::nullopt);
  EXPECT_EQ(ExitCodeOf(refused.status()), ExitCode::kFailed) << refused.status();
  EXPECT_EQ(BrokenRuleOf(refused.status())->rule, "LOG_KEY_NOT_NAMED");
  EXPECT_EQ(EvidenceFiles(), 0);
  GivenProof given = Given(NumberedEntries(250));
  given.verifier_keys.clear();
  const auto checked = Check(given, std::nullopt);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_FALSE(checked->provisional);
  EXPECT_FALSE(checked->key_by_node);
  EXPECT_EQ(Accused(Given(Rewritten(250)), std::nullopt), "LOG_FORKED");
  EXPECT_EQ(EvidenceFiles(), 2);
}

TEST_F(ProofCheckTest, ANodeThatDoesNotAnswerIsNotAccused) {
  const SeenHead head = Looked();
  node_.on_call_ = [](uint64_t) { return absl::UnavailableError("gone"); };
  EXPECT_EQ(ExitCodeOf(Check(Given(NumberedEntries(250)), head).status()), ExitCode::kUnavailable);
  EXPECT_THAT(KeptSizes(), ElementsAre(300U));
  EXPECT_EQ(EvidenceFiles(), 0);
}

}  // namespace
}  // namespace medflyt::cli
