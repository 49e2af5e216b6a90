#include "server/exchange/recovery_evidence.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/secret.h"
#include "common/entry/grant.h"
#include "common/entry/receipt.h"
#include "common/entry/seal.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/tlog_proof.h"
#include "common/wire/content.h"
#include "common/wire/ledger.h"
#include "server/exchange/context.h"
#include "server/exchange/hello.h"
#include "server/exchange/kept.h"
#include "server/exchange/kept_receipt.h"
#include "server/exchange/own_events.h"
#include "server/exchange/own_log_check.h"
#include "server/exchange/record_again.h"

namespace medflyt::exchange {
namespace {

absl::Status Invalid(std::string_view what) {
  return RuleError(absl::StatusCode::kFailedPrecondition, "RECOVERY_EVIDENCE_INVALID", "peer", what);
}

// In a closed log each entry stands by its own signed head: what that goes on from nobody can say any more.
void ForgetConsistency(v1::EventBatch& batch) {
  batch.set_consistency_from(0);
  batch.clear_consistency_proof();
}

// As what came otherwise is kept: without what was sealed beside it.
v1::EventBatch ForKeeping(v1::EventBatch batch) {
  batch.clear_grants();
  batch.clear_openings();
  batch.clear_sequence();
  return batch;
}

// Our logs up to the closed one, in the order of the own card, and where they go on from what the store has.
class OwnLogs {
 public:
  explicit OwnLogs(const EvidenceParts& parts) {
    if (const directory::Authority* self = parts.directory.Find(parts.self); self != nullptr) {
      for (const directory::Log& log : self->logs) {
        origins_.push_back(log.origin);
        if (log.origin == parts.closed_origin) break;
      }
    }
    if (origins_.empty() || origins_.back() != parts.closed_origin) origins_ = {parts.closed_origin};
    // Behind the last log that the store has entries of; it has none of those that were lost.
    const std::span<const log::Generation> all = parts.log.reader().generations().all();
    const TreeSize open = parts.log.head().size;
    for (size_t i = all.size(); i-- > 0;) {
      const TreeSize size = all[i].last ? all[i].last->size : open;
      if (size.value() == 0 && i > 0) continue;
      const auto order = OrderOf(all[i].origin);
      // An origin that the card does not have is of before all of it.
      if (order) stored_until_ = {*order, LeafIndex(size.value())};
      break;
    }
  }

  [[nodiscard]] std::optional<size_t> OrderOf(std::string_view origin) const {
    const auto found = std::find(origins_.begin(), origins_.end(), origin);
    if (found == origins_.end()) return std::nullopt;
    return static_cast<size_t>(found - origins_.begin());
  }
  [[nodiscard]] const std::string& origin(size_t order) const { return origins_[order]; }
  // Whether the store does not reach there.
  [[nodiscard]] bool IsLost(const OwnPlace& place) const { return place >= stored_until_; }
  // Whether that log is one of which the store has nothing.
  [[nodiscard]] bool IsLater(const OwnPlace& place) const { return place.log > stored_until_.log; }

