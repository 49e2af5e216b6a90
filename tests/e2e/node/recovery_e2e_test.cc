// A node whose newest backup is older than what its peers have of its log goes on under a new log, with the real
// programs: runbook of server/node/README.md.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/directory/peer_card.h"
#include "server/exchange/recovery.h"
#include "server/node/node.h"
#include "server/store_rocksdb/rocks_store.h"
#include "tests/e2e/node/calls.h"
#include "tests/e2e/node/programs.h"

namespace medflyt::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Stub = v1::MunicipalityService::Stub;

class RecoveryE2e : public ::testing::Test {
 protected:
  RecoveryE2e() {
    odense_.Know(nyborg_);
    nyborg_.Know(odense_);
    odense_.WriteConfig("backup_dir = \"backups\"\n");
  }
  std::string Propose(TestNode& at) {
    v1::CommandResult result;
    const std::string rule = Call(*at.Municipality(), &Stub::ProposeAgreement,
                                  Proposal(odense_, nyborg_, "p-" + std::to_string(++proposals_)), result);
    for (const v1::IssuedEvent& each : result.events()) events_.push_back(each.event_id());
    return rule;
  }
  static v1::GetStatusResponse Status(TestNode& of) {
    v1::GetStatusResponse status;
    const auto admin = v1::AdminService::NewStub(of.Channel("administrator-1"));
    EXPECT_EQ(Call(*admin, &v1::AdminService::Stub::GetStatus, v1::GetStatusRequest(), status), "OK");
    return status;
  }
  static bool AllReceipted(TestNode& of) {
    return Await([&] {
      const v1::GetStatusResponse status = Status(of);
      return status.peers(0).receipted_number() == status.peers(0).last_issued_number();
    });
  }
  // Three events that are told, of which Odense's newest backup has the first alone; and that Nyborg cosigned it.
  void Work(bool cosigned = false) {
    nyborg_.Start();
    odense_.Start();
    ASSERT_EQ(Propose(odense_), "OK");
    ASSERT_TRUE(AllReceipted(odense_));
    ASSERT_TRUE(!cosigned || Await([&] { return Status(odense_).cosigned_size() > 0; }));
    // Seen by an auditor, who is shown later that the log of after the recovery goes on from this one.
    ASSERT_EQ(
        RunCommand(odense_, {"audit", "checkpoint", "--trust", odense_.Path("trust")}, "auditor", "carl.auditor").code,
        0)
        << odense_.Errors();
    ASSERT_EQ(RunCommand(odense_, {"node", "backup"}).code, 0) << odense_.Errors();
    ASSERT_EQ(Propose(odense_), "OK");
    ASSERT_EQ(Propose(nyborg_), "OK");
    ASSERT_TRUE(AllReceipted(odense_));
    ASSERT_TRUE(AllReceipted(nyborg_));
  }
  int PutBack() {
    const fs::path taken = fs::directory_iterator(odense_.Path("backups"))->path();
    fs::remove_all(odense_.Path("data/store"));
    return RunProgram(odense_, {TestNode::Program(), "--config", odense_.Path("medflytd.toml"), "--restore", taken})
        .code;
  }
  // Odense comes back with its backup, and finds that Nyborg has more.
  void Restore() {
    ASSERT_EQ(PutBack(), 0) << odense_.Errors();
    odense_.Start();
    ASSERT_TRUE(Await([&] {
      const v1::GetStatusResponse status = Status(odense_);
      return status.restraint().peers_size() == 1 && status.restraint().peers(0).standing() == "beyond";
    }));
  }
  void WorkAndRestore(bool cosigned = false) {
    Work(cosigned);
    if (HasFatalFailure()) return;
    EXPECT_EQ(odense_.Stop(SIGKILL), 128 + SIGKILL);
    Restore();
  }
  // Two officers, and the node stops.
  void Decide() {
    ASSERT_EQ(RunCommand(odense_, {"node", "recover"}).code, 0) << odense_.Errors();
    ASSERT_EQ(RunCommand(odense_, {"node", "recover"}, "administrator-2", "bodil.officer").code, 0) << odense_.Errors();
    EXPECT_EQ(odense_.Stop(), 0);
  }
  Ended Recover(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.end(), {TestNode::Program(), "--config", odense_.Path("medflytd.toml"), "--recover"});
    return RunProgram(odense_, arguments);
  }
  // Two officers decide, the next log is opened, and two at Nyborg admit it. What the second officer and the program
  // said.
  std::pair<std::string, std::string> GoOnInTheNextLog() {
    EXPECT_EQ(RunCommand(odense_, {"node", "recover"}).code, 0) << odense_.Errors();
    const Ended decided = RunCommand(odense_, {"node", "recover"}, "administrator-2", "bodil.officer");
    EXPECT_EQ(decided.code, 0) << odense_.Errors();
    EXPECT_EQ(odense_.Stop(), 0);
    const Ended recovered = Recover();
    EXPECT_EQ(recovered.code, 0) << odense_.Errors();
    odense_.Start();
    fs::copy_file(odense_.Path("node.card"), nyborg_.Path("peers/35209115.card"), fs::copy_options::overwrite_existing);
    EXPECT_EQ(RunCommand(nyborg_, {"peer", "reload"}).code, 0) << nyborg_.Errors();
    const std::vector<std::string> admit = {
        "peer", "admit", odense_.cvr(), "--fingerprint",
        directory::FingerprintOf(*directory::ParsePeerCard(ReadFile(odense_.Path("node.card"))))};
    EXPECT_EQ(RunCommand(nyborg_, admit).code, 0) << nyborg_.Errors();
    EXPECT_EQ(RunCommand(nyborg_, admit, "administrator-2", "bodil.officer").code, 0) << nyborg_.Errors();
    return {decided.output, recovered.output};
  }
  // Verifies a log of Odense's that a node has, against its card and Nyborg's.
  Ended Verify(const std::string& directory, const std::vector<std::string>& which) {
    std::vector<std::string> arguments = {"audit",
                                          "export",
                                          "--tiles",
                                          odense_.Path(directory),
                                          "--kept",
                                          "--card",
                                          odense_.Path("node.card"),
                                          "--trust",
                                          odense_.Path("trust")};
    arguments.insert(arguments.end(), which.begin(), which.end());
    const Ended exported = RunCommand(odense_, arguments, "auditor", "carl.auditor");
    if (exported.code != 0) return exported;
    return RunProgram(odense_, {BinDir() + "/medflyt", "audit", "verify", odense_.Path(directory), "--card",
                                odense_.Path("node.card"), "--card", nyborg_.Path("node.card"), "--json"});
  }

  // The log in between is lost, and with it what would show the auditor that it went on from the one that was seen.
  void TakeWhatNothingShows() {
    const std::vector<std::string> look = {"audit", "checkpoint", "--trust", odense_.Path("trust")};
    EXPECT_EQ(RunCommand(odense_, look, "auditor", "carl.auditor").code, 1);
    EXPECT_THAT(odense_.Errors(), HasSubstr("ORIGIN_CHANGED"));
    std::vector<std::string> take = look;
    take.insert(take.end(), {"--new-origin", Status(odense_).origin()});
    EXPECT_EQ(RunCommand(odense_, take, "auditor", "carl.auditor").code, 0) << odense_.Errors();
  }

  TestNode odense_{"35209115", "0461", "Odense Kommune"};
  TestNode nyborg_{"29189722", "0450", "Nyborg Kommune"};
  int proposals_ = 0;
  std::vector<std::string> events_;
};

