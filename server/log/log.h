// The audit log of a node and the state it leads to: the single writer, in two halves.
//
//   Prepare (one thread at a time)  apply submissions → seal → hash → sign → one store batch
//   Commit  (one thread at a time)  sync the batch → publish the head → answer
//
// so that the next batch is hashed and signed while the sync of this one runs. Prepared commits are committed in order.
// In simulation one thread calls both in turn; in production Sequencer does (sequencer.h).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/random.h"
#include "common/directory/directory.h"
#include "common/tlog/note_key.h"
#include "common/wire/content.h"
#include "common/wire/ledger.h"
#include "server/domain/decide.h"
#include "server/domain/state.h"
#include "server/keys/key_table.h"
#include "server/log/event_ids.h"
#include "server/log/generations.h"
#include "server/log/layout.h"
#include "server/log/log_reader.h"
#include "server/log/submission.h"
#include "server/log/tree.h"
#include "server/store/store.h"

namespace medflyt::log {

// Told of every commit, on the committing thread, after the head is published and before submissions are answered.
class CommitObserver {
 public:
  virtual ~CommitObserver() = default;
  // `receivers` have new events waiting. Must not block.
  virtual void OnCommit(const Head& head, const std::vector<AuthorityId>& receivers) = 0;
};

// Directory and legal bases as they are known on a day.
class FactsSource {
 public:
  virtual ~FactsSource() = default;
  [[nodiscard]] virtual domain::Facts FactsOn(Date today) const = 0;  // thread-safe
};

// One store batch and who waits for it.
struct PreparedCommit {
  store::Batch batch;
  Head head;
  bool appends = false;  // entries; without them only rows, or nothing, are written
  absl::Status defect;   // of this program: what was prepared contradicts itself and must not be committed
  std::vector<std::unique_ptr<Submission>> submissions;
  std::vector<std::pair<AuthorityId, PeerState>> peers;  // as of this commit
  std::vector<AuthorityId> receivers;
  std::vector<std::string> index_keys;  // staged kIndex rows
};

class Log {
 public:
  struct Parts {  // borrowed; all outlive the log
    AuthorityId self;
    store::Store& store;
    keys::KeyTable& keys;
    const tlog::NoteSigner& signer;  // its name is the log's origin
    const Clock& clock;
    RandomSource& random;
    const FactsSource& facts;
    const tlog::NoteSigner* successor = nullptr;  // signs beside it, where the log is handed over
    directory::Directory cards = {};  // of this log's keys by tree size; without it the signer's is the only one
  };

  // Reads the head, the right edge and the state; replays nothing. A store without a head gets one of size 0, synced.
  // Where the log was handed over behind the head that the store has, it is restrained, for good (STORE_ROLLED_BACK).
  // DATA_LOSS: HEAD_MISMATCH where the rebuilt tree is not the one that
  // was signed, CHECKPOINT_FOREIGN where the key of that size did not sign it, or what the rows' decoders say.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Log>> Open(const Parts& parts);
  ~Log();

  // On the preparing thread. Applies every submission, in order.
  [[nodiscard]] std::unique_ptr<PreparedCommit> Prepare(std::vector<std::unique_ptr<Submission>> submissions);
  // On the committing thread, in the order of Prepare. On error nothing is published and nobody is answered: the
  // outcome is unknown, and the node must exit; what was prepared after it rests on it.
  [[nodiscard]] absl::Status Commit(PreparedCommit& prepared);

  // Any thread: what is durable.
  [[nodiscard]] Head head() const;  // of the open log
  // Behind the last entry, in the order of all that the node has had.
  [[nodiscard]] Position end() const { return generations_.open().EndAt(head().size); }
  [[nodiscard]] PeerState peer(AuthorityId authority) const;
  // Of every authority that there is a row of; this node's own is among them after a recovery.
  [[nodiscard]] std::map<AuthorityId, PeerState> peers() const;
  [[nodiscard]] const LogReader& reader() const { return reader_; }
  [[nodiscard]] const std::string& origin() const { return parts_.signer.verifier_key().name(); }

  // Any thread. Until Release nothing is appended, so nothing is signed under this origin: submissions that append are
  // abandoned with `why` instead of being applied. What was prepared before is still committed.
  void Restrain(const absl::Status& why);
  void Release();  // without effect where the store is of before a handover, or has none of a log that had begun
  // Why nothing is appended; OK where it is.
  [[nodiscard]] absl::Status restraint() const;
  // The size from which on the present key signs, where the store has less; 0 else.
  [[nodiscard]] TreeSize handed_over_at() const { return handed_over_at_; }
  // Whether it went on from another log and the store, that of a copy from before, has none of it: such a log has
  // entries before any node starts with it, so what would be signed first contradicts what was. Only a recovery may
  // append to an empty one, which is new then.
  [[nodiscard]] bool is_lost() const { return head().size.value() == 0 && generations_.all().size() > 1; }

  // Before the first Commit.
  void AddObserver(CommitObserver& observer) { observers_.push_back(&observer); }

 private:
  class Staging;
  struct KeyHash {  // looks up what it does not own
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  Log(const Parts& parts, Generations generations, std::vector<OpenedGeneration> opened, Head head, domain::State state,
      std::map<AuthorityId, PeerState> peers);

  const Parts parts_;
  const TreeSize handed_over_at_;
  const Generations generations_;
  const std::vector<OpenedGeneration> opened_;
  const EventIds& event_ids_;  // of the open log, as its tree
  Tree& tree_;
  LogReader reader_;
  std::vector<CommitObserver*> observers_;

  // The preparing thread's, ahead of what is durable.
  domain::State state_;
  std::map<AuthorityId, PeerState> peers_;
  wire::ContentCodec codec_;
  wire::LedgerCodec ledger_;
  Head prepared_head_;
  std::deque<IssuedEvent> ahead_;  // issued in commits that were not durable when this one began

  mutable Mutex mutex_;
  Head head_ MEDFLYT_GUARDED_BY(mutex_);
  absl::Status restraint_ MEDFLYT_GUARDED_BY(mutex_);
  std::map<AuthorityId, PeerState> durable_peers_ MEDFLYT_GUARDED_BY(mutex_);
  // kIndex rows that are staged and not yet durable, nothing where one is deleted, with how many prepared commits hold
  // them.
  std::unordered_map<std::string, std::pair<std::optional<std::string>, int>, KeyHash, std::equal_to<>> staged_index_
      MEDFLYT_GUARDED_BY(mutex_);
};

}  // namespace medflyt::log
