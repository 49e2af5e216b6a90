#include "server/service/kept_reader.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/status.h"
#include "server/exchange/kept_leaf.h"
#include "server/exchange/kept_receipt.h"

namespace medflyt::service {
namespace {

constexpr size_t kPageBytes = size_t{1} << 20;  // a page ends behind it; no row is larger
constexpr uint64_t kPageEntries = 1'000'000;

absl::Status Inconsistent() {
  return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "",
                   "what is kept beside the log contradicts its records");
}

// What the log records was there once.
absl::Status Known(const absl::Status& found) { return absl::IsNotFound(found) ? Inconsistent() : found; }

}  // namespace

KeptReader::KeptReader(const log::LogReader& reader, std::map<AuthorityId, log::PeerState> peers)
    : reader_(reader), peers_(std::move(peers)) {
  for (const auto& [peer, state] : peers_) {
    if (!state.origin.empty()) owners_.emplace(state.origin, peer);
  }
}

absl::Status KeptReader::Read(const log::Generation& log, LeafIndex first, TreeSize end,
                              v1::ListKeptResponse& response) {
  const TreeSize last(std::min(end.value(), first.value() + kPageEntries));
  uint64_t next = first.value();
  // Ends the visit where enough was seen; not an error.
  const absl::Status enough = absl::CancelledError("");
  const absl::Status visited =
      reader_.Visit(log.At(first), log.EndAt(last),
                    [&](log::Position at, std::string_view entry, const KeyId& key_id) -> absl::Status {
                      const LeafIndex index = log.IndexOf(at);
                      next = index.value() + 1;
                      if (!key_id.is_zero()) return absl::OkStatus();
                      const auto record = codec_.Decode(entry);
                      // Damaged, which the tree shows, or of a newer program.
                      if (!record.ok()) return absl::OkStatus();
                      if (const auto* receipts = std::get_if<wire::ReceiptsLogged>(&record->record)) {
                        MEDFLYT_RETURN_IF_ERROR(Add(log, index, *receipts, response));
                      } else if (const auto* received = std::get_if<wire::EventReceived>(&record->record)) {
                        MEDFLYT_RETURN_IF_ERROR(Add(log, index, *received, response));
                      }
                      return response.ByteSizeLong() >= kPageBytes ? enough : absl::OkStatus();
                    });
  if (!visited.ok() && visited != enough) return visited;
  if (next < end.value()) response.set_next_page_token(std::to_string(next));
  return absl::OkStatus();
}

absl::Status KeptReader::Add(const log::Generation& log, LeafIndex index, const wire::ReceiptsLogged& record,
                             v1::ListKeptResponse& response) {
  const log::Position position = log.At(record.runs.front().first);
  MEDFLYT_ASSIGN_OR_RETURN(const auto peer, RecipientOf(record.recipient_origin, position));
  if (!peer) return absl::OkStatus();  // nothing is kept: what is missing then shows
  MEDFLYT_ASSIGN_OR_RETURN(const PairNumber number, NumberOfEvent(*peer, position));
  const auto receipt = exchange::FindReceipt(reader_, *peer, number);
  MEDFLYT_RETURN_IF_ERROR(Known(receipt.status()));
  v1::Kept& kept = *response.add_kept();
  kept.set_record(index.value());
  kept.set_receipt(receipt->SerializeAsString());
  return absl::OkStatus();
}

absl::Status KeptReader::Add(const log::Generation& log, LeafIndex index, const wire::EventReceived& record,
                             v1::ListKeptResponse& response) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto issuer, IssuerOf(record.issuer_origin));
  if (!issuer) return absl::OkStatus();
  auto at = received_.find(*issuer);
  if (at == received_.end()) {
    // Not by the record: the row of an event that was recorded again names the later one.
    const auto number = exchange::FindKeptNumber(reader_.store(), *issuer, StateOf(*issuer).received,
                                                 record.issuer_origin, record.issuer_index);
    MEDFLYT_RETURN_IF_ERROR(Known(number.status()));
    at = received_.emplace(*issuer, Received{*number, {}}).first;
  } else {
    at->second.number = PairNumber(at->second.number.value() + 1);
  }
  Received& received = at->second;
  const auto which = [&received] { return received.number.value() - received.row.first.value(); };
  if (received.row.events.empty() || which() >= received.row.events.size()) {
    auto row = exchange::FindKept(reader_.store(), *issuer, received.number);
    MEDFLYT_RETURN_IF_ERROR(Known(row.status()));
    received.row = *std::move(row);
  }
  // One of a closed log may be recorded again in a later one, under which the row names it.
  const log::Position named = received.row.events[which()].record;
  if (named != log.At(index) && !(log.last && named > log.At(index))) return Inconsistent();
  if (which() != 0) return absl::OkStatus();
  v1::Kept& kept = *response.add_kept();
  kept.set_record(index.value());
  kept.set_received(received.row.batch);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<AuthorityId>> KeptReader::IssuerOf(const std::string& origin) {
  auto found = owners_.find(origin);
  if (found == owners_.end() && !issuers_read_) {
    // A log that was closed since, a peer's or our own.
    issuers_read_ = true;
    MEDFLYT_ASSIGN_OR_RETURN(const std::vector<AuthorityId> issuers, exchange::KeptIssuers(reader_.store()));
    for (const AuthorityId& issuer : issuers) {
      const auto logs = exchange::KeptLogs(reader_.store(), issuer, StateOf(issuer).received);
      MEDFLYT_RETURN_IF_ERROR(Known(logs.status()));
      for (const std::string& each : *logs) owners_.emplace(each, issuer);
    }
    found = owners_.find(origin);
  }
  return found == owners_.end() ? std::nullopt : std::optional(found->second);
}

absl::StatusOr<std::optional<AuthorityId>> KeptReader::RecipientOf(const std::string& origin, log::Position position) {
  if (const auto found = owners_.find(origin); found != owners_.end()) return std::optional(found->second);
  // A log that the peer has closed since: an event is issued to one peer alone.
  for (const auto& [peer, state] : peers_) {
    if (state.receipted.value() == 0) continue;
    MEDFLYT_ASSIGN_OR_RETURN(const PairNumber number, NumberOfEvent(peer, position));
    MEDFLYT_ASSIGN_OR_RETURN(const auto sent, reader_.OutboundFrom(peer, number, 1));
    if (sent.empty() || sent.front().position != position) continue;
    owners_.emplace(origin, peer);
    return std::optional(peer);
  }
  return std::optional<AuthorityId>();
}

log::PeerState KeptReader::StateOf(AuthorityId peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? log::PeerState() : found->second;
}

absl::StatusOr<PairNumber> KeptReader::NumberOfEvent(AuthorityId peer, log::Position position) const {
  uint64_t low = 1;
  uint64_t high = StateOf(peer).receipted.value();
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    MEDFLYT_ASSIGN_OR_RETURN(const std::vector<log::Outbound> sent, reader_.OutboundFrom(peer, PairNumber(middle), 1));
    if (sent.empty()) return Inconsistent();
    if (sent.front().position < position) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return PairNumber(low);
}

}  // namespace medflyt::service
