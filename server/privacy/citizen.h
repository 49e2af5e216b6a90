// Which cases are one citizen's. On the sequencer's thread, where the state lives.
#pragma once

#include <optional>
#include <vector>

#include "common/base/id.h"
#include "common/registry/cpr_number.h"
#include "server/domain/state.h"

namespace medflyt::privacy {

// What the state holds of one citizen, in key order. Pointers hold until the state's next change.
struct Citizen {
  std::vector<const domain::Enrolment*> enrolments;
  std::vector<const domain::Relocation*> relocations;
  std::vector<const domain::Transfer*> transfers;
  std::vector<CaseId> cases;  // of all of it, ascending, each once: what events and look-ups of them stand under
};

// By any number that the citizen has had here. Looks at every relocation and transfer.
[[nodiscard]] Citizen FindCitizen(const domain::State& state, const registry::CprNumber& cpr);
// By any of the citizen's cases. A move that was never announced and whose enrolment was erased is a citizen of its
// own. Empty for an unknown case.
[[nodiscard]] Citizen FindCitizen(const domain::State& state, const CaseId& case_id);

// The number by which the citizen of a case is known here now. Nothing where none is: nothing of the case is held, or
// nothing but a move that was never announced and whose enrolment was erased.
[[nodiscard]] std::optional<registry::CprNumber> PresentNumber(const domain::State& state, const CaseId& case_id);

// What is erased when that case is named: all of its citizen's cases, or, of an observation that led to nothing, it
// alone, for its citizen's cases may go on; an agreement alone, too. Empty for an unknown case.
[[nodiscard]] std::vector<CaseId> CasesErasedWith(const domain::State& state, const CaseId& case_id);

// The cases of every citizen, as FindCitizen finds them, in one walk through the state.
[[nodiscard]] std::vector<std::vector<CaseId>> CasesByCitizen(const domain::State& state);

}  // namespace medflyt::privacy
