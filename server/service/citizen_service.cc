#include "server/service/citizen_service.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "common/base/status.h"
#include "server/privacy/citizen.h"
#include "server/privacy/erasure.h"
#include "server/privacy/retention_sweep.h"
#include "server/service/pages.h"
#include "server/service/stored_read.h"
#include "server/service/submissions.h"
#include "server/service/views.h"

namespace medflyt::service {
namespace {

constexpr int kMaxToDo = 1000;              // of each kind in one answer
constexpr size_t kMaxCasesShown = 10'000;   // in one answer
constexpr int kMaxDisclosed = 10'000;       // in one answer
constexpr size_t kMaxLeavesShown = 10'000;  // of all notices in one answer; 66 bytes each

void ToViews(const log::Appender& appender, const privacy::Citizen& citizen, v1::ReportCitizenResponse& response) {
  const Date today = appender.facts().today;
  for (const auto* each : citizen.enrolments) ToView(appender.state(), *each, today, *response.add_enrolments());
  for (const auto* each : citizen.relocations) {
    ToView(appender.state(), *each, Numbers::kShown, *response.add_relocations());
  }
  for (const auto* each : citizen.transfers) ToView(appender.state(), *each, today, *response.add_transfers());
  for (const domain::LegalBasis& basis : appender.facts().legal_bases) {
    v1::TitledBasis& titled = *response.add_legal_bases();
    titled.set_key(basis.key);
    titled.set_title(basis.title);
    titled.set_valid_from(FormatIsoDate(basis.valid_from));
    if (basis.valid_to) titled.set_valid_to(FormatIsoDate(*basis.valid_to));
  }
}

// Whom an erasure is asked for: by a number or by a case.
struct Whom {
  std::optional<registry::CprNumber> cpr;
  CaseId case_id;
  [[nodiscard]] std::vector<CaseId> CasesIn(const domain::State& state) const {
    return cpr ? privacy::FindCitizen(state, *cpr).cases : privacy::CasesErasedWith(state, case_id);
  }
};

absl::StatusOr<Whom> ReadWhom(const v1::EraseCitizenRequest& request) {
  Whom whom;
  if (request.whom_case() == v1::EraseCitizenRequest::kCaseId) {
    MEDFLYT_ASSIGN_OR_RETURN(whom.case_id, ParseCaseId(request.case_id(), "case_id"));
  } else {
    MEDFLYT_ASSIGN_OR_RETURN(whom.cpr, registry::CprNumber::Parse(request.cpr(), "cpr"));
  }
  return whom;
}

void PutCases(const std::vector<CaseId>& cases, google::protobuf::RepeatedPtrField<std::string>& out,
              std::vector<CaseId>& shown) {
  for (const CaseId& id : cases) *out.Add() = id.ToHex();
  shown.insert(shown.end(), cases.begin(), cases.end());
}

void ToView(const domain::State& state, const std::set<AuthorityId>& told, const domain::Erasure& erasure,
            v1::Erasure& view, std::vector<CaseId>& shown) {
  view.set_erasure_id(erasure.id.ToHex());
  view.set_erased(erasure.state == domain::ErasureState::kDone);
  PutCases(erasure.cases, *view.mutable_case_ids(), shown);
  view.set_legal_basis(erasure.legal_basis);
  view.set_journal_reference(erasure.journal_reference);
  view.set_first_officer(erasure.first_officer);
  view.set_second_officer(erasure.second_officer);
  view.set_on(FormatIsoDate(erasure.on));
  for (const AuthorityId& peer : told) {
    const domain::ErasureNotice* notice = state.FindErasureNotice(domain::NoticeIdOf(erasure.id, peer));
    if (notice == nullptr) continue;
    v1::ErasureRecipient& recipient = *view.add_recipients();
    recipient.set_authority(peer.ToString());
    if (notice->receipted) recipient.set_receipted_on(FormatIsoDate(*notice->receipted));
  }
}

void ToView(AuthorityId self, const privacy::DisclosedKey& key, v1::DisclosedKey& view) {
  view.set_leaf_hash(key.leaf_hash.ToHex());
  if (key.with != self) view.set_authority(key.with.ToString());
  view.set_certificate(key.certificate.ToHex());
  view.set_on(FormatIsoDate(key.on));
}

// As many as one answer has room for.
void PutDisclosed(AuthorityId self, const privacy::Erased& erased, v1::EraseCitizenResponse& response) {
  for (const privacy::DisclosedKey& each : erased.disclosed) {
    if (response.disclosed_size() == kMaxDisclosed) break;
    v1::DisclosedKey& view = *response.add_disclosed();
    ToView(self, each, view);
    if (erased.done) view.set_noticed(each.with != self && erased.listed.contains(each.leaf_hash));
  }
  response.set_disclosed_left(static_cast<uint32_t>(erased.disclosed.size()) -
                              static_cast<uint32_t>(response.disclosed_size()));
}

// What auditors held of the erasures that the answer lists.
absl::Status PutKeptDisclosed(log::Appender& appender, v1::ListErasuresResponse& response) {
  int room = kMaxDisclosed;
  for (v1::Erasure& erasure : *response.mutable_erasures()) {
    if (!erasure.erased()) continue;
    MEDFLYT_ASSIGN_OR_RETURN(const privacy::KeptDisclosed kept,
                             privacy::KeptDisclosedOf(appender, *CaseId::FromHex(erasure.erasure_id())));
    uint32_t left = kept.left;
    for (const privacy::DisclosedKey& each : kept.keys) {
      if (room == 0) {
        ++left;
        continue;
      }
      --room;
      ToView(appender.state().self(), each, *erasure.add_disclosed());
    }
    erasure.set_disclosed_left(left);
  }
  return absl::OkStatus();
}

// What waits for officers.
void ToDo(const log::Appender& appender, v1::ListErasuresResponse& response, std::vector<CaseId>& shown) {
  size_t room = kMaxLeavesShown;
  for (const auto& [id, notice] : appender.state().erasure_notices()) {
    const bool ours = notice.direction == domain::Direction::kOut;
    auto& list = ours ? *response.mutable_unanswered() : *response.mutable_notices();
    if (notice.receipted || list.size() == kMaxToDo || shown.size() > kMaxCasesShown) continue;
    v1::ErasureNotice& view = *list.Add();
    service::ToView(notice, room, view);
    PutCases(notice.cases, *view.mutable_case_ids(), shown);
  }
  for (const privacy::Due& due : privacy::DueForErasure(appender.state(), appender.facts())) {
    if (response.due_size() == kMaxToDo || shown.size() > kMaxCasesShown) break;
    v1::DueErasure& view = *response.add_due();
    PutCases(due.cases, *view.mutable_case_ids(), shown);
    view.set_what(std::string(domain::NameOf(due.retention.what)));
    view.set_closed_on(FormatIsoDate(due.retention.closed));
    view.set_over_on(FormatIsoDate(*due.retention.over_on));
    view.set_node_erases(due.retention.period->node_erases);
  }
}

void ToPage(const log::Appender& appender, const std::optional<CaseId>& after, size_t limit,
            v1::ListErasuresResponse& response, std::vector<CaseId>& shown) {
  const auto& rows = appender.state().erasures();
  std::set<AuthorityId> told;
  for (const auto& [id, notice] : appender.state().erasure_notices()) {
    if (notice.direction == domain::Direction::kOut) told.insert(notice.peer);
  }
  for (auto row = after ? rows.upper_bound(*after) : rows.begin(); row != rows.end(); ++row) {
    if (static_cast<size_t>(response.erasures_size()) == limit) {
      response.set_next_page_token(CaseToken(std::prev(row)->first));
      break;
    }
    ToView(appender.state(), told, row->second, *response.add_erasures(), shown);
  }
  if (!after) ToDo(appender, response, shown);
}

// Whoever acted is the authority; which of its staff is not the citizen's to know from here.
void LeaveOutStaff(v1::Content& content) {
  content.clear_officer();
  content.clear_certificate();
  if (content.has_hold_released()) content.mutable_hold_released()->clear_first_officer();
  if (content.has_flag_cleared()) content.mutable_flag_cleared()->clear_first_officer();
}

}  // namespace

grpc::ServerUnaryReactor* CitizenServiceImpl::ReportCitizen(grpc::CallbackServerContext* context,
                                                            const v1::ReportCitizenRequest* request,
                                                            v1::ReportCitizenResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const Ending ending(parts_.metrics, parts_.clock, "ReportCitizen");
  absl::Status status = [&]() -> absl::Status {
    MEDFLYT_ASSIGN_OR_RETURN(const Identity client, parts_.gate.Client(*context, Action::kReportCitizen));
    MEDFLYT_RETURN_IF_ERROR(CheckContext(request->context(), RequestId::kUnused));
    MEDFLYT_ASSIGN_OR_RETURN(const registry::CprNumber cpr, registry::CprNumber::Parse(request->cpr(), "cpr"));
    const log::Position first(request->first());
    const auto cases = std::make_shared<std::vector<CaseId>>();
    return parts_.queue.Submit(std::make_unique<ReadSubmission>(
        ReadSubmission::Access{event::AccessKind::kSearch, request->context().officer(), "ReportCitizen",
                               request->context().purpose(), client->fingerprint},
        [=](log::Appender& appender, std::vector<CaseId>& found) {
          const privacy::Citizen citizen = privacy::FindCitizen(appender.state(), cpr);
          if (first.value() == 0) ToViews(appender, citizen, *response);
          found = citizen.cases;
          *cases = citizen.cases;
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

grpc::ServerUnaryReactor* CitizenServiceImpl::EraseCitizen(grpc::CallbackServerContext* context,
                                                           const v1::EraseCitizenRequest* request,
                                                           v1::EraseCitizenResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const Ending ending(parts_.metrics, parts_.clock, "EraseCitizen");
  const absl::Status status = [&]() -> absl::Status {
    MEDFLYT_ASSIGN_OR_RETURN(const Identity client, parts_.gate.Client(*context, Action::kEraseCitizen));
    MEDFLYT_RETURN_IF_ERROR(CheckContext(request->context(), RequestId::kUnused));
    MEDFLYT_ASSIGN_OR_RETURN(const Whom whom, ReadWhom(*request));
    event::EraseCases command{
        parts_.random.NewId<CaseId>(), {}, request->legal_basis(), request->journal_reference(), client->fingerprint};
    return parts_.queue.Submit(std::make_unique<ReadSubmission>(
        ReadSubmission::Access{event::AccessKind::kSearch, request->context().officer(), "EraseCitizen",
                               request->context().purpose(), client->fingerprint},
        [this, whom, command = std::move(command), request, response](log::Appender& appender,
                                                                      std::vector<CaseId>& found) -> absl::Status {
          event::EraseCases complete = command;
          complete.cases = whom.CasesIn(appender.state());
          found = complete.cases;
          const auto certificate = complete.certificate;
          MEDFLYT_ASSIGN_OR_RETURN(const privacy::Erased erased,
                                   privacy::Erase(appender, parts_.random,
                                                  {request->context().officer(), std::move(complete), certificate}));
          response->set_erasure_id(erased.erasure.ToHex());
          response->set_erased(erased.done);
          response->set_cases(static_cast<uint32_t>(erased.cases));
          response->set_cases_left(static_cast<uint32_t>(erased.left));
          response->set_keys_destroyed(static_cast<uint32_t>(erased.keys));
          for (const AuthorityId& authority : erased.noticed) response->add_noticed(authority.ToString());
          PutDisclosed(appender.state().self(), erased, *response);
          return absl::OkStatus();
        },
        [reactor, ending](const absl::Status& done) { reactor->Finish(ending.Of(done)); }));
  }();
  if (!status.ok()) reactor->Finish(ending.Of(status));
  return reactor;
}

grpc::ServerUnaryReactor* CitizenServiceImpl::ListErasures(grpc::CallbackServerContext* context,
                                                           const v1::ListErasuresRequest* request,
                                                           v1::ListErasuresResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const Ending ending(parts_.metrics, parts_.clock, "ListErasures");
  const absl::Status status = [&]() -> absl::Status {
    MEDFLYT_ASSIGN_OR_RETURN(const Identity client, parts_.gate.Client(*context, Action::kEraseCitizen));
    MEDFLYT_RETURN_IF_ERROR(CheckContext(request->context(), RequestId::kUnused));
    MEDFLYT_ASSIGN_OR_RETURN(const auto token, ParseCaseToken(request->page_token()));
    // On a worker, for the store is read.
    return parts_.workers.Run([this, client, token, request, response, reactor, ending] {
      const auto rotation_due = parts_.kek_rotation.IsDue();
      absl::Status queued = rotation_due.status();
      if (queued.ok()) {
        response->set_key_rotation_due(*rotation_due);
        queued = parts_.queue.Submit(std::make_unique<ReadSubmission>(
            ReadSubmission::Access{event::AccessKind::kRead, request->context().officer(), "ListErasures",
                                   request->context().purpose(), client->fingerprint},
            [token, request, response](log::Appender& appender, std::vector<CaseId>& shown) {
              ToPage(appender, token, PageSize(request->page_size()), *response, shown);
              return PutKeptDisclosed(appender, *response);
            },
            [reactor, ending](const absl::Status& done) { reactor->Finish(ending.Of(done)); }));
      }
      if (!queued.ok()) reactor->Finish(ending.Of(queued));
    });
  }();
  if (!status.ok()) reactor->Finish(ending.Of(status));
  return reactor;
}

grpc::ServerUnaryReactor* CitizenServiceImpl::ReportIncident(grpc::CallbackServerContext* context,
                                                             const v1::ReportIncidentRequest* request,
                                                             v1::ReportIncidentResponse* response) {
  const auto query = IncidentQuery::Parse(*request);
  return ReadStored(
      parts_, *context,
      {Action::kReportIncident, "ReportIncident", request->context(), event::AccessKind::kSearch, query.status()},
      [this, query, request, response](std::vector<CaseId>& cases) -> absl::Status {
        MEDFLYT_RETURN_IF_ERROR(incidents_.Read(*query, log::Position(request->first()), *response));
        for (const v1::TouchedCase& each : response->cases()) cases.push_back(*CaseId::FromHex(each.case_id()));
        return absl::OkStatus();
      },
      [response](log::Appender& appender, const crypto::Hash&) {
        for (v1::TouchedCase& each : *response->mutable_cases()) {
          const auto number = privacy::PresentNumber(appender.state(), *CaseId::FromHex(each.case_id()));
          if (number) each.set_cpr(std::string(number->ExposeDigits()));
        }
        return absl::OkStatus();
      });
}

absl::Status CitizenServiceImpl::ReadLog(const std::vector<CaseId>& cases, log::Position first,
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
  const log::Position end = accesses.next_first() == 0 ? parts_.log.end() : log::Position(accesses.next_first());
  google::protobuf::RepeatedPtrField<v1::CaseEvent> events;
  const absl::Status read = cases_.Read(cases, first, end, events);
  if (!read.ok() && !absl::IsNotFound(read)) return read;  // not found: all of it is erased
  for (v1::CaseEvent& event : events) {
    LeaveOutStaff(*event.mutable_event()->mutable_content());
    *response.add_events() = std::move(*event.mutable_event());
  }
  response.set_next_first(accesses.next_first());
  return absl::OkStatus();
}

}  // namespace medflyt::service
