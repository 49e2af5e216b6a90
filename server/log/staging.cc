#include "server/log/staging.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/entry/grant.h"
#include "common/entry/seal.h"
#include "common/event/catalogue.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/checkpoint.h"
#include "server/keys/access_period.h"
#include "server/log/state_rows.h"

namespace medflyt::log {
namespace {

using store::Table;

constexpr uint64_t kMaxWaitingLookedAt = 1024;
constexpr size_t kSegmentEntries = 256;  // a reader of one entry reads its whole segment

absl::Time ToMicroseconds(absl::Time time) { return absl::FromUnixMicros(absl::ToUnixMicros(time)); }

// Puts the leaf hash into the body that names another event of the same decision.
void FillAnnouncement(event::Body& body, const Hash& leaf_hash) {
  if (auto* ended = std::get_if<event::ResponsibilityEnded>(&body)) ended->announcement = leaf_hash;
}

}  // namespace

Log::Staging::Staging(Log& log, PreparedCommit& prepared)
    : log_(log),
      prepared_(prepared),
      now_(ToMicroseconds(log.parts_.clock.Now())),
      facts_(log.parts_.facts.FactsOn(DanishDate(now_))),
      segment_first_(end()) {}

absl::StatusOr<std::vector<IssuedEvent>> Log::Staging::Execute(const event::Command& command) {
  MEDFLYT_ASSIGN_OR_RETURN(auto drafts, domain::Decide(log_.state_, command, facts_));
  MEDFLYT_ASSIGN_OR_RETURN(auto issued, Append(std::move(drafts), command.certificate));
  if (const absl::Status status = Settle(issued); !status.ok()) Fail(status);
  return issued;
}

absl::StatusOr<Position> Log::Staging::AppendReceived(const event::Event& event,
                                                      const event::AnnouncementRef& stands_at, std::string_view refused,
                                                      const std::optional<event::AnnouncementVerified>& verified) {
  const Position record =
      AppendReceivedRecord(event.header.issuer, event.header.number, event.header.id, stands_at, refused);
  if (!refused.empty()) return record;
  domain::Evolve(log_.state_, event, {stands_at.origin, stands_at.index, stands_at.leaf_hash});
  to_settle_.push_back(event);
  std::vector<IssuedEvent> issued;
  if (verified) {
    MEDFLYT_ASSIGN_OR_RETURN(
        issued, Append({event::Draft{log_.parts_.self, event.header.case_id, "", *verified, std::nullopt}}));
  }
  if (const absl::Status status = Settle(issued); !status.ok()) Fail(status);
  return record;
}

Position Log::Staging::AppendUndecodable(AuthorityId issuer, PairNumber number, const EventId& id,
                                         const event::AnnouncementRef& stands_at, std::string_view refused) {
  return AppendReceivedRecord(issuer, number, id, stands_at, refused);
}

Position Log::Staging::AppendReceivedRecord(AuthorityId issuer, PairNumber number, const EventId& id,
                                            const event::AnnouncementRef& stands_at, std::string_view refused) {
  auto entry = log_.ledger_.Encode(
      {now_, wire::EventReceived{stands_at.origin, stands_at.index, stands_at.leaf_hash, std::string(refused)}});
  if (!entry.ok()) {
    Fail(entry.status());
    return end();
  }
  const Position record = AppendLedger(*entry);
  PutIndex(EventKey(id), EncodeLocation({issuer, number, record}));
  return record;
}

Position Log::Staging::AppendLedger(std::string_view entry) {
  return log_.generations_.open().At(AppendEntry(entry, KeyId()));
}

absl::StatusOr<bool> Log::Staging::IsUndelivered(AuthorityId peer, const std::set<KeyId>& keys,
                                                 const std::set<CaseId>& cases) const {
  const auto state = log_.peers_.find(peer);
  if (state == log_.peers_.end()) return false;
  const uint64_t receipted = state->second.receipted.value();
  const uint64_t waiting = state->second.issued.value() - receipted;
  if (waiting > kMaxWaitingLookedAt) return true;
  if (waiting == 0) return false;
  for (const IssuedEvent& event : log_.ahead_) {
    if (event.recipient == peer && cases.contains(event.case_id)) return true;
  }
  MEDFLYT_ASSIGN_OR_RETURN(const auto durable,
                           log_.reader_.OutboundFrom(peer, PairNumber(receipted + 1), kMaxWaitingLookedAt));
  return std::any_of(durable.begin(), durable.end(),
                     [&keys](const Outbound& event) { return keys.contains(event.entry.key_id); });
}

PeerState& Log::Staging::peer(AuthorityId authority) {
  touched_peers_[authority] = true;
  return log_.peers_[authority];
}

absl::StatusOr<bool> Log::Staging::IsKnown(const EventId& id) const {
  for (const Generation& log : log_.generations_.all()) {
    const auto own = log_.opened_[log.number].ids.Find(id);
    if (own && own->value() < (log.last ? log.last->size : log_.tree_.size()).value()) return true;
  }
  MEDFLYT_ASSIGN_OR_RETURN(const auto received, FindIndex(EventKey(id)));
  return received.has_value();
}

absl::StatusOr<std::optional<std::string>> Log::Staging::FindIndex(std::string_view key) const {
  {
    MutexLock lock(log_.mutex_);
    if (const auto staged = log_.staged_index_.find(key); staged != log_.staged_index_.end()) {
      return staged->second.first;
    }
  }
  return log_.parts_.store.Get(Table::kIndex, key);
}

void Log::Staging::PutIndex(std::string_view key, std::string_view value) {
  prepared_.batch.Put(Table::kIndex, key, value);
  NoteIndex(key, std::string(value));
}

void Log::Staging::DeleteIndex(std::string_view key) {
  prepared_.batch.Delete(Table::kIndex, key);
  NoteIndex(key, std::nullopt);
}

void Log::Staging::NoteIndex(std::string_view key, std::optional<std::string> value) {
  prepared_.index_keys.emplace_back(key);
  MutexLock lock(log_.mutex_);
  auto& staged = log_.staged_index_[std::string(key)];
  staged.first = std::move(value);
  ++staged.second;
}

absl::StatusOr<std::vector<IssuedEvent>> Log::Staging::IssuedBetween(Position first, Position end) {
  std::vector<IssuedEvent> issued;
  if (first >= log_.end()) {
    for (const IssuedEvent& event : log_.ahead_) {
      const Position at = log_.generations_.open().At(event.leaf);
      if (at >= first && at < end) issued.push_back(event);
    }
    return issued;
  }
  MEDFLYT_RETURN_IF_ERROR(
      log_.reader_.Visit(first, end, [&](Position at, std::string_view entry, const KeyId& key_id) -> absl::Status {
        if (key_id.is_zero()) return absl::OkStatus();  // a ledger record
        auto event = ReadIssued(at, entry, key_id);
        if (!event.ok()) return event.status();
        issued.push_back(*std::move(event));
        return absl::OkStatus();
      }));
  return issued;
}

absl::StatusOr<IssuedEvent> Log::Staging::ReadIssued(Position position, std::string_view entry, const KeyId& key_id) {
  const Generation& log = log_.generations_.Of(position);
  const auto key = log_.parts_.keys.Find(key_id);
  if (absl::IsNotFound(key.status())) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "EVENT_ERASED", "context.request_id",
                     "what this request led to has been erased since");
  }
  MEDFLYT_RETURN_IF_ERROR(key.status());
  MEDFLYT_ASSIGN_OR_RETURN(const entry::SealedView sealed, entry::ParseSealed(entry));
  MEDFLYT_ASSIGN_OR_RETURN(std::string content, entry::OpenEntry(sealed, *key, log.origin));
  const auto event = log_.codec_.Decode(content, sealed.event_id);
  crypto::Wipe(content);
  MEDFLYT_RETURN_IF_ERROR(event.status());
  return IssuedEvent{sealed.event_id,         event::TypeOf(event->body), event->header.case_id,
                     event->header.recipient, log.IndexOf(position),      merkle::LeafHash(entry)};
}

