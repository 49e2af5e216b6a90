// AES-256 (FIPS 197) on one block, by OpenSSL: a keyed permutation of 16 bytes. No encryption of data: that is seal.h.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "common/crypto/secret.h"

namespace medflyt::crypto {

// Immutable and thread-safe; copies share the expanded key, which is wiped with the last of them.
class BlockCipher {
 public:
  using Block = std::array<uint8_t, 16>;

  explicit BlockCipher(const Key& key);

  [[nodiscard]] Block Encrypt(const Block& block) const;
  [[nodiscard]] Block Decrypt(const Block& block) const;

 private:
  struct Schedule;
  std::shared_ptr<const Schedule> schedule_;
};

}  // namespace medflyt::crypto
