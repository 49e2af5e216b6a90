#include "server/service/citizen_service.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "common/base/status.h"
#include "server/domain/state.h"
#include "server/service/submissions.h"
#include "server/service/views.h"

namespace medflyt::service {
namespace {

// The citizen in the state: as messages, where there is a response to fill, and the cases that events and look-ups of
// them stand under.
std::vector<CaseId> FindCitizen(const domain::State& state, const registry::CprNumber& cpr, Date today,
                                v1::ReportCitizenResponse* response) {
  std::set<CaseId> cases;
  std::vector<registry::CprNumber> numbers = {cpr};
  const auto has_number = [&numbers](const registry::CprNumber& number) {
    return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
  };
  // One enrolment may know a number by which another is found.
  for (size_t i = 0; i < numbers.size(); ++i) {
    for (const CaseId& id : state.EnrolmentsOf(numbers[i])) {
      const domain::Enrolment* enrolment = state.FindEnrolment(id);
      if (enrolment == nullptr || cases.contains(enrolment->id)) continue;
      for (const registry::CprNumber& number : enrolment->numbers) {
        if (!has_number(number)) numbers.push_back(number);
      }
      cases.insert(enrolment->id);
      for (const domain::Spell& spell : enrolment->spells) cases.insert(spell.case_id);
      if (response != nullptr) ToView(state, *enrolment, today, *response->add_enrolments());
    }
  }
  for (const auto& [id, relocation] : state.relocations()) {
    const bool of_theirs = (relocation.enrolment && cases.contains(*relocation.enrolment)) ||
                           (relocation.cpr && has_number(*relocation.cpr));
    if (!of_theirs) continue;
    cases.insert(id);
    if (response != nullptr) ToView(state, relocation, Numbers::kShown, *response->add_relocations());
  }
  for (const auto& [id, transfer] : state.transfers()) {
    if (!has_number(transfer.cpr)) continue;
    cases.insert(id);
    if (response != nullptr) ToView(state, transfer, today, *response->add_transfers());
  }
  return {cases.begin(), cases.end()};
}

// Whoever acted is the authority; which of its staff is not the citizen's to know from here.
void LeaveOutStaff(v1::Content& content) {
  content.clear_officer();
  if (content.has_hold_released()) content.mutable_hold_released()->clear_first_officer();
}

}  // namespace

grpc::ServerUnaryReactor* CitizenServiceImpl::ReportCitizen(grpc::CallbackServerContext* context,
                                                            const v1::ReportCitizenRequest* request,
                                                            v1::ReportCitizenResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const Ending ending(parts_.metrics, parts_.clock, "ReportCitizen");
  absl::Status status = [&]() -> absl::Status {
    MEDFLYT_RETURN_IF_ERROR(parts_.gate.Client(*context, Action::kReportCitizen).status());
    MEDFLYT_RETURN_IF_ERROR(CheckContext(request->context(), RequestId::kUnused));
    MEDFLYT_ASSIGN_OR_RETURN(const registry::CprNumber cpr, registry::CprNumber::Parse(request->cpr(), "cpr"));
    const LeafIndex first(request->first());
    const auto cases = std::make_shared<std::vector<CaseId>>();
    return parts_.queue.Submit(std::make_unique<ReadSubmission>(
        ReadSubmission::Access{event::AccessKind::kSearch, request->context().officer(), "ReportCitizen",
                               request->context().purpose()},
        [=](log::Appender& appender, std::vector<CaseId>& found) {
          found = FindCitizen(appender.state(), cpr, appender.facts().today, first.value() == 0 ? response : nullptr);
          *cases = found;
          return absl::OkStatus();
        },
        [this, reactor, ending, cases, first, response](const absl::Status& recorded) {
          absl::Status queued = recorded;
          if (queued.ok()) {
            queued = parts_.workers.Run([this, reactor, ending, cases, first, response] {
              reactor->Finish(ending.Of(ReadLog(*cases, first, *response)));
            });
          }
          if (!queued.ok()) reactor->Finish(ending.Of(queued));
        }));
  }();
  if (!status.ok()) reactor->Finish(ending.Of(status));
  return reactor;
}

absl::Status CitizenServiceImpl::ReadLog(const std::vector<CaseId>& cases, LeafIndex first,
                                         v1::ReportCitizenResponse& response) const {
  response.set_authority(parts_.self.ToString());
  if (first.value() == 0) {
    const directory::Directory directory = parts_.directory();
    for (const directory::Authority& authority : directory.authorities()) {
      v1::NamedAuthority& named = *response.add_authorities();
      named.set_authority(authority.id.ToString());
      named.set_name(authority.NameOn(DanishDate(parts_.clock.Now())));
    }
  }
  if (cases.empty()) return absl::OkStatus();
  AccessFilter filter;
  filter.cases.insert(cases.begin(), cases.end());
  v1::ListAccessRecordsResponse accesses;
  MEDFLYT_RETURN_IF_ERROR(access_.Read(filter, first, accesses));
  for (v1::EventView& record : *accesses.mutable_records()) {
    v1::LookUp& look_up = *response.add_look_ups();
    *look_up.mutable_at() = std::move(*record.mutable_recorded_at());
    look_up.set_kind(record.content().access_recorded().kind());
    look_up.set_purpose(record.content().access_recorded().purpose());
  }
  // As far as the look-ups went, so that a page ends for both at one place.
  const TreeSize end = accesses.next_first() == 0 ? parts_.log.head().size : TreeSize(accesses.next_first());
  google::protobuf::RepeatedPtrField<v1::CaseEvent> events;
  const absl::Status read = cases_.Read(cases, first, end, /*with_keys=*/false, events);
  if (!read.ok() && !absl::IsNotFound(read)) return read;  // not found: all of it is erased
  for (v1::CaseEvent& event : events) {
    LeaveOutStaff(*event.mutable_event()->mutable_content());
    *response.add_events() = std::move(*event.mutable_event());
  }
  response.set_next_first(accesses.next_first());
  return absl::OkStatus();
}

}  // namespace medflyt::service
