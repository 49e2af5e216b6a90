// The program around the node: configuration, exit codes, health, metrics, the log as auditors see it.
#include <gmock/gmock.h>

#include "common/base/status.h"
#include "common/merkle/compact_range.h"
#include "common/merkle/proof.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/tile.h"
#include "common/wire/ledger.h"
#include "grpcpp/generic/generic_stub.h"
#include "tests/e2e/node/calls.h"
#include "tests/e2e/node/metrics_page.h"
#include "tests/e2e/node/node_world.h"

namespace medflyt::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Stub = v1::MunicipalityService::Stub;

class ProgramE2e : public ::testing::Test {
 protected:
  ProgramE2e() { odense.Know(nyborg); }

  // Runs the program to its end; the exit code.
  int Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), TestNode::Program());
    Process process(arguments, odense.Path("errors"));
    output_.clear();
    while (const auto line = process.Line()) output_ += *line + "\n";
    return process.Wait();
  }
  int Check() { return Run({"--config", odense.Path("medflytd.toml"), "--check"}); }
  int RunNode() { return Run({"--config", odense.Path("medflytd.toml")}); }

  void Propose(int count) {
    for (int i = 0; i < count; ++i) {
      v1::CommandResult result;
      ASSERT_EQ(Call(*odense.Municipality(), &Stub::ProposeAgreement,
                     Proposal(odense, nyborg, "p-" + std::to_string(++proposals_)), result),
                "OK");
    }
  }

  // What the answer to one more proposal is.
  std::string ProposeOnce() {
    v1::CommandResult result;
    return Call(*odense.Municipality(), &Stub::ProposeAgreement,
                Proposal(odense, nyborg, "p-" + std::to_string(++proposals_)), result);
  }
  v1::GetStatusResponse Status() {
    v1::GetStatusResponse status;
    const auto admin = v1::AdminService::NewStub(odense.Channel("administrator-1"));
    EXPECT_EQ(Call(*admin, &v1::AdminService::Stub::GetStatus, v1::GetStatusRequest(), status), "OK");
    return status;
  }
  uint64_t ReceiptedBy(const TestNode& peer) {
    const v1::GetStatusResponse status = Status();
    for (const v1::Peer& each : status.peers()) {
      if (each.authority() == peer.cvr()) return each.receipted_number();
    }
    return 0;
  }
  std::string StandingOf(const TestNode& peer) {
    const v1::GetStatusResponse status = Status();
    for (const v1::PeerKnowledge& each : status.restraint().peers()) {
      if (each.authority() == peer.cvr()) return each.standing();
    }
    return "";
  }
  // An officer no longer waits for Nyborg: "released", "waits", or the rule that forbids it.
  std::string ReleaseBy(const std::string& client, const std::string& officer) {
    v1::ReleasePeerRequest request;
    *request.mutable_context() = Said("", officer);
    request.set_authority(nyborg.cvr());
    v1::ReleasePeerResponse response;
    const auto admin = v1::AdminService::NewStub(odense.Channel(client));
    const std::string answer = Call(*admin, &v1::AdminService::Stub::ReleasePeer, request, response);
    return answer != "OK" ? answer : response.released() ? "released" : "waits";
  }
  // Records of Nyborg's release.
  int ReleasesInTheLog() {
    int found = 0;
    grpc::ClientContext context;
    SetDeadline(context);
    const auto audit = v1::AuditService::NewStub(odense.Channel("auditor"));
    const auto stream = audit->StreamEntries(&context, v1::StreamEntriesRequest());
    wire::LedgerCodec codec;
    v1::StreamEntriesResponse response;
    while (stream->Read(&response)) {
      for (const std::string& entry : response.entries()) {
        const auto record = codec.Decode(entry);
        const auto* released = record.ok() ? std::get_if<wire::PeerReleased>(&record->record) : nullptr;
        if (released == nullptr) continue;
        EXPECT_EQ(released->peer.ToString(), nyborg.cvr());
        EXPECT_NE(released->first_certificate, released->second_certificate);
        ++found;
      }
    }
    EXPECT_TRUE(stream->Finish().ok());
    return found;
  }
  void CopyData(const char* from, const char* to) {
    std::filesystem::remove_all(odense.Path(to));
    std::filesystem::copy(odense.Path(from), odense.Path(to), std::filesystem::copy_options::recursive);
  }

  TestNode odense{"35209115", "0461", "Odense Kommune"};
  TestNode nyborg{"29189722", "0450", "Nyborg Kommune"};
  std::string output_;
  int proposals_ = 0;
};

