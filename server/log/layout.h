// The rows of the log in the store, by table. All integers are big-endian; `layout_version` (server/store) pins this.
//
// clang-format off
//   kSegments  's' ‖ u64 first position           per entry: u16 length ‖ entry ‖ key id (16; zero for a ledger record)
//   kTiles     u32 generation ‖ level ‖ u64 index a full tile (tree.h)
//   kOutbox    'p' ‖ u32 peer ‖ u64 first number  per event sent to the peer: u64 position, kCarriesOpening
//   kOutbox    'r' ‖ u32 peer ‖ u64 first number  what came from the peer with these numbers (server/exchange)
//   kOutbox    'c' ‖ u32 peer ‖ u64 first number  the peer's receipt of these events (server/exchange)
//   kIndex     'e' ‖ id of an event received      EventLocation (ids of our own: event_ids.h)
//   kIndex     'h' ‖ leaf hash                    event id of an announcement received
//   kIndex     'g' ‖ key id                       u64 position of its KeyGranted record
//   kIndex     'q' ‖ keyed hash of a request (16) RequestRecord (server/service/request_book.h)
//   kIndex     'k' ‖ keyed hash of a case         whose keys auditors hold (server/privacy/disclosed_keys.h)
//   kIndex     'd' ‖ erasure id                   whose keys auditors held then (the same)
//   kState     domain row key (17)                version ‖ nonce ‖ sealed row (state_rows.h)
//   kMeta      'head'                             Head of the log that is open
//   kMeta      'closed' ‖ u32 generation          Head of a log that was closed (generations.h)
//   kMeta      'peer' ‖ u32 peer                  PeerState
// clang-format on
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "common/event/event.h"

namespace medflyt::log {

using crypto::Hash;

// Where an entry stands in this node's store. The logs that the node has had follow each other there, so that a place
// means the same after a new log was opened (generations.h). As long as the first log is open it is the leaf index.
using Position = NamedType<uint64_t, struct PositionTag>;

// The tree at a commit, with the checkpoint that was signed for it.
struct Head {
  TreeSize size;
  Hash root;
  std::string checkpoint;  // signed note
  friend bool operator==(const Head&, const Head&) = default;
};

// A tree of another log that this node has verified.
struct AcceptedTree {
  TreeSize size;
  Hash root;
  friend bool operator==(const AcceptedTree&, const AcceptedTree&) = default;
};

// How far this node and one peer have come. Batches and receipts of a peer arrive on different streams, each with its
// own chain of consistency proofs, so two trees of the peer's log are kept.
struct PeerState {
  PairNumber issued;        // last number given to an event for the peer
  PairNumber receipted;     // last of those for which every receipt up to it is held
  PairNumber received;      // last number of the peer's that was logged here
  std::string origin;       // the peer's log; empty before the first contact
  AcceptedTree by_batch;    // last accepted with a batch
  AcceptedTree by_receipt;  // last accepted with a receipt
  friend bool operator==(const PeerState&, const PeerState&) = default;
};

// Where an event is found.
struct EventLocation {
  AuthorityId issuer;
  PairNumber number;  // of a received event; zero for one of our own
  Position position;  // of the entry itself, or of the EventReceived record of a received event
  friend bool operator==(const EventLocation&, const EventLocation&) = default;
};

struct IssuedEvent {
  EventId id;
  event::Type type = event::Type::kAgreementProposed;
  CaseId case_id;
  AuthorityId recipient;
  LeafIndex leaf;  // in the log that it was issued in
  Hash leaf_hash;
  friend bool operator==(const IssuedEvent&, const IssuedEvent&) = default;
};

using RequestKey = FixedBytes<16, struct RequestKeyTag>;        // keyed hash of who asked and the request's id
using RequestDigest = FixedBytes<16, struct RequestDigestTag>;  // keyed hash of all that was said in it

// What a client's request led to, kept so that the same request is answered the same way: the events among `entries`
// entries from `first` on. The rest is read from the log itself, so a row is small and outlives no erasure.
struct RequestRecord {
  RequestDigest digest;
  KeyId key_id;  // of the data key that the digest is keyed with; zero: the node's own
  absl::Time recorded_at;
  Position first;
  uint32_t entries = 0;
  friend bool operator==(const RequestRecord&, const RequestRecord&) = default;
};

// Set in a pair row's position where the event travels with an opened announcement, so that delivery need not open
// every event to find that out. A tree never grows that large (merkle::kMaxTreeSize).
inline constexpr uint64_t kCarriesOpening = uint64_t{1} << 63;

struct StoredEntry {
  std::string bytes;
  KeyId key_id;  // zero for a ledger record
};

[[nodiscard]] std::string SegmentKey(Position first);
void AppendSegmentEntry(std::string& segment, std::string_view entry, const KeyId& key_id);
// Entries of a segment's value, in order, as views into it; DATA_LOSS (ROW_MALFORMED) where it does not parse, as for
// every decoder here.
struct SegmentEntry {
  std::string_view bytes;
  KeyId key_id;
};
[[nodiscard]] absl::StatusOr<std::vector<SegmentEntry>> DecodeSegment(std::string_view value);
[[nodiscard]] std::optional<Position> ParseSegmentKey(std::string_view key);

[[nodiscard]] std::string TileRowKey(uint32_t generation, unsigned level, uint64_t index);
[[nodiscard]] std::string PairRowKey(char kind, AuthorityId peer, uint64_t number);
[[nodiscard]] std::string EventKey(const EventId& id);
[[nodiscard]] std::string LeafHashKey(const Hash& leaf_hash);
[[nodiscard]] std::string GrantKey(const KeyId& id);
[[nodiscard]] std::string RequestRowKey(const RequestKey& request);
[[nodiscard]] std::string HeadKey();
[[nodiscard]] std::string ClosedKey(uint32_t generation);
[[nodiscard]] std::string PeerKey(AuthorityId peer);
[[nodiscard]] std::string PeerKeyPrefix();
[[nodiscard]] std::optional<AuthorityId> ParsePeerKey(std::string_view key);

[[nodiscard]] std::string EncodeU64(uint64_t value);
[[nodiscard]] absl::StatusOr<uint64_t> DecodeU64(std::string_view value);
[[nodiscard]] std::string EncodeHead(const Head& head);
[[nodiscard]] absl::StatusOr<Head> DecodeHead(std::string_view value);
[[nodiscard]] std::string EncodePeer(const PeerState& peer);
[[nodiscard]] absl::StatusOr<PeerState> DecodePeer(std::string_view value);
[[nodiscard]] std::string EncodeLocation(const EventLocation& location);
[[nodiscard]] absl::StatusOr<EventLocation> DecodeLocation(std::string_view value);
[[nodiscard]] std::string EncodeRequest(const RequestRecord& record);
[[nodiscard]] absl::StatusOr<RequestRecord> DecodeRequest(std::string_view value);

}  // namespace medflyt::log
