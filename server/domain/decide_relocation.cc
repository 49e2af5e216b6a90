// Decisions on relocations: what the registry says, what an officer discloses, what is taken back.
#include <algorithm>
#include <set>
#include <utility>

#include "common/event/catalogue.h"
#include "server/domain/deciding.h"
#include "server/domain/terms.h"

namespace medflyt::domain {
namespace {

bool Undisclosed(const Relocation& relocation) { return !relocation.announcement && Stands(relocation); }

absl::Status WrongState(std::string_view message) { return NotNow("RELOCATION_WRONG_STATE", "relocation", message); }

}  // namespace

// Registry.

absl::Status Decider::AppendObservation(const event::Observation& observation, MunicipalityCode own_code,
                                        Drafts& drafts, std::set<CaseId>& annulled, bool& appended) const {
  MEDFLYT_RETURN_IF_ERROR(CheckFresh(observation.relocation, "observations.relocation"));
  const Enrolment* enrolment = state_.FindEnrolment(observation.enrolment);
  if (enrolment == nullptr) return Unknown("observations.enrolment");
  const Spell* spell = enrolment->FindSpell(observation.enrolment);
  // Nothing is kept of a citizen who is no longer ours.
  if (spell->responsible != state_.self() || !enrolment->started || !enrolment->unfinished() ||
      spell->case_id != enrolment->current().case_id) {
    return absl::OkStatus();
  }
  const bool moved = observation.kind == event::ObservationKind::kMoved;
  if (moved && observation.to.is_zero()) {
    return Invalid("FIELD_REQUIRED", "observations.to", "a move names the municipality moved to");
  }
  if (moved && observation.to == own_code) return absl::OkStatus();  // moved inside the municipality
  if (moved && observation.concerns) {
    const Relocation* known = state_.FindRelocation(*observation.concerns);
    if (known == nullptr) return absl::OkStatus();  // erased meanwhile
    const std::vector<event::HoldReason> held_for = HeldFor(enrolment, observation.hold_reasons);
    if (known->enrolment == observation.enrolment && Undisclosed(*known) && !annulled.contains(known->id) &&
        !WasHeldFor(*known, held_for)) {
      appended = true;
      drafts.push_back(Local(known->id, event::RelocationHeld{held_for}));
    }
    return absl::OkStatus();
  }
  std::vector<event::HoldReason> reasons = observation.hold_reasons;
  for (const CaseId& id : state_.RelocationsOf(observation.enrolment)) {
    const Relocation& known = *state_.FindRelocation(id);
    const bool same =
        known.kind == observation.kind && known.to == observation.to && known.concerns == observation.concerns &&
        (known.effective_date == observation.effective_date || (known.uncertain && !observation.effective_date));
    if (same && Stands(known) && !annulled.contains(known.id)) {
      // The registry protects the citizen since: nobody is told any more before two officers have looked.
      const std::vector<event::HoldReason> held_for = HeldFor(enrolment, observation.hold_reasons);
      if (!moved || !Undisclosed(known) || WasHeldFor(known, held_for)) return absl::OkStatus();
      appended = true;
      drafts.push_back(Local(known.id, event::RelocationHeld{held_for}));
      return absl::OkStatus();
    }
    // What has held a move of this stay holds what is observed in its place, whatever the registry says by now.
    if (WasWithdrawn(known) || annulled.contains(known.id)) {
      reasons.insert(reasons.end(), known.hold_reasons.begin(), known.hold_reasons.end());
    }
  }
  appended = true;
  const auto from = observation.kind == event::ObservationKind::kRenumbered ? MunicipalityCode() : own_code;
  drafts.push_back(Local(observation.relocation,
                         event::RelocationObserved{
                             observation.enrolment, observation.kind, from, moved ? observation.to : MunicipalityCode(),
                             observation.effective_date, observation.uncertain, observation.concerns,
                             moved ? HeldFor(enrolment, std::move(reasons)) : std::vector<event::HoldReason>()}));
  if (observation.kind == event::ObservationKind::kReversed && observation.concerns) {
    const Relocation* concerned = state_.FindRelocation(*observation.concerns);
    if (concerned == nullptr) return Unknown("observations.concerns");
    // What was not announced is taken back at once; what was, an officer takes back.
    if (Undisclosed(*concerned)) {
      drafts.push_back(Local(concerned->id, event::RelocationAnnulled{std::nullopt}));
      annulled.insert(concerned->id);
    }
  }
  return absl::OkStatus();
}

Decider::Decision Decider::operator()(const event::ImportExtract& command) const {
  const auto imported = CaseId::FromBytes(command.digest.bytes().substr(0, CaseId::kSize));
  if (state_.extracts().contains(*imported)) {
    return RuleError(absl::StatusCode::kAlreadyExists, "EXTRACT_ALREADY_IMPORTED", "digest",
                     "this file was imported before");
  }
  if (const std::optional<Date> last = state_.counters().last_production_date) {
    if (command.production_date <= *last) {
      return NotNow("EXTRACT_OUT_OF_ORDER", "production_date",
                    "the last extract imported is of " + FormatIsoDate(*last));
    }
    if (command.previous_production_date != last) {
      return NotNow("EXTRACT_DATE_GAP", "previous_production_date",
                    "the extract does not follow the last one imported, of " + FormatIsoDate(*last));
    }
  }
  const std::optional<MunicipalityCode> own_code = facts_.directory.CodeOf(state_.self());
  if (!own_code) {
    return NotNow("AUTHORITY_UNKNOWN", "", "this authority has no municipality code in the peer directory");
  }
  Drafts observed;
  std::set<CaseId> matched;
  std::set<CaseId> fresh;
  std::set<CaseId> annulled;
  for (const event::Observation& observation : command.observations) {
    if (!fresh.insert(observation.relocation).second) {
      return Invalid("CASE_ALREADY_USED", "observations.relocation", "two observations have the same id");
    }
    bool appended = false;
    MEDFLYT_RETURN_IF_ERROR(AppendObservation(observation, *own_code, observed, annulled, appended));
    if (appended) matched.insert(observation.enrolment);
  }
  Drafts drafts = {
      Local(CaseId(), event::ExtractImported{command.digest, command.production_date, command.previous_production_date,
                                             command.records, command.persons, matched.size()})};
  std::move(observed.begin(), observed.end(), std::back_inserter(drafts));
  return drafts;
}

// The municipality left.

absl::StatusOr<const Relocation*> Decider::OwnRelocation(const CaseId& id) const {
  MEDFLYT_RETURN_IF_ERROR(CheckOfficer());
  const Relocation* relocation = state_.FindRelocation(id);
  if (relocation == nullptr) return Unknown("relocation");
  if (relocation->direction != Direction::kOut) {
    return NotAllowed("NOT_THE_MUNICIPALITY_LEFT", "relocation", "the municipality left decides this");
  }
  return relocation;
}

absl::StatusOr<const Relocation*> Decider::MoveToDecide(const CaseId& id) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Relocation* relocation, OwnRelocation(id));
  if (relocation->kind != event::ObservationKind::kMoved) {
    return NotNow("NOT_A_MOVE", "relocation", "only a move to another municipality can be disclosed");
  }
  return relocation;
}

