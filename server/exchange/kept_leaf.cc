#include "server/exchange/kept_leaf.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "common/base/status.h"
#include "common/entry/batch.h"
#include "common/merkle/multi_proof.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/checkpoint.h"
#include "server/exchange/hello.h"
#include "server/exchange/inclusion.h"
#include "server/exchange/kept.h"
#include "server/exchange/kept_receipt.h"

namespace medflyt::exchange {
namespace {

template <typename Hashes, typename Entries>
absl::StatusOr<ShownLeaves> Shown(const std::string& note, const Hashes& multi_proof,
                                  const google::protobuf::RepeatedField<uint64_t>& indices, const Entries& entries) {
  if (indices.size() != entries.size() || indices.empty()) {
    return RuleError(absl::StatusCode::kInvalidArgument, "BATCH_MALFORMED", "indices", "not one for each leaf");
  }
  ShownLeaves shown{note, {}, {}, {}};
  MEDFLYT_ASSIGN_OR_RETURN(shown.multi_proof, entry::HashesFromProto(multi_proof, "BATCH_MALFORMED", "multi_proof"));
  for (int i = 0; i < indices.size(); ++i) {
    shown.indices.emplace_back(indices.Get(i));
    shown.leaf_hashes.push_back(merkle::LeafHash(entries.Get(i)));
  }
  return shown;
}

// One row, as far as the search asks: which numbers it holds, and where in the peer's log they stand.
struct Probe {
  uint64_t first_number;
  uint64_t numbers;
  std::string origin;  // empty where the note names none
  LeafIndex first_index;
  LeafIndex last_index;
  std::vector<LeafIndex> indices;  // ascending
};

std::string OriginOf(const std::string& note) {
  const auto stated = tlog::StatedCheckpoint(note);
  return stated.ok() ? stated->origin() : std::string();
}

Probe ProbeOf(const KeptRow& row, const v1::EventBatch& batch) {
  std::vector<LeafIndex> indices(batch.indices().begin(), batch.indices().end());
  return Probe{row.first.value(),
               row.events.size(),
               OriginOf(batch.checkpoint()),
               indices[row.events.front().position],
               indices[row.events.back().position],
               std::move(indices)};
}

absl::StatusOr<Probe> ProbeBatch(const store::Reader& store, AuthorityId peer, PairNumber number) {
  MEDFLYT_ASSIGN_OR_RETURN(const KeptRow row, FindKept(store, peer, number));
  MEDFLYT_ASSIGN_OR_RETURN(const v1::EventBatch batch, row.ParseBatch());
  return ProbeOf(row, batch);
}

absl::StatusOr<Probe> ProbeReceipt(const store::Reader& store, AuthorityId peer, PairNumber number) {
  MEDFLYT_ASSIGN_OR_RETURN(const KeptReceipt row, FindReceiptRow(store, peer, number));
  std::vector<LeafIndex> indices(row.receipt.leaf_indices().begin(), row.receipt.leaf_indices().end());
  const size_t numbers = indices.size();
  const LeafIndex first = indices.front();
  const LeafIndex last = indices.back();
  return Probe{row.first.value(), numbers, OriginOf(row.receipt.checkpoint()), first, last, std::move(indices)};
}

using Prober = absl::StatusOr<Probe> (*)(const store::Reader&, AuthorityId, PairNumber);

// The peer's logs in the order of its card.
std::vector<std::string> LogsByCard(const directory::Directory& directory, AuthorityId peer) {
  std::vector<std::string> logs;
  const directory::Authority* authority = directory.Find(peer);
  if (authority == nullptr) return logs;
  for (const directory::Log& each : authority->logs) logs.push_back(each.origin);
  return logs;
}

// Where leaves are looked for: one of the peer's logs, and those that follow it, whose numbers come behind.
class PeersLog {
 public:
  // `logs` are the peer's, in their order.
  PeersLog(const std::vector<std::string>& logs, AuthorityId peer, std::string_view origin)
      : peer_(peer), origin_(origin) {
    const auto self = std::find(logs.begin(), logs.end(), origin);
    if (self != logs.end()) later_.assign(self + 1, logs.end());
  }
  [[nodiscard]] AuthorityId peer() const { return peer_; }
  [[nodiscard]] bool Is(std::string_view origin) const { return origin == origin_; }
  [[nodiscard]] bool IsBefore(std::string_view origin) const {
    return std::find(later_.begin(), later_.end(), origin) != later_.end();
  }

