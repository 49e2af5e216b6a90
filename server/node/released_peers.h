// The peers that two officers said not to wait for, until the log itself says so (wire::PeerReleased).
//
//   kMeta "released-peers"   ->  each: u32 peer ‖ two fingerprints of 32 bytes
//
// The row is written before the start-up epoch that lets the log go on, and deleted with the commit of the record: so a
// crash in between loses nothing of it.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/exchange/own_log_check.h"
#include "server/log/submission.h"
#include "server/store/store.h"

namespace medflyt::node {

// Synced; none of an earlier time are left. The errors of the store.
[[nodiscard]] absl::Status KeepReleased(store::Store& store, const std::vector<exchange::ReleasedPeer>& released);

// What records those that are kept; null where there are none. DATA_LOSS (ROW_MALFORMED), the errors of the store.
[[nodiscard]] absl::StatusOr<std::unique_ptr<log::Submission>> RecordOfReleased(
    const store::Store& store, std::function<void(const absl::Status&)> done);

}  // namespace medflyt::node
