#include "common/audit/generation.h"

#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tlog/tile.h"

namespace medflyt::audit {

std::optional<wire::GenerationOpened> GenerationIn(std::string_view entry) {
  auto record = wire::LedgerCodec().Decode(entry);
  if (!record.ok()) return std::nullopt;
  auto* const opened = std::get_if<wire::GenerationOpened>(&record->record);
  return opened == nullptr ? std::nullopt : std::optional(std::move(*opened));
}

absl::StatusOr<std::optional<wire::GenerationOpened>> GenerationIn(const FileReader& read, TreeSize size) {
  const unsigned width = tlog::TileWidthAt(0, 0, size);
  if (width == 0) return std::optional<wire::GenerationOpened>();
  MEDFLYT_ASSIGN_OR_RETURN(const auto bundle, ReadOne(read, tlog::EntryBundlePath(0, width)));
  if (!bundle) return std::optional<wire::GenerationOpened>();
  const auto entries = tlog::DecodeEntryBundle(*bundle, width);
  return entries.ok() ? GenerationIn(entries->front()) : std::nullopt;
}

std::optional<FindingCode> AgainstClosed(const tlog::Checkpoint& closed, const tlog::Checkpoint& seen) {
  if (seen.size() > closed.size()) return FindingCode::kLogRolledBack;
  if (seen.size() == closed.size() && seen.root() != closed.root()) return FindingCode::kLogForked;
  return std::nullopt;
}

void CheckClosed(const std::vector<tlog::Checkpoint>& kept, Report& report) {
  if (!report.closed) return;
  for (const tlog::Checkpoint& seen : kept) {
    if (seen.origin() != report.closed->origin()) continue;
    if (const auto code = AgainstClosed(*report.closed, seen)) {
      Note(report.findings, *code, tlog::EntryBundlePath(0, tlog::TileWidthAt(0, 0, report.size)), LeafIndex(0),
           absl::StrCat("kept checkpoint of size ", seen.size().value(), " of ", seen.origin(), ", which it closes at ",
                        report.closed->size().value()));
    }
  }
}

}  // namespace medflyt::audit
