#include "server/exchange/record_again.h"

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/id.h"
#include "common/base/status.h"
#include "common/entry/seal.h"
#include "common/event/bodies.h"
#include "common/wire/ledger.h"
#include "server/exchange/kept.h"

namespace medflyt::exchange {
namespace {

struct RecordedEvent {
  EventId id;
  event::AnnouncementRef stands_at;
  std::string refused;
};
struct RecordedRow {
  PairNumber first;
  std::string kept;  // without its records
  std::vector<RecordedEvent> events;
};

absl::StatusOr<RecordedRow> ReadRecorded(const log::LogReader& reader, const KeptRow& kept, wire::LedgerCodec& codec) {
  MEDFLYT_ASSIGN_OR_RETURN(const v1::EventBatch batch, kept.ParseBatch());
  RecordedRow row{kept.first, {}, {}};
  std::vector<uint32_t> positions;
  for (const KeptEvent& event : kept.events) {
    positions.push_back(event.position);
    MEDFLYT_ASSIGN_OR_RETURN(const log::StoredEntry stored, reader.Entry(event.record));
    MEDFLYT_ASSIGN_OR_RETURN(wire::LedgerRecord record, codec.Decode(stored.bytes));
    auto* received = std::get_if<wire::EventReceived>(&record.record);
    if (received == nullptr) {
      return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "received",
                       "a stored row does not fit its neighbours");
    }
    const auto sealed = entry::ParseSealed(batch.entries(static_cast<int>(event.position)));
    const EventId id =
        sealed.ok() ? sealed->event_id : *EventId::FromBytes(received->leaf_hash.bytes().substr(0, EventId::kSize));
    row.events.push_back({id,
                          {received->issuer_origin, received->issuer_index, received->leaf_hash},
                          std::move(received->refused_rule)});
  }
  row.kept = StartKept(positions, batch);
  return row;
}

}  // namespace

absl::Status RecordAgain(const log::LogReader& reader, AuthorityId peer, PairNumber from, log::Appender& appender) {
  wire::LedgerCodec codec;
  std::vector<RecordedRow> rows;
  MEDFLYT_RETURN_IF_ERROR(VisitKept(reader.store(), peer, from, [&](const KeptRow& kept) -> absl::Status {
    MEDFLYT_ASSIGN_OR_RETURN(RecordedRow row, ReadRecorded(reader, kept, codec));
    rows.push_back(std::move(row));
    return absl::OkStatus();
  }));
  for (RecordedRow& row : rows) {
    for (size_t i = 0; i < row.events.size(); ++i) {
      const RecordedEvent& event = row.events[i];
      SetRecord(row.kept, i,
                appender.AppendUndecodable(peer, PairNumber(row.first.value() + i), event.id, event.stands_at,
                                           event.refused));
    }
    appender.batch().Put(store::Table::kOutbox, log::PairRowKey('r', peer, row.first.value()), row.kept);
  }
  return absl::OkStatus();
}

}  // namespace medflyt::exchange
