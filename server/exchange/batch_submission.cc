#include "server/exchange/batch_submission.h"

#include <optional>
#include <set>
#include <utility>

#include "common/base/status.h"
#include "server/domain/decide.h"
#include "server/domain/query.h"
#include "server/exchange/context.h"
#include "server/exchange/kept.h"
#include "server/log/appender.h"
#include "server/privacy/erasure.h"

namespace medflyt::exchange {
namespace {

absl::Status Fault(std::string_view rule, std::string_view message) {
  return RuleError(absl::StatusCode::kFailedPrecondition, rule, "batch", message);
}

// A receipt for a notice of erasure says that nothing of its cases is held: nor are the issuer's keys of events that
// were refused, whose cases are in no state.
absl::Status DestroyUnclaimedKeys(const event::Event& event, log::Appender& appender) {
  const auto* noticed = std::get_if<event::ErasureNoticed>(&event.body);
  if (noticed == nullptr) return absl::OkStatus();
  std::set<CaseId> unclaimed;
  for (const CaseId& id : noticed->cases) {
    if (!appender.state().UseOf(id)) unclaimed.insert(id);
  }
  std::set<KeyId> keys = appender.keys().IdsOf(unclaimed, event::RetentionClass::kCase);
  std::erase_if(keys, [&](const KeyId& id) {
    const auto purpose = appender.keys().PurposeOf(id);
    return !purpose.ok() || purpose->issuer != event.header.issuer;
  });
  return privacy::DestroyKeys(appender, keys);
}

}  // namespace

absl::Status BatchSubmission::Recheck(log::Appender& appender) const {
  const log::PeerState& peer = appender.peer(batch_.peer);
  if (AcceptedOf(peer, batch_.origin, peer.by_batch) != batch_.base) {
    return Fault("CONSISTENCY_BASE_MISMATCH", "another head of this log was accepted meanwhile");
  }
  const std::vector<CheckedEvent>& events = batch_.checked.events;
  if (events.front().number.value() != peer.received.value() + 1) {
    return Fault("NUMBER_GAP", "these numbers do not follow the last one received");
  }
  std::set<EventId> ids;
  for (const CheckedEvent& event : events) {
    MEDFLYT_ASSIGN_OR_RETURN(const bool known, appender.IsKnown(event.id));
    if (known || !ids.insert(event.id).second) {
      return Fault("EVENT_ID_REUSED", "the event's id is that of another entry");
    }
  }
  for (const CheckedKey& key : batch_.checked.keys) {
    // Erased since the batch was looked at; nothing of it is kept then, the other keys neither.
    if (appender.keys().IsDestroyed(key.key.id)) return Fault("KEY_DESTROYED", "the event's key was destroyed here");
    const auto held = appender.keys().Find(key.key.id);
    if (held.ok() && !(*held == key.key.key)) return Fault("KEY_ID_REUSED", "another key is known by this id");
  }
  return absl::OkStatus();
}

void BatchSubmission::Apply(log::Appender& appender) {
  if (link_failed_->load()) {
    outcome_.abandoned = true;
    return;
  }
  outcome_.status = Recheck(appender);
  for (const CheckedKey& key : batch_.checked.keys) {
    if (outcome_.status.ok()) outcome_.status = appender.keys().Accept(key.key, key.purpose, appender.batch());
  }
  if (!outcome_.status.ok()) {
    link_failed_->store(true);
    return;
  }

  for (const CheckedEvent& event : batch_.checked.events) {
    const log::Position record = Append(event, appender);
    SetRecord(batch_.kept, outcome_.records.size(), record);
    outcome_.records.push_back(record);
    if (event.event && std::holds_alternative<event::RelocationAnnounced>(event.event->body)) {
      appender.PutIndex(log::LeafHashKey(event.stands_at.leaf_hash), event.id.bytes());
    }
  }
  appender.batch().Put(store::Table::kOutbox,
                       log::PairRowKey('r', batch_.peer, batch_.checked.events.front().number.value()), batch_.kept);
  if (batch_.log_keys != nullptr) batch_.log_keys->StageTaken(batch_.believed, appender.batch());
  log::PeerState& peer = appender.peer(batch_.peer);
  if (peer.origin != batch_.origin) {
    peer.origin = batch_.origin;
    peer.by_receipt = {};
  }
  peer.received = batch_.checked.events.back().number;
  peer.by_batch = {batch_.checked.head.size, batch_.checked.head.root};
}

log::Position BatchSubmission::Append(const CheckedEvent& event, log::Appender& appender) const {
  if (!event.event) {
    return appender.AppendUndecodable(batch_.peer, event.number, event.id, event.stands_at, event.refused);
  }
  std::string refused = event.refused;
  // Here and not where the batch was opened: what a key is for, the first event that came with it says, and that one
  // may have been on its way then.
  if (refused.empty()) {
    const auto purpose = appender.keys().PurposeOf(event.key_id);
    if (!purpose.ok() || *purpose != PurposeOf(*event.event)) {
      refused = appender.keys().IsDestroyed(event.key_id) ? "KEY_DESTROYED" : "KEY_PURPOSE_MISMATCH";
    }
  }
  if (refused.empty()) {
    const absl::Status allowed = domain::CheckReceived(appender.state(), *event.event, appender.facts());
    if (!allowed.ok()) refused = RuleOf(allowed);
  }
  std::optional<event::AnnouncementVerified> verified;
  if (refused.empty() && event.announcement) {
    const auto& request = std::get<event::TransferRequested>(event.event->body);
    verified = event.announcement->verified;
    verified->same_citizen = domain::SameCitizen(appender.state(), event.announcement->cpr, request.cpr);
  }
  auto record = appender.AppendReceived(*event.event, event.stands_at, refused, verified);
  if (record.ok() && refused.empty()) {
    if (const absl::Status status = DestroyUnclaimedKeys(*event.event, appender); !status.ok()) record = status;
  }
  if (record.ok()) return *record;
  // The event is logged before anything that can fail: what follows from it by rule. The log has noted that defect.
  const auto row = appender.FindIndex(log::EventKey(event.id));
  const auto location = row.ok() && *row ? log::DecodeLocation(**row) : absl::NotFoundError("");
  return location.ok() ? location->position : log::Position();
}

void BatchSubmission::Committed(const log::Head& head) {
  outcome_.head = head;
  done_(std::move(outcome_));
}

void BatchSubmission::Abandoned(const absl::Status& why) {
  BatchOutcome outcome;
  outcome.status = why;
  outcome.abandoned = true;
  done_(std::move(outcome));
}

}  // namespace medflyt::exchange
