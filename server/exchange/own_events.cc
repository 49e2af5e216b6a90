#include "server/exchange/own_events.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/status.h"
#include "common/entry/receipt.h"
#include "common/merkle/tree_hasher.h"
#include "common/wire/ledger.h"

namespace medflyt::exchange {

absl::StatusOr<event::AnnouncementRef> IssuedAt(const log::LogReader& reader, const log::Outbound& event) {
  if (!CameBack(event)) {
    const log::Generation& log = reader.generations().Of(event.position);
    return event::AnnouncementRef{log.origin, log.IndexOf(event.position), merkle::LeafHash(event.entry.bytes)};
  }
  wire::LedgerCodec codec;
  MEDFLYT_ASSIGN_OR_RETURN(const wire::LedgerRecord record, codec.Decode(event.entry.bytes));
  const auto* received = std::get_if<wire::EventReceived>(&record.record);
  if (received == nullptr) {
    return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "outbox",
                     "a row names an entry that is no event of ours");
  }
  return event::AnnouncementRef{received->issuer_origin, received->issuer_index, received->leaf_hash};
}

absl::StatusOr<v1::Receipt> MakeReceipt(const log::LogReader& reader, std::span<const log::Position> records,
                                        const log::Head& head, TreeSize from) {
  std::vector<std::string> leaves;
  leaves.reserve(records.size());
  for (size_t i = 0; i < records.size();) {
    // Records of one batch stand close to each other: runs of them are read in one go.
    size_t end = i + 1;
    while (end < records.size() && records[end].value() - records[end - 1].value() < 16) ++end;
    MEDFLYT_RETURN_IF_ERROR(reader.Visit(records[i], log::Position(records[end - 1].value() + 1),
                                         [&](log::Position at, std::string_view entry, const KeyId&) {
                                           if (at == records[leaves.size()]) leaves.emplace_back(entry);
                                           return absl::OkStatus();
                                         }));
    i = end;
  }
  const log::Generation& log = reader.generations().Of(records.front());
  std::vector<LeafIndex> indices;
  for (const log::Position record : records) indices.push_back(log.IndexOf(record));
  merkle::Proof consistency;
  if (from.value() != 0) {
    MEDFLYT_ASSIGN_OR_RETURN(consistency, reader.ConsistencyProof(log, from, head.size));
  }
  MEDFLYT_ASSIGN_OR_RETURN(const merkle::Proof multi_proof, reader.MultiProof(log, indices, head.size));
  return entry::BuildReceipt({head.checkpoint, from, consistency, indices, leaves, multi_proof});
}

}  // namespace medflyt::exchange