TEST_F(RecoveryE2e, WhatNobodyElseHasIsLostAndAllElseGoesOn) {
  Work();
  if (HasFatalFailure()) return;
  EXPECT_EQ(RunCommand(odense_, {"node", "recover"}).code, 1);
  EXPECT_THAT(odense_.Errors(), HasSubstr("LOG_NOT_RESTRAINED"));
  EXPECT_EQ(odense_.Stop(SIGKILL), 128 + SIGKILL);
  EXPECT_EQ(Recover().code, 1);
  EXPECT_THAT(odense_.Errors(), HasSubstr("RECOVERY_NOT_DECIDED"));

  Restore();
  if (HasFatalFailure()) return;
  EXPECT_THAT(RunCommand(odense_, {"node", "recover"}).output, HasSubstr("a second officer"));
  EXPECT_EQ(Status(odense_).restraint().first_to_recover(), "anna.officer");
  EXPECT_NE(RunCommand(odense_, {"node", "recover"}).code, 0) << "the same officer again";
  const Ended decided = RunCommand(odense_, {"node", "recover"}, "administrator-2", "bodil.officer");
  ASSERT_EQ(decided.code, 0) << odense_.Errors();
  EXPECT_THAT(decided.output, HasSubstr("\"own_events_back\":1"));
  EXPECT_THAT(decided.output, HasSubstr("\"peers_events_back\":1"));
  EXPECT_EQ(odense_.Stop(), 0);

  const std::string closed_key = ReadFile(odense_.Path("keys/log.key"));
  const std::string closed_card = ReadFile(odense_.Path("node.card"));
  const Ended recovered = Recover();
  ASSERT_EQ(recovered.code, 0) << odense_.Errors();
  // As a crash before the last step leaves it, and one before the card: the node does not start, and a repetition ends
  // where the first one would have.
  const std::string key = ReadFile(odense_.Path("keys/log.key"));
  const std::string card = ReadFile(odense_.Path("node.card"));
  for (const std::string& card_of_then : {card, closed_card}) {
    WriteFile(odense_.Path("keys/log.key"), closed_key);
    WriteFile(odense_.Path("keys/log.key.next"), key);
    WriteFile(odense_.Path("node.card"), card_of_then);
    EXPECT_NE(RunProgram(odense_, {TestNode::Program(), "--config", odense_.Path("medflytd.toml")}).code, 0);
    const Ended again = Recover();
    EXPECT_EQ(again.code, 0) << odense_.Errors();
    EXPECT_EQ(again.output, recovered.output);
    EXPECT_EQ(ReadFile(odense_.Path("keys/log.key")), key);
    EXPECT_EQ(ReadFile(odense_.Path("node.card")), card);
  }
  EXPECT_THAT(odense_.Errors(), HasSubstr("RECOVERY_UNFINISHED"));
  EXPECT_THAT(recovered.output, HasSubstr("closed localhost/35209115/1 at size"));
  EXPECT_THAT(recovered.output, HasSubstr("localhost/35209115/2-"));
  EXPECT_EQ(Recover().code, 1) << "it is done once";
  odense_.Start();
  EXPECT_FALSE(Status(odense_).has_restraint());
  EXPECT_THAT(Status(odense_).origin(), StartsWith("localhost/35209115/2-"));

  // Nyborg's officers are read out the fingerprint, and admit the new card.
  fs::copy_file(odense_.Path("node.card"), nyborg_.Path("peers/35209115.card"), fs::copy_options::overwrite_existing);
  const std::string fingerprint =
      directory::FingerprintOf(*directory::ParsePeerCard(ReadFile(odense_.Path("node.card"))));
  ASSERT_EQ(RunCommand(nyborg_, {"peer", "reload"}).code, 0);
  const std::vector<std::string> admit = {"peer", "admit", odense_.cvr(), "--fingerprint", fingerprint};
  EXPECT_EQ(RunCommand(nyborg_, admit).code, 0);
  ASSERT_EQ(Propose(odense_), "OK");
  EXPECT_EQ(Status(nyborg_).peers(0).last_received_number(), 2u) << "one officer is not enough";
  EXPECT_EQ(RunCommand(nyborg_, admit, "administrator-2", "bodil.officer").code, 0) << nyborg_.Errors();
  ASSERT_EQ(Propose(nyborg_), "OK");
  ASSERT_TRUE(AllReceipted(odense_)) << Status(odense_).peers(0).last_error();
  ASSERT_TRUE(AllReceipted(nyborg_)) << Status(nyborg_).peers(0).last_error();
  EXPECT_EQ(Status(nyborg_).peers(0).last_received_number(), 3u);
  EXPECT_EQ(Status(odense_).peers(0).last_received_number(), 2u);

  // What came back is shown as what it is: told, and receipted.
  EXPECT_THAT(RunCommand(odense_, {"event", "show", events_[1]}, "case-system-1").output,
              HasSubstr("\"delivery\":\"receipted\""));

  // Both logs are the auditor's, as the new card has them.
  const Ended open = Verify("open", {});
  EXPECT_EQ(open.code, 0) << open.output << odense_.Errors();
  EXPECT_THAT(open.output, HasSubstr("\"goes_on_from\":\"localhost/35209115/1\""));
  EXPECT_THAT(open.output, HasSubstr("\"own_events_back\":1"));
  const Ended closed = Verify("closed", {"--origin", "localhost/35209115/1"});
  EXPECT_EQ(closed.code, 0) << closed.output << odense_.Errors();
  EXPECT_THAT(closed.output, HasSubstr("\"origin\":\"localhost/35209115/1\""));
  const auto ask = [&](std::vector<std::string> question) {
    question.insert(question.end(), {"--card", odense_.Path("node.card"), "--trust", odense_.Path("trust")});
    return RunCommand(odense_, question, "auditor", "carl.auditor");
  };
  // The open log begins with the record that it goes on from the other; the closed one has no such record.
  const std::vector<std::string> of_closed = {"--origin", "localhost/35209115/1"};
  std::vector<std::string> log = {"audit", "log", "--type", "generation-opened"};
  EXPECT_THAT(ask(log).output, HasSubstr("goes on from"));
  log.insert(log.end(), of_closed.begin(), of_closed.end());
  const Ended listed = ask(log);
  EXPECT_EQ(listed.code, 0) << odense_.Errors();
  EXPECT_THAT(listed.output, ::testing::Not(HasSubstr("goes on from")));
  const Ended shown = ask({"audit", "show", "0", "--origin", "localhost/35209115/1"});
  EXPECT_EQ(shown.code, 0) << odense_.Errors();
  EXPECT_THAT(shown.output, HasSubstr("\"origin\":\"localhost/35209115/1\""));

  // And both are in a backup, with what is kept of each.
  ASSERT_EQ(RunCommand(odense_, {"node", "backup"}).code, 0) << odense_.Errors();
  fs::path newest;
  for (const auto& each : fs::directory_iterator(odense_.Path("backups"))) newest = std::max(newest, each.path());
  const std::string tiles = odense_.Path("tiles");
  ASSERT_EQ(RunProgram(odense_, {TestNode::Program(), "--backup-tiles", newest, tiles}).code, 0) << odense_.Errors();
  for (const std::string& copy : {tiles, tiles + "/closed/0"}) {
    EXPECT_TRUE(fs::exists(copy + "/kept/complete"));
    const Ended copied = RunProgram(odense_, {BinDir() + "/medflyt", "audit", "verify", copy, "--card",
                                              odense_.Path("node.card"), "--card", nyborg_.Path("node.card")});
    EXPECT_EQ(copied.code, 0) << copied.output << odense_.Errors();
  }
  EXPECT_EQ(odense_.Stop(), 0);
  odense_.Start();
  EXPECT_FALSE(Status(odense_).has_restraint());
  EXPECT_EQ(odense_.Stop(), 0);
  EXPECT_EQ(nyborg_.Stop(), 0);
}

