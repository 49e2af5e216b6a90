#include "common/entry/grant.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/status.h"
#include "common/entry/opening.h"

namespace medflyt::entry {
namespace {

const AuthorityId kNyborg = *AuthorityId::Parse("29189722");
const AuthorityId kKerteminde = *AuthorityId::Parse("29189706");
const KeyId kKeyId = *KeyId::FromBytes(std::string(16, 'i'));
const crypto::Key kKey = *crypto::Key::FromBytes(std::string(32, 'K'));
const crypto::Key kOtherKey = *crypto::Key::FromBytes(std::string(32, 'L'));
constexpr std::string_view kOrigin = "odense.example/log";
const GrantContext kContext = {kOrigin, kKeyId, kNyborg};

std::string RuleOf(const absl::Status& status) {
  const auto broken = BrokenRuleOf(status);
  return broken ? broken->rule : std::string(status.ToString());
}
crypto::ExchangeKey Exchange(char seed) { return crypto::ExchangeKey(*crypto::Key::FromBytes(std::string(32, seed))); }

TEST(Grant, OnlyTheRecipientOpensIt) {
  const auto nyborg = Exchange('n');
  const auto sealed = SealGrant(kContext, kKey, nyborg.public_key());
  ASSERT_TRUE(sealed.ok());
  const auto commitment = GrantCommitment(kKeyId, kKey);
  const auto opened = OpenGrant(kContext, *sealed, nyborg, commitment);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(*opened == kKey);
  EXPECT_EQ(RuleOf(OpenGrant(kContext, *sealed, Exchange('k'), commitment).status()), "GRANT_NOT_OPENED");
}

TEST(Grant, IsForOneLogKeyAndRecipientOnly) {
  const auto nyborg = Exchange('n');
  const std::string sealed = *SealGrant(kContext, kKey, nyborg.public_key());
  const auto commitment = GrantCommitment(kKeyId, kKey);
  const KeyId other_id = *KeyId::FromBytes(std::string(16, 'j'));
  EXPECT_EQ(RuleOf(OpenGrant({"nyborg.example/log", kKeyId, kNyborg}, sealed, nyborg, commitment).status()),
            "GRANT_NOT_OPENED");
  EXPECT_EQ(RuleOf(OpenGrant({kOrigin, other_id, kNyborg}, sealed, nyborg, commitment).status()), "GRANT_NOT_OPENED");
  EXPECT_EQ(RuleOf(OpenGrant({kOrigin, kKeyId, kKerteminde}, sealed, nyborg, commitment).status()), "GRANT_NOT_OPENED");
}

TEST(Grant, MustBeTheKeyThatTheLogCommittedTo) {
  const auto nyborg = Exchange('n');
  const std::string sealed = *SealGrant(kContext, kKey, nyborg.public_key());
  EXPECT_EQ(RuleOf(OpenGrant(kContext, sealed, nyborg, GrantCommitment(kKeyId, kOtherKey)).status()),
            "GRANT_COMMITMENT_MISMATCH");
  EXPECT_NE(GrantCommitment(kKeyId, kKey), GrantCommitment(*KeyId::FromBytes(std::string(16, 'j')), kKey));
}

TEST(Grant, AnyFlippedByteIsFound) {
  const auto nyborg = Exchange('n');
  const std::string sealed = *SealGrant(kContext, kKey, nyborg.public_key());
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string altered = sealed;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    EXPECT_FALSE(OpenGrant(kContext, altered, nyborg, GrantCommitment(kKeyId, kKey)).ok()) << i;
  }
  EXPECT_FALSE(OpenGrant(kContext, "", nyborg, GrantCommitment(kKeyId, kKey)).ok());
  EXPECT_FALSE(OpenGrant(kContext, sealed + "x", nyborg, GrantCommitment(kKeyId, kKey)).ok());
}

TEST(Grant, IsNotTakenForAnOpenedEventKey) {
  const auto nyborg = Exchange('n');
  const EventId event_id = *EventId::FromBytes(kKeyId.bytes());
  const EventKeyContext context = {kOrigin, event_id, kNyborg};
  const std::string grant = *SealGrant(kContext, kKey, nyborg.public_key());
  const std::string opening = *SealEventKey(context, kKey, nyborg.public_key());
  EXPECT_TRUE(OpenEventKey(context, opening, nyborg).ok());
  EXPECT_EQ(RuleOf(OpenEventKey(context, grant, nyborg).status()), "OPENING_NOT_OPENED");
  EXPECT_EQ(RuleOf(OpenGrant(kContext, opening, nyborg, GrantCommitment(kKeyId, kKey)).status()), "GRANT_NOT_OPENED");
  EXPECT_FALSE(OpenEventKey({kOrigin, event_id, kKerteminde}, opening, nyborg).ok());
  EXPECT_FALSE(OpenEventKey({"nyborg.example/log", event_id, kNyborg}, opening, nyborg).ok());
  EXPECT_FALSE(OpenEventKey(context, opening, Exchange('k')).ok());
}

TEST(Grant, IsNotSealedToAKeyOfSmallOrder) {
  EXPECT_FALSE(SealGrant(kContext, kKey, crypto::ExchangePublicKey()).ok());
}

TEST(ExchangeKeyCard, IsGoodWhenSignedByItsLogAndInTime) {
  const crypto::Signer log(*crypto::Key::FromBytes(std::string(32, 's')));
  const absl::Time end = absl::FromUnixSeconds(1'795'000'000);
  const auto card = SignExchangeKey(log, kOrigin, 3, Exchange('n').public_key(), end);
  EXPECT_TRUE(VerifyExchangeKey(card, log.public_key(), kOrigin, end - absl::Hours(1)).ok());
  EXPECT_TRUE(VerifyExchangeKey(card, log.public_key(), kOrigin, end).ok());
  const auto late = VerifyExchangeKey(card, log.public_key(), kOrigin, end + absl::Microseconds(1));
  EXPECT_EQ(late.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(RuleOf(late), "EXCHANGE_KEY_EXPIRED");
}

TEST(ExchangeKeyCard, EveryFieldIsSigned) {
  const crypto::Signer log(*crypto::Key::FromBytes(std::string(32, 's')));
  const crypto::Signer other(*crypto::Key::FromBytes(std::string(32, 't')));
  const absl::Time end = absl::FromUnixSeconds(1'795'000'000);
  const auto card = SignExchangeKey(log, kOrigin, 3, Exchange('n').public_key(), end);
  auto rule = [&](const ExchangeKeyCard& altered, const crypto::PublicKey& key, std::string_view origin) {
    return RuleOf(VerifyExchangeKey(altered, key, origin, end - absl::Hours(1)));
  };
  EXPECT_EQ(rule(card, other.public_key(), kOrigin), "EXCHANGE_KEY_INVALID");
  EXPECT_EQ(rule(card, log.public_key(), "nyborg.example/log"), "EXCHANGE_KEY_INVALID");
  auto altered = card;
  altered.epoch = 4;
  EXPECT_EQ(rule(altered, log.public_key(), kOrigin), "EXCHANGE_KEY_INVALID");
  altered = card;
  altered.public_key = Exchange('k').public_key();
  EXPECT_EQ(rule(altered, log.public_key(), kOrigin), "EXCHANGE_KEY_INVALID");
  altered = card;
  altered.not_after += absl::Microseconds(1);
  EXPECT_EQ(rule(altered, log.public_key(), kOrigin), "EXCHANGE_KEY_INVALID");
  altered = card;
  altered.signature.data()[63] ^= 0x10;
  EXPECT_EQ(rule(altered, log.public_key(), kOrigin), "EXCHANGE_KEY_INVALID");
}

}  // namespace
}  // namespace medflyt::entry
