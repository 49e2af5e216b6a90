// An auditor's memory and copies of a log, while the node grows, goes back, forks, fails, or goes on writing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/bundle_export.h"
#include "client/cli/checkpoint_store.h"
#include "client/cli/exit_code.h"
#include "client/cli/log_export.h"
#include "client/cli/look.h"
#include "common/audit/bundle_file.h"
#include "common/audit/verify.h"
#include "common/base/status.h"
#include "common/tlog/cosignature.h"
#include "common/wire/ledger.h"
#include "tests/unit/cli_commands/fake_node.h"
#include "tests/unit/cli_commands/workspace.h"

namespace medflyt::cli {
namespace {

namespace fs = std::filesystem;
using ::medflyt::testing::LogSigner;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kOrigin = "odense.example/35209115/1";

class LogCopyTest : public testing::Workspace {
 protected:
  // What `call` returns in the context of a command.
  template <typename Call>
  auto InContext(const Call& call) {
    const Environment environment{
        in_, out_, err_, {}, {}, {}, [](std::string_view) { return std::nullopt; }, program_.clock, program_.connect};
    const Arguments globals{{}};
    const Context context(environment, program_.commands, globals);
    return call(context);
  }
  absl::StatusOr<SeenHead> LookNow(const std::vector<directory::LogKey>& keys = {},
                                   const std::optional<std::string>& new_origin = std::nullopt,
                                   NamedKeys named = NamedKeys::kOfNodesLog) {
    return InContext([&](const Context& context) {
      return Look(context, node_, store_, keys, {address_, new_origin, named});
    });
  }
  absl::StatusOr<SeenHead> Cosigned(const SeenHead& head) {
    return InContext([&](const Context& context) { return CosignedOf(context, node_, store_, head); });
  }
  absl::StatusOr<Exported> Export(const SeenHead& head, const std::string& name, const ExportOptions& options = {}) {
    return InContext(
        [&](const Context& context) { return ExportLog(context, node_, store_, head, folder_ / name, options); });
  }
  static std::string RuleIn(const absl::Status& status) {
    const auto broken = BrokenRuleOf(status);
    return broken ? broken->rule : "";
  }
  // The rule of a look that must fail as evidence.
  std::string Accused(const std::vector<directory::LogKey>& keys = {}) {
    const auto seen = LookNow(keys);
    EXPECT_EQ(ExitCodeOf(seen.status()), ExitCode::kVerificationFailed) << seen.status();
    return RuleIn(seen.status());
  }
  std::vector<uint64_t> KeptSizes() {
    std::vector<uint64_t> sizes;
    const auto all = store_.All(kOrigin);
    for (const KeptCheckpoint& kept : *all) sizes.push_back(kept.checkpoint.size().value());
    return sizes;
  }
  // Names of files in the one folder of evidence, with their content.
  std::map<std::string, std::string> Evidence() {
    std::map<std::string, std::string> files;
    for (const auto& file : fs::recursive_directory_iterator(folder_ / "trust")) {
      const std::string path = file.path().string();
      if (file.is_regular_file() && path.find("/evidence/") != std::string::npos) {
        files[file.path().filename().string()] = medflyt::testing::ReadFile(file.path());
      }
    }
    return files;
  }

  absl::StatusOr<Exported> ExportNow(bool beside = false) {
    MEDFLYT_ASSIGN_OR_RETURN(const SeenHead head, LookNow());
    ExportOptions options;
    options.beside = beside;
    return Export(head, "copy", options);
  }
  std::map<std::string, std::string> Copy() {
    std::map<std::string, std::string> files;
    if (!fs::exists(folder_ / "copy")) return files;
    for (const auto& file : fs::recursive_directory_iterator(folder_ / "copy")) {
      if (!file.is_regular_file()) continue;
      files[file.path().lexically_relative(folder_ / "copy").string()] = medflyt::testing::ReadFile(file.path());
    }
    return files;
  }
  audit::Report Verified() {
    return *audit::VerifyTiles(audit::DirectoryReader(Path("copy")),
                               medflyt::testing::Always({node_.signer().verifier_key()}), [](uint64_t, uint64_t) {});
  }

