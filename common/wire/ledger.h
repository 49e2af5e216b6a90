// Ledger records: the entries of a log that are clear and hold no personal data. Plain structs ↔ medflyt.v1.LogEntry.
#pragma once

#include <google/protobuf/arena.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"

namespace medflyt::wire {

using crypto::Hash;

// An event of another authority was received. Its entry is kept beside the log under `leaf_hash`.
struct EventReceived {
  std::string issuer_origin;
  LeafIndex issuer_index;
  Hash leaf_hash;
  std::string refused_rule;  // empty: accepted
  friend bool operator==(const EventReceived&, const EventReceived&) = default;
};

struct IndexRun {
  LeafIndex first;
  uint64_t count = 0;  // at least 1
  friend bool operator==(const IndexRun&, const IndexRun&) = default;
};

// Receipts are held for events of this log.
struct ReceiptsLogged {
  std::string recipient_origin;
  TreeSize recipient_size;     // of the checkpoint that they were proven against
  Hash recipient_root;         // of the same
  std::vector<IndexRun> runs;  // of this log: ascending, neither overlapping nor adjoining, at least one
  Hash receipts_digest;        // SHA-256 of the Receipt message that is kept beside the log
  friend bool operator==(const ReceiptsLogged&, const ReceiptsLogged&) = default;
};

// What an authenticated peer sent and this node did not take: one a peer, rule and minute.
struct RejectionsRecorded {
  AuthorityId peer;
  std::string rule;
  int64_t minute = 0;  // since 1970-01-01T00:00Z
  uint64_t count = 0;
  friend bool operator==(const RejectionsRecorded&, const RejectionsRecorded&) = default;
};

struct KeyGranted {
  AuthorityId recipient;
  KeyId key_id;
  Hash commitment;  // entry::GrantCommitment
  friend bool operator==(const KeyGranted&, const KeyGranted&) = default;
};

struct KeyDestroyed {
  KeyId key_id;
  friend bool operator==(const KeyDestroyed&, const KeyDestroyed&) = default;
};

// The key that signs trees from the one that ends with this record on.
struct LogKeyHandedOver {
  std::string verifier_key;  // tlog::VerifierKey as text, of this log's name
  friend bool operator==(const LogKeyHandedOver&, const LogKeyHandedOver&) = default;
};

// Two officers let this log go on without an answer of the peer.
struct PeerReleased {
  AuthorityId peer;
  Hash first_certificate;  // SHA-256 of the officers' client certificates
  Hash second_certificate;
  friend bool operator==(const PeerReleased&, const PeerReleased&) = default;
};

// Where one pair's numbers go on in a new log.
struct ClosedPair {
  AuthorityId peer;
  PairNumber last_issued;    // to the peer
  PairNumber last_received;  // of the peer's
  friend bool operator==(const ClosedPair&, const ClosedPair&) = default;
};

// The first entry of a log: which one it goes on from, and where.
struct GenerationOpened {
  std::string closed_checkpoint;  // signed note: the highest head of the closed log that is known
  TreeSize kept_size;             // of its entries, from the first on, that its owner still has
  std::vector<ClosedPair> pairs;  // ascending by peer
  Hash first_certificate;         // SHA-256 of the officers' client certificates
  Hash second_certificate;
  friend bool operator==(const GenerationOpened&, const GenerationOpened&) = default;
};

// The next sealed entry says again what this one of the closed log said, which never arrived.
struct EntryReissued {
  std::string closed_origin;
  LeafIndex closed_index;
  friend bool operator==(const EntryReissued&, const EntryReissued&) = default;
};

// Two officers let a peer go on in a new log, or under a key that the one before did not hand its log over to.
struct PeerGenerationAdmitted {
  AuthorityId peer;
  std::string origin;
  std::string verifier_key;  // a new log's first, a known one's newest: tlog::VerifierKey as text
  Hash first_certificate;    // SHA-256 of the officers' client certificates: two
  Hash second_certificate;
  friend bool operator==(const PeerGenerationAdmitted&, const PeerGenerationAdmitted&) = default;
};

// The peers' cards are others than those recorded last.
struct DirectoryChanged {
  Hash digest;                      // over the cards, as log.proto has it
  uint32_t authorities = 0;         // that there is a card of
  std::optional<Hash> certificate;  // SHA-256 of the officer's client certificate; none: at a start or a signal
  friend bool operator==(const DirectoryChanged&, const DirectoryChanged&) = default;
};

struct LedgerRecord {
  absl::Time recorded_at;  // whole microseconds
  std::variant<EventReceived, ReceiptsLogged, RejectionsRecorded, KeyGranted, KeyDestroyed, LogKeyHandedOver,
               PeerReleased, GenerationOpened, PeerGenerationAdmitted, EntryReissued, DirectoryChanged>
      record;
  friend bool operator==(const LedgerRecord&, const LedgerRecord&) = default;
};

// The runs of strictly increasing indices.
[[nodiscard]] std::vector<IndexRun> RunsOf(const std::vector<LeafIndex>& indices);

// To and from the exact bytes of a LogEntry. Not thread-safe: one a thread.
class LedgerCodec {
 public:
  LedgerCodec();
  ~LedgerCodec();
  LedgerCodec(const LedgerCodec&) = delete;
  LedgerCodec& operator=(const LedgerCodec&) = delete;

  // INVALID_ARGUMENT (LEDGER_RECORD_MALFORMED) for a record that Decode would not read.
  [[nodiscard]] absl::StatusOr<std::string> Encode(const LedgerRecord& record);
  // Accepts only the bytes that Encode makes. INVALID_ARGUMENT (LEDGER_RECORD_MALFORMED with the field), or
  // UNIMPLEMENTED (ENTRY_KIND_UNKNOWN) for a record of a kind or with a field that this version does not know.
  [[nodiscard]] absl::StatusOr<LedgerRecord> Decode(std::string_view entry);

 private:
  std::unique_ptr<char[]> block_;  // the arena's first
  google::protobuf::Arena arena_;
  std::string scratch_;
};

}  // namespace medflyt::wire
