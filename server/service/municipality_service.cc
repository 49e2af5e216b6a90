#include "server/service/municipality_service.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/status.h"
#include "common/rpc/status_map.h"
#include "server/service/bulk.h"
#include "server/service/import.h"
#include "server/service/pages.h"
#include "server/service/stored_read.h"
#include "server/service/views.h"

namespace medflyt::service {
namespace {

absl::Status UnknownCase(std::string_view field) {
  return RuleError(absl::StatusCode::kNotFound, "UNKNOWN_CASE", field, "no such case is known here");
}

// A stream that ends before it begins.
template <typename Base>
class Refused final : public Base {
 public:
  explicit Refused(const absl::Status& why) { this->Finish(rpc::ToGrpc(why)); }
  void OnDone() override { delete this; }
};

// The agreements of a list of places: one, or all, from where the token says.
std::vector<CaseId> AgreementsFrom(const domain::State& state, const std::optional<CaseId>& only,
                                   const std::optional<PlaceToken>& token) {
  std::vector<CaseId> ids;
  for (const auto& [id, agreement] : state.agreements()) {
    if (only && id != *only) continue;
    if (token && id < token->agreement) continue;
    ids.push_back(id);
  }
  return ids;
}

}  // namespace

// Commands.

#define MEDFLYT_DEFINE_COMMAND(Name, field)                                                                   \
  grpc::ServerUnaryReactor* MunicipalityServiceImpl::Name(Context* context, const v1::Name##Request* request, \
                                                          v1::CommandResult* result) {                        \
    v1::Command command;                                                                                      \
    if (request->has_##field()) *command.mutable_##field() = request->field();                                \
    return Execute(context, request->context(), command, result);                                             \
  }
MEDFLYT_COMMANDS(MEDFLYT_DEFINE_COMMAND)
#undef MEDFLYT_DEFINE_COMMAND

grpc::ServerUnaryReactor* MunicipalityServiceImpl::Execute(Context* context, const v1::RequestContext& said,
                                                           const v1::Command& command, v1::CommandResult* result) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  // Which command it was is not counted: a release, just before something is sent to a peer, would tell whose moves are
  // held.
  const Ending ending(parts_.metrics, parts_.clock, "Command");
  const auto client = parts_.gate.AnyClient(*context);
  if (!client.ok()) {
    reactor->Finish(ending.Of(client.status()));
    return reactor;
  }
  std::vector<RequestedCommand> commands;
  commands.push_back(ReadCommand(parts_, *client, said, command));
  if (!commands.front().command.ok()) {
    reactor->Finish(ending.Of(commands.front().command.status()));
    return reactor;
  }
  Metrics& metrics = parts_.metrics;
  const absl::Status queued = parts_.queue.Submit(std::make_unique<CommandSubmission>(
      std::move(commands), parts_.request_retention,
      [reactor, ending, result, &metrics](const std::vector<CommandOutcome>& outcomes) {
        const CommandOutcome& outcome = outcomes.front();
        if (outcome.ok()) ToView(*outcome, *result->mutable_events());
        metrics.CommandsAnswered(outcome.ok() ? 1 : 0, outcome.ok() ? 0 : 1);
        reactor->Finish(ending.Of(outcome.status()));
      }));
  if (!queued.ok()) reactor->Finish(ending.Of(queued));
  return reactor;
}

grpc::ServerBidiReactor<v1::SubmitCommandsRequest, v1::SubmitCommandsResponse>* MunicipalityServiceImpl::SubmitCommands(
    Context* context) {
  using Base = grpc::ServerBidiReactor<v1::SubmitCommandsRequest, v1::SubmitCommandsResponse>;
  auto client = parts_.gate.AnyClient(*context);
  if (!client.ok()) return new Refused<Base>(client.status());
  auto* stream = new BulkStream(parts_, *std::move(client));
  stream->Begin();
  return stream;
}

grpc::ServerReadReactor<v1::ImportExtractRequest>* MunicipalityServiceImpl::ImportExtract(
    Context* context, v1::ImportExtractResponse* response) {
  auto client = parts_.gate.Client(*context, Action::kImportExtract);
  if (!client.ok()) return new Refused<grpc::ServerReadReactor<v1::ImportExtractRequest>>(client.status());
  auto* stream = new ImportStream(parts_, *std::move(client), response);
  stream->Begin();
  return stream;
}

// Reads of the state.

grpc::ServerUnaryReactor* MunicipalityServiceImpl::Read(Context* context, const Call& call,
                                                        const absl::Status& prepared, ReadSubmission::Read read) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const Ending ending(parts_.metrics, parts_.clock, call.name);
  const auto client = parts_.gate.Client(*context, call.kind);
  absl::Status status = client.status();
  if (status.ok()) status = CheckContext(call.context, RequestId::kUnused);
  if (status.ok()) status = prepared;
  if (!status.ok()) {
    reactor->Finish(ending.Of(status));
    return reactor;
  }
  std::optional<ReadSubmission::Access> access;
  if (call.kind != Action::kReadAgreements) {
    access.emplace(ReadSubmission::Access{call.access, call.context.officer(), std::string(call.name),
                                          call.context.purpose(), (*client)->fingerprint});
  }
  const absl::Status queued = parts_.queue.Submit(std::make_unique<ReadSubmission>(
      std::move(access), std::move(read),
      [reactor, ending](const absl::Status& done) { reactor->Finish(ending.Of(done)); }));
  if (!queued.ok()) reactor->Finish(ending.Of(queued));
  return reactor;
}