absl::StatusOr<std::vector<IssuedEvent>> Log::Staging::Append(std::vector<event::Draft> drafts,
                                                              const std::optional<Hash>& certificate) {
  std::vector<event::Event> events(drafts.size());
  std::vector<std::string> contents(drafts.size());
  std::map<AuthorityId, uint64_t> numbers;
  for (size_t i = 0; i < drafts.size(); ++i) {
    event::Draft& draft = drafts[i];
    auto number = numbers.try_emplace(draft.recipient, peer(draft.recipient).issued.value()).first;
    const auto acted_by = draft.officer.empty() ? std::nullopt : certificate;
    // The id follows from the place in the log.
    events[i] = {{EventId(), log_.parts_.self, draft.recipient, draft.case_id, PairNumber(++number->second), now_,
                  std::move(draft.officer), acted_by},
                 std::move(draft.body)};
    // The hash is not known yet; content never holds a zero one, and any other is as long.
    if (draft.announcement_of) FillAnnouncement(events[i].body, crypto::Sha256(""));
    MEDFLYT_RETURN_IF_ERROR(log_.codec_.Encode(events[i], contents[i]));
    if (contents[i].size() > entry::kMaxContent) {
      return RuleError(absl::StatusCode::kInvalidArgument, "CONTENT_TOO_LONG", "", "the event's content is too long");
    }
  }

  std::vector<IssuedEvent> issued;
  issued.reserve(events.size());
  for (size_t i = 0; i < events.size(); ++i) {
    event::Event& event = events[i];
    if (drafts[i].announcement_of) {
      FillAnnouncement(event.body, issued[*drafts[i].announcement_of].leaf_hash);
      if (const absl::Status status = log_.codec_.Encode(event, contents[i]); !status.ok()) Fail(status);
    }
    MEDFLYT_ASSIGN_OR_RETURN(const IssuedEvent sealed, Issue(event, contents[i]));
    issued.push_back(sealed);
    domain::Evolve(log_.state_, event, {log_.origin(), sealed.leaf, sealed.leaf_hash});
    to_settle_.push_back(std::move(event));
  }
  return issued;
}

