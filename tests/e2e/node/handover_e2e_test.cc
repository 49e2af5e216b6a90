// A log's key is handed over to the next one, with the real programs and a peer that learns of it by the new card.
#include <gmock/gmock.h>

#include <filesystem>

#include "common/entry/handover.h"
#include "tests/e2e/node/calls.h"
#include "tests/e2e/node/node_world.h"

namespace medflyt::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Stub = v1::MunicipalityService::Stub;

class HandoverE2e : public ::testing::Test {
 protected:
  HandoverE2e() {
    odense_.Know(nyborg_);
    nyborg_.Know(odense_);
    odense_.WriteConfig("backup_dir = \"backups\"\n");
  }
  void Propose(int count) {
    for (int i = 0; i < count; ++i) {
      v1::CommandResult result;
      ASSERT_EQ(Call(*odense_.Municipality(), &Stub::ProposeAgreement,
                     Proposal(odense_, nyborg_, "p-" + std::to_string(++proposals_)), result),
                "OK");
    }
  }
  v1::Peer StatusOfPeer() {
    v1::GetStatusResponse status;
    const auto admin = v1::AdminService::NewStub(odense_.Channel("administrator-1"));
    EXPECT_EQ(Call(*admin, &v1::AdminService::Stub::GetStatus, v1::GetStatusRequest(), status), "OK");
    return status.peers_size() == 1 ? status.peers(0) : v1::Peer();
  }
  int Run(std::vector<std::string> arguments) {
    Process process(arguments, odense_.Path("errors"));
    output_.clear();
    while (const auto line = process.Line()) output_ += *line + "\n";
    return process.Wait();
  }
  int HandOver() { return Run({TestNode::Program(), "--config", odense_.Path("medflytd.toml"), "--hand-over-key"}); }
  // Its directory. Each has a second of its own.
  std::string TakeBackup() {
    v1::CreateBackupRequest request;
    *request.mutable_context() = Said();
    v1::CreateBackupResponse taken;
    const auto admin = v1::AdminService::NewStub(odense_.Channel("administrator-1"));
    std::string answer;
    EXPECT_TRUE(Await([&] {
      answer = Call(*admin, &v1::AdminService::Stub::CreateBackup, request, taken);
      return answer != "BACKUP_EXISTS";
    }));
    EXPECT_EQ(answer, "OK");
    return taken.directory();
  }
  int Restore(const std::string& backup) {
    return Run({TestNode::Program(), "--config", odense_.Path("medflytd.toml"), "--restore", backup});
  }
  std::string CardAtNyborg() const { return nyborg_.Path("peers/" + odense_.cvr() + ".card"); }
  void GiveCard() {
    fs::copy_file(odense_.Path("node.card"), CardAtNyborg(), fs::copy_options::overwrite_existing);
    nyborg_.Signal(SIGHUP);
  }
  v1::Restraint RestraintOf() {
    v1::GetStatusResponse status;
    const auto admin = v1::AdminService::NewStub(odense_.Channel("administrator-1"));
    EXPECT_EQ(Call(*admin, &v1::AdminService::Stub::GetStatus, v1::GetStatusRequest(), status), "OK");
    return status.restraint();
  }
  std::string Recover(const std::string& client, const std::string& officer) {
    v1::RecoverNodeRequest request;
    *request.mutable_context() = Said("", officer);
    v1::RecoverNodeResponse response;
    const auto admin = v1::AdminService::NewStub(odense_.Channel(client));
    return Call(*admin, &v1::AdminService::Stub::RecoverNode, request, response);
  }
  // At Nyborg, as the card that it was given has it.
  std::string Admit(const std::string& client, const std::string& officer) {
    v1::AdmitGenerationRequest request;
    *request.mutable_context() = Said("", officer);
    request.set_authority(odense_.cvr());
    request.set_fingerprint(directory::FingerprintOf(*directory::ParsePeerCard(ReadFile(CardAtNyborg()))));
    v1::AdmitGenerationResponse response;
    const auto admin = v1::AdminService::NewStub(nyborg_.Channel(client));
    const std::string answer = Call(*admin, &v1::AdminService::Stub::AdmitGeneration, request, response);
    return answer != "OK" ? answer : response.admitted() ? "admitted" : "waits";
  }
  void ComeBackFromBeforeTheHandover(bool seen) {
    nyborg_.Start();
    odense_.Start();
    Propose(2);
    ASSERT_TRUE(Await([&] { return StatusOfPeer().receipted_number() == 2; }));
    const std::string before = TakeBackup();
    EXPECT_EQ(odense_.Stop(), 0);
    ASSERT_EQ(HandOver(), 0) << odense_.Errors();
    const TreeSize from =
        directory::ParsePeerCard(ReadFile(odense_.Path("node.card")))->authority.logs.back().keys.back().from;
    GiveCard();
    uint64_t told = 2;
    if (seen) {
      odense_.Start();
      Propose(1);
      told = 3;
      ASSERT_TRUE(Await([&] { return StatusOfPeer().receipted_number() == told; })) << StatusOfPeer().last_error();
      EXPECT_EQ(odense_.Stop(SIGKILL), 128 + SIGKILL);
    }
    fs::remove_all(odense_.Path("data"));
    ASSERT_EQ(Restore(before), 0) << odense_.Errors();
    odense_.Start();
    ASSERT_TRUE(Await([&] {
      const v1::Restraint restraint = RestraintOf();
      return restraint.peers_size() == 1 && restraint.peers(0).standing() == (seen ? "beyond" : "within");
    }));
    EXPECT_THAT(RestraintOf().reason(), HasSubstr("recover"));
    EXPECT_EQ(Recover("administrator-1", "anna.officer"), "OK");
    EXPECT_EQ(Recover("administrator-2", "bodil.officer"), "OK");
    EXPECT_EQ(odense_.Stop(), 0);
    ASSERT_EQ(Run({TestNode::Program(), "--config", odense_.Path("medflytd.toml"), "--recover"}), 0)
        << odense_.Errors();
    const directory::Authority card = directory::ParsePeerCard(ReadFile(odense_.Path("node.card")))->authority;
    ASSERT_EQ(card.logs.size(), 2U);
    ASSERT_EQ(card.logs[0].keys.size(), 2U);
    EXPECT_GT(*card.logs[0].keys[1].until, from) << "what the new key signed stays verifiable";
    GiveCard();
    odense_.Start();
    EXPECT_EQ(Admit("administrator-1", "anna.officer"), "waits");
    EXPECT_EQ(Admit("administrator-2", "bodil.officer"), "admitted");
    Propose(1);
    ASSERT_TRUE(Await([&] { return StatusOfPeer().receipted_number() == told + 1; })) << StatusOfPeer().last_error();
    EXPECT_EQ(Verify({"--card", odense_.Path("node.card"), "--card", nyborg_.Path("node.card")}), 0) << output_;
    EXPECT_EQ(odense_.Stop(), 0);
    EXPECT_EQ(nyborg_.Stop(), 0);
  }
  // The exit code of `medflyt audit verify` of the log as it is now.
  int Verify(const std::vector<std::string>& believed) {
    const std::string backup = TakeBackup();
    const std::string tiles = backup + ".tiles";
    EXPECT_EQ(Run({TestNode::Program(), "--backup-tiles", backup, tiles}), 0) << odense_.Errors();
    std::vector<std::string> verify = {BinDir() + "/medflyt", "audit", "verify", tiles, "--json"};
    verify.insert(verify.end(), believed.begin(), believed.end());
    const int code = Run(verify);
    fs::remove_all(backup);
    fs::remove_all(tiles);
    return code;
  }

