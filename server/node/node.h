// One node, from its configuration: wiring, start and stop order. Holds no globals: many run in one process.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/directory/directory.h"
#include "common/directory/peer_card.h"
#include "server/exchange/status.h"
#include "server/node/config.h"

namespace medflyt::node {

// Of the rows in a node's store; rises whenever one of them changes its form. A store of another layout is not opened.
inline constexpr uint32_t kLayoutVersion = 7;

// What the program, or a test, gives a node. Borrowed; outlives it.
struct Environment {
  const Clock& clock;
  RandomSource& random;
  Logger& logger;
  // Called once, on a thread of the node, when a commit failed: the process ends without answering anybody.
  std::function<void(const absl::Status&)> on_commit_failure;
};

class Node {
 public:
  // Reads everything, recovers what is stored, and serves; restrained, where the store may have been rolled back
  // (README). Errors of configuration are INVALID_ARGUMENT; DATA_LOSS means that the store must be looked at;
  // LISTEN_FAILED (UNAVAILABLE).
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Node>> Start(const Config& config,
                                                                   const Environment& environment);
  // Stops.
  ~Node();

  // Ends calls and links, commits what was taken, and closes the store. Blocks for some seconds at most.
  void Stop();

  // "host:port" with the port that was taken.
  [[nodiscard]] const std::string& listening() const;
  [[nodiscard]] const std::string& metrics_listening() const;  // empty: none

  // Of every peer with a node, in order of id.
  [[nodiscard]] std::vector<exchange::PeerStatus> Peers() const;

  // Reads the peer cards and revocation lists again; how many authorities are known then. On error, of either, nothing
  // changes. Where the cards are others, the log is given a record of it.
  [[nodiscard]] absl::StatusOr<size_t> ReloadPeers();

 private:
  struct Running;
  explicit Node(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

// Reads configuration's files as Start does, and opens nothing. Errors as Start.
[[nodiscard]] absl::Status Check(const Config& config, const Environment& environment);

}  // namespace medflyt::node
