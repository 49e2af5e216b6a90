#include "server/service/policy.h"

#include <algorithm>
#include <string>

#include "common/base/status.h"
#include "common/wire/command_list.h"

namespace medflyt::service {
namespace {

using enum Action;
using rpc::Role;

struct Known {
  Action action;
  std::string_view name;
  v1::Command::CommandCase command;  // COMMAND_NOT_SET for what is no command
};

constexpr auto kNoCommand = v1::Command::COMMAND_NOT_SET;

constexpr std::array<Known, kActionCount> kKnown = {{
    {kProposeAgreement, "propose-agreement", v1::Command::kProposeAgreement},
    {kAcceptAgreement, "accept-agreement", v1::Command::kAcceptAgreement},
    {kDeclineAgreement, "decline-agreement", v1::Command::kDeclineAgreement},
    {kTerminateAgreement, "terminate-agreement", v1::Command::kTerminateAgreement},
    {kProposeEnrolment, "propose-enrolment", v1::Command::kProposeEnrolment},
    {kStartEnrolment, "start-enrolment", v1::Command::kStartEnrolment},
    {kRefuseEnrolment, "refuse-enrolment", v1::Command::kRefuseEnrolment},
    {kPauseEnrolment, "pause-enrolment", v1::Command::kPauseEnrolment},
    {kResumeEnrolment, "resume-enrolment", v1::Command::kResumeEnrolment},
    {kEndEnrolment, "end-enrolment", v1::Command::kEndEnrolment},
    {kSetFlag, "set-flag", v1::Command::kSetFlag},
    {kClearFlag, "clear-flag", v1::Command::kClearFlag},
    {kHoldRelocation, "hold-relocation", v1::Command::kHoldRelocation},
    {kReleaseHold, "release-hold", v1::Command::kReleaseHold},
    {kAssessDisclosure, "assess-disclosure", v1::Command::kAssessDisclosure},
    {kAnnounceRelocation, "announce-relocation", v1::Command::kAnnounceRelocation},
    {kCorrectRelocation, "correct-relocation", v1::Command::kCorrectRelocation},
    {kAnnulRelocation, "annul-relocation", v1::Command::kAnnulRelocation},
    {kAcknowledgeRelocation, "acknowledge-relocation", v1::Command::kAcknowledgeRelocation},
    {kDeclineRelocation, "decline-relocation", v1::Command::kDeclineRelocation},
    {kEndResponsibility, "end-responsibility", v1::Command::kEndResponsibility},
    {kRestoreResponsibility, "restore-responsibility", v1::Command::kRestoreResponsibility},
    {kRenumberCitizen, "renumber-citizen", v1::Command::kRenumberCitizen},
    {kRectifyValue, "rectify-value", v1::Command::kRectifyValue},
    {kDisputeEvent, "dispute-event", v1::Command::kDisputeEvent},
    {kRequestTransfer, "request-transfer", v1::Command::kRequestTransfer},
    {kWithdrawTransfer, "withdraw-transfer", v1::Command::kWithdrawTransfer},
    {kDeclineTransfer, "decline-transfer", v1::Command::kDeclineTransfer},
    {kImportExtract, "import-extract", kNoCommand},
    {kReadAgreements, "read-agreements", kNoCommand},
    {kReadCitizens, "read-citizens", kNoCommand},
    {kReportCitizen, "report-citizen", kNoCommand},
    {kEraseCitizen, "erase-citizen", kNoCommand},
    {kReportIncident, "report-incident", kNoCommand},
    {kWatchEvents, "watch-events", kNoCommand},
    {kProveEvents, "prove-events", kNoCommand},
    {kAudit, "audit", kNoCommand},
    {kReadAccessRecords, "read-access-records", kNoCommand},
    {kOpenCases, "open-cases", kNoCommand},
    {kAdminister, "administer", kNoCommand},
    {kReleasePeer, "release-peer", kNoCommand},
    {kAdmitGeneration, "admit-generation", kNoCommand},
    {kBackUp, "back-up", kNoCommand},
    {kRecoverNode, "recover-node", kNoCommand},
    {kExchange, "exchange", kNoCommand},
}};

#define MEDFLYT_CHECK_KNOWN(Name, name)                                               \
  static_assert(kKnown[static_cast<size_t>(k##Name)].command == v1::Command::k##Name, \
                "each command is an action, and stands in the table at its place");
MEDFLYT_COMMANDS(MEDFLYT_CHECK_KNOWN)
#undef MEDFLYT_CHECK_KNOWN

constexpr std::array kKinds = {directory::Kind::kMunicipality, directory::Kind::kPoliceDistrict,
                               directory::Kind::kStateBody};

// What a role does by default, at an authority of any kind.
std::vector<Action> DefaultOf(Role role) {
  switch (role) {
    case Role::kNode:
      break;
    case Role::kRegistryFeed:
      return {kImportExtract};
    case Role::kCaseSystem: {
      std::vector<Action> actions = {kReadAgreements, kReadCitizens, kReportCitizen, kEraseCitizen,
                                     kReportIncident, kWatchEvents,  kProveEvents};
      for (const Known& known : kKnown) {
        if (known.command != kNoCommand) actions.push_back(known.action);
      }
      return actions;
    }
    case Role::kAdministrator:
      return {kProposeAgreement, kAcceptAgreement, kDeclineAgreement, kTerminateAgreement, kReleaseHold,
              kClearFlag,        kReadAgreements,  kReportIncident,   kAdminister,         kReleasePeer,
              kAdmitGeneration,  kBackUp,          kRecoverNode};
    case Role::kAuditor:
      // Not open-cases: an auditor is cleared by the municipality's own policy, or works on ciphertext.
      return {kProveEvents, kAudit, kReadAccessRecords};
  }
  return {};
}

}  // namespace

std::string_view NameOf(Action action) { return kKnown[static_cast<size_t>(action)].name; }

std::optional<Action> ActionByName(std::string_view name) {
  const auto found = std::find_if(kKnown.begin(), kKnown.end(), [name](const Known& k) { return k.name == name; });
  if (found == kKnown.end()) return std::nullopt;
  return found->action;
}

bool TakesTwoOfficers(Action action) {
  return action == kReleaseHold || action == kClearFlag || action == kReleasePeer || action == kAdmitGeneration ||
         action == kRecoverNode || action == kEraseCitizen;
}

std::optional<Action> ActionOf(const v1::Command& command) {
  const auto set = command.command_case();
  const auto found = std::find_if(kKnown.begin(), kKnown.end(), [set](const Known& k) { return k.command == set; });
  if (set == kNoCommand || found == kKnown.end()) return std::nullopt;
  return found->action;
}

Policy::Policy() {
  for (const directory::Kind kind : kKinds) allowed_.emplace(kExchange, Role::kNode, kind);
}

Policy Policy::Default() {
  Policy policy;
  for (const Role role : {Role::kRegistryFeed, Role::kCaseSystem, Role::kAdministrator, Role::kAuditor}) {
    for (const Action action : DefaultOf(role)) {
      for (const directory::Kind kind : kKinds) policy.allowed_.emplace(action, role, kind);
    }
  }
  return policy;
}

absl::Status Policy::Allow(Role role, Action action, directory::Kind kind) {
  if ((role == Role::kNode) != (action == kExchange)) {
    return RuleError(absl::StatusCode::kInvalidArgument, "POLICY_ROLE_MIXED", "",
                     "nodes exchange events and do nothing else, and nobody else does");
  }
  if (role == Role::kRegistryFeed && action != kImportExtract) {
    return RuleError(absl::StatusCode::kInvalidArgument, "POLICY_ROLE_MIXED", "",
                     "the registry's feed imports extracts and does nothing else: a machine decides nothing");
  }
  allowed_.emplace(action, role, kind);
  return absl::OkStatus();
}

absl::Status Policy::Check(Role role, Action action, directory::Kind kind) const {
  if (allowed_.contains({action, role, kind})) return absl::OkStatus();
  return RuleError(absl::StatusCode::kPermissionDenied, "CLIENT_ROLE_NOT_ALLOWED", "",
                   std::string("a client with the role ")
                       .append(rpc::NameOf(role))
                       .append(" may not do this: ")
                       .append(NameOf(action)));
}

std::vector<Policy::Entry> Policy::Entries() const {
  std::vector<Entry> entries;
  for (const auto& [action, role, kind] : allowed_) {
    if (entries.empty() || entries.back().action != action || entries.back().role != role) {
      entries.push_back({role, action, {}});
    }
    entries.back().kinds.push_back(kind);
  }
  return entries;
}

}  // namespace medflyt::service
