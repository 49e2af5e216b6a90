// Authenticated encryption (XChaCha20-Poly1305-IETF) and X25519 sealed boxes, by libsodium.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/base/random.h"
#include "common/crypto/secret.h"

namespace medflyt::crypto {

using Nonce = FixedBytes<24, struct NonceTag>;
inline constexpr size_t kSealOverhead = 16;  // bytes of the authentication tag

// libsodium's generator, seeded from the operating system's in each thread.
class SystemRandom final : public RandomSource {
 public:
  void Fill(uint8_t* out, size_t size) override;
};

// Ciphertext of plaintext.size() + kSealOverhead bytes. A nonce is used once per key.
[[nodiscard]] std::string Seal(const Key& key, const Nonce& nonce, std::string_view associated_data,
                               std::string_view plaintext);
// DATA_LOSS when the ciphertext, the associated data, the nonce or the key is not that of the seal.
[[nodiscard]] absl::StatusOr<std::string> Open(const Key& key, const Nonce& nonce, std::string_view associated_data,
                                               std::string_view ciphertext);

using ExchangePublicKey = FixedBytes<32, struct ExchangePublicKeyTag>;

// An X25519 key pair that others seal to. Immutable.
class ExchangeKey {
 public:
  explicit ExchangeKey(Key private_key);
  [[nodiscard]] const ExchangePublicKey& public_key() const { return public_key_; }
  [[nodiscard]] const Key& private_key() const { return private_key_; }

 private:
  Key private_key_;
  ExchangePublicKey public_key_;
};

inline constexpr size_t kSealedBoxOverhead = 48;
// Anonymous sealed box: only the holder of the private key opens it. INVALID_ARGUMENT for a public key of small order.
[[nodiscard]] absl::StatusOr<std::string> SealTo(const ExchangePublicKey& recipient, std::string_view plaintext);
// DATA_LOSS when it was not sealed to this key or was altered. The caller wipes the result.
[[nodiscard]] absl::StatusOr<std::string> OpenSealed(const ExchangeKey& key, std::string_view sealed);

}  // namespace medflyt::crypto
