// Who may call what: the one table of roles.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "common/rpc/peer_identity.h"
#include "medflyt/v1/commands.pb.h"

namespace medflyt::service {

// Kinds of calls. A role may make a call only where the table in access_rules.cc says so.
enum class Call : uint8_t {
  kAgreementCommand,
  kReleaseHold,  // the two-officer act
  kOtherCommand,
  kImport,
  kReadAgreements,
  kReadCitizens,  // every read that may touch one
  kWatch,
  kProof,
  kAudit,
  kAdminister,
  kExchange,
};

// PERMISSION_DENIED (CLIENT_ROLE_NOT_ALLOWED).
[[nodiscard]] absl::Status CheckRole(rpc::Role role, Call call);

[[nodiscard]] Call CallOf(const v1::Command& command);

}  // namespace medflyt::service