// Lost again before another backup was taken: there is only one of before the log that it went on in.
TEST_F(RecoveryE2e, ABackupOfBeforeARecoveryGoesOnUnderAThirdLog) {
  Work();
  if (HasFatalFailure()) return;
  const std::string first_key = ReadFile(odense_.Path("keys/log.key"));
  EXPECT_EQ(odense_.Stop(SIGKILL), 128 + SIGKILL);
  Restore();
  if (HasFatalFailure()) return;
  GoOnInTheNextLog();
  ASSERT_EQ(Propose(odense_), "OK");
  ASSERT_EQ(Propose(nyborg_), "OK");
  ASSERT_TRUE(AllReceipted(odense_)) << Status(odense_).peers(0).last_error();
  ASSERT_TRUE(AllReceipted(nyborg_)) << Status(nyborg_).peers(0).last_error();
  EXPECT_EQ(odense_.Stop(SIGKILL), 128 + SIGKILL);

  // It is of a log of the own card, and the node has the key of the last one; else it is not taken.
  const std::string key = ReadFile(odense_.Path("keys/log.key"));
  const std::string card = ReadFile(odense_.Path("node.card"));
  directory::Authority authority = directory::ParsePeerCard(card)->authority;
  ASSERT_EQ(authority.logs.size(), 2U);
  authority.logs.erase(authority.logs.begin());
  const auto signer = tlog::NoteSigner::Parse(key.substr(0, key.find('\n')));
  ASSERT_TRUE(signer.ok()) << signer.status();
  const auto without_the_first = directory::WritePeerCard(authority, Date(2026, 11, 28), *signer);
  ASSERT_TRUE(without_the_first.ok()) << without_the_first.status();
  WriteFile(odense_.Path("node.card"), *without_the_first);
  EXPECT_NE(PutBack(), 0);
  EXPECT_THAT(odense_.Errors(), HasSubstr("BACKUP_OF_ANOTHER_NODE"));
  WriteFile(odense_.Path("node.card"), card);
  WriteFile(odense_.Path("keys/log.key"), first_key);
  EXPECT_NE(PutBack(), 0);
  EXPECT_THAT(odense_.Errors(), HasSubstr("CARD_KEY_MISMATCH"));
  WriteFile(odense_.Path("keys/log.key"), key);

  Restore();
  if (HasFatalFailure()) return;
  EXPECT_EQ(Propose(odense_), "LOG_RESTRAINED");
  const auto [decided, recovered] = GoOnInTheNextLog();
  EXPECT_THAT(decided, HasSubstr("\"own_events_back\":2"));
  EXPECT_THAT(decided, HasSubstr("\"peers_events_back\":2"));
  EXPECT_THAT(recovered, HasSubstr("closed localhost/35209115/2-"));
  EXPECT_FALSE(Status(odense_).has_restraint());
  EXPECT_THAT(Status(odense_).origin(), StartsWith("localhost/35209115/3-"));
  ASSERT_EQ(Propose(odense_), "OK");
  ASSERT_EQ(Propose(nyborg_), "OK");
  ASSERT_TRUE(AllReceipted(odense_)) << Status(odense_).peers(0).last_error();
  ASSERT_TRUE(AllReceipted(nyborg_)) << Status(nyborg_).peers(0).last_error();
  EXPECT_EQ(Status(nyborg_).peers(0).last_received_number(), 4U);
  EXPECT_EQ(Status(odense_).peers(0).last_received_number(), 3U);

  TakeWhatNothingShows();
  const Ended open = Verify("open", {});
  EXPECT_EQ(open.code, 0) << open.output << odense_.Errors();
  EXPECT_THAT(open.output, HasSubstr("\"goes_on_from\":\"localhost/35209115/2-"));
  EXPECT_THAT(open.output, HasSubstr("\"own_events_back\":2"));
  const Ended closed = Verify("closed", {"--origin", "localhost/35209115/1"});
  EXPECT_EQ(closed.code, 0) << closed.output << odense_.Errors();
  const std::string second = directory::ParsePeerCard(card)->authority.logs.back().origin;
  EXPECT_EQ(Verify("lost", {"--origin", second}).code, 1)
      << "of the lost one there is nothing, and that is no evidence";
  EXPECT_THAT(odense_.Errors(), HasSubstr("ORIGIN_UNKNOWN"));
  EXPECT_EQ(odense_.Stop(), 0);
  odense_.Start();
  EXPECT_FALSE(Status(odense_).has_restraint());
  EXPECT_EQ(odense_.Stop(), 0);
  EXPECT_EQ(nyborg_.Stop(), 0);
}

