#include "common/entry/batch.h"

#include <utility>

#include "common/base/status.h"
#include "common/merkle/multi_proof.h"
#include "common/merkle/proof.h"
#include "common/merkle/tree_hasher.h"

namespace medflyt::entry {
namespace {

absl::Status Invalid(std::string_view rule, std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, rule, field, message);
}
absl::Status Malformed(std::string_view field, std::string_view message) {
  return Invalid("BATCH_MALFORMED", field, message);
}

}  // namespace

absl::StatusOr<std::vector<crypto::Hash>> HashesFromProto(const google::protobuf::RepeatedPtrField<std::string>& hashes,
                                                          std::string_view rule, std::string_view field) {
  std::vector<crypto::Hash> out;
  out.reserve(static_cast<size_t>(hashes.size()));
  for (const std::string& bytes : hashes) {
    const auto hash = crypto::Hash::FromBytes(bytes);
    if (!hash) return Invalid(rule, field, "a hash is not 32 bytes long");
    out.push_back(*hash);
  }
  return out;
}

void HashesToProto(std::span<const crypto::Hash> hashes, google::protobuf::RepeatedPtrField<std::string>& out) {
  out.Clear();
  out.Reserve(static_cast<int>(hashes.size()));
  for (const crypto::Hash& hash : hashes) out.Add()->assign(hash.bytes());
}

absl::StatusOr<tlog::OpenedCheckpoint> VerifyHead(std::string_view note, const LogIdentity& log,
                                                  const AcceptedHead& accepted, TreeSize proof_from,
                                                  std::span<const crypto::Hash> consistency_proof) {
  MEDFLYT_ASSIGN_OR_RETURN(tlog::OpenedCheckpoint head, tlog::OpenCheckpoint(note, log.keys));
  const tlog::Checkpoint& checkpoint = head.checkpoint;
  if (checkpoint.origin() != log.origin) {
    return Invalid("ORIGIN_MISMATCH", "checkpoint", "the checkpoint is another log's");
  }
  if (accepted.size.value() != 0 && checkpoint.size() == accepted.size && checkpoint.root() != accepted.root) {
    return RuleError(absl::StatusCode::kDataLoss, "LOG_FORKED", "checkpoint",
                     "the accepted size with another root, both signed by the log");
  }
  if (proof_from != accepted.size) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "CONSISTENCY_BASE_MISMATCH", "consistency_from",
                     "the accepted size is " + std::to_string(accepted.size.value()));
  }
  if (checkpoint.size() < accepted.size) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "CHECKPOINT_BEHIND", "checkpoint",
                     "smaller than the accepted size " + std::to_string(accepted.size.value()));
  }
  if (accepted.size.value() == 0) {
    if (!consistency_proof.empty()) {
      return Invalid("CONSISTENCY_PROOF_INVALID", "consistency_proof", "nothing is to be proven at first contact");
    }
    return head;
  }
  MEDFLYT_RETURN_IF_ERROR(
      merkle::VerifyConsistency(accepted.size, checkpoint.size(), accepted.root, checkpoint.root(), consistency_proof));
  return head;
}

absl::StatusOr<VerifiedBatch> VerifyBatch(const v1::EventBatch& batch, const LogIdentity& issuer,
                                          const AcceptedHead& accepted) {
  const int count = batch.entries_size();
  if (static_cast<size_t>(count) > kMaxBatchEntries || batch.ByteSizeLong() > kMaxBatchBytes) {
    return Invalid("BATCH_TOO_LARGE", "", "more than 256 entries or 1 MiB");
  }
  if (count == 0) return Malformed("entries", "the batch is empty");
  if (batch.indices_size() != count) return Malformed("indices", "not one index for each entry");
  if (batch.key_ids_size() != count) return Malformed("key_ids", "not one key id, or an empty one, for each entry");

  MEDFLYT_ASSIGN_OR_RETURN(const auto consistency_proof,
                           HashesFromProto(batch.consistency_proof(), "BATCH_MALFORMED", "consistency_proof"));
  MEDFLYT_ASSIGN_OR_RETURN(const auto multi_proof,
                           HashesFromProto(batch.multi_proof(), "BATCH_MALFORMED", "multi_proof"));
  MEDFLYT_ASSIGN_OR_RETURN(
      tlog::OpenedCheckpoint head,
      VerifyHead(batch.checkpoint(), issuer, accepted, TreeSize(batch.consistency_from()), consistency_proof));

  VerifiedBatch verified{std::move(head), {}};
  verified.entries.reserve(static_cast<size_t>(count));
  std::vector<LeafIndex> indices;
  std::vector<crypto::Hash> leaf_hashes;
  indices.reserve(static_cast<size_t>(count));
  leaf_hashes.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    const std::string& bytes = batch.entries(i);
    if (bytes.empty() || bytes.size() > kMaxEntry) return Malformed("entries", "an entry is empty or too long");
    std::optional<KeyId> key_id;
    if (!batch.key_ids(i).empty()) {
      key_id = KeyId::FromBytes(batch.key_ids(i));
      if (!key_id) return Malformed("key_ids", "a key id is not 16 bytes long");
    }
    indices.emplace_back(batch.indices(i));
    leaf_hashes.push_back(merkle::LeafHash(bytes));
    verified.entries.push_back({indices.back(), leaf_hashes.back(), bytes, key_id});
  }
  MEDFLYT_ASSIGN_OR_RETURN(
      const crypto::Hash root,
      merkle::RootFromMultiProof(indices, leaf_hashes, verified.head.checkpoint.size(), multi_proof));
  if (root != verified.head.checkpoint.root()) {
    return Invalid("MULTI_PROOF_INVALID", "multi_proof", "the proof does not lead to the checkpoint's root");
  }
  return verified;
}

}  // namespace medflyt::entry
