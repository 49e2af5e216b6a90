// SHA-256 (OpenSSL) and keyed BLAKE2b-256 (libsodium).
#pragma once

#include <initializer_list>
#include <memory>
#include <string_view>

#include "common/base/id.h"
#include "common/crypto/secret.h"

namespace medflyt::crypto {

using Hash = FixedBytes<32, struct HashTag>;

// FIPS 180-4. Never fails; thread-safe.
[[nodiscard]] Hash Sha256(std::string_view bytes);
// Of the concatenation of the parts.
[[nodiscard]] Hash Sha256(std::initializer_list<std::string_view> parts);

// SHA-256 of bytes that come in pieces. One thread at a time.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;

  void Update(std::string_view bytes);
  // Of all so far; nothing may follow.
  [[nodiscard]] Hash Finish();

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

// BLAKE2b-256 with key (RFC 7693), of label ‖ 0x00 ‖ the concatenation of the parts. The label separates uses of one
// key.
[[nodiscard]] Hash KeyedHash(const Key& key, std::string_view label, std::initializer_list<std::string_view> parts);
// As KeyedHash, for a result that is itself a key.
[[nodiscard]] Key DeriveKey(const Key& key, std::string_view label, std::initializer_list<std::string_view> parts);

}  // namespace medflyt::crypto