// The log in between was lost before anybody had an entry of it. No peer has a head of it, and whatever they say of the
// one before, the node does not sign it.
TEST_F(RecoveryE2e, ALogThatWasLostBeforeAnybodyHadSeenItIsNotBegunAgain) {
  WorkAndRestore();
  if (HasFatalFailure()) return;
  Decide();
  if (HasFatalFailure()) return;
  ASSERT_EQ(Recover().code, 0) << odense_.Errors();
  const std::string card = ReadFile(odense_.Path("node.card"));
  WriteFile(nyborg_.Path("peers/35209115.card"), card);
  ASSERT_EQ(RunCommand(nyborg_, {"peer", "reload"}).code, 0) << nyborg_.Errors();
  const std::vector<std::string> admit = {"peer", "admit", odense_.cvr(), "--fingerprint",
                                          directory::FingerprintOf(*directory::ParsePeerCard(card))};
  EXPECT_EQ(RunCommand(nyborg_, admit).code, 0) << nyborg_.Errors();
  EXPECT_EQ(RunCommand(nyborg_, admit, "administrator-2", "bodil.officer").code, 0) << nyborg_.Errors();

  ASSERT_EQ(PutBack(), 0) << odense_.Errors();
  odense_.Start();
  ASSERT_TRUE(Await([&] {
    const v1::GetStatusResponse status = Status(odense_);
    return status.restraint().peers_size() == 1 && status.restraint().peers(0).standing() == "unproven";
  }));
  const auto [decided, recovered] = GoOnInTheNextLog();
  EXPECT_THAT(decided, HasSubstr("\"own_events_back\":1"));
  EXPECT_THAT(recovered, HasSubstr("localhost/35209115/3-"));
  ASSERT_EQ(Propose(odense_), "OK");
  ASSERT_TRUE(AllReceipted(odense_)) << Status(odense_).peers(0).last_error();
  EXPECT_EQ(Status(nyborg_).peers(0).last_received_number(), 3U);
  TakeWhatNothingShows();
  const Ended open = Verify("open", {});
  EXPECT_EQ(open.code, 0) << open.output << odense_.Errors();
  EXPECT_EQ(odense_.Stop(), 0);
  EXPECT_EQ(nyborg_.Stop(), 0);
}

