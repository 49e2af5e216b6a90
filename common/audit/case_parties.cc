#include "common/audit/case_parties.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/base/absl_view.h"
#include "common/base/date.h"
#include "common/event/catalogue.h"

namespace medflyt::audit {
namespace {

using event::Type;

std::string IsNot(AuthorityId authority, std::string_view part) {
  return absl::StrCat(authority.ToString(), " is not the ", ToAbsl(part));
}

// The agreement that a place is of; nothing for other types.
const CaseId* PlaceOf(const event::Body& body) {
  if (const auto* reserved = std::get_if<event::PlaceReserved>(&body)) return &reserved->agreement;
  if (const auto* occupied = std::get_if<event::PlaceOccupied>(&body)) return &occupied->agreement;
  if (const auto* released = std::get_if<event::PlaceReleased>(&body)) return &released->agreement;
  if (const auto* waitlisted = std::get_if<event::PlaceWaitlisted>(&body)) return &waitlisted->agreement;
  return nullptr;
}

}  // namespace

std::optional<std::string> CaseParties::Add(const event::Header& header, const event::Body& body) {
  const CaseId& id = header.case_id;
  const AuthorityId issuer = header.issuer;
  const AuthorityId recipient = header.recipient;
  if (auto wrong = AgainstCards(header, body)) return wrong;
  if (const auto* rectified = std::get_if<event::ValueRectified>(&body)) return CheckRectified(header, *rectified);
  if (std::holds_alternative<event::EventDisputed>(body)) return CheckPair(header);
  if (const auto* erased = std::get_if<event::CasesErased>(&body)) {
    for (const CaseId& each : erased->cases) cases_.erase(each);
    return std::nullopt;
  }
  // A move is seen by the municipality that is responsible in the case that it names.
  if (const auto* observed = std::get_if<event::RelocationObserved>(&body)) {
    const auto known = cases_.find(observed->enrolment);
    const bool is_others =
        known != cases_.end() && known->second.relation == Relation::kService && known->second.second != issuer;
    return is_others ? std::optional(IsNot(issuer, "responsible municipality")) : std::nullopt;
  }

  const event::Right& right = event::RightOf(event::TypeOf(body));
  if (right.issuer == event::Part::kParty) return CheckAgreementEvent(header, body);
  if (right.issuer == event::Part::kProvider) {
    const CaseId* agreement = PlaceOf(body);
    if (agreement != nullptr) {
      if (auto wrong = Check(*agreement, {Relation::kService, issuer, recipient})) return wrong;
    }
    return Hold(id, {Relation::kService, issuer, recipient});
  }
  if (right.recipient == event::Part::kProvider) return Hold(id, {Relation::kService, recipient, issuer});
  if (right.issuer == event::Part::kMunicipalityLeft) {
    // What was never announced is taken back locally, and names no municipality moved to.
    if (issuer == recipient) return std::nullopt;
    return Hold(id, {Relation::kMove, issuer, recipient});
  }
  if (right.issuer == event::Part::kMunicipalityMovedTo) return Hold(id, {Relation::kMove, recipient, issuer});
  if (right.issuer == event::Part::kHolder) return Hold(id, {Relation::kErasure, issuer, recipient});
  if (right.issuer == event::Part::kConcerned) {
    auto wrong = Check(id, {Relation::kErasure, recipient, issuer});
    // Answered, the notice is over, and nothing keeps its id from another use.
    if (!wrong) cases_.erase(id);
    return wrong;
  }
  return std::nullopt;  // local
}

const directory::Authority* CaseParties::CardOf(AuthorityId authority) const {
  const auto found = std::find_if(cards_.begin(), cards_.end(), [&](const auto& card) { return card.id == authority; });
  return found == cards_.end() ? nullptr : &*found;
}

std::optional<std::string> CaseParties::AgainstCards(const event::Header& header, const event::Body& body) const {
  const event::Right& right = event::RightOf(event::TypeOf(body));
  for (const auto& [part, authority] :
       {std::pair(right.issuer, header.issuer), std::pair(right.recipient, header.recipient)}) {
    const directory::Authority* card = CardOf(authority);
    if (card == nullptr || card->kind == directory::Kind::kMunicipality || !event::IsMunicipalitys(part)) continue;
    return IsNot(authority, "municipality that it must be");
  }
  const auto* announced = std::get_if<event::RelocationAnnounced>(&body);
  if (announced == nullptr) return std::nullopt;
  // Its code on that day, when it was recorded, or now: an announcement may name any of them. A card may tell of a
  // change of codes long before it comes.
  const Date recorded = DanishDate(header.recorded_at);
  const auto has = [&](AuthorityId authority, MunicipalityCode code) {
    const directory::Authority* card = CardOf(authority);
    return card == nullptr || card->CodeOn(announced->effective_date) == code || card->CodeOn(recorded) == code ||
           (!card->codes.empty() && card->codes.back().code == code);
  };
  if (!has(header.issuer, announced->from)) return IsNot(header.issuer, "municipality with the code that was left");
  if (!has(header.recipient, announced->to)) return IsNot(header.recipient, "municipality with the code moved to");
  return std::nullopt;
}

std::optional<std::string> CaseParties::Hold(const CaseId& id, const Parties& parties) {
  if (cases_.try_emplace(id, parties).second) return std::nullopt;
  return Check(id, parties);
}

std::optional<std::string> CaseParties::Check(const CaseId& id, const Parties& parties) const {
  const auto found = cases_.find(id);
  // What else an id is used for is not a matter of parts.
  if (found == cases_.end() || found->second.relation != parties.relation) return std::nullopt;
  const Parties& known = found->second;
  const auto wrong = [&](std::string_view first, std::string_view second) -> std::optional<std::string> {
    if (parties.first != known.first) return IsNot(parties.first, first);
    if (parties.second != known.second) return IsNot(parties.second, second);
    return std::nullopt;
  };
  switch (parties.relation) {
    case Relation::kService:
      return wrong("provider", "responsible municipality");
    case Relation::kMove:
      return wrong("municipality left", "municipality moved to");
    case Relation::kErasure:
      return wrong("holder", "authority concerned");
  }
  return std::nullopt;
}

std::optional<std::string> CaseParties::CheckAgreementEvent(const event::Header& header, const event::Body& body) {
  const auto* proposed = std::get_if<event::AgreementProposed>(&body);
  if (proposed == nullptr) return CheckPair(header);
  const bool is_between = (header.issuer == proposed->provider && header.recipient == proposed->buyer) ||
                          (header.issuer == proposed->buyer && header.recipient == proposed->provider);
  if (!is_between) return "the agreement is one between others";
  const Parties parties = {Relation::kService, proposed->provider, proposed->buyer};
  // Without its first version there is no agreement that a later one could change.
  return proposed->version == 1 ? Hold(header.case_id, parties) : Check(header.case_id, parties);
}

std::optional<std::string> CaseParties::CheckRectified(const event::Header& header,
                                                       const event::ValueRectified& body) const {
  const auto known = cases_.find(header.case_id);
  if (known == cases_.end()) return std::nullopt;
  // A number is put right towards the provider or whom the move was announced to; everything else is the provider's.
  const bool from_municipality = known->second.relation == Relation::kService && body.right.cpr.has_value();
  return Check(header.case_id, from_municipality ? Parties{known->second.relation, header.recipient, header.issuer}
                                                 : Parties{known->second.relation, header.issuer, header.recipient});
}

std::optional<std::string> CaseParties::CheckPair(const event::Header& header) const {
  const auto found = cases_.find(header.case_id);
  if (found == cases_.end()) return std::nullopt;
  const Parties& known = found->second;
  const bool is_between = (header.issuer == known.first && header.recipient == known.second) ||
                          (header.issuer == known.second && header.recipient == known.first);
  return is_between ? std::nullopt : std::optional<std::string>("the case is one between others");
}

}  // namespace medflyt::audit
