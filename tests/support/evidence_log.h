// A small log in memory that signs checkpoints and makes batches, receipts and tlog-proofs of its entries.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/crypto/signer.h"
#include "common/entry/batch.h"
#include "common/entry/receipt.h"
#include "common/merkle/multi_proof.h"
#include "common/merkle/proof.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/tlog_proof.h"
#include "medflyt/v1/exchange.pb.h"
#include "tests/support/reference_tree.h"

namespace medflyt::testing {

class EvidenceLog {
 public:
  // `seed` tells keys apart: two logs of one origin with two seeds are a log and its forger.
  EvidenceLog(std::string origin, char seed)
      : origin_(std::move(origin)),
        signer_(*crypto::Key::FromBytes(std::string(32, seed))),
        note_signer_(*tlog::NoteSigner::Create(origin_, signer_)),
        keys_{note_signer_.verifier_key()} {}

  LeafIndex Append(std::string entry) {
    tree_.Append(entry);
    entries_.push_back(std::move(entry));
    return LeafIndex(entries_.size() - 1);
  }

  [[nodiscard]] const std::string& origin() const { return origin_; }
  [[nodiscard]] const crypto::Signer& signer() const { return signer_; }
  [[nodiscard]] entry::LogIdentity identity() const { return {origin_, keys_}; }
  [[nodiscard]] uint64_t size() const { return entries_.size(); }
  [[nodiscard]] const std::string& entry(LeafIndex index) const { return entries_[index.value()]; }
  [[nodiscard]] const crypto::Hash& leaf_hash(LeafIndex index) const { return tree_.leaf_hashes()[index.value()]; }

  [[nodiscard]] entry::AcceptedHead Head(uint64_t size) const { return {TreeSize(size), tree_.Root(size)}; }
  [[nodiscard]] std::string Note(uint64_t size) const {
    const auto checkpoint = tlog::Checkpoint::Create(origin_, TreeSize(size), tree_.Root(size));
    return tlog::SignCheckpoint(*checkpoint, note_signer_).Serialize();
  }
  [[nodiscard]] merkle::Proof Consistency(uint64_t from, uint64_t size) const {
    if (from == 0 || from == size) return {};
    return *merkle::BuildConsistencyProof(tree_, TreeSize(from), TreeSize(size));
  }

  // Key ids are left empty.
  [[nodiscard]] v1::EventBatch Batch(const std::vector<LeafIndex>& indices, uint64_t from, uint64_t size) const {
    v1::EventBatch batch;
    batch.set_sequence(1);
    batch.set_checkpoint(Note(size));
    batch.set_consistency_from(from);
    entry::HashesToProto(Consistency(from, size), *batch.mutable_consistency_proof());
    for (LeafIndex index : indices) {
      batch.add_indices(index.value());
      batch.add_entries(entry(index));
      batch.add_key_ids();
    }
    entry::HashesToProto(*merkle::BuildMultiProof(tree_, indices, TreeSize(size)), *batch.mutable_multi_proof());
    return batch;
  }
  [[nodiscard]] v1::Receipt Receipt(const std::vector<LeafIndex>& indices, uint64_t from, uint64_t size) const {
    std::vector<std::string> leaves;
    leaves.reserve(indices.size());
    for (LeafIndex index : indices) leaves.push_back(entry(index));
    const std::string note = Note(size);
    const merkle::Proof consistency = Consistency(from, size);
    const merkle::Proof multi = *merkle::BuildMultiProof(tree_, indices, TreeSize(size));
    return entry::BuildReceipt({note, TreeSize(from), consistency, indices, leaves, multi});
  }
  [[nodiscard]] tlog::TlogProof Proof(LeafIndex index, uint64_t size) const {
    return {"", index, *merkle::BuildInclusionProof(tree_, index, TreeSize(size)),
            *tlog::SignedNote::Parse(Note(size))};
  }

 private:
  std::string origin_;
  crypto::Signer signer_;
  tlog::NoteSigner note_signer_;
  std::vector<tlog::VerifierKey> keys_;
  std::vector<std::string> entries_;
  ReferenceTree tree_;
};

}  // namespace medflyt::testing
