#include "client/cli/entry_times.h"

#include <algorithm>
#include <utility>

namespace medflyt::cli {

void EntryTimes::See(uint64_t index, std::optional<absl::Time> at) {
  const EntryRange one{index, index + 1};
  if (!at) {
    if (!untimed_) untimed_ = one;
    untimed_->end = one.end;
    return;
  }
  CloseUntimed(*at);
  if (wanted_.Meets(*at, *at)) Add(one);
  last_ = at;
}

std::vector<EntryRange> EntryTimes::End(std::optional<absl::Time> next, absl::Time now) && {
  // Who asks may have a clock that is behind the node's.
  CloseUntimed(next ? *next : std::max(now, last_.value_or(absl::InfinitePast())));
  return std::move(found_);
}

void EntryTimes::CloseUntimed(absl::Time next) {
  if (!untimed_) return;
  const absl::Time last = last_.value_or(absl::InfinitePast());
  // The node's clock may have been set back between the two.
  if (wanted_.Meets(std::min(last, next), std::max(last, next))) Add(*untimed_);
  untimed_.reset();
}

void EntryTimes::Add(EntryRange range) {
  if (!found_.empty() && found_.back().end == range.first) {
    found_.back().end = range.end;
  } else {
    found_.push_back(range);
  }
}

}  // namespace medflyt::cli
