#include "common/audit/ledger_check.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/audit/signatures.h"
#include "common/base/status.h"
#include "common/crypto/hash.h"
#include "common/entry/receipt.h"
#include "common/entry/seal.h"
#include "common/merkle/proof.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/tile.h"

namespace medflyt::audit {
namespace {

std::string BundleOf(LeafIndex index, TreeSize size) {
  const uint64_t bundle = index.value() / tlog::kTileWidth;
  return tlog::EntryBundlePath(bundle, tlog::TileWidthAt(0, bundle, size));
}

// The first place in the batch where that entry of the issuer's log stands.
std::optional<int> PlaceOf(const v1::EventBatch& batch, LeafIndex index) {
  const auto found = std::find(batch.indices().begin(), batch.indices().end(), index.value());
  if (found == batch.indices().end()) return std::nullopt;
  const auto place = static_cast<int>(found - batch.indices().begin());
  return place < batch.entries_size() ? std::optional<int>(place) : std::nullopt;
}

// Keys of that log for the tree that the note claims to be about.
std::vector<tlog::VerifierKey> KeysForNote(std::span<const directory::LogKey> keys, std::string_view note,
                                           std::string_view origin) {
  const auto checkpoint = tlog::StatedCheckpoint(note);
  if (!checkpoint.ok()) return {};
  return KeysOf(origin, KeysFor(keys, checkpoint->size()));
}

bool KnowsLog(std::span<const directory::LogKey> keys, std::string_view origin) {
  return std::any_of(keys.begin(), keys.end(),
                     [origin](const directory::LogKey& key) { return key.key.name() == origin; });
}

bool IsClosed(std::span<const directory::LogKey> keys, std::string_view origin) {
  return KnowsLog(keys, origin) && std::all_of(keys.begin(), keys.end(), [origin](const directory::LogKey& key) {
           return key.key.name() != origin || key.until;
         });
}

}  // namespace

void LedgerCheck::Find(FindingCode code, LeafIndex index, std::string detail) {
  Note(report_.findings, code, BundleOf(index, parts_.size), index, std::move(detail));
}

absl::Status LedgerCheck::Add(LeafIndex index, const wire::LedgerRecord& record) {
  LedgerCounts& counts = report_.records;
  if (const auto* received = std::get_if<wire::EventReceived>(&record.record)) return Check(index, *received);
  if (const auto* receipts = std::get_if<wire::ReceiptsLogged>(&record.record)) return Check(index, *receipts);
  if (std::holds_alternative<wire::RejectionsRecorded>(record.record)) {
    ++counts.rejections;
  } else if (const auto* grant = std::get_if<wire::KeyGranted>(&record.record)) {
    ++counts.grants;
    if (destroyed_.contains(grant->key_id)) {
      Find(FindingCode::kGrantAfterDestroying, index, "to " + grant->recipient.ToString());
    }
  } else if (const auto* destroyed = std::get_if<wire::KeyDestroyed>(&record.record)) {
    ++counts.keys_destroyed;
    destroyed_.insert(destroyed->key_id);
  } else if (const auto* handed_over = std::get_if<wire::LogKeyHandedOver>(&record.record)) {
    ++counts.handovers;
    Check(index, *handed_over);
  } else if (std::holds_alternative<wire::PeerReleased>(record.record)) {
    ++counts.peers_released;
  } else if (const auto* opened = std::get_if<wire::GenerationOpened>(&record.record)) {
    Check(index, *opened);
  } else if (const auto* reissued = std::get_if<wire::EntryReissued>(&record.record)) {
    ++counts.reissued;
    Check(index, *reissued);
  } else if (const auto* admitted = std::get_if<wire::PeerGenerationAdmitted>(&record.record)) {
    ++counts.generations_admitted;
    admissions_.Admit(*admitted);
  } else if (std::holds_alternative<wire::DirectoryChanged>(record.record)) {
    ++counts.directory_changes;
  }
  return absl::OkStatus();
}

// Held against keys with tree sizes, as a card has them; a key that is believed for every tree says nothing of others.
void LedgerCheck::Check(LeafIndex index, const wire::LogKeyHandedOver& record) {
  const TreeSize from(index.value() + 1);
  bool sizes_named = false;
  for (const directory::LogKey& key : parts_.keys) {
    if (key.key.name() != parts_.origin) continue;
    if (key.from == from && key.key.Format() == record.verifier_key) return;
    sizes_named = sizes_named || key.until || key.from.value() > 0;
  }
  if (sizes_named) Find(FindingCode::kHandoverMismatch, index, record.verifier_key);
}

void LedgerCheck::Check(LeafIndex index, const wire::GenerationOpened& record) {
  const auto stated = tlog::StatedCheckpoint(record.closed_checkpoint);
  if (!stated.ok() || index.value() != 0 || stated->origin() == parts_.origin || record.kept_size > stated->size()) {
    return Find(FindingCode::kGenerationMismatch, index, stated.ok() ? stated->origin() : "");
  }
  report_.goes_on_from = stated->origin();
  report_.closed = *stated;
  closed_size_ = stated->size();
  kept_size_ = record.kept_size;
  closed_pairs_ = record.pairs;
  if (!KnowsLog(parts_.keys, stated->origin())) return;
  const auto keys = KeysForNote(parts_.keys, record.closed_checkpoint, stated->origin());
  // A card ends the log's last key behind its highest head; a key that is believed for every tree says nothing.
  std::optional<TreeSize> until;
  for (const directory::LogKey& key : parts_.keys) {
    if (key.key.name() == stated->origin() && key.until) until = std::max(until.value_or(TreeSize()), *key.until);
  }
  const bool ends_there = !until || until->value() == stated->size().value() + 1;
  if (!ends_there || !tlog::OpenCheckpoint(record.closed_checkpoint, keys).ok()) {
    Find(FindingCode::kGenerationMismatch, index, absl::StrCat(stated->origin(), " at ", stated->size().value()));
  }
}

void LedgerCheck::Check(LeafIndex index, const wire::EntryReissued& record) {
  // In a part without the first record nobody says what was kept, and of which log.
  if (parts_.begins_late && report_.goes_on_from.empty()) return;
  // Some of it may have come back from a log that was lost, before the rest is said again: so in no order.
  if (GoesOnFromBefore(record.closed_origin)) {
    if (!reissued_before_.emplace(record.closed_origin, record.closed_index).second) {
      Find(FindingCode::kGenerationMismatch, index,
           absl::StrCat("entry ", record.closed_index.value(), " of ", record.closed_origin));
    }
    return;
  }
  const bool again = last_reissued_ && record.closed_index <= *last_reissued_;
  last_reissued_ = record.closed_index;
  // What its owner had lost it cannot say again; the rest it says once, in the order of the closed log.
  if (record.closed_origin != report_.goes_on_from || record.closed_index.value() >= kept_size_.value() || again) {
    Find(FindingCode::kGenerationMismatch, index,
         absl::StrCat("entry ", record.closed_index.value(), " of ", record.closed_origin));
  }
}

bool LedgerCheck::GoesOnFromBefore(std::string_view origin) const {
  if (report_.goes_on_from.empty() || kept_size_.value() > 0) return false;
  return origin != parts_.origin && origin != report_.goes_on_from && (!own_ || OwnerOf(origin) == own_);
}

absl::Status LedgerCheck::Check(LeafIndex index, const wire::EventReceived& record) {
  ++report_.records.received;
  if (!record.refused_rule.empty()) ++report_.records.refused;
  if (own_ && GoesOnFromBefore(record.issuer_origin)) ++report_.records.came_back;
  if (!report_.goes_on_from.empty() && record.issuer_origin == report_.goes_on_from) {
    ++report_.records.came_back;
    const uint64_t came = record.issuer_index.value();
    if (came < kept_size_.value() || came >= closed_size_.value()) {
      Find(FindingCode::kGenerationMismatch, index, absl::StrCat("entry ", came, " of ", record.issuer_origin));
    }
  }
  CheckAdmitted(index, record.issuer_origin);
  const auto [found, first] = issuers_.try_emplace(record.issuer_origin);
  Issuer& issuer = found->second;
  if (first) issuer.owner = OwnerOf(record.issuer_origin);
  // A peer's events come in the order of its numbers, which is the order of its log.
  if (issuer.last && record.issuer_index <= *issuer.last) {
    Find(FindingCode::kReceivedOutOfOrder, index,
         absl::StrCat("entry ", record.issuer_index.value(), " of ", record.issuer_origin));
    return absl::OkStatus();
  }
  issuer.last = record.issuer_index;
  if (IsExported(index)) return CheckKeptEntry(index, record, issuer);
  ++report_.records.received_not_checked;
  return absl::OkStatus();
}

absl::Status LedgerCheck::CheckKeptEntry(LeafIndex index, const wire::EventReceived& record, Issuer& issuer) {
  MEDFLYT_RETURN_IF_ERROR(NextBatch(index, record, issuer));
  const std::string about = absl::StrCat("entry ", record.issuer_index.value(), " of ", record.issuer_origin);
  const auto place = issuer.batch ? PlaceOf(*issuer.batch, record.issuer_index) : std::nullopt;
  if (!place) {
    Skip(record.issuer_origin, issuer);
    // No more than the rest of one batch.
    if (parts_.begins_late && !issuer.batch && ++issuer.batch_outside < entry::kMaxBatchEntries) {
      ++report_.records.batch_outside;
      return absl::OkStatus();
    }
    Find(FindingCode::kReceivedMissing, index, about);
    return absl::OkStatus();
  }
  const std::string& entry = issuer.batch->entries(*place);
  if (merkle::LeafHash(entry) != record.leaf_hash) {
    Skip(record.issuer_origin, issuer);
    Find(FindingCode::kReceivedAltered, index, about);
    return absl::OkStatus();
  }
  if (!KnowsLog(parts_.keys, record.issuer_origin)) {
    ++report_.records.without_peer_key;
  } else if (issuer.batch_proven) {
    ++report_.records.received_proven;
  } else {
    Find(FindingCode::kReceivedUnproven, index, about);
  }
  if (parts_.opened == nullptr) return absl::OkStatus();
  SealedFacts event;
  event.index = record.issuer_index;
  event.refused = !record.refused_rule.empty();
  if (const auto sealed = entry::ParseSealed(entry); sealed.ok()) {
    const auto key = parts_.opened->find(sealed->event_id);
    event.erased = key != parts_.opened->end() && !key->second;
    if (key != parts_.opened->end() && key->second) {
      event.opened = OpenForAudit(entry, *key->second, record.issuer_origin, content_);
      // What the recipient has refused is its issuer's fault, and was answered.
      if (event.opened->fault && event.refused) event.opened.reset();
    }
  }
  CheckOpened(index, event, record.issuer_origin, issuer);
  return absl::OkStatus();
}

// A peer's numbers go on from one of its logs to the next, so they are counted by the peer.
void LedgerCheck::CheckOpened(LeafIndex index, const SealedFacts& event, std::string_view origin, Issuer& issuer) {
  const bool tells = event.opened && !event.opened->fault && !event.opened->newer && !event.refused;
  if (!issuer.owner && tells) issuer.owner = event.opened->header.issuer;
  const std::string path = BundleOf(index, parts_.size);
  if (OpenedCheck* const sequence = SequenceOf(origin, issuer)) {
    return sequence->Add(event, index, path, report_.events, report_.findings, ownerless_);
  }
  static_cast<void>(OpenedCheck::Look(event, index, path, report_.events, report_.findings));
  Skip(origin, issuer);
}

void LedgerCheck::Skip(std::string_view origin, Issuer& issuer) {
  if (OpenedCheck* const sequence = SequenceOf(origin, issuer)) return sequence->Skip();
  ++issuer.ownerless;
  ++ownerless_;
}

OpenedCheck* LedgerCheck::SequenceOf(std::string_view origin, Issuer& issuer) {
  // Of a part without the first record, the issuer alone tells what came back.
  if (IsOwnClosed(origin) || (parts_.begins_late && own_ && issuer.owner == own_)) {
    if (!came_back_) came_back_.emplace(std::nullopt, /*begins_late=*/true, cases_);
    return &*came_back_;
  }
  if (!issuer.owner || MayBeOwnClosed(origin)) return nullptr;
  const auto [found, first] = received_.try_emplace(*issuer.owner, issuer.owner, parts_.begins_late, cases_);
  OpenedCheck& sequence = found->second;
  if (first) {
    if (own_ || !parts_.begins_late) sequence.SetSequence(OpenedCheck::Sequence::kOfOnePair);
    const auto pair = std::find_if(closed_pairs_.begin(), closed_pairs_.end(),
                                   [&](const wire::ClosedPair& each) { return each.peer == *issuer.owner; });
    if (pair != closed_pairs_.end()) sequence.BeginsUpTo(pair->last_received);
  }
  sequence.Skip(issuer.ownerless);
  ownerless_ -= std::exchange(issuer.ownerless, 0);
  return &sequence;
}

// Which of a peer's logs were known before a part, or in the log before, is not said there; and what was not read or
// not understood may be an admission.
void LedgerCheck::CheckAdmitted(LeafIndex index, std::string_view origin) {
  const bool all_known = !begins_late() && !records_missed_ && report_.not_understood + report_.unreadable == 0;
  if (!admissions_.Take(origin) && all_known) Find(FindingCode::kPeerNotAdmitted, index, std::string(origin));
}

std::optional<AuthorityId> LedgerCheck::OwnerOf(std::string_view origin) const {
  const auto owner = parts_.owners.find(origin);
  return owner == parts_.owners.end() ? std::nullopt : std::optional(owner->second);
}

bool LedgerCheck::IsOwnClosed(std::string_view origin) const {
  if (origin == parts_.origin) return false;
  return origin == report_.goes_on_from || (own_ && OwnerOf(origin) == own_);
}

bool LedgerCheck::MayBeOwnClosed(std::string_view origin) const {
  return !own_ && !OwnerOf(origin) && GoesOnFromBefore(origin);
}

absl::Status LedgerCheck::NextBatch(LeafIndex index, const wire::EventReceived& record, Issuer& issuer) {
  if (issuer.batch && PlaceOf(*issuer.batch, record.issuer_index)) return absl::OkStatus();
  MEDFLYT_ASSIGN_OR_RETURN(const auto bytes, ReadOne(parts_.read, ReceivedPath(index)));
  if (!bytes) return absl::OkStatus();
  v1::EventBatch batch;
  if (!batch.ParseFromString(*bytes)) return absl::OkStatus();
  issuer.batch_proven = Proves(batch, record.issuer_origin, issuer);
  issuer.batch = std::move(batch);
  return absl::OkStatus();
}

bool LedgerCheck::Proves(v1::EventBatch batch, std::string_view origin, Issuer& issuer) {
  const TreeSize from(batch.consistency_from());
  const auto consistency = entry::HashesFromProto(batch.consistency_proof(), "BATCH_MALFORMED", "consistency_proof");
  if (!consistency.ok()) return false;
  // The consistency is checked apart, because a batch that held nothing new was not kept.
  batch.set_consistency_from(0);
  batch.clear_consistency_proof();
  const std::vector<tlog::VerifierKey> keys = KeysForNote(parts_.keys, batch.checkpoint(), origin);
  const auto verified = entry::VerifyBatch(batch, {origin, keys}, {});
  if (!verified.ok()) return false;
  const entry::AcceptedHead head{verified->head.checkpoint.size(), verified->head.checkpoint.root()};
  const entry::AcceptedHead before = std::exchange(issuer.accepted, head);
  // Of a log that its owner closed nobody can prove any more that one of its heads goes on from another: neither our
  // own nor, where a peer gave back what it had issued there, the peer.
  if (before.size.value() == 0 || IsOwnClosed(origin) || MayBeOwnClosed(origin)) return true;
  if (begins_late() && from.value() == 0 && IsClosed(parts_.keys, origin)) return true;
  if (head.size < before.size) return false;
  if (head.size == before.size) return head.root == before.root;
  // Beyond what was kept last there is only the recipient's word that it had accepted that tree.
  if (from > before.size) return true;
  return from == before.size &&
         merkle::VerifyConsistency(before.size, head.size, before.root, head.root, *consistency).ok();
}

absl::Status LedgerCheck::Check(LeafIndex index, const wire::ReceiptsLogged& record) {
  ++report_.records.receipts;
  CheckAdmitted(index, record.recipient_origin);
  Recipient& recipient = recipients_[record.recipient_origin];
  for (const wire::IndexRun& run : record.runs) {
    report_.records.receipted += run.count;
    if (run.first >= index || run.count > index.value() - run.first.value()) {
      Find(FindingCode::kReceiptAhead, index, record.recipient_origin);
      return absl::OkStatus();
    }
    if (recipient.last && run.first <= *recipient.last) {
      Find(FindingCode::kReceiptOutOfOrder, index,
           absl::StrCat("entry ", run.first.value(), " by ", record.recipient_origin));
      return absl::OkStatus();
    }
    recipient.last = LeafIndex(run.first.value() + run.count - 1);
  }
  const entry::AcceptedHead before = std::exchange(recipient.accepted, {record.recipient_size, record.recipient_root});
  if (record.recipient_size < before.size) {
    Find(FindingCode::kPeerRolledBack, index,
         absl::StrCat(record.recipient_origin, " from ", before.size.value(), " to ", record.recipient_size.value()));
  } else if (record.recipient_size == before.size && record.recipient_root != before.root) {
    Find(FindingCode::kPeerForked, index, absl::StrCat(record.recipient_origin, " at ", before.size.value()));
  } else if (IsExported(index)) {
    return CheckKeptReceipts(index, record, before);
  } else {
    ++report_.records.receipts_not_checked;
  }
  return absl::OkStatus();
}

absl::Status LedgerCheck::CheckKeptReceipts(LeafIndex index, const wire::ReceiptsLogged& record,
                                            const entry::AcceptedHead& accepted) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto bytes, ReadOne(parts_.read, ReceiptPath(index)));
  v1::Receipt receipt;
  if (!bytes || crypto::Sha256(*bytes) != record.receipts_digest) {
    Find(bytes ? FindingCode::kReceiptAltered : FindingCode::kReceiptMissing, index, record.recipient_origin);
    return absl::OkStatus();
  }
  if (!KnowsLog(parts_.keys, record.recipient_origin)) {
    ++report_.records.without_peer_key;
    return absl::OkStatus();
  }
  if (!receipt.ParseFromString(*bytes)) {
    Find(FindingCode::kReceiptInvalid, index, record.recipient_origin);
    return absl::OkStatus();
  }
  if (begins_late() && accepted.size.value() == 0) {
    // What it goes on from was recorded before the part, or in the log before.
    receipt.set_consistency_from(0);
    receipt.clear_consistency_proof();
  }
  absl::Status unread;
  const std::vector<tlog::VerifierKey> keys = KeysForNote(parts_.keys, receipt.checkpoint(), record.recipient_origin);
  const auto verified = entry::VerifyReceipt(
      receipt, {record.recipient_origin, keys}, accepted, parts_.origin,
      [&](LeafIndex own) -> std::optional<crypto::Hash> {
        const auto leaf = OwnLeaf(own);
        if (!leaf.ok()) unread = leaf.status();
        return leaf.ok() ? *leaf : std::nullopt;
      },
      ledger_);
  MEDFLYT_RETURN_IF_ERROR(unread);
  std::vector<LeafIndex> named;
  uint64_t refused = 0;
  if (verified.ok()) {
    for (const entry::ReceiptedEvent& event : verified->events) {
      named.push_back(event.index);
      if (!event.refused_rule.empty()) ++refused;
    }
    std::sort(named.begin(), named.end());
  }
  if (!verified.ok() || wire::RunsOf(named) != record.runs ||
      verified->head.checkpoint.size() != record.recipient_size ||
      verified->head.checkpoint.root() != record.recipient_root) {
    const auto broken = BrokenRuleOf(verified.status());
    Find(FindingCode::kReceiptInvalid, index,
         absl::StrCat(record.recipient_origin, broken ? ": " : "", broken ? broken->rule : ""));
    return absl::OkStatus();
  }
  ++report_.records.receipts_proven;
  report_.records.receipts_refusing += refused;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<crypto::Hash>> LedgerCheck::OwnLeaf(LeafIndex index) {
  if (index.value() >= parts_.size.value()) return std::optional<crypto::Hash>();
  const uint64_t tile = index.value() / tlog::kTileWidth;
  if (tile_index_ != tile) {
    MEDFLYT_ASSIGN_OR_RETURN(auto bytes,
                             ReadOne(parts_.read, tlog::TilePath({0, tile, tlog::TileWidthAt(0, tile, parts_.size)})));
    tile_index_ = tile;
    tile_ = std::move(bytes).value_or("");
  }
  const size_t offset = index.value() % tlog::kTileWidth * crypto::Hash::kSize;
  if (offset + crypto::Hash::kSize > tile_.size()) return std::optional<crypto::Hash>();
  return crypto::Hash::FromBytes(std::string_view(tile_).substr(offset, crypto::Hash::kSize));
}

}  // namespace medflyt::audit
