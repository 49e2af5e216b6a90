#include "server/exchange/kept_receipt.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/entry/batch.h"
#include "common/wire/ledger.h"
#include "server/exchange/own_events.h"
#include "server/log/layout.h"

namespace medflyt::exchange {
namespace {

using store::KeyRange;
using store::Table;

constexpr char kPrefix = 'c';
constexpr uint8_t kRowVersion = 1;

absl::Status Malformed() {
  return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "receipts", "a row of receipts does not parse");
}
absl::Status Unknown() {
  return RuleError(absl::StatusCode::kNotFound, "EVENT_UNKNOWN", "number", "no receipt is held for this event");
}

struct Row {
  std::vector<absl::Time> times;   // one for each event
  std::vector<std::string> rules;  // the same; empty: accepted
  v1::Receipt receipt;             // without its leaves
};

std::optional<Row> Decode(std::string_view value) {
  ByteReader reader(value);
  const auto version = reader.U8();
  const auto count = reader.U16();
  const auto runs = reader.U16();
  if (!version || *version != kRowVersion || !count || !runs || *count == 0 || *count > entry::kMaxBatchEntries) {
    return std::nullopt;
  }
  Row row;
  for (uint16_t i = 0; i < *runs; ++i) {
    const auto events = reader.U16();
    const auto micros = reader.U64();
    if (!events || !micros || row.times.size() + *events > *count) return std::nullopt;
    row.times.insert(row.times.end(), *events, absl::FromUnixMicros(static_cast<int64_t>(*micros)));
  }
  row.rules.resize(*count);
  const auto refused = reader.U16();
  if (!refused || row.times.size() != *count) return std::nullopt;
  for (uint16_t i = 0; i < *refused; ++i) {
    const auto event = reader.U16();
    const auto length = reader.U8();
    const auto rule = length ? reader.Take(*length) : std::nullopt;
    if (!event || !rule || *event >= *count) return std::nullopt;
    row.rules[*event] = *rule;
  }
  if (!row.receipt.ParseFromArray(reader.rest().data(), static_cast<int>(reader.rest().size())) ||
      row.receipt.leaf_indices_size() != *count) {
    return std::nullopt;
  }
  return row;
}

absl::StatusOr<std::optional<store::Row>> LastBefore(const store::Reader& store, AuthorityId recipient, uint64_t end) {
  return store.Last(Table::kOutbox, KeyRange::Between(log::PairRowKey(kPrefix, recipient, 0),
                                                      log::PairRowKey(kPrefix, recipient, end)));
}

struct Found {
  PairNumber first;
  Row row;
};

absl::StatusOr<Found> FindRow(const store::Reader& store, AuthorityId recipient, PairNumber number) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto found, LastBefore(store, recipient, number.value() + 1));
  if (!found) return Unknown();
  MEDFLYT_ASSIGN_OR_RETURN(const uint64_t first,
                           log::DecodeU64(std::string_view(found->key).substr(found->key.size() - 8)));
  auto row = Decode(found->value);
  if (!row) return Malformed();
  if (number.value() - first >= row->times.size()) return Unknown();
  return Found{PairNumber(first), *std::move(row)};
}

}  // namespace

std::string EncodeReceipt(const v1::Receipt& receipt, const entry::VerifiedReceipt& verified) {
  std::string value(1, static_cast<char>(kRowVersion));
  const size_t count = verified.events.size();
  AppendU16(value, static_cast<uint16_t>(count));
  std::vector<std::pair<uint16_t, int64_t>> runs;
  for (const absl::Time time : verified.recorded_at) {
    const int64_t micros = absl::ToUnixMicros(time);
    if (runs.empty() || runs.back().second != micros) runs.emplace_back(0, micros);
    ++runs.back().first;
  }
  AppendU16(value, static_cast<uint16_t>(runs.size()));
  for (const auto& [events, micros] : runs) {
    AppendU16(value, events);
    AppendU64(value, static_cast<uint64_t>(micros));
  }
  std::string refusals;
  uint16_t refused = 0;
  for (size_t i = 0; i < count; ++i) {
    const std::string& rule = verified.events[i].refused_rule;
    if (rule.empty()) continue;
    ++refused;
    AppendU16(refusals, static_cast<uint16_t>(i));
    refusals += static_cast<char>(rule.size());  // a record's rule has at most 64 characters
    refusals.append(rule);
  }
  AppendU16(value, refused);
  value.append(refusals);

  v1::Receipt kept;
  kept.set_checkpoint(receipt.checkpoint());
  kept.set_consistency_from(receipt.consistency_from());
  *kept.mutable_consistency_proof() = receipt.consistency_proof();
  *kept.mutable_leaf_indices() = receipt.leaf_indices();
  *kept.mutable_multi_proof() = receipt.multi_proof();
  kept.AppendToString(&value);
  return value;
}

absl::StatusOr<KeptReceipt> FindReceiptRow(const store::Reader& store, AuthorityId recipient, PairNumber number) {
  MEDFLYT_ASSIGN_OR_RETURN(Found found, FindRow(store, recipient, number));
  return KeptReceipt{found.first, std::move(found.row.receipt)};
}

absl::StatusOr<v1::Receipt> FindReceipt(const log::LogReader& reader, AuthorityId recipient, PairNumber number) {
  MEDFLYT_ASSIGN_OR_RETURN(Found found, FindRow(reader.store(), recipient, number));
  Row& row = found.row;
  MEDFLYT_ASSIGN_OR_RETURN(const auto events, reader.OutboundFrom(recipient, found.first, row.times.size()));
  if (events.size() != row.times.size()) return Malformed();
  wire::LedgerCodec codec;
  for (size_t i = 0; i < events.size(); ++i) {
    MEDFLYT_ASSIGN_OR_RETURN(const event::AnnouncementRef at, IssuedAt(reader, events[i]));
    MEDFLYT_ASSIGN_OR_RETURN(
        std::string leaf,
        codec.Encode({row.times[i], wire::EventReceived{at.origin, at.index, at.leaf_hash, row.rules[i]}}));
    row.receipt.add_leaves(std::move(leaf));
  }
  return std::move(row.receipt);
}

absl::Status VisitReceiptNotes(const store::Reader& store, AuthorityId recipient,
                               absl::FunctionRef<bool(const std::string&)> visit) {
  return store.Scan(
      Table::kOutbox,
      KeyRange::Between(log::PairRowKey(kPrefix, recipient, 0), log::PairRowKey(kPrefix, recipient, ~uint64_t{0})),
      store::Order::kDescending, [&](std::string_view, std::string_view value) {
        const auto row = Decode(value);
        return row && visit(row->receipt.checkpoint()) ? store::Step::kContinue : store::Step::kStop;
      });
}

}  // namespace medflyt::exchange