 private:
  AuthorityId peer_;
  std::string origin_;
  std::vector<std::string> later_;
};

// The row that holds a leaf at `index`, of those with the numbers up to `last`.
absl::StatusOr<std::optional<Probe>> Search(Prober probe, const store::Reader& store, const PeersLog& where,
                                            PairNumber last, LeafIndex index) {
  const auto holds = [index](const Probe& row) {
    return std::binary_search(row.indices.begin(), row.indices.end(), index);
  };
  uint64_t low = 1;
  uint64_t high = last.value() + 1;
  while (low < high) {
    MEDFLYT_ASSIGN_OR_RETURN(Probe row, probe(store, where.peer(), PairNumber(low + (high - low) / 2)));
    const bool this_log = where.Is(row.origin);
    if (this_log && holds(row)) return std::optional(std::move(row));
    if (this_log ? row.last_index < index : !where.IsBefore(row.origin)) {
      low = row.first_number + row.numbers;
    } else {
      high = row.first_number;
    }
  }
  // A grant stands before the first event of the batch that brought it.
  if (low > last.value()) return std::optional<Probe>();
  MEDFLYT_ASSIGN_OR_RETURN(Probe row, probe(store, where.peer(), PairNumber(low)));
  if (!where.Is(row.origin) || !holds(row)) return std::optional<Probe>();
  return std::optional(std::move(row));
}

size_t PlaceOf(const ShownLeaves& leaves, LeafIndex index) {
  return static_cast<size_t>(std::lower_bound(leaves.indices.begin(), leaves.indices.end(), index) -
                             leaves.indices.begin());
}

absl::StatusOr<std::optional<tlog::LeafForkProof>> Contradiction(const log::Log& log,
                                                                 const directory::Directory& directory,
                                                                 AuthorityId peer, std::string_view origin,
                                                                 const tlog::ProvenLeaf& shown) {
  MEDFLYT_ASSIGN_OR_RETURN(auto kept, FindKeptLeaf(log, directory, peer, origin, shown.proof.index));
  if (!kept || kept->leaf_hash == shown.leaf_hash) return std::optional<tlog::LeafForkProof>();
  tlog::LeafForkProof proof{*std::move(kept), shown};
  // Nobody is accused by what a third party would not accept.
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::VerifierKey first,
                           KeyForNote(proof.first.proof.checkpoint.Serialize(), origin, directory));
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::VerifierKey second,
                           KeyForNote(proof.second.proof.checkpoint.Serialize(), origin, directory));
  MEDFLYT_RETURN_IF_ERROR(tlog::VerifyLeafForkProof(proof, std::span(&first, 1), std::span(&second, 1)).status());
  return std::optional(std::move(proof));
}

}  // namespace

absl::StatusOr<ShownLeaves> ShownBy(const v1::EventBatch& batch) {
  return Shown(batch.checkpoint(), batch.multi_proof(), batch.indices(), batch.entries());
}

absl::StatusOr<ShownLeaves> ShownBy(const v1::Receipt& receipt) {
  return Shown(receipt.checkpoint(), receipt.multi_proof(), receipt.leaf_indices(), receipt.leaves());
}

absl::StatusOr<tlog::ProvenLeaf> ProofOf(const ShownLeaves& shown, size_t which) {
  MEDFLYT_ASSIGN_OR_RETURN(tlog::SignedNote note, tlog::SignedNote::Parse(shown.note));
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::Checkpoint checkpoint, tlog::Checkpoint::Parse(note.text));
  MEDFLYT_ASSIGN_OR_RETURN(merkle::Proof path, InclusionFromMultiProof(shown.indices, shown.leaf_hashes,
                                                                       checkpoint.size(), shown.multi_proof, which));
  return tlog::ProvenLeaf{shown.leaf_hashes[which], {"", shown.indices[which], std::move(path), std::move(note)}};
}

