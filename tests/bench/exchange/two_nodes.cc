#include "tests/bench/exchange/two_nodes.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/signer.h"
#include "common/directory/peer_card.h"
#include "common/tlog/note_key.h"
#include "server/node/config.h"

namespace medflyt::bench {
namespace {

absl::Status WriteFile(const std::filesystem::path& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out || ::chmod(path.c_str(), 0600) != 0) return absl::UnavailableError("cannot write " + path.string());
  return absl::OkStatus();
}

// A port that was free a moment ago: the cards that name it are written before the nodes start.
int FreePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  int port = 0;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    port = ntohs(address.sin_port);
  }
  ::close(fd);
  return port;
}

std::string SecretText(const tlog::VerifierKey& key, const crypto::Key& seed) {
  char id[9];
  std::snprintf(id, sizeof id, "%08x", key.id().value());
  std::string bytes(1, static_cast<char>(key.type()));
  bytes.append(seed.ExposeView());
  return "PRIVATE+KEY+" + key.name() + "+" + id + "+" + Base64Encode(bytes);
}

}  // namespace

BenchNode::BenchNode(const Owner& owner, const std::filesystem::path& directory)
    : owner_(owner),
      directory_(directory),
      pki_(owner.cvr, owner.name),
      endpoint_("localhost:" + std::to_string(FreePort())) {}

absl::StatusOr<std::unique_ptr<BenchNode>> BenchNode::Create(const Owner& owner,
                                                             const std::filesystem::path& directory) {
  auto made = std::unique_ptr<BenchNode>(new BenchNode(owner, directory));
  if (!made->pki_.ok()) return absl::UnavailableError("deploy/pki.sh failed");
  for (const char* each : {"keys", "peers"}) std::filesystem::create_directories(directory / each);

  const std::string name = "localhost/" + owner.cvr;
  MEDFLYT_ASSIGN_OR_RETURN(const auto signer,
                           tlog::NoteSigner::Create(name + "/1", crypto::Signer(crypto::Key::Random())));
  const crypto::Key witness_seed = crypto::Key::Random();
  MEDFLYT_ASSIGN_OR_RETURN(const auto witness,
                           tlog::VerifierKey::Create(name + "/witness", tlog::SignatureType::kCosignature,
                                                     crypto::Signer(witness_seed).public_key()));
  MEDFLYT_RETURN_IF_ERROR(WriteFile(directory / "keys/log.key", signer.Format() + "\n"));
  MEDFLYT_RETURN_IF_ERROR(WriteFile(directory / "keys/witness.key", SecretText(witness, witness_seed) + "\n"));
  MEDFLYT_RETURN_IF_ERROR(
      WriteFile(directory / "keys/root.secret", HexEncode(crypto::Key::Random().ExposeView()) + "\n"));

  const auto id = AuthorityId::Parse(owner.cvr);
  const auto code = MunicipalityCode::Parse(owner.code);
  if (!id || !code) return absl::InvalidArgumentError("no such authority");
  directory::Authority authority;
  authority.id = *id;
  authority.names = {{Date(2007, 1, 1), owner.name}};
  authority.codes = {{Date(2007, 1, 1), std::nullopt, *code}};
  authority.endpoint = made->endpoint_;
  authority.logs = {{name + "/1", {{signer.verifier_key(), TreeSize(0), std::nullopt}}}};
  authority.witness = witness;
  authority.issuers = made->pki_.ca();
  MEDFLYT_ASSIGN_OR_RETURN(made->card_, directory::WritePeerCard(authority, Date(2026, 11, 21), signer));
  MEDFLYT_RETURN_IF_ERROR(WriteFile(directory / "node.card", made->card_));
  MEDFLYT_RETURN_IF_ERROR(
      WriteFile(directory / "legal-bases.toml", "[[legal_basis]]\nkey = \"RSL-12A\"\nvalid_from = 2017-01-01\n"));
  MEDFLYT_RETURN_IF_ERROR(WriteFile(
      directory / "medflytd.toml",
      "authority = \"" + owner.cvr +
          "\"\ndata_dir = \"data\"\ncard = \"node.card\"\npeers_dir = \"peers\"\nlegal_bases = \"legal-bases.toml\"\n"
          "[listen]\naddress = \"" +
          made->endpoint_ + "\"\n[tls]\ncertificate = \"" + made->pki_.Path("node/cert.pem") + "\"\nprivate_key = \"" +
          made->pki_.Path("node/key.pem") +
          "\"\n[keys]\nlog_key = \"keys/log.key\"\nwitness_key = \"keys/witness.key\"\n"
          "root_secret = \"keys/root.secret\"\n"));
  return made;
}

absl::Status BenchNode::Know(const BenchNode& peer) const {
  return WriteFile(directory_ / "peers" / (peer.owner_.cvr + ".card"), peer.card_);
}

absl::Status BenchNode::Start(const node::Environment& environment) {
  MEDFLYT_ASSIGN_OR_RETURN(const node::Config config, node::LoadConfig(configuration()));
  MEDFLYT_ASSIGN_OR_RETURN(node_, node::Node::Start(config, environment));
  return absl::OkStatus();
}

void BenchNode::Stop() { node_.reset(); }

absl::StatusOr<std::shared_ptr<sdk::Client>> BenchNode::Connect(const std::string& client, RandomSource& random) const {
  sdk::ClientOptions options;
  options.address = endpoint_;
  options.files = {pki_.Path("clients/" + client + ".key"), pki_.Path("clients/" + client + ".pem"),
                   pki_.Path("ca.pem")};
  options.officer = "bench.officer";
  options.purpose = "benchmark";
  return sdk::Client::Create(options, random);
}

rpc::TlsFiles BenchNode::tls() const {
  return {pki_.Path("node/key.pem"), pki_.Path("node/cert.pem"), pki_.Path("ca.pem")};
}

exchange::PeerStatus BenchNode::Peer() const {
  std::vector<exchange::PeerStatus> peers = node_->Peers();
  return peers.empty() ? exchange::PeerStatus() : std::move(peers.front());
}

}  // namespace medflyt::bench
