#include "common/crypto/signer.h"

#include <sodium.h>

#include <utility>

#include "common/crypto/sodium_ready.h"

namespace medflyt::crypto {

static_assert(Key::kSize == crypto_sign_SEEDBYTES && PublicKey::kSize == crypto_sign_PUBLICKEYBYTES);
static_assert(Signature::kSize == crypto_sign_BYTES && kMaxSecretSize >= crypto_sign_SECRETKEYBYTES);

Signer::Signer(Key seed) : seed_(std::move(seed)) {
  std::shared_ptr<uint8_t> expanded = NewSecret(crypto_sign_SECRETKEYBYTES);
  crypto_sign_seed_keypair(public_key_.data(), expanded.get(), seed_.Expose());
  expanded_ = std::move(expanded);
}

Signature Signer::Sign(std::string_view message) const {
  Signature signature;
  crypto_sign_detached(signature.data(), nullptr, reinterpret_cast<const uint8_t*>(message.data()), message.size(),
                       expanded_.get());
  return signature;
}

bool Verify(const PublicKey& key, std::string_view message, const Signature& signature) {
  RequireSodium();
  return crypto_sign_verify_detached(signature.data(), reinterpret_cast<const uint8_t*>(message.data()), message.size(),
                                     key.data()) == 0;
}

}  // namespace medflyt::crypto
