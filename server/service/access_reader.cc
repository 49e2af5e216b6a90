#include "server/service/access_reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/status.h"
#include "google/protobuf/util/time_util.h"
#include "server/service/pages.h"

namespace medflyt::service {
namespace {

// Of one answer: less than a second's work, and far below a message's bounds.
constexpr uint64_t kEntriesAtOnce = 1'000'000;
constexpr uint64_t kStep = 1024;
constexpr size_t kOpenedAtOnce = 20'000;
constexpr size_t kBytesAtOnce = size_t{1} << 20;

using google::protobuf::util::TimeUtil;

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixMicros(TimeUtil::TimestampToMicroseconds(time));
}

absl::StatusOr<std::optional<absl::Time>> OptionalTime(bool set, const google::protobuf::Timestamp& time,
                                                       std::string_view field) {
  if (!set) return std::optional<absl::Time>();
  MEDFLYT_ASSIGN_OR_RETURN(const absl::Time at, ParseTime(time, field));
  return std::optional<absl::Time>(at);
}

}  // namespace

absl::StatusOr<AccessFilter> AccessFilter::Parse(const v1::ListAccessRecordsRequest& request) {
  AccessFilter filter;
  filter.officer = request.officer();
  filter.action = request.action();
  filter.purpose = request.purpose();
  filter.kind = request.kind();
  if (!v1::AccessKind_IsValid(request.kind())) {
    return RuleError(absl::StatusCode::kInvalidArgument, "FIELD_OUT_OF_RANGE", "kind", "is no kind of access");
  }
  MEDFLYT_ASSIGN_OR_RETURN(const auto case_id, ParseOptionalCaseId(request.case_id(), "case_id"));
  if (case_id) filter.cases.insert(*case_id);
  MEDFLYT_ASSIGN_OR_RETURN(filter.since, OptionalTime(request.has_since(), request.since(), "since"));
  MEDFLYT_ASSIGN_OR_RETURN(filter.before, OptionalTime(request.has_before(), request.before(), "before"));
  return filter;
}

bool AccessFilter::Takes(const v1::EventView& record) const {
  const v1::AccessRecorded& access = record.content().access_recorded();
  if (!officer.empty() && record.content().officer() != officer) return false;
  if (!action.empty() && access.action() != action) return false;
  if (access.purpose().find(purpose) == std::string::npos) return false;
  if (kind != v1::ACCESS_KIND_UNSPECIFIED && access.kind() != kind) return false;
  const auto is_wanted = [this](const std::string& shown) {
    const auto id = CaseId::FromBytes(shown);
    return id && cases.contains(*id);
  };
  if (!cases.empty() && std::none_of(access.case_ids().begin(), access.case_ids().end(), is_wanted)) return false;
  const absl::Time at = TimeOf(record.recorded_at());
  return (!since || at >= *since) && (!before || at < *before);
}

absl::Status AccessReader::Read(const AccessFilter& filter, log::Position first,
                                v1::ListAccessRecordsResponse& response) const {
  const std::set<KeyId> keys = events_.keys_.IdsOf(event::RetentionClass::kAccess);
  const uint64_t size = events_.log_.end().value();
  uint64_t next = std::min(first.value(), size);
  const uint64_t end = std::min(size, next + kEntriesAtOnce);
  size_t opened = 0;
  size_t bytes = 0;
  const auto full = [&] { return opened >= kOpenedAtOnce || bytes >= kBytesAtOnce; };
  while (next < end && !full()) {
    uint64_t reached = std::min(end, next + kStep);
    MEDFLYT_RETURN_IF_ERROR(events_.log_.reader().Visit(
        log::Position(next), log::Position(reached),
        [&](log::Position at, std::string_view entry, const KeyId& key_id) -> absl::Status {
          if (!keys.contains(key_id)) return absl::OkStatus();
          if (full()) {
            reached = std::min(reached, at.value());
            return absl::OkStatus();
          }
          ++opened;
          MEDFLYT_ASSIGN_OR_RETURN(v1::EventView record, events_.ViewOf(events_.Own(at, entry, key_id)));
          if (record.erased() || !filter.Takes(record)) return absl::OkStatus();
          bytes += record.ByteSizeLong();
          *response.add_records() = std::move(record);
          return absl::OkStatus();
        }));
    next = reached;
  }
  if (next < size) response.set_next_first(next);
  return absl::OkStatus();
}

}  // namespace medflyt::service
