#include "client/cli/commands.h"

namespace medflyt::cli {

CommandRegistry AllCommands() {
  CommandRegistry commands;
  commands.AddNoun("agreement", "agreements on places between a provider and a buyer");
  commands.AddNoun("audit", "the audit log: checkpoints, copies, offline verification, questions");
  commands.AddNoun("citizen", "what the authority owes the citizen, and whom an incident touched");
  commands.AddNoun("cpr", "extracts of the civil registry");
  commands.AddNoun("enrolment", "citizens enrolled with a provider");
  commands.AddNoun("event", "events, their delivery and their proofs");
  commands.AddNoun("node", "a node: its first set-up, its status and its policy");
  commands.AddNoun("peer", "other authorities: cards and delivery");
  commands.AddNoun("place", "places and the waiting list");
  commands.AddNoun("relocation", "moves: observed, assessed, announced");
  commands.AddNoun("responsibility", "the end of a responsibility without a disclosed move");
  commands.AddNoun("transfer", "requests that a place follows a citizen");
  for (auto* declare :
       {CompletionCommand, HelpCommand, CprInspectCommand, CprImportCommand, NodePolicyCommand, CitizenIncidentCommand})
    commands.Add(declare());
  for (auto* declare :
       {AgreementCommands, AuditCommands, CitizenCommands, EnrolmentCommands, EventCommands, NodeCommands, PeerCommands,
        PeerForkCommands, PlaceCommands, RelocationCommands, ResponsibilityCommands, TransferCommands}) {
    for (Command& command : declare()) commands.Add(std::move(command));
  }
  return commands;
}

}  // namespace medflyt::cli
