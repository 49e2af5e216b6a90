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
#include "server/service/access_rules.h"

namespace medflyt::service {

using Identity = std::shared_ptr<const rpc::PeerIdentity>;

// Clients of this node belong to its own authority. Thread-safe.
class Gate {
 public:
  // Borrows `identities`.
  Gate(AuthorityId self, rpc::PeerIdentities& identities) : self_(self), identities_(identities) {}

  // A client with the role for this call. UNAUTHENTICATED as rpc::PeerIdentities::Of; PERMISSION_DENIED
  // (CLIENT_OF_OTHER_AUTHORITY, CLIENT_ROLE_NOT_ALLOWED).
  [[nodiscard]] absl::StatusOr<Identity> Client(const grpc::CallbackServerContext& context, Call call) const;
  // The same, whatever the role: for a stream whose items are checked one by one.
  [[nodiscard]] absl::StatusOr<Identity> AnyClient(const grpc::CallbackServerContext& context) const;
  // Another authority's node. PERMISSION_DENIED (CLIENT_ROLE_NOT_ALLOWED, PEER_IS_SELF), and PEER_UNKNOWN in place of
  // CLIENT_AUTHORITY_UNKNOWN.
  [[nodiscard]] absl::StatusOr<Identity> Peer(const grpc::CallbackServerContext& context) const;

  // For long streams, now and then.
  [[nodiscard]] absl::Status StillValid(const Identity& identity) const { return identities_.StillValid(*identity); }

 private:
  const AuthorityId self_;
  rpc::PeerIdentities& identities_;
};

enum class RequestId : uint8_t { kRequired, kUnused };

// INVALID_ARGUMENT: OFFICER_REQUIRED, PURPOSE_REQUIRED, REQUEST_ID_REQUIRED, and FIELD_TOO_LONG or FIELD_MALFORMED,
// with the field below "context".
[[nodiscard]] absl::Status CheckContext(const v1::RequestContext& context, RequestId request_id);

}  // namespace medflyt::service
