#include "server/service/event_reader.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "common/base/status.h"
#include "common/entry/seal.h"
#include "common/event/catalogue.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/tlog_proof.h"
#include "common/wire/content.h"
#include "common/wire/ledger.h"
#include "google/protobuf/util/time_util.h"
#include "server/exchange/cosigned_proof.h"
#include "server/exchange/record_again.h"
#include "server/exchange/refusals.h"

namespace medflyt::service {
namespace {

constexpr std::string_view kNotCosigned = "NOT_COSIGNED";

absl::Status Unknown() {
  return RuleError(absl::StatusCode::kNotFound, "EVENT_UNKNOWN", "event_id", "no event with this id is known here");
}

absl::Status Inconsistent() {
  return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "",
                   "what is kept of a received event contradicts itself");
}

// The record of receipt that stands at an index; nothing for another entry.
absl::StatusOr<std::optional<wire::EventReceived>> ReceivedRecord(std::string_view entry) {
  wire::LedgerCodec codec;
  MEDFLYT_ASSIGN_OR_RETURN(wire::LedgerRecord record, codec.Decode(entry));
  auto* received = std::get_if<wire::EventReceived>(&record.record);
  if (received == nullptr) return std::optional<wire::EventReceived>();
  return std::optional<wire::EventReceived>(std::move(*received));
}

}  // namespace

absl::StatusOr<log::EventLocation> EventReader::Locate(const EventId& id) const {
  MEDFLYT_ASSIGN_OR_RETURN(log::EventLocation location, log_.reader().Locate(id));
  // Stored, but its checkpoint is not published yet: nobody was told of it.
  if (location.position >= log_.end()) return Unknown();
  return location;
}

absl::StatusOr<EventReader::Found> EventReader::Find(const log::EventLocation& location) const {
  MEDFLYT_ASSIGN_OR_RETURN(log::StoredEntry stored, log_.reader().Entry(location.position));
  if (IsInOwnLog(location)) return Own(location.position, stored.bytes, stored.key_id);
  MEDFLYT_ASSIGN_OR_RETURN(const auto record, ReceivedRecord(stored.bytes));
  if (!record) return Inconsistent();
  MEDFLYT_ASSIGN_OR_RETURN(exchange::ReceivedEntry received, exchange::FindReceived(log_.reader().store(), location));
  return Found{std::move(received.entry),
               received.key_id,
               std::move(received.origin),
               received.index,
               record->refused_rule,
               location.position,
               false};
}

EventReader::Found EventReader::Own(log::Position at, std::string_view entry, const KeyId& key_id) const {
  const log::Generation& log = log_.reader().generations().Of(at);
  return {std::string(entry), key_id, log.origin, log.IndexOf(at), {}, at, true};
}

absl::Status EventReader::FindReceived(AuthorityId issuer, const std::set<KeyId>& keys, log::Position first,
                                       log::Position end, std::vector<Found>& found) const {
  return exchange::VisitKept(
      log_.reader().store(), issuer, PairNumber(1), [&](const exchange::KeptRow& row) -> absl::Status {
        if (row.events.back().record < first || row.events.front().record >= end) {
          return absl::OkStatus();
        }
        MEDFLYT_ASSIGN_OR_RETURN(const v1::EventBatch batch, row.ParseBatch());
        for (const exchange::KeptEvent& event : row.events) {
          if (event.record < first || event.record >= end) continue;
          const auto place = static_cast<int>(event.position);
          const auto key_id = KeyId::FromBytes(batch.key_ids(place));
          if (!key_id || !keys.contains(*key_id)) continue;
          MEDFLYT_ASSIGN_OR_RETURN(const log::StoredEntry stored, log_.reader().Entry(event.record));
          wire::LedgerCodec codec;
          MEDFLYT_ASSIGN_OR_RETURN(const wire::LedgerRecord record, codec.Decode(stored.bytes));
          const auto* received = std::get_if<wire::EventReceived>(&record.record);
          if (received == nullptr) continue;
          found.push_back({batch.entries(place), *key_id, received->issuer_origin, received->issuer_index,
                           received->refused_rule, event.record, false, record.recorded_at});
        }
        return absl::OkStatus();
      });
}