  TestNode odense_{"35209115", "0461", "Odense Kommune"};
  TestNode nyborg_{"29189722", "0450", "Nyborg Kommune"};
  int proposals_ = 0;
  std::string output_;
};

TEST_F(HandoverE2e, ThePeerGoesOnWithTheNewCardAndTheWholeLogVerifies) {
  nyborg_.Start();
  odense_.Start();
  Propose(2);
  ASSERT_TRUE(Await([&] { return StatusOfPeer().receipted_number() == 2; }));
  EXPECT_EQ(HandOver(), 1);
  EXPECT_THAT(odense_.Errors(), HasSubstr("STORE_IN_USE"));
  EXPECT_EQ(odense_.Stop(), 0);
  const std::string old_key = ReadFile(odense_.Path("keys/log.key"));

  ASSERT_EQ(HandOver(), 0) << odense_.Errors();
  EXPECT_THAT(output_, HasSubstr("log key localhost/35209115/1+"));
  EXPECT_NE(ReadFile(odense_.Path("keys/log.key")), old_key);
  EXPECT_FALSE(fs::exists(odense_.Path("keys/log.key.next")));
  const auto card = directory::ParsePeerCard(ReadFile(odense_.Path("node.card")));
  ASSERT_TRUE(card.ok()) << card.status();
  const auto& keys = card->authority.logs.back().keys;
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0].key, odense_.verifier());
  EXPECT_EQ(keys[0].until, keys[1].from);
  const absl::Status handed_over = entry::VerifyHandover(keys[0].key, keys[1]);
  EXPECT_TRUE(handed_over.ok()) << handed_over;

  odense_.Start();
  Propose(1);
  ASSERT_TRUE(Await([&] { return !StatusOfPeer().last_error().empty(); })) << "Nyborg knows the old key alone";
  EXPECT_EQ(StatusOfPeer().receipted_number(), 2u);
  GiveCard();
  ASSERT_TRUE(Await([&] { return StatusOfPeer().receipted_number() == 3; })) << StatusOfPeer().last_error();

  EXPECT_EQ(Verify({"--card", odense_.Path("node.card"), "--card", nyborg_.Path("node.card")}), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("\"log_key_handovers\":1"));
  EXPECT_EQ(Verify({"--log-key", odense_.verifier().Format()}), 3) << "the retired key signs nothing any more";
  EXPECT_EQ(odense_.Stop(), 0);
  EXPECT_EQ(nyborg_.Stop(), 0);
}

