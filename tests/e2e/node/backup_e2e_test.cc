// Backup and restore as an administrator does them, with the real programs.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>
#include <utility>

#include "tests/e2e/node/calls.h"
#include "tests/e2e/node/programs.h"

namespace medflyt::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using Stub = v1::MunicipalityService::Stub;

class BackupE2e : public ::testing::Test {
 protected:
  BackupE2e() {
    odense_.Know(nyborg_);
    nyborg_.Know(odense_);
    odense_.WriteConfig("backup_dir = \"backups\"\n");
  }

  std::string Propose() {
    v1::CommandResult result;
    return Call(*odense_.Municipality(), &Stub::ProposeAgreement,
                Proposal(odense_, nyborg_, "p-" + std::to_string(++proposals_)), result);
  }
  std::string TakeBackup(v1::CreateBackupResponse& taken, const std::string& client = "administrator-1") {
    v1::CreateBackupRequest request;
    *request.mutable_context() = Said();
    const auto admin = v1::AdminService::NewStub(odense_.Channel(client));
    return Call(*admin, &v1::AdminService::Stub::CreateBackup, request, taken);
  }
  v1::GetStatusResponse Status() {
    v1::GetStatusResponse status;
    const auto admin = v1::AdminService::NewStub(odense_.Channel("administrator-1"));
    EXPECT_EQ(Call(*admin, &v1::AdminService::Stub::GetStatus, v1::GetStatusRequest(), status), "OK");
    return status;
  }
  // Nyborg has all that Odense has issued.
  bool AllReceipted() {
    return Await([&] {
      const v1::GetStatusResponse status = Status();
      return std::all_of(status.peers().begin(), status.peers().end(),
                         [](const v1::Peer& peer) { return peer.receipted_number() == peer.last_issued_number(); });
    });
  }
  // The exit code of a program; what it printed is in output_.
  int Run(const std::vector<std::string>& arguments) {
    Ended ended = RunProgram(odense_, arguments);
    output_ = std::move(ended.output);
    return ended.code;
  }
  int Restore(const TestNode& node, const std::string& backup) {
    return Run({TestNode::Program(), "--config", node.Path("medflytd.toml"), "--restore", backup});
  }

  TestNode odense_{"35209115", "0461", "Odense Kommune"};
  TestNode nyborg_{"29189722", "0450", "Nyborg Kommune"};
  std::atomic<int> proposals_ = 0;
  std::string output_;
};

TEST_F(BackupE2e, ACopyTakenWhileOfficersWorkVerifiesOffline) {
  odense_.Start();
  for (int i = 0; i < 300; ++i) ASSERT_EQ(Propose(), "OK");
  v1::CreateBackupResponse taken;
  EXPECT_EQ(TakeBackup(taken, "case-system-1"), "CLIENT_ROLE_NOT_ALLOWED");
  std::atomic<bool> go_on = true;
  std::thread officer([&] {
    while (go_on) EXPECT_EQ(Propose(), "OK");
  });
  fs::create_directories(odense_.Path("backups/20200101T000000Z.unfinished"));
  fs::permissions(odense_.Path("backups"), fs::perms::owner_all);
  const std::string answer = TakeBackup(taken);
  go_on = false;
  officer.join();
  ASSERT_EQ(answer, "OK");
  EXPECT_GT(taken.tree_size(), 300u);
  EXPECT_LE(taken.tree_size(), Status().tree_size());
  EXPECT_FALSE(fs::exists(odense_.Path("backups/20200101T000000Z.unfinished"))) << "what was interrupted is swept away";
  EXPECT_TRUE(fs::exists(taken.key_backup()));

  const std::string tiles = odense_.Path("tiles");
  ASSERT_EQ(Run({TestNode::Program(), "--backup-tiles", taken.directory(), tiles}), 0) << odense_.Errors();
  EXPECT_THAT(output_, HasSubstr("size " + std::to_string(taken.tree_size()) + " root " + taken.root_hash()));
  const std::vector<std::string> verify = {BinDir() + "/medflyt",       "audit", "verify", tiles, "--log-key",
                                           odense_.verifier().Format(), "--json"};
  EXPECT_EQ(Run(verify), 0) << output_ << odense_.Errors();
  EXPECT_THAT(output_, HasSubstr("\"tree_size\":" + std::to_string(taken.tree_size())));
  EXPECT_EQ(Run({TestNode::Program(), "--backup-tiles", taken.directory(), tiles}), 1) << "nothing is overwritten";
  EXPECT_EQ(Run({TestNode::Program(), "--backup-tiles", odense_.Path("peers"), odense_.Path("none")}), 1);
  EXPECT_THAT(odense_.Errors(), HasSubstr("BACKUP_MISSING"));
  EXPECT_EQ(odense_.Stop(), 0);
}

