// What a node asks of its peers outside the streams of events: single questions, each with an answer. gRPC carries them
// in production (server/service), tests do it themselves.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/directory/identity.h"
#include "medflyt/v1/peer_service.pb.h"

namespace medflyt::exchange {

// Thread-safe, never blocks. The answer comes once, on any thread: the peer's, its error, or what kept it from being
// asked within the time.
class PeerCalls {
 public:
  virtual ~PeerCalls() = default;
  using Cosigned = std::function<void(absl::StatusOr<v1::CosignResponse>)>;
  virtual void Cosign(AuthorityId peer, v1::CosignRequest request, absl::Duration timeout, Cosigned answer) = 0;
  using Compared = std::function<void(absl::StatusOr<v1::CompareHeadsResponse>)>;
  virtual void CompareHeads(AuthorityId peer, v1::CompareHeadsRequest request, absl::Duration timeout,
                            Compared answer) = 0;
  using Proven = std::function<void(absl::StatusOr<v1::ProveConsistencyResponse>)>;
  virtual void ProveConsistency(AuthorityId peer, v1::ProveConsistencyRequest request, absl::Duration timeout,
                                Proven answer) = 0;
  using Included = std::function<void(absl::StatusOr<v1::ProveInclusionResponse>)>;
  virtual void ProveInclusion(AuthorityId peer, v1::ProveInclusionRequest request, absl::Duration timeout,
                              Included answer) = 0;
  using Held = std::function<void(absl::StatusOr<v1::GetHeldHeadsResponse>)>;
  virtual void GetHeldHeads(AuthorityId peer, v1::GetHeldHeadsRequest request, absl::Duration timeout, Held answer) = 0;
  using HeldEvents = std::function<void(absl::StatusOr<v1::GetHeldEventsResponse>)>;
  virtual void GetHeldEvents(AuthorityId peer, v1::GetHeldEventsRequest request, absl::Duration timeout,
                             HeldEvents answer) = 0;
  using ReceiptedEvents = std::function<void(absl::StatusOr<v1::GetReceiptedEventsResponse>)>;
  virtual void GetReceiptedEvents(AuthorityId peer, v1::GetReceiptedEventsRequest request, absl::Duration timeout,
                                  ReceiptedEvents answer) = 0;
};

}  // namespace medflyt::exchange
