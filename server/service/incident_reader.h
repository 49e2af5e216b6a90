// Whose data a client certificate, an officer, a data key or the keys that peers granted touched (GDPR, article 33),
// out of the durable log. Reads the store: on a worker's thread.
#pragma once

#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "medflyt/v1/citizen_service.pb.h"
#include "server/service/event_reader.h"

namespace medflyt::service {

// All that peers sealed to an exchange key of this node's and that it recorded in the time: what whoever has that key's
// private half can open, if they have what travelled.
struct ReceivedGrants {};

struct IncidentQuery {
  std::variant<crypto::Hash, std::string, KeyId, ReceivedGrants> by;  // a certificate, an officer, a data key
  absl::Time from;
  absl::Time until;  // later; no longer asked about

  // INVALID_ARGUMENT (FIELD_REQUIRED, FIELD_MALFORMED, FIELD_TOO_LONG, FIELD_OUT_OF_RANGE), naming the field.
  [[nodiscard]] static absl::StatusOr<IncidentQuery> Parse(const v1::ReportIncidentRequest& request);
};

// Thread-safe. By certificate and officer it opens every entry of this node's own that can be opened, for who acted
// stands inside; by key, what is sealed under that key alone: entries of this node's own, in the time at which they
// were recorded, and events of others, refused ones too, in the time at which they were received. By received grants it
// is the batches that are kept: the cases of the keys that came with them. What others issued and a log has that
// follows another may have been received before, under the other: it counts in all the time since it was issued.
class IncidentReader {
 public:
  // Borrows `events`.
  explicit IncidentReader(const EventReader& events) : events_(events) {}

  // Fills in what a good number of entries from `first` on tell, and where to go on; citizens' numbers stand in the
  // state and are left out. NOT_FOUND (KEY_UNKNOWN) for a key that never was here; the errors of log::LogReader and
  // EventReader.
  [[nodiscard]] absl::Status Read(const IncidentQuery& query, log::Position first,
                                  v1::ReportIncidentResponse& response) const;

 private:
  class Walk;

  const EventReader& events_;
};

}  // namespace medflyt::service
