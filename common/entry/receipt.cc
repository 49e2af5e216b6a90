#include "common/entry/receipt.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/base/status.h"
#include "common/merkle/multi_proof.h"
#include "common/merkle/tree_hasher.h"

namespace medflyt::entry {
namespace {

absl::Status Invalid(std::string_view rule, std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, rule, field, message);
}
absl::Status Malformed(std::string_view field, std::string_view message) {
  return Invalid("RECEIPT_MALFORMED", field, message);
}

}  // namespace

v1::Receipt BuildReceipt(const ReceiptParts& parts) {
  v1::Receipt receipt;
  receipt.mutable_checkpoint()->assign(parts.checkpoint);
  receipt.set_consistency_from(parts.consistency_from.value());
  HashesToProto(parts.consistency_proof, *receipt.mutable_consistency_proof());
  for (LeafIndex index : parts.indices) receipt.add_leaf_indices(index.value());
  for (const std::string& leaf : parts.leaves) receipt.add_leaves(leaf);
  HashesToProto(parts.multi_proof, *receipt.mutable_multi_proof());
  return receipt;
}

absl::StatusOr<VerifiedReceipt> VerifyReceipt(const v1::Receipt& receipt, const LogIdentity& recipient,
                                              const AcceptedHead& accepted, std::string_view own_origin,
                                              absl::FunctionRef<std::optional<crypto::Hash>(LeafIndex)> sent,
                                              wire::LedgerCodec& ledger) {
  const int count = receipt.leaves_size();
  if (count == 0) return Malformed("leaves", "the receipt is empty");
  if (static_cast<size_t>(count) > kMaxBatchEntries || receipt.ByteSizeLong() > kMaxBatchBytes) {
    return Malformed("leaves", "more than 256 leaves or 1 MiB");
  }
  if (receipt.leaf_indices_size() != count) return Malformed("leaf_indices", "not one index for each leaf");

  MEDFLYT_ASSIGN_OR_RETURN(const auto consistency_proof,
                           HashesFromProto(receipt.consistency_proof(), "RECEIPT_MALFORMED", "consistency_proof"));
  MEDFLYT_ASSIGN_OR_RETURN(const auto multi_proof,
                           HashesFromProto(receipt.multi_proof(), "RECEIPT_MALFORMED", "multi_proof"));
  MEDFLYT_ASSIGN_OR_RETURN(
      tlog::OpenedCheckpoint head,
      VerifyHead(receipt.checkpoint(), recipient, accepted, TreeSize(receipt.consistency_from()), consistency_proof));

  std::vector<LeafIndex> indices;
  std::vector<crypto::Hash> leaf_hashes;
  indices.reserve(static_cast<size_t>(count));
  leaf_hashes.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    indices.emplace_back(receipt.leaf_indices(i));
    leaf_hashes.push_back(merkle::LeafHash(receipt.leaves(i)));
  }
  MEDFLYT_ASSIGN_OR_RETURN(const crypto::Hash root,
                           merkle::RootFromMultiProof(indices, leaf_hashes, head.checkpoint.size(), multi_proof));
  if (root != head.checkpoint.root()) {
    return Invalid("MULTI_PROOF_INVALID", "multi_proof", "the proof does not lead to the checkpoint's root");
  }

  VerifiedReceipt verified{std::move(head), {}, {}};
  std::vector<LeafIndex> named;
  for (int i = 0; i < count; ++i) {
    auto record = ledger.Decode(receipt.leaves(i));
    if (!record.ok()) return Malformed("leaves", "a leaf is no ledger record");
    auto* received = std::get_if<wire::EventReceived>(&record->record);
    if (received == nullptr) return Malformed("leaves", "a leaf does not state that an event was received");
    if (received->issuer_origin != own_origin) return Malformed("leaves", "a leaf is about another log's event");
    const auto leaf_hash = sent(received->issuer_index);
    if (!leaf_hash) return Invalid("RECEIPT_UNEXPECTED", "leaves", "a leaf is about an event that was not sent");
    if (*leaf_hash != received->leaf_hash) {
      return Invalid("RECEIPT_LEAF_MISMATCH", "leaves", "a leaf names another leaf hash than that of the entry sent");
    }
    named.push_back(received->issuer_index);
    verified.recorded_at.push_back(record->recorded_at);
    verified.events.push_back(
        {received->issuer_index, indices[static_cast<size_t>(i)], std::move(received->refused_rule)});
  }
  std::sort(named.begin(), named.end());
  if (std::adjacent_find(named.begin(), named.end()) != named.end()) {
    return Malformed("leaves", "two leaves are about one event");
  }
  return verified;
}

}  // namespace medflyt::entry
