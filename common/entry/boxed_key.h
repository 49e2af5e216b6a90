// A key in a sealed box, behind what it is for. For the sources of this library.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/crypto/seal.h"
#include "common/crypto/secret.h"
#include "common/directory/identity.h"

namespace medflyt::entry {

// label ‖ 0x00 ‖ u16 length of origin ‖ origin ‖ id ‖ u32 recipient, integers big-endian.
[[nodiscard]] std::string BoxPurpose(std::string_view label, std::string_view origin, std::string_view id,
                                     AuthorityId recipient);
// Box over purpose ‖ key.
[[nodiscard]] absl::StatusOr<std::string> BoxKey(std::string_view purpose, const crypto::Key& key,
                                                 const crypto::ExchangePublicKey& to);
// Nothing where the box was not sealed to this key, was altered, or is for another purpose.
[[nodiscard]] std::optional<crypto::Key> UnboxKey(std::string_view purpose, std::string_view sealed,
                                                  const crypto::ExchangeKey& with);

}  // namespace medflyt::entry