grpc::ServerUnaryReactor* MunicipalityServiceImpl::ListAgreements(Context* context,
                                                                  const v1::ListAgreementsRequest* request,
                                                                  v1::ListAgreementsResponse* response) {
  const auto token = ParseCaseToken(request->page_token());
  const auto on = ParseOptionalDate(request->on(), "on");
  absl::Status prepared = token.status();
  if (prepared.ok()) prepared = on.status();
  return Read(
      context, {Action::kReadAgreements, "ListAgreements", request->context()}, prepared,
      [=](log::Appender& appender, std::vector<CaseId>&) {
        const auto page = domain::ListAgreements(appender.state(), {}, {*token, PageSize(request->page_size())});
        for (const domain::Agreement* agreement : page.rows) {
          ToView(appender.state(), *agreement, on->value_or(appender.facts().today), *response->add_agreements());
        }
        if (page.next) response->set_next_page_token(CaseToken(*page.next));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* MunicipalityServiceImpl::GetAgreement(Context* context,
                                                                const v1::GetAgreementRequest* request,
                                                                v1::GetAgreementResponse* response) {
  const auto id = ParseCaseId(request->agreement_id(), "agreement_id");
  const auto on = ParseOptionalDate(request->on(), "on");
  absl::Status prepared = id.status();
  if (prepared.ok()) prepared = on.status();
  return Read(context, {Action::kReadAgreements, "GetAgreement", request->context()}, prepared,
              [=](log::Appender& appender, std::vector<CaseId>&) -> absl::Status {
                const domain::Agreement* agreement = appender.state().FindAgreement(*id);
                if (agreement == nullptr) return UnknownCase("agreement_id");
                ToView(appender.state(), *agreement, on->value_or(appender.facts().today),
                       *response->mutable_agreement());
                return absl::OkStatus();
              });
}

grpc::ServerUnaryReactor* MunicipalityServiceImpl::ListPlaces(Context* context, const v1::ListPlacesRequest* request,
                                                              v1::ListPlacesResponse* response) {
  const auto token = ParsePlaceToken(request->page_token());
  const auto only = ParseOptionalCaseId(request->agreement_id(), "agreement_id");
  const auto on = ParseOptionalDate(request->on(), "on");
  absl::Status prepared = token.status();
  if (prepared.ok()) prepared = only.status();
  if (prepared.ok()) prepared = on.status();
  return Read(
      context, {Action::kReadCitizens, "ListPlaces", request->context()}, prepared,
      [=](log::Appender& appender, std::vector<CaseId>& cases) -> absl::Status {
        const domain::State& state = appender.state();
        if (*only && state.FindAgreement(**only) == nullptr) return UnknownCase("agreement_id");
        const size_t limit = PageSize(request->page_size());
        for (const CaseId& agreement : AgreementsFrom(state, *only, *token)) {
          const uint32_t after = *token && (*token)->agreement == agreement ? (*token)->number : 0;
          const size_t room = limit - static_cast<size_t>(response->places_size());
          // One more than fits tells whether there is a next page.
          for (const domain::Place& place :
               domain::PlacesOn(state, agreement, on->value_or(appender.facts().today), after, room + 1)) {
            if (static_cast<size_t>(response->places_size()) == limit) {
              const v1::Place& last = *response->places().rbegin();
              response->set_next_page_token(FormatPlaceToken({*CaseId::FromHex(last.agreement_id()), last.number()}));
              return absl::OkStatus();
            }
            ToView(state, agreement, place, *response->add_places());
            if (place.case_id) cases.push_back(*place.case_id);
          }
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* MunicipalityServiceImpl::ListWaitingList(Context* context,
                                                                   const v1::ListWaitingListRequest* request,
                                                                   v1::ListWaitingListResponse* response) {
  const auto token = ParsePlaceToken(request->page_token());
  const auto only = ParseOptionalCaseId(request->agreement_id(), "agreement_id");
  const absl::Status prepared = token.ok() ? only.status() : token.status();
  return Read(context, {Action::kReadCitizens, "ListWaitingList", request->context()}, prepared,
              [=](log::Appender& appender, std::vector<CaseId>& cases) -> absl::Status {
                const domain::State& state = appender.state();
                if (*only && state.FindAgreement(**only) == nullptr) return UnknownCase("agreement_id");
                const size_t limit = PageSize(request->page_size());
                for (const CaseId& agreement : AgreementsFrom(state, *only, *token)) {
                  const uint32_t after = *token && (*token)->agreement == agreement ? (*token)->number : 0;
                  uint32_t position = 0;
                  for (const domain::WaitingEntry& entry : domain::WaitingListOn(state, agreement)) {
                    if (++position <= after) continue;
                    if (static_cast<size_t>(response->waiting_size()) == limit) {
                      const v1::Place& last = *response->waiting().rbegin();
                      response->set_next_page_token(
                          FormatPlaceToken({*CaseId::FromHex(last.agreement_id()), last.waiting_position()}));
                      return absl::OkStatus();
                    }
                    ToView(agreement, entry, position, *response->add_waiting());
                    cases.push_back(entry.case_id);
                  }
                }
                return absl::OkStatus();
              });
}

grpc::ServerUnaryReactor* MunicipalityServiceImpl::ListEnrolments(Context* context,
                                                                  const v1::ListEnrolmentsRequest* request,
                                                                  v1::ListEnrolmentsResponse* response) {
  const auto token = ParseCaseToken(request->page_token());
  const auto on = ParseOptionalDate(request->on(), "on");
  const absl::Status prepared = token.ok() ? on.status() : token.status();
  return Read(context, {Action::kReadCitizens, "ListEnrolments", request->context(), event::AccessKind::kSearch},
              prepared, [=](log::Appender& appender, std::vector<CaseId>& cases) {
                const auto& rows = appender.state().enrolments();
                const size_t limit = PageSize(request->page_size());
                for (auto row = *token ? rows.upper_bound(**token) : rows.begin(); row != rows.end(); ++row) {
                  if (request->unfinished_only() && !row->second.unfinished()) continue;
                  if (cases.size() == limit) {
                    response->set_next_page_token(CaseToken(cases.back()));
                    break;
                  }
                  ToView(appender.state(), row->second, on->value_or(appender.facts().today),
                         *response->add_enrolments());
                  cases.push_back(row->first);
                }
                return absl::OkStatus();
              });
}

grpc::ServerUnaryReactor* MunicipalityServiceImpl::GetEnrolment(Context* context,
                                                                const v1::GetEnrolmentRequest* request,
                                                                v1::GetEnrolmentResponse* response) {
  const bool by_number = request->which_case() == v1::GetEnrolmentRequest::kCpr;
  absl::StatusOr<CaseId> id = CaseId();
  absl::StatusOr<std::optional<registry::CprNumber>> cpr = std::nullopt;
  if (by_number) {
    auto parsed = registry::CprNumber::Parse(request->cpr(), "cpr");
    if (parsed.ok()) {
      cpr = std::optional<registry::CprNumber>(*std::move(parsed));
    } else {
      cpr = parsed.status();
    }
  } else {
    id = ParseCaseId(request->enrolment_id(), "enrolment_id");
  }
  const auto on = ParseOptionalDate(request->on(), "on");
  absl::Status prepared = by_number ? cpr.status() : id.status();
  if (prepared.ok()) prepared = on.status();
  return Read(context,
              {Action::kReadCitizens, "GetEnrolment", request->context(),
               by_number ? event::AccessKind::kSearch : event::AccessKind::kRead},
              prepared, [=](log::Appender& appender, std::vector<CaseId>& cases) -> absl::Status {
                const domain::State& state = appender.state();
                const domain::Enrolment* found = nullptr;
                if (by_number) {
                  // The running one, else the one that began last.
                  for (const CaseId& each : state.EnrolmentsOf(**cpr)) {
                    const domain::Enrolment* enrolment = state.FindEnrolment(each);
                    const auto rank = [](const domain::Enrolment& e) {
                      return std::pair(e.unfinished(), e.current().days.from);
                    };
                    if (enrolment != nullptr && (found == nullptr || rank(*found) < rank(*enrolment)))
                      found = enrolment;
                  }
                } else {
                  found = state.FindEnrolment(*id);
                }
                if (found == nullptr) return UnknownCase(by_number ? "cpr" : "enrolment_id");
                ToView(state, *found, on->value_or(appender.facts().today), *response->mutable_enrolment());
                cases.push_back(found->id);
                return absl::OkStatus();
              });
}

grpc::ServerUnaryReactor* MunicipalityServiceImpl::ListRelocations(Context* context,
                                                                   const v1::ListRelocationsRequest* request,
                                                                   v1::ListRelocationsResponse* response) {
  const auto token = ParseCaseToken(request->page_token());
  return Read(context, {Action::kReadCitizens, "ListRelocations", request->context(), event::AccessKind::kSearch},
              token.status(), [=](log::Appender& appender, std::vector<CaseId>& cases) {
                const auto& rows = appender.state().relocations();
                const size_t limit = PageSize(request->page_size());
                for (auto row = *token ? rows.upper_bound(**token) : rows.begin(); row != rows.end(); ++row) {
                  const auto state = static_cast<int>(row->second.state);
                  const auto& wanted = request->states();
                  if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), state) == wanted.end()) continue;
                  if (static_cast<size_t>(response->relocations_size()) == limit) {
                    response->set_next_page_token(response->relocations().rbegin()->relocation_id());
                    break;
                  }
                  ToView(appender.state(), row->second, Numbers::kShown, *response->add_relocations());
                  cases.push_back(CaseOf(row->second));
                }
                return absl::OkStatus();
              });
}

grpc::ServerUnaryReactor* MunicipalityServiceImpl::GetRelocation(Context* context,
                                                                 const v1::GetRelocationRequest* request,
                                                                 v1::GetRelocationResponse* response) {
  const auto id = ParseCaseId(request->relocation_id(), "relocation_id");
  return Read(context, {Action::kReadCitizens, "GetRelocation", request->context()}, id.status(),
              [=](log::Appender& appender, std::vector<CaseId>& cases) -> absl::Status {
                const domain::Relocation* relocation = appender.state().FindRelocation(*id);
                if (relocation == nullptr) return UnknownCase("relocation_id");
                ToView(appender.state(), *relocation, Numbers::kShown, *response->mutable_relocation());
                cases.push_back(CaseOf(*relocation));
                return absl::OkStatus();
              });
}

grpc::ServerUnaryReactor* MunicipalityServiceImpl::ListTransfers(Context* context,
                                                                 const v1::ListTransfersRequest* request,
                                                                 v1::ListTransfersResponse* response) {
  const auto token = ParseCaseToken(request->page_token());
  return Read(context, {Action::kReadCitizens, "ListTransfers", request->context(), event::AccessKind::kSearch},
              token.status(), [=](log::Appender& appender, std::vector<CaseId>& cases) {
                const auto& rows = appender.state().transfers();
                const size_t limit = PageSize(request->page_size());
                for (auto row = *token ? rows.upper_bound(**token) : rows.begin(); row != rows.end(); ++row) {
                  const auto state = static_cast<int>(row->second.state);
                  const auto& wanted = request->states();
                  if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), state) == wanted.end()) continue;
                  if (cases.size() == limit) {
                    response->set_next_page_token(CaseToken(cases.back()));
                    break;
                  }
                  ToView(appender.state(), row->second, appender.facts().today, *response->add_transfers());
                  cases.push_back(row->first);
                }
                return absl::OkStatus();
              });
}

// Events.

grpc::ServerUnaryReactor* MunicipalityServiceImpl::GetEvent(Context* context, const v1::GetEventRequest* request,
                                                            v1::GetEventResponse* response) {
  return ReadStored(
      parts_, *context, {Action::kReadCitizens, "GetEvent", request->context()},
      [this, request, response](std::vector<CaseId>& cases) -> absl::Status {
        MEDFLYT_ASSIGN_OR_RETURN(const EventId id, ParseEventId(request->event_id(), "event_id"));
        std::set<CaseId> named;
        MEDFLYT_ASSIGN_OR_RETURN(*response->mutable_event(), parts_.events.View(id, &named));
        cases.assign(named.begin(), named.end());
        return absl::OkStatus();
      },
      [response](log::Appender& appender, const crypto::Hash&) {
        AddDisputes(appender.state(), *response->mutable_event());
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* MunicipalityServiceImpl::GetEventProof(Context* context,
                                                                 const v1::GetEventProofRequest* request,
                                                                 v1::GetEventProofResponse* response) {
  // Set on a worker, and used once the read is recorded.
  const auto question = std::make_shared<std::optional<exchange::InclusionQuestion>>();
  return ReadStored(
      parts_, *context, {Action::kProveEvents, "GetEventProof", request->context(), event::AccessKind::kProof},
      [this, request, response, question](std::vector<CaseId>& cases) -> absl::Status {
        MEDFLYT_ASSIGN_OR_RETURN(const EventId id, ParseEventId(request->event_id(), "event_id"));
        // For the record alone: the content is not in the answer.
        std::set<CaseId> named;
        MEDFLYT_RETURN_IF_ERROR(parts_.events.View(id, &named).status());
        cases.assign(named.begin(), named.end());
        MEDFLYT_ASSIGN_OR_RETURN(EventReader::Proven proven, parts_.events.Proof(id));
        *response = std::move(proven.response);
        if (!proven.from_peer) return absl::OkStatus();
        auto asked = parts_.issuer_proofs.Question(*proven.from_peer);
        if (asked.ok()) {
          *question = *std::move(asked);
        } else {
          response->set_not_cosigned_rule(exchange::RuleOf(asked.status()));
        }
        return absl::OkStatus();
      },
      {},
      [this, response, question](const std::function<void(const absl::Status&)>& end) {
        if (!*question) return end(absl::OkStatus());
        parts_.issuer_proofs.Ask(**question, [response, end](exchange::IssuerProofs::Answer answer) {
          if (!answer.tlog_proof.empty()) response->set_tlog_proof(std::move(answer.tlog_proof));
          response->set_not_cosigned_rule(std::move(answer.rule));
          end(absl::OkStatus());
        });
      });
}

grpc::ServerWriteReactor<v1::WatchEventsResponse>* MunicipalityServiceImpl::WatchEvents(
    Context* context, const v1::WatchEventsRequest* request) {
  using Base = grpc::ServerWriteReactor<v1::WatchEventsResponse>;
  const auto client = parts_.gate.Client(*context, Action::kWatchEvents);
  if (!client.ok()) return new Refused<Base>(client.status());
  if (const absl::Status said = CheckContext(request->context(), RequestId::kUnused); !said.ok()) {
    return new Refused<Base>(said);
  }
  const ReadSubmission::Access access{event::AccessKind::kWatch, request->context().officer(), "WatchEvents",
                                      request->context().purpose(), (*client)->fingerprint};
  auto* stream = new WatchStream({parts_.events, parts_.watch_hub, parts_.workers, parts_.queue, parts_.gate}, *client,
                                 access, parts_.log.reader().generations().At(request->from_position()));
  const absl::Status queued = parts_.queue.Submit(std::make_unique<ReadSubmission>(
      access, [](log::Appender&, std::vector<CaseId>&) { return absl::OkStatus(); },
      [stream](const absl::Status& recorded) { stream->Begin(recorded); }));
  if (!queued.ok()) stream->Begin(queued);
  return stream;
}

}  // namespace medflyt::service