TEST_F(ProgramE2e, UsageAndConfigurationAreChecked) {
  EXPECT_EQ(Run({}), 2);
  EXPECT_EQ(Run({"--config"}), 2);
  EXPECT_EQ(Run({"--cofnig", "x"}), 2);
  EXPECT_EQ(Run({"--help"}), 0);
  EXPECT_THAT(output_, HasSubstr("--check"));
  EXPECT_EQ(Check(), 0);
  EXPECT_EQ(output_, "ok\n");

  odense.WriteConfig("listen_adress = \"x\"\n");
  EXPECT_EQ(RunNode(), 2);
  EXPECT_THAT(odense.Errors(), HasSubstr("CONFIG_UNKNOWN_KEY"));
  EXPECT_THAT(odense.Errors(), HasSubstr("medflytd.toml:5: listen_adress"));
}

TEST_F(ProgramE2e, SecretsThatOthersMayReadStopTheStart) {
  ASSERT_EQ(::chmod(odense.Path("keys/root.secret").c_str(), 0644), 0);
  EXPECT_EQ(RunNode(), 2);
  EXPECT_THAT(odense.Errors(), HasSubstr("SECRET_FILE_MODE"));
  EXPECT_THAT(odense.Errors(), Not(HasSubstr(ReadFile(odense.Path("keys/root.secret")).substr(0, 16))));
}

TEST_F(ProgramE2e, ATlsKeyOrADataDirectoryThatOthersMayReadStopsTheStart) {
  std::filesystem::create_directory(odense.Path("data"));
  for (const std::string& path : {odense.pki().Path("node/key.pem"), odense.Path("data")}) {
    ASSERT_EQ(::chmod(path.c_str(), 0755), 0) << path;
    EXPECT_EQ(RunNode(), 2) << path;
    EXPECT_THAT(odense.Errors(), HasSubstr("SECRET_FILE_MODE"));
    EXPECT_THAT(odense.Errors(), HasSubstr(path));
    ASSERT_EQ(::chmod(path.c_str(), 0700), 0) << path;
  }
}

TEST_F(ProgramE2e, AProcessThatDiesLeavesNoImageOfItsMemory) {
  odense.Start();
  Propose(1);
  const std::string limits = ReadFile("/proc/" + std::to_string(odense.pid()) + "/limits");
  const size_t at = limits.find("Max core file size");
  ASSERT_NE(at, std::string::npos);
  EXPECT_THAT(limits.substr(at, limits.find('\n', at) - at), ::testing::ContainsRegex("size +0 +0 "));
  // What may not be dumped belongs to root in /proc, and no other process of this user may look into it.
  struct stat memory {};
  ASSERT_EQ(::stat(("/proc/" + std::to_string(odense.pid()) + "/mem").c_str(), &memory), 0);
  EXPECT_EQ(memory.st_uid, 0U);
  EXPECT_EQ(odense.Stop(SIGABRT), 128 + SIGABRT);
}

TEST_F(ProgramE2e, AFaultyPeerCardStopsTheStartAndChangesNothingLater) {
  odense.Start();
  std::string card = ReadFile(odense.Path("peers/" + nyborg.cvr() + ".card"));
  card.replace(card.find("0450"), 4, "0451");
  WriteFile(odense.Path("peers/" + nyborg.cvr() + ".card"), card);
  v1::ReloadPeersRequest reload;
  *reload.mutable_context() = Said();
  v1::ReloadPeersResponse response;
  const auto admin = v1::AdminService::NewStub(odense.Channel("administrator-1"));
  EXPECT_EQ(Call(*admin, &v1::AdminService::Stub::ReloadPeers, reload, response), "CARD_SIGNATURE_INVALID");
  odense.Signal(SIGHUP);
  Propose(1);  // Nyborg is still known
  EXPECT_EQ(odense.Stop(), 0);
  EXPECT_EQ(RunNode(), 2);
}

