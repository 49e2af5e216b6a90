#include "client/cli/call.h"
#include "client/cli/commands.h"
#include "client/cli/message_fields.h"

namespace medflyt::cli {
namespace {

constexpr std::string_view kState = "TRANSFER_STATE_";

absl::Status Request(Context& context, const Arguments& arguments) {
  v1::RequestTransferRequest request;
  request.mutable_request_transfer()->set_relocation_id(arguments.Text("RELOCATION"));
  request.mutable_request_transfer()->set_agreement_id(arguments.Text("--agreement"));
  return Submit(context, arguments, &Municipality::RequestTransfer, std::move(request), GroundOf(context, arguments));
}

absl::Status Withdraw(Context& context, const Arguments& arguments) {
  v1::WithdrawTransferRequest request;
  request.mutable_withdraw_transfer()->set_transfer_id(arguments.Text("TRANSFER"));
  return Submit(context, arguments, &Municipality::WithdrawTransfer, std::move(request));
}

absl::Status Decline(Context& context, const Arguments& arguments) {
  v1::DeclineTransferRequest request;
  request.mutable_decline_transfer()->set_transfer_id(arguments.Text("TRANSFER"));
  return Submit(context, arguments, &Municipality::DeclineTransfer, std::move(request));
}

absl::Status List(Context& context, const Arguments& arguments) {
  Document document = context.NewDocument();
  document.List("transfers", {"transfer_id", "requester", "provider", "from", "state", "waits_for", "refused_rule",
                              "needs_officer"});
  v1::ListTransfersRequest request;
  for (const std::string& wanted : arguments.All("--state")) {
    v1::TransferState state = v1::TRANSFER_STATE_UNSPECIFIED;
    v1::TransferState_Parse(EnumName(kState, wanted), &state);
    request.add_states(state);
  }
  MEDFLYT_RETURN_IF_ERROR(ForEachPage(
      context, &Municipality::ListTransfers, std::move(request), [&document](const v1::ListTransfersResponse& page) {
        for (const v1::Transfer& transfer : page.transfers()) {
          Value::Array waits_for(transfer.waits_for().begin(), transfer.waits_for().end());
          document.Row({transfer.transfer_id(), transfer.requester(), transfer.provider(), OrNone(transfer.from()),
                        Shown(v1::TransferState_Name(transfer.state()), kState), std::move(waits_for),
                        OrNone(transfer.refused_rule()), transfer.needs_officer()},
                       {{"disputes", EachOf(transfer.disputes())},
                        {"conflicting_event_ids", Value::Array(transfer.conflicting_event_ids().begin(),
                                                               transfer.conflicting_event_ids().end())}});
        }
      }));
  return document.End();
}

Positional TransferId() { return {.name = "TRANSFER", .help = "the request's id", .kind = ValueKind::kId}; }

}  // namespace

std::vector<Command> TransferCommands() {
  return {
      {.noun = "transfer",
       .verb = "request",
       .summary = "ask the provider for the place of a citizen who moved here",
       .description =
           "Attaches the announcement that was received, opened for the provider, who checks it. The request "
           "waits until all that it needs is there, and then for a free place.",
       .options = WithGround({{.name = "--agreement",
                               .value_name = "ID",
                               .help = "our agreement with the provider; not needed by the provider itself",
                               .kind = ValueKind::kId}}),
       .positionals = {{.name = "RELOCATION", .help = "the move that was announced to us", .kind = ValueKind::kId}},
       .examples = {{"Ask for the place",
                     "medflyt transfer request 6f0e4a1c9b2d4e5f8a7b6c5d4e3f2a1b --agreement "
                     "0123456789abcdef0123456789abcdef --legal-basis RSL-11C --necessity-file why.txt "
                     "--journal 2026-119 --data identity --data service --data residence"}},
       .run = Request},
      {.noun = "transfer",
       .verb = "withdraw",
       .summary = "withdraw a request of ours that still waits",
       .description = "The provider is told.",
       .options = {RequestIdOption()},
       .positionals = {TransferId()},
       .run = Withdraw},
      {.noun = "transfer",
       .verb = "decline",
       .summary = "decline a request that keeps waiting, as the provider's officer",
       .description = "Requests that waited for more than 60 days, or whose events are disputed or conflict, are "
                      "listed with needs_officer.",
       .options = {RequestIdOption()},
       .positionals = {TransferId()},
       .run = Decline},
      {.noun = "transfer",
       .verb = "list",
       .summary = "list requests for a place, ours and those made to us",
       .description = "With what each one still waits for. The search is recorded.",
       .options = {{.name = "--state",
                    .value_name = "STATE",
                    .help = "only those in this state; may be repeated",
                    .repeated = true,
                    .choices = {"waiting", "done", "refused", "withdrawn", "reversed"}}},
       .run = List},
  };
}

}  // namespace medflyt::cli