 private:
  std::vector<std::string> origins_;
  OwnPlace stored_until_;
};

// The entries of a message, proven under a head of one of our logs.
struct ProvenEntries {
  size_t log = 0;  // its place in the card
  entry::VerifiedBatch batch;
};
absl::StatusOr<ProvenEntries> ProvenByUs(const EvidenceParts& parts, const OwnLogs& own, v1::EventBatch& batch) {
  ForgetConsistency(batch);
  const auto stated = tlog::StatedCheckpoint(batch.checkpoint());
  const auto order = stated.ok() ? own.OrderOf(stated->origin()) : std::nullopt;
  if (!order) return Invalid("what it gives back is under no head of a log of ours");
  const std::string& origin = own.origin(*order);
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::VerifierKey key, KeyForNote(batch.checkpoint(), origin, parts.directory));
  MEDFLYT_ASSIGN_OR_RETURN(entry::VerifiedBatch verified, entry::VerifyBatch(batch, {origin, std::span(&key, 1)}, {}));
  return ProvenEntries{*order, std::move(verified)};
}

// All that an event says but who it is and which events it names: those have other names where it is told again.
event::Event WithoutNames(event::Event event) {
  event.header.id = EventId();
  event.header.number = PairNumber();
  std::visit(
      [](auto& body) {
        if constexpr (requires { body.announcement.has_value(); }) body.announcement.reset();
      },
      event.body);
  if (auto* restored = std::get_if<event::ResponsibilityRestored>(&event.body); restored != nullptr) {
    restored->ended = EventId();
  }
  return event;
}

// A head of our closed log, whose note keeps one signature of the log's key: whoever shows it may have added lines in
// the log's name, or that very signature, as often as a note has room for.
absl::StatusOr<tlog::OpenedCheckpoint> OpenByLogAlone(const EvidenceParts& parts, std::string_view note) {
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::VerifierKey key, KeyForNote(note, parts.closed_origin, parts.directory));
  MEDFLYT_ASSIGN_OR_RETURN(tlog::OpenedCheckpoint opened, tlog::OpenCheckpoint(note, std::span(&key, 1)));
  if (opened.checkpoint.origin() != parts.closed_origin) {
    return RuleError(absl::StatusCode::kInvalidArgument, "ORIGIN_MISMATCH", "checkpoint", "the head is another log's");
  }
  std::vector<tlog::NoteSignature>& lines = opened.note.signatures;
  const auto by_log = std::find_if(lines.begin(), lines.end(), [&key](const auto& each) { return key.Made(each); });
  lines = {tlog::NoteSignature(*by_log)};
  return opened;
}

// One peer's answers.
class Reading {
 public:
  Reading(const EvidenceParts& parts, AuthorityId peer)
      : parts_(parts), own_(parts), peer_(peer), state_(parts.log.peer(peer)) {}

  absl::StatusOr<PeerEvidence> Read(const v1::HeldByPeer& given) {
    evidence_.peer = peer_;
    evidence_.last_issued = PairNumber(given.heads().last_received_number());
    evidence_.receipted_by_us = PairNumber(given.heads().last_receipted_number());
    if (evidence_.last_issued < state_.receipted) return Invalid("it had receipted more than it says to have");
    const directory::Authority* authority = parts_.directory.Find(peer_);
    if (authority == nullptr || !authority->has_node()) return Invalid("it has no node in the directory");
    for (const directory::Log& log : authority->logs) {
      MEDFLYT_RETURN_IF_ERROR(parts_.log_keys.Check(*authority, log));
      origins_.insert(log.origin);
    }
    open_ = authority->logs.back().origin;
    MEDFLYT_RETURN_IF_ERROR(CheckRecordedAgain());
    next_held_ = state_.receipted.value() + 1;
    next_returned_ = state_.received.value() + 1;
    evidence_.as_stored = state_.receipted;
    MEDFLYT_RETURN_IF_ERROR(ReadUnreceipted());
    for (const v1::GetHeldEventsResponse& each : given.held()) MEDFLYT_RETURN_IF_ERROR(TakeHeld(each));
    for (const v1::GetReceiptedEventsResponse& each : given.receipted()) MEDFLYT_RETURN_IF_ERROR(TakeReturned(each));
    if (next_held_ <= evidence_.last_issued.value()) return Invalid("events of ours are missing");
    if (receipted_ < sent_.size()) return Invalid("there is no receipt for an event of ours");
    if (next_returned_ <= evidence_.receipted_by_us.value()) return Invalid("events of its own are missing");
    MEDFLYT_RETURN_IF_ERROR(FindToldAgain());
    if (evidence_.origin.empty() && state_.origin.empty() && !receipts_of_.empty()) {
      evidence_.origin = receipts_of_;
      evidence_.by_receipt = receipts_at_;
      took_of_.insert(receipts_of_);
    }
    for (const directory::Log& log : authority->logs) {
      if (took_of_.contains(log.origin)) evidence_.taken_over.push_back(LogsUpTo(*authority, log.origin));
    }
    return std::move(evidence_);
  }

