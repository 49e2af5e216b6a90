// Certificate chains (RFC 5280 path validation) and the process's TLS policy, by OpenSSL.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace medflyt::crypto {

// OK when the first certificate of `chain_pem`, by way of those that follow it there, leads to one of the certificates
// of `roots_pem`, all of them valid at `at`. TLS checks the same against everybody's roots at the handshake; this is
// for the roots of one authority, so that nobody's issuer can name another authority. UNAUTHENTICATED (rule
// CERTIFICATE_ISSUER_UNTRUSTED) otherwise, INVALID_ARGUMENT (rule CERTIFICATE_INVALID) where a text holds no
// certificate.
[[nodiscard]] absl::Status VerifyChain(std::string_view chain_pem, std::string_view roots_pem, absl::Time at);

// From here on every TLS connection of this process speaks TLS 1.3 (RFC 8446) and nothing older: gRPC 1.51 has no
// setting for it, so this is OpenSSL's own configuration of the process. Call before the first TLS context exists, that
// is before any gRPC credentials; later calls do nothing. INTERNAL when OpenSSL refuses. Thread-safe.
[[nodiscard]] absl::Status RequireTls13();

}  // namespace medflyt::crypto
