// What a verification leads to.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/audit/finding.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/tlog/checkpoint.h"

namespace medflyt::audit {

// What the ledger records say; each is counted once, right or wrong.
struct LedgerCounts {
  uint64_t received = 0;   // events of peers
  uint64_t refused = 0;    // of these, without effect
  uint64_t receipts = 0;   // records of receipts
  uint64_t receipted = 0;  // events of this log that they are for
  uint64_t rejections = 0;
  uint64_t grants = 0;
  uint64_t keys_destroyed = 0;
  uint64_t handovers = 0;             // of the log's key
  uint64_t peers_released = 0;        // whose answer was not waited for after a restore
  uint64_t generations_admitted = 0;  // of peers' logs
  uint64_t directory_changes = 0;     // of the peers' cards
  uint64_t came_back = 0;  // of `received`: this owner's own events of the log before, that their recipients had
  uint64_t reissued = 0;   // events that say again what never arrived from the log before
  // Held against what is kept beside the log, where that is there.
  uint64_t receipts_proven = 0;
  uint64_t receipts_refusing = 0;  // events of this log that the proven receipts state to be refused
  uint64_t received_proven = 0;
  uint64_t without_peer_key = 0;  // no believed key of that peer's log, so nothing could be proven
  uint64_t batch_outside = 0;     // received events whose batch may have come before the part that is there
  // Not held against it, because it was not exported: nothing is known of these but what the records say.
  uint64_t receipts_not_checked = 0;
  uint64_t received_not_checked = 0;

  friend bool operator==(const LedgerCounts&, const LedgerCounts&) = default;
};

// Sealed entries, of this log and received, where keys were given.
struct OpenedCounts {
  uint64_t opened = 0;
  uint64_t without_key = 0;  // not opened: no key of theirs came with the bundle
  uint64_t erased = 0;       // not opened: their key is destroyed
  uint64_t newer = 0;        // opened, but of a kind that this version does not know
  uint64_t failed = 0;       // see the findings

  friend bool operator==(const OpenedCounts&, const OpenedCounts&) = default;
};

struct Cosigned {
  std::string witness;
  absl::Time at;
};

struct Report {
  std::string origin;                      // empty where there is no valid checkpoint
  std::string goes_on_from;                // origin of the closed log of the same owner; empty for a first log
  std::optional<tlog::Checkpoint> closed;  // where that one is said to have ended
  TreeSize size;
  crypto::Hash root;                // as signed
  uint64_t sealed = 0;              // entries that are ciphertext
  uint64_t ledger = 0;              // entries that are ledger records
  uint64_t not_understood = 0;      // entries of a kind that this version does not know, in a log of ours
  uint64_t unreadable = 0;          // entries in no form of ours; they are part of the tree all the same
  uint64_t outside = 0;             // entries of which only the leaf hash is there, because a part was verified
  uint64_t tiles = 0;               // tiles compared
  uint64_t kept_checked = 0;        // checkpoints seen before that the log continues, or does not
  TreeSize seen_since;              // the longest checkpoint seen, where this head was seen before it; else 0
  std::vector<Cosigned> cosigned;   // by the policy's witnesses, as far as it holds
  uint64_t unknown_signatures = 0;  // of the checkpoint, by keys that nobody named
  bool quorum_met = false;          // there is a policy, and it is satisfied
  LedgerCounts records;
  OpenedCounts events;
  Findings findings;  // empty: the log is what was signed

  [[nodiscard]] bool verified() const { return findings.empty(); }
  // Too few witnesses have cosigned, and nothing else is wrong: no evidence against anybody, for they may do so yet.
  [[nodiscard]] bool only_quorum_missing() const {
    return !findings.empty() && std::all_of(findings.begin(), findings.end(), [](const Finding& finding) {
      return finding.code == FindingCode::kQuorumNotMet;
    });
  }
};

}  // namespace medflyt::audit
