// Decisions that dispute what another authority stated.
#include "common/event/catalogue.h"
#include "server/domain/deciding.h"

namespace medflyt::domain {
namespace {

absl::Status NotDisputable(std::string_view why) { return NotNow("EVENT_NOT_DISPUTABLE", "event", why); }

}  // namespace

Decider::Decision Decider::operator()(const event::DisputeEvent& command) const {
  MEDFLYT_RETURN_IF_ERROR(CheckOfficer());
  if (!command.logged) {
    return RuleError(absl::StatusCode::kNotFound, "EVENT_UNKNOWN", "event", "no event with this id is known here");
  }
  const event::LoggedEvent& logged = *command.logged;
  if (logged.issuer == state_.self()) return NotDisputable("it is this authority's own: put it right or take it back");
  if (logged.refused) return NotDisputable("it was refused, and is without effect");
  if (event::RightOf(logged.type).is_request || logged.type == event::Type::kEventDisputed) {
    return NotDisputable("it states no fact: a request is answered, and so is a dispute");
  }
  const std::optional<CaseUse> use = state_.UseOf(logged.case_id);
  if (!use) return Unknown("event");
  if (use == CaseUse::kAgreement || use == CaseUse::kErasure) return NotDisputable("it states nothing of a citizen");
  const CaseDisputes* known = state_.FindDisputes(logged.case_id);
  if (known != nullptr && known->HasDispute(command.event, state_.self())) {
    return RuleError(absl::StatusCode::kAlreadyExists, "EVENT_ALREADY_DISPUTED", "event",
                     "this authority disputes it already");
  }
  if (known != nullptr) MEDFLYT_RETURN_IF_ERROR(known->CheckRoom(state_.self()));
  return Drafts{To(logged.issuer, logged.case_id, event::EventDisputed{command.event, command.ground})};
}

}  // namespace medflyt::domain
