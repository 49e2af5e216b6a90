// The same nodes without encryption of content, for the cost of privacy: the linker puts these in the place of
// libsodium's XChaCha20-Poly1305 (--wrap, CMakeLists.txt), and whoever sealed with it copies. Nothing else is another.
#include <cstddef>
#include <cstring>

extern "C" {

constexpr size_t kTag = 16;

int __wrap_crypto_aead_xchacha20poly1305_ietf_encrypt(unsigned char* ciphertext, unsigned long long* ciphertext_size,
                                                      const unsigned char* plaintext, unsigned long long plaintext_size,
                                                      const unsigned char*, unsigned long long, const unsigned char*,
                                                      const unsigned char*, const unsigned char*) {
  std::memcpy(ciphertext, plaintext, plaintext_size);
  std::memset(ciphertext + plaintext_size, 0, kTag);
  if (ciphertext_size != nullptr) *ciphertext_size = plaintext_size + kTag;
  return 0;
}

int __wrap_crypto_aead_xchacha20poly1305_ietf_decrypt(unsigned char* plaintext, unsigned long long* plaintext_size,
                                                      unsigned char*, const unsigned char* ciphertext,
                                                      unsigned long long ciphertext_size, const unsigned char*,
                                                      unsigned long long, const unsigned char*, const unsigned char*) {
  std::memcpy(plaintext, ciphertext, ciphertext_size - kTag);
  if (plaintext_size != nullptr) *plaintext_size = ciphertext_size - kTag;
  return 0;
}

}  // extern "C"
