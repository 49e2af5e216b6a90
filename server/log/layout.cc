#include "server/log/layout.h"

#include <limits>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace medflyt::log {
namespace {

constexpr uint8_t kVersion = 1;

absl::Status Malformed(std::string_view row) {
  return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", row, "a stored row does not parse");
}

std::string Prefixed(char prefix, std::string_view rest) { return std::string(1, prefix).append(rest); }

void AppendTree(std::string& out, const AcceptedTree& tree) {
  AppendU64(out, tree.size.value());
  out.append(tree.root.bytes());
}

// Reads what the encoders below write; after a failed read everything that follows is zero and ok() is false.
class RowReader {
 public:
  explicit RowReader(std::string_view value) : reader_(value) { ok_ = U8() == kVersion && ok_; }

  uint8_t U8() { return Keep(reader_.U8()); }
  uint32_t U32() { return Keep(reader_.U32()); }
  uint64_t U64() { return Keep(reader_.U64()); }
  std::string_view Take(size_t count) { return Keep(reader_.Take(count)); }
  template <typename Id>
  Id Fixed() {
    const auto bytes = reader_.Take(Id::kSize);
    if (!bytes) ok_ = false;
    return bytes ? *Id::FromBytes(*bytes) : Id();
  }
  AuthorityId Authority() {
    const auto id = AuthorityId::FromNumber(U32());
    if (!id) ok_ = false;
    return id.value_or(AuthorityId());
  }
  AcceptedTree Tree() {
    const TreeSize size(U64());
    return {size, Fixed<Hash>()};
  }
  std::string_view rest() const { return reader_.rest(); }
  // Everything was there and nothing is left.
  bool done() const { return ok_ && reader_.empty(); }
  bool ok() const { return ok_; }

 private:
  template <typename T>
  T Keep(std::optional<T> value) {
    if (!value) ok_ = false;
    return value.value_or(T());
  }

  ByteReader reader_;
  bool ok_ = true;
};

std::string Versioned() { return std::string(1, static_cast<char>(kVersion)); }

}  // namespace

std::string SegmentKey(Position first) { return Prefixed('s', EncodeU64(first.value())); }

std::optional<Position> ParseSegmentKey(std::string_view key) {
  if (key.size() != 9 || key[0] != 's') return std::nullopt;
  return Position(*ByteReader(key.substr(1)).U64());
}

void AppendSegmentEntry(std::string& segment, std::string_view entry, const KeyId& key_id) {
  AppendU16(segment, static_cast<uint16_t>(entry.size()));
  segment.append(entry).append(key_id.bytes());
}

absl::StatusOr<std::vector<SegmentEntry>> DecodeSegment(std::string_view value) {
  std::vector<SegmentEntry> entries;
  ByteReader reader(value);
  while (!reader.empty()) {
    const auto length = reader.U16();
    const auto entry = length ? reader.Take(*length) : std::nullopt;
    const auto key_id = entry ? reader.Take(KeyId::kSize) : std::nullopt;
    if (!key_id) return Malformed("segment");
    entries.push_back({*entry, *KeyId::FromBytes(*key_id)});
  }
  return entries;
}

std::string TileRowKey(uint32_t generation, unsigned level, uint64_t index) {
  std::string key;
  AppendU32(key, generation);
  key += static_cast<char>(level);
  AppendU64(key, index);
  return key;
}

std::string PairRowKey(char kind, AuthorityId peer, uint64_t number) {
  std::string key(1, kind);
  AppendU32(key, peer.number());
  AppendU64(key, number);
  return key;
}

std::string EventKey(const EventId& id) { return Prefixed('e', id.bytes()); }
std::string LeafHashKey(const Hash& leaf_hash) { return Prefixed('h', leaf_hash.bytes()); }
std::string GrantKey(const KeyId& id) { return Prefixed('g', id.bytes()); }
std::string RequestRowKey(const RequestKey& request) { return Prefixed('q', request.bytes()); }
std::string HeadKey() { return "head"; }

