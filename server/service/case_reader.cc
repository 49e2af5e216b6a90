#include "server/service/case_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "common/entry/seal.h"
#include "common/merkle/tree_hasher.h"

namespace medflyt::service {
namespace {

constexpr uint64_t kEntriesAtOnce = 1'000'000;

}  // namespace

// Out of the key table, not by whom the directory has: what was exchanged with an authority stays when its card is
// gone.
absl::StatusOr<CaseReader::Keys> CaseReader::KeysOf(const std::vector<CaseId>& cases) const {
  Keys keys;
  const std::set<CaseId> wanted(cases.begin(), cases.end());
  using event::RetentionClass;
  for (const auto retention : {RetentionClass::kCase, RetentionClass::kAccounting, RetentionClass::kAccess}) {
    for (const KeyId& id : events_.keys_.IdsOf(wanted, retention)) {
      const auto purpose = events_.keys_.PurposeOf(id);
      if (absl::IsNotFound(purpose.status())) continue;  // destroyed meanwhile
      MEDFLYT_RETURN_IF_ERROR(purpose.status());
      (purpose->issuer == events_.self_ ? keys.own : keys.of_issuer[purpose->issuer]).insert(id);
    }
  }
  if (keys.own.empty() && keys.of_issuer.empty()) return UnknownCase();
  return keys;
}

absl::Status CaseReader::UnknownCase() {
  return RuleError(absl::StatusCode::kNotFound, "UNKNOWN_CASE", "case_id", "no key of such a case is held here");
}

log::Position CaseReader::PageEnd(log::Position first, log::Position end) {
  return std::min(end, log::Position(std::min(first, end).value() + kEntriesAtOnce));
}

absl::Status CaseReader::Read(const std::vector<CaseId>& cases, log::Position first, log::Position end,
                              google::protobuf::RepeatedPtrField<v1::CaseEvent>& events,
                              std::vector<privacy::OpenedEvent>* opened) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Keys keys, KeysOf(cases));
  std::vector<Found> found;
  MEDFLYT_RETURN_IF_ERROR(events_.log_.reader().Visit(
      std::min(first, end), end, [&](log::Position at, std::string_view entry, const KeyId& key_id) {
        if (keys.own.contains(key_id)) found.push_back(events_.Own(at, entry, key_id));
        return absl::OkStatus();
      }));
  MEDFLYT_RETURN_IF_ERROR(events_.FindReceived(events_.self_, keys.own, first, end, found));
  for (const auto& [issuer, theirs] : keys.of_issuer) {
    MEDFLYT_RETURN_IF_ERROR(events_.FindReceived(issuer, theirs, first, end, found));
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.position < b.position; });
  for (const Found& each : found) {
    v1::CaseEvent& event = *events.Add();
    MEDFLYT_ASSIGN_OR_RETURN(*event.mutable_event(), events_.ViewOf(each));
    const auto id = EventId::FromHex(event.event().event_id());
    const auto key = events_.keys_.Find(each.key_id);
    if (opened == nullptr || !id || !key.ok()) continue;
    event.set_event_key(std::string(entry::EventKeyOf(*key, *id).ExposeView()));
    opened->push_back({merkle::LeafHash(each.entry), each.key_id});
  }
  return absl::OkStatus();
}

void CaseReader::LeaveOut(const std::set<crypto::Hash>& erased, const std::vector<privacy::OpenedEvent>& opened,
                          google::protobuf::RepeatedPtrField<v1::CaseEvent>& events) {
  auto next = opened.begin();
  int kept = 0;
  for (int i = 0; i < events.size(); ++i) {
    if (!events[i].event_key().empty() && erased.contains((next++)->leaf_hash)) continue;
    events.SwapElements(kept++, i);
  }
  events.DeleteSubrange(kept, events.size() - kept);
}

}  // namespace medflyt::service
