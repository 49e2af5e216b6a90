// What the deliveries and receptions of a node share.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mutex.h"
#include "common/base/random.h"
#include "common/crypto/signer.h"
#include "common/directory/directory.h"
#include "common/directory/identity.h"
#include "common/entry/batch.h"
#include "common/entry/grant.h"
#include "common/registry/number_range.h"
#include "server/exchange/evidence_keeping.h"
#include "server/exchange/evidence_rows.h"
#include "server/exchange/link.h"
#include "server/exchange/log_key_pins.h"
#include "server/exchange/rejection_log.h"
#include "server/exchange/scheduler.h"
#include "server/keys/exchange_keys.h"
#include "server/keys/key_table.h"
#include "server/log/log.h"
#include "server/log/sequencer.h"

namespace medflyt::exchange {

struct Options {
  size_t window = 8;  // batches sent and not yet answered, a peer
  absl::Duration first_backoff = absl::Milliseconds(200);
  absl::Duration longest_backoff = absl::Minutes(1);
  absl::Duration answer_timeout = absl::Seconds(30);  // for a Hello or the answer to a batch
  // Events that name such a number are refused (TEST_NUMBER_IN_PRODUCTION).
  std::vector<registry::NumberRange> refused_numbers = {};
};

// Borrowed; all outlive the exchange, and the scheduler has stopped running tasks before any of them goes.
struct Parts {
  AuthorityId self;
  log::Log& log;
  log::SubmissionQueue& queue;
  keys::KeyTable& keys;
  keys::ExchangeKeys& exchange_keys;
  const crypto::Signer& log_key;  // signs the exchange key's card
  const Clock& clock;
  RandomSource& random;
  Scheduler& scheduler;
  Dialer& dialer;
  Logger& logger;
};

// Thread-safe.
class Context {
 public:
  // `on_forked` ends the links with whatever log of this peer was just proven to be forked: it is called on any thread,
  // the peer's strands among them, so it only posts.
  Context(const Parts& parts_in, directory::Directory directory, const Options& options_in,
          std::function<void(AuthorityId)> on_forked);

  const Parts parts;
  const Options options;
  RejectionLog rejections;
  EvidenceRows evidence_rows;  // the sequencer's, once the exchange was made
  EvidenceKeeping evidence;
  LogKeyPins log_keys;  // asked by CheckLogKeys and CheckAdmitted (admitted.h)

  [[nodiscard]] directory::Directory directory() const;
  void set_directory(directory::Directory directory);

  // The card of the exchange key that is durable; nothing before the first rotation.
  [[nodiscard]] std::optional<entry::ExchangeKeyCard> card() const;
  void set_card(const entry::ExchangeKeyCard& card);

  // Logs that were proven to be forked: nothing more is taken of them, for good. Their owner goes on in another log,
  // which two officers admit (admitted.h). A log is named by its owner and its origin. SetForked ends the links that
  // stand.
  [[nodiscard]] bool IsForked(AuthorityId peer, std::string_view origin) const;
  void SetForked(AuthorityId peer, std::string_view origin);
  // The origins of this peer's, in order.
  [[nodiscard]] std::vector<std::string> ForkedLogs(AuthorityId peer) const;
  // Whether the log that is exchanged with is one of them: what the peer's card has open, or, without a card, what was
  // exchanged with last.
  [[nodiscard]] bool IsOpenLogForked(AuthorityId peer) const;

  // One proof of inclusion is made for a peer at a time (cosigned_proof.h), as long as what is returned lives. Null:
  // one is being made.
  [[nodiscard]] std::shared_ptr<void> BeginProof(AuthorityId peer);

 private:
  const std::function<void(AuthorityId)> on_forked_;
  mutable Mutex mutex_;
  directory::Directory directory_ MEDFLYT_GUARDED_BY(mutex_);
  std::optional<entry::ExchangeKeyCard> card_ MEDFLYT_GUARDED_BY(mutex_);
  std::map<AuthorityId, std::set<std::string, std::less<>>> forked_ MEDFLYT_GUARDED_BY(mutex_);
  std::set<AuthorityId> proving_ MEDFLYT_GUARDED_BY(mutex_);
};

// The rule of an error, or the name of its code where it has none.
[[nodiscard]] std::string RuleOf(const absl::Status& status);

// Whether the error is ours (a full queue, a node that stops, the store and its rows, our keys, a program too old): the
// peer did nothing wrong, no rejection of it is recorded, and it is told no more than the rule. What a peer sends is
// only ever at fault by a rule about what it sent, so an error without a rule is ours, too.
[[nodiscard]] bool IsOwn(const absl::Status& status);

// INVALID_ARGUMENT (BATCH_TOO_LARGE) for a message that is larger than any that the protocol has. Asked before the
// message is put into any queue.
[[nodiscard]] absl::Status CheckSize(const v1::PeerMessage& message);

// A rule that a peer names, if it has a rule's form (UPPER_SNAKE_CASE, at most 64 characters); else `otherwise`. What
// peers write goes into logs and status pages.
[[nodiscard]] std::string PeersRule(std::string_view rule, std::string_view otherwise);

// What was accepted of the log `origin`, as entry's checks take it: nothing where another log was accepted before.
[[nodiscard]] entry::AcceptedHead AcceptedOf(const log::PeerState& peer, std::string_view origin,
                                             const log::AcceptedTree& tree);

// The authorities that the directory has with a node, but for this one; in order of id.
[[nodiscard]] std::vector<AuthorityId> PeersIn(const directory::Directory& directory, AuthorityId self);
// Those, and whoever else was exchanged with: one whose card is missing today has events of the pair all the same.
[[nodiscard]] std::vector<AuthorityId> PeersOf(const log::Log& log, const directory::Directory& directory,
                                               AuthorityId self);

}  // namespace medflyt::exchange
