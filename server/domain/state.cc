#include "server/domain/state.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "server/domain/codec.h"

namespace medflyt::domain {
namespace {

template <typename Row>
const Row* Find(const std::map<CaseId, Row>& rows, const CaseId& id) {
  const auto found = rows.find(id);
  return found == rows.end() ? nullptr : &found->second;
}

template <typename Map, typename Key>
const std::set<CaseId>& IdsAt(const Map& map, const Key& key) {
  static const std::set<CaseId> kNone;
  const auto found = map.find(key);
  return found == map.end() ? kNone : found->second;
}

template <typename Map, typename Key>
void EraseAt(Map& map, const Key& key, const CaseId& id) {
  const auto found = map.find(key);
  if (found == map.end()) return;
  found->second.erase(id);
  if (found->second.empty()) map.erase(found);
}

absl::Status Corrupt(const RowKey& key) {
  return RuleError(absl::StatusCode::kDataLoss, "STATE_ROW_CORRUPT", "",
                   "state row of kind " + std::to_string(static_cast<int>(key.kind)) + ", id " + key.id.ToHex() +
                       ", is not one that this version writes");
}

CaseId ExtractId(const crypto::Hash& digest) { return *CaseId::FromBytes(digest.bytes().substr(0, CaseId::kSize)); }

}  // namespace

const Agreement* State::FindAgreement(const CaseId& id) const { return Find(agreements_, id); }
const Relocation* State::FindRelocation(const CaseId& id) const { return Find(relocations_, id); }
const Transfer* State::FindTransfer(const CaseId& id) const { return Find(transfers_, id); }

const ErasureNotice* State::FindErasureNotice(const CaseId& id) const { return Find(erasure_notices_, id); }

const ConfirmedGround* State::FindGround(const CaseId& case_id, AuthorityId recipient) const {
  if (const CaseGround* ground = Find(grounds_, case_id); ground != nullptr && ground->recipient == recipient) {
    return &ground->confirmed;
  }
  const Relocation* relocation = FindRelocation(case_id);
  return relocation != nullptr && relocation->assessment ? &*relocation->assessment : nullptr;
}

const Enrolment* State::FindEnrolment(const CaseId& case_id) const {
  const auto found = enrolment_by_case_.find(case_id);
  return found == enrolment_by_case_.end() ? nullptr : Find(enrolments_, found->second);
}

std::optional<CaseUse> State::UseOf(const CaseId& id) const {
  if (enrolment_by_case_.contains(id)) return CaseUse::kEnrolment;
  if (transfers_.contains(id)) return CaseUse::kTransfer;
  if (relocations_.contains(id)) return CaseUse::kRelocation;
  if (agreements_.contains(id)) return CaseUse::kAgreement;
  if (erasures_.contains(id) || erasure_notices_.contains(id)) return CaseUse::kErasure;
  return std::nullopt;
}

const CaseDisputes* State::FindDisputes(const CaseId& case_id) const { return Find(disputes_, case_id); }

std::set<AuthorityId> State::ToldOf(const CaseId& case_id) const {
  std::set<AuthorityId> others;
  if (const Enrolment* enrolment = FindEnrolment(case_id)) {
    const Spell* spell = enrolment->FindSpell(case_id);
    others.insert(enrolment->provider == self_ && spell != nullptr ? spell->responsible : enrolment->provider);
  }
  if (const Relocation* relocation = FindRelocation(case_id); relocation != nullptr && relocation->announcement) {
    const CaseDisputes* known = FindDisputes(case_id);
    const bool disputed = known != nullptr && std::any_of(known->disputes.begin(), known->disputes.end(),
                                                          [&](const Dispute& each) { return each.by == self_; });
    const bool unanswered = !disputed && (relocation->state == RelocationState::kAnnounced ||
                                          relocation->state == RelocationState::kExpired);
    if (relocation->direction == Direction::kOut) {
      others.insert(relocation->announcement->recipient);
    } else if (!unanswered) {
      others.insert(relocation->announcement->issuer);
    }
  }
  if (const Transfer* transfer = FindTransfer(case_id)) {
    others.insert(transfer->provider == self_ ? transfer->requester : transfer->provider);
  }
  others.erase(self_);
  return others;
}

const std::set<CaseId>& State::EnrolmentsOf(const CprNumber& cpr) const { return IdsAt(enrolments_by_cpr_, cpr); }
const std::set<CaseId>& State::RelocationsOf(const CaseId& enrolment) const {
  return IdsAt(relocations_by_enrolment_, enrolment);
}
const std::set<CaseId>& State::WaitingTransfersOf(const CprNumber& cpr) const {
  return IdsAt(waiting_transfers_by_cpr_, cpr);
}
const std::set<CaseId>& State::EnrolmentsNaming(const crypto::Hash& announcement) const {
  return IdsAt(enrolments_by_announcement_, announcement);
}
const std::set<CaseId>& State::TransfersNaming(const crypto::Hash& announcement) const {
  return IdsAt(transfers_by_announcement_, announcement);
}
const Relocation* State::RelocationAnnouncedBy(const crypto::Hash& announcement) const {
  const auto found = relocation_by_announcement_.find(announcement);
  return found == relocation_by_announcement_.end() ? nullptr : FindRelocation(found->second);
}
bool State::AnnouncementUsed(const crypto::Hash& announcement) const {
  return used_announcements_.contains(announcement);
}

const State::Calendar& State::CalendarOf(const CaseId& agreement) const {
  static const Calendar kEmpty;
  const auto found = calendars_.find(agreement);
  return found == calendars_.end() ? kEmpty : found->second;
}

const std::set<State::WaitingKey>& State::WaitingListOf(const CaseId& agreement) const {
  static const std::set<WaitingKey> kNobody;
  const auto found = waiting_lists_.find(agreement);
  return found == waiting_lists_.end() ? kNobody : found->second;
}

void State::Put(Agreement agreement) {
  Changed(RowKind::kAgreement, agreement.id);
  const CaseId id = agreement.id;
  agreements_.insert_or_assign(id, std::move(agreement));
}

void State::Put(Enrolment enrolment) {
  Changed(RowKind::kEnrolment, enrolment.id);
  if (const Enrolment* before = Find(enrolments_, enrolment.id)) Unindex(*before);
  Index(enrolment);
  const CaseId id = enrolment.id;
  enrolments_.insert_or_assign(id, std::move(enrolment));
}

void State::Put(Relocation relocation) {
  Changed(RowKind::kRelocation, relocation.id);
  Index(relocation);
  const CaseId id = relocation.id;
  relocations_.insert_or_assign(id, std::move(relocation));
}

void State::Put(Transfer transfer) {
  Changed(RowKind::kTransfer, transfer.id);
  if (const Transfer* before = FindTransfer(transfer.id)) Unindex(*before);
  Index(transfer);
  const CaseId id = transfer.id;
  transfers_.insert_or_assign(id, std::move(transfer));
}

void State::Put(ImportedExtract extract) {
  const CaseId id = ExtractId(extract.imported.digest);
  Changed(RowKind::kExtract, id);
  extracts_.insert_or_assign(id, std::move(extract));
}

void State::Put(Erasure erasure) {
  Changed(RowKind::kErasure, erasure.id);
  const CaseId id = erasure.id;
  erasures_.insert_or_assign(id, std::move(erasure));
}

void State::Put(ErasureNotice notice) {
  Changed(RowKind::kErasureNotice, notice.id);
  const CaseId id = notice.id;
  erasure_notices_.insert_or_assign(id, std::move(notice));
}

void State::Put(CaseGround ground) {
  Changed(RowKind::kGround, ground.id);
  const CaseId id = ground.id;
  grounds_.insert_or_assign(id, std::move(ground));
}

void State::Put(CaseDisputes disputes) {
  Changed(RowKind::kDisputes, disputes.id);
  const CaseId id = disputes.id;
  if (disputes.empty()) {
    disputes_.erase(id);
  } else {
    disputes_.insert_or_assign(id, std::move(disputes));
  }
}

void State::EraseCase(const CaseId& id) {
  if (disputes_.erase(id) > 0) Changed(RowKind::kDisputes, id);
  if (agreements_.erase(id) > 0) Changed(RowKind::kAgreement, id);
  if (grounds_.erase(id) > 0) Changed(RowKind::kGround, id);
  if (const Enrolment* enrolment = FindEnrolment(id)) {
    const CaseId row = enrolment->id;
    Changed(RowKind::kEnrolment, row);
    Unindex(*enrolment);
    enrolments_.erase(row);
  }
  if (const Relocation* relocation = FindRelocation(id)) {
    Changed(RowKind::kRelocation, id);
    Unindex(*relocation);
    relocations_.erase(id);
  }
  if (const Transfer* transfer = FindTransfer(id)) {
    Changed(RowKind::kTransfer, id);
    Unindex(*transfer);
    transfers_.erase(id);
  }
}

void State::DeleteErasure(const CaseId& id) {
  Changed(RowKind::kErasure, id);
  erasures_.erase(id);
}

void State::DeleteErasureNotice(const CaseId& id) {
  Changed(RowKind::kErasureNotice, id);
  erasure_notices_.erase(id);
}

void State::SetCounters(const NodeCounters& counters) {
  counters_ = counters;
  Changed(RowKind::kNode, CaseId());
}

void State::EditAgreement(const CaseId& agreement, absl::FunctionRef<void(Agreement&)> change) {
  const auto found = agreements_.find(agreement);
  if (found == agreements_.end()) return;
  change(found->second);
  Changed(RowKind::kAgreement, agreement);
}

void State::EditEnrolment(const CaseId& case_id, absl::FunctionRef<void(Enrolment&)> change) {
  const auto id = enrolment_by_case_.find(case_id);
  if (id == enrolment_by_case_.end()) return;
  Enrolment& enrolment = enrolments_.at(id->second);
  Unindex(enrolment);
  change(enrolment);
  Index(enrolment);
  Changed(RowKind::kEnrolment, enrolment.id);
}

void State::EditPauses(const CaseId& case_id, absl::FunctionRef<void(std::vector<Interval>&)> change) {
  const auto id = enrolment_by_case_.find(case_id);
  if (id == enrolment_by_case_.end()) return;
  Enrolment& enrolment = enrolments_.at(id->second);
  for (Spell& spell : enrolment.spells) {
    if (spell.case_id == case_id) change(spell.pauses);  // no index depends on pauses
  }
  Changed(RowKind::kEnrolment, enrolment.id);
}

void State::EditRelocation(const CaseId& id, absl::FunctionRef<void(Relocation&)> change) {
  const auto found = relocations_.find(id);
  if (found == relocations_.end()) return;
  change(found->second);
  Index(found->second);
  Changed(RowKind::kRelocation, id);
}

void State::EditTransfer(const CaseId& id, absl::FunctionRef<void(Transfer&)> change) {
  const auto found = transfers_.find(id);
  if (found == transfers_.end()) return;
  Unindex(found->second);
  change(found->second);
  Index(found->second);
  Changed(RowKind::kTransfer, id);
}

void State::EditErasure(const CaseId& id, absl::FunctionRef<void(Erasure&)> change) {
  const auto found = erasures_.find(id);
  if (found == erasures_.end()) return;
  change(found->second);
  Changed(RowKind::kErasure, id);
}

void State::EditErasureNotice(const CaseId& id, absl::FunctionRef<void(ErasureNotice&)> change) {
  const auto found = erasure_notices_.find(id);
  if (found == erasure_notices_.end()) return;
  change(found->second);
  Changed(RowKind::kErasureNotice, id);
}

void State::Index(const Enrolment& enrolment) {
  for (const CprNumber& number : enrolment.numbers) enrolments_by_cpr_[number].insert(enrolment.id);
  for (const Spell& spell : enrolment.spells) {
    enrolment_by_case_[spell.case_id] = enrolment.id;
    for (const Occupation& occupation : spell.occupations) {
      calendars_[occupation.agreement][occupation.number].push_back(
          {enrolment.id, spell.case_id, occupation.days, occupation.reserved()});
    }
    if (spell.waiting) {
      waiting_lists_[spell.waiting->agreement].insert({!spell.waiting->head, spell.waiting->sequence, enrolment.id});
    }
    if (enrolment.provider != self_) continue;
    if (spell.announcement) used_announcements_.insert(*spell.announcement);
    for (const ResponsibilityEnd& end : spell.ends) {
      if (end.announcement) enrolments_by_announcement_[*end.announcement].insert(enrolment.id);
    }
  }
}

void State::Unindex(const Enrolment& enrolment) {
  for (const CprNumber& number : enrolment.numbers) EraseAt(enrolments_by_cpr_, number, enrolment.id);
  for (const Spell& spell : enrolment.spells) {
    enrolment_by_case_.erase(spell.case_id);
    for (const Occupation& occupation : spell.occupations) {
      const auto calendar = calendars_.find(occupation.agreement);
      if (calendar == calendars_.end()) continue;
      const auto stays = calendar->second.find(occupation.number);
      if (stays == calendar->second.end()) continue;
      std::erase_if(stays->second, [&](const Stay& stay) { return stay.enrolment == enrolment.id; });
      if (stays->second.empty()) calendar->second.erase(stays);
      if (calendar->second.empty()) calendars_.erase(calendar);
    }
    if (spell.waiting) {
      const auto list = waiting_lists_.find(spell.waiting->agreement);
      if (list != waiting_lists_.end()) {
        list->second.erase({!spell.waiting->head, spell.waiting->sequence, enrolment.id});
        if (list->second.empty()) waiting_lists_.erase(list);
      }
    }
    if (enrolment.provider != self_) continue;
    if (spell.announcement) used_announcements_.erase(*spell.announcement);
    for (const ResponsibilityEnd& end : spell.ends) {
      if (end.announcement) EraseAt(enrolments_by_announcement_, *end.announcement, enrolment.id);
    }
  }
}

void State::Index(const Relocation& relocation) {
  if (relocation.enrolment) relocations_by_enrolment_[*relocation.enrolment].insert(relocation.id);
  if (relocation.direction == Direction::kIn && relocation.announcement) {
    relocation_by_announcement_[relocation.announcement->ref.leaf_hash] = relocation.id;
  }
}

void State::Unindex(const Relocation& relocation) {
  if (relocation.enrolment) EraseAt(relocations_by_enrolment_, *relocation.enrolment, relocation.id);
  if (relocation.direction == Direction::kIn && relocation.announcement) {
    relocation_by_announcement_.erase(relocation.announcement->ref.leaf_hash);
  }
}

void State::Index(const Transfer& transfer) {
  transfers_by_announcement_[transfer.announcement.leaf_hash].insert(transfer.id);
  if (transfer.state == TransferState::kWaiting) waiting_transfers_by_cpr_[transfer.cpr].insert(transfer.id);
}

void State::Unindex(const Transfer& transfer) {
  EraseAt(transfers_by_announcement_, transfer.announcement.leaf_hash, transfer.id);
  EraseAt(waiting_transfers_by_cpr_, transfer.cpr, transfer.id);
}

std::optional<std::string> State::Encode(const RowKey& key) const {
  const auto encode = [&](const auto& rows) -> std::optional<std::string> {
    const auto found = rows.find(key.id);
    if (found == rows.end()) return std::nullopt;
    return codec::Encode(found->second);
  };
  switch (key.kind) {
    case RowKind::kNode:
      return codec::Encode(counters_);
    case RowKind::kAgreement:
      return encode(agreements_);
    case RowKind::kEnrolment:
      return encode(enrolments_);
    case RowKind::kRelocation:
      return encode(relocations_);
    case RowKind::kTransfer:
      return encode(transfers_);
    case RowKind::kExtract:
      return encode(extracts_);
    case RowKind::kErasure:
      return encode(erasures_);
    case RowKind::kErasureNotice:
      return encode(erasure_notices_);
    case RowKind::kGround:
      return encode(grounds_);
    case RowKind::kDisputes:
      return encode(disputes_);
  }
  return std::nullopt;
}

std::vector<RowChange> State::TakeChanges() {
  std::vector<RowChange> changes;
  changes.reserve(changed_.size());
  for (const RowKey& key : changed_) changes.push_back({key, Encode(key)});
  changed_.clear();
  return changes;
}

absl::Status State::LoadRow(const RowKey& key, std::string_view value) {
  const bool was_changed = changed_.contains(key);
  const auto load = [&](auto row, const auto& fits) -> absl::Status {
    if (!codec::Decode(value, row) || !fits(row)) return Corrupt(key);
    Put(std::move(row));
    if (!was_changed) changed_.erase(key);
    return absl::OkStatus();
  };
  const auto own_id = [&](const auto& row) { return row.id == key.id; };
  switch (key.kind) {
    case RowKind::kNode: {
      NodeCounters counters;
      if (!codec::Decode(value, counters) || !key.id.is_zero()) return Corrupt(key);
      counters_ = counters;
      return absl::OkStatus();
    }
    case RowKind::kAgreement:
      return load(Agreement(), own_id);
    case RowKind::kEnrolment:
      return load(Enrolment(),
                  [&](const Enrolment& row) { return own_id(row) && !row.numbers.empty() && !row.spells.empty(); });
    case RowKind::kRelocation:
      return load(Relocation(), own_id);
    case RowKind::kTransfer:
      return load(Transfer(codec::Reader::AnyNumber()), own_id);
    case RowKind::kExtract:
      return load(ImportedExtract(),
                  [&](const ImportedExtract& row) { return ExtractId(row.imported.digest) == key.id; });
    case RowKind::kErasure:
      return load(Erasure(), own_id);
    case RowKind::kErasureNotice:
      return load(ErasureNotice(), own_id);
    case RowKind::kGround:
      return load(CaseGround(), own_id);
    case RowKind::kDisputes:
      return load(CaseDisputes(), [&](const CaseDisputes& row) { return own_id(row) && !row.empty(); });
  }
  return Corrupt(key);
}

std::string State::CanonicalBytes() const {
  std::string out;
  const auto append = [&](RowKind kind, const CaseId& id, const std::string& value) {
    out.push_back(static_cast<char>(kind));
    out.append(id.bytes());
    AppendU32(out, static_cast<uint32_t>(value.size()));
    out.append(value);
  };
  const auto append_all = [&](RowKind kind, const auto& rows) {
    for (const auto& [id, row] : rows) append(kind, id, codec::Encode(row));
  };
  append(RowKind::kNode, CaseId(), codec::Encode(counters_));
  append_all(RowKind::kAgreement, agreements_);
  append_all(RowKind::kEnrolment, enrolments_);
  append_all(RowKind::kRelocation, relocations_);
  append_all(RowKind::kTransfer, transfers_);
  append_all(RowKind::kExtract, extracts_);
  append_all(RowKind::kErasure, erasures_);
  append_all(RowKind::kErasureNotice, erasure_notices_);
  append_all(RowKind::kGround, grounds_);
  append_all(RowKind::kDisputes, disputes_);
  return out;
}

}  // namespace medflyt::domain
