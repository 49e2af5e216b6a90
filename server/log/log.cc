#include "server/log/log.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/checkpoint.h"
#include "server/log/staging.h"
#include "server/log/state_rows.h"

namespace medflyt::log {
namespace {

using store::Table;

// A data key that belongs to no case; a store without one gets it, synced, before any event.
absl::StatusOr<keys::DataKey> OpenEventIdSecret(const Log::Parts& parts) {
  store::Batch batch;
  bool created = false;
  MEDFLYT_ASSIGN_OR_RETURN(keys::DataKey secret,
                           parts.keys.FindOrCreate(keys::LocalKeyOf(CaseId(), parts.self), batch, created));
  if (created) MEDFLYT_RETURN_IF_ERROR(parts.store.Commit(batch, store::Durability::kSynced));
  return secret;
}

// Log::handed_over_at, of a head of this size.
TreeSize HandedOverAt(const Log::Parts& parts, TreeSize size) {
  const directory::Log* log = parts.cards.LogOf(parts.signer.verifier_key().name());
  return log == nullptr || log->keys.back().from <= size ? TreeSize(0) : log->keys.back().from;
}

// The stored head, or a first one of size 0 that is made durable here.
absl::StatusOr<Head> OpenHead(const Log::Parts& parts) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, parts.store.Get(Table::kMeta, HeadKey()));
  if (!row) {
    MEDFLYT_ASSIGN_OR_RETURN(Head head, EmptyHead(parts.signer));
    store::Batch batch;
    batch.Put(Table::kMeta, HeadKey(), EncodeHead(head));
    MEDFLYT_RETURN_IF_ERROR(parts.store.Commit(batch, store::Durability::kSynced));
    return head;
  }
  MEDFLYT_ASSIGN_OR_RETURN(Head head, DecodeHead(*row));
  tlog::VerifierKey key = parts.signer.verifier_key();
  // One without an entry any key of the log may have signed.
  if (head.size.value() > 0 && HandedOverAt(parts, head.size).value() > 0) {
    MEDFLYT_ASSIGN_OR_RETURN(key, parts.cards.LogKeyFor(key.name(), head.size));
  }
  const auto opened = tlog::OpenCheckpoint(head.checkpoint, std::span(&key, 1));
  if (!opened.ok()) {
    return RuleError(absl::StatusCode::kDataLoss, "CHECKPOINT_FOREIGN", "head",
                     "the stored checkpoint is not signed by this log's key of its size");
  }
  if (opened->checkpoint.size() != head.size || opened->checkpoint.root() != head.root) {
    return RuleError(absl::StatusCode::kDataLoss, "HEAD_MISMATCH", "head", "the stored head is not the one signed");
  }
  return head;
}

absl::StatusOr<std::unique_ptr<Tree>> OpenTree(const store::Reader& store, const Generation& log, const Head& head) {
  const uint64_t full = head.size.value() / kTileWidth * kTileWidth;
  std::vector<Hash> tail;
  MEDFLYT_RETURN_IF_ERROR(VisitEntries(store, log.At(LeafIndex(full)), log.EndAt(head.size),
                                       [&tail](Position, std::string_view entry, const KeyId&) {
                                         tail.push_back(merkle::LeafHash(entry));
                                         return absl::OkStatus();
                                       }));
  MEDFLYT_ASSIGN_OR_RETURN(auto tree, Tree::Open(store, log.number, head.size, tail));
  if (tree->Root() != head.root) {
    return RuleError(absl::StatusCode::kDataLoss, "HEAD_MISMATCH", "head",
                     "entries and tiles do not lead to the root that was signed");
  }
  return tree;
}

}  // namespace

Log::Log(const Parts& parts, Generations generations, std::vector<OpenedGeneration> opened, Head head,
         domain::State state, std::map<AuthorityId, PeerState> peers)
    : parts_(parts),
      handed_over_at_(HandedOverAt(parts, head.size)),
      generations_(std::move(generations)),
      opened_(std::move(opened)),
      event_ids_(opened_.back().ids),
      tree_(*opened_.back().tree),
      reader_(parts.self, parts.store, generations_, opened_),
      state_(std::move(state)),
      peers_(std::move(peers)),
      prepared_head_(std::move(head)) {
  MutexLock lock(mutex_);
  head_ = prepared_head_;
  durable_peers_ = peers_;
  if (handed_over_at_.value() == 0) return;
  restraint_ =
      RuleError(absl::StatusCode::kFailedPrecondition, "STORE_ROLLED_BACK", "",
                absl::StrCat("the store has ", head_.size.value(), " entries; the log was handed over to the ",
                             "present key at ", handed_over_at_.value(), ": it was restored from an older copy"));
}