 private:
  // An event of ours that the peer must have a receipt for.
  struct Sent {
    PairNumber number;
    event::AnnouncementRef stands_at;
  };

  // What must be recorded again can be, at once. Behind the closing of the log it would be too late to leave the peer
  // out.
  absl::Status CheckRecordedAgain() {
    MEDFLYT_ASSIGN_OR_RETURN(const auto unfinished, FindRepetition(parts_.log.reader().store(), peer_));
    const PairNumber denied(evidence_.receipted_by_us.value() + 1);
    // What the closed log had begun to record again is whole again from its beginning on.
    evidence_.again_from = unfinished ? std::min(denied, unfinished->first) : denied;
    MEDFLYT_ASSIGN_OR_RETURN(const bool too_much, IsTooMuchAgain(evidence_.again_from));
    if (!too_much) return absl::OkStatus();
    MEDFLYT_ASSIGN_OR_RETURN(const bool denies, IsTooMuchAgain(denied));
    return Invalid(denies ? "it denies more receipts than can be made again at once"
                          : "what was being recorded again of it is more than can be at once, and is made in parts "
                            "where it is left out");
  }
  // Of the numbers from this one to the last received.
  absl::StatusOr<bool> IsTooMuchAgain(PairNumber from) const {
    if (from > state_.received) return false;
    if (state_.received.value() - from.value() >= kMaxRecordedAgain) return true;
    size_t bytes = 0;
    const absl::Status enough = absl::CancelledError();
    const absl::Status visited = VisitKept(parts_.log.reader().store(), peer_, from, [&](const KeptRow& row) {
      bytes += row.batch.size();
      return bytes > kMaxRecordedAgainBytes ? enough : absl::OkStatus();
    });
    if (bytes > kMaxRecordedAgainBytes) return true;
    MEDFLYT_RETURN_IF_ERROR(visited);
    return false;
  }

  // What the store has issued, and the peer may have received behind its back.
  absl::Status ReadUnreceipted() {
    const uint64_t receipted = state_.receipted.value();
    const uint64_t last = std::min(state_.issued, evidence_.last_issued).value();
    if (last <= receipted) return absl::OkStatus();
    MEDFLYT_ASSIGN_OR_RETURN(const auto events,
                             parts_.log.reader().OutboundFrom(peer_, PairNumber(receipted + 1), last - receipted));
    for (const log::Outbound& event : events) {
      MEDFLYT_ASSIGN_OR_RETURN(const event::AnnouncementRef at, IssuedAt(parts_.log.reader(), event));
      unreceipted_.push_back({event.number, at});
    }
    return absl::OkStatus();
  }

  // Whether the peer has this number as the store does. It has another entry under it where the store's never arrived:
  // then the log that went on from the store's gave the number to what it told first.
  [[nodiscard]] bool IsAsStored(PairNumber number, const event::AnnouncementRef& stands_at) const {
    const size_t at = number.value() - state_.receipted.value() - 1;
    return number.value() == evidence_.as_stored.value() + 1 && at < unreceipted_.size() &&
           unreceipted_[at].stands_at == stands_at;
  }

