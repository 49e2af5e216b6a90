#include "common/entry/parse.h"

#include <utility>

#include "common/base/status.h"

namespace medflyt::entry {

bool LooksSealed(std::string_view entry) { return !entry.empty() && entry.front() == '\x0A'; }

absl::StatusOr<ParsedEntry> ParseEntry(std::string_view entry, wire::LedgerCodec& ledger) {
  if (entry.empty() || entry.size() > kMaxEntry) {
    return RuleError(absl::StatusCode::kInvalidArgument, "ENTRY_MALFORMED", "",
                     "empty, or longer than an entry may be");
  }
  if (LooksSealed(entry)) {
    MEDFLYT_ASSIGN_OR_RETURN(const SealedView sealed, ParseSealed(entry));
    return ParsedEntry(sealed);
  }
  MEDFLYT_ASSIGN_OR_RETURN(wire::LedgerRecord record, ledger.Decode(entry));
  return ParsedEntry(std::move(record));
}

}  // namespace medflyt::entry
