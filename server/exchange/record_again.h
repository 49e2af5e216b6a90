// Records of receipt that stand in a log which was closed, made once more in the open one: nobody signs the closed
// log's heads any more, so that only there a receipt can be proven. Rows are recorded whole, so among them are numbers
// before the first that lacks its receipt. Nothing has an effect a second time, but who watches the open log is told of
// it there.
//
//   kMeta 'recording-again' ‖ u32 peer   ->  u64 first number ‖ u64 next number     while a repetition is unfinished
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/directory/identity.h"
#include "common/event/bodies.h"
#include "server/log/appender.h"
#include "server/log/log_reader.h"
#include "server/store/store.h"

namespace medflyt::exchange {

// Numbers of a peer from `first` on are recorded again, those before `next` already.
struct Repetition {
  PairNumber first;
  PairNumber next;
  friend bool operator==(const Repetition&, const Repetition&) = default;
};
// Nothing where none is unfinished. DATA_LOSS (ROW_MALFORMED), as the next.
[[nodiscard]] absl::StatusOr<std::optional<Repetition>> FindRepetition(const store::Reader& store, AuthorityId peer);
[[nodiscard]] absl::StatusOr<std::map<AuthorityId, Repetition>> ReadRepetitions(const store::Reader& store);
void StageRepetition(AuthorityId peer, const Repetition& unfinished, store::Batch& batch);
void StageRepetitionEnd(AuthorityId peer, store::Batch& batch);

// Whole rows that are recorded again at once: an auditor is given a kept batch beside the record of its first event.
struct RecordedPart {
  struct Event {
    EventId id;
    event::AnnouncementRef stands_at;
    std::string refused;
  };
  struct Row {
    PairNumber first;
    std::string kept;  // without its records
    std::vector<Event> events;
  };
  std::vector<Row> rows;
  size_t events = 0;
  PairNumber next;  // behind the last row
};
// From the row that holds `from` on: at most entry::kMaxBatchEntries numbers, and rows of entry::kMaxBatchBytes beside
// the last; one row at least. DATA_LOSS (ROW_MALFORMED), also where a record stands in the open log already. Any
// thread.
[[nodiscard]] absl::StatusOr<RecordedPart> ReadRecorded(const log::LogReader& reader, AuthorityId peer,
                                                        PairNumber from);
// Appends their EventReceived records, and stages the rows that name these. On the sequencer's thread.
void RecordAgain(AuthorityId peer, RecordedPart part, log::Appender& appender);

// All numbers from `from` to `last`, within one commit, which the caller keeps within bounds. DATA_LOSS
// (ROW_MALFORMED).
[[nodiscard]] absl::Status RecordAllAgain(const log::LogReader& reader, AuthorityId peer, PairNumber from,
                                          PairNumber last, log::Appender& appender);

}  // namespace medflyt::exchange
