// Backup and restore as an administrator does them, with the real programs.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "medflyt/v1/exchange.pb.h"
#include "server/exchange/kept.h"
#include "server/exchange/kept_receipt.h"
#include "server/node/node.h"
#include "server/store_rocksdb/rocks_store.h"
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

  std::string Propose() { return Propose(odense_); }
  std::string Propose(TestNode& at) {
    v1::CommandResult result;
    return Call(*at.Municipality(), &Stub::ProposeAgreement,
                Proposal(odense_, nyborg_, "p-" + std::to_string(++proposals_)), result);
  }
  std::string TakeBackup(v1::CreateBackupResponse& taken, const std::string& client = "administrator-1") {
    v1::CreateBackupRequest request;
    *request.mutable_context() = Said();
    const auto admin = v1::AdminService::NewStub(odense_.Channel(client));
    return Call(*admin, &v1::AdminService::Stub::CreateBackup, request, taken);
  }
  v1::GetStatusResponse Status() { return Status(odense_); }
  static v1::GetStatusResponse Status(TestNode& of) {
    v1::GetStatusResponse status;
    const auto admin = v1::AdminService::NewStub(of.Channel("administrator-1"));
    EXPECT_EQ(Call(*admin, &v1::AdminService::Stub::GetStatus, v1::GetStatusRequest(), status), "OK");
    return status;
  }
  // Nyborg has all that Odense has issued.
  bool AllReceipted() { return AllReceipted(odense_); }
  static bool AllReceipted(TestNode& of) {
    return Await([&] {
      const v1::GetStatusResponse status = Status(of);
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
  int WriteTiles(const std::string& backup, const std::string& tiles) {
    return Run({TestNode::Program(), "--backup-tiles", backup, tiles});
  }
  // Against both cards and a policy that asks for Nyborg's cosignature, without any memory.
  int Verify(const std::string& tiles) {
    const std::string policy = odense_.Path("witnesses.policy");
    WriteFile(policy, "log " + odense_.verifier().Format() + "\nwitness nyborg " + nyborg_.witness().Format() +
                          "\ngroup all all nyborg\nquorum all\n");
    const std::string trust = odense_.Path("trust");
    fs::remove_all(trust);
    fs::create_directory(trust);
    const int code = Run({BinDir() + "/medflyt", "audit", "verify", tiles, "--card", odense_.Path("node.card"),
                          "--card", nyborg_.Path("node.card"), "--policy", policy, "--trust", trust, "--json"});
    std::erase(output_, '\n');  // it is one line, and was read in pieces
    return code;
  }
  // Changes the first row of that kind that a backup keeps of Nyborg, or deletes it where nothing is left of it.
  using Change = std::function<void(const store::Reader& rows, std::string& value)>;
  static void Damage(const std::string& backup, char kind, const Change& change) {
    store::RocksOptions options;
    options.layout_version = node::kLayoutVersion;
    options.create_if_missing = false;
    const auto opened = store::OpenRocksStore(backup + "/store", options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    const auto row = (*opened)->First(store::Table::kOutbox, store::KeyRange::Prefix(std::string(1, kind)));
    ASSERT_TRUE(row.ok() && row->has_value()) << row.status();
    std::string value = (*row)->value;
    change(**opened, value);
    store::Batch batch;
    if (value.empty()) {
      batch.Delete(store::Table::kOutbox, (*row)->key);
    } else {
      batch.Put(store::Table::kOutbox, (*row)->key, value);
    }
    ASSERT_TRUE((*opened)->Commit(batch, store::Durability::kSynced).ok());
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

TEST_F(BackupE2e, WhatACopyHoldsOfPeersAndWitnessesVerifiesAndDamageToItIsFound) {
  odense_.WriteConfig("backup_dir = \"backups\"\ncosigning.interval_seconds = 1\ncosigning.first_after_seconds = 0\n");
  nyborg_.Start();
  odense_.Start();
  ASSERT_EQ(Propose(odense_), "OK");
  ASSERT_EQ(Propose(nyborg_), "OK");
  ASSERT_TRUE(AllReceipted(odense_));
  ASSERT_TRUE(AllReceipted(nyborg_));
  ASSERT_TRUE(Await([&] {
    const v1::GetStatusResponse status = Status();
    return status.cosigned_size() == status.tree_size();
  }));
  v1::CreateBackupResponse cosigned;
  ASSERT_EQ(TakeBackup(cosigned), "OK");
  EXPECT_EQ(nyborg_.Stop(), 0);
  ASSERT_EQ(Propose(odense_), "OK");
  v1::CreateBackupResponse later;
  ASSERT_TRUE(Await([&] { return TakeBackup(later) == "OK"; })) << "each has a second of its own";
  ASSERT_GT(later.tree_size(), cosigned.tree_size());
  EXPECT_EQ(odense_.Stop(), 0);

  std::string tiles = odense_.Path("cosigned");
  ASSERT_EQ(WriteTiles(cosigned.directory(), tiles), 0) << odense_.Errors();
  EXPECT_EQ(Verify(tiles), 0) << output_ << odense_.Errors();
  EXPECT_THAT(output_, HasSubstr("\"quorum_met\":true"));
  EXPECT_THAT(output_, HasSubstr("\"unproven_without_peer_key\":0"));
  EXPECT_THAT(output_, Not(HasSubstr("\"received_proven\":0")));
  EXPECT_THAT(output_, Not(HasSubstr("\"receipts_proven\":0")));

  // Nobody has cosigned the head of the other. Up to where somebody has, the same copy shows it.
  tiles = odense_.Path("later");
  ASSERT_EQ(WriteTiles(later.directory(), tiles), 0) << odense_.Errors();
  EXPECT_EQ(Verify(tiles), 1) << output_;
  EXPECT_THAT(output_, HasSubstr("\"quorum_met\":false"));
  EXPECT_THAT(output_, HasSubstr("\"tree_size\":" + std::to_string(later.tree_size())));
  fs::copy_file(tiles + "/cosigned.checkpoint", tiles + "/checkpoint", fs::copy_options::overwrite_existing);
  EXPECT_EQ(Verify(tiles), 0) << output_ << odense_.Errors();
  EXPECT_THAT(output_, HasSubstr("\"tree_size\":" + std::to_string(cosigned.tree_size())));

  const std::string backup = odense_.Path("damaged");
  const auto damage = [&](char kind, const Change& change) {
    fs::remove_all(backup);
    fs::copy(cosigned.directory(), backup, fs::copy_options::recursive);
    Damage(backup, kind, change);
  };
  damage('r', [](const store::Reader&, std::string& value) {
    const auto row = exchange::DecodeKept(PairNumber(1), value);
    ASSERT_TRUE(row.ok()) << row.status();
    v1::EventBatch batch = row->ParseBatch().value_or(v1::EventBatch());
    ASSERT_GT(batch.entries_size(), 0);
    batch.mutable_entries(batch.entries_size() - 1)->append("x");  // behind what grants its key
    value.resize(value.size() - row->batch.size());
    batch.AppendToString(&value);
  });
  tiles = odense_.Path("received");
  ASSERT_EQ(WriteTiles(backup, tiles), 0) << odense_.Errors();
  EXPECT_EQ(Verify(tiles), 3) << output_;
  EXPECT_THAT(output_, HasSubstr("RECEIVED_ALTERED"));
  damage('c', [this](const store::Reader& rows, std::string& value) {
    auto row = exchange::FindReceiptRow(rows, *AuthorityId::Parse(nyborg_.cvr()), PairNumber(1));
    ASSERT_TRUE(row.ok()) << row.status();
    value.resize(value.size() - row->receipt.ByteSizeLong());
    row->receipt.mutable_checkpoint()->append("x");
    row->receipt.AppendToString(&value);
  });
  tiles = odense_.Path("receipt");
  ASSERT_EQ(WriteTiles(backup, tiles), 0) << odense_.Errors();
  EXPECT_EQ(Verify(tiles), 3) << output_;
  EXPECT_THAT(output_, HasSubstr("RECEIPT_ALTERED"));
  damage('c', [](const store::Reader&, std::string& value) { value.clear(); });
  EXPECT_EQ(WriteTiles(backup, odense_.Path("lost")), 3);
  EXPECT_THAT(odense_.Errors(), HasSubstr("ROW_MALFORMED"));
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
