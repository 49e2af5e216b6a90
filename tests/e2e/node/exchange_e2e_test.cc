// Two nodes exchange an agreement and an enrolment; what each may know is the same at both, and is proven.
#include <gmock/gmock.h>

#include <filesystem>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/hash.h"
#include "common/crypto/x509.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/policy.h"
#include "common/tlog/tlog_proof.h"
#include "tests/e2e/node/exchange_world.h"
#include "tests/e2e/node/programs.h"

namespace medflyt::testing {
namespace {

using ::testing::HasSubstr;
using Stub = v1::MunicipalityService::Stub;

using ExchangeE2e = ExchangeWorld;

TEST_F(ExchangeE2e, AnAgreementAndAnEnrolmentReachBothAndArePlaced) {
  StartBoth();
  const std::string agreement = Agree();
  const std::string enrolment = Enrol(agreement);
  ASSERT_TRUE(Await([&] { return EnrolmentAt(odense, kCpr).state() == v1::ENROLMENT_STATE_PROPOSED; }));
  ASSERT_EQ(StartAt(odense, enrolment), "OK");
  ASSERT_TRUE(Await([&] { return EnrolmentAt(nyborg, kCpr).history_size() == 1; }));

  const v1::Enrolment at_odense = EnrolmentAt(odense, kCpr);
  const v1::Enrolment at_nyborg = EnrolmentAt(nyborg, kCpr);
  ASSERT_EQ(at_odense.history_size(), 1);
  EXPECT_EQ(at_nyborg.history(0).SerializeAsString(), at_odense.history(0).SerializeAsString());
  EXPECT_EQ(at_nyborg.history(0).responsible(), nyborg.cvr());
  EXPECT_EQ(at_nyborg.history(0).place_number(), 1u);
  EXPECT_EQ(at_nyborg.history(0).place_state(), v1::PLACE_STATE_OCCUPIED);
  EXPECT_EQ(at_nyborg.history(0).from(), "2026-11-01");

  // Nyborg's own store proves what Odense stated.
  v1::GetEventProofRequest wanted;
  *wanted.mutable_context() = Said();
  wanted.set_event_id(started_event_);
  v1::GetEventProofResponse response;
  ASSERT_EQ(Call(*nyborg.Municipality("auditor"), &Stub::GetEventProof, wanted, response), "OK");
  EXPECT_EQ(response.origin(), odense.verifier().name());
  const auto proof = tlog::TlogProof::Parse(response.tlog_proof());
  ASSERT_TRUE(proof.ok()) << proof.status();
  const auto verify = [&](std::string_view entry, const tlog::VerifierKey& key) {
    return tlog::VerifyTlogProof(*proof, merkle::LeafHash(entry), std::span(&key, 1)).ok();
  };
  EXPECT_TRUE(verify(response.entry(), odense.verifier()));
  EXPECT_FALSE(verify(response.entry(), nyborg.verifier()));
  std::string altered = response.entry();
  altered[altered.size() / 2] ^= 1;
  EXPECT_FALSE(verify(altered, odense.verifier()));

  v1::GetEventRequest shown;
  *shown.mutable_context() = Said();
  shown.set_event_id(started_event_);
  v1::GetEventResponse event;
  ASSERT_EQ(Call(*nyborg.Municipality(), &Stub::GetEvent, shown, event), "OK");
  EXPECT_EQ(event.event().type(), "EnrolmentStarted");
  EXPECT_EQ(event.event().content().officer(), "anna.officer");
}

// An auditor's policy asks for a witness, and a batch goes out before anybody has cosigned its head.
TEST_F(ExchangeE2e, AReceivedEventIsProvenUnderAHeadThatAWitnessHasCosigned) {
  odense.WriteConfig("cosigning.interval_seconds = 1\ncosigning.first_after_seconds = 0\n");
  StartBoth();
  v1::CommandResult result;
  ASSERT_EQ(Call(*odense.Municipality(), &Stub::ProposeAgreement, Proposal(odense, nyborg, "propose"), result), "OK");
  ASSERT_TRUE(Await([&] { return StateAt(nyborg, result.events(0).case_id()) == v1::AGREEMENT_STATE_PROPOSED; }));
  const auto prove = [&] {
    v1::GetEventProofRequest wanted;
    *wanted.mutable_context() = Said();
    wanted.set_event_id(result.events(0).event_id());
    v1::GetEventProofResponse response;
    EXPECT_EQ(Call(*nyborg.Municipality("auditor"), &Stub::GetEventProof, wanted, response), "OK");
    return response;
  };
  const auto policy = tlog::Policy::Parse("log " + odense.verifier().Format() + "\nwitness nyborg " +
                                          nyborg.witness().Format() + "\ngroup all all nyborg\nquorum all\n");
  ASSERT_TRUE(policy.ok()) << policy.status();
  const auto rule_of = [&](const v1::GetEventProofResponse& response) -> std::string {
    const auto proof = tlog::TlogProof::Parse(response.tlog_proof());
    if (!proof.ok()) return "no proof";
    const tlog::VerifierKey& key = odense.verifier();
    const crypto::Hash leaf = merkle::LeafHash(response.entry());
    if (!tlog::VerifyTlogProof(*proof, leaf, std::span(&key, 1)).ok()) return "no proof of this entry";
    const absl::Status checked = tlog::VerifyTlogProof(*proof, leaf, *policy).status();
    return checked.ok() ? "OK" : BrokenRuleOf(checked)->rule;
  };
  v1::GetEventProofResponse response;
  ASSERT_TRUE(Await([&] {
    response = prove();
    return response.not_cosigned_rule().empty();
  })) << response.not_cosigned_rule();
  EXPECT_EQ(rule_of(response), "OK");

  // With the issuer away it is the proof that the event came with.
  EXPECT_EQ(odense.Stop(), 0);
  response = prove();
  EXPECT_NE(response.not_cosigned_rule(), "");
  EXPECT_EQ(rule_of(response), "POLICY_QUORUM_NOT_MET");
}

// Store, write-ahead log, keys, diagnostics of a node that was killed and of one that stopped.
TEST_F(ExchangeE2e, NothingOfACitizenStandsInClearInAnyFile) {
  StartBoth();
  const std::string enrolment = Enrol(Agree());
  ASSERT_TRUE(Await([&] { return EnrolmentAt(odense, kCpr).state() == v1::ENROLMENT_STATE_PROPOSED; }));
  ASSERT_EQ(StartAt(odense, enrolment), "OK");
  ASSERT_TRUE(Await([&] { return EnrolmentAt(nyborg, kCpr).history_size() == 1; }));
  odense.Stop(SIGKILL);
  nyborg.Stop();

  const std::string hash(crypto::Sha256(kCpr).bytes());
  const std::vector<std::string> secrets = {kCpr, "610180-1000",   "anna.officer",  "end-to-end test", "2026-17",
                                            hash, HexEncode(hash), HexEncode(kCpr), Base64Encode(kCpr)};
  for (const TestNode* node : {&odense, &nyborg}) {
    size_t with_origin = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(node->Path(""))) {
      if (!file.is_regular_file()) continue;
      EXPECT_EQ(file.path().filename().string().find("core"), std::string::npos) << file.path();
      const std::string bytes = ReadFile(file.path().string());
      for (size_t i = 0; i < secrets.size(); ++i) {
        EXPECT_EQ(bytes.find(secrets[i]), std::string::npos) << file.path() << " holds secret " << i;
      }
      // What may stand in clear is found, so the search does see the files.
      if (file.path().string().find("/store/") != std::string::npos && bytes.find("localhost/") != std::string::npos) {
        ++with_origin;
      }
    }
    EXPECT_GT(with_origin, 0u);
  }
}

TEST_F(ExchangeE2e, WhatIsSaidDuringAnOutageArrivesAfterIt) {
  StartBoth();
  const std::string agreement = Agree();
  const std::string enrolment = Enrol(agreement);
  ASSERT_TRUE(Await([&] { return EnrolmentAt(odense, kCpr).state() == v1::ENROLMENT_STATE_PROPOSED; }));
  EXPECT_EQ(nyborg.Stop(SIGKILL), 128 + SIGKILL);
  ASSERT_EQ(StartAt(odense, enrolment), "OK");
  EXPECT_EQ(odense.Stop(), 0);
  nyborg.Start();
  EXPECT_EQ(EnrolmentAt(nyborg, kCpr).state(), v1::ENROLMENT_STATE_PROPOSED);
  odense.Start();
  EXPECT_TRUE(Await([&] { return EnrolmentAt(nyborg, kCpr).state() == v1::ENROLMENT_STATE_ACTIVE; }));
}

TEST_F(ExchangeE2e, AWatchTellsBothDirectionsInOrderAndResumes) {
  StartBoth();
  Agree();
  const auto watch = [&](uint64_t from, size_t count, std::vector<std::string>& types) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::WatchEventsRequest request;
    *request.mutable_context() = Said();
    request.set_from_position(from);
    const auto stub = odense.Municipality();
    const auto stream = stub->WatchEvents(&context, request);
    v1::WatchEventsResponse response;
    uint64_t next = from;
    while (types.size() < count && stream->Read(&response)) {
      next = response.next_position();
      if (response.has_event()) types.push_back(response.event().type());
    }
    context.TryCancel();
    return next;
  };
  std::vector<std::string> types;
  const uint64_t next = watch(0, 1, types);
  EXPECT_THAT(types, ::testing::ElementsAre("AgreementProposed"));
  watch(next, 2, types);
  EXPECT_THAT(types, ::testing::ElementsAre("AgreementProposed", "AgreementAccepted"));