absl::Status EventReader::AddDelivery(const EventId& id, const v1::Content& content, v1::EventView& view) const {
  const auto recipient = AuthorityId::FromNumber(content.recipient());
  if (!recipient || *recipient == self_) {
    view.set_delivery(v1::DELIVERY_STATE_LOCAL);
    return absl::OkStatus();
  }
  if (content.number() > log_.peer(*recipient).receipted.value()) {
    view.set_delivery(v1::DELIVERY_STATE_PENDING);
    return absl::OkStatus();
  }
  view.set_delivery(v1::DELIVERY_STATE_RECEIPTED);
  MEDFLYT_ASSIGN_OR_RETURN(const auto refusal, exchange::FindRefusal(log_.reader().store(), id));
  if (refusal) {
    view.set_delivery(v1::DELIVERY_STATE_REFUSED);
    view.set_refused_rule(refusal->rule);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::EventView> EventReader::ViewOf(const Found& found, std::set<CaseId>* named) const {
  v1::EventView view;
  view.set_origin(found.origin);
  view.set_leaf_index(found.index.value());
  view.set_leaf_hash(merkle::LeafHash(found.entry).ToHex());
  view.set_position(log_.reader().generations().BookmarkOf(found.position));
  view.set_refused_rule(found.refused_rule);
  const auto sealed = entry::ParseSealed(found.entry);
  if (!sealed.ok()) {
    if (found.own) return sealed.status();
    return view;  // refused as undecodable: there is its place and the rule
  }
  view.set_event_id(sealed->event_id.ToHex());
  const auto key = keys_.Find(found.key_id);
  if (!key.ok()) {
    if (key.status().code() != absl::StatusCode::kNotFound) return key.status();
    view.set_erased(true);
    return view;
  }
  const auto content = entry::OpenEntry(*sealed, *key, found.origin);
  wire::ContentCodec codec;
  const auto event = content.ok() ? codec.Decode(*content, sealed->event_id) : content.status();
  if (!event.ok()) {
    if (found.own) return event.status();
    return view;
  }
  if (named != nullptr) named->merge(event::CasesNamedBy(*event));
  view.set_type(std::string(event::NameOf(event::TypeOf(event->body))));
  *view.mutable_recorded_at() =
      google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(event->header.recorded_at));
  wire::ContentToProto(*event, *view.mutable_content());
  if (event->header.issuer == self_) MEDFLYT_RETURN_IF_ERROR(AddDelivery(sealed->event_id, view.content(), view));
  return view;
}

absl::StatusOr<v1::EventView> EventReader::View(const EventId& id, std::set<CaseId>* named) const {
  MEDFLYT_ASSIGN_OR_RETURN(const log::EventLocation location, Locate(id));
  MEDFLYT_ASSIGN_OR_RETURN(const Found found, Find(location));
  return ViewOf(found, named);
}

absl::StatusOr<event::LoggedEvent> EventReader::Logged(const EventId& id) const {
  MEDFLYT_ASSIGN_OR_RETURN(const v1::EventView view, View(id));
  if (view.erased()) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "EVENT_ERASED", "event_id", "the event was erased");
  }
  const auto type = event::TypeByName(view.type());
  const auto issuer = AuthorityId::FromNumber(view.content().issuer());
  if (!type || !issuer) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "EVENT_NOT_DISPUTABLE", "event_id",
                     "it could not be read, and is without effect");
  }
  return event::LoggedEvent{*issuer, CaseId::FromBytes(view.content().case_id()).value_or(CaseId()), *type,
                            !view.refused_rule().empty()};
}

