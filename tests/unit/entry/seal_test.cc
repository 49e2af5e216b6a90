// Sealed entries: what opens, and everything that must not.
#include "common/entry/seal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace medflyt::entry {
namespace {

const EventId kId = *EventId::FromHex("000102030405060708090a0b0c0d0e0f");
const Nonce kNonce = *Nonce::FromHex("101112131415161718191a1b1c1d1e1f2021222324252627");
const Key kDataKey = *Key::FromBytes(std::string(32, 'K'));
constexpr std::string_view kOrigin = "odense.example/log";

std::string Sealed(std::string_view content) {
  const auto entry = SealEntry(kId, kNonce, content, kDataKey, kOrigin);
  EXPECT_TRUE(entry.ok()) << entry.status();
  return *entry;
}
absl::StatusOr<std::string> Opened(std::string_view entry, const Key& data_key = kDataKey,
                                   std::string_view origin = kOrigin) {
  const auto sealed = ParseSealed(entry);
  if (!sealed.ok()) return sealed.status();
  return OpenEntry(*sealed, data_key, origin);
}
std::string RuleOf(const absl::Status& status) {
  const auto broken = BrokenRuleOf(status);
  return broken ? broken->rule : std::string(status.ToString());
}

// What a dishonest issuer can make: any plaintext under any key, with any commitment.
std::string Crafted(std::string_view plaintext, const Key& event_key, const Hash& commitment) {
  std::string data = "medflyt/v1";
  data.append(kOrigin).append(kId.bytes()).append(kNonce.bytes()).append(commitment.bytes());
  const std::string ciphertext = crypto::Seal(event_key, kNonce, data, plaintext);
  std::string entry = Sealed(std::string(ciphertext.size() - crypto::kSealOverhead - 4, 'x'));
  entry.replace(entry.size() - ciphertext.size(), ciphertext.size(), ciphertext);
  entry.replace(entry.find(std::string("\x1A\x20")) + 2, 32, commitment.bytes());
  return entry;
}
std::string CraftedPlaintext(std::string_view plaintext) {
  const Key event_key = EventKeyOf(kDataKey, kId);
  return Crafted(plaintext, event_key, CommitmentOf(event_key));
}
std::string Plaintext(uint32_t length, std::string_view rest, size_t size_class) {
  std::string plaintext;
  AppendU32(plaintext, length);
  plaintext.append(rest);
  plaintext.resize(size_class - crypto::kSealOverhead, '\0');
  return plaintext;
}

// In logs for ever. Computed apart from this code, from the words of log.proto, with hashlib and libsodium.
TEST(Seal, BytesArePinned) {
  const std::string entry = Sealed("content");
  EXPECT_EQ(entry.size(), 596U);
  EXPECT_EQ(HexEncode(entry.substr(0, 112)),
            "0ad1040a10000102030405060708090a0b0c0d0e0f1218101112131415161718191a1b1c1d1e1f20212223242526271a"
            "200390adcd082249b24c62bfb72fa2b225b2c1567631e7d2a78ac0a5e60525c58f2280041da162aa863214f5e4f120f1"
            "ac1f43c866380f0a02d1272f329e16a2");
  EXPECT_EQ(crypto::Sha256(entry).ToHex(), "138d0c67c3aba68509ccc7f23173e1c51590a24c9c9a86795867c658cbb5144b");
  EXPECT_EQ(CommitmentOf(EventKeyOf(kDataKey, kId)).ToHex(),
            "0390adcd082249b24c62bfb72fa2b225b2c1567631e7d2a78ac0a5e60525c58f");
}

TEST(Seal, ContentComesBackFromEverySizeClass) {
  for (size_t size : {size_t{0}, size_t{1}, size_t{491}, size_t{492}, size_t{493}, size_t{1004}, size_t{1005},
                      size_t{4076}, size_t{4077}, size_t{16364}, size_t{16365}, kMaxContent}) {
    const std::string content(size, 'c');
    const auto opened = Opened(Sealed(content));
    ASSERT_TRUE(opened.ok()) << size << opened.status();
    EXPECT_EQ(*opened, content);
  }
}

TEST(Seal, OnlyTheSizeClassShows) {
  auto size_of = [](size_t content) { return ParseSealed(Sealed(std::string(content, 'c')))->ciphertext.size(); };
  EXPECT_EQ(size_of(0), 512U);
  EXPECT_EQ(size_of(492), 512U);
  EXPECT_EQ(size_of(493), 1024U);
  EXPECT_EQ(size_of(1004), 1024U);
  EXPECT_EQ(size_of(1005), 4096U);
  EXPECT_EQ(size_of(4076), 4096U);
  EXPECT_EQ(size_of(4077), 16384U);
  EXPECT_EQ(size_of(16364), 16384U);
  EXPECT_EQ(size_of(16365), 61440U);
  EXPECT_EQ(size_of(kMaxContent), 61440U);
  EXPECT_LE(Sealed(std::string(kMaxContent, 'c')).size(), kMaxEntry);
  EXPECT_EQ(Sealed("a").size(), Sealed(std::string(492, 'b')).size());
}

TEST(Seal, ContentBeyondTheLargestClassIsRefused) {
  const auto entry = SealEntry(kId, kNonce, std::string(kMaxContent + 1, 'c'), kDataKey, kOrigin);
  ASSERT_FALSE(entry.ok());
  EXPECT_EQ(RuleOf(entry.status()), "CONTENT_TOO_LONG");
}

TEST(Seal, TheClearPartIsIdNonceAndCommitmentOnly) {
  const auto sealed = ParseSealed(Sealed("content"));
  ASSERT_TRUE(sealed.ok());
  EXPECT_EQ(sealed->event_id, kId);
  EXPECT_EQ(sealed->nonce, kNonce);
  EXPECT_EQ(sealed->key_commitment, CommitmentOf(EventKeyOf(kDataKey, kId)));
  EXPECT_EQ(Sealed("secret content").find("secret"), std::string::npos);
}

TEST(Seal, EveryEventHasItsOwnKey) {
  const EventId other = *EventId::FromHex("000102030405060708090a0b0c0d0e10");
  EXPECT_FALSE(EventKeyOf(kDataKey, kId) == EventKeyOf(kDataKey, other));
  EXPECT_FALSE(EventKeyOf(kDataKey, kId) == EventKeyOf(*Key::FromBytes(std::string(32, 'L')), kId));
  EXPECT_FALSE(EventKeyOf(kDataKey, kId) == kDataKey);
  // One event opened for a third party opens no other.
  const auto entry = SealEntry(other, kNonce, "another", kDataKey, kOrigin);
  const auto sealed = ParseSealed(*entry);
  EXPECT_EQ(RuleOf(OpenWithEventKey(*sealed, EventKeyOf(kDataKey, kId), kOrigin).status()), "KEY_COMMITMENT_MISMATCH");
  EXPECT_TRUE(OpenWithEventKey(*sealed, EventKeyOf(kDataKey, other), kOrigin).ok());
}

TEST(Seal, AnyFlippedBitOfTheEntryIsFound) {
  const std::string entry = Sealed("content");
  for (size_t i = 0; i < entry.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string altered = entry;
      altered[i] = static_cast<char>(altered[i] ^ (1 << bit));
      const auto opened = Opened(altered);
      ASSERT_FALSE(opened.ok()) << "byte " << i << " bit " << bit;
      EXPECT_THAT(RuleOf(opened.status()),
                  ::testing::AnyOf("ENTRY_MALFORMED", "KEY_COMMITMENT_MISMATCH", "ENTRY_SEAL_BROKEN"));
    }
  }
}

