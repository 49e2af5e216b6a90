// Real nodes cosign each other's logs: what an administrator sees of it.
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/e2e/node/calls.h"
#include "tests/e2e/node/node_world.h"
#include "tests/e2e/node/programs.h"

namespace medflyt::testing {
namespace {

class CosigningE2e : public ::testing::Test {
 protected:
  CosigningE2e() {
    odense.Know(nyborg);
    nyborg.Know(odense);
    // As dotted keys, since tables follow.
    odense.WriteConfig("cosigning.interval_seconds = 1\ncosigning.first_after_seconds = 0\n");
  }

  v1::GetStatusResponse Status(TestNode& node) {
    v1::GetStatusResponse response;
    const auto admin = v1::AdminService::NewStub(node.Channel("administrator-1"));
    EXPECT_EQ(Call(*admin, &v1::AdminService::Stub::GetStatus, v1::GetStatusRequest(), response), "OK");
    return response;
  }
  // An entry of the log: a search for a citizen that nobody has is recorded, hit or miss.
  void Search(TestNode& node) {
    v1::GetEnrolmentRequest request;
    *request.mutable_context() = Said();
    request.set_cpr("6101801000");
    v1::GetEnrolmentResponse response;
    EXPECT_NE(Call(*node.Municipality(), &v1::MunicipalityService::Stub::GetEnrolment, request, response), "OK");
  }
  // Three entries, cosigned by this witness and shown to nobody else; the root of that tree.
  std::string ThreeEntriesCosignedBy(TestNode& witness) {
    witness.Start();
    odense.Start();
    for (int i = 0; i < 3; ++i) Search(odense);
    EXPECT_TRUE(Await([&] { return Status(odense).cosigned_size() == 3; }));
    EXPECT_EQ(Status(odense).tree_size(), 3U);
    const std::string root = Status(odense).root_hash();
    EXPECT_EQ(odense.Stop(), 0);
    return root;
  }
  v1::ListForksResponse ForksAt(TestNode& node) {
    v1::ListForksResponse forks;
    const auto admin = v1::AdminService::NewStub(node.Channel("administrator-1"));
    EXPECT_EQ(Call(*admin, &v1::AdminService::Stub::ListForks, v1::ListForksRequest(), forks), "OK");
    return forks;
  }
  int Medflyt(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), BinDir() + "/medflyt");
    return Process(arguments, odense.Path("errors")).Wait();
  }

  TestNode odense{"35209115", "0461", "Odense Kommune"};
  TestNode nyborg{"29189722", "0450", "Nyborg Kommune"};
};

TEST_F(CosigningE2e, ALogIsCosignedOnItsSchedule) {
  ASSERT_TRUE(odense.pki().ok() && nyborg.pki().ok());
  odense.Start();
  v1::CommandResult result;
  ASSERT_EQ(Call(*odense.Municipality(), &v1::MunicipalityService::Stub::ProposeAgreement,
                 Proposal(odense, nyborg, "propose"), result),
            "OK");
  // Nobody is there to cosign it, and that is told.
  ASSERT_TRUE(Await([&] { return Status(odense).peers(0).cosigning_error() != ""; }));
  EXPECT_EQ(Status(odense).cosigned_size(), 0U);

  nyborg.Start();
  ASSERT_TRUE(Await([&] {
    const v1::GetStatusResponse status = Status(odense);
    return status.cosigned_size() == status.tree_size() && status.peers(0).cosigned_size() == status.tree_size();
  }));
  const v1::GetStatusResponse status = Status(odense);
  EXPECT_EQ(status.peers(0).cosigning_error(), "");
  EXPECT_EQ(status.peers(0).cosigned_beyond(), 0U);
  EXPECT_LE(absl::Now() - absl::FromUnixSeconds(status.peers(0).cosigned_at().seconds()), absl::Minutes(2));

  // It is known at once after a restart, whether the witness is there or not.
  EXPECT_EQ(nyborg.Stop(), 0);
  EXPECT_EQ(odense.Stop(), 0);
  odense.Start();
  const v1::GetStatusResponse after = Status(odense);
  EXPECT_EQ(after.cosigned_size(), status.cosigned_size());
  EXPECT_EQ(after.peers(0).cosigned_at().seconds(), status.peers(0).cosigned_at().seconds());
}

TEST_F(CosigningE2e, NoForkIsFoundWhereThereIsNone) {
  ASSERT_TRUE(odense.pki().ok());
  odense.Start();
  v1::ListForksResponse forks;
  const auto admin = v1::AdminService::NewStub(odense.Channel("administrator-1"));
  EXPECT_EQ(Call(*admin, &v1::AdminService::Stub::ListForks, v1::ListForksRequest(), forks), "OK");
  EXPECT_EQ(forks.forks_size(), 0);
  const auto auditor = v1::AdminService::NewStub(odense.Channel("auditor"));
  EXPECT_EQ(Call(*auditor, &v1::AdminService::Stub::ListForks, v1::ListForksRequest(), forks),
            "CLIENT_ROLE_NOT_ALLOWED");
}

