// Ed25519 (RFC 8032) by libsodium.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "common/base/id.h"
#include "common/crypto/secret.h"

namespace medflyt::crypto {

using PublicKey = FixedBytes<32, struct PublicKeyTag>;
using Signature = FixedBytes<64, struct SignatureTag>;

// A private key with its public half. Immutable and thread-safe.
class Signer {
 public:
  // `seed` is the 32-byte private key of RFC 8032.
  explicit Signer(Key seed);

  [[nodiscard]] Signature Sign(std::string_view message) const;
  [[nodiscard]] const PublicKey& public_key() const { return public_key_; }
  [[nodiscard]] const Key& seed() const { return seed_; }

 private:
  Key seed_;
  std::shared_ptr<const uint8_t> expanded_;  // seed ‖ public key, libsodium's form of the private key
  PublicKey public_key_;
};

// False for a wrong signature and for a public key that is no valid point or of small order.
[[nodiscard]] bool Verify(const PublicKey& key, std::string_view message, const Signature& signature);

}  // namespace medflyt::crypto