TEST_F(HandoverE2e, ABackupOfAfterItGoesOnByItself) {
  nyborg_.Start();
  odense_.Start();
  Propose(2);
  ASSERT_TRUE(Await([&] { return StatusOfPeer().receipted_number() == 2; }));
  EXPECT_EQ(odense_.Stop(), 0);
  ASSERT_EQ(HandOver(), 0) << odense_.Errors();
  GiveCard();
  odense_.Start();
  const std::string after = TakeBackup();
  EXPECT_EQ(odense_.Stop(SIGKILL), 128 + SIGKILL);

  fs::remove_all(odense_.Path("data"));
  ASSERT_EQ(Restore(after), 0) << odense_.Errors();
  odense_.Start();
  std::string answer;
  ASSERT_TRUE(Await([&] {
    v1::CommandResult result;
    answer = Call(*odense_.Municipality(), &Stub::ProposeAgreement, Proposal(odense_, nyborg_, "p-again"), result);
    return answer != "LOG_RESTRAINED";
  }));
  EXPECT_EQ(answer, "OK");
  ASSERT_TRUE(Await([&] { return StatusOfPeer().receipted_number() == 3; })) << StatusOfPeer().last_error();
  EXPECT_EQ(odense_.Stop(), 0);
  EXPECT_EQ(nyborg_.Stop(), 0);
}

// The key that signed it is gone, and the new one must not sign what the card has the old one for: the card alone shows
// that there was more, whatever peers have seen.
TEST_F(HandoverE2e, ABackupOfBeforeItGoesOnUnderANewLogThoughNobodyHasSeenTheNewKey) {
  ComeBackFromBeforeTheHandover(/*seen=*/false);
}
TEST_F(HandoverE2e, ABackupOfBeforeItGoesOnUnderANewLogWithWhatTheNewKeyHasSigned) {
  ComeBackFromBeforeTheHandover(/*seen=*/true);
}

// As where the key before was lost.
TEST_F(HandoverE2e, WithoutTheProofTwoOfficersAtThePeerAdmitTheKey) {
  nyborg_.Start();
  odense_.Start();
  Propose(1);
  ASSERT_TRUE(Await([&] { return StatusOfPeer().receipted_number() == 1; }));
  EXPECT_EQ(odense_.Stop(), 0);
  ASSERT_EQ(HandOver(), 0) << odense_.Errors();
  directory::Authority authority = directory::ParsePeerCard(ReadFile(odense_.Path("node.card")))->authority;
  authority.logs.back().keys.back().handover.clear();
  std::string key = ReadFile(odense_.Path("keys/log.key"));
  while (!key.empty() && key.back() == '\n') key.pop_back();
  const auto card = directory::WritePeerCard(authority, Date(2026, 11, 28), *tlog::NoteSigner::Parse(key));
  ASSERT_TRUE(card.ok()) << card.status();
  WriteFile(CardAtNyborg(), *card);
  nyborg_.Signal(SIGHUP);
  odense_.Start();
  Propose(1);
  ASSERT_TRUE(Await([&] { return StatusOfPeer().last_error() == "LOG_KEY_NOT_HANDED_OVER"; }))
      << StatusOfPeer().last_error();
  EXPECT_EQ(StatusOfPeer().receipted_number(), 1u);
  EXPECT_THAT(nyborg_.Errors(), HasSubstr("log_key_not_handed_over"));

  EXPECT_EQ(Admit("administrator-1", "anna.officer"), "waits");
  EXPECT_EQ(Admit("administrator-2", "anna.officer"), "TWO_OFFICERS_REQUIRED");
  EXPECT_EQ(Admit("administrator-2", "bodil.officer"), "admitted");
  ASSERT_TRUE(Await([&] { return StatusOfPeer().receipted_number() == 2; })) << StatusOfPeer().last_error();
  EXPECT_EQ(odense_.Stop(), 0);
  EXPECT_EQ(nyborg_.Stop(), 0);
}

