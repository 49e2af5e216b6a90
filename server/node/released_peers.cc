#include "server/node/released_peers.h"

#include <string>
#include <string_view>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/wire/ledger.h"
#include "server/log/ledger_submission.h"

namespace medflyt::node {
namespace {

using store::Table;

constexpr std::string_view kRow = "released-peers";

}  // namespace

absl::Status KeepReleased(store::Store& store, const std::vector<exchange::ReleasedPeer>& released) {
  std::string row;
  for (const exchange::ReleasedPeer& each : released) {
    AppendU32(row, each.peer.number());
    row.append(each.first_certificate.bytes()).append(each.second_certificate.bytes());
  }
  store::Batch batch;
  if (row.empty()) {
    batch.Delete(Table::kMeta, kRow);
  } else {
    batch.Put(Table::kMeta, kRow, row);
  }
  return store.Commit(batch, store::Durability::kSynced);
}

absl::StatusOr<std::unique_ptr<log::Submission>> RecordOfReleased(const store::Store& store,
                                                                  std::function<void(const absl::Status&)> done) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, store.Get(Table::kMeta, kRow));
  if (!row) return nullptr;
  std::vector<log::LedgerSubmission::Record> records;
  for (ByteReader reader(*row); !reader.empty();) {
    const auto number = reader.U32();
    const auto first = reader.Take(crypto::Hash::kSize);
    const auto second = reader.Take(crypto::Hash::kSize);
    const auto peer = number ? AuthorityId::FromNumber(*number) : std::nullopt;
    if (!peer || !first || !second) {
      return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", kRow, "a stored row cannot be read");
    }
    records.emplace_back(
        wire::PeerReleased{*peer, *crypto::Hash::FromBytes(*first), *crypto::Hash::FromBytes(*second)});
  }
  return std::make_unique<log::LedgerSubmission>(
      std::move(records), [](store::Batch& batch) { batch.Delete(Table::kMeta, kRow); }, std::move(done));
}

}  // namespace medflyt::node