Log::~Log() = default;

absl::StatusOr<std::unique_ptr<Log>> Log::Open(const Parts& parts) {
  MEDFLYT_ASSIGN_OR_RETURN(const keys::DataKey secret, OpenEventIdSecret(parts));
  MEDFLYT_ASSIGN_OR_RETURN(Head head, OpenHead(parts));
  MEDFLYT_ASSIGN_OR_RETURN(Generations generations, Generations::Load(parts.store, parts.signer.verifier_key().name()));
  std::vector<OpenedGeneration> opened;
  for (const Generation& log : generations.all()) {
    MEDFLYT_ASSIGN_OR_RETURN(auto tree, OpenTree(parts.store, log, log.last.value_or(head)));
    opened.push_back({std::move(tree), EventIds(secret.key, log.origin)});
  }
  MEDFLYT_ASSIGN_OR_RETURN(auto peers, ReadPeers(parts.store));
  domain::State state(parts.self);
  MEDFLYT_RETURN_IF_ERROR(StateRows(parts.self, parts.keys, parts.random).Load(parts.store, state));
  return std::unique_ptr<Log>(
      new Log(parts, std::move(generations), std::move(opened), std::move(head), std::move(state), std::move(peers)));
}

std::unique_ptr<PreparedCommit> Log::Prepare(std::vector<std::unique_ptr<Submission>> submissions) {
  auto prepared = std::make_unique<PreparedCommit>();
  prepared->submissions = std::move(submissions);
  const absl::Status restrained = restraint();
  if (!restrained.ok()) {
    std::erase_if(prepared->submissions, [&restrained](const std::unique_ptr<Submission>& submission) {
      if (!submission->appends()) return false;
      submission->Abandoned(restrained);
      return true;
    });
  }
  const TreeSize durable = head().size;
  while (!ahead_.empty() && ahead_.front().leaf.value() < durable.value()) ahead_.pop_front();
  Staging staging(*this, *prepared);
  for (const auto& submission : prepared->submissions) submission->Apply(staging);
  if (!restrained.ok() && prepared->appends) {
    prepared->defect = absl::InternalError("a submission that was to write rows alone has appended an entry");
  } else {
    staging.Finish();
  }
  return prepared;
}

absl::Status Log::Commit(PreparedCommit& prepared) {
  absl::Status status = prepared.defect;
  if (status.ok() && !prepared.batch.empty()) status = parts_.store.Commit(prepared.batch, store::Durability::kSynced);
  if (!status.ok()) return status;
  tree_.MadeDurable(prepared.head.size);
  {
    MutexLock lock(mutex_);
    head_ = prepared.head;
    for (auto& [authority, peer] : prepared.peers) durable_peers_[authority] = std::move(peer);
    for (const std::string& key : prepared.index_keys) {
      const auto staged = staged_index_.find(key);
      if (--staged->second.second == 0) staged_index_.erase(staged);
    }
  }
  for (CommitObserver* observer : observers_) observer->OnCommit(prepared.head, prepared.receivers);
  for (const auto& submission : prepared.submissions) submission->Committed(prepared.head);
  return absl::OkStatus();
}

void Log::Restrain(const absl::Status& why) {
  MutexLock lock(mutex_);
  restraint_ = why;
}

void Log::Release() {
  if (handed_over_at_.value() == 0 && !is_lost()) Restrain(absl::OkStatus());
}

absl::Status Log::restraint() const {
  MutexLock lock(mutex_);
  return restraint_;
}

Head Log::head() const {
  MutexLock lock(mutex_);
  return head_;
}

PeerState Log::peer(AuthorityId authority) const {
  MutexLock lock(mutex_);
  const auto found = durable_peers_.find(authority);
  return found == durable_peers_.end() ? PeerState() : found->second;
}

std::map<AuthorityId, PeerState> Log::peers() const {
  MutexLock lock(mutex_);
  return durable_peers_;
}

}  // namespace medflyt::log
