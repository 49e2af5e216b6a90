// Leaves of a peer's log that this node can prove: those of the batches that were received, and the records in the
// peer's log of which receipts are held. What the peer shows later is held against them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/directory/directory.h"
#include "common/directory/identity.h"
#include "common/tlog/leaf_fork_proof.h"
#include "medflyt/v1/exchange.pb.h"
#include "server/log/log.h"

namespace medflyt::exchange {

// Leaves of one log with what proves them, as they came in one message. Nothing is verified.
struct ShownLeaves {
  std::string note;
  std::vector<LeafIndex> indices;  // ascending
  std::vector<crypto::Hash> leaf_hashes;
  std::vector<crypto::Hash> multi_proof;
};
// INVALID_ARGUMENT for hashes of another size, or other numbers of leaves than of indices.
[[nodiscard]] absl::StatusOr<ShownLeaves> ShownBy(const v1::EventBatch& batch);
[[nodiscard]] absl::StatusOr<ShownLeaves> ShownBy(const v1::Receipt& receipt);
// Of the leaf at that place. INVALID_ARGUMENT where leaves and proof lead to no root.
[[nodiscard]] absl::StatusOr<tlog::ProvenLeaf> ProofOf(const ShownLeaves& shown, size_t which);

// The leaf that is kept at `index` of the peer's log `origin`; nothing where none is. Rows are in the order of pair
// numbers, and so are an honest peer's logs, by its card, and the events' indices in each: some twenty rows of a
// million are read. A peer that issued out of order may escape being found here, never be found falsely. DATA_LOSS
// (ROW_MALFORMED).
[[nodiscard]] absl::StatusOr<std::optional<tlog::ProvenLeaf>> FindKeptLeaf(const log::Log& log,
                                                                           const directory::Directory& directory,
                                                                           AuthorityId peer, std::string_view origin,
                                                                           LeafIndex index);

// The number of the peer's event that is kept at `index` of its log `origin`, of those up to `last`, which was
// received; whoever asks knows that it is among them. Found as a leaf is, but whether or not there is a card of the
// peer; else, of a peer that issued out of order, by reading all that is kept of it. NOT_FOUND (EVENT_UNKNOWN);
// DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::StatusOr<PairNumber> FindKeptNumber(const store::Reader& store, AuthorityId peer, PairNumber last,
                                                        std::string_view origin, LeafIndex index);

// Proof that the peer's log has forked, where one of the leaves that are shown is proven by a signed checkpoint and
// stands where another one is kept. Nothing where there is none, or it cannot be told.
[[nodiscard]] std::optional<tlog::LeafForkProof> FindLeafFork(const log::Log& log,
                                                              const directory::Directory& directory, AuthorityId peer,
                                                              std::string_view origin, const ShownLeaves& shown);
// The same for one leaf with its own proof.
[[nodiscard]] std::optional<tlog::LeafForkProof> FindLeafFork(const log::Log& log,
                                                              const directory::Directory& directory, AuthorityId peer,
                                                              std::string_view origin, const tlog::ProvenLeaf& shown);

}  // namespace medflyt::exchange
