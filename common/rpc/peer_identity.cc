#include "common/rpc/peer_identity.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/absl_view.h"
#include "common/base/status.h"
#include "common/crypto/chain.h"
#include "common/crypto/x509.h"
#include "grpc/grpc_security_constants.h"

namespace medflyt::rpc {
namespace {

constexpr std::string_view kOrganisationPrefix = "NTRDK-";
constexpr size_t kMaxChainBytes = 64 * 1024;
constexpr std::array<std::pair<Role, std::string_view>, 5> kRoles = {{{Role::kNode, "node"},
                                                                      {Role::kRegistryFeed, "registry-feed"},
                                                                      {Role::kCaseSystem, "case-system"},
                                                                      {Role::kAdministrator, "administrator"},
                                                                      {Role::kAuditor, "auditor"}}};

absl::Status Refused(std::string_view rule, std::string_view message) {
  return RuleError(absl::StatusCode::kUnauthenticated, rule, "", message);
}

// As OpenSSL, which takes the second of `not_after` for expired.
absl::Status CheckValidity(absl::Time not_before, absl::Time not_after, absl::Time now) {
  if (now >= not_before && now < not_after) return absl::OkStatus();
  return Refused("CLIENT_CERTIFICATE_EXPIRED", "the certificate is not valid now");
}

std::string FirstProperty(const grpc::AuthContext& context, const char* name) {
  const auto values = context.FindPropertyValues(name);
  return values.empty() ? std::string() : std::string(values.front().data(), values.front().size());
}

}  // namespace

std::string_view NameOf(Role role) {
  for (const auto& [known, name] : kRoles) {
    if (known == role) return name;
  }
  return "";
}

std::optional<Role> RoleByName(std::string_view name) {
  for (const auto& [role, known] : kRoles) {
    if (known == name) return role;
  }
  return std::nullopt;
}

std::optional<AuthorityId> AuthorityOfOrganisation(std::string_view organization_identifier) {
  if (organization_identifier.substr(0, kOrganisationPrefix.size()) != kOrganisationPrefix) return std::nullopt;
  return AuthorityId::Parse(organization_identifier.substr(kOrganisationPrefix.size()));
}

PeerIdentities::PeerIdentities(const Clock& clock, IssuersOf issuers, size_t capacity)
    : clock_(clock), issuers_(std::move(issuers)), capacity_(std::max<size_t>(capacity, 1)) {}

absl::StatusOr<std::shared_ptr<const PeerIdentity>> PeerIdentities::Of(const grpc::AuthContext& context) {
  // gRPC says authenticated only of a connection whose certificate it verified; the chain is what the peer sent.
  if (!context.IsPeerAuthenticated()) return Refused("CLIENT_CERTIFICATE_MISSING", "the peer is not authenticated");
  std::string chain = FirstProperty(context, GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (chain.empty()) return Refused("CLIENT_CERTIFICATE_MISSING", "the peer showed no certificate");
  chain.append("\n").append(FirstProperty(context, GRPC_X509_PEM_CERT_CHAIN_PROPERTY_NAME));
  return OfPem(chain);
}

absl::StatusOr<std::shared_ptr<const PeerIdentity>> PeerIdentities::OfPem(std::string_view chain_pem) {
  if (chain_pem.empty()) return Refused("CLIENT_CERTIFICATE_MISSING", "the peer showed no certificate");
  if (chain_pem.size() > kMaxChainBytes) return Refused("CLIENT_CERTIFICATE_INVALID", "the chain is too long");
  const crypto::Hash chain = crypto::Sha256(chain_pem);
  uint64_t generation = 0;
  std::shared_ptr<const crypto::RevocationLists> revoked;
  {
    MutexLock lock(mutex_);
    if (const auto found = by_chain_.find(chain.bytes()); found != by_chain_.end()) {
      recent_.splice(recent_.begin(), recent_, found->second);
      const std::shared_ptr<const PeerIdentity> identity = recent_.front().identity;
      MEDFLYT_RETURN_IF_ERROR(CheckValidity(identity->not_before, identity->not_after, clock_.Now()));
      return identity;
    }
    generation = generation_;
    revoked = revoked_;
  }
  MEDFLYT_ASSIGN_OR_RETURN(PeerIdentity read, Read(chain_pem, revoked.get()));
  read.generation = generation;
  const auto identity = std::make_shared<const PeerIdentity>(std::move(read));
  MutexLock lock(mutex_);
  // Not kept when issuers or revocations changed meanwhile, or when another thread was quicker.
  if (generation == generation_ && !by_chain_.contains(chain.bytes())) {
    recent_.push_front(Entry{chain, identity});
    by_chain_.emplace(recent_.front().chain.bytes(), recent_.begin());
    if (recent_.size() > capacity_) {
      by_chain_.erase(recent_.back().chain.bytes());
      recent_.pop_back();
    }
  }
  return identity;
}

absl::StatusOr<PeerIdentity> PeerIdentities::Read(std::string_view chain_pem,
                                                  const crypto::RevocationLists* revoked) const {
  const auto certificate = crypto::ParseCertificate(chain_pem);
  if (!certificate.ok()) return Refused("CLIENT_CERTIFICATE_INVALID", ToStd(certificate.status().message()));
  const auto authority = AuthorityOfOrganisation(certificate->organization_identifier);
  if (!authority || authority->is_zero()) {
    return Refused("CERTIFICATE_WITHOUT_ORGANISATION", "organizationIdentifier is not NTRDK- and 8 digits");
  }
  const auto role = RoleByName(certificate->organizational_unit);
  if (!role) return Refused("CLIENT_ROLE_UNKNOWN", "the certificate's OU is not a role");
  const std::string issuers = issuers_(*authority);
  if (issuers.empty()) return Refused("CLIENT_AUTHORITY_UNKNOWN", "the authority is not in the peer directory");
  const absl::Time now = clock_.Now();
  MEDFLYT_RETURN_IF_ERROR(CheckValidity(certificate->not_before, certificate->not_after, now));
  if (const absl::Status chain = crypto::VerifyChain(chain_pem, issuers, now, revoked); !chain.ok()) {
    const auto broken = BrokenRuleOf(chain);
    if (broken && broken->rule == "CLIENT_CERTIFICATE_REVOKED") return chain;
    return Refused("CERTIFICATE_ISSUER_UNTRUSTED", ToStd(chain.message()));
  }
  return PeerIdentity{*authority,
                      *role,
                      certificate->common_name,
                      certificate->serial,
                      certificate->not_before,
                      certificate->not_after,
                      certificate->fingerprint,
                      std::string(chain_pem),
                      0};
}

absl::Status PeerIdentities::StillValid(const PeerIdentity& identity) {
  {
    MutexLock lock(mutex_);
    if (identity.generation == generation_) {
      return CheckValidity(identity.not_before, identity.not_after, clock_.Now());
    }
  }
  return OfPem(identity.chain).status();
}

void PeerIdentities::SetRevoked(std::shared_ptr<const crypto::RevocationLists> lists) {
  MutexLock lock(mutex_);
  revoked_ = std::move(lists);
  ForgetLocked();
}

void PeerIdentities::Forget() {
  MutexLock lock(mutex_);
  ForgetLocked();
}

void PeerIdentities::ForgetLocked() {
  ++generation_;
  by_chain_.clear();
  recent_.clear();
}

}  // namespace medflyt::rpc
