// OpenSSL 3 deprecates the AES functions, but its replacement keeps a context that no two threads may use. This file
// and hash.cc alone use what is deprecated.
#define OPENSSL_API_COMPAT 10101

#include "common/crypto/block_cipher.h"

#include <openssl/aes.h>
#include <openssl/crypto.h>

#include <utility>

namespace medflyt::crypto {

struct BlockCipher::Schedule {
  Schedule() = default;
  Schedule(const Schedule&) = delete;
  Schedule& operator=(const Schedule&) = delete;
  ~Schedule() { OPENSSL_cleanse(this, sizeof(*this)); }

  AES_KEY encrypting{};
  AES_KEY decrypting{};
};

BlockCipher::BlockCipher(const Key& key) {
  auto schedule = std::make_shared<Schedule>();
  // These fail for no key or another length alone.
  AES_set_encrypt_key(key.Expose(), 8 * Key::kSize, &schedule->encrypting);
  AES_set_decrypt_key(key.Expose(), 8 * Key::kSize, &schedule->decrypting);
  schedule_ = std::move(schedule);
}

BlockCipher::Block BlockCipher::Encrypt(const Block& block) const {
  Block out;
  AES_encrypt(block.data(), out.data(), &schedule_->encrypting);
  return out;
}

BlockCipher::Block BlockCipher::Decrypt(const Block& block) const {
  Block out;
  AES_decrypt(block.data(), out.data(), &schedule_->decrypting);
  return out;
}

}  // namespace medflyt::crypto
