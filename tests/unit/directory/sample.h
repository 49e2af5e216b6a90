// Invented authorities for tests of the directory. The certificates were made by deploy/pki.sh; their keys are gone.
#pragma once

#include <string>
#include <string_view>

#include "common/crypto/signer.h"
#include "common/directory/authority.h"
#include "common/directory/directory.h"
#include "common/tlog/note_key.h"
#include "tests/support/rule_of.h"

namespace medflyt::testing {

inline constexpr std::string_view kOdenseIssuer =
    "-----BEGIN CERTIFICATE-----\n"
    "MIICHjCCAcOgAwIBAgIUSvvLy2z+bynwSANUK70kinM/vLkwCgYIKoZIzj0EAwIw\n"
    "azELMAkGA1UEBhMCREsxHzAdBgNVBAoMFk9kZW5zZSAoZGVtb25zdHJhdGlvbikx\n"
    "FzAVBgNVBGEMDk5UUkRLLTM1MjA5MTE1MSIwIAYDVQQDDBlEZW1vbnN0cmF0aW9u\n"
    "IENBIDM1MjA5MTE1MB4XDTI2MTEyMTIwMTgyMVoXDTM2MTExODIwMTgyMVowazEL\n"
    "MAkGA1UEBhMCREsxHzAdBgNVBAoMFk9kZW5zZSAoZGVtb25zdHJhdGlvbikxFzAV\n"
    "BgNVBGEMDk5UUkRLLTM1MjA5MTE1MSIwIAYDVQQDDBlEZW1vbnN0cmF0aW9uIENB\n"
    "IDM1MjA5MTE1MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE808mH7lHlrJfUJKX\n"
    "g4VgXCG5zi6xEy8IPpzRnmZSIHZVaO0Y/L7axQsHRoMgXAo31BP+u6Usl+Di4aud\n"
    "xewqQaNFMEMwEgYDVR0TAQH/BAgwBgEB/wIBADAOBgNVHQ8BAf8EBAMCAQYwHQYD\n"
    "VR0OBBYEFGEGBjGRR0wHZmbEG0p8kn/ffULPMAoGCCqGSM49BAMCA0kAMEYCIQCL\n"
    "QhXB320JKY7XbI1LYb6TOq/YYPb1WFxGQYvxA3fQhwIhAIXe6YIRnXJx/RAVN2Wg\n"
    "vqYJxSTpL8ihDKIuiGAsxm8o\n"
    "-----END CERTIFICATE-----\n";
inline constexpr std::string_view kNyborgIssuer =
    "-----BEGIN CERTIFICATE-----\n"
    "MIICHDCCAcOgAwIBAgIUAW/nQO+rOVe+FKhh5fLetw6RNMYwCgYIKoZIzj0EAwIw\n"
    "azELMAkGA1UEBhMCREsxHzAdBgNVBAoMFk55Ym9yZyAoZGVtb25zdHJhdGlvbikx\n"
    "FzAVBgNVBGEMDk5UUkRLLTI5MTg5NzIyMSIwIAYDVQQDDBlEZW1vbnN0cmF0aW9u\n"
    "IENBIDI5MTg5NzIyMB4XDTI2MTEyMTIwMTgyMVoXDTM2MTExODIwMTgyMVowazEL\n"
    "MAkGA1UEBhMCREsxHzAdBgNVBAoMFk55Ym9yZyAoZGVtb25zdHJhdGlvbikxFzAV\n"
    "BgNVBGEMDk5UUkRLLTI5MTg5NzIyMSIwIAYDVQQDDBlEZW1vbnN0cmF0aW9uIENB\n"
    "IDI5MTg5NzIyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE6wRS/QXVLRXm2rto\n"
    "qjsS/Xuy8H8WImMkohBXvxvUYaurAZoIxG6q3OwKA7+X6mtdWMjwFaKv4A3/LR/S\n"
    "lOyMu6NFMEMwEgYDVR0TAQH/BAgwBgEB/wIBADAOBgNVHQ8BAf8EBAMCAQYwHQYD\n"
    "VR0OBBYEFKpIa+9NGXftS0Jw1DKS3RnY5ZNGMAoGCCqGSM49BAMCA0cAMEQCIC6e\n"
    "jn+wcOPBF9ydKZVUNZLMcNe+DxnHVAh5V5b2TkkOAiAXaglbtEoggGu281h4kEQW\n"
    "RdNUzdQWhyoalqz3luL/OA==\n"
    "-----END CERTIFICATE-----\n";

// The same key for the same seed.
inline crypto::Signer SignerOf(uint8_t seed) {
  return crypto::Signer(*crypto::Key::FromBytes(std::string(crypto::Key::kSize, static_cast<char>(seed))));
}
inline tlog::NoteSigner NoteSignerOf(std::string_view name, uint8_t seed) {
  return *tlog::NoteSigner::Create(name, SignerOf(seed));
}
inline tlog::VerifierKey WitnessKeyOf(std::string_view name, uint8_t seed) {
  return *tlog::VerifierKey::Create(name, tlog::SignatureType::kCosignature, SignerOf(seed).public_key());
}

// A municipality with a node: one log, whose key has the seed, and a witness key of the seed + 1.
inline directory::Authority MunicipalityWithNode(std::string_view cvr, std::string_view code, std::string_view name,
                                                 uint8_t seed, std::string_view issuers = kOdenseIssuer) {
  const std::string origin = "medflyt.example/" + std::string(cvr) + "/1";
  directory::Authority authority;
  authority.id = *AuthorityId::Parse(cvr);
  authority.kind = directory::Kind::kMunicipality;
  authority.names = {{Date(2007, 1, 1), std::string(name)}};
  authority.codes = {{Date(2007, 1, 1), std::nullopt, *MunicipalityCode::Parse(code)}};
  authority.endpoint = "localhost:7461";
  authority.logs = {{origin, {{NoteSignerOf(origin, seed).verifier_key(), TreeSize(0), std::nullopt}}}};
  authority.witness = WitnessKeyOf("medflyt.example/" + std::string(cvr) + "/witness", static_cast<uint8_t>(seed + 1));
  authority.issuers = std::string(issuers);
  return authority;
}
inline directory::Authority Odense() { return MunicipalityWithNode("35209115", "0461", "Odense Kommune", 10); }
inline directory::Authority Nyborg() {
  return MunicipalityWithNode("29189722", "0450", "Nyborg Kommune", 20, kNyborgIssuer);
}

}  // namespace medflyt::testing