  absl::Status TakeHeld(const v1::GetHeldEventsResponse& given) {
    v1::EventBatch batch = given.batch();
    MEDFLYT_ASSIGN_OR_RETURN(const ProvenEntries proven, ProvenByUs(parts_, own_, batch));
    const std::vector<entry::VerifiedEntry>& entries = proven.batch.entries;
    MEDFLYT_ASSIGN_OR_RETURN(const HeldKeys keys, TakeKeys(given.keys(), /*ours=*/true));
    const size_t which = evidence_.held_batches.size();
    const size_t before = evidence_.held.size();
    for (int i = 0; i < given.positions_size(); ++i) {
      const PairNumber number(given.first_number() + static_cast<uint64_t>(i));
      if (number <= state_.receipted) continue;
      const uint32_t position = given.positions(i);
      if (number.value() != next_held_ || position >= entries.size()) return Invalid("numbers are missing");
      const entry::VerifiedEntry& entry = entries[position];
      const OwnPlace place{proven.log, entry.index};
      const event::AnnouncementRef stands_at{own_.origin(proven.log), entry.index, entry.leaf_hash};
      if (last_held_ && place <= *last_held_) return Invalid("numbers are not in the order of the log");
      last_held_ = place;
      ++next_held_;
      sent_.push_back({number, stands_at});
      if (IsAsStored(number, stands_at)) {
        evidence_.as_stored = number;
        continue;
      }
      // One number has one entry in a log that the store has begun.
      if (!own_.IsLost(place) || (number <= state_.issued && !own_.IsLater(place))) {
        return Invalid("an event is not what the store has under its number, or at its place");
      }
      HeldEvent held{place, stands_at, number, {}, std::nullopt, {}, which, position, std::nullopt};
      MEDFLYT_RETURN_IF_ERROR(Open(entry, keys, held));
      evidence_.held.push_back(std::move(held));
    }
    if (evidence_.held.size() > before) evidence_.held_batches.push_back(ForKeeping(std::move(batch)));
    for (const v1::Receipt& receipt : given.receipts()) MEDFLYT_RETURN_IF_ERROR(TakeReceipt(receipt));
    return absl::OkStatus();
  }

  // What the store has issued and the peer does not have as it stands there was told again in a log that is lost,
  // before all else and in the same order, but for what was erased. Where the peer has other events of that log and not
  // these, it did not go on from what the store has.
  absl::Status FindToldAgain() {
    if (evidence_.as_stored >= std::min(state_.issued, evidence_.last_issued)) return absl::OkStatus();
    MEDFLYT_ASSIGN_OR_RETURN(const auto waiting,
                             parts_.log.reader().OutboundFrom(peer_, PairNumber(evidence_.as_stored.value() + 1),
                                                              state_.issued.value() - evidence_.as_stored.value()));
    auto next = evidence_.held.begin();
    for (const log::Outbound& each : waiting) {
      const auto key = parts_.keys.Find(each.entry.key_id);
      if (absl::IsNotFound(key.status())) continue;  // erased: it is told no more
      MEDFLYT_RETURN_IF_ERROR(key.status());
      const std::string& origin = parts_.log.reader().generations().Of(each.position).origin;
      MEDFLYT_ASSIGN_OR_RETURN(const auto sealed, entry::ParseSealed(each.entry.bytes));
      MEDFLYT_ASSIGN_OR_RETURN(std::string content, entry::OpenEntry(sealed, *key, origin));
      auto event = content_.Decode(content, sealed.event_id);
      crypto::Wipe(content);
      MEDFLYT_RETURN_IF_ERROR(event.status());
      for (; next != evidence_.held.end() && !next->event; ++next) {
        // Which key is an entry's, stands beside what is proven: under another one's id it would be told once more.
        if (OpensWith(*next, *key)) return Invalid("an event is under another key than it says");
      }
      if (next == evidence_.held.end()) break;  // not yet delivered, and lost with that log
      if (WithoutNames(*next->event) != WithoutNames(*std::move(event))) {
        return Invalid(
            "a log that is lost told it something else: the store is of a newer copy than that log went on "
            "from");
      }
      next->tells = each.position;
      ++next;
    }
    return absl::OkStatus();
  }

  [[nodiscard]] bool OpensWith(const HeldEvent& held, const crypto::Key& key) const {
    const v1::EventBatch& batch = evidence_.held_batches[held.batch];
    const auto sealed = entry::ParseSealed(batch.entries(static_cast<int>(held.position)));
    return sealed.ok() && entry::OpenEntry(*sealed, key, held.stands_at.origin).ok();
  }

