// Certificate chains (RFC 5280 path validation) and the process's TLS policy, by OpenSSL.
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace medflyt::crypto {

// Certificates that their issuers have revoked (certificate revocation lists, RFC 5280 section 5). Immutable.
class RevocationLists {
 public:
  RevocationLists();  // nothing is revoked
  ~RevocationLists();
  RevocationLists(const RevocationLists&) = delete;
  RevocationLists& operator=(const RevocationLists&) = delete;

  // Any number of lists as PEM text, of any issuers. INVALID_ARGUMENT (rule CRL_INVALID) where a block is broken, or
  // the text holds no list.
  [[nodiscard]] static absl::StatusOr<std::shared_ptr<const RevocationLists>> Parse(std::string_view pem);

 private:
  friend absl::Status VerifyChain(std::string_view, std::string_view, absl::Time, const RevocationLists*);
  struct Parsed;
  std::unique_ptr<Parsed> parsed_;
};

// OK when the first certificate of `chain_pem`, by way of those that follow it there, leads to one of the certificates
// of `roots_pem`, all of them valid at `at`. TLS checks the same against everybody's roots at the handshake; this is
// for the roots of one authority, so that nobody's issuer can name another authority. UNAUTHENTICATED (rule
// CERTIFICATE_ISSUER_UNTRUSTED) otherwise, INVALID_ARGUMENT (rule CERTIFICATE_INVALID) where a text holds no
// certificate. UNAUTHENTICATED (rule CLIENT_CERTIFICATE_REVOKED) where a list of `revoked` that is signed by its issuer
// names a certificate of that chain. An issuer without a list has revoked nothing; a list whose time for renewal is
// over is believed: what it revoked stays revoked, and to shut everybody out because a list was not fetched would stop
// the exchange.
[[nodiscard]] absl::Status VerifyChain(std::string_view chain_pem, std::string_view roots_pem, absl::Time at,
                                       const RevocationLists* revoked = nullptr);

// From here on every TLS connection of this process speaks TLS 1.3 (RFC 8446) and nothing older: gRPC 1.51 has no
// setting for it, so this is OpenSSL's own configuration of the process. Call before the first TLS context exists, that
// is before any gRPC credentials; later calls do nothing. INTERNAL when OpenSSL refuses. Thread-safe.
[[nodiscard]] absl::Status RequireTls13();

}  // namespace medflyt::crypto
