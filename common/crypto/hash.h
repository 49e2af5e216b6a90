// SHA-256 (OpenSSL) and keyed BLAKE2b-256 (libsodium).
#pragma once

#include <initializer_list>
#include <string_view>

#include "common/base/id.h"
#include "common/crypto/secret.h"

namespace medflyt::crypto {

using Hash = FixedBytes<32, struct HashTag>;

// FIPS 180-4. Never fails; thread-safe.
[[nodiscard]] Hash Sha256(std::string_view bytes);
// Of the concatenation of the parts.
[[nodiscard]] Hash Sha256(std::initializer_list<std::string_view> parts);

// BLAKE2b-256 with key (RFC 7693), of label ‖ 0x00 ‖ the concatenation of the parts. The label separates uses of one
// key.
[[nodiscard]] Hash KeyedHash(const Key& key, std::string_view label, std::initializer_list<std::string_view> parts);
// As KeyedHash, for a result that is itself a key.
[[nodiscard]] Key DeriveKey(const Key& key, std::string_view label, std::initializer_list<std::string_view> parts);

}  // namespace medflyt::crypto
