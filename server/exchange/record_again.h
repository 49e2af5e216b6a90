// Events that a peer may have no receipt for, and whose records stand in a log that was closed: nobody signs its heads
// any more, so that they are recorded once more in the open log, where a receipt can be proven. They have had their
// effect, and have no other.
#pragma once

#include "absl/status/status.h"
#include "common/base/named_type.h"
#include "common/directory/identity.h"
#include "server/log/appender.h"
#include "server/log/log_reader.h"

namespace medflyt::exchange {

// Appends the EventReceived records of the numbers from `from` on, and stages the rows that name these. Whole rows: an
// auditor is given a kept batch beside the record of its first event. DATA_LOSS (ROW_MALFORMED), and then nothing of
// either. On the sequencer's thread.
[[nodiscard]] absl::Status RecordAgain(const log::LogReader& reader, AuthorityId peer, PairNumber from,
                                       log::Appender& appender);

}  // namespace medflyt::exchange