TEST(Seal, CutAndLongerEntriesAreMalformed) {
  const std::string entry = Sealed("content");
  for (size_t size = 0; size < entry.size(); ++size) {
    EXPECT_EQ(RuleOf(ParseSealed(entry.substr(0, size)).status()), "ENTRY_MALFORMED") << size;
  }
  EXPECT_EQ(RuleOf(ParseSealed(entry + '\0').status()), "ENTRY_MALFORMED");
  EXPECT_EQ(RuleOf(ParseSealed(entry + entry).status()), "ENTRY_MALFORMED");
  EXPECT_EQ(RuleOf(ParseSealed(std::string(entry.size(), '\0')).status()), "ENTRY_MALFORMED");
  std::string no_id = entry;
  no_id.replace(entry.find(std::string(kId.bytes())), 16, std::string(16, '\0'));
  EXPECT_EQ(RuleOf(ParseSealed(no_id).status()), "ENTRY_MALFORMED");
}

TEST(Seal, AnyFlippedByteOfTheKeyIsFound) {
  const std::string entry = Sealed("content");
  for (size_t i = 0; i < Key::kSize; ++i) {
    std::string bytes(32, 'K');
    bytes[i] = 'J';
    EXPECT_EQ(RuleOf(Opened(entry, *Key::FromBytes(bytes)).status()), "KEY_COMMITMENT_MISMATCH") << i;
  }
}

