#include "server/service/views.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "common/event/catalogue.h"
#include "common/wire/command.h"
#include "common/wire/enums.h"

namespace medflyt::service {
namespace {

std::string Text(const std::optional<Date>& date) { return date ? FormatIsoDate(*date) : std::string(); }
std::string Text(const std::optional<CaseId>& id) { return id ? id->ToHex() : std::string(); }
std::string Text(AuthorityId authority) { return authority.is_zero() ? std::string() : authority.ToString(); }
std::string Text(MunicipalityCode code) { return code.is_zero() ? std::string() : code.ToString(); }
std::string Digits(const registry::CprNumber& cpr) { return std::string(cpr.ExposeDigits()); }

v1::AgreementVersionState VersionStateOf(domain::VersionState state) {
  switch (state) {
    case domain::VersionState::kProposed:
      return v1::AGREEMENT_VERSION_STATE_PROPOSED;
    case domain::VersionState::kInForce:
      return v1::AGREEMENT_VERSION_STATE_ACCEPTED;
    case domain::VersionState::kDeclined:
      return v1::AGREEMENT_VERSION_STATE_DECLINED;
  }
  return v1::AGREEMENT_VERSION_STATE_UNSPECIFIED;
}

v1::AgreementState StateOn(const domain::Agreement& agreement, Date on) {
  if (agreement.InForceOn(on)) return v1::AGREEMENT_STATE_IN_FORCE;
  if (agreement.HighestInForce() == nullptr) {
    return agreement.OpenProposal() != nullptr ? v1::AGREEMENT_STATE_PROPOSED : v1::AGREEMENT_STATE_DECLINED;
  }
  const auto segments = agreement.Segments();
  const bool ahead =
      std::any_of(segments.begin(), segments.end(), [on](const auto& segment) { return segment.first > on; });
  return ahead ? v1::AGREEMENT_STATE_NOT_YET : v1::AGREEMENT_STATE_ENDED;
}

v1::PlaceState PlaceStateOf(domain::PlaceState state) {
  switch (state) {
    case domain::PlaceState::kFree:
      return v1::PLACE_STATE_FREE;
    case domain::PlaceState::kReserved:
      return v1::PLACE_STATE_RESERVED;
    case domain::PlaceState::kOccupied:
      return v1::PLACE_STATE_OCCUPIED;
    case domain::PlaceState::kPaused:
      return v1::PLACE_STATE_PAUSED;
    case domain::PlaceState::kRetired:
      return v1::PLACE_STATE_RETIRED;
  }
  return v1::PLACE_STATE_UNSPECIFIED;
}

bool IsTaken(domain::PlaceState state) {
  return state == domain::PlaceState::kReserved || state == domain::PlaceState::kOccupied ||
         state == domain::PlaceState::kPaused;
}

v1::EnrolmentState EnrolmentStateOf(domain::EnrolmentState state) {
  switch (state) {
    case domain::EnrolmentState::kProposed:
      return v1::ENROLMENT_STATE_PROPOSED;
    case domain::EnrolmentState::kActive:
      return v1::ENROLMENT_STATE_ACTIVE;
    case domain::EnrolmentState::kPaused:
      return v1::ENROLMENT_STATE_PAUSED;
    case domain::EnrolmentState::kTransferring:
      return v1::ENROLMENT_STATE_TRANSFERRING;
    case domain::EnrolmentState::kEnded:
      return v1::ENROLMENT_STATE_ENDED;
    case domain::EnrolmentState::kRefused:
      return v1::ENROLMENT_STATE_REFUSED;
  }
  return v1::ENROLMENT_STATE_UNSPECIFIED;
}

// Both have the states in the same order from 1.
static_assert(static_cast<int>(domain::RelocationState::kObserved) == v1::RELOCATION_STATE_OBSERVED);
static_assert(static_cast<int>(domain::RelocationState::kHeld) == v1::RELOCATION_STATE_HELD);
static_assert(static_cast<int>(domain::RelocationState::kInAssessment) == v1::RELOCATION_STATE_IN_ASSESSMENT);
static_assert(static_cast<int>(domain::RelocationState::kDisclosed) == v1::RELOCATION_STATE_DISCLOSED);
static_assert(static_cast<int>(domain::RelocationState::kNotDisclosed) == v1::RELOCATION_STATE_NOT_DISCLOSED);
static_assert(static_cast<int>(domain::RelocationState::kAnnounced) == v1::RELOCATION_STATE_ANNOUNCED);
static_assert(static_cast<int>(domain::RelocationState::kAcknowledged) == v1::RELOCATION_STATE_ACKNOWLEDGED);
static_assert(static_cast<int>(domain::RelocationState::kDeclined) == v1::RELOCATION_STATE_DECLINED);
static_assert(static_cast<int>(domain::RelocationState::kExpired) == v1::RELOCATION_STATE_EXPIRED);
static_assert(static_cast<int>(domain::RelocationState::kCorrected) == v1::RELOCATION_STATE_CORRECTED);
static_assert(static_cast<int>(domain::RelocationState::kAnnulled) == v1::RELOCATION_STATE_ANNULLED);
static_assert(static_cast<int>(domain::TransferState::kWaiting) == v1::TRANSFER_STATE_WAITING);
static_assert(static_cast<int>(domain::TransferState::kDone) == v1::TRANSFER_STATE_DONE);
static_assert(static_cast<int>(domain::TransferState::kRefused) == v1::TRANSFER_STATE_REFUSED);
static_assert(static_cast<int>(domain::TransferState::kWithdrawn) == v1::TRANSFER_STATE_WITHDRAWN);
static_assert(static_cast<int>(domain::TransferState::kReversed) == v1::TRANSFER_STATE_REVERSED);

void ToSpan(const domain::HistoryEntry& entry, const domain::Enrolment& enrolment, v1::EnrolmentSpan& span) {
  span.set_from(FormatIsoDate(entry.days.from));
  span.set_to(Text(entry.days.to));
  span.set_responsible(Text(entry.responsible));
  span.set_case_id(entry.case_id.ToHex());
  if (const domain::Spell* spell = enrolment.FindSpell(entry.case_id)) span.set_agreement_id(Text(spell->agreement));
  if (entry.place) {
    span.set_agreement_id(entry.place->agreement.ToHex());
    span.set_place_number(entry.place->number);
    span.set_place_state(entry.paused ? v1::PLACE_STATE_PAUSED : v1::PLACE_STATE_OCCUPIED);
  } else if (entry.waiting || entry.responsible != enrolment.provider) {
    // A buyer's citizen without a place waits for one, or waited then; the provider's own need none.
    span.set_place_state(v1::PLACE_STATE_WAITING);
  }
}

void ToView(const domain::Dispute& dispute, v1::Dispute& view) {
  view.set_event_id(dispute.event.ToHex());
  view.set_by(Text(dispute.by));
  view.set_ground(wire::ToProto(dispute.ground));
  view.set_on(FormatIsoDate(dispute.on));
  view.set_settled_on(Text(dispute.settled));
}

// Of one case, to a view that has room for it.
template <typename View>
void AddDisputes(const domain::State& state, const CaseId& case_id, View& view) {
  if (const domain::CaseDisputes* known = state.FindDisputes(case_id)) {
    for (const domain::Dispute& dispute : known->disputes) ToView(dispute, *view.add_disputes());
  }
  const domain::NumberConflict* conflict = domain::OpenConflict(state, case_id);
  if (conflict != nullptr) view.add_conflicting_event_ids(conflict->event.ToHex());
  if (domain::NeedsOfficer(state, case_id)) view.set_needs_officer(true);
}

}  // namespace

void ToView(const domain::State& state, const domain::Agreement& agreement, Date on, v1::Agreement& view) {
  view.set_agreement_id(agreement.id.ToHex());
  view.set_provider(Text(agreement.provider));
  view.set_buyer(Text(agreement.buyer));
  view.set_state(StateOn(agreement, on));
  uint32_t most = 0;
  for (const domain::AgreementVersion& version : agreement.versions) {
    v1::AgreementVersion& shown = *view.add_versions();
    shown.set_version(version.version);
    shown.set_proposed_by(Text(version.proposed_by));
    shown.set_state(VersionStateOf(version.state));
    *shown.mutable_terms() = wire::TermsToProto(version.terms);
    most = std::max(most, version.terms.capacity);
  }
  view.set_terminated_last_day(Text(agreement.last_day));
  view.set_capacity(agreement.CapacityOn(on));
  const auto places = domain::PlacesOn(state, agreement.id, on, 0, most);
  view.set_occupied(static_cast<uint32_t>(
      std::count_if(places.begin(), places.end(), [](const auto& place) { return IsTaken(place.state); })));
  view.set_waiting(static_cast<uint32_t>(domain::WaitingListOn(state, agreement.id).size()));
}

void ToView(const domain::State& state, const CaseId& agreement, const domain::Place& place, v1::Place& view) {
  view.set_agreement_id(agreement.ToHex());
  view.set_number(place.number);
  view.set_state(PlaceStateOf(place.state));
  if (!place.case_id) return;
  view.set_enrolment_id(place.case_id->ToHex());
  view.set_from(FormatIsoDate(place.days.from));
  view.set_to(Text(place.days.to));
  const domain::Enrolment* enrolment = state.FindEnrolment(*place.case_id);
  const domain::Spell* spell = enrolment == nullptr ? nullptr : enrolment->FindSpell(*place.case_id);
  if (spell == nullptr) return;
  for (const domain::Occupation& occupation : spell->occupations) {
    if (occupation.number == place.number && occupation.days == place.days) view.set_expires(Text(occupation.expires));
  }
}

void ToView(const CaseId& agreement, const domain::WaitingEntry& entry, uint32_t position, v1::Place& view) {
  view.set_agreement_id(agreement.ToHex());
  view.set_state(v1::PLACE_STATE_WAITING);
  view.set_enrolment_id(entry.case_id.ToHex());
  view.set_from(FormatIsoDate(entry.from));
  view.set_waiting_position(position);
}

void ToView(const domain::State& state, const domain::Enrolment& enrolment, Date on, v1::Enrolment& view) {
  const domain::Spell& current = enrolment.current();
  view.set_enrolment_id(enrolment.id.ToHex());
  view.set_cpr(Digits(enrolment.cpr()));
  view.set_provider(Text(enrolment.provider));
  view.set_responsible(Text(current.responsible));
  view.set_agreement_id(Text(current.agreement));
  view.set_state(EnrolmentStateOf(enrolment.state()));
  view.set_from(FormatIsoDate(enrolment.spells.front().days.from));
  for (const domain::HistoryEntry& entry : domain::HistoryOf(enrolment)) {
    if (view.history().empty()) view.set_from(FormatIsoDate(entry.days.from));
    if (entry.days.Contains(on)) view.set_responsible(Text(entry.responsible));
    ToSpan(entry, enrolment, *view.add_history());
  }
  if (enrolment.ended) {
    view.set_to(FormatIsoDate(enrolment.ended->from));
    view.set_end_reason(wire::ToProto(enrolment.local_end_reason.value_or(enrolment.ended->reason)));
  } else if (!view.history().empty()) {
    view.set_to(view.history().rbegin()->to());
  }
  if (enrolment.refused) view.set_refused_rule(*enrolment.refused);
  for (const domain::Spell& spell : enrolment.spells) AddDisputes(state, spell.case_id, view);
  for (const domain::StandingFlag& standing : enrolment.flags) {
    v1::StandingFlag& flag = *view.add_flags();
    flag.set_flag(wire::ToProto(standing.flag));
    flag.set_clear_requested(standing.clear_officer.has_value());
  }
}

void ToView(const domain::State& state, const domain::Relocation& relocation, Numbers numbers, v1::Relocation& view) {
  view.set_relocation_id(relocation.id.ToHex());
  view.set_incoming(relocation.direction == domain::Direction::kIn);
  view.set_state(static_cast<v1::RelocationState>(relocation.state));
  view.set_kind(wire::ToProto(relocation.kind));
  view.set_enrolment_id(Text(relocation.enrolment));
  view.set_from_municipality(Text(relocation.from));
  view.set_to_municipality(Text(relocation.to));
  view.set_effective_date(Text(relocation.effective_date));
  view.set_uncertain(relocation.uncertain);
  for (const event::HoldReason reason : relocation.hold_reasons) view.add_hold_reasons(wire::ToProto(reason));
  view.set_release_requested(relocation.release_officer.has_value());
  view.set_concerns_id(Text(relocation.concerns));
  view.set_observed_on(FormatIsoDate(relocation.on));
  AddDisputes(state, relocation.id, view);
  const domain::Enrolment* enrolment = relocation.enrolment ? state.FindEnrolment(*relocation.enrolment) : nullptr;
  if (enrolment != nullptr) view.set_provider(Text(enrolment->provider));
  if (relocation.announcement) {
    view.set_provider(Text(relocation.announcement->provider));
    view.set_other_party(Text(view.incoming() ? relocation.announcement->issuer : relocation.announcement->recipient));
  }
  if (numbers == Numbers::kLeftOut || relocation.state == domain::RelocationState::kExpired) return;
  if (view.incoming()) {
    if (domain::LeadsOn(relocation) && relocation.cpr) view.set_cpr(Digits(*relocation.cpr));
  } else if (enrolment != nullptr) {
    view.set_cpr(Digits(enrolment->cpr()));
  }
}

void ToView(const domain::State& state, const domain::Transfer& transfer, Date today, v1::Transfer& view) {
  view.set_transfer_id(transfer.id.ToHex());
  view.set_state(static_cast<v1::TransferState>(transfer.state));
  view.set_requester(Text(transfer.requester));
  view.set_provider(Text(transfer.provider));
  view.set_cpr(Digits(transfer.cpr));
  view.set_agreement_id(Text(transfer.agreement));
  view.set_from(FormatIsoDate(transfer.from));
  view.set_relocation_id(Text(transfer.relocation));
  view.set_refused_rule(transfer.refused);
  view.set_needs_officer(domain::NeedsOfficer(transfer, today));
  AddDisputes(state, transfer.id, view);
  view.set_received_on(FormatIsoDate(transfer.on));
  for (const std::string_view rule : domain::WaitsFor(state, transfer)) view.add_waits_for(std::string(rule));
}

void ToView(const domain::ErasureNotice& notice, size_t& room, v1::ErasureNotice& view) {
  view.set_authority(notice.peer.ToString());
  view.set_legal_basis(notice.legal_basis);
  view.set_on(FormatIsoDate(notice.on));
  uint32_t left = notice.disclosed_left;
  const auto list = [&](const std::vector<crypto::Hash>& leaves, google::protobuf::RepeatedPtrField<std::string>& out) {
    const size_t listed = std::min(room, leaves.size());
    for (size_t i = 0; i < listed; ++i) *out.Add() = leaves[i].ToHex();
    room -= listed;
    // A peer's own count may be anything.
    left += static_cast<uint32_t>(std::min<size_t>(leaves.size() - listed, ~left));
  };
  list(notice.opened, *view.mutable_opened());
  list(notice.disclosed, *view.mutable_disclosed());
  view.set_disclosed_left(left);
}

void AddDisputes(const domain::State& state, v1::EventView& view) {
  const auto case_id = CaseId::FromBytes(view.content().case_id());
  const domain::CaseDisputes* known = case_id ? state.FindDisputes(*case_id) : nullptr;
  if (known == nullptr) return;
  for (const domain::Dispute& dispute : known->disputes) {
    if (dispute.event.ToHex() == view.event_id()) ToView(dispute, *view.add_disputes());
  }
  const domain::NumberConflict* conflict = domain::OpenConflict(state, *case_id);
  view.set_conflicts(conflict != nullptr && conflict->event.ToHex() == view.event_id());
}

void ToView(const std::vector<log::IssuedEvent>& events, google::protobuf::RepeatedPtrField<v1::IssuedEvent>& views) {
  for (const log::IssuedEvent& event : events) {
    v1::IssuedEvent& view = *views.Add();
    view.set_event_id(event.id.ToHex());
    view.set_type(std::string(event::NameOf(event.type)));
    view.set_case_id(event.case_id.ToHex());
    view.set_recipient(event.recipient.ToString());
    view.set_leaf_index(event.leaf.value());
  }
}

CaseId CaseOf(const domain::Relocation& relocation) { return relocation.enrolment.value_or(relocation.id); }

}  // namespace medflyt::service
