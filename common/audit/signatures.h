// Whose signatures stand under a checkpoint, and whether they may.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/audit/report.h"
#include "common/base/named_type.h"
#include "common/directory/authority.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/note_key.h"
#include "common/tlog/policy.h"

namespace medflyt::audit {

// Those of the keys that may sign a checkpoint of that size: a retired key vouches for nothing that came after it.
[[nodiscard]] std::vector<tlog::VerifierKey> KeysFor(std::span<const directory::LogKey> keys, TreeSize size);
// Those of them that are of the log with this origin.
[[nodiscard]] std::vector<tlog::VerifierKey> KeysOf(std::string_view origin, std::vector<tlog::VerifierKey> keys);

// Opens the checkpoint under the keys that may sign a tree of its size, and holds its cosignatures against the policy,
// where there is one: only its witnesses count, because its log keys have no tree sizes. Nothing where no key that is
// believed has signed; what is wrong is among the report's findings either way.
[[nodiscard]] std::optional<tlog::OpenedCheckpoint> CheckHead(std::string_view note,
                                                              std::span<const directory::LogKey> keys,
                                                              const tlog::Policy* policy, Report& report);

}  // namespace medflyt::audit
