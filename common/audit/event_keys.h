// The keys of the events that an auditor may open, as they come in an audit bundle.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/crypto/secret.h"

namespace medflyt::audit {

// By event; no key for one whose data key was destroyed. Safe to read from any thread.
using EventKeys = absl::flat_hash_map<EventId, std::optional<crypto::Key>>;

// Lines "EVENT KEY" or "EVENT erased", hexadecimal, in the order of the events' ids. The caller wipes the text.
[[nodiscard]] std::string FormatEventKeys(const EventKeys& keys);
// Only what FormatEventKeys writes: else INVALID_ARGUMENT (EVENT_KEYS_MALFORMED) with the line's number.
[[nodiscard]] absl::StatusOr<EventKeys> ParseEventKeys(std::string_view text);

}  // namespace medflyt::audit