TEST_F(ProgramE2e, ANodeWithARolledBackStoreSignsNothingWhereItsPeerHoldsMore) {
  nyborg.Know(odense);
  nyborg.Start();
  odense.Start();
  Propose(2);
  ASSERT_TRUE(Await([&] { return ReceiptedBy(nyborg) == 2; }));
  EXPECT_EQ(odense.Stop(), 0);
  CopyData("data", "backup");
  odense.Start();
  Propose(1);
  ASSERT_TRUE(Await([&] { return ReceiptedBy(nyborg) == 3; }));
  EXPECT_EQ(odense.Stop(), 0);

  CopyData("backup", "data");
  for (int start = 0; start < 2; ++start) {
    odense.Start();
    const uint64_t size = Status().tree_size();
    ASSERT_TRUE(Await([&] { return StandingOf(nyborg) == "beyond"; })) << StandingOf(nyborg);
    EXPECT_EQ(ProposeOnce(), "LOG_RESTRAINED");
    EXPECT_EQ(Status().restraint().rule(), "LOG_RESTRAINED");
    EXPECT_THAT(Status().restraint().reason(), HasSubstr("restore a newer copy"));
    EXPECT_EQ(Status().tree_size(), size);
    EXPECT_EQ(ReleaseBy("administrator-1", "anna.officer"), "OWN_LOG_PROVEN_BEHIND");
    EXPECT_EQ(odense.Stop(), 0);
    if (start == 0) {
      EXPECT_EQ(nyborg.Stop(), 0) << "the second start knows it by itself";
    }
  }
  EXPECT_THAT(odense.Errors(), HasSubstr("store_rolled_back"));
}

TEST_F(ProgramE2e, ANodeThatWentBackEpochFileAndAllDeliversNothingOnceItsPeerHasShownIt) {
  nyborg.Know(odense);
  nyborg.Start();
  odense.Start();
  Propose(2);
  ASSERT_TRUE(Await([&] { return ReceiptedBy(nyborg) == 2; }));
  EXPECT_EQ(odense.Stop(), 0);
  CopyData("data", "backup");
  const std::string epoch = ReadFile(odense.Path("keys/epoch"));
  odense.Start();
  Propose(1);
  ASSERT_TRUE(Await([&] { return ReceiptedBy(nyborg) == 3; }));
  EXPECT_EQ(odense.Stop(), 0);

  CopyData("backup", "data");
  WriteFile(odense.Path("keys/epoch"), epoch);
  odense.Start();
  ASSERT_TRUE(Await([&] { return Status().has_restraint(); }));
  EXPECT_EQ(StandingOf(nyborg), "beyond");
  EXPECT_EQ(ProposeOnce(), "LOG_RESTRAINED");
  ASSERT_TRUE(Await([&] {
    const v1::GetStatusResponse status = Status();
    return status.peers_size() == 1 && status.peers(0).last_error() == "LOG_RESTRAINED";
  })) << "it dials Nyborg all the same";
  EXPECT_EQ(odense.Stop(), 0);
  EXPECT_THAT(odense.Errors(),
              ::testing::AllOf(HasSubstr("own_log_proven_behind"), Not(HasSubstr("store_rolled_back"))));
  EXPECT_EQ(nyborg.Stop(), 0);
  // As where entries that were under way had overtaken the restraint, and the size that the file has with it.
  const std::string noted = ReadFile(odense.Path("keys/epoch"));
  WriteFile(odense.Path("keys/epoch"), noted.substr(0, noted.rfind('\n', noted.size() - 2) + 1) + "0\n");
  odense.Start();
  EXPECT_TRUE(Status().has_restraint()) << "the next start knows it by what was shown";
  EXPECT_EQ(odense.Stop(), 0);
}

TEST_F(ProgramE2e, ANodeWhoseStoreWasRolledBackGoesOnOnceItsPeerHasSaidThatItSawNoMore) {
  nyborg.Know(odense);
  nyborg.Start();
  odense.Start();
  Propose(2);
  ASSERT_TRUE(Await([&] { return ReceiptedBy(nyborg) == 2; }));
  EXPECT_EQ(odense.Stop(), 0);
  CopyData("data", "backup");
  odense.Start();
  EXPECT_EQ(odense.Stop(), 0);
  EXPECT_EQ(nyborg.Stop(), 0);

  CopyData("backup", "data");
  odense.Start();
  EXPECT_EQ(ProposeOnce(), "LOG_RESTRAINED");
  EXPECT_TRUE(Status().has_restraint());
  nyborg.Start();
  ASSERT_TRUE(Await([&] { return !Status().has_restraint(); }));
  Propose(1);
  ASSERT_TRUE(Await([&] { return ReceiptedBy(nyborg) == 3; }));
  EXPECT_EQ(odense.Stop(), 0);
  odense.Start();
  EXPECT_FALSE(Status().has_restraint());
  EXPECT_EQ(odense.Stop(), 0);
  EXPECT_EQ(nyborg.Stop(), 0);
}

