// What the services share.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/directory/identity.h"
#include "common/registry/cpr_number.h"
#include "common/registry/number_range.h"
#include "server/exchange/cosigned_proof.h"
#include "server/keys/kek_rotation.h"
#include "server/log/log.h"
#include "server/log/sequencer.h"
#include "server/service/caller.h"
#include "server/service/event_reader.h"
#include "server/service/metrics.h"
#include "server/service/submissions.h"
#include "server/service/watch.h"
#include "server/service/workers.h"

namespace medflyt::service {

using registry::NumberRange;

// Borrowed; all outlive the services and their calls.
struct Parts {
  AuthorityId self;
  const log::Log& log;
  log::SubmissionQueue& queue;
  const Gate& gate;
  const EventReader& events;
  WatchHub& watch_hub;
  Workers& workers;
  Metrics& metrics;
  const Clock& clock;
  RandomSource& random;
  DirectorySource directory;
  absl::Duration request_retention;
  std::vector<NumberRange> refused_numbers;  // TEST_NUMBER_IN_PRODUCTION
  const keys::KekRotation& kek_rotation;
  const exchange::IssuerProofs& issuer_proofs;
};

// Ends a call, with one measurement.
class Ending {
 public:
  Ending(Metrics& metrics, const Clock& clock, std::string_view method)
      : metrics_(&metrics), clock_(&clock), method_(method), began_(clock.Now()) {}
  // The status as gRPC's.
  [[nodiscard]] grpc::Status Of(const absl::Status& status) const;

 private:
  Metrics* metrics_;
  const Clock* clock_;
  std::string_view method_;  // a literal
  absl::Time began_;
};

// Reads a client's command: context, role and content, with what makes its repetition harmless.
[[nodiscard]] RequestedCommand ReadCommand(const Parts& parts, const Identity& client,
                                           const v1::RequestContext& context, const v1::Command& command);

}  // namespace medflyt::service