TEST_F(BackupE2e, ANodeWhoseDiskIsLostComesBackFromItsLastBackup) {
  nyborg_.Start();
  odense_.Start();
  for (int i = 0; i < 3; ++i) ASSERT_EQ(Propose(), "OK");
  ASSERT_TRUE(AllReceipted());
  v1::CreateBackupResponse taken;
  ASSERT_EQ(TakeBackup(taken), "OK");
  EXPECT_EQ(odense_.Stop(SIGKILL), 128 + SIGKILL);

  EXPECT_EQ(Restore(odense_, taken.directory()), 1);
  EXPECT_THAT(odense_.Errors(), HasSubstr("STORE_EXISTS"));
  EXPECT_EQ(nyborg_.Stop(), 0);
  fs::remove_all(nyborg_.Path("data/store"));
  EXPECT_EQ(Restore(nyborg_, taken.directory()), 1);
  EXPECT_THAT(odense_.Errors(), HasSubstr("BACKUP_OF_ANOTHER_NODE"));

  fs::remove_all(odense_.Path("data"));
  ASSERT_EQ(Restore(odense_, taken.directory()), 0) << odense_.Errors();
  EXPECT_THAT(output_, HasSubstr("restored localhost/35209115/1 size " + std::to_string(taken.tree_size())));
  odense_.Start();
  EXPECT_TRUE(Status().has_restraint()) << "it cannot know what was signed after the backup";
  EXPECT_EQ(Propose(), "LOG_RESTRAINED");
  EXPECT_EQ(TakeBackup(taken), "LOG_RESTRAINED");
  EXPECT_EQ(odense_.Stop(), 0);
}

TEST_F(BackupE2e, ARestoredNodeGoesOnOnceItsPeersSawNoMoreAndNeverWhereTheyDid) {
  nyborg_.Start();
  odense_.Start();
  for (int i = 0; i < 3; ++i) ASSERT_EQ(Propose(), "OK");
  ASSERT_TRUE(AllReceipted());
  const uint64_t size = Status().tree_size();
  v1::CreateBackupResponse taken;
  ASSERT_EQ(TakeBackup(taken), "OK");
  ASSERT_EQ(taken.tree_size(), size) << "nothing happened meanwhile";
  EXPECT_EQ(odense_.Stop(), 0);

  fs::remove_all(odense_.Path("data/store"));
  ASSERT_EQ(Restore(odense_, taken.directory()), 0) << odense_.Errors();
  odense_.Start();
  ASSERT_TRUE(Await([&] { return !Status().has_restraint(); })) << "Nyborg has all that is in the backup and no more";
  for (int i = 0; i < 2; ++i) ASSERT_EQ(Propose(), "OK");
  ASSERT_TRUE(AllReceipted()) << "the restored node can open, seal and grant as before";
  EXPECT_EQ(odense_.Stop(), 0);

  // The same backup once more: Nyborg holds two events that are not in it.
  fs::remove_all(odense_.Path("data/store"));
  ASSERT_EQ(Restore(odense_, taken.directory()), 0) << odense_.Errors();
  odense_.Start();
  ASSERT_TRUE(Await([&] {
    const v1::GetStatusResponse status = Status();
    return status.restraint().peers_size() == 1 && status.restraint().peers(0).standing() == "beyond";
  }));
  EXPECT_EQ(Propose(), "LOG_RESTRAINED");
  EXPECT_EQ(odense_.Stop(), 0);
  EXPECT_EQ(nyborg_.Stop(), 0);
}

}  // namespace
}  // namespace medflyt::testing