absl::StatusOr<IssuedEvent> Log::Staging::Issue(event::Event& event, std::string& content) {
  event::Header& header = event.header;
  const auto key = SealingKey(event);  // may append the grant
  header.id = log_.event_ids_.At(LeafIndex(log_.tree_.size().value()));
  auto entry = key.ok() ? entry::SealEntry(header.id, log_.parts_.random.NewId<crypto::Nonce>(), content, key->key,
                                           log_.origin())
                        : key.status();
  crypto::Wipe(content);
  if (!entry.ok()) {
    Fail(entry.status());
    return entry.status();
  }
  const LeafIndex leaf = AppendEntry(*entry, key->id);
  PeerState& recipient = peer(header.recipient);
  recipient.issued = header.number;
  if (header.recipient != log_.parts_.self) {
    auto row = pair_rows_.try_emplace(header.recipient, header.number, std::string()).first;
    const bool opens = std::holds_alternative<event::TransferRequested>(event.body);
    row->second.second.append(EncodeU64(log_.generations_.open().At(leaf).value() | (opens ? kCarriesOpening : 0)));
  }
  const IssuedEvent issued{header.id,      event::TypeOf(event.body), header.case_id, header.recipient, leaf,
                           last_leaf_hash_};
  log_.ahead_.push_back(issued);
  return issued;
}

absl::StatusOr<domain::EventAddress> Log::Staging::AppendTellsAgain(std::string_view closed_origin,
                                                                    LeafIndex closed_index) {
  const Generation* closed = log_.generations_.Find(closed_origin);
  if (closed == nullptr || closed->number == log_.generations_.open().number) {
    return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "outbox", "what is told again is of no closed log");
  }
  MEDFLYT_ASSIGN_OR_RETURN(domain::EventAddress before, log_.reader_.AddressAt(closed->At(closed_index)));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string record,
                           log_.ledger_.Encode({now_, wire::EntryReissued{std::string(closed_origin), closed_index}}));
  AppendLedger(record);
  return before;
}

absl::StatusOr<IssuedEvent> Log::Staging::Reissue(event::Event event, std::string_view closed_origin,
                                                  LeafIndex closed_index) {
  event.header.number = PairNumber(peer(event.header.recipient).issued.value() + 1);
  std::string content;
  MEDFLYT_RETURN_IF_ERROR(log_.codec_.Encode(event, content));
  MEDFLYT_ASSIGN_OR_RETURN(const domain::EventAddress before, AppendTellsAgain(closed_origin, closed_index));
  MEDFLYT_ASSIGN_OR_RETURN(const IssuedEvent issued, Issue(event, content));
  domain::Readdress(log_.state_, before, {issued.id, {log_.origin(), issued.leaf, issued.leaf_hash}});
  return issued;
}

absl::StatusOr<Position> Log::Staging::AppendToldAgain(const event::Event& event,
                                                       const event::AnnouncementRef& stands_at,
                                                       std::string_view closed_origin, LeafIndex closed_index) {
  MEDFLYT_ASSIGN_OR_RETURN(const domain::EventAddress before, AppendTellsAgain(closed_origin, closed_index));
  const Position record =
      AppendReceivedRecord(event.header.issuer, event.header.number, event.header.id, stands_at, "");
  domain::Readdress(log_.state_, before, {event.header.id, stands_at});
  return record;
}

