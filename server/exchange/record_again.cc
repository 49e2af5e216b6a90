#include "server/exchange/record_again.h"

#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/entry/batch.h"
#include "common/entry/seal.h"
#include "common/wire/ledger.h"
#include "server/exchange/kept.h"

namespace medflyt::exchange {
namespace {

using store::KeyRange;
using store::Table;

constexpr std::string_view kPrefix = "recording-again";

absl::Status Malformed() {
  return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "received",
                   "a stored row does not fit its neighbours");
}

std::string KeyOf(AuthorityId peer) {
  std::string key(kPrefix);
  AppendU32(key, peer.number());
  return key;
}

absl::StatusOr<Repetition> Decode(std::string_view value) {
  ByteReader reader(value);
  const auto first = reader.U64();
  const auto next = reader.U64();
  if (!first || !next || !reader.empty() || *first == 0 || *first > *next) return Malformed();
  return Repetition{PairNumber(*first), PairNumber(*next)};
}

absl::StatusOr<RecordedPart::Row> ReadRow(const log::LogReader& reader, const KeptRow& kept, wire::LedgerCodec& codec) {
  const log::Position open = reader.generations().open().begin;
  MEDFLYT_ASSIGN_OR_RETURN(const v1::EventBatch batch, kept.ParseBatch());
  RecordedPart::Row row{kept.first, {}, {}};
  std::vector<uint32_t> positions;
  for (const KeptEvent& event : kept.events) {
    if (event.record >= open) return Malformed();
    positions.push_back(event.position);
    MEDFLYT_ASSIGN_OR_RETURN(const log::StoredEntry stored, reader.Entry(event.record));
    MEDFLYT_ASSIGN_OR_RETURN(wire::LedgerRecord record, codec.Decode(stored.bytes));
    auto* received = std::get_if<wire::EventReceived>(&record.record);
    if (received == nullptr) return Malformed();
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

absl::StatusOr<std::optional<Repetition>> FindRepetition(const store::Reader& store, AuthorityId peer) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, store.Get(Table::kMeta, KeyOf(peer)));
  if (!row) return std::optional<Repetition>();
  MEDFLYT_ASSIGN_OR_RETURN(const Repetition unfinished, Decode(*row));
  return std::optional<Repetition>(unfinished);
}

absl::StatusOr<std::map<AuthorityId, Repetition>> ReadRepetitions(const store::Reader& store) {
  std::map<AuthorityId, Repetition> unfinished;
  absl::Status status;
  MEDFLYT_RETURN_IF_ERROR(store.Scan(Table::kMeta, KeyRange::Prefix(kPrefix), store::Order::kAscending,
                                     [&](std::string_view key, std::string_view value) {
                                       const auto number = ByteReader(key.substr(kPrefix.size())).U32();
                                       const auto peer = number ? AuthorityId::FromNumber(*number) : std::nullopt;
                                       const auto row = Decode(value);
                                       if (!peer || !row.ok()) {
                                         status = Malformed();
                                         return store::Step::kStop;
                                       }
                                       unfinished.emplace(*peer, *row);
                                       return store::Step::kContinue;
                                     }));
  MEDFLYT_RETURN_IF_ERROR(status);
  return unfinished;
}

void StageRepetition(AuthorityId peer, const Repetition& unfinished, store::Batch& batch) {
  std::string value;
  AppendU64(value, unfinished.first.value());
  AppendU64(value, unfinished.next.value());
  batch.Put(Table::kMeta, KeyOf(peer), value);
}

void StageRepetitionEnd(AuthorityId peer, store::Batch& batch) { batch.Delete(Table::kMeta, KeyOf(peer)); }

absl::StatusOr<RecordedPart> ReadRecorded(const log::LogReader& reader, AuthorityId peer, PairNumber from) {
  wire::LedgerCodec codec;
  RecordedPart part;
  size_t bytes = 0;
  const absl::Status enough = absl::CancelledError();
  const absl::Status visited = VisitKept(reader.store(), peer, from, [&](const KeptRow& kept) -> absl::Status {
    if (!part.rows.empty() &&
        (part.events + kept.events.size() > entry::kMaxBatchEntries || bytes >= entry::kMaxBatchBytes)) {
      return enough;
    }
    MEDFLYT_ASSIGN_OR_RETURN(RecordedPart::Row row, ReadRow(reader, kept, codec));
    part.events += row.events.size();
    bytes += row.kept.size();
    part.next = PairNumber(row.first.value() + row.events.size());
    part.rows.push_back(std::move(row));
    return absl::OkStatus();
  });
  if (visited != enough) MEDFLYT_RETURN_IF_ERROR(visited);
  if (part.rows.empty()) return Malformed();
  return part;
}

void RecordAgain(AuthorityId peer, RecordedPart part, log::Appender& appender) {
  for (RecordedPart::Row& row : part.rows) {
    for (size_t i = 0; i < row.events.size(); ++i) {
      const RecordedPart::Event& event = row.events[i];
      SetRecord(row.kept, i,
                appender.AppendUndecodable(peer, PairNumber(row.first.value() + i), event.id, event.stands_at,
                                           event.refused));
    }
    appender.batch().Put(Table::kOutbox, log::PairRowKey('r', peer, row.first.value()), row.kept);
  }
}

absl::Status RecordAllAgain(const log::LogReader& reader, AuthorityId peer, PairNumber from, PairNumber last,
                            log::Appender& appender) {
  while (from <= last) {
    MEDFLYT_ASSIGN_OR_RETURN(RecordedPart part, ReadRecorded(reader, peer, from));
    from = part.next;
    RecordAgain(peer, std::move(part), appender);
  }
  return absl::OkStatus();
}

}  // namespace medflyt::exchange
