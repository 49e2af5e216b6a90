#include "server/exchange/kept.h"

#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/entry/batch.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/tlog_proof.h"
#include "server/exchange/inclusion.h"

namespace medflyt::exchange {
namespace {

using store::KeyRange;
using store::Table;

constexpr uint8_t kRowVersion = 1;
constexpr size_t kHeaderSize = 1 + 4;
constexpr size_t kEventSize = 4 + 8;

absl::Status Malformed() {
  return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "received", "a row of received events does not parse");
}
absl::Status Unknown() {
  return RuleError(absl::StatusCode::kNotFound, "EVENT_UNKNOWN", "event_id", "no such event was received");
}

}  // namespace

absl::StatusOr<v1::EventBatch> KeptRow::ParseBatch() const {
  v1::EventBatch parsed;
  if (!parsed.ParseFromString(batch) || parsed.entries_size() != parsed.indices_size() ||
      parsed.entries_size() != parsed.key_ids_size()) {
    return Malformed();
  }
  for (const KeptEvent& event : events) {
    if (event.position >= static_cast<uint32_t>(parsed.entries_size())) return Malformed();
  }
  return parsed;
}

std::string StartKept(const std::vector<uint32_t>& positions, const v1::EventBatch& batch) {
  std::string row;
  row.reserve(kHeaderSize + kEventSize * positions.size() + batch.ByteSizeLong());
  row += static_cast<char>(kRowVersion);
  AppendU32(row, static_cast<uint32_t>(positions.size()));
  for (const uint32_t position : positions) {
    AppendU32(row, position);
    AppendU64(row, 0);
  }
  batch.AppendToString(&row);
  return row;
}

void SetRecord(std::string& row, size_t event, log::Position record) {
  std::string bytes;
  AppendU64(bytes, record.value());
  row.replace(kHeaderSize + kEventSize * event + 4, bytes.size(), bytes);
}

absl::StatusOr<KeptRow> DecodeKept(PairNumber first, std::string_view value) {
  ByteReader reader(value);
  const auto version = reader.U8();
  const auto count = reader.U32();
  if (!version || *version != kRowVersion || !count || *count == 0 || *count > entry::kMaxBatchEntries) {
    return Malformed();
  }
  KeptRow row{first, {}, {}};
  row.events.reserve(*count);
  for (uint32_t i = 0; i < *count; ++i) {
    const auto position = reader.U32();
    const auto record = reader.U64();
    if (!position || !record) return Malformed();
    row.events.push_back({*position, log::Position(*record)});
  }
  row.batch = reader.rest();
  return row;
}

absl::StatusOr<KeptRow> FindKept(const store::Reader& store, AuthorityId issuer, PairNumber number) {
  MEDFLYT_ASSIGN_OR_RETURN(
      const auto found,
      store.Last(Table::kOutbox,
                 KeyRange::Between(log::PairRowKey('r', issuer, 0), log::PairRowKey('r', issuer, number.value() + 1))));
  if (!found) return Unknown();
  MEDFLYT_ASSIGN_OR_RETURN(const uint64_t first,
                           log::DecodeU64(std::string_view(found->key).substr(found->key.size() - 8)));
  MEDFLYT_ASSIGN_OR_RETURN(KeptRow row, DecodeKept(PairNumber(first), found->value));
  if (number.value() - first >= row.events.size()) return Unknown();
  return row;
}

absl::StatusOr<PairNumber> NumberOfRecord(const store::Reader& store, AuthorityId issuer, PairNumber last,
                                          log::Position record) {
  uint64_t low = 1;
  uint64_t high = last.value();
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    MEDFLYT_ASSIGN_OR_RETURN(const KeptRow row, FindKept(store, issuer, PairNumber(middle)));
    if (row.events[middle - row.first.value()].record < record) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return PairNumber(low);
}

absl::StatusOr<std::vector<AuthorityId>> KeptIssuers(const store::Reader& store) {
  std::vector<AuthorityId> issuers;
  std::string from(1, 'r');
  for (;;) {
    std::string first;
    MEDFLYT_RETURN_IF_ERROR(store.Scan(Table::kOutbox, KeyRange::Between(from, std::string(1, 'r' + 1)),
                                       store::Order::kAscending, [&first](std::string_view key, std::string_view) {
                                         first = key;
                                         return store::Step::kStop;
                                       }));
    if (first.empty()) return issuers;
    const auto number = ByteReader(std::string_view(first).substr(1)).U32();
    const auto issuer = number ? AuthorityId::FromNumber(*number) : std::nullopt;
    if (!issuer) return Malformed();
    issuers.push_back(*issuer);
    from = log::PairRowKey('r', *issuer, ~uint64_t{0}).append(1, '\0');
  }
}

