// Whole nodes in one process, each with its services, mutual TLS and a port that the system chose: nothing of a
// node is the process's.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <set>

#include "common/base/log.h"
#include "common/crypto/seal.h"
#include "common/crypto/secret.h"
#include "common/tlog/cosignature.h"
#include "server/keys/key_backup.h"
#include "server/keys/key_row.h"
#include "server/node/node.h"
#include "server/node/secrets.h"
#include "server/store_rocksdb/rocks_store.h"
#include "tests/e2e/node/calls.h"
#include "tests/e2e/node/node_world.h"

namespace medflyt::testing {
namespace {

using Stub = v1::MunicipalityService::Stub;

constexpr size_t kNodes = 10;

// One authority whose node runs in this process. Its endpoint is known once it listens, so its card is made then.
class LocalNode {
 public:
  LocalNode(std::string cvr, std::string code)
      : cvr_(std::move(cvr)), code_(std::move(code)), pki_(cvr_, "Kommune " + code_) {
    std::string pattern = (std::filesystem::temp_directory_path() / "medflyt-local.XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    for (const char* each : {"keys", "peers"}) std::filesystem::create_directory(directory_ / each);
    const crypto::Key witness_seed = crypto::Key::Random();
    witness_ = tlog::Cosigner::Create(Name() + "/witness", crypto::Signer(witness_seed))->verifier_key();
    WriteFile(Path("keys/log.key"), signer_.Format() + "\n");
    char id[9];
    std::snprintf(id, sizeof id, "%08x", witness_->id().value());
    WriteFile(Path("keys/witness.key"), "PRIVATE+KEY+" + witness_->name() + "+" + id + "+" +
                                            Base64Encode("\x04" + std::string(witness_seed.ExposeView())) + "\n");
    WriteFile(Path("keys/root.secret"), HexEncode(crypto::Key::Random().ExposeView()) + "\n");
    WriteFile(Path("legal-bases.toml"), "[[legal_basis]]\nkey = \"RSL-12A\"\nvalid_from = 2017-01-01\n");
    WriteFile(Path("medflytd.toml"),
              "authority = \"" + cvr_ +
                  "\"\ndata_dir = \"data\"\ncard = \"node.card\"\npeers_dir = \"peers\"\n"
                  "legal_bases = \"legal-bases.toml\"\n[listen]\naddress = \"localhost:0\"\n[tls]\ncertificate = \"" +
                  pki_.Path("node/cert.pem") + "\"\nprivate_key = \"" + pki_.Path("node/key.pem") +
                  "\"\n[keys]\nlog_key = \"keys/log.key\"\nwitness_key = \"keys/witness.key\"\n"
                  "root_secret = \"keys/root.secret\"\n");
    WriteCard("localhost:1");
  }
  ~LocalNode() {
    node_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  LocalNode(const LocalNode&) = delete;
  LocalNode& operator=(const LocalNode&) = delete;

  void Start(const node::Environment& environment) {
    ASSERT_TRUE(pki_.ok());
    const auto config = node::LoadConfig(Path("medflytd.toml"));
    ASSERT_TRUE(config.ok()) << config.status();
    auto started = node::Node::Start(*config, environment);
    ASSERT_TRUE(started.ok()) << started.status();
    node_ = *std::move(started);
    WriteCard(node_->listening());
  }
  void Stop() { node_.reset(); }
  void Know(const LocalNode& peer) const { WriteFile(Path("peers/" + peer.cvr_ + ".card"), peer.card_); }

  std::unique_ptr<Stub> Municipality() {
    const auto credentials = rpc::MakeClientCredentials(
        {pki_.Path("clients/case-system-1.key"), pki_.Path("clients/case-system-1.pem"), pki_.Path("ca.pem")},
        *AuthorityId::Parse(cvr_));
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    return v1::MunicipalityService::NewStub(
        grpc::CreateCustomChannel(node_->listening(), *credentials, rpc::ChannelLimits()));
  }

  [[nodiscard]] node::Node& node() const { return *node_; }
  [[nodiscard]] const std::string& cvr() const { return cvr_; }
  [[nodiscard]] std::string Path(const std::string& file) const { return (directory_ / file).string(); }

 private:
  [[nodiscard]] std::string Name() const { return "localhost/" + cvr_; }
  void WriteCard(const std::string& endpoint) {
    directory::Authority authority;
    authority.id = *AuthorityId::Parse(cvr_);
    authority.names = {{Date(2007, 1, 1), "Kommune " + code_}};
    authority.codes = {{Date(2007, 1, 1), std::nullopt, *MunicipalityCode::Parse(code_)}};
    authority.endpoint = endpoint;
    authority.logs = {{signer_.verifier_key().name(), {{signer_.verifier_key(), TreeSize(0), std::nullopt}}}};
    authority.witness = witness_;
    authority.issuers = pki_.ca();
    const auto card = directory::WritePeerCard(authority, Date(2026, 11, 21), signer_);
    ASSERT_TRUE(card.ok()) << card.status();
    card_ = *card;
    WriteFile(Path("node.card"), card_);
  }

  const std::string cvr_;
  const std::string code_;
  const DemoPki pki_;
  const tlog::NoteSigner signer_ = *tlog::NoteSigner::Create(Name() + "/1", crypto::Signer(crypto::Key::Random()));
  std::filesystem::path directory_;
  std::optional<tlog::VerifierKey> witness_;
  std::string card_;
  std::unique_ptr<node::Node> node_;
};

class ManyNodesE2e : public ::testing::Test {
 protected:
  // What a process has one of, as medflytd does it.
  static void SetUpTestSuite() {
    ASSERT_TRUE(crypto::InitSecretMemory(8 << 20).ok());
    rpc::RedirectGrpcLog(nullptr);
  }

  v1::AgreementState StateAt(LocalNode& node, const std::string& id) {
    v1::GetAgreementRequest request;
    *request.mutable_context() = Said();
    request.set_agreement_id(id);
    v1::GetAgreementResponse response;
    return Call(*node.Municipality(), &Stub::GetAgreement, request, response) == "OK" ? response.agreement().state()
                                                                                      : v1::AGREEMENT_STATE_UNSPECIFIED;
  }
  int AgreementsAt(LocalNode& node) {
    v1::ListAgreementsRequest request;
    *request.mutable_context() = Said();
    v1::ListAgreementsResponse response;
    EXPECT_EQ(Call(*node.Municipality(), &Stub::ListAgreements, request, response), "OK");
    return response.agreements_size();
  }

  const SystemClock clock_;
  crypto::SystemRandom random_;
  const std::unique_ptr<Logger> logger_ = MakeStderrLogger(Severity::kError);
  std::atomic<int> failures_ = 0;
  std::vector<std::unique_ptr<LocalNode>> nodes_;
};

// Node i provides for node i + 1, and the last for the first.
TEST_F(ManyNodesE2e, TenExchangeInARing) {
  for (size_t i = 0; i < kNodes; ++i) {
    nodes_.push_back(std::make_unique<LocalNode>(std::to_string(35209100 + i), "0" + std::to_string(410 + i)));
    ASSERT_NO_FATAL_FAILURE(
        nodes_.back()->Start({clock_, random_, *logger_, [this](const absl::Status&) { ++failures_; }}));
  }
  // The endpoints are known now: everybody gets everybody's card.
  std::set<std::string> endpoints;
  for (const auto& node : nodes_) {
    endpoints.insert(node->node().listening());
    for (const auto& peer : nodes_) {
      if (peer != node) node->Know(*peer);
    }
  }
  EXPECT_EQ(endpoints.size(), kNodes);
  for (const auto& node : nodes_) {
    const auto known = node->node().ReloadPeers();
    ASSERT_TRUE(known.ok()) << known.status();
    EXPECT_EQ(*known, kNodes);
  }

  std::vector<std::string> agreements;
  for (size_t i = 0; i < kNodes; ++i) {
    v1::ProposeAgreementRequest request;
    *request.mutable_context() = Said("propose");
    request.mutable_propose_agreement()->set_provider(nodes_[i]->cvr());
    request.mutable_propose_agreement()->set_buyer(nodes_[(i + 1) % kNodes]->cvr());
    *request.mutable_propose_agreement()->mutable_terms() = Terms(2);
    v1::CommandResult result;
    ASSERT_EQ(Call(*nodes_[i]->Municipality(), &Stub::ProposeAgreement, request, result), "OK") << i;
    agreements.push_back(result.events(0).case_id());
  }
  for (size_t i = 0; i < kNodes; ++i) {
    LocalNode& buyer = *nodes_[(i + 1) % kNodes];
    ASSERT_TRUE(Await([&] { return StateAt(buyer, agreements[i]) == v1::AGREEMENT_STATE_PROPOSED; })) << i;
    v1::AcceptAgreementRequest accept;
    *accept.mutable_context() = Said("accept");
    accept.mutable_accept_agreement()->set_agreement_id(agreements[i]);
    accept.mutable_accept_agreement()->set_version(1);
    v1::CommandResult result;
    ASSERT_EQ(Call(*buyer.Municipality(), &Stub::AcceptAgreement, accept, result), "OK") << i;
  }
  for (size_t i = 0; i < kNodes; ++i) {
    EXPECT_TRUE(Await([&] { return StateAt(*nodes_[i], agreements[i]) == v1::AGREEMENT_STATE_IN_FORCE; })) << i;
  }
  // Each has the agreement with either neighbour and no other's, and every event its receipt.
  for (const auto& node : nodes_) {
    EXPECT_EQ(AgreementsAt(*node), 2);
    EXPECT_TRUE(Await([&] {
      const auto peers = node->node().Peers();
      return std::all_of(peers.begin(), peers.end(), [](const exchange::PeerStatus& peer) {
        return peer.numbers.issued == peer.numbers.receipted;
      });
    })) << node->cvr();
    uint64_t issued = 0;
    uint64_t received = 0;
    for (const exchange::PeerStatus& peer : node->node().Peers()) {
      issued += peer.numbers.issued.value();
      received += peer.numbers.received.value();
    }
    EXPECT_EQ(issued, 2u);
    EXPECT_EQ(received, 2u);
  }
  // One that stops takes none of the others with it.
  nodes_[4]->Stop();
  EXPECT_EQ(AgreementsAt(*nodes_[3]), 2);
  EXPECT_EQ(AgreementsAt(*nodes_[5]), 2);
  for (const auto& node : nodes_) node->Stop();
  EXPECT_EQ(failures_, 0);
}

// A key was destroyed before the stop, so the node rotates its KEK once it serves; and reads everything, then and after
// the next start.
TEST_F(ManyNodesE2e, AKekThatIsDueIsRotatedWhileTheNodeServes) {
  nodes_.push_back(std::make_unique<LocalNode>("35209100", "0410"));
  LocalNode& node = *nodes_.back();
  const node::Environment environment{clock_, random_, *logger_, [this](const absl::Status&) { ++failures_; }};
  ASSERT_NO_FATAL_FAILURE(node.Start(environment));
  v1::ProposeAgreementRequest request;
  *request.mutable_context() = Said("propose");
  request.mutable_propose_agreement()->set_provider(node.cvr());
  request.mutable_propose_agreement()->set_buyer("35209101");
  *request.mutable_propose_agreement()->mutable_terms() = Terms(2);
  v1::CommandResult result;
  LocalNode other("35209101", "0411");
  node.Know(other);
  ASSERT_TRUE(node.node().ReloadPeers().ok());
  ASSERT_EQ(Call(*node.Municipality(), &Stub::ProposeAgreement, request, result), "OK");
  node.Stop();
  EXPECT_FALSE(std::filesystem::exists(node.Path("keys/key-backup"))) << "nothing was destroyed";

  const store::RocksOptions options{.layout_version = node::kLayoutVersion};
  {
    const auto store = store::OpenRocksStore(node.Path("data/store"), options);
    ASSERT_TRUE(store.ok()) << store.status();
    store::Batch batch;
    keys::StageKekRotationDue(batch);
    ASSERT_TRUE((*store)->Commit(batch, store::Durability::kSynced).ok());
  }
  const auto root = node::LoadRootSecret(node.Path("keys/root.secret"));
  ASSERT_TRUE(root.ok()) << root.status();
  node::Config paths;
  paths.kek = node.Path("keys/kek");
  node::KeyFilesOnDisk key_files(paths);
  const auto generations = [&] { return node::LoadKek(key_files, *root, false, random_); };
  ASSERT_NO_FATAL_FAILURE(node.Start(environment));
  EXPECT_TRUE(Await([&] {
    const auto held = generations();
    return held.ok() && held->current.generation == 2 && !held->next;
  }));
  EXPECT_EQ(AgreementsAt(node), 1);
  node.Stop();

  const auto backup = keys::ParseKeyBackup(ReadFile(node.Path("keys/key-backup")));
  ASSERT_TRUE(backup.ok()) << backup.status();
  EXPECT_EQ(backup->kek_generation, 2u);
  EXPECT_FALSE(backup->rows.empty());
  ASSERT_NO_FATAL_FAILURE(node.Start(environment));
  EXPECT_EQ(AgreementsAt(node), 1);
  node.Stop();
  EXPECT_EQ(generations()->current.generation, 2u) << "once is enough";
  EXPECT_EQ(failures_, 0);
}

}  // namespace
}  // namespace medflyt::testing