std::string ClosedKey(uint32_t generation) {
  std::string key = "closed";
  AppendU32(key, generation);
  return key;
}

std::string PeerKeyPrefix() { return "peer"; }

std::string PeerKey(AuthorityId peer) {
  std::string key = PeerKeyPrefix();
  AppendU32(key, peer.number());
  return key;
}

std::optional<AuthorityId> ParsePeerKey(std::string_view key) {
  ByteReader reader(key);
  const auto prefix = reader.Take(PeerKeyPrefix().size());
  const auto number = reader.U32();
  if (!prefix || *prefix != PeerKeyPrefix() || !number || !reader.empty()) return std::nullopt;
  return AuthorityId::FromNumber(*number);
}

std::string EncodeU64(uint64_t value) {
  std::string out;
  AppendU64(out, value);
  return out;
}

absl::StatusOr<uint64_t> DecodeU64(std::string_view value) {
  ByteReader reader(value);
  const auto number = reader.U64();
  if (!number || !reader.empty()) return Malformed("u64");
  return *number;
}

std::string EncodeHead(const Head& head) {
  std::string out = Versioned();
  AppendTree(out, {head.size, head.root});
  return out.append(head.checkpoint);
}

absl::StatusOr<Head> DecodeHead(std::string_view value) {
  RowReader reader(value);
  const AcceptedTree tree = reader.Tree();
  if (!reader.ok() || reader.rest().empty()) return Malformed("head");
  return Head{tree.size, tree.root, std::string(reader.rest())};
}

std::string EncodePeer(const PeerState& peer) {
  std::string out = Versioned();
  AppendU64(out, peer.issued.value());
  AppendU64(out, peer.receipted.value());
  AppendU64(out, peer.received.value());
  AppendTree(out, peer.by_batch);
  AppendTree(out, peer.by_receipt);
  return out.append(peer.origin);
}

absl::StatusOr<PeerState> DecodePeer(std::string_view value) {
  RowReader reader(value);
  PeerState peer;
  peer.issued = PairNumber(reader.U64());
  peer.receipted = PairNumber(reader.U64());
  peer.received = PairNumber(reader.U64());
  peer.by_batch = reader.Tree();
  peer.by_receipt = reader.Tree();
  if (!reader.ok()) return Malformed("peer");
  peer.origin = std::string(reader.rest());
  return peer;
}

std::string EncodeLocation(const EventLocation& location) {
  std::string out = Versioned();
  AppendU32(out, location.issuer.number());
  AppendU64(out, location.number.value());
  AppendU64(out, location.position.value());
  return out;
}

absl::StatusOr<EventLocation> DecodeLocation(std::string_view value) {
  RowReader reader(value);
  EventLocation location;
  location.issuer = reader.Authority();
  location.number = PairNumber(reader.U64());
  location.position = Position(reader.U64());
  if (!reader.done()) return Malformed("event");
  return location;
}

std::string EncodeRequest(const RequestRecord& record) {
  std::string out = Versioned();
  out.append(record.digest.bytes()).append(record.key_id.bytes());
  AppendU64(out, static_cast<uint64_t>(absl::ToUnixMicros(record.recorded_at)));
  AppendU64(out, record.first.value());
  AppendU32(out, record.entries);
  return out;
}

absl::StatusOr<RequestRecord> DecodeRequest(std::string_view value) {
  RowReader reader(value);
  RequestRecord record;
  record.digest = reader.Fixed<RequestDigest>();
  record.key_id = reader.Fixed<KeyId>();
  record.recorded_at = absl::FromUnixMicros(static_cast<int64_t>(reader.U64()));
  record.first = Position(reader.U64());
  record.entries = reader.U32();
  if (!reader.done()) return Malformed("request");
  return record;
}

}  // namespace medflyt::log