TEST_F(RecoveryE2e, AClosedLogIsCopiedUnderTheHeadThatWitnessesHaveCosigned) {
  odense_.WriteConfig("backup_dir = \"backups\"\ncosigning.interval_seconds = 1\ncosigning.first_after_seconds = 0\n");
  WorkAndRestore(true);
  if (HasFatalFailure()) return;
  Decide();
  if (HasFatalFailure()) return;
  ASSERT_EQ(Recover().code, 0) << odense_.Errors();
  odense_.Start();

  const std::string policy = odense_.Path("witnesses.policy");
  WriteFile(policy, "log " + odense_.verifier().Format() + "\nwitness nyborg " + nyborg_.witness().Format() +
                        "\nquorum nyborg\n");
  const std::string copy = odense_.Path("closed");
  const Ended exported = RunCommand(odense_,
                                    {"audit", "export", "--tiles", copy, "--origin", odense_.verifier().name(),
                                     "--policy", policy, "--trust", odense_.Path("trust")},
                                    "auditor", "carl.auditor");
  EXPECT_EQ(exported.code, 0) << odense_.Errors();
  const Ended verified =
      RunProgram(odense_, {BinDir() + "/medflyt", "audit", "verify", copy, "--policy", policy, "--json"});
  EXPECT_EQ(verified.code, 0) << verified.output << odense_.Errors();
  EXPECT_THAT(verified.output, HasSubstr("\"origin\":\"localhost/35209115/1\""));
  EXPECT_EQ(odense_.Stop(), 0);
  EXPECT_EQ(nyborg_.Stop(), 0);
}

