// Watching a node's events: a stream that waits for what is committed next.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "common/base/id.h"
#include "common/base/mutex.h"
#include "grpcpp/support/server_callback.h"
#include "medflyt/v1/municipality_service.pb.h"
#include "server/log/log.h"
#include "server/log/sequencer.h"
#include "server/service/caller.h"
#include "server/service/event_reader.h"
#include "server/service/submissions.h"
#include "server/service/workers.h"

namespace medflyt::service {

// Who waits for the log to grow. Thread-safe.
class WatchHub final : public log::CommitObserver {
 public:
  using Wake = std::function<void(bool stopping)>;
  explicit WatchHub(Workers& workers) : workers_(workers) {}

  // Calls `wake` once, on a worker: when the log is longer than `seen`, when Cancel is called with the ticket, or when
  // the node stops. The ticket is written before that.
  void Wait(TreeSize seen, Wake wake, uint64_t& ticket);
  // Wakes that one now, if it still waits.
  void Cancel(uint64_t ticket);
  // Wakes all; who comes later is woken at once.
  void Stop();

  void OnCommit(const log::Head& head, const std::vector<AuthorityId>& receivers) override;

 private:
  void WakeAll(bool stopping);

  Workers& workers_;
  Mutex mutex_;
  std::map<uint64_t, Wake> waiting_ MEDFLYT_GUARDED_BY(mutex_);
  uint64_t next_ticket_ MEDFLYT_GUARDED_BY(mutex_) = 1;
  TreeSize size_ MEDFLYT_GUARDED_BY(mutex_);
  bool stopping_ MEDFLYT_GUARDED_BY(mutex_) = false;
};

// One client's stream; deletes itself when it is done.
class WatchStream final : public grpc::ServerWriteReactor<v1::WatchEventsResponse> {
 public:
  struct Parts {
    const EventReader& reader;
    WatchHub& hub;
    Workers& workers;
    log::SubmissionQueue& queue;
    const Gate& gate;
  };
  // `access`: as what each page that names cases is recorded before it is written.
  WatchStream(const Parts& parts, Identity identity, ReadSubmission::Access access, log::Position from)
      : parts_(parts), identity_(std::move(identity)), access_(std::move(access)), scan_(parts.reader, from) {}

  // The start is recorded: begin. With an error, end.
  void Begin(const absl::Status& recorded);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { delete this; }

 private:
  void ScheduleScan();
  void Scan();
  void RecordAndWrite();
  void WriteNext();
  void End(const absl::Status& status);
  [[nodiscard]] bool cancelled();

  const Parts parts_;
  const Identity identity_;
  const ReadSubmission::Access access_;
  EventScan scan_;
  std::vector<v1::WatchEventsResponse> pending_;
  std::vector<CaseId> shown_;  // by what is pending
  size_t written_ = 0;

  Mutex mutex_;
  bool cancelled_ MEDFLYT_GUARDED_BY(mutex_) = false;
  uint64_t ticket_ MEDFLYT_GUARDED_BY(mutex_) = 0;
};

}  // namespace medflyt::service