  std::string address_ = "localhost:7461";
  std::istringstream in_;
  std::ostringstream out_;
  std::ostringstream err_;
  testing::FakeNode node_{LogSigner(kOrigin, 'a')};
  CheckpointStore store_{folder_ / "trust"};
};

class LookTest : public LogCopyTest {
 protected:
  LookTest() { node_.Grow(300); }
};

TEST_F(LookTest, FirstLookBelievesAndRemembersTheNodesKey) {
  const auto seen = LookNow();
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_TRUE(seen->first_look);
  EXPECT_TRUE(seen->key_by_node);
  EXPECT_EQ(seen->note, node_.log().files().at("checkpoint"));
  EXPECT_EQ(**store_.PinnedKey(kOrigin), node_.signer().verifier_key());
  EXPECT_THAT(KeptSizes(), ElementsAre(300U));
  EXPECT_EQ(medflyt::testing::ReadFile(folder_ / "trust/odense.example%2F35209115%2F1/00000000000000000300.checkpoint"),
            seen->note);
}

TEST_F(LookTest, GrowthIsProvenAndEveryStepKept) {
  for (const size_t size : {300U, 300U, 301U, 512U, 2000U}) {
    node_.Grow(size);
    const auto seen = LookNow();
    ASSERT_TRUE(seen.ok()) << seen.status();
    EXPECT_EQ(seen->checkpoint.size(), TreeSize(size));
  }
  EXPECT_THAT(KeptSizes(), ElementsAre(300U, 301U, 512U, 2000U));
  EXPECT_TRUE(Evidence().empty());
}

TEST_F(LookTest, RollbackIsFoundTheNextDayAndKept) {
  const std::string before = LookNow()->note;
  node_.Cut(299);
  EXPECT_EQ(Accused(), "LOG_ROLLED_BACK");
  const auto evidence = Evidence();
  EXPECT_EQ(evidence.at("kept.checkpoint"), before);
  EXPECT_EQ(evidence.at("seen.checkpoint"), node_.log().files().at("checkpoint"));
  EXPECT_THAT(KeptSizes(), ElementsAre(300U)) << "what did not hold is not believed the next time";
  EXPECT_EQ(Accused(), "LOG_ROLLED_BACK");
}

TEST_F(LookTest, TwoRootsOfOneSizeAreKeptAsProofOfAFork) {
  const std::string before = LookNow()->note;
  node_.Rewrite(7, "another");
  EXPECT_EQ(Accused(), "LOG_FORKED");
  const auto evidence = Evidence();
  const std::vector<tlog::VerifierKey> key = {node_.signer().verifier_key()};
  const auto kept = tlog::OpenCheckpoint(evidence.at("kept.checkpoint"), key);
  const auto seen = tlog::OpenCheckpoint(evidence.at("seen.checkpoint"), key);
  ASSERT_TRUE(kept.ok() && seen.ok()) << "both are signed by the log, so they convince anybody";
  EXPECT_EQ(kept->checkpoint.size(), seen->checkpoint.size());
  EXPECT_NE(kept->checkpoint.root(), seen->checkpoint.root());
}

TEST_F(LookTest, RewrittenLogThatGrewIsFound) {
  ASSERT_TRUE(LookNow().ok());
  node_.Rewrite(299, "another");
  node_.Grow(400);
  EXPECT_EQ(Accused(), "LOG_FORKED");
  EXPECT_NE(Evidence().at("consistency-proof"), "");
  EXPECT_THAT(KeptSizes(), ElementsAre(300U));
}

TEST_F(LookTest, NodeThatDoesNotAnswerIsNotAccused) {
  ASSERT_TRUE(LookNow().ok());
  node_.Grow(400);
  for (const uint64_t failing : {0U, 1U}) {
    node_.calls_ = 0;
    node_.on_call_ = [&](uint64_t call) {
      return call == failing ? absl::UnavailableError("nobody there") : absl::OkStatus();
    };
    EXPECT_EQ(ExitCodeOf(LookNow().status()), ExitCode::kUnavailable) << failing;
  }
  EXPECT_TRUE(Evidence().empty());
  EXPECT_THAT(KeptSizes(), ElementsAre(300U));
}

TEST_F(LookTest, QuickerLookBesideThisOneIsNoRollback) {
  ASSERT_TRUE(LookNow().ok());
  // Between our question and the reading of the memory another look saw a longer log.
  node_.calls_ = 0;
  const std::string shorter = node_.log().files().at("checkpoint");
  node_.on_call_ = [&](uint64_t call) {
    if (call == 1) node_.Grow(350);
    return absl::OkStatus();
  };
  medflyt::testing::TiledLog longer(medflyt::testing::NumberedEntries(350), node_.signer());
  ASSERT_TRUE(store_.Keep(longer.files().at("checkpoint")).ok());
  const auto seen = LookNow();
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_EQ(seen->checkpoint.size(), TreeSize(350));
}

TEST_F(LookTest, AnotherKeyThanTheOneRememberedIsRefused) {
  ASSERT_TRUE(LookNow().ok());
  node_.SignWith(LogSigner(kOrigin, 'b'));
  node_.Grow(310);
  EXPECT_EQ(Accused(), "NOTE_UNSIGNED");
  const std::vector<directory::LogKey> handed_over = {
      {LogSigner(kOrigin, 'a').verifier_key(), TreeSize(0), TreeSize(305)},
      {LogSigner(kOrigin, 'b').verifier_key(), TreeSize(305), std::nullopt}};
  EXPECT_TRUE(LookNow(handed_over).ok()) << "a card names the new one";
  node_.SignWith(LogSigner(kOrigin, 'a'));
  node_.Grow(320);
  EXPECT_EQ(Accused(handed_over), "NOTE_UNSIGNED") << "the retired key signs nothing new";
}

// The card of another authority, or the one from before a recovery.
TEST_F(LookTest, KeysOfOtherLogsAloneAccuseNobody) {
  const auto others = medflyt::testing::Always({LogSigner("nyborg.example/log", 'n').verifier_key()});
  for (const bool looked_at : {false, true}) {
    const auto seen = LookNow(others);
    EXPECT_EQ(ExitCodeOf(seen.status()), ExitCode::kFailed) << seen.status();
    EXPECT_EQ(RuleIn(seen.status()), "LOG_KEY_NOT_NAMED") << looked_at;
    EXPECT_EQ(KeptSizes().size(), looked_at ? 1U : 0U) << "and nothing is believed";
    // The proof of an event of that other log is asked for at this node.
    const auto any = LookNow(others, std::nullopt, NamedKeys::kOfAnyLog);
    ASSERT_TRUE(any.ok()) << any.status();
    EXPECT_EQ(any->key, node_.signer().verifier_key());
    EXPECT_EQ(any->key_by_node, !looked_at);
  }
  EXPECT_TRUE(Evidence().empty());
  EXPECT_EQ(Accused(medflyt::testing::Always({LogSigner(kOrigin, 'b').verifier_key()})), "NOTE_UNSIGNED")
      << "a key of that very log";
  node_.SignWith(LogSigner(kOrigin, 'b'));
  const auto any = LookNow(others, std::nullopt, NamedKeys::kOfAnyLog);
  EXPECT_EQ(RuleIn(any.status()), "NOTE_UNSIGNED") << "the key that was remembered is still believed";
}

TEST_F(LookTest, NamedKeyIsAskedForAgain) {
  const std::vector<directory::LogKey> keys = medflyt::testing::Always({node_.signer().verifier_key()});
  ASSERT_TRUE(LookNow(keys).ok());
  EXPECT_EQ(*store_.PinnedKey(kOrigin), std::nullopt) << "nothing is pinned on the node's word";
  EXPECT_TRUE(LookNow().ok()) << "the key that the node names is the one that signed what was seen";
  node_.SignWith(LogSigner(kOrigin, 'b'));
  EXPECT_EQ(ExitCodeOf(LookNow().status()), ExitCode::kUsage);
}

TEST_F(LookTest, CosignedCheckpointIsOneThatTheLogContinues) {
  const auto none = Cosigned(*LookNow());
  EXPECT_EQ(RuleIn(none.status()), "NOT_COSIGNED");
  EXPECT_EQ(ExitCodeOf(none.status()), ExitCode::kFailed) << "no evidence against anybody";
  node_.cosigned_ = node_.log().files().at("checkpoint");
  for (const size_t size : {300U, 301U, 900U}) {
    node_.Grow(size);
    const auto cosigned = Cosigned(*LookNow());
    ASSERT_TRUE(cosigned.ok()) << cosigned.status();
    EXPECT_EQ(cosigned->checkpoint.size(), TreeSize(300));
    EXPECT_EQ(cosigned->note, node_.cosigned_);
    const auto exported = Export(*cosigned, "cosigned");
    ASSERT_TRUE(exported.ok()) << exported.status();
    EXPECT_EQ(medflyt::testing::ReadFile(folder_ / "cosigned/checkpoint"), node_.cosigned_);
  }
  auto entries = medflyt::testing::NumberedEntries(300);
  entries[9] = "another";
  EXPECT_TRUE(Evidence().empty());
  const std::string head = node_.log().files().at("checkpoint");
  for (const auto& [other, rule] :
       {std::pair(entries, "LOG_FORKED"), std::pair(medflyt::testing::NumberedEntries(901), "LOG_ROLLED_BACK")}) {
    node_.cosigned_ = medflyt::testing::TiledLog(other, node_.signer()).files().at("checkpoint");
    const auto cosigned = Cosigned(*LookNow());
    EXPECT_EQ(ExitCodeOf(cosigned.status()), ExitCode::kVerificationFailed) << rule;
    EXPECT_EQ(RuleIn(cosigned.status()), rule);
    const auto evidence = Evidence();
    ASSERT_TRUE(evidence.contains("kept.checkpoint") && evidence.contains("seen.checkpoint")) << rule;
    EXPECT_EQ(evidence.at("kept.checkpoint"), head) << rule;
    EXPECT_EQ(evidence.at("seen.checkpoint"), node_.cosigned_) << rule;
    fs::remove_all(folder_ / "trust/odense.example%2F35209115%2F1/evidence");
  }
  EXPECT_THAT(KeptSizes(), ElementsAre(300U, 301U, 900U)) << "what does not hold is not remembered";
  // Another key's signature: the log may just have been handed over, unless the card says when each key signs.
  const medflyt::testing::TiledLog before(medflyt::testing::NumberedEntries(300), LogSigner(kOrigin, 'b'));
  node_.cosigned_ = before.files().at("checkpoint");
  const tlog::VerifierKey key = node_.signer().verifier_key();
  for (const std::vector<directory::LogKey>& keys :
       {std::vector<directory::LogKey>(), medflyt::testing::Always({key})}) {
    const auto cosigned = Cosigned(*LookNow(keys));
    EXPECT_EQ(ExitCodeOf(cosigned.status()), ExitCode::kFailed) << cosigned.status();
    EXPECT_EQ(RuleIn(cosigned.status()), "LOG_KEY_NOT_NAMED");
  }
  for (const directory::LogKey& sized :
       {directory::LogKey{key, TreeSize(0), TreeSize(5000)}, directory::LogKey{key, TreeSize(10), std::nullopt}}) {
    const auto cosigned = Cosigned(*LookNow({sized}));
    EXPECT_EQ(ExitCodeOf(cosigned.status()), ExitCode::kVerificationFailed) << cosigned.status();
    EXPECT_EQ(RuleIn(cosigned.status()), "NOTE_UNSIGNED");
  }
  auto broken = *tlog::SignedNote::Parse(head);
  broken.signatures.front().signature.back() ^= 1;
  node_.cosigned_ = broken.Serialize();
  EXPECT_EQ(ExitCodeOf(Cosigned(*LookNow()).status()), ExitCode::kVerificationFailed) << "a wrong signature is none";
}

// `audit export --policy` and then `audit verify --policy`, at a node that is written to meanwhile.
TEST_F(LookTest, CopyOfTheCosignedHeadOfALogThatGrewVerifiesAgainstTheMemory) {
  const auto witness = *tlog::Cosigner::Create("witness.example/1", crypto::Signer(crypto::Key::Random()));
  auto note = *tlog::SignedNote::Parse(node_.log().files().at("checkpoint"));
  note.signatures.push_back(*witness.Cosign(*tlog::Checkpoint::Parse(note.text), program_.clock.now));
  node_.cosigned_ = note.Serialize();
  const std::string key = node_.signer().verifier_key().Format();
  Write("witnesses.policy", "log " + key + "\nwitness w " + witness.verifier_key().Format() + "\nquorum w\n");
  node_.Grow(900);
  const auto cosigned = Cosigned(*LookNow());
  ASSERT_TRUE(cosigned.ok()) << cosigned.status();
  ASSERT_TRUE(Export(*cosigned, "copy").ok());
  EXPECT_THAT(KeptSizes(), ElementsAre(300U, 900U));
  const std::vector<std::string> verify = {"audit",  "verify",  Path("copy"), "--policy", Path("witnesses.policy"),
                                           "--json", "--trust", Path("trust")};
  EXPECT_EQ(Run(verify), ExitCode::kOk) << program_.err << program_.out;
  EXPECT_EQ(Json()["quorum_met"], true);
  EXPECT_EQ(Json()["older_than_seen"], 900);
  EXPECT_THAT(program_.err, HasSubstr("older copy"));
  // What is shorter than the log was and was never proven is none.
  medflyt::testing::WriteFiles(
      medflyt::testing::TiledLog(medflyt::testing::NumberedEntries(299), node_.signer()).files(), folder_ / "cut");
  EXPECT_EQ(Run({"audit", "verify", Path("cut"), "--log-key", key, "--json", "--trust", Path("trust")}),
            ExitCode::kVerificationFailed);
  EXPECT_EQ(Json()["findings"][0]["finding"], "LOG_ROLLED_BACK");
}

// The log's key is another since the witnesses cosigned, and since the copy was made.
TEST_F(LookTest, WhatTheKeyOfBeforeAHandoverSignedIsStillOpened) {
  const std::vector<directory::LogKey> keys = {{LogSigner(kOrigin, 'a').verifier_key(), TreeSize(0), TreeSize(305)},
                                               {LogSigner(kOrigin, 'b').verifier_key(), TreeSize(305), std::nullopt}};
  node_.cosigned_ = node_.log().files().at("checkpoint");
  const auto before = LookNow(keys);
  ASSERT_TRUE(before.ok()) << before.status();
  ASSERT_TRUE(Export(*before, "copy").ok());

  node_.SignWith(LogSigner(kOrigin, 'b'));
  node_.Grow(310);
  const auto after = LookNow(keys);
  ASSERT_TRUE(after.ok()) << after.status();
  const auto cosigned = Cosigned(*after);
  ASSERT_TRUE(cosigned.ok()) << cosigned.status();
  EXPECT_EQ(cosigned->checkpoint.size(), TreeSize(300));
  EXPECT_EQ(cosigned->key, LogSigner(kOrigin, 'a').verifier_key());
  EXPECT_TRUE(Export(*cosigned, "copy").ok()) << "again, of the cosigned head";
  const auto exported = Export(*after, "copy");
  ASSERT_TRUE(exported.ok()) << exported.status();
  EXPECT_EQ(Copy(), node_.log().files());

  // The retired key vouches for nothing beyond its sizes, neither cosigned nor copied.
  node_.cosigned_ = medflyt::testing::TiledLog(medflyt::testing::NumberedEntries(305), LogSigner(kOrigin, 'a'))
                        .files()
                        .at("checkpoint");
  const auto shown = LookNow(keys);
  ASSERT_TRUE(shown.ok()) << shown.status();
  EXPECT_EQ(RuleIn(Cosigned(*shown).status()), "NOTE_UNSIGNED");
  Write("copy/checkpoint", node_.cosigned_);
  EXPECT_EQ(RuleIn(Export(*after, "copy").status()), "EXPORT_OF_ANOTHER_LOG");
}

TEST_F(LookTest, ChangedMemoryIsNoEvidenceAgainstTheLog) {
  ASSERT_TRUE(LookNow().ok());
  const std::string file = "trust/odense.example%2F35209115%2F1/00000000000000000300.checkpoint";
  for (const std::string& bytes : {std::string(), std::string("garbage"),
                                   medflyt::testing::TiledLog({"x"}, node_.signer()).files().at("checkpoint")}) {
    Write(file, bytes);
    const auto seen = LookNow();
    EXPECT_EQ(ExitCodeOf(seen.status()), ExitCode::kFailed);
    EXPECT_EQ(RuleIn(seen.status()), "TRUST_FILE_DAMAGED");
  }
}

// The node was seen with a log of 500 entries, and goes on under another name and key.
class GenerationLookTest : public LogCopyTest {
 protected:
  static constexpr const char* kSecond = "odense.example/35209115/2";
  static constexpr const char* kThird = "odense.example/35209115/3";