absl::StatusOr<keys::DataKey> Log::Staging::SealingKey(const event::Event& event) {
  const event::RetentionClass retention = event::RightOf(event::TypeOf(event.body)).retention;
  const AuthorityId recipient = event.header.recipient;
  const CaseId case_id = retention == event::RetentionClass::kAccess
                             ? keys::AccessPeriodOf(absl::CivilMonth(DanishDate(now_)))
                             : event.header.case_id;
  bool created = false;
  MEDFLYT_ASSIGN_OR_RETURN(
      keys::DataKey key,
      log_.parts_.keys.FindOrCreate({case_id, log_.parts_.self, recipient, retention}, prepared_.batch, created));
  if (recipient == log_.parts_.self) return key;
  MEDFLYT_ASSIGN_OR_RETURN(const bool granted, IsGrantedInThisLog(key.id));
  if (created || !granted) {
    MEDFLYT_ASSIGN_OR_RETURN(
        std::string grant,
        log_.ledger_.Encode({now_, wire::KeyGranted{recipient, key.id, entry::GrantCommitment(key.id, key.key)}}));
    PutIndex(GrantKey(key.id), EncodeU64(AppendLedger(grant).value()));
  }
  return key;
}

// A recipient that asks for a key again is sent the grant's record with its proof, which only the open log can make.
absl::StatusOr<bool> Log::Staging::IsGrantedInThisLog(const KeyId& id) const {
  const Position begin = log_.generations_.open().begin;
  if (begin.value() == 0) return true;
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, FindIndex(GrantKey(id)));
  if (!row) return false;
  MEDFLYT_ASSIGN_OR_RETURN(const uint64_t position, DecodeU64(*row));
  return Position(position) >= begin;
}

absl::Status Log::Staging::ApplyRules(std::function<bool(const event::Draft&)> told) {
  deferred_ = false;
  told_ = std::move(told);
  std::vector<IssuedEvent> issued;
  const absl::Status settled = Settle(issued);
  told_ = nullptr;
  return settled;
}

absl::Status Log::Staging::Settle(std::vector<IssuedEvent>& issued) {
  if (deferred_) return absl::OkStatus();
  while (!to_settle_.empty()) {
    const event::Event event = std::move(to_settle_.front());
    to_settle_.pop_front();
    auto drafts = domain::React(log_.state_, event, facts_);
    if (told_) std::erase_if(drafts, told_);
    if (drafts.empty()) continue;
    MEDFLYT_ASSIGN_OR_RETURN(const auto followed, Append(std::move(drafts)));
    issued.insert(issued.end(), followed.begin(), followed.end());
  }
  return absl::OkStatus();
}

LeafIndex Log::Staging::AppendEntry(std::string_view entry, const KeyId& key_id) {
  if (segment_entries_ == kSegmentEntries) FlushSegment();
  const LeafIndex leaf(log_.tree_.size().value());
  last_leaf_hash_ = merkle::LeafHash(entry);
  log_.tree_.Append(last_leaf_hash_, prepared_.batch);
  AppendSegmentEntry(segment_, entry, key_id);
  ++segment_entries_;
  prepared_.appends = true;
  return leaf;
}

void Log::Staging::FlushSegment() {
  if (segment_entries_ == 0) return;
  prepared_.batch.Put(Table::kSegments, SegmentKey(segment_first_), segment_);
  segment_.clear();
  segment_entries_ = 0;
  segment_first_ = end();
}

void Log::Staging::Fail(const absl::Status& status) {
  if (prepared_.defect.ok()) prepared_.defect = status;
}

void Log::Staging::Finish() {
  FlushSegment();
  for (const auto& [peer, row] : pair_rows_) {
    prepared_.batch.Put(Table::kOutbox, PairRowKey('p', peer, row.first.value()), row.second);
    prepared_.receivers.push_back(peer);
  }
  const StateRows rows(log_.parts_.self, log_.parts_.keys, log_.parts_.random);
  for (const domain::RowChange& change : log_.state_.TakeChanges()) {
    if (const absl::Status status = rows.Stage(change, prepared_.batch); !status.ok()) Fail(status);
  }
  for (const auto& [authority, unused] : touched_peers_) {
    const PeerState& state = log_.peers_[authority];
    prepared_.batch.Put(Table::kMeta, PeerKey(authority), EncodePeer(state));
    prepared_.peers.emplace_back(authority, state);
  }
  if (!prepared_.appends) {
    prepared_.head = log_.prepared_head_;
    return;
  }
  auto checkpoint = tlog::Checkpoint::Create(log_.origin(), log_.tree_.size(), log_.tree_.Root());
  if (!checkpoint.ok()) return Fail(checkpoint.status());
  tlog::SignedNote note = tlog::SignCheckpoint(*checkpoint, log_.parts_.signer);
  if (log_.parts_.successor != nullptr) {
    note.signatures.push_back(tlog::SignCheckpoint(*checkpoint, *log_.parts_.successor).signatures.front());
  }
  prepared_.head = {checkpoint->size(), checkpoint->root(), note.Serialize()};
  prepared_.batch.Put(Table::kMeta, HeadKey(), EncodeHead(prepared_.head));
  log_.prepared_head_ = prepared_.head;
}

}  // namespace medflyt::log
