#include "server/service/kept_reader.h"

#include <algorithm>
#include <string>
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

}  // namespace

absl::Status KeptReader::Read(const log::Generation& log, LeafIndex first, TreeSize end,
                              v1::ListKeptResponse& response) {
  const TreeSize last(std::min(end.value(), first.value() + kPageEntries));
  uint64_t next = first.value();
  // Ends the visit where enough was seen; not an error.
  const absl::Status enough = absl::CancelledError("");
  const absl::Status visited =
      log_.reader().Visit(log.At(first), log.EndAt(last),
                          [&](log::Position at, std::string_view entry, const KeyId& key_id) -> absl::Status {
                            const LeafIndex index = log.IndexOf(at);
                            next = index.value() + 1;
                            if (!key_id.is_zero()) return absl::OkStatus();
                            MEDFLYT_ASSIGN_OR_RETURN(const wire::LedgerRecord record, codec_.Decode(entry));
                            if (const auto* receipts = std::get_if<wire::ReceiptsLogged>(&record.record)) {
                              MEDFLYT_RETURN_IF_ERROR(Add(log, index, *receipts, response));
                            } else if (const auto* received = std::get_if<wire::EventReceived>(&record.record)) {
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
  const directory::Authority* peer = directory_.OfOrigin(record.recipient_origin);
  if (peer == nullptr) return absl::OkStatus();  // no longer known: what is missing then shows
  MEDFLYT_ASSIGN_OR_RETURN(const PairNumber number, NumberOfEvent(peer->id, log.At(record.runs.front().first)));
  MEDFLYT_ASSIGN_OR_RETURN(const v1::Receipt receipt, exchange::FindReceipt(log_.reader(), peer->id, number));
  v1::Kept& kept = *response.add_kept();
  kept.set_record(index.value());
  kept.set_receipt(receipt.SerializeAsString());
  return absl::OkStatus();
}

absl::Status KeptReader::Add(const log::Generation& log, LeafIndex index, const wire::EventReceived& record,
                             v1::ListKeptResponse& response) {
  const directory::Authority* peer = directory_.OfOrigin(record.issuer_origin);
  if (peer == nullptr) return absl::OkStatus();
  auto at = received_.find(peer->id);
  if (at == received_.end()) {
    // Not by the record: the row of an event that was recorded again names the later one.
    MEDFLYT_ASSIGN_OR_RETURN(
        const PairNumber number,
        exchange::FindKeptNumber(log_, directory_, peer->id, record.issuer_origin, record.issuer_index));
    at = received_.emplace(peer->id, Received{number, {}}).first;
  } else {
    at->second.number = PairNumber(at->second.number.value() + 1);
  }
  Received& received = at->second;
  const auto which = [&received] { return received.number.value() - received.row.first.value(); };
  if (received.row.events.empty() || which() >= received.row.events.size()) {
    MEDFLYT_ASSIGN_OR_RETURN(received.row, exchange::FindKept(log_.reader().store(), peer->id, received.number));
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

absl::StatusOr<PairNumber> KeptReader::NumberOfEvent(AuthorityId peer, log::Position position) const {
  uint64_t low = 1;
  uint64_t high = log_.peer(peer).receipted.value();
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    MEDFLYT_ASSIGN_OR_RETURN(const std::vector<log::Outbound> sent,
                             log_.reader().OutboundFrom(peer, PairNumber(middle), 1));
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
