#include "server/intake/watched.h"

#include <utility>

namespace medflyt::intake {
namespace {

using domain::RelocationState;

bool Stands(RelocationState state) {
  return state != RelocationState::kExpired && state != RelocationState::kCorrected &&
         state != RelocationState::kAnnulled;
}

// The latest spell of `self` that was not reversed, or null.
const domain::Spell* OwnSpell(const domain::Enrolment& enrolment, AuthorityId self) {
  for (auto spell = enrolment.spells.rbegin(); spell != enrolment.spells.rend(); ++spell) {
    if (spell->responsible == self && !spell->reversed) return &*spell;
  }
  return nullptr;
}

}  // namespace

Watched Watched::Of(const domain::State& state) {
  std::map<CaseId, std::vector<KnownRelocation>> known;
  for (const auto& [id, relocation] : state.relocations()) {
    if (relocation.direction != domain::Direction::kOut || !relocation.enrolment || !Stands(relocation.state)) continue;
    known[*relocation.enrolment].push_back({id, relocation.kind, relocation.to, relocation.effective_date,
                                            relocation.announcement.has_value(), relocation.concerns,
                                            relocation.hold_reasons, relocation.uncertain});
  }
  Watched watched;
  for (const auto& [id, enrolment] : state.enrolments()) {
    const domain::Spell* own = OwnSpell(enrolment, state.self());
    if (own == nullptr) continue;
    const domain::EnrolmentState now = enrolment.state();
    const bool active = (now == domain::EnrolmentState::kActive || now == domain::EnrolmentState::kPaused) &&
                        &enrolment.current() == own;
    const auto relocations = known.find(own->case_id);
    if (!active && relocations == known.end()) continue;
    for (const registry::CprNumber& number : enrolment.numbers) {
      watched.by_number_.emplace(number, watched.cases_.size());
    }
    watched.cases_.push_back({own->case_id, active, enrolment.cpr(),
                              relocations == known.end() ? std::vector<KnownRelocation>() : relocations->second});
  }
  return watched;
}

std::vector<const WatchedCase*> Watched::Find(const registry::CprNumber& cpr) const {
  std::vector<const WatchedCase*> found;
  const auto [begin, end] = by_number_.equal_range(cpr);
  for (auto entry = begin; entry != end; ++entry) found.push_back(&cases_[entry->second]);
  return found;
}

}  // namespace medflyt::intake
