// Two whole nodes in this process, a provider and a buyer: RocksDB under each, mutual TLS over loopback between them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/sdk/client.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/named_type.h"
#include "common/crypto/secret.h"
#include "common/directory/identity.h"
#include "common/rpc/credentials.h"
#include "server/exchange/status.h"
#include "server/node/node.h"
#include "tests/support/demo_pki.h"

namespace medflyt::bench {

// Keys, card, certificates and configuration of one authority, and its node while it runs.
class BenchNode {
 public:
  struct Owner {
    std::string cvr;
    std::string code;
    std::string name;
  };
  // Writes everything below `directory`, which is made.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<BenchNode>> Create(const Owner& owner,
                                                                         const std::filesystem::path& directory);

  // Takes the other's card. Before Start.
  [[nodiscard]] absl::Status Know(const BenchNode& peer) const;
  [[nodiscard]] absl::Status Start(const node::Environment& environment);
  void Stop();

  // A client of this node, by its certificate's name in deploy/pki.sh.
  [[nodiscard]] absl::StatusOr<std::shared_ptr<sdk::Client>> Connect(const std::string& client,
                                                                     RandomSource& random) const;

  [[nodiscard]] const std::string& cvr() const { return owner_.cvr; }
  [[nodiscard]] std::string configuration() const { return (directory_ / "medflytd.toml").string(); }
  [[nodiscard]] std::string store() const { return (directory_ / "data/store").string(); }
  // The node's own certificate, and the issuers of this authority.
  [[nodiscard]] rpc::TlsFiles tls() const;
  // How far this node and the one peer that it knows have come.
  [[nodiscard]] exchange::PeerStatus Peer() const;

 private:
  BenchNode(const Owner& owner, const std::filesystem::path& directory);

  const Owner owner_;
  const std::filesystem::path directory_;
  const testing::DemoPki pki_;
  const std::string endpoint_;
  std::string card_;
  std::unique_ptr<node::Node> node_;
};

}  // namespace medflyt::bench