TEST_F(ProgramE2e, TwoOfficersLetARolledBackNodeGoOnWithoutAPeerThatIsAway) {
  odense.Start();
  Propose(2);
  EXPECT_EQ(ReleaseBy("administrator-1", "anna.officer"), "LOG_NOT_RESTRAINED");
  EXPECT_EQ(odense.Stop(), 0);
  std::filesystem::remove(odense.Path("keys/epoch"));  // as on a new machine
  odense.Start();
  ASSERT_TRUE(Status().has_restraint());
  EXPECT_EQ(ProposeOnce(), "LOG_RESTRAINED");
  EXPECT_EQ(ReleaseBy("case-system-1", "anna.officer"), "CLIENT_ROLE_NOT_ALLOWED");
  EXPECT_EQ(ReleaseBy("administrator-1", ""), "OFFICER_REQUIRED");
  EXPECT_EQ(ReleaseBy("administrator-1", "anna.officer"), "waits");
  EXPECT_EQ(ReleaseBy("administrator-1", "bodil.officer"), "TWO_OFFICERS_REQUIRED");
  EXPECT_EQ(ReleaseBy("administrator-2", "anna.officer"), "TWO_OFFICERS_REQUIRED");
  EXPECT_EQ(ReleaseBy("administrator-2", "bodil.officer"), "released");
  ASSERT_TRUE(Await([&] { return !Status().has_restraint(); }));
  Propose(1);
  EXPECT_EQ(ReleasesInTheLog(), 1) << "whoever reads the log sees whose answer was not waited for";
  EXPECT_EQ(odense.Stop(), 0);
  odense.Start();
  EXPECT_FALSE(Status().has_restraint());
  EXPECT_EQ(odense.Stop(), 0);
}

TEST_F(ProgramE2e, TestNumbersAreRefusedInProduction) {
  const auto enrol = [&](const std::string& cpr) {
    v1::ProposeEnrolmentRequest request;
    *request.mutable_context() = Said("enrol " + cpr);
    request.mutable_context()->set_request_id("enrol-" + cpr);
    request.mutable_propose_enrolment()->set_provider(odense.cvr());
    request.mutable_propose_enrolment()->set_cpr(cpr);
    request.mutable_propose_enrolment()->set_from("2026-11-01");
    v1::CommandResult result;
    return Call(*odense.Municipality(), &Stub::ProposeEnrolment, request, result);
  };
  odense.WriteConfig("production = true\ntest_numbers = [{first = \"6101800000\", last = \"6101809999\"}]\n");
  odense.Start();
  EXPECT_EQ(enrol("6101801000"), "TEST_NUMBER_IN_PRODUCTION");
  EXPECT_EQ(enrol("6201801000"), "OK");
  EXPECT_EQ(odense.Stop(), 0);
}