TEST(Seal, AnEntryOfAnotherLogDoesNotOpen) {
  const std::string entry = Sealed("content");
  for (std::string_view origin : {"odense.example/lo", "odense.example/logs", "Odense.example/log", ""}) {
    EXPECT_EQ(RuleOf(Opened(entry, kDataKey, origin).status()), "ENTRY_SEAL_BROKEN") << origin;
  }
}

TEST(Seal, AnotherNonceOrIdDoesNotOpen) {
  const std::string entry = Sealed("content");
  auto sealed = *ParseSealed(entry);
  sealed.nonce.data()[0] ^= 1;
  EXPECT_EQ(RuleOf(OpenEntry(sealed, kDataKey, kOrigin).status()), "ENTRY_SEAL_BROKEN");
  sealed = *ParseSealed(entry);
  sealed.event_id.data()[0] ^= 1;
  EXPECT_EQ(RuleOf(OpenWithEventKey(sealed, EventKeyOf(kDataKey, kId), kOrigin).status()), "ENTRY_SEAL_BROKEN");
}

TEST(Seal, ACommitmentToAnotherKeyOpensUnderNeither) {
  const Key event_key = EventKeyOf(kDataKey, kId);
  const Key other = *Key::FromBytes(std::string(32, 'O'));
  const std::string entry = Crafted(Plaintext(1, "c", 512), event_key, CommitmentOf(other));
  const auto sealed = ParseSealed(entry);
  ASSERT_TRUE(sealed.ok());
  EXPECT_EQ(RuleOf(OpenWithEventKey(*sealed, event_key, kOrigin).status()), "KEY_COMMITMENT_MISMATCH");
  EXPECT_EQ(RuleOf(OpenWithEventKey(*sealed, other, kOrigin).status()), "ENTRY_SEAL_BROKEN");
}

TEST(Seal, TheCraftedEntryItselfIsSound) {
  EXPECT_EQ(CraftedPlaintext(Plaintext(7, "content", 512)), Sealed("content"));
}

TEST(Seal, PaddingThatIsNotZeroIsRefused) {
  for (size_t at : {size_t{7}, size_t{8}, size_t{300}, size_t{491}}) {
    std::string rest(492, '\0');
    rest.replace(0, 7, "content");
    rest[at] = '\x01';
    EXPECT_EQ(RuleOf(Opened(CraftedPlaintext(Plaintext(7, rest, 512))).status()), "ENTRY_PADDING_INVALID") << at;
  }
}

TEST(Seal, ALargerSizeClassThanNeededIsRefused) {
  EXPECT_EQ(RuleOf(Opened(CraftedPlaintext(Plaintext(492, std::string(492, 'c'), 1024))).status()),
            "ENTRY_PADDING_INVALID");
  EXPECT_EQ(RuleOf(Opened(CraftedPlaintext(Plaintext(0, "", 61440))).status()), "ENTRY_PADDING_INVALID");
  EXPECT_TRUE(Opened(CraftedPlaintext(Plaintext(493, std::string(493, 'c'), 1024))).ok());
}

TEST(Seal, ALengthOutOfBoundsIsRefused) {
  for (uint32_t length : {493U, 496U, 512U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    EXPECT_EQ(RuleOf(Opened(CraftedPlaintext(Plaintext(length, std::string(492, 'c'), 512))).status()),
              "ENTRY_PADDING_INVALID")
        << length;
  }
}

}  // namespace
}  // namespace medflyt::entry
