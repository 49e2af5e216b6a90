#include "common/crypto/seal.h"

#include <sodium.h>

#include <utility>

#include "common/crypto/sodium_ready.h"

namespace medflyt::crypto {
namespace {

static_assert(Key::kSize == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(Nonce::kSize == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(kSealOverhead == crypto_aead_xchacha20poly1305_ietf_ABYTES);
static_assert(Key::kSize == crypto_box_SECRETKEYBYTES && ExchangePublicKey::kSize == crypto_box_PUBLICKEYBYTES);
static_assert(kSealedBoxOverhead == crypto_box_SEALBYTES);

const uint8_t* Bytes(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }
uint8_t* Bytes(std::string& text) { return reinterpret_cast<uint8_t*>(text.data()); }

}  // namespace

void SystemRandom::Fill(uint8_t* out, size_t size) {
  if (size == 0) return;  // `out` may be null then
  RequireSodium();
  randombytes_buf(out, size);
}

std::string Seal(const Key& key, const Nonce& nonce, std::string_view associated_data, std::string_view plaintext) {
  std::string ciphertext(plaintext.size() + kSealOverhead, '\0');
  crypto_aead_xchacha20poly1305_ietf_encrypt(Bytes(ciphertext), nullptr, Bytes(plaintext), plaintext.size(),
                                             Bytes(associated_data), associated_data.size(), nullptr, nonce.data(),
                                             key.Expose());
  return ciphertext;
}

absl::StatusOr<std::string> Open(const Key& key, const Nonce& nonce, std::string_view associated_data,
                                 std::string_view ciphertext) {
  if (ciphertext.size() < kSealOverhead) return absl::DataLossError("ciphertext is shorter than its tag");
  std::string plaintext(ciphertext.size() - kSealOverhead, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(Bytes(plaintext), nullptr, nullptr, Bytes(ciphertext),
                                                 ciphertext.size(), Bytes(associated_data), associated_data.size(),
                                                 nonce.data(), key.Expose()) != 0) {
    return absl::DataLossError("ciphertext does not open with this key, nonce and associated data");
  }
  return plaintext;
}

ExchangeKey::ExchangeKey(Key private_key) : private_key_(std::move(private_key)) {
  crypto_scalarmult_base(public_key_.data(), private_key_.Expose());
}

absl::StatusOr<std::string> SealTo(const ExchangePublicKey& recipient, std::string_view plaintext) {
  RequireSodium();
  std::string sealed(plaintext.size() + kSealedBoxOverhead, '\0');
  if (crypto_box_seal(Bytes(sealed), Bytes(plaintext), plaintext.size(), recipient.data()) != 0) {
    return absl::InvalidArgumentError("public key is of small order");
  }
  return sealed;
}

absl::StatusOr<std::string> OpenSealed(const ExchangeKey& key, std::string_view sealed) {
  if (sealed.size() < kSealedBoxOverhead) return absl::DataLossError("sealed box is shorter than its overhead");
  std::string plaintext(sealed.size() - kSealedBoxOverhead, '\0');
  if (crypto_box_seal_open(Bytes(plaintext), Bytes(sealed), sealed.size(), key.public_key().data(),
                           key.private_key().Expose()) != 0) {
    return absl::DataLossError("sealed box does not open with this key");
  }
  return plaintext;
}

}  // namespace medflyt::crypto