  // A watch that has caught up is told what comes.
  grpc::ClientContext context;
  SetDeadline(context);
  v1::WatchEventsRequest request;
  *request.mutable_context() = Said();
  const auto stub = odense.Municipality();
  const auto stream = stub->WatchEvents(&context, request);
  v1::WatchEventsResponse response;
  do {
    ASSERT_TRUE(stream->Read(&response));
  } while (!response.caught_up());
  v1::CommandResult result;
  ASSERT_EQ(Call(*odense.Municipality(), &Stub::ProposeAgreement, Proposal(odense, nyborg, "another"), result), "OK");
  do {
    ASSERT_TRUE(stream->Read(&response));
  } while (!response.has_event());
  EXPECT_EQ(response.event().event_id(), result.events(0).event_id());
  context.TryCancel();
}

TEST_F(ExchangeE2e, APeerThatIsNotInTheDirectoryIsRefused) {
  TestNode kerteminde("29189706", "0440", "Kerteminde Kommune");
  odense.Start();
  // Kerteminde's CA is not known to Odense, so not even the handshake succeeds; nor does its own certificate for
  // Nyborg.
  const auto channel = odense.ChannelAs(kerteminde.pki().Path("node/key.pem"), kerteminde.pki().Path("node/cert.pem"));
  const auto stub = v1::PeerService::NewStub(channel);
  grpc::ClientContext context;
  SetDeadline(context);
  const auto stream = stub->Exchange(&context);
  v1::PeerMessage message;
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_FALSE(stream->Finish().ok());

  // Once the administrator has its card, it is let in.
  odense.Know(kerteminde);
  v1::ReloadPeersRequest reload;
  v1::ReloadPeersResponse reloaded;
  const auto admin = v1::AdminService::NewStub(odense.Channel("administrator-1"));
  const auto by = [&] { return Call(*admin, &v1::AdminService::Stub::ReloadPeers, reload, reloaded); };
  EXPECT_EQ(by(), "OFFICER_REQUIRED");
  *reload.mutable_context() = Said();
  ASSERT_EQ(by(), "OK");
  EXPECT_EQ(reloaded.authorities(), 3u);

  // Its log says so as it answers, once; and that the next start found other cards.
  ASSERT_EQ(by(), "OK");
  const auto records = [this] {
    return RunCommand(odense, {"audit", "log", "--type", "directory-changed"}, "auditor", "carl.auditor").output;
  };
  const auto count = [&records] {
    const std::string all = records();
    size_t found = 0;
    for (size_t at = all.find("cards of peers: "); at != std::string::npos; at = all.find("cards of peers: ", at + 1))
      ++found;
    return found;
  };
  EXPECT_EQ(count(), 1u) << records();
  const auto pem = ReadFile(odense.pki().Path("clients/administrator-1.pem"));
  const auto certificate = crypto::ParseCertificate(pem);
  ASSERT_TRUE(certificate.ok());
  EXPECT_THAT(records(), HasSubstr("cards of peers: 2"));
  EXPECT_THAT(records(), HasSubstr("by certificate " + certificate->fingerprint.ToHex()));
  EXPECT_EQ(odense.Stop(), 0);
  std::filesystem::remove(odense.Path("peers/" + kerteminde.cvr() + ".card"));
  odense.Start();
  EXPECT_TRUE(Await([&] { return count() == 2; })) << records();
  EXPECT_THAT(records(), HasSubstr("cards of peers: 1"));
}

