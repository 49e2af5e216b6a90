#include "server/store/store.h"

#include "common/base/status.h"

namespace medflyt::store {

std::string_view TableName(Table table) {
  switch (table) {
    case Table::kSegments:
      return "segments";
    case Table::kTiles:
      return "tiles";
    case Table::kState:
      return "state";
    case Table::kIndex:
      return "index";
    case Table::kOutbox:
      return "outbox";
    case Table::kKeys:
      return "keys";
    case Table::kMeta:
      return "meta";
  }
  return "unknown";
}

void Batch::Put(Table table, std::string_view key, std::string_view value) {
  rows_.push_back(
      {bytes_.size(), static_cast<uint32_t>(key.size()), static_cast<uint32_t>(value.size()), table, false});
  bytes_.append(key).append(value);
}

void Batch::Delete(Table table, std::string_view key) {
  rows_.push_back({bytes_.size(), static_cast<uint32_t>(key.size()), 0, table, true});
  bytes_.append(key);
}

void Batch::Clear() {
  bytes_.clear();
  rows_.clear();
}

Batch::Change Batch::at(size_t i) const {
  const Row& row = rows_[i];
  const std::string_view bytes(bytes_);
  return {row.table, row.deletes, bytes.substr(row.offset, row.key_size),
          bytes.substr(row.offset + row.key_size, row.value_size)};
}

KeyRange KeyRange::Prefix(std::string_view prefix) {
  // The least key above all that start with the prefix: its last byte that can be raised, raised, and no more.
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (end.empty()) return From(prefix);
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return Between(prefix, end);
}

namespace {

absl::StatusOr<std::optional<Row>> Edge(const Reader& reader, Table table, const KeyRange& range, Order order) {
  std::optional<Row> found;
  MEDFLYT_RETURN_IF_ERROR(reader.Scan(table, range, order, [&found](std::string_view key, std::string_view value) {
    found = Row{std::string(key), std::string(value)};
    return Step::kStop;
  }));
  return found;
}

}  // namespace

absl::StatusOr<std::optional<Row>> Reader::First(Table table, const KeyRange& range) const {
  return Edge(*this, table, range, Order::kAscending);
}

absl::StatusOr<std::optional<Row>> Reader::Last(Table table, const KeyRange& range) const {
  return Edge(*this, table, range, Order::kDescending);
}

absl::Status CheckLayout(uint32_t stored, uint32_t ours) {
  if (stored == ours) return absl::OkStatus();
  return RuleError(absl::StatusCode::kFailedPrecondition, "INCOMPATIBLE_LAYOUT", "",
                   "the store has layout " + std::to_string(stored) + ", this program reads and writes layout " +
                       std::to_string(ours));
}

absl::Status OutcomeUnknownError(std::string_view cause) {
  std::string message("a commit failed and its outcome is unknown until the store is opened again: ");
  message.append(cause);
  return RuleError(absl::StatusCode::kUnknown, "STORE_OUTCOME_UNKNOWN", "", message);
}

absl::Status FencedError() {
  return RuleError(absl::StatusCode::kFailedPrecondition, "STORE_FENCED", "",
                   "the store was opened by another since; this opener may no longer write");
}

}  // namespace medflyt::store
