// A row at rest that is sealed under a data key, so that destroying the key erases it in every file and backup.
//
//   value = version 1 ‖ nonce (24) ‖ sealed(u32 length ‖ row ‖ zeros to a multiple of 256)
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/base/random.h"
#include "common/crypto/secret.h"

namespace medflyt::log {

// The associated data is `purpose` ‖ `row_key`: a value opens under the row's own key alone.
[[nodiscard]] std::string SealRow(const crypto::Key& key, RandomSource& random, std::string_view purpose,
                                  std::string_view row_key, std::string_view row);
// DATA_LOSS where it does not open. The caller wipes what is personal.
[[nodiscard]] absl::StatusOr<std::string> OpenRow(const crypto::Key& key, std::string_view purpose,
                                                  std::string_view row_key, std::string_view value);

}  // namespace medflyt::log