Decider::Decision Decider::operator()(const event::HoldRelocation& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Relocation* relocation, MoveToDecide(command.relocation));
  if (!Undisclosed(*relocation)) return WrongState("it was announced, or is over");
  return Drafts{Local(relocation->id,
                      event::RelocationHeld{HeldFor(state_.FindEnrolment(*relocation->enrolment), {command.reason})})};
}

Decider::Decision Decider::operator()(const event::ReleaseHold& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Relocation* relocation, MoveToDecide(command.relocation));
  if (relocation->state != RelocationState::kHeld && !WasWithdrawn(*relocation)) return WrongState("it is not held");
  if (!IsAsked(relocation->release_officer, relocation->release_certificate)) {
    return Drafts{Local(relocation->id, event::HoldReleaseRequested())};
  }
  MEDFLYT_RETURN_IF_ERROR(CheckSecond(*relocation->release_officer, relocation->release_certificate));
  return Drafts{Local(relocation->id, event::HoldReleased{*relocation->release_officer})};
}

Decider::Decision Decider::operator()(const event::AssessDisclosure& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Relocation* relocation, MoveToDecide(command.relocation));
  if (relocation->state == RelocationState::kHeld) {
    return NotNow("RELOCATION_HELD", "relocation", "it is held: two officers release it first");
  }
  if (relocation->state != RelocationState::kInAssessment && relocation->state != RelocationState::kDisclosed) {
    return WrongState("it is not in assessment");
  }
  if (command.disclose) {
    MEDFLYT_RETURN_IF_ERROR(CheckWasHeld(*relocation));
    MEDFLYT_RETURN_IF_ERROR(CheckGround(command.ground, facts_, "ground"));
    MEDFLYT_RETURN_IF_ERROR(
        CheckCovers(command.ground, event::RightOf(event::Type::kRelocationAnnounced).discloses, "ground"));
    if ((relocation->uncertain || !relocation->effective_date) && !command.effective_date) {
      return Invalid("EFFECTIVE_DATE_REQUIRED", "effective_date",
                     "the registry's date is missing or uncertain: state the date");
    }
  } else {
    MEDFLYT_RETURN_IF_ERROR(CheckText(command.ground.journal_reference, "ground.journal_reference", kMaxKeyLength));
  }
  return Drafts{
      Local(relocation->id, event::DisclosureAssessed{command.disclose, command.ground, command.effective_date})};
}