  GenerationLookTest() {
    node_.Grow(500);
    EXPECT_TRUE(LookNow().ok());
  }
  static std::string NoteOf(std::vector<std::string> entries, const tlog::NoteSigner& signer) {
    return medflyt::testing::TiledLog(std::move(entries), signer).files().at("checkpoint");
  }
  // Of the first log with that many entries.
  static std::string FirstAt(size_t size) {
    return NoteOf(medflyt::testing::NumberedEntries(size), LogSigner(kOrigin, 'a'));
  }
  static std::string Opening(const std::string& closed_checkpoint) {
    return *wire::LedgerCodec().Encode(
        {absl::FromUnixSeconds(1'795'000'000),
         wire::GenerationOpened{
             closed_checkpoint, TreeSize(0), {}, crypto::Sha256("first"), crypto::Sha256("second")}});
  }
  // What is open now is closed, with `left` of its entries left, and another is opened that begins with that entry.
  void GoOn(const std::string& origin, char seed, const std::string& first_entry, size_t left) {
    testing::FakeNode next{LogSigner(origin, seed)};
    next.Append(first_entry);
    next.Grow(20);
    next.closed_ = std::move(node_.closed_);
    node_.Cut(left);
    node_.closed_.clear();
    next.closed_.push_back(node_);
    node_ = std::move(next);
  }
  // Not taken, and no evidence of anything, though what was seen is kept.
  void ExpectNotTaken(const std::vector<directory::LogKey>& keys = {}) {
    const auto seen = LookNow(keys);
    EXPECT_EQ(RuleIn(seen.status()), "ORIGIN_CHANGED") << seen.status();
    EXPECT_EQ(ExitCodeOf(seen.status()), ExitCode::kFailed);
    EXPECT_EQ(*store_.OriginOf("localhost:7461"), std::string(kOrigin));
    EXPECT_EQ(Evidence().at("kept.checkpoint"), FirstAt(500));
    EXPECT_EQ(Evidence().at("seen.checkpoint"), node_.log().files().at("checkpoint"));
  }
  static std::vector<directory::LogKey> Card() {
    return {{LogSigner(kOrigin, 'a').verifier_key(), TreeSize(0), std::nullopt},
            {LogSigner(kSecond, 'b').verifier_key(), TreeSize(0), std::nullopt},
            {LogSigner(kThird, 'c').verifier_key(), TreeSize(0), std::nullopt}};
  }
};

TEST_F(GenerationLookTest, ALogOfAnotherNameIsNoFirstLook) {
  GoOn(kSecond, 'b', "no record at all", 500);
  ExpectNotTaken();
  EXPECT_TRUE(store_.All(kSecond)->empty());
  EXPECT_EQ(*store_.PinnedKey(kSecond), std::nullopt);
  ExpectNotTaken(Card());
  const auto unnamed = LookNow(medflyt::testing::Always({LogSigner(kOrigin, 'a').verifier_key()}));
  EXPECT_EQ(RuleIn(unnamed.status()), "ORIGIN_CHANGED") << "an old card";
  EXPECT_EQ(ExitCodeOf(unnamed.status()), ExitCode::kFailed);
  // The record of another log's end, and one that no believed key has signed.
  for (const std::string& closed : {NoteOf({"entry 0"}, LogSigner("nyborg.example/log", 'n')),
                                    NoteOf(medflyt::testing::NumberedEntries(500), LogSigner(kOrigin, 'x'))}) {
    node_.Rewrite(0, Opening(closed));
    ExpectNotTaken();
    ExpectNotTaken(Card());
  }
  // Deliberately, and only that one.
  EXPECT_EQ(RuleIn(LookNow({}, kThird).status()), "ORIGIN_CHANGED");
  const auto taken = LookNow({}, kSecond);
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_TRUE(taken->key_by_node);
  EXPECT_TRUE(LookNow().ok()) << "and is remembered";
}

TEST_F(GenerationLookTest, ALogThatClosesTheOneBeforeWhereItWasSeenOrLaterIsTaken) {
  const testing::FakeNode first = node_;
  for (const std::vector<directory::LogKey>& keys : {std::vector<directory::LogKey>(), Card()}) {
    for (const auto& [closed_at, left] :
         {std::pair(500U, 300U), {500U, 500U}, {510U, 300U}, {510U, 505U}, {510U, 510U}}) {
      fs::remove_all(folder_ / "trust");
      node_ = first;
      ASSERT_TRUE(LookNow(keys).ok());
      node_.Grow(closed_at);
      GoOn(kSecond, 'b', Opening(FirstAt(closed_at)), left);
      const auto seen = LookNow(keys);
      ASSERT_TRUE(seen.ok()) << closed_at << " " << left << seen.status();
      EXPECT_EQ(seen->goes_on_from, kOrigin);
      EXPECT_TRUE(seen->first_look);
      EXPECT_EQ(*store_.OriginOf("localhost:7461"), std::string(kSecond));
      EXPECT_TRUE(LookNow(keys)->goes_on_from.empty());
      EXPECT_TRUE(Evidence().empty());
    }
  }
}

// Whoever asks the recovered node for a proof may name the card of the event's issuer alone, or an old one.
TEST_F(GenerationLookTest, KeysOfOtherLogsAreNoneOfTheOneThatGoesOn) {
  GoOn(kSecond, 'b', Opening(FirstAt(500)), 500);
  const auto look = [&](const tlog::NoteSigner& signer) {
    return LookNow(medflyt::testing::Always({signer.verifier_key()}), std::nullopt, NamedKeys::kOfAnyLog);
  };
  EXPECT_EQ(RuleIn(look(LogSigner(kOrigin, 'a')).status()), "ORIGIN_CHANGED") << "of the log that it had open";
  const auto seen = look(LogSigner("nyborg.example/log", 'n'));
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_EQ(seen->goes_on_from, kOrigin);
  EXPECT_TRUE(seen->key_by_node);
}

TEST_F(GenerationLookTest, SeveralLogsMayLieBetween) {
  GoOn(kSecond, 'b', Opening(FirstAt(505)), 300);
  GoOn(kThird, 'c', Opening(node_.log().files().at("checkpoint")), 20);
  const auto seen = LookNow();
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_EQ(seen->checkpoint.origin(), kThird);
  EXPECT_EQ(seen->goes_on_from, kOrigin);
  // Without the one between there is nothing that leads back.
  node_.closed_.pop_back();
  ASSERT_TRUE(store_.RememberOrigin("localhost:7461", kOrigin).ok());
  ExpectNotTaken();
}

TEST_F(GenerationLookTest, TheClosedLogIsNoLongerTheOpenOne) {
  const testing::FakeNode first = node_;
  GoOn(kSecond, 'b', Opening(FirstAt(500)), 500);
  ASSERT_TRUE(LookNow(Card()).ok());
  node_ = first;
  for (const std::vector<directory::LogKey>& keys : {Card(), std::vector<directory::LogKey>()}) {
    const auto seen = LookNow(keys);
    EXPECT_EQ(RuleIn(seen.status()), "ORIGIN_CHANGED");
    EXPECT_EQ(ExitCodeOf(seen.status()), ExitCode::kFailed);
  }
  node_.asked_ = kOrigin;
  EXPECT_TRUE(LookNow(Card()).ok()) << "asked for by its name it is what it was";
  node_.asked_ = kSecond;
  EXPECT_EQ(RuleIn(LookNow(Card()).status()), "ORIGIN_CHANGED") << "and no answer for the other";
}

TEST_F(GenerationLookTest, AClosedLogThatEndsBeforeWhatWasSeenIsEvidence) {
  auto rewritten = medflyt::testing::NumberedEntries(500);
  rewritten[7] = "another";
  const std::string other = NoteOf(rewritten, LogSigner(kOrigin, 'a'));
  GoOn(kSecond, 'b', Opening(FirstAt(300)), 300);
  for (const std::vector<directory::LogKey>& keys : {std::vector<directory::LogKey>(), Card()}) {
    fs::remove_all(folder_ / "trust/odense.example%2F35209115%2F1/evidence");
    node_.Rewrite(0, Opening(FirstAt(300)));
    EXPECT_EQ(Accused(keys), "LOG_ROLLED_BACK");
    const auto evidence = Evidence();
    EXPECT_EQ(evidence.at("kept.checkpoint"), FirstAt(500));
    EXPECT_EQ(evidence.at("closed.checkpoint"), FirstAt(300));
    EXPECT_EQ(evidence.at("seen.checkpoint"), node_.log().files().at("checkpoint"));
    EXPECT_EQ(evidence.at("first.entry"), Opening(FirstAt(300)));
    node_.Rewrite(0, Opening(other));
    EXPECT_EQ(Accused(keys), "LOG_FORKED");
  }
  EXPECT_EQ(*store_.OriginOf("localhost:7461"), std::string(kOrigin));
}

TEST_F(GenerationLookTest, WhatTheNodeHasLeftOfTheClosedLogMustContinueWhatWasSeen) {
  // Closed beyond what was seen, with all of it left, but another.
  node_.Rewrite(7, "another");
  node_.Grow(510);
  GoOn(kSecond, 'b', Opening(node_.log().files().at("checkpoint")), 510);
  EXPECT_EQ(Accused(), "LOG_FORKED");
  EXPECT_NE(Evidence().at("consistency-proof"), "");
}

// The closed log's end is under its own key, so that one is enough.
TEST_F(GenerationLookTest, ALostEndThatTheOpenLogTellsOfIsNoNewRollback) {
  GoOn(kSecond, 'b', Opening(FirstAt(510)), 300);
  testing::FakeNode closed = node_.closed_.front();
  closed.asked_ = kOrigin;
  closed.open_.push_back(node_);
  // Of the open log another key was seen: that one has been handed over since.
  ASSERT_TRUE(store_.Keep(NoteOf({Opening(FirstAt(510))}, LogSigner(kSecond, 'x'))).ok());
  const auto alone = medflyt::testing::Always({LogSigner(kOrigin, 'a').verifier_key()});
  for (const std::vector<directory::LogKey>& keys : {Card(), alone, std::vector<directory::LogKey>()}) {
    node_ = closed;
    const auto seen = LookNow(keys);
    EXPECT_EQ(RuleIn(seen.status()), "CLOSED_LOG_SHORTER") << seen.status();
    EXPECT_EQ(ExitCodeOf(seen.status()), ExitCode::kFailed);
    // The node does not say what the open log begins with: nothing is judged.
    node_.open_.front().on_call_ = [](uint64_t call) {
      return call == 1 ? absl::PermissionDeniedError("not here") : absl::OkStatus();
    };
    const auto unjudged = LookNow(keys);
    EXPECT_EQ(unjudged.status().code(), absl::StatusCode::kPermissionDenied) << unjudged.status();
    EXPECT_EQ(ExitCodeOf(unjudged.status()), ExitCode::kFailed);
    EXPECT_TRUE(Evidence().empty());
    EXPECT_THAT(KeptSizes(), ElementsAre(500U));
  }
  for (const std::vector<directory::LogKey>& keys : {Card(), alone}) {
    for (const std::string& first : {Opening(FirstAt(300)), std::string("no record")}) {
      node_ = closed;
      node_.open_.front().Rewrite(0, first);
      EXPECT_EQ(Accused(keys), "LOG_ROLLED_BACK");
    }
  }
  for (const auto& [path, bytes] : Snapshot()) {
    EXPECT_EQ(path.find("ORIGIN_CHANGED"), std::string::npos) << path << " accuses the open log of nothing";
  }
}

TEST_F(GenerationLookTest, ANodeThatDoesNotAnswerMeanwhileIsNotAccused) {
  GoOn(kSecond, 'b', Opening(FirstAt(500)), 500);
  for (const uint64_t failing : {0U, 1U, 2U}) {
    node_.calls_ = 0;
    node_.on_call_ = [&](uint64_t call) {
      return call == failing ? absl::UnavailableError("nobody there") : absl::OkStatus();
    };
    EXPECT_EQ(ExitCodeOf(LookNow().status()), ExitCode::kUnavailable) << failing;
  }
  EXPECT_TRUE(Evidence().empty());
}

class LogExportTest : public LogCopyTest {};

TEST_F(LogExportTest, CopyIsTheFilesOfTheLogAndNothingElse) {
  // Growth over every kind of edge; old partial tiles go when wider ones are there.
  for (const size_t size : {0U, 1U, 200U, 256U, 257U, 600U, 600U, 65536U, 65540U}) {
    node_.Grow(size);
    const auto exported = ExportNow();
    ASSERT_TRUE(exported.ok()) << exported.status();
    EXPECT_EQ(Copy(), node_.log().files()) << size;
    EXPECT_TRUE(Verified().verified()) << size;
  }
}

TEST_F(LogExportTest, OnlyWhatIsNewIsFetched) {
  node_.Grow(256 * 20 + 10);
  ASSERT_TRUE(ExportNow().ok());
  node_.Grow(256 * 21 + 5);
  node_.calls_ = 0;
  const auto exported = ExportNow();
  ASSERT_TRUE(exported.ok());
  // Bundles and tiles 20 and 21, and the tile above them.
  EXPECT_EQ(exported->written, 5U);
  EXPECT_EQ(exported->removed, 3U) << "the partial ones of before";
  EXPECT_EQ(node_.calls_, 5U + 3U) << "beside the checkpoint and two consistency proofs";
}

TEST_F(LogExportTest, InterruptedAnywhereItGoesOnAndWhatIsThereHolds) {
  node_.Grow(700);
  ASSERT_TRUE(ExportNow().ok());
  const auto before = Copy();
  node_.Grow(1500);
  for (uint64_t failing = 0;; ++failing) {
    fs::remove_all(folder_ / "copy");
    for (const auto& [path, bytes] : before) Write("copy/" + path, bytes);
    node_.calls_ = 0;
    node_.on_call_ = [&](uint64_t call) { return call == failing ? absl::UnavailableError("gone") : absl::OkStatus(); };
    const auto interrupted = ExportNow();
    if (interrupted.ok()) break;
    EXPECT_EQ(ExitCodeOf(interrupted.status()), ExitCode::kUnavailable);
    const audit::Report old = Verified();
    EXPECT_TRUE(old.verified()) << "the old checkpoint's files are all still there, at call " << failing;
    EXPECT_EQ(old.size, TreeSize(700));
    ASSERT_TRUE(ExportNow().ok());
    EXPECT_EQ(Copy(), node_.log().files()) << failing;
    ASSERT_LT(failing, 100U);
  }
}

TEST_F(LogExportTest, WriterThatGoesOnDoesNotDisturbTheCopy) {
  node_.Grow(500);
  node_.on_call_ = [this](uint64_t) {
    node_.Grow(node_.size() + 37);
    return absl::OkStatus();
  };
  for (int i = 0; i < 5; ++i) {
    const auto exported = ExportNow();
    ASSERT_TRUE(exported.ok()) << exported.status();
    const audit::Report report = Verified();
    EXPECT_TRUE(report.verified());
    EXPECT_LT(report.size.value(), node_.size()) << "of the size that was looked at first";
  }
}

TEST_F(LogExportTest, FileThatAPowerCutLeftIsFetchedAgain) {
  node_.Grow(600);
  node_.on_call_ = [](uint64_t call) { return call == 7 ? absl::UnavailableError("gone") : absl::OkStatus(); };
  ASSERT_FALSE(ExportNow().ok());
  node_.on_call_ = [](uint64_t) { return absl::OkStatus(); };
  ASSERT_TRUE(fs::exists(folder_ / "copy/tile/entries/000"));
  ASSERT_FALSE(fs::exists(folder_ / "copy/checkpoint"));
  Write("copy/tile/entries/000", "");
  Write("copy/tile/0/001", "short");
  Write("copy/tile/0/000.unfinished", "half");
  ASSERT_TRUE(ExportNow().ok());
  EXPECT_EQ(Copy(), node_.log().files());
}

TEST_F(LogExportTest, CopyOfAnotherLogIsLeftAlone) {
  node_.Grow(600);
  ASSERT_TRUE(ExportNow().ok());
  const auto before = Copy();
  testing::FakeNode other(LogSigner("nyborg.example/log", 'n'));
  other.Grow(700);
  std::swap(node_, other);
  address_ = "localhost:7450";
  const auto exported = ExportNow();
  EXPECT_EQ(RuleIn(exported.status()), "EXPORT_OF_ANOTHER_LOG");
  EXPECT_EQ(ExitCodeOf(exported.status()), ExitCode::kFailed);
  EXPECT_EQ(Copy(), before);
}

TEST_F(LogExportTest, CopyThatTheNodeDoesNotContinueIsEvidence) {
  node_.Grow(600);
  ASSERT_TRUE(ExportNow().ok());
  const auto before = Copy();
  fs::remove_all(folder_ / "trust");  // the memory is lost; the copy remembers too
  node_.Rewrite(3, "another");
  node_.Grow(700);
  const auto exported = ExportNow();
  EXPECT_EQ(RuleIn(exported.status()), "LOG_FORKED");
  EXPECT_EQ(ExitCodeOf(exported.status()), ExitCode::kVerificationFailed);
  EXPECT_EQ(Copy(), before);
  const auto evidence = Evidence();
  ASSERT_TRUE(evidence.contains("kept.checkpoint") && evidence.contains("seen.checkpoint"));
  EXPECT_EQ(evidence.at("kept.checkpoint"), node_.log().files().at("checkpoint"));
  EXPECT_EQ(evidence.at("seen.checkpoint"), before.at("checkpoint"));
}

TEST_F(LogExportTest, WhatIsKeptBesideTheLogComesOnceAndGoesOnAfterAnInterruption) {
  node_.Grow(300);
  node_.beside_ = {{LeafIndex(5), true, "receipt"}, {LeafIndex(299), false, "batch"}, {LeafIndex(1001), true, "late"}};
  ASSERT_TRUE(ExportNow(true).ok());
  auto copy = Copy();
  EXPECT_EQ(copy.at("kept/receipts/005"), "receipt");
  EXPECT_EQ(copy.at("kept/received/299"), "batch");
  EXPECT_FALSE(copy.contains("kept/receipts/x001/001"));
  node_.Grow(1200);
  ASSERT_TRUE(ExportNow(false).ok());
  EXPECT_EQ(Verified().size, TreeSize(1200));
  EXPECT_EQ(*audit::KeptUntil(audit::DirectoryReader(Path("copy"))), TreeSize(300)) << "and claims no more than it has";
  node_.calls_ = 0;
  const auto first = ExportNow(true);
  ASSERT_TRUE(first.ok());
  copy = Copy();
  EXPECT_EQ(copy.at("kept/receipts/x001/001"), "late");
  fs::remove(folder_ / "copy/kept/complete");
  fs::remove(folder_ / "copy/kept/receipts/005");
  ASSERT_TRUE(ExportNow(true).ok());
  EXPECT_EQ(Copy(), copy);
}

TEST_F(LogExportTest, BundleIsPackedInTheOrderThatItsReaderFollows) {
  node_.Grow(65540);
  for (uint64_t record = 0; record < 2000; ++record) {
    node_.beside_.push_back({LeafIndex(record), record % 2 == 0, std::to_string(record)});
  }
  ASSERT_TRUE(ExportNow(true).ok());
  Write("a.policy", "quorum none\n");
  const BundleContents contents{.head = *LookNow(),
                                .trust = {},
                                .policy_file = Path("a.policy"),
                                .event_keys = {{*EventId::FromBytes(std::string(16, 'e')), std::nullopt}},
                                .part = std::nullopt};
  ASSERT_TRUE(WriteBundle(folder_ / "copy", contents, Path("log.bundle")).ok());
  const auto opened = audit::BundleFile::Open(Path("log.bundle"));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_LE((*opened)->indexed(), (*opened)->size() / 256 + 1);
  const audit::FileReader read = audit::BundleReader(*opened);
  for (const auto& [path, bytes] : Copy()) EXPECT_EQ(*audit::ReadOne(read, path), bytes) << path;
  EXPECT_EQ(audit::ParseBundleContent(**audit::ReadOne(read, "bundle"))->kept, TreeSize(65540));
  EXPECT_TRUE(audit::ReadOne(read, "policy")->has_value() && audit::ReadOne(read, "event-keys")->has_value());
}

}  // namespace
}  // namespace medflyt::cli
