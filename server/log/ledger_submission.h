// Ledger records that the node writes of its own accord.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/status.h"
#include "common/wire/ledger.h"
#include "server/log/appender.h"
#include "server/log/submission.h"

namespace medflyt::log {

class LedgerSubmission final : public Submission {
 public:
  using Record = decltype(wire::LedgerRecord::record);
  // `beside` stages rows that become durable with the records; `done` gets the outcome once they are.
  LedgerSubmission(std::vector<Record> records, std::function<void(store::Batch&)> beside,
                   std::function<void(const absl::Status&)> done)
      : records_(std::move(records)), beside_(std::move(beside)), done_(std::move(done)) {}

  void Apply(Appender& appender) override { outcome_ = Append(appender); }
  void Committed(const Head&) override { done_(outcome_); }
  void Abandoned(const absl::Status& why) override { done_(why); }

 private:
  absl::Status Append(Appender& appender) {
    wire::LedgerCodec codec;
    for (const Record& record : records_) {
      MEDFLYT_ASSIGN_OR_RETURN(const std::string entry, codec.Encode({appender.now(), record}));
      appender.AppendLedger(entry);
    }
    beside_(appender.batch());
    return absl::OkStatus();
  }

  const std::vector<Record> records_;
  const std::function<void(store::Batch&)> beside_;
  const std::function<void(const absl::Status&)> done_;
  absl::Status outcome_;
};

}  // namespace medflyt::log