Decider::Decision Decider::operator()(const event::AnnounceRelocation& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Relocation* relocation, MoveToDecide(command.relocation));
  if (relocation->state == RelocationState::kHeld) {
    return NotNow("RELOCATION_HELD", "relocation", "it is held: two officers release it first");
  }
  if (relocation->state != RelocationState::kDisclosed) {
    return NotNow("NOT_DISCLOSED", "relocation", "an officer must record necessity and legal basis first");
  }
  MEDFLYT_RETURN_IF_ERROR(CheckWasHeld(*relocation));
  const Enrolment* enrolment = state_.FindEnrolment(*relocation->enrolment);
  if (enrolment == nullptr) return Unknown("relocation");
  const EnrolmentState now = enrolment->state();
  const Spell& spell = *enrolment->FindSpell(*relocation->enrolment);
  if ((now != EnrolmentState::kActive && now != EnrolmentState::kPaused) || &spell != &enrolment->current()) {
    return NotNow("ENROLMENT_NOT_ACTIVE", "relocation", "this authority is not responsible, or said so already");
  }
  const Date from = *relocation->effective_date;
  if (from < spell.days.from) {
    return NotNow("DATE_BEFORE_RESPONSIBILITY", "effective_date",
                  "this authority is responsible from " + FormatIsoDate(spell.days.from));
  }
  const std::optional<AuthorityId> moved_to = facts_.directory.AuthorityOf(relocation->to, from);
  if (!moved_to || !facts_.directory.IsKnown(*moved_to)) {
    return NotNow("AUTHORITY_UNKNOWN", "relocation", "the municipality moved to is not in the peer directory");
  }
  if (*moved_to == state_.self()) {
    return NotNow("MOVED_WITHIN_AUTHORITY", "relocation", "on that date the municipality moved to is this authority");
  }
  Drafts drafts = {To(*moved_to, relocation->id,
                      event::RelocationAnnounced{enrolment->cpr(), enrolment->provider, relocation->from,
                                                 relocation->to, from, relocation->assessment->ground.legal_basis}),
                   To(enrolment->provider, spell.case_id,
                      event::ResponsibilityEnded{from, event::ResponsibilityEndReason::kMoved, std::nullopt})};
  drafts.back().announcement_of = 0;
  return drafts;
}

