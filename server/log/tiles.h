// A stored log as C2SP tlog-tiles: the same bytes to an auditor who asks a node and to whoever reads a copy of its
// store. Thread-safe, as the reader is; nothing is kept between calls.
#pragma once

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/tlog/tile.h"
#include "server/log/generations.h"
#include "server/log/layout.h"
#include "server/store/store.h"

namespace medflyt::log {

using EntryVisitor = absl::FunctionRef<absl::Status(Position, std::string_view entry, const KeyId& key_id)>;

// Visits entries [first, end) in order; stops at the visitor's first error and returns it. OUT_OF_RANGE
// (LEAF_INDEX_OUT_OF_RANGE) where one of them is not stored; DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::Status VisitEntries(const store::Reader& store, Position first, Position end, EntryVisitor visit);

// Of a tile or bundle that this log has in the store; for others the errors of VisitEntries, or what the next log has.
[[nodiscard]] absl::StatusOr<std::string> TileBytes(const store::Reader& store, const Generation& log,
                                                    const tlog::Tile& tile);
[[nodiscard]] absl::StatusOr<std::string> EntryBundleBytes(const store::Reader& store, const Generation& log,
                                                           uint64_t index, unsigned width);

}  // namespace medflyt::log