absl::StatusOr<std::vector<std::string>> KeptLogs(const store::Reader& store, AuthorityId issuer, PairNumber last) {
  std::vector<std::string> logs;
  if (last.value() == 0) return logs;
  struct Row {
    std::string origin;
    uint64_t first = 0;
    uint64_t behind = 0;  // its last number
  };
  const auto row_of = [&](uint64_t number) -> absl::StatusOr<Row> {
    MEDFLYT_ASSIGN_OR_RETURN(const KeptRow row, FindKept(store, issuer, PairNumber(number)));
    MEDFLYT_ASSIGN_OR_RETURN(const v1::EventBatch batch, row.ParseBatch());
    const auto stated = tlog::StatedCheckpoint(batch.checkpoint());
    return Row{stated.ok() ? stated->origin() : "", row.first.value(), row.first.value() + row.events.size()};
  };
  MEDFLYT_ASSIGN_OR_RETURN(const Row newest, row_of(last.value()));
  for (uint64_t number = 1; number <= last.value();) {
    MEDFLYT_ASSIGN_OR_RETURN(const Row begin, row_of(number));
    logs.push_back(begin.origin);
    if (begin.origin == newest.origin) break;
    // The first number of the log that follows.
    uint64_t low = begin.behind;
    uint64_t high = newest.first;
    while (low < high) {
      MEDFLYT_ASSIGN_OR_RETURN(const Row middle, row_of(low + (high - low) / 2));
      if (middle.origin == begin.origin) {
        low = middle.behind;
      } else {
        high = middle.first;
      }
    }
    number = low;
  }
  return logs;
}

absl::Status VisitKept(const store::Reader& store, AuthorityId issuer, PairNumber from,
                       absl::FunctionRef<absl::Status(const KeptRow&)> visit) {
  MEDFLYT_ASSIGN_OR_RETURN(
      const auto begin, store.Last(Table::kOutbox, KeyRange::Between(log::PairRowKey('r', issuer, 0),
                                                                     log::PairRowKey('r', issuer, from.value() + 1))));
  const std::string first_key = begin ? begin->key : log::PairRowKey('r', issuer, from.value());
  absl::Status status;
  MEDFLYT_RETURN_IF_ERROR(store.Scan(
      Table::kOutbox, KeyRange::Between(first_key, log::PairRowKey('r', issuer, ~uint64_t{0})),
      store::Order::kAscending, [&](std::string_view key, std::string_view value) {
        const auto first = log::DecodeU64(key.substr(key.size() - 8));
        auto row = first.ok() ? DecodeKept(PairNumber(*first), value) : absl::StatusOr<KeptRow>(first.status());
        status = row.status();
        if (status.ok() && row->first.value() + row->events.size() > from.value()) status = visit(*row);
        return status.ok() ? store::Step::kContinue : store::Step::kStop;
      }));
  return status;
}

absl::StatusOr<ReceivedEntry> ReceivedAt(const KeptRow& row, PairNumber number) {
  if (number < row.first || number.value() - row.first.value() >= row.events.size()) return Unknown();
  MEDFLYT_ASSIGN_OR_RETURN(const v1::EventBatch batch, row.ParseBatch());
  const size_t position = row.events[number.value() - row.first.value()].position;

  std::vector<LeafIndex> indices;
  std::vector<crypto::Hash> leaf_hashes;
  for (int i = 0; i < batch.entries_size(); ++i) {
    indices.emplace_back(batch.indices(i));
    leaf_hashes.push_back(merkle::LeafHash(batch.entries(i)));
  }
  MEDFLYT_ASSIGN_OR_RETURN(const auto multi_proof,
                           entry::HashesFromProto(batch.multi_proof(), "BATCH_MALFORMED", "multi_proof"));
  MEDFLYT_ASSIGN_OR_RETURN(const auto note, tlog::SignedNote::Parse(batch.checkpoint()));
  MEDFLYT_ASSIGN_OR_RETURN(const auto checkpoint, tlog::Checkpoint::Parse(note.text));
  MEDFLYT_ASSIGN_OR_RETURN(auto path,
                           InclusionFromMultiProof(indices, leaf_hashes, checkpoint.size(), multi_proof, position));
  const tlog::TlogProof proof{"", indices[position], std::move(path), note};

  ReceivedEntry received;
  received.entry = batch.entries(static_cast<int>(position));
  received.key_id = KeyId::FromBytes(batch.key_ids(static_cast<int>(position))).value_or(KeyId());
  received.origin = checkpoint.origin();
  received.index = indices[position];
  received.leaf_hash = leaf_hashes[position];
  received.tlog_proof = proof.Serialize();
  return received;
}

absl::StatusOr<ReceivedEntry> FindReceived(const store::Reader& store, const log::EventLocation& event) {
  MEDFLYT_ASSIGN_OR_RETURN(const KeptRow row, FindKept(store, event.issuer, event.number));
  return ReceivedAt(row, event.number);
}

absl::Status VisitBatchNotes(const store::Reader& store, AuthorityId issuer,
                             absl::FunctionRef<bool(const std::string&)> visit) {
  return store.Scan(Table::kOutbox,
                    KeyRange::Between(log::PairRowKey('r', issuer, 0), log::PairRowKey('r', issuer, ~uint64_t{0})),
                    store::Order::kDescending, [&](std::string_view, std::string_view value) {
                      const auto row = DecodeKept(PairNumber(0), value);
                      const auto batch = row.ok() ? row->ParseBatch() : row.status();
                      return batch.ok() && visit(batch->checkpoint()) ? store::Step::kContinue : store::Step::kStop;
                    });
}

}  // namespace medflyt::exchange
