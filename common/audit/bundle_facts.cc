#include "common/audit/bundle_facts.h"

#include <string_view>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "common/base/status.h"
#include "common/entry/parse.h"
#include "common/entry/seal.h"
#include "common/merkle/compact_range.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/tile.h"

namespace medflyt::audit {
namespace {

constexpr size_t kHashBytes = crypto::Hash::kSize;

FindingCode FaultOf(const absl::Status& status) {
  const auto broken = BrokenRuleOf(status);
  if (broken && broken->rule == "KEY_COMMITMENT_MISMATCH") return FindingCode::kKeyMismatch;
  if (broken && broken->rule == "ENTRY_SEAL_BROKEN") return FindingCode::kSealBroken;
  return FindingCode::kContentMalformed;
}

}  // namespace

crypto::Hash RootOfLeaves(std::string_view leaves) {
  merkle::CompactRange range;
  for (; leaves.size() >= kHashBytes; leaves.remove_prefix(kHashBytes)) {
    range.Append(*crypto::Hash::FromBytes(leaves.substr(0, kHashBytes)));
  }
  return range.Root();
}

OpenedEntry OpenForAudit(std::string_view entry, const crypto::Key& event_key, std::string_view origin,
                         wire::ContentCodec& codec) {
  OpenedEntry opened;
  const auto sealed = entry::ParseSealed(entry);
  auto content = sealed.ok() ? entry::OpenWithEventKey(*sealed, event_key, origin) : sealed.status();
  if (!content.ok()) {
    opened.fault = FaultOf(content.status());
    return opened;
  }
  auto event = codec.Decode(*content, sealed->event_id);
  crypto::Wipe(*content);
  if (!event.ok()) {
    opened.newer = event.status().code() == absl::StatusCode::kUnimplemented;
    if (!opened.newer) opened.fault = FindingCode::kContentMalformed;
    return opened;
  }
  opened.header = std::move(event->header);
  opened.body = std::move(event->body);
  return opened;
}

void BundleExaminer::ExamineEntry(LeafIndex index, std::string_view entry, BundleFacts& facts) {
  auto parsed = entry::ParseEntry(entry, ledger_);
  if (!parsed.ok()) {
    if (parsed.status().code() == absl::StatusCode::kUnimplemented) {
      ++facts.not_understood;
    } else {
      facts.malformed.push_back(index);
    }
    return;
  }
  if (auto* record = std::get_if<wire::LedgerRecord>(&*parsed)) {
    facts.records.emplace_back(index, std::move(*record));
    return;
  }
  ++facts.sealed;
  if (keys_ == nullptr) return;
  SealedFacts& event = facts.events.emplace_back();
  event.index = index;
  const auto key = keys_->find(std::get<entry::SealedView>(*parsed).event_id);
  if (key == keys_->end()) return;
  event.erased = !key->second.has_value();
  if (key->second) event.opened = OpenForAudit(entry, *key->second, origin_, content_);
}

void BundleExaminer::ExamineTile(const tlog::Tile& tile, BundleFacts& facts) const {
  auto bytes = ReadOne(read_, tlog::TilePath(tile));
  if (!bytes.ok()) {
    facts.status = bytes.status();
    return;
  }
  facts.outside = tile.width;
  facts.from_tile = *std::move(bytes);
  if (!facts.from_tile || facts.from_tile->size() != tile.width * kHashBytes) return;
  facts.of_entries = *facts.from_tile;
  facts.root = RootOfLeaves(facts.of_entries);
}

BundleFacts BundleExaminer::Examine(uint64_t bundle) {
  BundleFacts facts;
  const unsigned width = tlog::TileWidthAt(0, bundle, size_);
  if (part_ && !part_->Holds(LeafIndex(bundle * tlog::kTileWidth))) {
    ExamineTile({0, bundle, width}, facts);
    return facts;
  }
  const auto there = read_(tlog::EntryBundlePath(bundle, width), bundle_);
  auto tile = there.ok() ? ReadOne(read_, tlog::TilePath({0, bundle, width})) : there.status();
  if (!tile.ok()) {
    facts.status = tile.status();
    return facts;
  }
  facts.from_tile = *std::move(tile);
  if (!*there) {
    facts.fault = FindingCode::kBundleMissing;
    return facts;
  }
  const auto entries = tlog::DecodeEntryBundle(bundle_, width);
  if (!entries.ok()) {
    facts.fault = FindingCode::kBundleMalformed;
    return facts;
  }
  facts.of_entries.reserve(width * kHashBytes);
  uint64_t index = bundle * tlog::kTileWidth;
  for (const std::string_view entry : *entries) {
    ExamineEntry(LeafIndex(index++), entry, facts);
    facts.of_entries.append(merkle::LeafHash(entry).bytes());
  }
  facts.root = RootOfLeaves(facts.of_entries);
  return facts;
}

}  // namespace medflyt::audit