// What `node` says of its peer; empty where it has none.
v1::Peer PeerOf(TestNode& node) {
  v1::ListPeersResponse peers;
  const auto admin = v1::AdminService::NewStub(node.Channel("administrator-1"));
  (void)Call(*admin, &v1::AdminService::Stub::ListPeers, v1::ListPeersRequest(), peers);
  return peers.peers().empty() ? v1::Peer() : peers.peers(0);
}

TEST_F(ExchangeE2e, ARevokedPeerIsCutOffWhileItsStreamsAreOpenAndComesBackWhenTheListIsLifted) {
  std::filesystem::create_directory(odense.Path("crl"));
  odense.WriteConfig("", "crl_dir = \"crl\"\n");
  StartBoth();
  const std::string agreement = Agree();
  ASSERT_TRUE(Await([&] { return PeerOf(odense).connected() && PeerOf(nyborg).connected(); }));

  // No call is made meanwhile: the open streams are ended, both of them.
  WriteFile(odense.Path("crl/nyborg.crl"), nyborg.pki().Crl({"node/cert.pem"}));
  odense.Signal(SIGHUP);
  EXPECT_TRUE(Await([&] { return !PeerOf(odense).connected(); })) << "our own stream to the revoked peer stayed open";
  EXPECT_TRUE(Await([&] { return PeerOf(nyborg).last_error() == "CLIENT_CERTIFICATE_REVOKED"; }))
      << "the peer's stream to us stayed open: " << PeerOf(nyborg).DebugString();
  const uint64_t received = PeerOf(odense).last_received_number();
  Enrol(agreement);
  v1::CommandResult result;
  ASSERT_EQ(Call(*odense.Municipality(), &Stub::ProposeAgreement, Proposal(odense, nyborg, "meanwhile"), result), "OK");
  // Dialled again and again, and refused each time.
  EXPECT_TRUE(Await([&] { return PeerOf(nyborg).last_issued_number() > PeerOf(nyborg).receipted_number(); }));
  EXPECT_FALSE(PeerOf(odense).connected());
  EXPECT_FALSE(PeerOf(nyborg).connected());
  EXPECT_EQ(PeerOf(odense).last_received_number(), received);

  std::filesystem::remove(odense.Path("crl/nyborg.crl"));
  odense.Signal(SIGHUP);
  EXPECT_TRUE(Await([&] { return EnrolmentAt(odense, kCpr).state() == v1::ENROLMENT_STATE_PROPOSED; }));
  EXPECT_TRUE(Await([&] { return StateAt(nyborg, result.events(0).case_id()) == v1::AGREEMENT_STATE_PROPOSED; }));
}

