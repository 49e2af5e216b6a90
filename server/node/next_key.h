// The key that is to sign after the present one: `<log_key>.next`, until it takes its place.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/tlog/note_key.h"
#include "server/node/config.h"

namespace medflyt::node {

[[nodiscard]] std::string NextKeyPath(const Config& config);

// The errors of LoadNamedSigner.
[[nodiscard]] absl::StatusOr<tlog::NoteSigner> LoadLogKey(const std::string& path);

// That of the file, made durable now where there is none. INVALID_ARGUMENT (SIGNER_KEY_MALFORMED) where it is no key of
// a log with this origin.
[[nodiscard]] absl::StatusOr<tlog::NoteSigner> NextKey(const Config& config, const std::string& origin);

}  // namespace medflyt::node
