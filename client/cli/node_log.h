// A node's log as an auditor's commands ask for it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/merkle/proof.h"
#include "common/tlog/tile.h"

namespace medflyt::sdk {
class Client;
}

namespace medflyt::cli {

// What comes from here is believed only as far as it is proven. Errors are the node's, or of the way to it.
class NodeLog {
 public:
  struct Head {
    std::string checkpoint;    // signed note
    std::string verifier_key;  // as the node says
    std::string cosigned;      // the newest that witnesses have cosigned; may be empty
  };
  // What the node keeps beside its log for the record at this leaf index (common/audit/files.h).
  struct Beside {
    LeafIndex record;
    bool receipt = false;  // else a batch of received events
    std::string bytes;
  };

  virtual ~NodeLog() = default;
  // Which of the logs that the node has had was asked for; empty: the one that is open.
  [[nodiscard]] virtual std::string asked_origin() const = 0;
  // Another of the node's logs. That there is none with that origin its first call tells: NOT_FOUND (ORIGIN_UNKNOWN).
  [[nodiscard]] virtual std::unique_ptr<NodeLog> OfOrigin(std::string origin) = 0;
  [[nodiscard]] virtual absl::StatusOr<Head> Checkpoint() = 0;
  [[nodiscard]] virtual absl::StatusOr<std::string> Tile(const tlog::Tile& tile) = 0;
  [[nodiscard]] virtual absl::StatusOr<std::string> EntryBundle(uint64_t index, unsigned width) = 0;
  // 0 < from <= to.
  [[nodiscard]] virtual absl::StatusOr<merkle::Proof> ConsistencyProof(TreeSize from, TreeSize to) = 0;
  // For the records [first, end), in any order, until the visitor returns an error.
  [[nodiscard]] virtual absl::Status VisitBeside(LeafIndex first, TreeSize end,
                                                 absl::FunctionRef<absl::Status(const Beside&)> visit) = 0;
};

// Of the logs that the node has had, the one with that origin; without one that which is open.
[[nodiscard]] std::unique_ptr<NodeLog> NodeLogOver(std::shared_ptr<sdk::Client> client, std::string origin = {});

}  // namespace medflyt::cli
