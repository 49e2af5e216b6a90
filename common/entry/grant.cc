#include "common/entry/grant.h"

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/entry/boxed_key.h"

namespace medflyt::entry {
namespace {

// With the zero byte that ends it.
constexpr std::string_view kCommitmentLabel = {"medflyt/v1/grant-commitment", sizeof("medflyt/v1/grant-commitment")};
constexpr std::string_view kExchangeKeyLabel = {"medflyt/v1/exchange-key", sizeof("medflyt/v1/exchange-key")};

std::string PurposeOf(const GrantContext& context) {
  return BoxPurpose("medflyt/v1/grant", context.origin, context.key_id.bytes(), context.recipient);
}

std::string ExchangeKeyMessage(std::string_view origin, uint32_t epoch, const crypto::ExchangePublicKey& public_key,
                               absl::Time not_after) {
  std::string message(kExchangeKeyLabel);
  AppendU16(message, static_cast<uint16_t>(origin.size()));
  message.append(origin);
  AppendU32(message, epoch);
  message.append(public_key.bytes());
  AppendU64(message, static_cast<uint64_t>(absl::ToUnixMicros(not_after)));
  return message;
}

}  // namespace

crypto::Hash GrantCommitment(const KeyId& key_id, const crypto::Key& key) {
  return crypto::Sha256({kCommitmentLabel, key_id.bytes(), key.ExposeView()});
}

absl::StatusOr<std::string> SealGrant(const GrantContext& context, const crypto::Key& key,
                                      const crypto::ExchangePublicKey& to) {
  return BoxKey(PurposeOf(context), key, to);
}

absl::StatusOr<crypto::Key> OpenGrant(const GrantContext& context, std::string_view sealed,
                                      const crypto::ExchangeKey& with, const crypto::Hash& commitment) {
  const auto key = UnboxKey(PurposeOf(context), sealed, with);
  if (!key) {
    return RuleError(absl::StatusCode::kDataLoss, "GRANT_NOT_OPENED", "grants",
                     "sealed to another exchange key, altered, or for another log, key id or recipient");
  }
  if (GrantCommitment(context.key_id, *key) != commitment) {
    return RuleError(absl::StatusCode::kDataLoss, "GRANT_COMMITMENT_MISMATCH", "grants",
                     "not the key that the issuer's log committed to");
  }
  return *key;
}

ExchangeKeyCard SignExchangeKey(const crypto::Signer& log_key, std::string_view origin, uint32_t epoch,
                                const crypto::ExchangePublicKey& public_key, absl::Time not_after) {
  return {epoch, public_key, not_after, log_key.Sign(ExchangeKeyMessage(origin, epoch, public_key, not_after))};
}

absl::Status VerifyExchangeKey(const ExchangeKeyCard& card, const crypto::PublicKey& log_key, std::string_view origin,
                               absl::Time now) {
  const std::string message = ExchangeKeyMessage(origin, card.epoch, card.public_key, card.not_after);
  if (!crypto::Verify(log_key, message, card.signature)) {
    return RuleError(absl::StatusCode::kUnauthenticated, "EXCHANGE_KEY_INVALID", "exchange_key",
                     "the exchange key is not signed by its log's key");
  }
  if (now > card.not_after) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "EXCHANGE_KEY_EXPIRED", "exchange_key",
                     "the exchange key's epoch is over");
  }
  return absl::OkStatus();
}

}  // namespace medflyt::entry