TEST_F(ExchangeE2e, ARevokedClientIsRefusedWithoutASignalOrARestart) {
  std::filesystem::create_directory(odense.Path("crl"));
  odense.WriteConfig("", "crl_dir = \"crl\"\n");
  odense.Start();
  const auto propose = [&](const std::string& client, const std::string& id) {
    v1::CommandResult result;
    return Call(*odense.Municipality(client), &Stub::ProposeAgreement, Proposal(odense, nyborg, id), result);
  };
  EXPECT_EQ(propose("case-system-2", "before"), "OK");
  WriteFile(odense.Path("new"), odense.pki().Crl({"clients/case-system-2.pem"}));
  std::filesystem::rename(odense.Path("new"), odense.Path("crl/odense.crl"));
  int attempt = 0;
  EXPECT_TRUE(Await(
      [&] { return propose("case-system-2", "after-" + std::to_string(++attempt)) == "CLIENT_CERTIFICATE_REVOKED"; }));
  EXPECT_EQ(propose("case-system-2", "last"), "CLIENT_CERTIFICATE_REVOKED");
  EXPECT_EQ(propose("case-system-1", "another"), "OK");
  // A list that cannot be read changes nothing, and is told.
  WriteFile(odense.Path("crl/odense.crl"), "no list");
  EXPECT_TRUE(Await([&] {
    return odense.Errors().find("CRL_INVALID") != std::string::npos ||
           odense.Errors().find("odense.crl") != std::string::npos;
  }));
  EXPECT_EQ(propose("case-system-2", "still"), "CLIENT_CERTIFICATE_REVOKED");
  EXPECT_EQ(odense.Stop(), 0);
  Process faulty({TestNode::Program(), "--config", odense.Path("medflytd.toml")}, odense.Path("errors"));
  EXPECT_EQ(faulty.Wait(), 2) << "a faulty list does not start";
}

