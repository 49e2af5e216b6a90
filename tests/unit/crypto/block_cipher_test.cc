#include "common/crypto/block_cipher.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/bytes.h"

namespace medflyt::crypto {
namespace {

BlockCipher::Block BlockOf(std::string_view hex) {
  const std::string bytes = *HexDecode(hex);
  BlockCipher::Block block{};
  std::copy(bytes.begin(), bytes.end(), block.begin());
  return block;
}

// FIPS 197, appendix C.3.
TEST(BlockCipher, IsAes256) {
  const BlockCipher cipher(
      *Key::FromBytes(*HexDecode("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")));
  const auto plain = BlockOf("00112233445566778899aabbccddeeff");
  const auto secret = BlockOf("8ea2b7ca516745bfeafc49904b496089");
  EXPECT_EQ(cipher.Encrypt(plain), secret);
  EXPECT_EQ(cipher.Decrypt(secret), plain);
}

TEST(BlockCipher, AnotherKeyIsAnotherPermutation) {
  const BlockCipher::Block block{};
  const BlockCipher one(Key::Random());
  const BlockCipher other(Key::Random());
  EXPECT_NE(one.Encrypt(block), other.Encrypt(block));
  EXPECT_NE(other.Decrypt(one.Encrypt(block)), block);
}

}  // namespace
}  // namespace medflyt::crypto
