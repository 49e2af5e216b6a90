// Who calls, for what: from the certificate and from the request.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/directory/identity.h"
#include "common/rpc/peer_identity.h"
#include "grpcpp/server_context.h"
#include "medflyt/v1/request.pb.h"
#include "server/service/policy.h"

namespace medflyt::service {

using Identity = std::shared_ptr<const rpc::PeerIdentity>;

// Clients of this node belong to its own authority. Thread-safe.
class Gate {
 public:
  // Borrows `identities`.
  Gate(AuthorityId self, directory::Kind kind, Policy policy, rpc::PeerIdentities& identities)
      : self_(self), kind_(kind), policy_(std::move(policy)), identities_(identities) {}

  // A client whom the policy allows this. UNAUTHENTICATED as rpc::PeerIdentities::Of; PERMISSION_DENIED
  // (CLIENT_OF_OTHER_AUTHORITY, CLIENT_ROLE_NOT_ALLOWED).
  [[nodiscard]] absl::StatusOr<Identity> Client(const grpc::CallbackServerContext& context, Action action) const;
  // The same, whatever the role: for a stream whose items are checked one by one.
  [[nodiscard]] absl::StatusOr<Identity> AnyClient(const grpc::CallbackServerContext& context) const;
  // Another authority's node. PERMISSION_DENIED (CLIENT_ROLE_NOT_ALLOWED, PEER_IS_SELF), and PEER_UNKNOWN in place of
  // CLIENT_AUTHORITY_UNKNOWN.
  [[nodiscard]] absl::StatusOr<Identity> Peer(const grpc::CallbackServerContext& context) const;

  // PERMISSION_DENIED (CLIENT_ROLE_NOT_ALLOWED); INVALID_ARGUMENT (COMMAND_REQUIRED) for a command that is not set.
  [[nodiscard]] absl::Status Allows(const rpc::PeerIdentity& client, const v1::Command& command) const;
  [[nodiscard]] bool Allows(rpc::Role role, Action action) const { return policy_.Check(role, action, kind_).ok(); }
  [[nodiscard]] const Policy& policy() const { return policy_; }

  // For long streams, now and then.
  [[nodiscard]] absl::Status StillValid(const Identity& identity) const { return identities_.StillValid(*identity); }

 private:
  const AuthorityId self_;
  const directory::Kind kind_;  // of this authority
  const Policy policy_;
  rpc::PeerIdentities& identities_;
};

enum class RequestId : uint8_t { kRequired, kUnused };

// INVALID_ARGUMENT: OFFICER_REQUIRED, PURPOSE_REQUIRED, REQUEST_ID_REQUIRED, and FIELD_TOO_LONG or FIELD_MALFORMED,
// with the field below "context".
[[nodiscard]] absl::Status CheckContext(const v1::RequestContext& context, RequestId request_id);
// INVALID_ARGUMENT (DISCLOSURE_NOT_NEEDED) where a ground is named; for calls that tell no other authority of a
// citizen.
[[nodiscard]] absl::Status CheckNoDisclosure(const v1::RequestContext& context);

}  // namespace medflyt::service
