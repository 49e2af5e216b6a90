// Real nodes cosign each other's logs: what an administrator sees of it.
#include <gmock/gmock.h>

#include "tests/e2e/node/node_world.h"

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

}  // namespace
}  // namespace medflyt::testing
