// The access records of this node out of the durable log. Reads the store: on a worker's thread.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "medflyt/v1/audit_service.pb.h"
#include "server/service/event_reader.h"

namespace medflyt::service {

// What is set must hold, all of it together.
struct AccessFilter {
  std::string officer;
  std::string action;
  std::string purpose;  // a part of it
  v1::AccessKind kind = v1::ACCESS_KIND_UNSPECIFIED;
  std::set<CaseId> cases;  // one of them was shown; empty: whatever was shown
  std::optional<absl::Time> since;
  std::optional<absl::Time> before;

  // INVALID_ARGUMENT (FIELD_MALFORMED, FIELD_OUT_OF_RANGE), naming the field.
  [[nodiscard]] static absl::StatusOr<AccessFilter> Parse(const v1::ListAccessRecordsRequest& request);
  [[nodiscard]] bool Takes(const v1::EventView& record) const;
};

// Thread-safe. Finds records by the keys of their months, so nothing else is opened. A month whose key is destroyed is
// gone.
class AccessReader {
 public:
  // Borrows `events`.
  explicit AccessReader(const EventReader& events) : events_(events) {}

  // Adds the records among a good number of entries from `first` on that the filter takes, and says where to go on. The
  // errors of log::LogReader and EventReader.
  [[nodiscard]] absl::Status Read(const AccessFilter& filter, log::Position first,
                                  v1::ListAccessRecordsResponse& response) const;

 private:
  const EventReader& events_;
};

}  // namespace medflyt::service
