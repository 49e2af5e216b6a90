#include "server/node/start_epoch.h"

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "server/log/layout.h"
#include "server/node/files.h"

namespace medflyt::node {
namespace {

constexpr std::string_view kRow = "start-epoch";
constexpr std::string_view kMagic = "medflyt-epoch/v1";
constexpr size_t kMaxFile = 256;

absl::StatusOr<uint64_t> StoredEpoch(const store::Store& store) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, store.Get(store::Table::kMeta, kRow));
  if (!row) return uint64_t{0};
  return log::DecodeU64(*row);
}

absl::StatusOr<std::optional<StartEpoch>> FileEpoch(const std::string& file) {
  const auto text = ReadFile(file, kMaxFile);
  if (absl::IsNotFound(text.status())) return std::optional<StartEpoch>();
  if (!text.ok()) return text.status();
  const std::vector<std::string> lines = absl::StrSplit(*text, '\n');
  StartEpoch epoch;
  uint64_t size = 0;
  if (lines.size() != 4 || lines[0] != kMagic || !absl::SimpleAtoi(lines[1], &epoch.epoch) ||
      !absl::SimpleAtoi(lines[2], &size) || !lines[3].empty()) {
    return RuleError(absl::StatusCode::kDataLoss, "EPOCH_FILE_MALFORMED", "", absl::StrCat(file, ": is not readable"));
  }
  epoch.size = TreeSize(size);
  return std::optional<StartEpoch>(epoch);
}

absl::Status WriteFile(const std::string& file, uint64_t epoch, TreeSize head) {
  return ReplaceFile(file, absl::StrCat(std::string(kMagic), "\n", epoch, "\n", head.value(), "\n"));
}

}  // namespace

absl::StatusOr<StartEpoch> CheckStartEpoch(const store::Store& store, const std::string& file, TreeSize head) {
  MEDFLYT_ASSIGN_OR_RETURN(const uint64_t stored, StoredEpoch(store));
  MEDFLYT_ASSIGN_OR_RETURN(const auto noted, FileEpoch(file));
  if (!noted) {
    StartEpoch epoch{stored, TreeSize(0), absl::OkStatus()};
    if (stored != 0) {
      epoch.behind = RuleError(absl::StatusCode::kFailedPrecondition, "EPOCH_FILE_MISSING", "",
                               absl::StrCat(file, ": is gone; it alone tells whether the store was rolled back"));
    }
    return epoch;
  }
  StartEpoch epoch{std::max(stored, noted->epoch), noted->size, absl::OkStatus()};
  if (stored < noted->epoch || head < noted->size) {
    epoch.behind = RuleError(
        absl::StatusCode::kFailedPrecondition, "STORE_ROLLED_BACK", "",
        absl::StrCat("the store is of epoch ", stored, " with ", head.value(), " entries; it has been at epoch ",
                     noted->epoch, " with ", noted->size.value(), ": it was restored from an older copy"));
  }
  return epoch;
}

absl::Status RaiseStartEpoch(store::Store& store, const std::string& file, StartEpoch& epoch, TreeSize head) {
  store::Batch batch;
  batch.Put(store::Table::kMeta, kRow, log::EncodeU64(epoch.epoch + 1));
  MEDFLYT_RETURN_IF_ERROR(store.Commit(batch, store::Durability::kSynced));
  ++epoch.epoch;  // whatever becomes of the file: the store has it, and so may a copy of it
  MEDFLYT_RETURN_IF_ERROR(WriteFile(file, epoch.epoch, head));
  epoch.size = head;
  epoch.behind = absl::OkStatus();
  return absl::OkStatus();
}

absl::Status NoteSize(const std::string& file, TreeSize size) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto noted, FileEpoch(file));
  if (!noted || noted->size >= size) return absl::OkStatus();
  return WriteFile(file, noted->epoch, size);
}

}  // namespace medflyt::node
