// A log in memory that goes on under another key, and the proof of the handover as its owner makes it.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/tlog/note_key.h"
#include "common/tlog/tlog_proof.h"
#include "common/wire/ledger.h"
#include "tests/support/evidence_log.h"

namespace medflyt::testing {

// Appends the record that names the next key.
inline LeafIndex AppendHandover(EvidenceLog& log, const tlog::VerifierKey& next) {
  wire::LedgerCodec codec;
  return log.Append(*codec.Encode({absl::FromUnixSeconds(1'770'000'000), wire::LogKeyHandedOver{next.Format()}}));
}

// That the entry is in the tree of that size, whose checkpoint the log's key and these others have signed.
inline std::string HandoverProof(const EvidenceLog& log, LeafIndex record, uint64_t size,
                                 const std::vector<tlog::NoteSigner>& others) {
  tlog::TlogProof proof = log.Proof(record, size);
  proof.extra = log.entry(record);
  for (const tlog::NoteSigner& other : others) {
    proof.checkpoint.signatures.push_back(other.Sign(proof.checkpoint.text));
  }
  return proof.Serialize();
}

// The same log, signed with the key of this seed from here on.
inline EvidenceLog ContinuedUnder(const EvidenceLog& log, char seed) {
  EvidenceLog continued(log.origin(), seed);
  for (uint64_t i = 0; i < log.size(); ++i) continued.Append(log.entry(LeafIndex(i)));
  return continued;
}

}  // namespace medflyt::testing
