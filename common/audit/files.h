// A log as files: a C2SP tlog-tiles directory, wherever its bytes come from, and what an export adds to it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/base/named_type.h"

namespace medflyt::audit {

// Entries [first, end) of a log, in whole bundles: the rest of the log is known by its tiles alone.
struct Part {
  LeafIndex first;  // of a bundle
  TreeSize end;     // of a bundle, or of the log
  friend bool operator==(const Part&, const Part&) = default;

  // The least part of a log of that size that holds these entries.
  [[nodiscard]] static Part Around(LeafIndex first, TreeSize end, TreeSize size);
  [[nodiscard]] bool Holds(LeafIndex index) const { return index >= first && index.value() < end.value(); }
};

// Reads a file by its path ("checkpoint", "tile/0/000", ...) into `bytes`, whose memory is used again; false where it
// is absent, and `bytes` then says nothing. Called by several threads at once where a verification uses several.
using FileReader = std::function<absl::StatusOr<bool>(const std::string& path, std::string& bytes)>;
// The same, for whoever reads one file.
[[nodiscard]] absl::StatusOr<std::optional<std::string>> ReadOne(const FileReader& read, const std::string& path);

// The files below a directory. What is no regular file is absent; of a file longer than any that a log has, the
// beginning alone is read. UNAVAILABLE where the system cannot read a file. Thread-safe.
[[nodiscard]] FileReader DirectoryReader(std::string directory);

// Beside the tiles an export may hold what the node keeps beside its log, by the leaf index N of the record about it,
// in groups of three digits as in tile paths:
//   kept/receipts/N  the bytes of the Receipt (proto/medflyt/v1/exchange.proto) whose digest the record holds
//   kept/received/N  the bytes of the EventBatch that the events of this and later records came in
//   kept/complete    a tree size in decimal digits alone: of each record below it these files were exported, so that
//                    one which is missing was dropped; records from there on may have none. The tree may have grown.
[[nodiscard]] std::string ReceiptPath(LeafIndex record);
[[nodiscard]] std::string ReceivedPath(LeafIndex record);
inline constexpr std::string_view kKeptComplete = "kept/complete";
// The size that kept/complete says. Nothing where it is absent, and 0 where it says no size: then nobody states that
// anything was exported, and nobody can be accused of what is missing.
[[nodiscard]] absl::StatusOr<std::optional<TreeSize>> KeptUntil(const FileReader& read);

}  // namespace medflyt::audit
