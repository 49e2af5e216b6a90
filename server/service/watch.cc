#include "server/service/watch.h"

#include <memory>
#include <utility>
#include <vector>

#include "common/base/id.h"
#include "common/base/status.h"
#include "common/rpc/status_map.h"
#include "common/wire/limits.h"

namespace medflyt::service {
namespace {

constexpr size_t kEntriesAtOnce = wire::kMaxCases;  // so that one access record names the cases of a page

}  // namespace

void WatchHub::Wait(TreeSize seen, Wake wake, uint64_t& ticket) {
  bool stopping = false;
  {
    MutexLock lock(mutex_);
    ticket = next_ticket_++;
    if (!stopping_ && size_ <= seen) {
      waiting_.emplace(ticket, std::move(wake));
      return;
    }
    stopping = stopping_;
  }
  workers_.RunNext([wake = std::move(wake), stopping] { wake(stopping); });
}

void WatchHub::Cancel(uint64_t ticket) {
  Wake wake;
  {
    MutexLock lock(mutex_);
    const auto found = waiting_.find(ticket);
    if (found == waiting_.end()) return;
    wake = std::move(found->second);
    waiting_.erase(found);
  }
  workers_.RunNext([wake = std::move(wake)] { wake(false); });
}

void WatchHub::Stop() { WakeAll(true); }

void WatchHub::OnCommit(const log::Head& head, const std::vector<AuthorityId>&) {
  {
    MutexLock lock(mutex_);
    if (head.size <= size_) return;
    size_ = head.size;
  }
  WakeAll(false);
}

void WatchHub::WakeAll(bool stopping) {
  std::map<uint64_t, Wake> woken;
  {
    MutexLock lock(mutex_);
    stopping_ = stopping_ || stopping;
    woken.swap(waiting_);
  }
  for (auto& [ticket, wake] : woken) workers_.RunNext([wake = std::move(wake), stopping] { wake(stopping); });
}

void WatchStream::Begin(const absl::Status& recorded) {
  if (!recorded.ok()) return End(recorded);
  ScheduleScan();
}

void WatchStream::ScheduleScan() {
  if (const absl::Status queued = parts_.workers.Run([this] { Scan(); }); !queued.ok()) End(queued);
}

void WatchStream::Scan() {
  if (cancelled()) return End(absl::CancelledError("the client is gone"));
  if (const absl::Status valid = parts_.gate.StillValid(identity_); !valid.ok()) return End(valid);
  auto found = scan_.Next(kEntriesAtOnce);
  if (!found.ok()) return End(found.status());
  if (!found->responses.empty()) {
    pending_ = std::move(found->responses);
    shown_ = {found->cases.begin(), found->cases.end()};
    written_ = 0;
    return RecordAndWrite();
  }
  // Nothing of this object is touched after Wait: the wake may already run, and end it.
  const TreeSize seen(scan_.next().value());
  uint64_t ticket = 0;
  WatchHub& hub = parts_.hub;
  {
    MutexLock lock(mutex_);
    hub.Wait(
        seen,
        [this](bool stopping) {
          { MutexLock until_scan_has_returned(mutex_); }
          if (stopping) {
            return End(RuleError(absl::StatusCode::kUnavailable, "NODE_STOPPING", "", "the node is stopping"));
          }
          Scan();
        },
        ticket);
    ticket_ = ticket;
    if (!cancelled_) return;
  }
  hub.Cancel(ticket);
}

// A page without cases leaves no record: that a watch was recorded is itself such a page, which so ends with itself.
void WatchStream::RecordAndWrite() {
  if (shown_.empty()) return WriteNext();
  // Nothing of this object is touched after Submit: the record may already be durable, and the stream go on.
  const absl::Status queued = parts_.queue.Submit(std::make_unique<ReadSubmission>(
      access_,
      [shown = std::move(shown_)](log::Appender&, std::vector<CaseId>& cases) {
        cases = shown;
        return absl::OkStatus();
      },
      [this](const absl::Status& recorded) {
        if (!recorded.ok()) return End(recorded);
        WriteNext();
      }));
  if (!queued.ok()) End(queued);
}

void WatchStream::WriteNext() { StartWrite(&pending_[written_]); }

void WatchStream::OnWriteDone(bool ok) {
  if (!ok) return End(absl::CancelledError("the client is gone"));
  if (++written_ < pending_.size()) return WriteNext();
  ScheduleScan();
}

void WatchStream::OnCancel() {
  uint64_t ticket = 0;
  {
    MutexLock lock(mutex_);
    cancelled_ = true;
    ticket = ticket_;
  }
  if (ticket != 0) parts_.hub.Cancel(ticket);
}

bool WatchStream::cancelled() {
  MutexLock lock(mutex_);
  return cancelled_;
}

void WatchStream::End(const absl::Status& status) { Finish(rpc::ToGrpc(status)); }

}  // namespace medflyt::service
