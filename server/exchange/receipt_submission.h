// A verified receipt on its way into the log.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "common/entry/batch.h"
#include "common/entry/receipt.h"
#include "server/exchange/batch_builder.h"
#include "server/exchange/log_key_pins.h"
#include "server/log/submission.h"

namespace medflyt::exchange {

struct ReceiptToLog {
  AuthorityId peer;
  std::string origin;                           // of the peer's log
  entry::AcceptedHead base;                     // from which its consistency was proven
  entry::AcceptedHead head;                     // under which it was proven
  std::vector<SentEvent> events;                // of consecutive numbers
  std::vector<entry::ReceiptedEvent> receipts;  // one for each event
  crypto::Hash digest;                          // of the Receipt's bytes
  std::string kept;                             // what is kept of it (kept_receipt.h)
  LogKeyPins* log_keys = nullptr;               // where what proved it is pinned
  Believed believed = {};                       // the log that proved it
};

// Logs ReceiptsLogged, keeps the receipt beside it, notes what was refused and which keys the peer now has. Changes
// nothing where the peer's row is not the one that the receipt was verified against; `done(false)` then.
class ReceiptSubmission final : public log::Submission {
 public:
  // `done` is called once, on any thread: with true once the receipt is durable.
  ReceiptSubmission(ReceiptToLog receipt, std::function<void(bool logged)> done)
      : receipt_(std::move(receipt)), done_(std::move(done)) {}

  void Apply(log::Appender& appender) override;
  void Committed(const log::Head&) override { done_(applied_); }
  void Abandoned(const absl::Status&) override { done_(false); }
  bool urgent() const override { return false; }

 private:
  ReceiptToLog receipt_;
  const std::function<void(bool)> done_;
  bool applied_ = false;
};

}  // namespace medflyt::exchange
