#include "server/log/generations.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/checkpoint.h"

namespace medflyt::log {
namespace {

constexpr unsigned kIndexBits = 48;

absl::StatusOr<Head> EmptyHeadOf(std::string_view origin, const tlog::NoteSigner& signer) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto empty,
                           tlog::Checkpoint::Create(std::string(origin), TreeSize(0), merkle::EmptyRoot()));
  return Head{TreeSize(0), merkle::EmptyRoot(), tlog::SignCheckpoint(empty, signer).Serialize()};
}

}  // namespace

absl::StatusOr<Generations> Generations::Load(const store::Reader& store, std::string_view origin) {
  Generations generations;
  Position begin;
  for (uint32_t number = 0;; ++number) {
    MEDFLYT_ASSIGN_OR_RETURN(const auto row, store.Get(store::Table::kMeta, ClosedKey(number)));
    if (!row) break;
    MEDFLYT_ASSIGN_OR_RETURN(Head last, DecodeHead(*row));
    const auto stated = tlog::StatedCheckpoint(last.checkpoint);
    if (!stated.ok()) {
      return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "closed", "a closed log has no checkpoint");
    }
    const Position end(begin.value() + last.size.value());
    generations.all_.push_back({number, stated->origin(), begin, std::move(last)});
    begin = end;
  }
  const auto number = static_cast<uint32_t>(generations.all_.size());
  generations.all_.push_back({number, std::string(origin), begin, std::nullopt});
  return generations;
}

const Generation& Generations::Of(Position position) const {
  const auto behind =
      std::upper_bound(all_.begin() + 1, all_.end(), position,
                       [](Position wanted, const Generation& generation) { return wanted < generation.begin; });
  return *(behind - 1);
}

uint64_t Generations::BookmarkOf(Position position) const {
  const Generation& log = Of(position);
  return uint64_t{log.number} << kIndexBits | log.IndexOf(position).value();
}

Position Generations::At(uint64_t bookmark) const {
  const uint64_t number = bookmark >> kIndexBits;
  if (number >= all_.size()) return Position(~uint64_t{0});
  const LeafIndex index(bookmark & ((uint64_t{1} << kIndexBits) - 1));
  const Position at = all_[number].At(index);
  return number + 1 == all_.size() ? at : std::min(at, all_[number + 1].begin);
}

const Generation* Generations::Find(std::string_view origin) const {
  const auto found =
      std::find_if(all_.begin(), all_.end(), [origin](const Generation& each) { return each.origin == origin; });
  return found == all_.end() ? nullptr : &*found;
}

absl::StatusOr<Head> EmptyHead(const tlog::NoteSigner& signer) {
  return EmptyHeadOf(signer.verifier_key().name(), signer);
}

absl::Status OpenNextGeneration(store::Store& store, const tlog::NoteSigner& next,
                                std::span<const std::string> between) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, store.Get(store::Table::kMeta, HeadKey()));
  MEDFLYT_ASSIGN_OR_RETURN(const Head head, DecodeHead(row.value_or("")));
  const auto stated = tlog::StatedCheckpoint(head.checkpoint);
  if (!stated.ok()) {
    return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "head", "the open log has no checkpoint");
  }
  MEDFLYT_ASSIGN_OR_RETURN(const Generations generations, Generations::Load(store, stated->origin()));
  MEDFLYT_ASSIGN_OR_RETURN(const Head empty, EmptyHead(next));
  store::Batch batch;
  uint32_t number = generations.open().number;
  batch.Put(store::Table::kMeta, ClosedKey(number), EncodeHead(head));
  for (const std::string& origin : between) {
    MEDFLYT_ASSIGN_OR_RETURN(const Head lost, EmptyHeadOf(origin, next));
    batch.Put(store::Table::kMeta, ClosedKey(++number), EncodeHead(lost));
  }
  batch.Put(store::Table::kMeta, HeadKey(), EncodeHead(empty));
  return store.Commit(batch, store::Durability::kSynced);
}

}  // namespace medflyt::log