// An administrator at each end is shown what the peer that was left out has and the new log does not.
TEST_F(RecoveryE2e, WhatALeftOutPeerHasIsShownAtBothEnds) {
  WorkAndRestore();
  if (HasFatalFailure()) return;
  const std::vector<std::string> without = {"node", "recover", "--without", nyborg_.cvr()};
  EXPECT_EQ(RunCommand(odense_, without).code, 0) << odense_.Errors();
  EXPECT_EQ(RunCommand(odense_, without, "administrator-2", "bodil.officer").code, 0) << odense_.Errors();
  EXPECT_EQ(odense_.Stop(), 0);
  ASSERT_EQ(Recover().code, 0) << odense_.Errors();
  odense_.Start();
  fs::copy_file(odense_.Path("node.card"), nyborg_.Path("peers/35209115.card"), fs::copy_options::overwrite_existing);
  ASSERT_EQ(RunCommand(nyborg_, {"peer", "reload"}).code, 0) << nyborg_.Errors();
  const std::vector<std::string> admit = {
      "peer", "admit", odense_.cvr(), "--fingerprint",
      directory::FingerprintOf(*directory::ParsePeerCard(ReadFile(odense_.Path("node.card"))))};
  EXPECT_EQ(RunCommand(nyborg_, admit).code, 0) << nyborg_.Errors();
  EXPECT_EQ(RunCommand(nyborg_, admit, "administrator-2", "bodil.officer").code, 0) << nyborg_.Errors();

  const auto shown = [](TestNode& at) {
    return Await([&at] {
      const v1::GetStatusResponse status = Status(at);
      return status.peers(0).has_own_left_out() && status.peers(0).has_peers_left_out();
    });
  };
  ASSERT_TRUE(shown(odense_)) << Status(odense_).peers(0).last_error();
  ASSERT_TRUE(shown(nyborg_)) << Status(nyborg_).peers(0).last_error();
  EXPECT_EQ(Status(odense_).peers(0).last_error(), "PEER_LEFT_OUT");
  EXPECT_TRUE(Status(nyborg_).peers(0).paused());
  EXPECT_THAT(RunCommand(odense_, {"node", "status"}).output,
              HasSubstr("\"own_numbers\":\"2\",\"peers_numbers\":\"1\""));
  EXPECT_THAT(RunCommand(nyborg_, {"node", "status"}).output,
              HasSubstr("\"own_numbers\":\"1\",\"peers_numbers\":\"2\""));
  EXPECT_EQ(odense_.Stop(), 0);
  EXPECT_EQ(nyborg_.Stop(), 0);
}

