#include "server/exchange/recovery_submission.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

#include "common/base/status.h"
#include "common/crypto/secret.h"
#include "common/entry/seal.h"
#include "common/merkle/tree_hasher.h"
#include "common/wire/content.h"
#include "server/domain/query.h"
#include "server/exchange/context.h"
#include "server/exchange/kept.h"
#include "server/exchange/own_log_check.h"
#include "server/exchange/record_again.h"
#include "server/exchange/recovery.h"
#include "server/exchange/refusals.h"

namespace medflyt::exchange {
namespace {

using store::KeyRange;
using store::Table;

absl::Status Broken(std::string_view row) {
  return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", row, "a stored row does not fit its neighbours");
}

const PeerEvidence* EvidenceOf(const RecoveryToLog& recovery, AuthorityId peer) {
  const auto found = std::find_if(recovery.evidence.begin(), recovery.evidence.end(),
                                  [peer](const PeerEvidence& each) { return each.peer == peer; });
  return found == recovery.evidence.end() ? nullptr : &*found;
}

}  // namespace

absl::Status RecoverySubmission::Append(log::Appender& appender) {
  own_ = recovery_.log.peer(appender.state().self()).received;  // those of an earlier recovery come before
  MEDFLYT_ASSIGN_OR_RETURN(const std::string opened, EncodeOpened(recovery_, appender.now()));
  appender.AppendLedger(opened);
  for (const PeerEvidence& each : recovery_.evidence) {
    for (const KeyId& id : each.granted) {
      if (appender.keys().Has(id)) appender.keys().MarkGranted(id, appender.batch());
    }
  }
  // First of all where the numbers go on: what follows by rule takes the next ones.
  std::vector<log::Outbound> waiting;
  for (const AuthorityId& peer : recovery_.peers) {
    MEDFLYT_RETURN_IF_ERROR(TakeBack(peer, appender, waiting));
  }
  // What a rule gives somebody is decided on the state that all of it leads to: a place that another was given since is
  // not free.
  appender.DeferRules();
  // Before anything that came back from the same peer: records stay in the order of numbers.
  MEDFLYT_RETURN_IF_ERROR(AppendAgain(appender));
  MEDFLYT_RETURN_IF_ERROR(AppendReturned(appender));
  MEDFLYT_RETURN_IF_ERROR(Reissue(std::move(waiting), appender));
  MEDFLYT_RETURN_IF_ERROR(appender.ApplyRules([this](const event::Draft& draft) {
    return told_.contains({event::TypeOf(draft.body), draft.recipient, draft.case_id});
  }));
  appender.batch().Delete(Table::kMeta, kRecoveryRow);
  return ForgetOwnLogProofs(recovery_.log.reader().store(), appender.batch());
}

absl::Status RecoverySubmission::AppendAgain(log::Appender& appender) {
  const log::LogReader& reader = recovery_.log.reader();
  MEDFLYT_ASSIGN_OR_RETURN(const auto unfinished, ReadRepetitions(reader.store()));
  for (const auto& [peer, repetition] : unfinished) {
    // Of who did not answer nothing comes behind it in this commit, so it is made in parts once the node runs: whoever
    // was left out has no say in how large this one is.
    if (EvidenceOf(recovery_, peer) != nullptr) {
      StageRepetitionEnd(peer, appender.batch());
    } else {
      StageRepetition(peer, {repetition.first, repetition.first}, appender.batch());
    }
  }
  for (const PeerEvidence& each : recovery_.evidence) {
    const PairNumber last = recovery_.log.peer(each.peer).received;
    MEDFLYT_RETURN_IF_ERROR(RecordAllAgain(reader, each.peer, each.again_from, last, appender));
  }
  return absl::OkStatus();
}

absl::Status RecoverySubmission::AppendReturned(log::Appender& appender) {
  std::vector<Returned> all;
  for (PeerEvidence& evidence : recovery_.evidence) {
    for (HeldEvent& held : evidence.held) {
      all.push_back({held.place, &evidence, &held, nullptr});
      if (held.event) {
        told_.emplace(event::TypeOf(held.event->body), held.event->header.recipient, held.event->header.case_id);
      }
    }
    for (ReturnedEvent& returned : evidence.returned) {
      all.push_back({returned.record, &evidence, nullptr, &returned});
    }
  }
  std::sort(all.begin(), all.end(), [](const Returned& a, const Returned& b) { return a.place < b.place; });

  // Rows of what is kept, and of the numbers that the recipients have. Rows of one batch go on as long as nothing of
  // another stands between.
  std::map<AuthorityId, std::pair<PairNumber, std::string>> numbers;
  CameBackAs came_back;
  const PeerEvidence* row_of = nullptr;
  size_t row_batch = 0;
  PairNumber row_first;
  std::vector<uint32_t> positions;
  std::vector<log::Position> records;
  const auto finish_own = [&] {
    if (row_of == nullptr) return;
    std::string row = StartKept(positions, row_of->held_batches[row_batch]);
    for (size_t i = 0; i < records.size(); ++i) SetRecord(row, i, records[i]);
    appender.batch().Put(Table::kOutbox, log::PairRowKey('r', appender.state().self(), row_first.value()), row);
    row_of = nullptr;
    positions.clear();
    records.clear();
  };
  std::map<std::pair<AuthorityId, size_t>, std::vector<std::pair<const ReturnedEvent*, log::Position>>> returned;
  for (const Returned& each : all) {
    if (each.held == nullptr) {
      MEDFLYT_ASSIGN_OR_RETURN(const log::Position record, AppendFromPeer(*each.returned, each.from->peer, appender));
      returned[{each.from->peer, each.returned->batch}].emplace_back(each.returned, record);
      continue;
    }
    const HeldEvent& held = *each.held;
    if (row_of != each.from || row_batch != held.batch) finish_own();
    own_ = PairNumber(own_.value() + 1);
    if (row_of == nullptr) {
      row_of = each.from;
      row_batch = held.batch;
      row_first = own_;
    }
    MEDFLYT_ASSIGN_OR_RETURN(const log::Position record, AppendHeld(held, appender));
    positions.push_back(held.position);
    records.push_back(record);
    came_back.emplace(std::pair(each.from->peer, held.number), std::pair(held.id, record));
    auto& row = numbers.try_emplace(each.from->peer, held.number, std::string()).first->second;
    row.second.append(log::EncodeU64(record.value()));
  }
  finish_own();
  appender.peer(appender.state().self()).received = own_;
  for (const auto& [peer, row] : numbers) {
    appender.batch().Put(Table::kOutbox, log::PairRowKey('p', peer, row.first.value()), row.second);
  }
  for (const auto& [batch, events] : returned) {
    std::vector<uint32_t> places;
    for (const auto& [event, record] : events) places.push_back(static_cast<uint32_t>(event->event.position));
    const PeerEvidence* evidence = EvidenceOf(recovery_, batch.first);
    std::string row = StartKept(places, evidence->returned_batches[batch.second]);
    for (size_t i = 0; i < events.size(); ++i) SetRecord(row, i, events[i].second);
    appender.batch().Put(Table::kOutbox, log::PairRowKey('r', batch.first, events.front().first->event.number.value()),
                         row);
    log::PeerState& peer = appender.peer(batch.first);
    peer.received = std::max(peer.received, events.back().first->event.number);
  }
  for (const PeerEvidence& evidence : recovery_.evidence) {
    MEDFLYT_RETURN_IF_ERROR(KeepReceipts(evidence, came_back, appender));
    for (const Believed& by : evidence.taken_over) recovery_.log_keys.StageTakenOver(by, appender.batch());
    if (evidence.origin.empty()) continue;
    log::PeerState& peer = appender.peer(evidence.peer);
    if (peer.origin != evidence.origin) {
      peer.origin = evidence.origin;
      peer.by_receipt = evidence.by_receipt;
    }
    peer.by_batch = evidence.by_batch;
  }
  return absl::OkStatus();
}

absl::Status RecoverySubmission::KeepReceipts(const PeerEvidence& evidence, const CameBackAs& came_back,
                                              log::Appender& appender) const {
  for (const HeldReceipt& receipt : evidence.receipts) {
    appender.batch().Put(Table::kOutbox, log::PairRowKey('c', evidence.peer, receipt.first.value()), receipt.kept);
    for (const auto& [number, rule] : receipt.refusals) {
      const auto found = came_back.find({evidence.peer, number});
      if (found != came_back.end()) {
        const auto& [id, record] = found->second;
        StageRefusal({evidence.peer, number, id, record, record, rule}, appender);
        continue;
      }
      MEDFLYT_ASSIGN_OR_RETURN(const auto events, recovery_.log.reader().OutboundFrom(evidence.peer, number, 1));
      if (events.empty()) return Broken("outbox");
      MEDFLYT_ASSIGN_OR_RETURN(const auto sealed, entry::ParseSealed(events.front().entry.bytes));
      const log::Position position = events.front().position;
      StageRefusal({evidence.peer, number, sealed.event_id, position, position, rule}, appender);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<log::Position> RecoverySubmission::AppendHeld(const HeldEvent& held, log::Appender& appender) {
  const AuthorityId self = appender.state().self();
  if (!held.event) return appender.AppendUndecodable(self, own_, held.id, held.stands_at, held.refused);
  event::Event event = *held.event;
  event.header.number = own_;  // among those that came back; where it is found by
  if (!held.tells) return appender.AppendReceived(event, held.stands_at, "", std::nullopt);
  const log::LogReader& reader = recovery_.log.reader();
  MEDFLYT_ASSIGN_OR_RETURN(const domain::EventAddress told, reader.AddressAt(*held.tells));
  leaf_hashes_.emplace(told.entry.leaf_hash, held.stands_at.leaf_hash);
  ids_.emplace(told.id, held.id);
  return appender.AppendToldAgain(event, held.stands_at, told.entry.origin, told.entry.index);
}

absl::StatusOr<log::Position> RecoverySubmission::AppendFromPeer(const ReturnedEvent& returned, AuthorityId peer,
                                                                 log::Appender& appender) {
  const CheckedEvent& event = returned.event;
  if (!event.event) {
    return appender.AppendUndecodable(peer, event.number, event.id, event.stands_at, event.refused);
  }
  std::optional<event::AnnouncementVerified> verified;
  if (event.refused.empty() && event.announcement) {
    const auto& request = std::get<event::TransferRequested>(event.event->body);
    verified = event.announcement->verified;
    verified->same_citizen = domain::SameCitizen(appender.state(), event.announcement->cpr, request.cpr);
  }
  if (std::holds_alternative<event::RelocationAnnounced>(event.event->body)) {
    appender.PutIndex(log::LeafHashKey(event.stands_at.leaf_hash), event.id.bytes());
  }
  return appender.AppendReceived(*event.event, event.stands_at, event.refused, verified);
}

absl::Status RecoverySubmission::TakeBack(AuthorityId peer, log::Appender& appender,
                                          std::vector<log::Outbound>& waiting) {
  const log::LogReader& reader = recovery_.log.reader();
  const auto [receipted, issued] = [&] {
    const log::PeerState before = recovery_.log.peer(peer);
    return std::pair(before.receipted, before.issued);
  }();
  const PeerEvidence* evidence = EvidenceOf(recovery_, peer);
  // Who did not answer is taken to have what it gave receipts for.
  const PairNumber arrived = evidence == nullptr ? receipted : evidence->as_stored;
  log::PeerState& state = appender.peer(peer);
  state.issued = evidence == nullptr ? receipted : evidence->last_issued;
  state.receipted = state.issued;
  if (issued <= arrived) return absl::OkStatus();

  MEDFLYT_ASSIGN_OR_RETURN(
      const auto lost, reader.OutboundFrom(peer, PairNumber(arrived.value() + 1), issued.value() - arrived.value()));
  // Their rows go, or end before them.
  MEDFLYT_ASSIGN_OR_RETURN(
      const auto begin,
      reader.store().Last(Table::kOutbox, KeyRange::Between(log::PairRowKey('p', peer, 0),
                                                            log::PairRowKey('p', peer, arrived.value() + 2))));
  if (!begin || lost.size() != issued.value() - arrived.value()) return Broken("outbox");
  MEDFLYT_RETURN_IF_ERROR(reader.store().Scan(
      Table::kOutbox, KeyRange::Between(begin->key, log::PairRowKey('p', peer, ~uint64_t{0})), store::Order::kAscending,
      [&](std::string_view key, std::string_view value) {
        const auto first = log::DecodeU64(key.substr(key.size() - 8));
        if (first.ok() && *first <= arrived.value()) {
          appender.batch().Put(Table::kOutbox, key, value.substr(0, (arrived.value() + 1 - *first) * 8));
        } else {
          appender.batch().Delete(Table::kOutbox, key);
        }
        return store::Step::kContinue;
      }));
  std::set<log::Position> told;
  if (evidence != nullptr) {
    for (const HeldEvent& held : evidence->held) {
      if (held.tells) told.insert(*held.tells);
    }
  }
  std::copy_if(lost.begin(), lost.end(), std::back_inserter(waiting),
               [&told](const log::Outbound& each) { return !told.contains(each.position); });
  return absl::OkStatus();
}

absl::Status RecoverySubmission::Reissue(std::vector<log::Outbound> waiting, log::Appender& appender) {
  // In the order of the log: an end of responsibility names the announcement that was issued before it.
  std::sort(waiting.begin(), waiting.end(),
            [](const log::Outbound& a, const log::Outbound& b) { return a.position < b.position; });
  const log::LogReader& reader = recovery_.log.reader();
  wire::ContentCodec codec;
  for (const log::Outbound& each : waiting) {
    const log::Generation& closed = reader.generations().Of(each.position);
    const auto key = recovery_.keys.Find(each.entry.key_id);
    if (absl::IsNotFound(key.status())) continue;  // erased before it could be sent
    MEDFLYT_RETURN_IF_ERROR(key.status());
    MEDFLYT_ASSIGN_OR_RETURN(const auto sealed, entry::ParseSealed(each.entry.bytes));
    MEDFLYT_ASSIGN_OR_RETURN(std::string content, entry::OpenEntry(sealed, *key, closed.origin));
    auto event = codec.Decode(content, sealed.event_id);
    crypto::Wipe(content);
    MEDFLYT_RETURN_IF_ERROR(event.status());
    told_.emplace(event::TypeOf(event->body), event->header.recipient, event->header.case_id);
    // An end, a correction or an annulment, of an announcement of ours.
    std::visit(
        [this](auto& body) {
          if constexpr (requires { body.announcement.has_value(); }) {
            if (body.announcement && leaf_hashes_.contains(*body.announcement)) {
              body.announcement = leaf_hashes_.at(*body.announcement);
            }
          }
        },
        event->body);
    auto* restored = std::get_if<event::ResponsibilityRestored>(&event->body);
    if (restored != nullptr && ids_.contains(restored->ended)) restored->ended = ids_.at(restored->ended);
    MEDFLYT_ASSIGN_OR_RETURN(const log::IssuedEvent issued_again,
                             appender.Reissue(*std::move(event), closed.origin, closed.IndexOf(each.position)));
    leaf_hashes_.emplace(merkle::LeafHash(each.entry.bytes), issued_again.leaf_hash);
    ids_.emplace(sealed.event_id, issued_again.id);
  }
  return absl::OkStatus();
}

absl::StatusOr<RecoveryToLog> ReadRecovery(const EvidenceParts& parts, const v1::RecoveryPlan& plan, TreeSize kept) {
  const auto first = crypto::Hash::FromBytes(plan.first_certificate());
  const auto second = crypto::Hash::FromBytes(plan.second_certificate());
  if (!first || !second) return Broken("recovery");
  RecoveryToLog recovery{parts.log, parts.keys, parts.log_keys, {}, {}, {}};
  recovery.peers = PeersOf(parts.log, parts.directory, parts.self);
  recovery.opened = {plan.closed_checkpoint(), kept, {}, *first, *second};
  for (const v1::HeldByPeer& each : plan.peers()) {
    MEDFLYT_ASSIGN_OR_RETURN(PeerEvidence evidence, ReadEvidence(parts, each));
    recovery.evidence.push_back(std::move(evidence));
  }
  return recovery;
}

absl::StatusOr<std::string> EncodeOpened(const RecoveryToLog& recovery, absl::Time now) {
  wire::GenerationOpened opened = recovery.opened;
  for (const AuthorityId& peer : recovery.peers) {
    const PeerEvidence* evidence = EvidenceOf(recovery, peer);
    const log::PeerState before = recovery.log.peer(peer);
    wire::ClosedPair pair{peer, before.receipted, before.received};
    if (evidence != nullptr) {
      pair.last_issued = evidence->last_issued;
      pair.last_received = std::max(before.received, evidence->receipted_by_us);
    }
    if (pair.last_issued.value() != 0 || pair.last_received.value() != 0) opened.pairs.push_back(pair);
  }
  return wire::LedgerCodec().Encode({now, opened});
}

absl::Status AppendRecovered(const EvidenceParts& parts, const v1::RecoveryPlan& plan, log::Log& log) {
  const log::Generation* closed = log.reader().generations().before_open();
  if (closed == nullptr) return Broken("recovery");
  MEDFLYT_ASSIGN_OR_RETURN(RecoveryToLog recovery, ReadRecovery(parts, plan, closed->last->size));
  auto submission = std::make_unique<RecoverySubmission>(std::move(recovery));
  const absl::Status& applied = submission->outcome();
  std::vector<std::unique_ptr<log::Submission>> submissions;
  submissions.push_back(std::move(submission));
  const auto prepared = log.Prepare(std::move(submissions));
  MEDFLYT_RETURN_IF_ERROR(applied);
  return log.Commit(*prepared);
}

}  // namespace medflyt::exchange
