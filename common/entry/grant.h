// Giving a data key to another authority. The log holds KeyGranted with the commitment; the key travels beside it,
// sealed to the recipient's exchange key of an epoch, and the sealed form is deleted at both ends after the receipt.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/id.h"
#include "common/crypto/hash.h"
#include "common/crypto/seal.h"
#include "common/crypto/secret.h"
#include "common/crypto/signer.h"
#include "common/directory/identity.h"

namespace medflyt::entry {

// SHA-256("medflyt/v1/grant-commitment" ‖ 0x00 ‖ key id ‖ key).
[[nodiscard]] crypto::Hash GrantCommitment(const KeyId& key_id, const crypto::Key& key);

// Who a sealed key is for; stands inside the box, so that it opens for nothing else.
struct GrantContext {
  std::string_view origin;  // the issuer's log
  KeyId key_id;
  AuthorityId recipient;
};

// INVALID_ARGUMENT for an exchange key of small order.
[[nodiscard]] absl::StatusOr<std::string> SealGrant(const GrantContext& context, const crypto::Key& key,
                                                    const crypto::ExchangePublicKey& to);
// DATA_LOSS (GRANT_NOT_OPENED) where the box was not sealed to this key, was altered, or is for another origin, key id
// or recipient; DATA_LOSS (GRANT_COMMITMENT_MISMATCH) where the key is not the one that the issuer's log committed to.
[[nodiscard]] absl::StatusOr<crypto::Key> OpenGrant(const GrantContext& context, std::string_view sealed,
                                                    const crypto::ExchangeKey& with, const crypto::Hash& commitment);

// An exchange key as its owner announces it, signed with the log key. The message holds a zero byte, so it is never the
// text of a signed note.
struct ExchangeKeyCard {
  uint32_t epoch = 0;  // from 1
  crypto::ExchangePublicKey public_key;
  absl::Time not_after;  // whole microseconds
  crypto::Signature signature;
  friend bool operator==(const ExchangeKeyCard&, const ExchangeKeyCard&) = default;
};
[[nodiscard]] ExchangeKeyCard SignExchangeKey(const crypto::Signer& log_key, std::string_view origin, uint32_t epoch,
                                              const crypto::ExchangePublicKey& public_key, absl::Time not_after);
// UNAUTHENTICATED (EXCHANGE_KEY_INVALID) for a wrong signature, FAILED_PRECONDITION (EXCHANGE_KEY_EXPIRED) after its
// end.
[[nodiscard]] absl::Status VerifyExchangeKey(const ExchangeKeyCard& card, const crypto::PublicKey& log_key,
                                             std::string_view origin, absl::Time now);

}  // namespace medflyt::entry
