// The key-encryption key: one secret a node, in generations, under which the key table's rows are wrapped.
#pragma once

#include <cstdint>
#include <optional>
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

// A random KEK.
[[nodiscard]] Kek NewKek(RandomSource& random, uint32_t generation = 1);

// What the KEK file holds: one generation, and the next while a rotation is under way (kek_rotation.h).
struct KekGenerations {
  Kek current;
  std::optional<Kek> next;  // of the generation after
};

// The file's bytes: "medflyt-kek/v1\n", then for each generation its number, a nonce and the key sealed under the root
// secret.
[[nodiscard]] std::string WrapKek(const KekGenerations& kek, const crypto::Key& root_secret, RandomSource& random);
// DATA_LOSS (KEK_UNREADABLE) when the file is malformed, altered or under another root secret.
[[nodiscard]] absl::StatusOr<KekGenerations> UnwrapKek(std::string_view file, const crypto::Key& root_secret);

}  // namespace medflyt::keys
