// An auditor's memory: the checkpoints of each log that were seen and verified, and evidence against a log.
//
//   DIR/<origin, percent-encoded>/<tree size, 20 digits>.checkpoint    each a C2SP signed note
//                                /log.key                              the key that was believed at the first look
//                                /evidence/<time>-<what>/...           what did not hold; never deleted
//   DIR/=nodes/<address, percent-encoded>                              the origin of the log that a node had open
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/command.h"
#include "client/cli/context.h"
#include "common/tlog/checkpoint.h"

namespace medflyt::cli {

struct KeptCheckpoint {
  tlog::Checkpoint checkpoint;
  std::string note;
};

// Files are written whole or not at all, and none but a node's is written over, so several programs may use one
// directory.
class CheckpointStore {
 public:
  explicit CheckpointStore(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // In the order of sizes; empty for a log that was never seen. FAILED_PRECONDITION (TRUST_FILE_DAMAGED) for a file
  // that is no checkpoint of that log and size: somebody changed the memory, which says nothing about the log.
  [[nodiscard]] absl::StatusOr<std::vector<KeptCheckpoint>> All(std::string_view origin) const;
  // The largest of them.
  [[nodiscard]] absl::StatusOr<std::optional<KeptCheckpoint>> Latest(std::string_view origin) const;
  // A checkpoint that was verified. One that is there already stays as it is.
  [[nodiscard]] absl::Status Keep(std::string_view note) const;

  // The verifier key that was believed when nobody had named one; nothing where there is none.
  [[nodiscard]] absl::StatusOr<std::optional<tlog::VerifierKey>> PinnedKey(std::string_view origin) const;
  [[nodiscard]] absl::Status PinKey(const tlog::VerifierKey& key) const;

  // The origin of the log that the node with this address was last believed to have open; nothing where it was never
  // looked at.
  [[nodiscard]] absl::StatusOr<std::optional<std::string>> OriginOf(std::string_view node) const;
  [[nodiscard]] absl::Status RememberOrigin(std::string_view node, std::string_view origin) const;

  // Files by name and content. Returns their folder.
  [[nodiscard]] absl::StatusOr<std::string> KeepEvidence(
      std::string_view origin, std::string_view what, absl::Time now,
      const std::vector<std::pair<std::string, std::string>>& files) const;

 private:
  [[nodiscard]] std::filesystem::path FolderOf(std::string_view origin) const;
  [[nodiscard]] std::filesystem::path FileOfNode(std::string_view node) const;

  std::filesystem::path directory_;
};

// --trust DIR.
[[nodiscard]] Option TrustStoreOption();
// There, else in $XDG_STATE_HOME/medflyt/trust, else ~/.local/state/medflyt/trust. A usage error where none is known.
[[nodiscard]] absl::StatusOr<CheckpointStore> TrustStoreOf(const Context& context, const Arguments& arguments);
// The same for what can be done without a memory: nothing where none is known.
[[nodiscard]] std::optional<CheckpointStore> KnownTrustStore(const Context& context, const Arguments& arguments);

}  // namespace medflyt::cli