TEST_F(CosigningE2e, ANodeAnswersTheQuestionsOfAnother) {
  ASSERT_TRUE(odense.pki().ok() && nyborg.pki().ok());
  odense.Start();
  v1::CommandResult result;
  ASSERT_EQ(Call(*odense.Municipality(), &v1::MunicipalityService::Stub::ProposeAgreement,
                 Proposal(odense, nyborg, "propose"), result),
            "OK");
  // With the certificate of Nyborg's node.
  const auto peer =
      v1::PeerService::NewStub(odense.ChannelAs(nyborg.pki().Path("node/key.pem"), nyborg.pki().Path("node/cert.pem")));
  const uint64_t size = Status(odense).tree_size();
  ASSERT_GT(size, 1U);
  v1::ProveConsistencyRequest prove;
  prove.set_from(1);
  prove.set_to(size);
  v1::ProveConsistencyResponse proof;
  EXPECT_EQ(Call(*peer, &v1::PeerService::Stub::ProveConsistency, prove, proof), "OK");
  EXPECT_GT(proof.hashes_size(), 0);
  prove.set_to(size + 100);
  EXPECT_EQ(Call(*peer, &v1::PeerService::Stub::ProveConsistency, prove, proof), "PROOF_OUT_OF_RANGE");
  v1::CompareHeadsResponse heads;
  EXPECT_EQ(Call(*peer, &v1::PeerService::Stub::CompareHeads, v1::CompareHeadsRequest(), heads), "OK");
  EXPECT_EQ(heads.checkpoints_size(), 0);
  v1::CosignRequest garbage;
  garbage.set_checkpoint("garbage");
  v1::CosignResponse answer;
  EXPECT_EQ(Call(*peer, &v1::PeerService::Stub::Cosign, garbage, answer), "NOTE_MALFORMED");
}

TEST_F(CosigningE2e, OnlyANodeIsAWitness) {
  ASSERT_TRUE(odense.pki().ok());
  odense.Start();
  const auto peer = v1::PeerService::NewStub(odense.Channel());
  v1::CosignResponse response;
  EXPECT_EQ(Call(*peer, &v1::PeerService::Stub::Cosign, v1::CosignRequest(), response), "CLIENT_ROLE_NOT_ALLOWED");
}

// A node starts anew under its old key and shows a second peer another history; the two peers have never met.
TEST_F(CosigningE2e, ASplitViewIsProvenWhenItsTwoWitnessesMeetAndConvincesWhoHasThePublicKeyAlone) {
  TestNode kerteminde("29189706", "0440", "Kerteminde Kommune");
  for (TestNode* each : {&nyborg, &kerteminde}) {
    each->Know(odense);
    each->Know(nyborg);
    each->Know(kerteminde);
    std::filesystem::remove(each->Path("peers/" + each->cvr() + ".card"));
  }
  const std::string first = ThreeEntriesCosignedBy(nyborg);
  EXPECT_EQ(nyborg.Stop(), 0);
  for (const char* gone : {"data", "keys/kek", "keys/epoch", "keys/key-backup"}) {
    std::filesystem::remove_all(odense.Path(gone));
  }
  std::filesystem::remove(odense.Path("peers/" + nyborg.cvr() + ".card"));
  odense.Know(kerteminde);
  ASSERT_NE(ThreeEntriesCosignedBy(kerteminde), first);
  EXPECT_EQ(ForksAt(kerteminde).forks_size(), 0) << "each sees one consistent log as long as they do not meet";

  nyborg.Start();
  for (TestNode* each : {&nyborg, &kerteminde}) {
    ASSERT_TRUE(Await([&] { return ForksAt(*each).forks_size() == 1; })) << each->cvr();
    EXPECT_TRUE(ForksAt(*each).forks(0).proven());
    EXPECT_EQ(ForksAt(*each).forks(0).authority(), odense.cvr());
    const v1::GetStatusResponse status = Status(*each);
    const auto shown = std::find_if(status.peers().begin(), status.peers().end(),
                                    [this](const v1::Peer& peer) { return peer.authority() == odense.cvr(); });
    ASSERT_NE(shown, status.peers().end());
    EXPECT_EQ(shown->last_error(), "LOG_FORKED");
    EXPECT_TRUE(shown->paused());
    EXPECT_THAT(shown->forked_origins(), ::testing::ElementsAre(shown->origin()));
    EXPECT_THAT(RunCommand(*each, {"node", "status"}).output, ::testing::HasSubstr("\"forked\":"));
    const std::string file = each->Path("fork");
    EXPECT_EQ(
        Medflyt({"peer", "forks", "--out", file, "--address", each->address(), "--ca", each->pki().Path("ca.pem"),
                 "--certificate", each->pki().Path("clients/administrator-1.pem"), "--key",
                 each->pki().Path("clients/administrator-1.key"), "--officer", "anna.officer", "--purpose", "test"}),
        0)
        << odense.Errors();
    EXPECT_EQ(Medflyt({"peer", "fork-verify", file, "--log-key", odense.verifier().Format()}), 0) << odense.Errors();
    EXPECT_NE(Medflyt({"peer", "fork-verify", file, "--log-key", nyborg.verifier().Format()}), 0);
  }

  // Nobody takes anything of that log any more.
  odense.Start();
  v1::CommandResult result;
  ASSERT_EQ(Call(*odense.Municipality(), &v1::MunicipalityService::Stub::ProposeAgreement,
                 Proposal(odense, kerteminde, "propose"), result),
            "OK");
  ASSERT_TRUE(Await([&] { return Status(odense).peers(0).last_error() == "LOG_FORKED"; }))
      << Status(odense).peers(0).last_error();
  EXPECT_EQ(Status(odense).peers(0).receipted_number(), 0U);
}

}  // namespace
}  // namespace medflyt::testing
