// A log that goes on from one that its owner closed: what its first entry says of that one, against what was seen of
// it.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/audit/files.h"
#include "common/audit/finding.h"
#include "common/audit/report.h"
#include "common/base/named_type.h"
#include "common/tlog/checkpoint.h"
#include "common/wire/ledger.h"

namespace medflyt::audit {

// The record that such a log begins with, and nothing for any other entry.
[[nodiscard]] std::optional<wire::GenerationOpened> GenerationIn(std::string_view entry);
// That of the log of this size which these files are; nothing, too, where its first entries are not there or are no
// bundle. An error only where `read` fails.
[[nodiscard]] absl::StatusOr<std::optional<wire::GenerationOpened>> GenerationIn(const FileReader& read, TreeSize size);

// What a checkpoint of the closed log that was seen and verified says against the one at which it is said to have
// ended: kLogRolledBack where it is longer, kLogForked where it has another root at that size. A shorter one says
// nothing: who has lost the closed log's end cannot prove any more that it continued.
[[nodiscard]] std::optional<FindingCode> AgainstClosed(const tlog::Checkpoint& closed, const tlog::Checkpoint& seen);
// The findings of those among `kept` that are of the log from which the report's goes on.
void CheckClosed(const std::vector<tlog::Checkpoint>& kept, Report& report);

}  // namespace medflyt::audit
