// The fields of an X.509 certificate that Medflyt reads (RFC 5280), by OpenSSL.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/crypto/hash.h"

namespace medflyt::crypto {

struct Certificate {
  std::string organization_identifier;  // subject attribute 2.5.4.97, e.g. "NTRDK-35209115"; empty where absent
  std::string organizational_unit;      // subject OU; carries a client's role; empty where absent
  std::string common_name;              // subject CN; empty where absent
  std::string serial;                   // lower-case hexadecimal, an even number of digits
  absl::Time not_before;
  absl::Time not_after;
  Hash fingerprint;  // SHA-256 of the DER form
};

// The first certificate of a PEM text; what follows it is not looked at. The signature is not verified: that is TLS's
// part. INVALID_ARGUMENT (rule CERTIFICATE_INVALID) when there is none, it does not parse, one of these three
// attributes occurs twice in the subject, or its text holds a control character such as NUL.
[[nodiscard]] absl::StatusOr<Certificate> ParseCertificate(std::string_view pem);

}  // namespace medflyt::crypto
