// Checking a batch of events: that its entries are in the issuer's log, and that this log is still the one that was
// seen before. What the entries say is not looked at here.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/entry/seal.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/note_key.h"
#include "medflyt/v1/exchange.pb.h"

namespace medflyt::entry {

inline constexpr size_t kMaxBatchEntries = 256;
inline constexpr size_t kMaxBatchBytes = size_t{1} << 20;  // of the whole message

// A head of another's log that was accepted, that is verified and kept. Size 0: nothing was accepted yet.
struct AcceptedHead {
  TreeSize size;
  crypto::Hash root;
  friend bool operator==(const AcceptedHead&, const AcceptedHead&) = default;
};

// Whose log it is and by which keys its checkpoints are good.
struct LogIdentity {
  std::string_view origin;
  std::span<const tlog::VerifierKey> keys;
};

// Checks that `note` is this log's checkpoint and an extension of what was accepted. The errors of
// tlog::OpenCheckpoint, and
//   INVALID_ARGUMENT     ORIGIN_MISMATCH            another log's
//   FAILED_PRECONDITION  CONSISTENCY_BASE_MISMATCH  the proof begins at another size than the accepted one: send again
//   FAILED_PRECONDITION  CHECKPOINT_BEHIND          smaller than the accepted head: old, or rolled back
//   DATA_LOSS            LOG_FORKED                 the accepted size with another root: evidence, keep both notes
//   INVALID_ARGUMENT     CONSISTENCY_PROOF_INVALID
[[nodiscard]] absl::StatusOr<tlog::OpenedCheckpoint> VerifyHead(std::string_view note, const LogIdentity& log,
                                                                const AcceptedHead& accepted, TreeSize proof_from,
                                                                std::span<const crypto::Hash> consistency_proof);

struct VerifiedEntry {
  LeafIndex index;
  crypto::Hash leaf_hash;
  std::string_view bytes;       // points into the message
  std::optional<KeyId> key_id;  // as the issuer names it; nothing for a ledger record
};
struct VerifiedBatch {
  tlog::OpenedCheckpoint head;  // to be kept as the accepted one
  std::vector<VerifiedEntry> entries;
};

// The errors of VerifyHead, and INVALID_ARGUMENT: BATCH_TOO_LARGE, BATCH_MALFORMED (with the field),
// MULTI_PROOF_INVALID where entries, indices and proof do not lead to the checkpoint's root.
[[nodiscard]] absl::StatusOr<VerifiedBatch> VerifyBatch(const v1::EventBatch& batch, const LogIdentity& issuer,
                                                        const AcceptedHead& accepted);

// Hashes as they stand in messages. INVALID_ARGUMENT (`rule`, `field`) for one of another size than 32 bytes.
[[nodiscard]] absl::StatusOr<std::vector<crypto::Hash>> HashesFromProto(
    const google::protobuf::RepeatedPtrField<std::string>& hashes, std::string_view rule, std::string_view field);
void HashesToProto(std::span<const crypto::Hash> hashes, google::protobuf::RepeatedPtrField<std::string>& out);

}  // namespace medflyt::entry