absl::StatusOr<std::optional<tlog::ProvenLeaf>> FindKeptLeaf(const log::Log& log, const directory::Directory& directory,
                                                             AuthorityId peer, std::string_view origin,
                                                             LeafIndex index) {
  const log::PeerState state = log.peer(peer);
  // What is kept of the log that is exchanged with stands below the largest head that was accepted.
  if (origin == state.origin && index.value() >= std::max(state.by_batch.size, state.by_receipt.size).value()) {
    return std::optional<tlog::ProvenLeaf>();
  }
  const PeersLog where(LogsByCard(directory, peer), peer, origin);
  const store::Reader& store = log.reader().store();
  MEDFLYT_ASSIGN_OR_RETURN(const auto batch, Search(ProbeBatch, store, where, state.received, index));
  if (batch) {
    MEDFLYT_ASSIGN_OR_RETURN(const KeptRow row, FindKept(store, peer, PairNumber(batch->first_number)));
    MEDFLYT_ASSIGN_OR_RETURN(const v1::EventBatch whole, row.ParseBatch());
    MEDFLYT_ASSIGN_OR_RETURN(const ShownLeaves leaves, ShownBy(whole));
    MEDFLYT_ASSIGN_OR_RETURN(tlog::ProvenLeaf leaf, ProofOf(leaves, PlaceOf(leaves, index)));
    return std::optional(std::move(leaf));
  }
  MEDFLYT_ASSIGN_OR_RETURN(const auto receipt, Search(ProbeReceipt, store, where, state.receipted, index));
  if (!receipt) return std::optional<tlog::ProvenLeaf>();
  MEDFLYT_ASSIGN_OR_RETURN(const v1::Receipt whole, FindReceipt(log.reader(), peer, PairNumber(receipt->first_number)));
  MEDFLYT_ASSIGN_OR_RETURN(const ShownLeaves leaves, ShownBy(whole));
  MEDFLYT_ASSIGN_OR_RETURN(tlog::ProvenLeaf leaf, ProofOf(leaves, PlaceOf(leaves, index)));
  return std::optional(std::move(leaf));
}

absl::StatusOr<PairNumber> FindKeptNumber(const store::Reader& store, AuthorityId peer, PairNumber last,
                                          std::string_view origin, LeafIndex index) {
  const auto number_in = [index](const KeptRow& row, const Probe& probe) -> std::optional<PairNumber> {
    for (size_t i = 0; i < row.events.size(); ++i) {
      if (probe.indices[row.events[i].position] == index) return PairNumber(row.first.value() + i);
    }
    return std::nullopt;
  };
  MEDFLYT_ASSIGN_OR_RETURN(const std::vector<std::string> logs, KeptLogs(store, peer, last));
  MEDFLYT_ASSIGN_OR_RETURN(const auto batch, Search(ProbeBatch, store, PeersLog(logs, peer, origin), last, index));
  std::optional<PairNumber> found;
  if (batch) {
    MEDFLYT_ASSIGN_OR_RETURN(const KeptRow row, FindKept(store, peer, PairNumber(batch->first_number)));
    found = number_in(row, *batch);
  }
  if (found) return *found;
  const absl::Status enough = absl::CancelledError();
  const absl::Status visited = VisitKept(store, peer, PairNumber(1), [&](const KeptRow& row) -> absl::Status {
    MEDFLYT_ASSIGN_OR_RETURN(const v1::EventBatch whole, row.ParseBatch());
    const Probe probe = ProbeOf(row, whole);
    if (probe.origin == origin) found = number_in(row, probe);
    return found ? enough : absl::OkStatus();
  });
  if (found) return *found;
  MEDFLYT_RETURN_IF_ERROR(visited);
  return RuleError(absl::StatusCode::kNotFound, "EVENT_UNKNOWN", "event_id", "no such event was received");
}

std::optional<tlog::LeafForkProof> FindLeafFork(const log::Log& log, const directory::Directory& directory,
                                                AuthorityId peer, std::string_view origin, const ShownLeaves& shown) {
  const auto stated = tlog::StatedCheckpoint(shown.note);
  if (!stated.ok() || stated->origin() != origin) return std::nullopt;
  // Looked at before any row is read: who makes up leaves costs us one root.
  const auto root = merkle::RootFromMultiProof(shown.indices, shown.leaf_hashes, stated->size(), shown.multi_proof);
  if (!root.ok() || *root != stated->root()) return std::nullopt;
  for (size_t i = 0; i < shown.indices.size(); ++i) {
    const auto leaf = ProofOf(shown, i);
    if (!leaf.ok()) return std::nullopt;
    if (auto found = FindLeafFork(log, directory, peer, origin, *leaf)) return found;
  }
  return std::nullopt;
}

std::optional<tlog::LeafForkProof> FindLeafFork(const log::Log& log, const directory::Directory& directory,
                                                AuthorityId peer, std::string_view origin,
                                                const tlog::ProvenLeaf& shown) {
  auto found = Contradiction(log, directory, peer, origin, shown);
  return found.ok() ? *std::move(found) : std::nullopt;
}

}  // namespace medflyt::exchange
