// Our own events and our own receipts, wherever they stand: in the open log, in one that was closed, or, come back from
// a peer after the store had lost them, beside the record of that. Any thread, as all that reads the store.
#pragma once

#include <span>

#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/event/bodies.h"
#include "medflyt/v1/exchange.pb.h"
#include "server/log/log_reader.h"

namespace medflyt::exchange {

// Whether an event of ours came back: what stands in the log is the record of it.
[[nodiscard]] inline bool CameBack(const log::Outbound& event) { return event.entry.key_id.is_zero(); }

// Where an event of ours was issued: of one that came back, in the log that was closed. DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::StatusOr<event::AnnouncementRef> IssuedAt(const log::LogReader& reader, const log::Outbound& event);

// What this node states by EventReceived records of one of its logs, in their order and at least one. `head` is of that
// log and holds them; the proof of consistency begins at `from` (0: none). The errors of reading.
[[nodiscard]] absl::StatusOr<v1::Receipt> MakeReceipt(const log::LogReader& reader,
                                                      std::span<const log::Position> records, const log::Head& head,
                                                      TreeSize from);

}  // namespace medflyt::exchange
