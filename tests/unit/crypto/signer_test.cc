#include "common/crypto/signer.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace medflyt::crypto {
namespace {

Signer FromSeed(std::string_view hex) { return Signer(*Key::FromBytes(*HexDecode(hex))); }

template <typename Fixed>
Fixed FlipBit(Fixed value, size_t bit) {
  value.data()[bit / 8] = static_cast<uint8_t>(value.data()[bit / 8] ^ (1U << (bit % 8)));
  return value;
}

struct Vector {
  const char* seed;
  const char* public_key;
  const char* message;
  const char* signature;
};

// RFC 8032, section 7.1: tests 1, 2, 3 and SHA(abc).
constexpr Vector kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
     "d25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
     "387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
     "4a7c15e9716ed28dc027beceea1ec40a"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
     "454d4423643ce80e2a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
     "3dca179c138ac17ad9bef1177331a704"},
};

TEST(Signer, KnownAnswers) {
  for (const Vector& vector : kVectors) {
    const Signer signer = FromSeed(vector.seed);
    const std::string message = *HexDecode(vector.message);
    EXPECT_EQ(signer.public_key().ToHex(), vector.public_key);
    EXPECT_EQ(signer.Sign(message).ToHex(), vector.signature);
    EXPECT_TRUE(Verify(*PublicKey::FromHex(vector.public_key), message, *Signature::FromHex(vector.signature)));
  }
}

TEST(Verify, FindsEveryFlippedBit) {
  const Signer signer = FromSeed(kVectors[2].seed);
  const std::string message = "checkpoint\n7\n";
  const Signature signature = signer.Sign(message);
  ASSERT_TRUE(Verify(signer.public_key(), message, signature));
  for (size_t bit = 0; bit < 8 * Signature::kSize; ++bit) {
    EXPECT_FALSE(Verify(signer.public_key(), message, FlipBit(signature, bit))) << "signature bit " << bit;
  }
  for (size_t bit = 0; bit < 8 * PublicKey::kSize; ++bit) {
    EXPECT_FALSE(Verify(FlipBit(signer.public_key(), bit), message, signature)) << "key bit " << bit;
  }
  for (size_t bit = 0; bit < 8 * message.size(); ++bit) {
    std::string altered = message;
    altered[bit / 8] = static_cast<char>(altered[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(Verify(signer.public_key(), altered, signature)) << "message bit " << bit;
  }
}

TEST(Verify, FindsAnotherMessageOrKey) {
  const Signer signer = FromSeed(kVectors[0].seed);
  const Signature signature = signer.Sign("message");
  EXPECT_FALSE(Verify(signer.public_key(), "messag", signature));
  EXPECT_FALSE(Verify(signer.public_key(), std::string("message\0", 8), signature));
  EXPECT_FALSE(Verify(signer.public_key(), "", signature));
  EXPECT_FALSE(Verify(FromSeed(kVectors[1].seed).public_key(), "message", signature));
  EXPECT_FALSE(Verify(signer.public_key(), "message", Signature()));
  EXPECT_FALSE(Verify(PublicKey(), "message", signature));
}

// S + L verifies the same equation as S; RFC 8032, section 5.1.7, demands S < L, or one signature would have two forms.
TEST(Verify, RefusesASignatureThatIsNotCanonical) {
  const Signer signer = FromSeed(kVectors[1].seed);
  const Signature signature = signer.Sign("message");
  const std::string order = *HexDecode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  Signature other = signature;
  unsigned carry = 0;
  for (size_t i = 0; i < 32; ++i) {
    const unsigned sum = other.data()[32 + i] + static_cast<uint8_t>(order[i]) + carry;
    other.data()[32 + i] = static_cast<uint8_t>(sum);
    carry = sum >> 8;
  }
  ASSERT_EQ(carry, 0U);
  EXPECT_TRUE(Verify(signer.public_key(), "message", signature));
  EXPECT_FALSE(Verify(signer.public_key(), "message", other));
}

// With the neutral element as the key, R = B and S = 1 satisfy the equation for every message: whoever accepts the key
// accepts a signature that nobody made.
TEST(Verify, RefusesKeysOfSmallOrder) {
  const Signature forged = *Signature::FromHex(
      "5866666666666666666666666666666666666666666666666666666666666666"
      "0100000000000000000000000000000000000000000000000000000000000000");
  const char* const small[] = {
      "0100000000000000000000000000000000000000000000000000000000000000",  // order 1
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // order 2
      "0000000000000000000000000000000000000000000000000000000000000000",  // order 4
      "0000000000000000000000000000000000000000000000000000000000000080",  // order 4
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",  // order 8
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",  // order 8
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",  // order 8
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",  // order 8
      "0100000000000000000000000000000000000000000000000000000000000080",  // order 1, not canonical
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // order 1, not canonical
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // order 4, not canonical
  };
  for (const char* key : small) {
    // A key of order n passes an unguarded check for about every n-th message.
    for (int i = 0; i < 32; ++i) {
      EXPECT_FALSE(Verify(*PublicKey::FromHex(key), "message " + std::to_string(i), forged)) << key;
    }
  }
}

TEST(Verify, RefusesAKeyThatIsNoPoint) {
  const Signature signature = FromSeed(kVectors[0].seed).Sign("message");
  // y = 2 has no x on the curve.
  const auto key = PublicKey::FromHex("0200000000000000000000000000000000000000000000000000000000000000");
  EXPECT_FALSE(Verify(*key, "message", signature));
}

TEST(Signer, IsSharedByThreads) {
  const Signer signer(Key::Random());
  const Signature expected = signer.Sign("message");
  std::vector<std::thread> threads;
  std::vector<int> same(4);
  for (size_t t = 0; t < same.size(); ++t) {
    threads.emplace_back([&, t] {
      const Signer copy = signer;
      for (int i = 0; i < 100; ++i) same[t] += copy.Sign("message") == expected ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(same, std::vector<int>(4, 100));
}

}  // namespace
}  // namespace medflyt::crypto