  // For the next events of our own without one.
  absl::Status TakeReceipt(const v1::Receipt& receipt) {
    const auto stated = tlog::StatedCheckpoint(receipt.checkpoint());
    if (!stated.ok() || !origins_.contains(stated->origin())) return Invalid("a receipt is of another's log");
    MEDFLYT_ASSIGN_OR_RETURN(const tlog::VerifierKey key,
                             KeyForNote(receipt.checkpoint(), stated->origin(), parts_.directory));
    // It is of one batch of ours, so of one log.
    std::span<const Sent> next = std::span(sent_).subspan(receipted_);
    const std::string own_origin = next.empty() ? parts_.closed_origin : next.front().stands_at.origin;
    const auto end = std::find_if(next.begin(), next.end(),
                                  [&own_origin](const Sent& each) { return each.stands_at.origin != own_origin; });
    next = next.first(static_cast<size_t>(end - next.begin()));
    const auto leaf_of = [next](LeafIndex index) -> std::optional<crypto::Hash> {
      const auto found = std::lower_bound(next.begin(), next.end(), index,
                                          [](const Sent& each, LeafIndex at) { return each.stands_at.index < at; });
      return found == next.end() || found->stands_at.index != index ? std::nullopt
                                                                    : std::optional(found->stands_at.leaf_hash);
    };
    MEDFLYT_ASSIGN_OR_RETURN(
        const entry::VerifiedReceipt verified,
        entry::VerifyReceipt(receipt, {stated->origin(), std::span(&key, 1)}, {}, own_origin, leaf_of, ledger_));
    HeldReceipt held{next.front().number, EncodeReceipt(receipt, verified), {}};
    for (size_t i = 0; i < verified.events.size(); ++i) {
      if (next[i].stands_at.index != verified.events[i].index)
        return Invalid("receipts are not in the order of numbers");
      const std::string& rule = verified.events[i].refused_rule;
      if (!rule.empty()) held.refusals.emplace_back(next[i].number, rule);
    }
    evidence_.receipts.push_back(std::move(held));
    receipted_ += verified.events.size();
    receipts_of_ = stated->origin();
    receipts_at_ = {verified.head.checkpoint.size(), verified.head.checkpoint.root()};
    return absl::OkStatus();
  }

  // What a message brings of keys that are not held.
  using HeldKeys = std::map<KeyId, crypto::Key>;
  absl::StatusOr<HeldKeys> TakeKeys(const google::protobuf::RepeatedPtrField<v1::HeldKey>& keys, bool ours) {
    HeldKeys taken;
    for (const v1::HeldKey& each : keys) {
      const auto id = KeyId::FromBytes(each.sealed().key_id());
      const auto commitment = crypto::Hash::FromBytes(each.commitment());
      if (!id || !commitment) return Invalid("a key has no id or commitment");
      if (parts_.keys.IsDestroyed(*id)) continue;  // nobody gives back what was erased here
      if (ours) evidence_.granted.push_back(*id);
      if (parts_.keys.Has(*id)) continue;
      MEDFLYT_ASSIGN_OR_RETURN(const auto exchange_key, parts_.exchange_keys.Find(each.sealed().exchange_epoch()));
      MEDFLYT_ASSIGN_OR_RETURN(crypto::Key key, entry::OpenGrant({parts_.closed_origin, *id, parts_.self},
                                                                 each.sealed().sealed(), exchange_key, *commitment));
      taken.insert_or_assign(*id, std::move(key));
    }
    return taken;
  }

  // A key is what it says where an entry opens with it: the entry commits to it.
  absl::Status Open(const entry::VerifiedEntry& entry, const HeldKeys& keys, HeldEvent& held) {
    const auto sealed = entry::ParseSealed(entry.bytes);
    if (!sealed.ok() || !entry.key_id) return Invalid("an entry is no event");
    held.id = sealed->event_id;
    const auto given = keys.find(*entry.key_id);
    auto key = given != keys.end() ? absl::StatusOr<crypto::Key>(given->second) : parts_.keys.Find(*entry.key_id);
    if (absl::IsNotFound(key.status())) {
      held.refused = parts_.keys.IsDestroyed(*entry.key_id) ? "KEY_DESTROYED" : "KEY_MISSING";
      return absl::OkStatus();
    }
    MEDFLYT_RETURN_IF_ERROR(key.status());
    auto content = entry::OpenEntry(*sealed, *key, held.stands_at.origin);
    if (!content.ok()) return Invalid("an event does not open with the key that came with it");
    auto event = content_.Decode(*content, sealed->event_id);
    crypto::Wipe(*content);
    MEDFLYT_RETURN_IF_ERROR(event.status());
    const event::Header& header = event->header;
    if (header.issuer != parts_.self || header.recipient != peer_ || header.number != held.number) {
      return Invalid("an event is of another pair or number");
    }
    if (given != keys.end() && taken_.insert(*entry.key_id).second) {
      evidence_.keys.push_back({{*entry.key_id, *std::move(key)}, PurposeOf(*event)});
    }
    held.event = *std::move(event);
    return absl::OkStatus();
  }

