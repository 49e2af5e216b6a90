// Counts, sizes and times for Prometheus. Nothing personal: labels are methods, status codes and authorities.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "grpcpp/support/status.h"

namespace prometheus {
class Registry;
}

namespace medflyt::service {

// Thread-safe.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  // A call, or a stream, that ended.
  void CallEnded(std::string_view method, grpc::StatusCode code, absl::Duration took);
  // Commands that were answered, by outcome.
  void CommandsAnswered(size_t done, size_t refused);
  void SetTreeSize(uint64_t size);
  void CountCommit();
  // Of the events issued to a peer.
  void SetPeer(std::string_view authority, bool connected, uint64_t without_receipt);

  [[nodiscard]] const std::shared_ptr<prometheus::Registry>& registry() const { return registry_; }

 private:
  struct Families;
  const std::shared_ptr<prometheus::Registry> registry_;
  const std::unique_ptr<Families> families_;
};

}  // namespace medflyt::service
