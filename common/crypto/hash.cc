// OpenSSL 3 deprecates the SHA256_CTX functions, but its replacement costs twice the time on the 65 bytes of a tree
// node, which is nearly all we hash. This file alone uses them.
#define OPENSSL_API_COMPAT 10101

#include "common/crypto/hash.h"

#include <openssl/sha.h>
#include <sodium.h>

namespace medflyt::crypto {
namespace {

static_assert(Hash::kSize == SHA256_DIGEST_LENGTH);
static_assert(Key::kSize >= crypto_generichash_KEYBYTES_MIN && Key::kSize <= crypto_generichash_KEYBYTES_MAX);
static_assert(Hash::kSize == crypto_generichash_BYTES && Key::kSize == crypto_generichash_BYTES);

const uint8_t* Bytes(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }

void KeyedHashInto(uint8_t* out, const Key& key, std::string_view label,
                   std::initializer_list<std::string_view> parts) {
  constexpr uint8_t kSeparator = 0;
  crypto_generichash_state state;
  crypto_generichash_init(&state, key.Expose(), Key::kSize, Hash::kSize);
  crypto_generichash_update(&state, Bytes(label), label.size());
  crypto_generichash_update(&state, &kSeparator, 1);
  for (std::string_view part : parts) crypto_generichash_update(&state, Bytes(part), part.size());
  crypto_generichash_final(&state, out, Hash::kSize);
  // The state holds the key's block.
  sodium_memzero(&state, sizeof(state));
}

}  // namespace

Hash Sha256(std::string_view bytes) { return Sha256({bytes}); }

Hash Sha256(std::initializer_list<std::string_view> parts) {
  Hash hash;
  SHA256_CTX context;
  SHA256_Init(&context);
  for (std::string_view part : parts) SHA256_Update(&context, part.data(), part.size());
  SHA256_Final(hash.data(), &context);
  return hash;
}

struct Sha256Stream::State {
  SHA256_CTX context;
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) { SHA256_Init(&state_->context); }

Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::Update(std::string_view bytes) { SHA256_Update(&state_->context, bytes.data(), bytes.size()); }

Hash Sha256Stream::Finish() {
  Hash hash;
  SHA256_Final(hash.data(), &state_->context);
  return hash;
}

Hash KeyedHash(const Key& key, std::string_view label, std::initializer_list<std::string_view> parts) {
  Hash hash;
  KeyedHashInto(hash.data(), key, label, parts);
  return hash;
}

Key DeriveKey(const Key& key, std::string_view label, std::initializer_list<std::string_view> parts) {
  return Key::Make([&](uint8_t* out) { KeyedHashInto(out, key, label, parts); });
}

}  // namespace medflyt::crypto
