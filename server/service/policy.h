// Who may do what: roles of clients, actions, and the kinds of authority whose clients they are. One table, checked in
// one place; what it does not allow is denied.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "common/directory/authority.h"
#include "common/rpc/peer_identity.h"
#include "medflyt/v1/commands.pb.h"

namespace medflyt::service {

// Each command is an action of its own; reads are few.
enum class Action : uint8_t {
  kProposeAgreement,
  kAcceptAgreement,
  kDeclineAgreement,
  kTerminateAgreement,
  kProposeEnrolment,
  kStartEnrolment,
  kRefuseEnrolment,
  kPauseEnrolment,
  kResumeEnrolment,
  kEndEnrolment,
  kSetFlag,
  kClearFlag,
  kHoldRelocation,
  kReleaseHold,
  kAssessDisclosure,
  kAnnounceRelocation,
  kCorrectRelocation,
  kAnnulRelocation,
  kAcknowledgeRelocation,
  kDeclineRelocation,
  kEndResponsibility,
  kRestoreResponsibility,
  kRenumberCitizen,
  kRectifyValue,
  kDisputeEvent,
  kRequestTransfer,
  kWithdrawTransfer,
  kDeclineTransfer,
  kImportExtract,
  kReadAgreements,
  kReadCitizens,    // every read that may touch one: places, enrolments, relocations, transfers, events
  kReportCitizen,   // all of one citizen, for the citizen
  kEraseCitizen,    // and seeing what is to be erased
  kReportIncident,  // whose data a certificate, an officer or a key touched
  kWatchEvents,
  kProveEvents,
  kAudit,
  kReadAccessRecords,
  kOpenCases,  // all events of a case, and their keys
  kAdminister,
  kReleasePeer,
  kAdmitGeneration,
  kBackUp,
  kRecoverNode,
  kExchange,  // what peers' nodes do, and nobody else
};
inline constexpr size_t kActionCount = static_cast<size_t>(Action::kExchange) + 1;

// "release-hold", as in the policy file.
[[nodiscard]] std::string_view NameOf(Action action);
[[nodiscard]] std::optional<Action> ActionByName(std::string_view name);
// Whether it takes two officers, each with a client certificate of their own. No policy changes that.
[[nodiscard]] bool TakesTwoOfficers(Action action);
// Nothing for a command that is not set.
[[nodiscard]] std::optional<Action> ActionOf(const v1::Command& command);

class Policy {
 public:
  struct Entry {
    rpc::Role role;
    Action action;
    std::vector<directory::Kind> kinds;  // ascending
  };

  // Allows nothing but what nodes do with one another.
  Policy();
  // What a node goes by where its configuration names no policy; deploy/policy.toml says the same.
  [[nodiscard]] static Policy Default();

  // INVALID_ARGUMENT (POLICY_ROLE_MIXED) where a node would do anything but exchange, or another role exchange, or the
  // registry's feed anything but import.
  [[nodiscard]] absl::Status Allow(rpc::Role role, Action action, directory::Kind kind);

  // OK where a client with the role may do this at an authority of the kind; PERMISSION_DENIED
  // (CLIENT_ROLE_NOT_ALLOWED).
  [[nodiscard]] absl::Status Check(rpc::Role role, Action action, directory::Kind kind) const;

  // What is allowed, by action and role.
  [[nodiscard]] std::vector<Entry> Entries() const;

 private:
  std::set<std::tuple<Action, rpc::Role, directory::Kind>> allowed_;
};

}  // namespace medflyt::service
