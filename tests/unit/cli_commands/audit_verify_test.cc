#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/checkpoint_store.h"
#include "common/audit/bundle_file.h"
#include "common/directory/peer_card.h"
#include "common/tlog/cosignature.h"
#include "tests/unit/audit/evidence_files.h"
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
    if (path == "checkpoint") continue;
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

TEST_F(AuditVerifyTest, WhatIsNotListedOfManyFindingsIsCounted) {
  // All entries of a bundle are others: the tile leads to the signed root, they do not.
  std::vector<std::string> entries = medflyt::testing::NumberedEntries(600);
  for (size_t i = 256; i < 512; ++i) entries[i] = "another " + std::to_string(i);
  Write("log/tile/entries/001", medflyt::testing::TiledLog(entries, signer_).files().at("tile/entries/001"));
  EXPECT_EQ(Verify({"--log-key", Key()}), ExitCode::kVerificationFailed);
  EXPECT_EQ(Json()["findings"].size(), 100U);
  EXPECT_EQ(Json()["more_findings"]["ENTRY_MISMATCH"], 156);
  EXPECT_EQ(Run({"audit", "verify", Path("log"), "--log-key", Key()}), ExitCode::kVerificationFailed);
  EXPECT_THAT(program_.out, HasSubstr("ENTRY MISMATCH 156"));
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

TEST_F(AuditVerifyTest, WithoutACheckpointNothingIsSignedAndNobodyAccused) {
  std::filesystem::remove(folder_ / "log/checkpoint");
  EXPECT_EQ(Verify({"--log-key", Key()}), ExitCode::kFailed);
  EXPECT_THAT(program_.err, HasSubstr("no checkpoint"));
  EXPECT_EQ(program_.out, "");
}

TEST_F(AuditVerifyTest, MemoryFindsALogThatWentBackOrWasRewritten) {
  const std::vector<std::string> with_memory = {"--log-key", Key(), "--trust", Path("seen")};
  ASSERT_EQ(Verify(with_memory), ExitCode::kOk) << program_.err;
  EXPECT_EQ(Json()["kept_checkpoints"], 0) << "the first time";
  ASSERT_EQ(Verify(with_memory), ExitCode::kOk);
  EXPECT_EQ(Json()["kept_checkpoints"], 1);
  const auto replace = [&](const std::vector<std::string>& entries) {
    std::filesystem::remove_all(folder_ / "log");
    medflyt::testing::WriteFiles(medflyt::testing::TiledLog(entries, signer_).files(), folder_ / "log");
  };
  // Truncated, and signed anew by the log's own key.
  replace(medflyt::testing::NumberedEntries(599));
  EXPECT_EQ(Verify({"--log-key", Key()}), ExitCode::kOk) << "by itself it is a whole log";
  EXPECT_EQ(Verify(with_memory), ExitCode::kVerificationFailed);
  EXPECT_EQ(Json()["findings"][0]["finding"], "LOG_ROLLED_BACK");
  auto entries = medflyt::testing::NumberedEntries(700);
  entries[17] = "another";
  replace(entries);
  EXPECT_EQ(Verify(with_memory), ExitCode::kVerificationFailed);
  EXPECT_EQ(Json()["findings"][0]["finding"], "LOG_FORKED");
  replace(medflyt::testing::NumberedEntries(700));
  EXPECT_EQ(Verify(with_memory), ExitCode::kOk) << "what did not hold was not remembered";
}

TEST_F(AuditVerifyTest, MemoryIsUsedWhereverOneIsKnown) {
  ASSERT_EQ(Verify({"--log-key", Key()}), ExitCode::kOk) << "without a memory: " << program_.err;
  program_.variables["XDG_STATE_HOME"] = Path("state");
  ASSERT_EQ(Verify({"--log-key", Key()}), ExitCode::kOk) << "nothing is kept yet: " << program_.err;
  EXPECT_EQ(Json()["kept_checkpoints"], 0);
  std::filesystem::remove_all(folder_ / "log");
  const medflyt::testing::TiledLog truncated(medflyt::testing::NumberedEntries(599), signer_);
  medflyt::testing::WriteFiles(truncated.files(), folder_ / "log");
  EXPECT_EQ(Verify({"--log-key", Key()}), ExitCode::kVerificationFailed);
  EXPECT_EQ(Json()["findings"][0]["finding"], "LOG_ROLLED_BACK");
  EXPECT_EQ(Verify({"--log-key", Key(), "--trust", Path("another")}), ExitCode::kOk)
      << "a memory that is named instead";
}

TEST_F(AuditVerifyTest, MemoryOfTheClosedLogThatItGoesOnFromCountsToo) {
  const auto closed_at = [&](size_t size) {
    return medflyt::testing::TiledLog(medflyt::testing::NumberedEntries(size), signer_).files().at("checkpoint");
  };
  const auto next = medflyt::testing::LogSigner("odense.example/log/2", 'b');
  const std::string first = medflyt::testing::EvidenceFiles::Record(
      wire::GenerationOpened{closed_at(300), TreeSize(0), {}, crypto::Sha256("first"), crypto::Sha256("second")});
  medflyt::testing::WriteFiles(medflyt::testing::TiledLog({first}, next).files(), folder_ / "next");
  const std::vector<std::string> verify = {
      "audit", "verify", Path("next"), "--log-key", next.verifier_key().Format(), "--trust", Path("seen"), "--json"};
  ASSERT_TRUE(CheckpointStore(Path("seen")).Keep(closed_at(300)).ok());
  EXPECT_EQ(Run(verify), ExitCode::kOk) << program_.err << program_.out;
  EXPECT_EQ(Json()["goes_on_from"], "odense.example/log");
  ASSERT_TRUE(CheckpointStore(Path("seen")).Keep(closed_at(301)).ok());
  EXPECT_EQ(Run(verify), ExitCode::kVerificationFailed);
  EXPECT_EQ(Json()["findings"][0]["finding"], "LOG_ROLLED_BACK");
  EXPECT_EQ(Json()["findings"][0]["first_entry"], 0);
}

TEST_F(AuditVerifyTest, PolicyAsksForWitnesses) {
  const auto witness = *tlog::Cosigner::Create("witness.example/1", crypto::Signer(crypto::Key::Random()));
  Write("witnesses.policy", "log " + Key() + "\nwitness w " + witness.verifier_key().Format() + "\nquorum w\n");
  EXPECT_EQ(Verify({"--policy", Path("witnesses.policy")}), ExitCode::kFailed) << "no evidence against anybody";
  EXPECT_EQ(Json()["verified"], false);
  EXPECT_EQ(Json()["findings"][0]["finding"], "QUORUM_NOT_MET");
  EXPECT_THAT(program_.err, HasSubstr("nothing else is wrong"));
  const std::string tile = Read("log/tile/0/000");
  Write("log/tile/0/000", std::string(tile.size(), 'x'));
  EXPECT_EQ(Verify({"--policy", Path("witnesses.policy")}), ExitCode::kVerificationFailed) << "something else is";
  Write("log/tile/0/000", tile);
  auto note = *tlog::SignedNote::Parse(log_.files().at("checkpoint"));
  note.signatures.push_back(*witness.Cosign(*tlog::Checkpoint::Parse(note.text), absl::FromUnixSeconds(1'795'000'000)));
  Write("log/checkpoint", note.Serialize());
  EXPECT_EQ(Verify({"--policy", Path("witnesses.policy")}), ExitCode::kOk) << program_.err;
  EXPECT_EQ(Json()["quorum_met"], true);
  EXPECT_EQ(Json()["cosigned_by"][0]["witness"], "witness.example/1");
  EXPECT_EQ(Verify({"--log-key", Key()}), ExitCode::kOk);
  EXPECT_EQ(Json()["unknown_signatures"], 1);
  note.signatures.back().signature.back() ^= 1;
  Write("log/checkpoint", note.Serialize());
  EXPECT_EQ(Verify({"--policy", Path("witnesses.policy")}), ExitCode::kVerificationFailed);
  EXPECT_EQ(Json()["findings"][0]["finding"], "COSIGNATURE_INVALID");
  EXPECT_EQ(Json()["findings"][0]["detail"], "witness.example/1");
  Write("cut.policy", "log " + Key());
  EXPECT_EQ(Verify({"--policy", Path("cut.policy")}), ExitCode::kFailed);
}

class BundleVerifyTest : public testing::Workspace {
 protected:
  // Four events of which one key came along, in one file.
  BundleVerifyTest() {
    using medflyt::testing::EvidenceFiles;
    for (uint64_t number = 1; number <= 4; ++number) {
      files_.AppendEvent(EvidenceFiles::Sealed(EvidenceFiles::kOrigin, medflyt::testing::kOdenseId,
                                               medflyt::testing::kNyborgId, number),
                         number == 2);
    }
    WriteBundle(files_.Export());
  }
  void WriteBundle(const medflyt::testing::EvidenceFiles::Files& files) {
    WriteBundle(files, {files_.kOrigin, TreeSize(4), std::nullopt});
  }
  void WriteBundle(const medflyt::testing::EvidenceFiles::Files& files, const audit::BundleContent& said,
                   const std::optional<std::string>& policy = std::nullopt) {
    std::string bytes = *audit::BundleMember("bundle", audit::FormatBundleContent(said));
    bytes += *audit::BundleMember("keys", audit::FormatBundleKeys(files_.Believed()));
    if (policy) bytes += *audit::BundleMember("policy", *policy);
    bytes += *audit::BundleMember("event-keys", audit::FormatEventKeys(files_.keys_));
    for (const auto& [path, content] : files) bytes += *audit::BundleMember(path, content);
    Write("log.bundle", bytes + audit::BundleEnd());
  }
  ExitCode Verify(const std::vector<std::string>& more) {
    std::vector<std::string> args = {"audit", "verify", Path("log.bundle"), "--json"};
    args.insert(args.end(), more.begin(), more.end());
    return Run(args);
  }
  [[nodiscard]] std::string Key() const { return files_.Signer().verifier_key().Format(); }

  medflyt::testing::EvidenceFiles files_;
};

TEST_F(BundleVerifyTest, ReportCountsWhatWasOpenedAndWhatNotAndWhy) {
  ASSERT_EQ(Verify({"--log-key", Key()}), ExitCode::kOk) << program_.err << program_.out;
  EXPECT_EQ(Json()["opened"], 1);
  EXPECT_EQ(Json()["not_opened"]["without_key"], 3);
  EXPECT_EQ(Json()["not_opened"]["erased"], 0);
  EXPECT_EQ(Json()["tree_size"], 4);
}

TEST_F(BundleVerifyTest, KeysThatLieBesideTheLogAreBelievedOnlyOnRequest) {
  EXPECT_EQ(Verify({}), ExitCode::kUsage);
  program_.variables["XDG_STATE_HOME"] = Path("state");
  EXPECT_EQ(Verify({"--bundle-keys"}), ExitCode::kOk) << program_.err;
  EXPECT_THAT(program_.err, HasSubstr("another channel"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "state")) << "and are nothing to remember the log by";
  const auto forger = medflyt::testing::LogSigner(files_.kOrigin, 'f').verifier_key().Format();
  EXPECT_EQ(Verify({"--bundle-keys", "--log-key", forger}), ExitCode::kVerificationFailed)
      << "the key that is named counts before the bundle's";
}

TEST_F(BundleVerifyTest, DamagedLogIsEvidenceAndADamagedFileIsNot) {
  auto files = files_.Export();
  files.at("tile/entries/000.p/4")[90] ^= 1;
  WriteBundle(files);
  EXPECT_EQ(Verify({"--log-key", Key()}), ExitCode::kVerificationFailed);
  EXPECT_EQ(Json()["findings"][0]["finding"], "ENTRY_MISMATCH");
  EXPECT_EQ(Json()["findings"][0]["first_entry"], 0);
  const std::string whole = Read("log.bundle");
  Write("log.bundle", whole.substr(0, whole.size() / 2));
  EXPECT_EQ(Verify({"--log-key", Key()}), ExitCode::kFailed);
  EXPECT_THAT(program_.err, HasSubstr("AUDIT_BUNDLE_MALFORMED"));
}

// Else a part far beyond the log would leave nothing to be looked at.
TEST_F(BundleVerifyTest, WhatABundleSaysOfItselfMustBeWhatItsCheckpointSays) {
  for (const audit::BundleContent& said :
       {audit::BundleContent{files_.kOrigin, TreeSize(5), std::nullopt},
        audit::BundleContent{"another.example/log", TreeSize(4), std::nullopt},
        audit::BundleContent{files_.kOrigin, TreeSize(1024), audit::Part{LeafIndex(256), TreeSize(512)}}}) {
    WriteBundle(files_.Export(), said);
    EXPECT_EQ(Verify({"--log-key", Key()}), ExitCode::kFailed);
    EXPECT_THAT(program_.err, HasSubstr("AUDIT_BUNDLE_MALFORMED"));
  }
}

// Else whoever packs the bundle chooses who must have cosigned: nobody, or witnesses of their own making.
TEST_F(BundleVerifyTest, PolicyThatLiesBesideTheLogIsBelievedOnlyOnRequest) {
  const auto invented = *tlog::Cosigner::Create("invented.example/1", crypto::Signer(crypto::Key::Random()));
  const std::string asks = "witness w " + invented.verifier_key().Format() + "\nquorum w\n";
  for (const auto& [policy, believed] :
       {std::pair(std::string("quorum none\n"), ExitCode::kOk), std::pair(asks, ExitCode::kFailed)}) {
    WriteBundle(files_.Export(), {files_.kOrigin, TreeSize(4), std::nullopt}, policy);
    ASSERT_EQ(Verify({"--log-key", Key()}), ExitCode::kOk) << program_.err << program_.out;
    EXPECT_TRUE(Json()["quorum_met"].is_null());
    EXPECT_THAT(Json()["quorum_not_judged_because"].get<std::string>(), HasSubstr("not believed"));
    EXPECT_EQ(Verify({"--log-key", Key(), "--bundle-keys"}), believed);
    EXPECT_EQ(Json()["quorum_met"], believed == ExitCode::kOk);
    EXPECT_THAT(program_.err, HasSubstr("its policy"));
  }
  EXPECT_EQ(Run({"audit", "verify", Path("log.bundle"), "--log-key", Key()}), ExitCode::kOk);
  EXPECT_THAT(program_.out, HasSubstr("the policy of the bundle is not believed"));
  Write("mine.policy", "quorum none\n");
  EXPECT_EQ(Verify({"--log-key", Key(), "--policy", Path("mine.policy"), "--bundle-keys"}), ExitCode::kOk);
  EXPECT_EQ(Json()["quorum_met"], true) << "the one that is named counts before the bundle's";
}

// Two received events and two records of receipts: one of each by entry 3, and one of each later.
class KeptVerifyTest : public BundleVerifyTest {
 protected:
  KeptVerifyTest() {
    using medflyt::testing::EvidenceFiles;
    files_ = {};
    for (uint64_t number : {1U, 2U}) {
      files_.peer_.Append(EvidenceFiles::Sealed(EvidenceFiles::kPeerOrigin, medflyt::testing::kNyborgId,
                                                medflyt::testing::kOdenseId, number)
                              .entry);
    }
    Issue(1);                                                          // 0
    files_.AppendReceived({LeafIndex(0)}, 0, 2);                       // 1
    files_.AppendReceipts({LeafIndex(2)}, 0, 3, {{LeafIndex(0), 1}});  // 2
    Issue(2);                                                          // 3
    files_.AppendReceived({LeafIndex(1)}, 2, 4);                       // 4
    files_.AppendReceipts({LeafIndex(3)}, 3, 4, {{LeafIndex(3), 1}});  // 5
  }
  // An event to the peer, who logs it at once.
  void Issue(uint64_t number) {
    using medflyt::testing::EvidenceFiles;
    const uint64_t index = files_.AppendEvent(
        EvidenceFiles::Sealed(EvidenceFiles::kOrigin, medflyt::testing::kOdenseId, medflyt::testing::kNyborgId, number),
        false);
    files_.peer_.Append(EvidenceFiles::Record(
        wire::EventReceived{EvidenceFiles::kOrigin, LeafIndex(index), merkle::LeafHash(files_.entries_[index]), ""}));
  }
  // A copy of which what is kept beside the log was exported when it had so many entries.
  [[nodiscard]] medflyt::testing::EvidenceFiles::Files KeptUntil(uint64_t size) const {
    auto files = files_.Export();
    for (const uint64_t record : {1U, 2U, 4U, 5U}) {
      if (record < size) continue;
      files.erase(audit::ReceiptPath(LeafIndex(record)));
      files.erase(audit::ReceivedPath(LeafIndex(record)));
    }
    files[std::string(audit::kKeptComplete)] = std::to_string(size);
    return files;
  }
  ExitCode VerifyFolder(const medflyt::testing::EvidenceFiles::Files& files, bool json = true) {
    std::filesystem::remove_all(folder_ / "copy");
    medflyt::testing::WriteFiles(files, folder_ / "copy");
    std::vector<std::string> args = {"audit", "verify", Path("copy"), "--log-key", Key(), "--log-key", PeerKey()};
    if (json) args.emplace_back("--json");
    return Run(args);
  }
  ExitCode VerifyBundle(const medflyt::testing::EvidenceFiles::Files& files, std::optional<TreeSize> said) {
    WriteBundle(files, {files_.kOrigin, TreeSize(6), std::nullopt, said});
    return Verify({"--log-key", Key(), "--log-key", PeerKey()});
  }
  // How much of each kind was proven and not checked, and why.
  void ExpectTold(int proven, int not_checked, const std::string& why) {
    auto told = Json();
    for (const std::string kind : {"receipts", "received"}) {
      EXPECT_EQ(told[kind + "_proven"], proven) << told;
      EXPECT_EQ(told[kind + "_not_checked"], not_checked) << told;
    }
    EXPECT_EQ(told["not_checked_because"].is_null(), why.empty()) << told;
    if (!why.empty()) {
      EXPECT_THAT(told["not_checked_because"].get<std::string>(), HasSubstr(why));
    }
  }
  [[nodiscard]] std::string PeerKey() const { return files_.peer_.identity().keys[0].Format(); }
};

// `export --tiles D --kept`, and the next day `export --tiles D`.
TEST_F(KeptVerifyTest, RecordsOfAfterTheExportOfWhatIsKeptAreCountedAndNobodyIsAccused) {
  ASSERT_EQ(VerifyFolder(KeptUntil(6)), ExitCode::kOk) << program_.err << program_.out;
  ExpectTold(2, 0, "");
  ASSERT_EQ(VerifyFolder(KeptUntil(3)), ExitCode::kOk) << program_.err << program_.out;
  ExpectTold(1, 1, "before 3 only");
  auto dropped = KeptUntil(6);
  ASSERT_EQ(dropped.erase(audit::ReceiptPath(LeafIndex(5))), 1U);
  EXPECT_EQ(VerifyFolder(dropped), ExitCode::kVerificationFailed) << "that one was exported";
  EXPECT_EQ(Json()["findings"][0]["finding"], "RECEIPT_MISSING");
}

TEST_F(KeptVerifyTest, WhatWasTakenOutOfAFolderIsToldAsNotChecked) {
  auto files = KeptUntil(6);
  files.erase(std::string(audit::kKeptComplete));
  ASSERT_EQ(VerifyFolder(files), ExitCode::kOk) << program_.err << program_.out;
  ExpectTold(0, 2, "--kept");
  EXPECT_EQ(VerifyFolder(files, /*json=*/false), ExitCode::kOk);
  EXPECT_THAT(program_.out, HasSubstr("receipts not checked"));
  EXPECT_THAT(program_.out, HasSubstr("received not checked"));
  EXPECT_THAT(program_.out, HasSubstr("was not exported"));
  files[std::string(audit::kKeptComplete)] = "all";
  ASSERT_EQ(VerifyFolder(files), ExitCode::kOk);
  ExpectTold(0, 2, "before 0 only");
}

TEST_F(KeptVerifyTest, BundleThatSaysToCarryWhatIsKeptMustCarryIt) {
  const auto whole = KeptUntil(6);
  ASSERT_EQ(VerifyBundle(whole, TreeSize(6)), ExitCode::kOk) << program_.err << program_.out;
  ExpectTold(2, 0, "");
  auto without_size = whole;
  without_size.erase(std::string(audit::kKeptComplete));
  const medflyt::testing::TiledLog log_alone(files_.entries_, files_.Signer());
  for (const auto& files : {log_alone.files(), without_size, KeptUntil(3)}) {
    EXPECT_EQ(VerifyBundle(files, TreeSize(6)), ExitCode::kFailed) << "no evidence against the log's owner";
    EXPECT_THAT(program_.err, HasSubstr("AUDIT_BUNDLE_MALFORMED"));
    EXPECT_EQ(program_.out, "");
  }
  // Those of older programs say nothing of it.
  ASSERT_EQ(VerifyBundle(whole, std::nullopt), ExitCode::kOk) << program_.err << program_.out;
  ExpectTold(2, 0, "");
  ASSERT_EQ(VerifyBundle(log_alone.files(), std::nullopt), ExitCode::kOk);
  ExpectTold(0, 2, "the bundle carries nothing");
}

TEST_F(AuditVerifyTest, FolderThatIsAbsentIsNoTampering) {
  EXPECT_EQ(Run({"audit", "verify", Path("nowhere"), "--log-key", Key()}), ExitCode::kFailed);
  EXPECT_THAT(program_.err, HasSubstr("no such directory"));
}

}  // namespace
}  // namespace medflyt::cli