TEST_F(ProgramE2e, HealthAndMetricsAreThereAndTellNothingPersonal) {
  odense.Start();
  v1::ProposeEnrolmentRequest request;
  *request.mutable_context() = Said("enrol");
  request.mutable_propose_enrolment()->set_provider(odense.cvr());
  request.mutable_propose_enrolment()->set_cpr("6101801000");
  request.mutable_propose_enrolment()->set_from("2026-11-01");
  v1::CommandResult result;
  ASSERT_EQ(Call(*odense.Municipality(), &Stub::ProposeEnrolment, request, result), "OK");

  // grpc.health.v1: HealthCheckResponse{status: SERVING}.
  grpc::GenericStub generic(odense.Channel());
  grpc::ClientContext context;
  SetDeadline(context);
  const grpc::Slice nothing;
  const grpc::ByteBuffer ask(&nothing, 1);
  grpc::ByteBuffer answer;
  std::promise<grpc::Status> done;
  generic.UnaryCall(&context, "/grpc.health.v1.Health/Check", {}, &ask, &answer,
                    [&](grpc::Status status) { done.set_value(std::move(status)); });
  const grpc::Status status = done.get_future().get();
  ASSERT_TRUE(status.ok()) << status.error_message();
  grpc::Slice slice;
  ASSERT_TRUE(answer.DumpToSingleSlice(&slice).ok());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(slice.begin()), slice.size()), "\x08\x01");

  const std::string metrics = MetricsPageOf(odense);
  EXPECT_THAT(metrics, HasSubstr("medflyt_calls_total{code=\"0\",method=\"Command\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("medflyt_tree_size"));
  EXPECT_THAT(metrics, Not(HasSubstr("6101801000")));
  EXPECT_EQ(odense.Stop(), 0);
  EXPECT_THAT(odense.Errors(), Not(HasSubstr("6101801000")));
}

TEST_F(ProgramE2e, AuditorsSeeOneConsistentLog) {
  odense.Start();
  Propose(5);
  const auto audit = v1::AuditService::NewStub(odense.Channel("auditor"));
  using Audit = v1::AuditService::Stub;
  const auto checkpoint = [&] {
    v1::GetCheckpointResponse response;
    EXPECT_EQ(Call(*audit, &Audit::GetCheckpoint, v1::GetCheckpointRequest(), response), "OK");
    EXPECT_EQ(response.verifier_key(), odense.verifier().Format());
    const auto opened = tlog::OpenCheckpoint(response.checkpoint(), std::span(&odense.verifier(), 1));
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened->checkpoint;
  };
  const tlog::Checkpoint early = checkpoint();
  Propose(300);
  const tlog::Checkpoint head = checkpoint();
  ASSERT_GT(head.size().value(), 300u);

  // Every entry leads to the root.
  std::vector<merkle::Hash> leaves;
  merkle::CompactRange range;
  {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::StreamEntriesRequest request;
    request.set_end(head.size().value());
    const auto stream = audit->StreamEntries(&context, request);
    v1::StreamEntriesResponse response;
    while (stream->Read(&response)) {
      EXPECT_EQ(response.first(), leaves.size());
      for (const std::string& entry : response.entries()) {
        leaves.push_back(merkle::LeafHash(entry));
        range.Append(leaves.back());
      }
    }
    EXPECT_TRUE(stream->Finish().ok());
  }
  ASSERT_EQ(leaves.size(), head.size().value());
  EXPECT_EQ(range.Root(), head.root());

  // Tiles and bundles hold the same.
  v1::GetTileRequest tile_request;
  v1::GetTileResponse tile;
  ASSERT_EQ(Call(*audit, &Audit::GetTile, tile_request, tile), "OK");
  std::string expected;
  for (size_t i = 0; i < 256; ++i) expected.append(leaves[i].bytes());
  EXPECT_EQ(tile.data(), expected);
  // The last one is not full.
  const uint64_t last = head.size().value() / 256;
  const auto width = static_cast<uint32_t>(head.size().value() % 256);
  ASSERT_GT(width, 0u);
  tile_request.set_index(last);
  EXPECT_EQ(Call(*audit, &Audit::GetTile, tile_request, tile), "TILE_OUT_OF_RANGE");
  tile_request.set_width(width);
  ASSERT_EQ(Call(*audit, &Audit::GetTile, tile_request, tile), "OK");
  EXPECT_EQ(tile.data().size(), width * 32);
  EXPECT_EQ(tile.data().substr(0, 32), leaves[last * 256].bytes());
  tile_request.set_level(1);
  tile_request.set_index(0);
  tile_request.set_width(1);
  ASSERT_EQ(Call(*audit, &Audit::GetTile, tile_request, tile), "OK");
  EXPECT_EQ(tile.data(), tlog::HashFromTile(expected, 0, 256)->bytes());

  v1::GetEntryBundleRequest bundle_request;
  bundle_request.set_index(last);
  bundle_request.set_width(width);
  v1::GetEntryBundleResponse bundle;
  ASSERT_EQ(Call(*audit, &Audit::GetEntryBundle, bundle_request, bundle), "OK");
  const auto entries = tlog::DecodeEntryBundle(bundle.data(), width);
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_EQ(merkle::LeafHash(entries->front()), leaves[last * 256]);

  // Proofs.
  const auto hashes = [](const auto& response) {
    merkle::Proof proof;
    for (const std::string& hash : response.hashes()) proof.push_back(*merkle::Hash::FromBytes(hash));
    return proof;
  };
  v1::GetInclusionProofRequest inclusion;
  inclusion.set_leaf_index(3);
  inclusion.set_tree_size(head.size().value());
  v1::GetInclusionProofResponse included;
  ASSERT_EQ(Call(*audit, &Audit::GetInclusionProof, inclusion, included), "OK");
  EXPECT_TRUE(merkle::VerifyInclusion(LeafIndex(3), head.size(), leaves[3], hashes(included), head.root()).ok());
  v1::GetConsistencyProofRequest consistency;
  consistency.set_from(early.size().value());
  consistency.set_to(head.size().value());
  v1::GetConsistencyProofResponse consistent;
  ASSERT_EQ(Call(*audit, &Audit::GetConsistencyProof, consistency, consistent), "OK");
  EXPECT_TRUE(merkle::VerifyConsistency(early.size(), head.size(), early.root(), head.root(), hashes(consistent)).ok());
  EXPECT_EQ(odense.Stop(), 0);
}

}  // namespace
}  // namespace medflyt::testing
