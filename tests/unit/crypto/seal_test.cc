#include "common/crypto/seal.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "common/base/bytes.h"

namespace medflyt::crypto {
namespace {

std::string FlipBit(std::string bytes, size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  return bytes;
}

constexpr absl::StatusCode kDataLoss = absl::StatusCode::kDataLoss;

// The example of draft-irtf-cfrg-xchacha-03, appendix A.3.1.
class XChaCha : public ::testing::Test {
 protected:
  const Key key_ = *Key::FromBytes(*HexDecode("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"));
  const Nonce nonce_ = *Nonce::FromHex("404142434445464748494a4b4c4d4e4f5051525354555657");
  const std::string associated_ = *HexDecode("50515253c0c1c2c3c4c5c6c7");
  const std::string plaintext_ =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be "
      "it.";
  const std::string ciphertext_ = *HexDecode(
      "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216"
      "cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13"
      "b52ec0875924c1c7987947deafd8780acf49");
};

TEST_F(XChaCha, KnownAnswer) {
  EXPECT_EQ(HexEncode(Seal(key_, nonce_, associated_, plaintext_)), HexEncode(ciphertext_));
  EXPECT_EQ(*Open(key_, nonce_, associated_, ciphertext_), plaintext_);
  EXPECT_EQ(ciphertext_.size(), plaintext_.size() + kSealOverhead);
}

TEST_F(XChaCha, FindsEveryFlippedBit) {
  for (size_t bit = 0; bit < 8 * ciphertext_.size(); ++bit) {  // the last sixteen bytes are the tag
    EXPECT_EQ(Open(key_, nonce_, associated_, FlipBit(ciphertext_, bit)).status().code(), kDataLoss) << bit;
  }
  for (size_t bit = 0; bit < 8 * associated_.size(); ++bit) {
    EXPECT_EQ(Open(key_, nonce_, FlipBit(associated_, bit), ciphertext_).status().code(), kDataLoss) << bit;
  }
  for (size_t bit = 0; bit < 8 * Nonce::kSize; ++bit) {
    const Nonce other = *Nonce::FromBytes(FlipBit(std::string(nonce_.bytes()), bit));
    EXPECT_EQ(Open(key_, other, associated_, ciphertext_).status().code(), kDataLoss) << bit;
  }
  for (size_t bit = 0; bit < 8 * Key::kSize; ++bit) {
    const Key other = *Key::FromBytes(FlipBit(std::string(key_.ExposeView()), bit));
    EXPECT_EQ(Open(other, nonce_, associated_, ciphertext_).status().code(), kDataLoss) << bit;
  }
}

TEST_F(XChaCha, FindsEveryTruncationAndExtension) {
  for (size_t size = 0; size < ciphertext_.size(); ++size) {
    EXPECT_EQ(Open(key_, nonce_, associated_, ciphertext_.substr(0, size)).status().code(), kDataLoss) << size;
  }
  EXPECT_EQ(Open(key_, nonce_, associated_, ciphertext_ + '\0').status().code(), kDataLoss);
  EXPECT_EQ(Open(key_, nonce_, associated_, '\0' + ciphertext_).status().code(), kDataLoss);
  EXPECT_EQ(Open(key_, nonce_, associated_ + '\0', ciphertext_).status().code(), kDataLoss);
  EXPECT_EQ(Open(key_, nonce_, "", ciphertext_).status().code(), kDataLoss);
  // The boundary between associated data and ciphertext is authenticated.
  EXPECT_EQ(Open(key_, nonce_, associated_ + ciphertext_.substr(0, 1), ciphertext_.substr(1)).status().code(),
            kDataLoss);
}

TEST_F(XChaCha, SealsTheEmptyText) {
  const std::string sealed = Seal(key_, nonce_, "", "");
  EXPECT_EQ(sealed.size(), kSealOverhead);
  EXPECT_EQ(*Open(key_, nonce_, "", sealed), "");
  EXPECT_EQ(Open(key_, nonce_, "x", sealed).status().code(), kDataLoss);
}

TEST_F(XChaCha, SealsTheLargestEntry) {
  const std::string plaintext(61440, '\x5a');
  EXPECT_EQ(*Open(key_, nonce_, associated_, Seal(key_, nonce_, associated_, plaintext)), plaintext);
}

// RFC 7748, section 6.1.
TEST(ExchangeKey, KnownAnswers) {
  const std::pair<const char*, const char*> pairs[] = {
      {"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
       "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"},
      {"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
       "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"},
  };
  for (const auto& [private_key, public_key] : pairs) {
    EXPECT_EQ(ExchangeKey(*Key::FromBytes(*HexDecode(private_key))).public_key().ToHex(), public_key);
  }
}

TEST(SealedBox, OnlyTheRecipientOpens) {
  const ExchangeKey recipient(Key::Random());
  const ExchangeKey other(Key::Random());
  const std::string sealed = *SealTo(recipient.public_key(), "a data key");
  EXPECT_EQ(sealed.size(), std::string("a data key").size() + kSealedBoxOverhead);
  EXPECT_EQ(*OpenSealed(recipient, sealed), "a data key");
  EXPECT_EQ(OpenSealed(other, sealed).status().code(), kDataLoss);
}

TEST(SealedBox, IsDifferentEachTime) {
  const ExchangeKey recipient(Key::Random());
  EXPECT_NE(*SealTo(recipient.public_key(), "text"), *SealTo(recipient.public_key(), "text"));
}

TEST(SealedBox, FindsEveryAlteration) {
  const ExchangeKey recipient(Key::Random());
  const std::string sealed = *SealTo(recipient.public_key(), "text");
  for (size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    EXPECT_EQ(OpenSealed(recipient, FlipBit(sealed, bit)).status().code(), kDataLoss) << bit;
  }
  for (size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_EQ(OpenSealed(recipient, sealed.substr(0, size)).status().code(), kDataLoss) << size;
  }
  EXPECT_EQ(OpenSealed(recipient, sealed + '\0').status().code(), kDataLoss);
}

TEST(SealedBox, SealsTheEmptyText) {
  const ExchangeKey recipient(Key::Random());
  EXPECT_EQ(*OpenSealed(recipient, *SealTo(recipient.public_key(), "")), "");
}

// Everyone could compute the shared secret of such a key.
TEST(SealedBox, IsNotMadeForAKeyOfSmallOrder) {
  for (const char* key : {
           "0000000000000000000000000000000000000000000000000000000000000000",
           "0100000000000000000000000000000000000000000000000000000000000000",
           "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
           "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
       }) {
    EXPECT_EQ(SealTo(*ExchangePublicKey::FromHex(key), "text").status().code(), absl::StatusCode::kInvalidArgument)
        << key;
  }
}

TEST(SystemRandom, FillsExactlyWhatIsAsked) {
  SystemRandom random;
  EXPECT_NE(random.NewId<EventId>(), random.NewId<EventId>());
  std::string bytes(64, '\0');
  random.Fill(reinterpret_cast<uint8_t*>(bytes.data()), 32);
  EXPECT_NE(bytes.substr(0, 32), std::string(32, '\0'));
  EXPECT_EQ(bytes.substr(32), std::string(32, '\0'));
  random.Fill(nullptr, 0);
}

}  // namespace
}  // namespace medflyt::crypto