absl::StatusOr<EventReader::Proven> EventReader::Proof(const EventId& id) const {
  MEDFLYT_ASSIGN_OR_RETURN(const log::EventLocation location, Locate(id));
  Proven proven;
  v1::GetEventProofResponse& response = proven.response;
  // Until a head with cosignatures is found.
  response.set_not_cosigned_rule(std::string(kNotCosigned));
  if (IsInOwnLog(location)) {
    const log::Generation& log = log_.reader().generations().Of(location.position);
    const LeafIndex leaf = log.IndexOf(location.position);
    log::Head head = log.last ? *log.last : log_.head();
    MEDFLYT_ASSIGN_OR_RETURN(const auto cosigned, exchange::NewestCosigned(log_, log));
    if (cosigned && leaf.value() < cosigned->size.value()) {
      head = {cosigned->size, {}, cosigned->note};
      response.clear_not_cosigned_rule();
    }
    MEDFLYT_ASSIGN_OR_RETURN(log::StoredEntry stored, log_.reader().Entry(location.position));
    MEDFLYT_ASSIGN_OR_RETURN(merkle::Proof hashes, log_.reader().InclusionProof(log, leaf, head.size));
    MEDFLYT_ASSIGN_OR_RETURN(tlog::SignedNote checkpoint, tlog::SignedNote::Parse(head.checkpoint));
    response.set_tlog_proof(tlog::TlogProof{{}, leaf, std::move(hashes), std::move(checkpoint)}.Serialize());
    response.set_entry(std::move(stored.bytes));
    response.set_origin(log.origin);
  } else {
    MEDFLYT_ASSIGN_OR_RETURN(exchange::ReceivedEntry received, exchange::FindReceived(log_.reader().store(), location));
    response.set_tlog_proof(std::move(received.tlog_proof));
    response.set_entry(std::move(received.entry));
    response.set_origin(std::move(received.origin));
    if (location.issuer != self_) proven.from_peer = location;
  }
  const directory::Directory directory = directory_();
  if (const directory::Log* log = directory.LogOf(response.origin())) {
    for (const directory::LogKey& key : log->keys) response.add_verifier_keys(key.key.Format());
  }
  return proven;
}

absl::Status EventScan::Load(AuthorityId issuer, PairNumber number, Cursor& cursor) const {
  MEDFLYT_ASSIGN_OR_RETURN(cursor.row, exchange::FindKept(reader_.log_.reader().store(), issuer, number));
  MEDFLYT_ASSIGN_OR_RETURN(cursor.batch, cursor.row.ParseBatch());
  return absl::OkStatus();
}

absl::StatusOr<bool> EventScan::Advance(AuthorityId issuer, log::Position position, Cursor& cursor) const {
  cursor.number = PairNumber(cursor.number.value() + 1);
  if (cursor.number.value() - cursor.row.first.value() >= cursor.row.events.size()) {
    const absl::Status loaded = Load(issuer, cursor.number, cursor);
    if (absl::IsNotFound(loaded)) return false;
    MEDFLYT_RETURN_IF_ERROR(loaded);
  }
  const size_t which = cursor.number.value() - cursor.row.first.value();
  return which < cursor.row.events.size() && cursor.row.events[which].record == position;
}

absl::StatusOr<PairNumber> EventScan::NumberAt(AuthorityId issuer, log::Position position) const {
  const store::Reader& store = reader_.log_.reader().store();
  PairNumber number = reader_.log_.peer(issuer).received;
  MEDFLYT_ASSIGN_OR_RETURN(const auto unfinished, exchange::FindRepetition(store, issuer));
  // Records of one issuer stand in the order of its numbers, but for those that are being recorded again.
  if (!unfinished) return exchange::NumberOfRecord(store, issuer, number, position);
  MEDFLYT_RETURN_IF_ERROR(exchange::VisitKept(store, issuer, PairNumber(1), [&](const exchange::KeptRow& row) {
    for (size_t i = 0; i < row.events.size(); ++i) {
      if (row.events[i].record == position) number = PairNumber(row.first.value() + i);
    }
    return absl::OkStatus();
  }));
  return number;
}

absl::StatusOr<std::optional<AuthorityId>> EventScan::IssuerOf(const std::string& origin, log::Position position) {
  const directory::Directory directory = reader_.directory_();
  if (const directory::Authority* issuer = directory.OfOrigin(origin)) return std::optional(issuer->id);
  if (const auto known = departed_.find(origin); known != departed_.end()) return std::optional(known->second);
  const store::Reader& store = reader_.log_.reader().store();
  MEDFLYT_ASSIGN_OR_RETURN(const std::vector<AuthorityId> issuers, exchange::KeptIssuers(store));
  for (const AuthorityId& issuer : issuers) {
    const auto number = NumberAt(issuer, position);
    const auto row = number.ok() ? exchange::FindKept(store, issuer, *number) : number.status();
    if (absl::IsNotFound(row.status())) continue;
    MEDFLYT_RETURN_IF_ERROR(row.status());
    if (row->events[number->value() - row->first.value()].record != position) continue;
    departed_.emplace(origin, issuer);
    return std::optional(issuer);
  }
  return std::optional<AuthorityId>();
}

