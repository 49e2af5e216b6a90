// A copy of a node's log as a C2SP tlog-tiles directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "absl/status/statusor.h"
#include "client/cli/checkpoint_store.h"
#include "client/cli/context.h"
#include "client/cli/look.h"
#include "client/cli/node_log.h"
#include "common/audit/files.h"

namespace medflyt::cli {

struct ExportOptions {
  std::optional<audit::Part> part;  // of the entries, and of what is kept beside them; all, where it is absent
  bool beside = false;              // also what the node keeps beside its log (common/audit/files.h)
  std::function<void(uint64_t entries)> progress = [](uint64_t) {};
};

struct Exported {
  uint64_t written = 0;  // files
  uint64_t kept = 0;     // files that were there already
  uint64_t removed = 0;  // partial tiles and bundles that wider ones have replaced
};

// Brings the directory, made where it is missing, up to `head`, which was looked at (look.h). Files are written whole
// and the checkpoint last, so at every moment the directory holds all that its checkpoint is over, and an export that
// was interrupted goes on: a full tile or bundle never changes, and one that is there is kept where its own tile shows
// it to be whole. Partial ones that are not of this size are removed when the checkpoint stands (tlog-tiles, "Partial
// Tiles").
//
// FAILED_PRECONDITION (EXPORT_OF_ANOTHER_LOG) where a checkpoint of another log, or a longer one of this, lies there.
// A verification that failed (LOG_FORKED) where the node does not show that its log continues the copy; both
// checkpoints are kept in the store as evidence.
[[nodiscard]] absl::StatusOr<Exported> ExportLog(const Context& context, NodeLog& log, const CheckpointStore& store,
                                                 const SeenHead& head, const std::filesystem::path& directory,
                                                 const ExportOptions& options);

}  // namespace medflyt::cli