  absl::Status TakeReturned(const v1::GetReceiptedEventsResponse& given) {
    // Where each stood in our log, and what we had said of it, by its place in the peer's.
    std::map<std::pair<std::string, LeafIndex>, std::pair<OwnPlace, wire::EventReceived>> receipted;
    for (const v1::Receipt& receipt : given.receipts()) {
      v1::EventBatch leaves;
      leaves.set_checkpoint(receipt.checkpoint());
      *leaves.mutable_indices() = receipt.leaf_indices();
      *leaves.mutable_entries() = receipt.leaves();
      *leaves.mutable_multi_proof() = receipt.multi_proof();
      for (int i = 0; i < receipt.leaves_size(); ++i) leaves.add_key_ids();
      MEDFLYT_ASSIGN_OR_RETURN(const ProvenEntries proven, ProvenByUs(parts_, own_, leaves));
      for (const entry::VerifiedEntry& leaf : proven.batch.entries) {
        MEDFLYT_ASSIGN_OR_RETURN(const wire::LedgerRecord record, ledger_.Decode(leaf.bytes));
        const auto* received = std::get_if<wire::EventReceived>(&record.record);
        if (received == nullptr) continue;
        receipted.insert_or_assign({received->issuer_origin, received->issuer_index},
                                   std::pair(OwnPlace{proven.log, leaf.index}, *received));
      }
    }

    if (given.positions().empty()) return Invalid("an answer names no event");
    v1::EventBatch batch = given.batch();
    const auto stated = tlog::StatedCheckpoint(batch.checkpoint());
    if (!stated.ok() || !origins_.contains(stated->origin())) return Invalid("an event is of another's log");
    const bool open = stated->origin() == open_;
    if (!open) ForgetConsistency(batch);
    MEDFLYT_ASSIGN_OR_RETURN(const HeldKeys held, TakeKeys(given.keys(), /*ours=*/false));
    std::vector<keys::DataKey> keys;
    for (const auto& [id, key] : held) keys.push_back({id, key});
    const std::span positions(given.positions().data(), static_cast<size_t>(given.positions_size()));
    BatchChecker checker({parts_.self, peer_, parts_.log.reader(), parts_.keys, parts_.exchange_keys,
                          parts_.refused_numbers, /*receipted=*/true, keys, positions});
    std::vector<KeyId> missing;
    entry::AcceptedHead accepted;
    if (open && evidence_.origin == open_) {
      accepted = {evidence_.by_batch.size, evidence_.by_batch.root};
    } else if (open) {
      accepted = AcceptedOf(state_, open_, state_.by_batch);
    }
    MEDFLYT_ASSIGN_OR_RETURN(
        CheckedBatch checked,
        checker.Check(batch, stated->origin(), accepted, PairNumber(next_returned_), parts_.directory, missing));
    if (checked.events.size() != static_cast<size_t>(given.positions_size())) {
      return Invalid("a place among the entries is that of no event");
    }
    const size_t which = evidence_.returned_batches.size();
    for (CheckedEvent& event : checked.events) {
      if (event.number > evidence_.receipted_by_us) return Invalid("more events than it says to have receipts for");
      const auto found = receipted.find({event.stands_at.origin, event.stands_at.index});
      if (found == receipted.end() || found->second.second.leaf_hash != event.stands_at.leaf_hash) {
        return Invalid("there is no receipt of ours for an event");
      }
      const auto& [record, received] = found->second;
      if (!own_.IsLost(record)) return Invalid("the store has the record of an event, and not the event");
      if (!evidence_.returned.empty() && record <= evidence_.returned.back().record) {
        return Invalid("receipts are not in the order of numbers");
      }
      if (event.refused.empty()) event.refused = received.refused_rule;
      evidence_.returned.push_back({record, std::move(event), which});
      ++next_returned_;
    }
    // By our own receipts we had taken this log, so that it needs no admission again.
    took_of_.insert(stated->origin());
    evidence_.origin = stated->origin();
    evidence_.by_batch = {checked.head.size, checked.head.root};
    for (CheckedKey& key : checked.keys) {
      if (taken_.insert(key.key.id).second) evidence_.keys.push_back(std::move(key));
    }
    evidence_.returned_batches.push_back(ForKeeping(std::move(batch)));
    return absl::OkStatus();
  }