// The end of responsibility that stands on this relocation's announcement, if any, is reversed with it.
void Decider::AppendTakenBack(const Relocation& relocation, Drafts& drafts) const {
  if (!relocation.announcement || !relocation.enrolment) return;
  const Enrolment* enrolment = state_.FindEnrolment(*relocation.enrolment);
  if (enrolment == nullptr) return;
  const Spell& spell = *enrolment->FindSpell(*relocation.enrolment);
  for (const ResponsibilityEnd& end : spell.ends) {
    if (end.reversed || end.announcement != relocation.announcement->ref.leaf_hash) continue;
    drafts.push_back(To(enrolment->provider, spell.case_id, event::ResponsibilityRestored{end.event}));
  }
}

Decider::Decision Decider::operator()(const event::CorrectRelocation& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Relocation* relocation, MoveToDecide(command.relocation));
  if (!Stands(*relocation) && !(relocation->announcement && relocation->state == RelocationState::kExpired)) {
    return WrongState("it is over");
  }
  MEDFLYT_RETURN_IF_ERROR(CheckFresh(command.corrected, "corrected"));
  if (relocation->effective_date == command.effective_date && !relocation->uncertain) {
    return Invalid("NOTHING_TO_CORRECT", "effective_date", "this is the date already");
  }
  const auto& announced = relocation->announcement;
  Drafts drafts = {To(announced ? announced->recipient : state_.self(), relocation->id,
                      event::RelocationCorrected{announced ? std::optional(announced->ref.leaf_hash) : std::nullopt,
                                                 command.effective_date})};
  AppendTakenBack(*relocation, drafts);
  // Who was announced the move is told its right date, though a flag may stand now. What protected the citizen protects
  // still, and so does what protects since: two officers look at the corrected relocation too.
  drafts.push_back(Local(
      command.corrected,
      event::RelocationObserved{*relocation->enrolment, relocation->kind, relocation->from, relocation->to,
                                command.effective_date, false, std::nullopt,
                                HeldFor(state_.FindEnrolment(*relocation->enrolment), relocation->hold_reasons)}));
  return drafts;
}

Decider::Decision Decider::operator()(const event::AnnulRelocation& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Relocation* relocation, OwnRelocation(command.relocation));
  if (!Stands(*relocation) && !(relocation->announcement && relocation->state == RelocationState::kExpired)) {
    return WrongState("it is over");
  }
  const auto& announced = relocation->announcement;
  Drafts drafts = {To(announced ? announced->recipient : state_.self(), relocation->id,
                      event::RelocationAnnulled{announced ? std::optional(announced->ref.leaf_hash) : std::nullopt})};
  AppendTakenBack(*relocation, drafts);
  return drafts;
}

// The municipality moved to.

absl::StatusOr<const Relocation*> Decider::AnnouncedToUs(const CaseId& id) const {
  MEDFLYT_RETURN_IF_ERROR(CheckOfficer());
  const Relocation* relocation = state_.FindRelocation(id);
  if (relocation == nullptr) return Unknown("relocation");
  if (relocation->direction != Direction::kIn) {
    return NotAllowed("NOT_THE_MUNICIPALITY_MOVED_TO", "relocation", "the municipality moved to decides this");
  }
  return relocation;
}

Decider::Decision Decider::operator()(const event::AcknowledgeRelocation& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Relocation* relocation, AnnouncedToUs(command.relocation));
  if (relocation->state != RelocationState::kAnnounced) return WrongState("it was answered, or is over");
  return Drafts{To(relocation->announcement->issuer, relocation->id,
                   event::RelocationAcknowledged{relocation->announcement->ref.leaf_hash})};
}

Decider::Decision Decider::operator()(const event::DeclineRelocation& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Relocation* relocation, AnnouncedToUs(command.relocation));
  if (relocation->state != RelocationState::kAnnounced) return WrongState("it was answered, or is over");
  return Drafts{To(relocation->announcement->issuer, relocation->id,
                   event::RelocationDeclined{relocation->announcement->ref.leaf_hash})};
}

}  // namespace medflyt::domain
