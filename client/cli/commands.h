// The program's commands: each function stands in commands/ in a file of its own and declares one, or
// those of one noun that share their options and their output.
#pragma once

#include <vector>

#include "client/cli/command.h"

namespace medflyt::cli {

[[nodiscard]] Command CompletionCommand();
[[nodiscard]] Command HelpCommand();
[[nodiscard]] Command CprInspectCommand();
[[nodiscard]] Command CprImportCommand();
[[nodiscard]] Command NodePolicyCommand();
[[nodiscard]] std::vector<Command> AgreementCommands();
[[nodiscard]] std::vector<Command> CitizenCommands();
[[nodiscard]] Command CitizenIncidentCommand();
[[nodiscard]] std::vector<Command> PlaceCommands();
[[nodiscard]] std::vector<Command> EnrolmentCommands();
[[nodiscard]] std::vector<Command> RelocationCommands();
[[nodiscard]] std::vector<Command> ResponsibilityCommands();
[[nodiscard]] std::vector<Command> TransferCommands();
[[nodiscard]] std::vector<Command> EventCommands();
[[nodiscard]] std::vector<Command> AuditCommands();  // with the three that follow
[[nodiscard]] Command AuditVerifyCommand();
[[nodiscard]] Command AuditAccessCommand();
[[nodiscard]] std::vector<Command> AuditQueryCommands();
[[nodiscard]] std::vector<Command> NodeCommands();
[[nodiscard]] std::vector<Command> PeerCommands();
[[nodiscard]] std::vector<Command> PeerForkCommands();

// All of them.
[[nodiscard]] CommandRegistry AllCommands();

}  // namespace medflyt::cli