// What proved a peer's log outlives the recovery: a card with another key for that log is believed no more than before,
// also where it is there when the node first starts with its new log, and the peer that is met signs with that key.
// Behind the closing of the log there is no way back: what was decided for another store is refused before it.
TEST_F(RecoveryE2e, WhatWasDecidedForAnotherStoreClosesNothing) {
  WorkAndRestore();
  if (HasFatalFailure()) return;
  Decide();
  if (HasFatalFailure()) return;
  const std::string card = ReadFile(odense_.Path("node.card"));
  const auto decided_for = [&](int64_t more) {
    store::RocksOptions options;
    options.layout_version = node::kLayoutVersion;
    const auto store = store::OpenRocksStore(odense_.Path("data/store"), options);
    ASSERT_TRUE(store.ok()) << store.status();
    const auto plan = exchange::ReadRecoveryPlan(**store);
    ASSERT_TRUE(plan.ok() && plan->has_value()) << plan.status();
    v1::RecoveryPlan changed = **plan;
    changed.set_kept_size(changed.kept_size() + static_cast<uint64_t>(more));
    store::Batch batch;
    batch.Put(store::Table::kMeta, exchange::kRecoveryRow, changed.SerializeAsString());
    ASSERT_TRUE((*store)->Commit(batch, store::Durability::kSynced).ok());
  };
  decided_for(1);
  EXPECT_EQ(Recover().code, 1);
  EXPECT_THAT(odense_.Errors(), HasSubstr("RECOVERY_NOT_DECIDED"));
  EXPECT_EQ(ReadFile(odense_.Path("node.card")), card);
  EXPECT_FALSE(fs::exists(odense_.Path("keys/log.key.next")));
  decided_for(-1);
  EXPECT_EQ(Recover().code, 0) << odense_.Errors();
  EXPECT_EQ(nyborg_.Stop(), 0);
}

