// The key-encryption key: one secret a node, in generations, under which the key table's rows are wrapped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/base/random.h"
#include "common/crypto/secret.h"

namespace medflyt::keys {

struct Kek {
  uint32_t generation = 1;  // rises with each rotation
  crypto::Key key;
};

// A first KEK of generation 1.
[[nodiscard]] Kek NewKek(RandomSource& random);

// The KEK file's bytes: "medflyt-kek/v1\n", the generation, a nonce and the key sealed under the root secret.
[[nodiscard]] std::string WrapKek(const Kek& kek, const crypto::Key& root_secret, RandomSource& random);
// DATA_LOSS (KEK_UNREADABLE) when the file is malformed, altered or under another root secret.
[[nodiscard]] absl::StatusOr<Kek> UnwrapKek(std::string_view file, const crypto::Key& root_secret);

}  // namespace medflyt::keys