  const EvidenceParts& parts_;
  const OwnLogs own_;
  const AuthorityId peer_;
  const log::PeerState state_;
  PeerEvidence evidence_;
  std::set<std::string> origins_;  // of the peer's logs
  std::string open_;               // the last of them
  std::set<std::string> took_of_;  // those of them that what came back makes known
  std::string receipts_of_;        // that of the last receipt
  log::AcceptedTree receipts_at_;  // its head there
  std::vector<Sent> unreceipted_;  // as the store has them, from the first without a receipt on
  std::vector<Sent> sent_;         // as the peer has them, in the order of numbers
  std::optional<OwnPlace> last_held_;
  size_t receipted_ = 0;  // of these
  uint64_t next_held_ = 0;
  uint64_t next_returned_ = 0;
  std::set<KeyId> taken_;
  wire::ContentCodec content_;
  wire::LedgerCodec ledger_;
};

}  // namespace

absl::StatusOr<PeerEvidence> ReadEvidence(const EvidenceParts& parts, const v1::HeldByPeer& given) {
  const auto peer = AuthorityId::FromNumber(given.peer());
  if (!peer) {
    return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "recovery", "a stored row does not parse");
  }
  auto evidence = Reading(parts, *peer).Read(given);
  // Whatever rule it breaks: officers must know whom to leave out.
  if (!evidence.ok()) return Annotate(evidence.status(), absl::StrCat("what ", peer->ToString(), " gave back"));
  return evidence;
}

absl::StatusOr<std::string> HighestCheckpoint(const EvidenceParts& parts, std::span<const v1::HeldByPeer> given) {
  std::optional<tlog::OpenedCheckpoint> highest;
  const auto consider = [&](std::string_view shown) {
    auto opened = OpenByLogAlone(parts, shown);
    if (!opened.ok() || (highest && opened->checkpoint.size() <= highest->checkpoint.size())) return;
    highest = *std::move(opened);
  };
  const log::Head own = parts.log.head();
  consider(own.checkpoint);
  // One without an entry any key of the log may have signed.
  if (!highest && own.size.value() > 0) {
    return RuleError(absl::StatusCode::kDataLoss, "CHECKPOINT_FOREIGN", "head",
                     "the stored checkpoint is not signed by this log's key of its size");
  }
  MEDFLYT_ASSIGN_OR_RETURN(const auto proofs, ReadOwnLogProofs(parts.log, parts.directory));
  for (const OwnLogProof& proof : proofs) consider(proof.note);
  for (const v1::HeldByPeer& peer : given) {
    for (const std::string& shown : peer.heads().checkpoints()) consider(shown);
  }
  const directory::Log* by_card = parts.directory.LogOf(parts.closed_origin);
  if (by_card != nullptr) {
    for (const directory::LogKey& key : by_card->keys) {
      const auto handover = tlog::TlogProof::Parse(key.handover);
      if (handover.ok()) consider(handover->checkpoint.Serialize());
    }
  }
  // The card ends the log behind its highest head, and not before its last key begins.
  if (!highest || (by_card != nullptr && highest->checkpoint.size() < by_card->keys.back().from)) {
    return Invalid("nobody, nor the own card, shows a head that the log's newest key has signed");
  }
  return highest->note.Serialize();
}

}  // namespace medflyt::exchange
