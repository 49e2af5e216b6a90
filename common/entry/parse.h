// The entries of a log, of either kind.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "absl/status/statusor.h"
#include "common/entry/seal.h"
#include "common/wire/ledger.h"

namespace medflyt::entry {

// One entry at most kMaxEntry long. INVALID_ARGUMENT (ENTRY_MALFORMED, LEDGER_RECORD_MALFORMED), or UNIMPLEMENTED
// (ENTRY_KIND_UNKNOWN) for a kind of entry that this version does not know: its leaf hash is still good. The view of a
// sealed entry points into `entry`.
using ParsedEntry = std::variant<SealedView, wire::LedgerRecord>;
[[nodiscard]] absl::StatusOr<ParsedEntry> ParseEntry(std::string_view entry, wire::LedgerCodec& ledger);

// True for an entry that begins as a sealed one does; says nothing about the rest.
[[nodiscard]] bool LooksSealed(std::string_view entry);

}  // namespace medflyt::entry