TEST_F(RecoveryE2e, APeersLogKeepsTheKeysThatWereTaken) {
  WorkAndRestore();
  if (HasFatalFailure()) return;
  Decide();
  if (HasFatalFailure()) return;
  ASSERT_EQ(Recover().code, 0) << odense_.Errors();
  EXPECT_EQ(nyborg_.Stop(), 0);

  // Somebody in Nyborg's place, with its certificates and a log key of their own making.
  for (const std::string each : {"data", "keys"}) fs::rename(nyborg_.Path(each), nyborg_.Path("true-" + each));
  fs::create_directory(nyborg_.Path("keys"));
  for (const std::string each : {"/witness.key", "/root.secret"}) {
    fs::copy_file(nyborg_.Path("true-keys" + each), nyborg_.Path("keys" + each));
  }
  const std::string true_card = ReadFile(nyborg_.Path("node.card"));
  directory::Authority authority = directory::ParsePeerCard(true_card)->authority;
  ASSERT_EQ(authority.logs.size(), 1U);
  const auto invented = *tlog::NoteSigner::Create(authority.logs.front().origin, crypto::Signer(crypto::Key::Random()));
  WriteFile(nyborg_.Path("keys/log.key"), invented.Format() + "\n");
  authority.logs = {{invented.verifier_key().name(), {{invented.verifier_key(), TreeSize(0), std::nullopt}}}};
  const auto card = directory::WritePeerCard(authority, Date(2026, 11, 28), invented);
  ASSERT_TRUE(card.ok()) << card.status();
  const std::vector<std::string> nyborgs_card = {nyborg_.Path("node.card"), odense_.Path("peers/29189722.card")};
  for (const std::string& file : nyborgs_card) WriteFile(file, *card);
  odense_.Start();
  nyborg_.Start();
  ASSERT_EQ(Propose(nyborg_), "OK");
  ASSERT_TRUE(Await([&] { return Status(nyborg_).peers(0).last_error() == "LOG_KEY_NOT_HANDED_OVER"; }))
      << Status(nyborg_).peers(0).last_error();
  EXPECT_THAT(odense_.Errors(), HasSubstr("log_key_not_handed_over"));
  EXPECT_EQ(Status(odense_).peers(0).last_received_number(), 1U);
  EXPECT_EQ(nyborg_.Stop(), 0);

  // Nyborg itself is taken at its word, and takes Odense's new log once two officers have said so.
  for (const std::string each : {"data", "keys"}) {
    fs::remove_all(nyborg_.Path(each));
    fs::rename(nyborg_.Path("true-" + each), nyborg_.Path(each));
  }
  for (const std::string& file : nyborgs_card) WriteFile(file, true_card);
  fs::copy_file(odense_.Path("node.card"), nyborg_.Path("peers/35209115.card"), fs::copy_options::overwrite_existing);
  ASSERT_EQ(RunCommand(odense_, {"peer", "reload"}).code, 0) << odense_.Errors();
  nyborg_.Start();
  const std::vector<std::string> admit = {
      "peer", "admit", odense_.cvr(), "--fingerprint",
      directory::FingerprintOf(*directory::ParsePeerCard(ReadFile(odense_.Path("node.card"))))};
  EXPECT_EQ(RunCommand(nyborg_, admit).code, 0) << nyborg_.Errors();
  EXPECT_EQ(RunCommand(nyborg_, admit, "administrator-2", "bodil.officer").code, 0) << nyborg_.Errors();
  ASSERT_EQ(Propose(nyborg_), "OK");
  ASSERT_TRUE(AllReceipted(nyborg_)) << Status(nyborg_).peers(0).last_error();
  EXPECT_EQ(Status(odense_).peers(0).last_received_number(), 2U);
  EXPECT_EQ(odense_.Stop(), 0);
  EXPECT_EQ(nyborg_.Stop(), 0);
}

// The program itself, killed at its first, second, ... sync and as it puts each file in its place.
TEST_F(RecoveryE2e, AfterAKillAtAnyStepItIsRepeated) {
  if (std::system("strace -o /dev/null true 2>/dev/null") != 0) GTEST_SKIP() << "SKIPPED-STRACE: strace does not run";
  WorkAndRestore();
  if (HasFatalFailure()) return;
  Decide();
  if (HasFatalFailure()) return;

  const std::vector<std::string> changes = {"data", "keys", "node.card"};
  const auto copy = [this, &changes](const std::string& from, const std::string& to) {
    for (const std::string& each : changes) {
      fs::remove_all(odense_.Path(to + each));
      fs::copy(odense_.Path(from + each), odense_.Path(to + each), fs::copy_options::recursive);
    }
  };
  fs::create_directory(odense_.Path("decided"));
  copy("", "decided/");
  int killed = 0;
  for (const std::string call : {"fdatasync", "fsync", "rename"}) {
    for (int at = 1;; ++at) {
      copy("decided/", "");
      const std::string inject = "inject=" + call + ":signal=KILL:when=" + std::to_string(at);
      SCOPED_TRACE(inject);
      const int code = Recover({"strace", "-f", "-o", "/dev/null", "-e", inject}).code;
      if (code == 0) break;
      ASSERT_EQ(code, 128 + SIGKILL) << odense_.Errors();
      ++killed;
      // It is taken up where it was left; or everything was done, and all but the answer.
      const Ended again = Recover();
      if (again.code != 0) {
        EXPECT_THAT(odense_.Errors(), HasSubstr("RECOVERY_NOT_DECIDED"));
      }
      EXPECT_FALSE(fs::exists(odense_.Path("keys/log.key.next")));
      if (at % 5 != 1) continue;  // a start takes longer than all else
      odense_.Start();
      const v1::GetStatusResponse status = Status(odense_);
      EXPECT_THAT(status.origin(), StartsWith("localhost/35209115/2-"));
      EXPECT_EQ(status.peers(0).last_issued_number(), 2U);
      EXPECT_EQ(status.peers(0).last_received_number(), 1U);
      EXPECT_EQ(odense_.Stop(), 0);
    }
  }
  EXPECT_GT(killed, 8);
}

}  // namespace
}  // namespace medflyt::testing