TEST_F(ExchangeE2e, AReloadWithAFaultyRevocationListBelievesNoNewCard) {
  std::filesystem::create_directory(odense.Path("crl"));
  odense.WriteConfig("", "crl_dir = \"crl\"\n");
  odense.Start();
  const TestNode kerteminde("29189706", "0440", "Kerteminde Kommune");
  odense.Know(kerteminde);
  WriteFile(odense.Path("crl/odense.crl"), "no list");
  const auto admin = v1::AdminService::NewStub(odense.Channel("administrator-1"));
  v1::ReloadPeersRequest reload;
  *reload.mutable_context() = Said();
  v1::ReloadPeersResponse reloaded;
  const auto peers = [&] {
    v1::ListPeersResponse response;
    EXPECT_EQ(Call(*admin, &v1::AdminService::Stub::ListPeers, v1::ListPeersRequest(), response), "OK");
    return response.peers_size();
  };
  EXPECT_EQ(Call(*admin, &v1::AdminService::Stub::ReloadPeers, reload, reloaded), "CRL_INVALID");
  EXPECT_EQ(peers(), 1) << "a card was believed, and the log has no record of it";

  std::filesystem::remove(odense.Path("crl/odense.crl"));
  EXPECT_EQ(Call(*admin, &v1::AdminService::Stub::ReloadPeers, reload, reloaded), "OK");
  EXPECT_EQ(peers(), 2);
  EXPECT_THAT(RunCommand(odense, {"audit", "log", "--type", "directory-changed"}, "auditor", "carl.auditor").output,
              HasSubstr("cards of peers: 2"));
}

TEST_F(ExchangeE2e, ARenewedNodeCertificateIsShownToWhoComesWhileTheExchangeGoesOn) {
  StartBoth();
  ASSERT_TRUE(Await([&] { return PeerOf(odense).connected() && PeerOf(nyborg).connected(); }));
  const auto shown = [&] {
    const std::string client = "clients/administrator-1";
    const auto credentials = rpc::MakeClientCredentials(
        {odense.pki().Path(client + ".key"), odense.pki().Path(client + ".pem"), odense.pki().Path("ca.pem")},
        *AuthorityId::Parse(odense.cvr()));
    grpc::ChannelArguments arguments = rpc::ChannelLimits();
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a handshake of its own
    const auto stub = v1::AdminService::NewStub(grpc::CreateCustomChannel(odense.address(), *credentials, arguments));
    grpc::ClientContext context;
    SetDeadline(context);
    v1::GetStatusResponse status;
    EXPECT_TRUE(stub->GetStatus(&context, v1::GetStatusRequest(), &status).ok());
    const auto certificate = context.auth_context()->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
    return certificate.empty() ? std::string() : std::string(certificate[0].begin(), certificate[0].end());
  };
  const std::string before = shown();
  ASSERT_NE(before, "");
  ASSERT_TRUE(odense.pki().RenewNode());
  int proposals = 0;
  EXPECT_TRUE(Await([&] {
    v1::CommandResult result;
    EXPECT_EQ(Call(*odense.Municipality(), &Stub::ProposeAgreement,
                   Proposal(odense, nyborg, "during-" + std::to_string(++proposals)), result),
              "OK");
    return shown() != before;
  }));
  EXPECT_TRUE(Await([&] { return PeerOf(odense).receipted_number() == static_cast<uint64_t>(proposals); }));
  EXPECT_TRUE(PeerOf(odense).connected());
  EXPECT_TRUE(PeerOf(nyborg).connected());
}

}  // namespace
}  // namespace medflyt::testing
