#include "server/service/request_pruning.h"

#include <memory>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "server/log/appender.h"
#include "server/log/layout.h"
#include "server/log/submission.h"
#include "server/service/request_book.h"

namespace medflyt::service {
namespace {

absl::StatusOr<bool> IsTooOld(std::string_view row, absl::Time now, absl::Duration retention) {
  MEDFLYT_ASSIGN_OR_RETURN(const log::RequestRecord record, log::DecodeRequest(row));
  return !IsKept(record, now, retention);
}

// Looks again at what it deletes: a request id may have been used anew since the slice was read.
class PruneSubmission final : public log::Submission {
 public:
  PruneSubmission(std::vector<std::string> keys, absl::Duration retention,
                  std::function<void(const absl::Status&)> done)
      : keys_(std::move(keys)), retention_(retention), done_(std::move(done)) {}

  void Apply(log::Appender& appender) override {
    for (const std::string& key : keys_) {
      outcome_ = Delete(appender, key);
      if (!outcome_.ok()) return;
    }
  }
  void Committed(const log::Head&) override { done_(outcome_); }
  void Abandoned(const absl::Status& why) override { done_(why); }
  size_t weight() const override { return keys_.size(); }
  bool appends() const override { return false; }

 private:
  // Past the index, for whoever looks in the same commit may see the row or not: it counts for nothing any more.
  absl::Status Delete(log::Appender& appender, const std::string& key) const {
    MEDFLYT_ASSIGN_OR_RETURN(const auto row, appender.FindIndex(key));
    if (!row) return absl::OkStatus();
    MEDFLYT_ASSIGN_OR_RETURN(const bool too_old, IsTooOld(*row, appender.now(), retention_));
    if (too_old) appender.batch().Delete(store::Table::kIndex, key);
    return absl::OkStatus();
  }

  const std::vector<std::string> keys_;
  const absl::Duration retention_;
  const std::function<void(const absl::Status&)> done_;
  absl::Status outcome_;
};

}  // namespace

void RequestPruning::NextSlice(const Done& done) {
  store::KeyRange range = store::KeyRange::Prefix(log::RequestRowKey(log::RequestKey()).substr(0, 1));
  if (!after_.empty()) range.begin = after_ + '\0';
  const absl::Time now = clock_.Now();
  std::vector<std::string> old;
  std::string last;
  size_t rows = 0;
  absl::Status read;
  const absl::Status scanned = store_.Scan(store::Table::kIndex, range, store::Order::kAscending,
                                           [&](std::string_view key, std::string_view row) {
                                             const auto too_old = IsTooOld(row, now, retention_);
                                             read = too_old.status();
                                             if (!read.ok()) return store::Step::kStop;
                                             if (*too_old) old.emplace_back(key);
                                             last.assign(key);
                                             return ++rows == kSliceRows ? store::Step::kStop : store::Step::kContinue;
                                           });
  read.Update(scanned);
  if (!read.ok()) return done(read);

  const bool more = rows == kSliceRows;
  std::string next = more ? std::move(last) : std::string();
  if (old.empty()) {
    after_ = std::move(next);
    return done(more);
  }
  const absl::Status queued = sequencer_.Submit(std::make_unique<PruneSubmission>(
      std::move(old), retention_, [this, next = std::move(next), more, done](const absl::Status& outcome) {
        if (!outcome.ok()) return done(outcome);
        after_ = next;
        done(more);
      }));
  if (!queued.ok()) done(queued);
}

}  // namespace medflyt::service
