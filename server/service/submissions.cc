#include "server/service/submissions.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/wire/command_list.h"
#include "common/wire/limits.h"
#include "server/domain/state.h"
#include "server/service/event_reader.h"

namespace medflyt::service {
namespace {

bool IsErased(const absl::Status& status) {
  const auto broken = BrokenRuleOf(status);
  return broken && broken->rule == "EVENT_ERASED";
}

// Of an import, which is of many citizens, what is left.
CommandOutcome AnswerAgain(log::Appender& appender, const log::RequestRecord& record, const event::Command& command) {
  const log::Position end(record.first.value() + record.entries);
  auto all = appender.IssuedBetween(record.first, end);
  if (!IsErased(all.status()) || !std::holds_alternative<event::ImportExtract>(command.body)) return all;
  std::vector<log::IssuedEvent> left;
  for (uint64_t at = record.first.value(); at < end.value(); ++at) {
    const auto event = appender.IssuedBetween(log::Position(at), log::Position(at + 1));
    if (IsErased(event.status())) continue;
    MEDFLYT_RETURN_IF_ERROR(event.status());
    left.insert(left.end(), event->begin(), event->end());
  }
  return left;
}

// As its RPC is called; empty for what no client says.
std::string_view NameOf(const event::CommandBody& command) {
#define MEDFLYT_NAME_COMMAND(Name, field) \
  if (std::holds_alternative<event::Name>(command)) return #Name;
  MEDFLYT_COMMANDS(MEDFLYT_NAME_COMMAND)
#undef MEDFLYT_NAME_COMMAND
  return {};
}

void AddKnown(const domain::State& state, const CaseId& id, std::set<CaseId>& known) {
  if (state.FindEnrolment(id) != nullptr || state.FindRelocation(id) != nullptr || state.FindTransfer(id) != nullptr) {
    known.insert(id);
  }
}

// The citizens' cases that it names by ids which are known here.
std::set<CaseId> KnownCasesIn(const domain::State& state, const event::CommandBody& command) {
  std::set<CaseId> known;
  std::visit(
      [&](const auto& body) {
        if constexpr (requires { body.enrolment; }) AddKnown(state, body.enrolment, known);
        if constexpr (requires { body.relocation; }) AddKnown(state, body.relocation, known);
        if constexpr (requires { body.corrected; }) AddKnown(state, body.corrected, known);
        if constexpr (requires { body.transfer; }) AddKnown(state, body.transfer, known);
        if constexpr (requires { body.logged; }) {
          if (body.logged) AddKnown(state, body.logged->case_id, known);
        }
      },
      command);
  return known;
}

// Of the command as it was decided on: what the node looks up may name a case.
absl::Status RecordRefusal(log::Appender& appender, const RequestedCommand& requested,
                           const event::CommandBody& command) {
  std::set<CaseId> cases = KnownCasesIn(appender.state(), command);
  const std::optional<NamedNumber> number = NumberNamedIn(command);
  if (number) {
    const std::set<CaseId>& found = appender.state().EnrolmentsOf(number->cpr);
    cases.insert(found.begin(), found.end());
  } else if (cases.empty()) {
    return absl::OkStatus();
  }
  return RecordAccess(appender,
                      {number ? event::AccessKind::kSearch : event::AccessKind::kRead, requested.command->officer,
                       std::string(NameOf(command)), requested.purpose, requested.client_certificate},
                      {cases.begin(), cases.end()});
}

}  // namespace

std::optional<NamedNumber> NumberNamedIn(const event::CommandBody& command) {
  if (const auto* enrol = std::get_if<event::ProposeEnrolment>(&command)) {
    return NamedNumber{"propose_enrolment.cpr", enrol->cpr};
  }
  if (const auto* renumber = std::get_if<event::RenumberCitizen>(&command)) {
    return NamedNumber{"renumber_citizen.cpr", renumber->cpr};
  }
  if (const auto* rectify = std::get_if<event::RectifyValue>(&command); rectify != nullptr && rectify->right.cpr) {
    return NamedNumber{"rectify_value.cpr", *rectify->right.cpr};
  }
  return std::nullopt;
}

crypto::Hash RequestKeyOf(const rpc::PeerIdentity& client, std::string_view request_id) {
  std::string owner;
  AppendU32(owner, client.authority.number());
  owner.push_back(static_cast<char>(client.role));
  return crypto::Sha256({"medflyt/v1/request", std::string_view("\0", 1), owner, request_id});
}

CommandOutcome ApplyCommand(log::Appender& appender, RequestBook& book, const RequestedCommand& requested,
                            absl::Duration retention) {
  if (!requested.command.ok()) return requested.command.status();
  const log::RequestKey key = book.KeyOf(requested.request);
  MEDFLYT_ASSIGN_OR_RETURN(const auto record, book.Find(key));
  if (record && IsKept(*record, appender.now(), retention)) {
    MEDFLYT_ASSIGN_OR_RETURN(const bool same, book.Says(*record, requested.digest));
    if (same) return AnswerAgain(appender, *record, *requested.command);
    return RuleError(absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED", "context.request_id",
                     "this request id was used for something else");
  }
  const event::Command* command = &*requested.command;
  std::optional<event::Command> completed;
  if (std::holds_alternative<event::DisputeEvent>(command->body) && requested.events != nullptr) {
    completed = *command;
    auto& dispute = std::get<event::DisputeEvent>(completed->body);
    MEDFLYT_ASSIGN_OR_RETURN(dispute.logged, requested.events->Logged(dispute.event));
    command = &*completed;
  }
  const log::Position before = appender.end();
  auto events = appender.Execute(*command);
  if (!events.ok()) {
    MEDFLYT_RETURN_IF_ERROR(RecordRefusal(appender, requested, command->body));
    return events.status();
  }
  MEDFLYT_RETURN_IF_ERROR(book.Put(key, requested.digest, before, *events));
  return events;
}

void CommandSubmission::Apply(log::Appender& appender) {
  auto book = RequestBook::Open(appender);
  outcomes_.reserve(commands_.size());
  for (const RequestedCommand& command : commands_) {
    outcomes_.push_back(book.ok() ? ApplyCommand(appender, *book, command, retention_) : book.status());
  }
}

void CommandSubmission::Committed(const log::Head&) { done_(std::move(outcomes_)); }

void CommandSubmission::Abandoned(const absl::Status& why) {
  done_(std::vector<CommandOutcome>(commands_.size(), CommandOutcome(why)));
}

absl::Status RecordAccess(log::Appender& appender, const ReadSubmission::Access& access,
                          const std::vector<CaseId>& named) {
  std::vector<CaseId> cases;
  std::set<CaseId> seen;
  const auto add = [&](const CaseId& id) {
    if (seen.insert(id).second) cases.push_back(id);
  };
  for (const CaseId& id : named) {
    add(id);
    // An observation that led to nothing is erased before its enrolment, and the citizen is told of this look all the
    // same.
    const domain::Relocation* relocation = appender.state().FindRelocation(id);
    if (relocation != nullptr && relocation->enrolment) add(*relocation->enrolment);
  }
  size_t begin = 0;
  do {
    const size_t end = std::min(cases.size(), begin + wire::kMaxCases);
    event::RecordAccess record{access.kind, access.action, access.purpose,
                               std::vector<CaseId>(cases.begin() + static_cast<ptrdiff_t>(begin),
                                                   cases.begin() + static_cast<ptrdiff_t>(end))};
    MEDFLYT_RETURN_IF_ERROR(appender.Execute({access.officer, std::move(record), access.certificate}).status());
    begin = end;
  } while (begin < cases.size());
  return absl::OkStatus();
}

void ReadSubmission::Apply(log::Appender& appender) {
  std::vector<CaseId> cases;
  status_ = read_(appender, cases);
  if (!access_) return;
  if (const absl::Status recorded = RecordAccess(appender, *access_, cases); !recorded.ok()) status_ = recorded;
}

void ReadSubmission::Committed(const log::Head&) { done_(status_); }

void ReadSubmission::Abandoned(const absl::Status& why) { done_(why); }

}  // namespace medflyt::service
