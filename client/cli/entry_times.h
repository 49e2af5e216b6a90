// Which entries of a log may be of the time that somebody asks about. A ledger record says its time, a sealed entry
// does not: it was made between the records before and behind it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"

namespace medflyt::cli {

struct WantedTime {
  std::optional<absl::Time> since;
  std::optional<absl::Time> before;

  [[nodiscard]] bool IsAny() const { return !since && !before; }
  // Whether some time from `first` to `last`, both of them too, is wanted.
  [[nodiscard]] bool Meets(absl::Time first, absl::Time last) const {
    return (!since || last >= *since) && (!before || first < *before);
  }
};

// Entries [first, end).
struct EntryRange {
  uint64_t first = 0;
  uint64_t end = 0;
};

// Keeps ranges, not entries: one where the clock of the log's node never went back. Not thread-safe.
class EntryTimes {
 public:
  // `last`: of the last record before the entries; none where there is none.
  EntryTimes(const WantedTime& wanted, std::optional<absl::Time> last) : wanted_(wanted), last_(last) {}

  // The entries one after the other; without a time those that do not say it.
  void See(uint64_t index, std::optional<absl::Time> at);
  // Whether the last entries still lack a record behind them.
  [[nodiscard]] bool WaitsForNext() const { return untimed_.has_value(); }
  // Once all are seen: what may be of the wanted time. `next` is the time of the first record behind them; where there
  // is none, `now`: no entry is made later.
  [[nodiscard]] std::vector<EntryRange> End(std::optional<absl::Time> next, absl::Time now) &&;

 private:
  void CloseUntimed(absl::Time next);
  void Add(EntryRange range);

  const WantedTime wanted_;
  std::optional<absl::Time> last_;     // of the last record
  std::optional<EntryRange> untimed_;  // what stands behind it
  std::vector<EntryRange> found_;
};

}  // namespace medflyt::cli