absl::StatusOr<std::optional<EventReader::Found>> EventScan::Received(log::Position position,
                                                                      const std::string& entry) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto record, ReceivedRecord(entry));
  if (!record) return std::optional<EventReader::Found>();
  MEDFLYT_ASSIGN_OR_RETURN(const auto issuer, IssuerOf(record->issuer_origin, position));
  if (!issuer) return std::optional<EventReader::Found>();

  auto cursor = cursors_.find(*issuer);
  if (cursor != cursors_.end()) {
    MEDFLYT_ASSIGN_OR_RETURN(const bool next, Advance(*issuer, position, cursor->second));
    if (!next) {
      cursors_.erase(cursor);
      cursor = cursors_.end();
    }
  }
  if (cursor == cursors_.end()) {
    Cursor fresh;
    MEDFLYT_ASSIGN_OR_RETURN(fresh.number, NumberAt(*issuer, position));
    MEDFLYT_RETURN_IF_ERROR(Load(*issuer, fresh.number, fresh));
    cursor = cursors_.emplace(*issuer, std::move(fresh)).first;
  }
  const Cursor& at = cursor->second;
  const size_t which = at.number.value() - at.row.first.value();
  if (which >= at.row.events.size()) return Inconsistent();
  // Recorded again in a later log, so that its receipt can be proven: it is shown there.
  if (at.row.events[which].record > position && reader_.log_.reader().generations().Of(position).last) {
    cursors_.erase(cursor);
    return std::optional<EventReader::Found>();
  }
  if (at.row.events[which].record != position) return Inconsistent();
  const int place = static_cast<int>(at.row.events[which].position);
  if (place >= at.batch.entries_size() || place >= at.batch.key_ids_size()) return Inconsistent();
  const auto key_id = KeyId::FromBytes(at.batch.key_ids(place));
  return std::optional<EventReader::Found>({at.batch.entries(place), key_id.value_or(KeyId()), record->issuer_origin,
                                            record->issuer_index, record->refused_rule, position, false});
}

absl::StatusOr<EventScan::Page> EventScan::Next(size_t entries) {
  Page page;
  std::vector<v1::WatchEventsResponse>& responses = page.responses;
  const log::Position last = reader_.log_.end();
  if (next_ >= last) return page;
  const log::Position end = std::min(last, log::Position(next_.value() + entries));

  std::vector<std::pair<std::string, KeyId>> stored;
  MEDFLYT_RETURN_IF_ERROR(
      reader_.log_.reader().Visit(next_, end, [&stored](log::Position, std::string_view entry, const KeyId& key_id) {
        stored.emplace_back(entry, key_id);
        return absl::OkStatus();
      }));
  for (auto& [entry, key_id] : stored) {
    const log::Position position = next_;
    next_ = log::Position(position.value() + 1);
    std::optional<EventReader::Found> found;
    if (key_id.is_zero()) {
      MEDFLYT_ASSIGN_OR_RETURN(found, Received(position, entry));
    } else {
      found = reader_.Own(position, entry, key_id);
    }
    if (!found) continue;
    std::set<CaseId> named;
    MEDFLYT_ASSIGN_OR_RETURN(v1::EventView view, reader_.ViewOf(*found, &named));
    if (view.type() == event::NameOf(event::Type::kAccessRecorded)) continue;
    page.cases.merge(named);
    v1::WatchEventsResponse& response = responses.emplace_back();
    *response.mutable_event() = std::move(view);
    response.set_next_position(reader_.log_.reader().generations().BookmarkOf(next_));
  }
  const uint64_t bookmark = reader_.log_.reader().generations().BookmarkOf(next_);
  if (responses.empty() || responses.back().next_position() != bookmark) {
    responses.emplace_back().set_next_position(bookmark);
  }
  responses.back().set_caught_up(next_ >= last);
  return page;
}

}  // namespace medflyt::service
