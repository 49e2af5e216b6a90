#include "server/service/kept_reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "server/exchange/kept.h"
#include "server/log/layout.h"

namespace medflyt::service {
namespace {

constexpr size_t kPageBytes = size_t{1} << 20;  // a page ends behind it; no row is larger
constexpr char kReceipts = 'c';
constexpr char kReceived = 'r';

// A row of one peer; the rows of the kinds stand in this order, each in the order of peers.
struct Place {
  char kind = kReceipts;
  AuthorityId peer;
  uint64_t next = 0;  // 0: the peer's first
};

std::string FormatToken(const Place& place) {
  std::string bytes(1, place.kind);
  AppendU32(bytes, place.peer.number());
  AppendU64(bytes, place.next);
  return HexEncode(bytes);
}

absl::StatusOr<Place> ParseToken(std::string_view token) {
  const absl::Status invalid =
      RuleError(absl::StatusCode::kInvalidArgument, "PAGE_TOKEN_INVALID", "page_token", "is not a token of this list");
  if (token.empty()) return Place{};
  const auto bytes = HexDecode(token);
  if (!bytes.ok()) return invalid;
  ByteReader reader(*bytes);
  const auto kind = reader.U8();
  const auto peer = reader.U32();
  const auto next = reader.U64();
  const auto id = peer ? AuthorityId::FromNumber(*peer) : std::nullopt;
  if (!next || !reader.empty() || !id || (*kind != kReceipts && *kind != kReceived)) return invalid;
  return Place{static_cast<char>(*kind), *id, *next};
}

bool IsFull(const v1::ListKeptResponse& response) { return response.ByteSizeLong() >= kPageBytes; }

}  // namespace

absl::Status KeptReader::Read(LeafIndex first, TreeSize end, std::string_view token,
                              v1::ListKeptResponse& response) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Place from, ParseToken(token));
  const directory::Directory directory = directory_();
  for (const char kind : {kReceipts, kReceived}) {
    if (from.kind == kReceived && kind == kReceipts) continue;
    for (const directory::Authority& authority : directory.authorities()) {
      if (kind == from.kind && authority.id < from.peer) continue;
      uint64_t next = kind == from.kind && authority.id == from.peer ? from.next : 0;
      MEDFLYT_ASSIGN_OR_RETURN(const bool full, kind == kReceipts
                                                    ? AddReceipts(authority.id, first, end, next, response)
                                                    : AddReceived(authority.id, first, end, next, response));
      if (full) {
        response.set_next_page_token(FormatToken({kind, authority.id, next}));
        return absl::OkStatus();
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> KeptReader::AddReceipts(AuthorityId peer, LeafIndex first, TreeSize end, uint64_t& next,
                                             v1::ListKeptResponse& response) const {
  const uint64_t from = std::max(next, first.value());
  if (from >= end.value()) return false;
  absl::Status status;
  MEDFLYT_RETURN_IF_ERROR(log_.reader().store().Scan(
      store::Table::kOutbox,
      store::KeyRange::Between(log::PairRowKey(kReceipts, peer, from), log::PairRowKey(kReceipts, peer, end.value())),
      store::Order::kAscending, [&](std::string_view key, std::string_view value) {
        const auto record = log::DecodeU64(key.substr(key.size() - sizeof(uint64_t)));
        status = record.status();
        if (!status.ok()) return store::Step::kStop;
        v1::Kept& kept = *response.add_kept();
        kept.set_record(*record);
        kept.set_receipt(std::string(value));
        next = *record + 1;
        return IsFull(response) ? store::Step::kStop : store::Step::kContinue;
      }));
  MEDFLYT_RETURN_IF_ERROR(status);
  return IsFull(response);
}

absl::StatusOr<bool> KeptReader::AddReceived(AuthorityId peer, LeafIndex first, TreeSize end, uint64_t& next,
                                             v1::ListKeptResponse& response) const {
  if (log_.peer(peer).received.value() == 0) return false;
  PairNumber from(next);
  if (next == 0) {
    MEDFLYT_ASSIGN_OR_RETURN(from, NumberAt(peer, first));
  }
  // Ends the visit where enough was seen; not an error.
  const absl::Status enough = absl::CancelledError("");
  const absl::Status visited =
      exchange::VisitKept(log_.reader().store(), peer, from, [&](const exchange::KeptRow& row) {
        const LeafIndex record = row.events.front().record;
        if (record.value() >= end.value()) return enough;
        next = row.first.value() + row.events.size();
        if (record < first) return absl::OkStatus();
        v1::Kept& kept = *response.add_kept();
        kept.set_record(record.value());
        kept.set_received(row.batch);
        return IsFull(response) ? enough : absl::OkStatus();
      });
  if (!visited.ok() && visited != enough) return visited;
  return IsFull(response);
}

absl::StatusOr<PairNumber> KeptReader::NumberAt(AuthorityId peer, LeafIndex first) const {
  uint64_t low = 1;
  uint64_t high = log_.peer(peer).received.value() + 1;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    MEDFLYT_ASSIGN_OR_RETURN(const exchange::KeptRow row,
                             exchange::FindKept(log_.reader().store(), peer, PairNumber(middle)));
    if (row.events[middle - row.first.value()].record < first) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return PairNumber(low);
}

}  // namespace medflyt::service
