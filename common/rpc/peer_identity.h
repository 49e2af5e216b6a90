// Who is at the other end of a connection, read from its certificate.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/crypto/chain.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "grpcpp/security/auth_context.h"

namespace medflyt::rpc {

// The subject's OU.
enum class Role : uint8_t { kNode, kRegistryFeed, kCaseSystem, kAdministrator, kAuditor };

// "node", "registry-feed", "case-system", "administrator", "auditor".
[[nodiscard]] std::string_view NameOf(Role role);
[[nodiscard]] std::optional<Role> RoleByName(std::string_view name);

struct PeerIdentity {
  AuthorityId authority;  // of organizationIdentifier "NTRDK-<CVR>"
  Role role = Role::kNode;
  std::string common_name;
  std::string serial;  // lower-case hexadecimal
  absl::Time not_before;
  absl::Time not_after;
  crypto::Hash fingerprint;  // of the certificate; two-officer acts compare it
  std::string chain;         // as the peer sent it, to be looked at again
  uint64_t generation = 0;   // of the trust under which it was looked at
};

// The certificates that an authority's own issuers may sign, as PEM text of one or more; empty for an authority that is
// not known. Called from any thread.
using IssuersOf = std::function<std::string(AuthorityId)>;

// Reads identities; what a certificate says is cached under the hash of its chain, as reading costs about 100 µs.
// Thread-safe.
class PeerIdentities {
 public:
  // `clock` outlives this object. `capacity` is the number of certificates kept, the least recently used is dropped.
  PeerIdentities(const Clock& clock, IssuersOf issuers, size_t capacity = 1024);

  // UNAUTHENTICATED with the rule CLIENT_CERTIFICATE_MISSING, CLIENT_CERTIFICATE_INVALID, CLIENT_CERTIFICATE_EXPIRED
  // (also where it is not valid yet), CLIENT_CERTIFICATE_REVOKED, CERTIFICATE_WITHOUT_ORGANISATION,
  // CLIENT_ROLE_UNKNOWN, CLIENT_AUTHORITY_UNKNOWN, or CERTIFICATE_ISSUER_UNTRUSTED (its issuer is not that
  // authority's). Expiry and revocation are judged on every call.
  [[nodiscard]] absl::StatusOr<std::shared_ptr<const PeerIdentity>> Of(const grpc::AuthContext& context)
      MEDFLYT_EXCLUDES(mutex_);
  // The same for a chain as PEM text, the peer's own certificate first.
  [[nodiscard]] absl::StatusOr<std::shared_ptr<const PeerIdentity>> OfPem(std::string_view chain_pem)
      MEDFLYT_EXCLUDES(mutex_);

  // For a long stream, now and then: whether the identity it began with still stands. Cheap, but the first time after
  // issuers or revocations have changed, when the chain is verified again.
  [[nodiscard]] absl::Status StillValid(const PeerIdentity& identity) MEDFLYT_EXCLUDES(mutex_);

  // Replaces the revocation lists: from here on every certificate is looked at again, known or not.
  void SetRevoked(std::shared_ptr<const crypto::RevocationLists> lists) MEDFLYT_EXCLUDES(mutex_);
  // After `issuers` began to answer otherwise: the same.
  void Forget() MEDFLYT_EXCLUDES(mutex_);

 private:
  struct Entry {
    crypto::Hash chain;
    std::shared_ptr<const PeerIdentity> identity;
  };

  [[nodiscard]] absl::StatusOr<PeerIdentity> Read(std::string_view chain_pem,
                                                  const crypto::RevocationLists* revoked) const;
  void ForgetLocked() MEDFLYT_REQUIRES(mutex_);

  const Clock& clock_;
  const IssuersOf issuers_;
  const size_t capacity_;
  mutable Mutex mutex_;
  uint64_t generation_ MEDFLYT_GUARDED_BY(mutex_) = 1;  // of issuers_' answers and of revoked_
  std::shared_ptr<const crypto::RevocationLists> revoked_ MEDFLYT_GUARDED_BY(mutex_);
  std::list<Entry> recent_ MEDFLYT_GUARDED_BY(mutex_);  // most recently used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_chain_ MEDFLYT_GUARDED_BY(mutex_);
};

// The authority of "NTRDK-<8 digits>", or nothing.
[[nodiscard]] std::optional<AuthorityId> AuthorityOfOrganisation(std::string_view organization_identifier);

}  // namespace medflyt::rpc
