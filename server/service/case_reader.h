// The events of cases out of the durable log. Reads the store: on a worker's thread.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "medflyt/v1/audit_service.pb.h"
#include "server/privacy/disclosed_keys.h"
#include "server/service/event_reader.h"

namespace medflyt::service {

// Thread-safe. Finds events by the keys of their cases, so no event of another case is opened.
class CaseReader {
 public:
  // Borrows `events`.
  explicit CaseReader(const EventReader& events) : events_(events) {}

  // Up to where one answer goes: less than a second's reading.
  [[nodiscard]] static log::Position PageEnd(log::Position first, log::Position end);
  // NOT_FOUND (UNKNOWN_CASE).
  [[nodiscard]] static absl::Status UnknownCase();

  // Adds the events among the entries [first, end), in their order; with `opened` their keys too, and there whose they
  // are, which is remembered before they are given away (server/privacy/disclosed_keys.h). NOT_FOUND (UNKNOWN_CASE)
  // where no key of such a case is held: it never was here, or is erased.
  [[nodiscard]] absl::Status Read(const std::vector<CaseId>& cases, log::Position first, log::Position end,
                                  google::protobuf::RepeatedPtrField<v1::CaseEvent>& events,
                                  std::vector<privacy::OpenedEvent>* opened = nullptr) const;

  // Takes out of such an answer what was erased since it was read, by leaf hash.
  static void LeaveOut(const std::set<crypto::Hash>& erased, const std::vector<privacy::OpenedEvent>& opened,
                       google::protobuf::RepeatedPtrField<v1::CaseEvent>& events);

 private:
  using Found = EventReader::Found;
  struct Keys {
    std::set<KeyId> own;
    std::map<AuthorityId, std::set<KeyId>> of_issuer;
  };
  [[nodiscard]] absl::StatusOr<Keys> KeysOf(const std::vector<CaseId>& cases) const;

  const EventReader& events_;
};

}  // namespace medflyt::service