TEST_F(HandoverE2e, InterruptedAfterAnyStepItIsCompletedAndDoneOnce) {
  odense_.Start();
  Propose(1);
  EXPECT_EQ(odense_.Stop(), 0);
  const std::string old_key = ReadFile(odense_.Path("keys/log.key"));
  const std::string old_card = ReadFile(odense_.Path("node.card"));
  ASSERT_EQ(HandOver(), 0) << odense_.Errors();
  const std::string said = output_;
  const std::string new_key = ReadFile(odense_.Path("keys/log.key"));

  for (const bool card_written : {true, false}) {
    WriteFile(odense_.Path("keys/log.key.next"), new_key);
    WriteFile(odense_.Path("keys/log.key"), old_key);
    if (!card_written) {
      WriteFile(odense_.Path("node.card"), old_card);
      EXPECT_EQ(Run({TestNode::Program(), "--config", odense_.Path("medflytd.toml")}), 1);
      EXPECT_THAT(odense_.Errors(), HasSubstr("HANDOVER_UNFINISHED")) << "the old key signs nothing more";
    }
    ASSERT_EQ(HandOver(), 0) << odense_.Errors();
    EXPECT_EQ(output_, said) << "the same key from the same size";
    EXPECT_EQ(ReadFile(odense_.Path("keys/log.key")), new_key);
  }
  odense_.Start();
  EXPECT_EQ(Verify({"--card", odense_.Path("node.card")}), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("\"log_key_handovers\":1"));
  EXPECT_EQ(odense_.Stop(), 0);
}

TEST_F(HandoverE2e, WhereTheNewCardHasNoRoomTheOldKeyGoesOn) {
  odense_.Start();
  Propose(1);
  EXPECT_EQ(odense_.Stop(), 0);
  const std::string key = ReadFile(odense_.Path("keys/log.key"));
  const auto signer = tlog::NoteSigner::Parse(key.substr(0, key.find('\n')));
  ASSERT_TRUE(signer.ok()) << signer.status();
  directory::Authority authority = directory::ParsePeerCard(ReadFile(odense_.Path("node.card")))->authority;
  const auto old_key = [] {
    return tlog::NoteSigner::Create("localhost/35209115/0", crypto::Signer(crypto::Key::Random()))->verifier_key();
  };
  authority.logs.insert(authority.logs.begin(), {"localhost/35209115/0",
                                                 {{old_key(), TreeSize(0), TreeSize(5)},
                                                  {old_key(), TreeSize(5), TreeSize(9), std::string(3, 'x')}}});
  const auto write = [&] { return directory::WritePeerCard(authority, Date(2026, 11, 21), *signer); };
  const size_t bytes = write()->size();
  // Up to some bytes that are no room for another proof.
  authority.logs.front().keys.back().handover += std::string((directory::kMaxPeerCardBytes - 100 - bytes) / 4 * 3, 'x');
  const auto card = write();
  ASSERT_TRUE(card.ok()) << card.status();
  WriteFile(odense_.Path("node.card"), *card);

  EXPECT_EQ(HandOver(), 2);
  EXPECT_THAT(odense_.Errors(), HasSubstr("CARD_TOO_LARGE"));
  odense_.Start();
  Propose(1);
  EXPECT_EQ(odense_.Stop(), 0);
}

TEST_F(HandoverE2e, ARolledBackStoreHandsNothingOver) {
  odense_.Start();
  Propose(1);
  EXPECT_EQ(odense_.Stop(), 0);
  fs::remove(odense_.Path("keys/epoch"));
  EXPECT_EQ(HandOver(), 1);
  EXPECT_THAT(odense_.Errors(), HasSubstr("EPOCH_FILE_MISSING"));
}

}  // namespace
}  // namespace medflyt::testing
