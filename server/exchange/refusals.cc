#include "server/exchange/refusals.h"

#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "server/log/layout.h"

namespace medflyt::exchange {
namespace {

using store::KeyRange;
using store::Table;

constexpr char kPrefix = 'f';

std::string IndexKey(const EventId& event) { return std::string(1, kPrefix).append(event.bytes()); }

absl::StatusOr<Refusal> Decode(std::string_view key, std::string_view value) {
  ByteReader key_reader(key.substr(1));
  const auto recipient = AuthorityId::FromNumber(key_reader.U32().value_or(0));
  const auto number = key_reader.U64();
  ByteReader reader(value);
  const auto id = reader.Take(EventId::kSize);
  const auto position = reader.U64();
  const auto receipt = reader.U64();
  if (!recipient || !number || !id || !position || !receipt) {
    return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "refusals", "a row of refusals does not parse");
  }
  return Refusal{*recipient,
                 PairNumber(*number),
                 *EventId::FromBytes(*id),
                 log::Position(*position),
                 log::Position(*receipt),
                 std::string(reader.rest())};
}

}  // namespace

void StageRefusal(const Refusal& refusal, log::Appender& appender) {
  std::string value(refusal.event.bytes());
  AppendU64(value, refusal.position.value());
  AppendU64(value, refusal.receipt.value());
  value.append(refusal.rule);
  appender.batch().Put(Table::kOutbox, log::PairRowKey(kPrefix, refusal.recipient, refusal.number.value()), value);
  std::string place;
  AppendU32(place, refusal.recipient.number());
  AppendU64(place, refusal.number.value());
  appender.PutIndex(IndexKey(refusal.event), place);
}

absl::StatusOr<std::vector<Refusal>> ReadRefusals(const store::Reader& store) {
  std::vector<Refusal> refusals;
  absl::Status status;
  MEDFLYT_RETURN_IF_ERROR(store.Scan(Table::kOutbox, KeyRange::Prefix(std::string(1, kPrefix)),
                                     store::Order::kAscending, [&](std::string_view key, std::string_view value) {
                                       auto refusal = Decode(key, value);
                                       status = refusal.status();
                                       if (!status.ok()) return store::Step::kStop;
                                       refusals.push_back(*std::move(refusal));
                                       return store::Step::kContinue;
                                     }));
  MEDFLYT_RETURN_IF_ERROR(status);
  return refusals;
}

absl::StatusOr<std::optional<Refusal>> FindRefusal(const store::Reader& store, const EventId& event) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto place, store.Get(Table::kIndex, IndexKey(event)));
  if (!place) return std::optional<Refusal>();
  const std::string key = std::string(1, kPrefix).append(*place);
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, store.Get(Table::kOutbox, key));
  MEDFLYT_ASSIGN_OR_RETURN(Refusal refusal, Decode(key, row.value_or(std::string())));
  return std::optional<Refusal>(std::move(refusal));
}

}  // namespace medflyt::exchange
