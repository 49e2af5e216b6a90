#include "server/privacy/citizen.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "server/domain/query.h"
#include "server/domain/retention.h"

namespace medflyt::privacy {
namespace {

// Disjoint sets of positions.
class Sets {
 public:
  size_t Add() {
    parents_.push_back(parents_.size());
    return parents_.back();
  }
  size_t Find(size_t each) {
    while (parents_[each] != each) each = parents_[each] = parents_[parents_[each]];
    return each;
  }
  void Join(size_t one, size_t other) { parents_[Find(one)] = Find(other); }

 private:
  std::vector<size_t> parents_;
};

}  // namespace

Citizen FindCitizen(const domain::State& state, const registry::CprNumber& cpr) {
  Citizen citizen;
  std::set<CaseId> cases;
  const domain::KnownCitizen known = domain::FindByNumber(state, cpr);
  const auto has_number = [&known](const registry::CprNumber& number) {
    return std::find(known.numbers.begin(), known.numbers.end(), number) != known.numbers.end();
  };
  citizen.enrolments = known.enrolments;
  for (const domain::Enrolment* enrolment : known.enrolments) {
    cases.insert(enrolment->id);
    for (const domain::Spell& spell : enrolment->spells) cases.insert(spell.case_id);
  }
  for (const auto& [id, transfer] : state.transfers()) {
    if (!has_number(transfer.cpr)) continue;
    cases.insert(id);
    if (transfer.relocation && state.FindRelocation(*transfer.relocation) != nullptr)
      cases.insert(*transfer.relocation);
    citizen.transfers.push_back(&transfer);
  }
  for (const auto& [id, relocation] : state.relocations()) {
    const bool of_theirs = cases.contains(id) || (relocation.enrolment && cases.contains(*relocation.enrolment)) ||
                           (relocation.cpr && has_number(*relocation.cpr));
    if (!of_theirs) continue;
    cases.insert(id);
    citizen.relocations.push_back(&relocation);
  }
  citizen.cases.assign(cases.begin(), cases.end());
  return citizen;
}

Citizen FindCitizen(const domain::State& state, const CaseId& case_id) {
  if (const domain::Enrolment* enrolment = state.FindEnrolment(case_id)) return FindCitizen(state, enrolment->cpr());
  if (const domain::Transfer* transfer = state.FindTransfer(case_id)) return FindCitizen(state, transfer->cpr);
  const domain::Relocation* relocation = state.FindRelocation(case_id);
  if (relocation == nullptr) return {};
  if (relocation->cpr) return FindCitizen(state, *relocation->cpr);
  const domain::Enrolment* enrolment = relocation->enrolment ? state.FindEnrolment(*relocation->enrolment) : nullptr;
  if (enrolment != nullptr) return FindCitizen(state, enrolment->cpr());
  return {{}, {relocation}, {}, {case_id}};
}

std::optional<registry::CprNumber> PresentNumber(const domain::State& state, const CaseId& case_id) {
  std::optional<registry::CprNumber> number;
  const domain::Enrolment* enrolment = state.FindEnrolment(case_id);
  if (const domain::Relocation* relocation = state.FindRelocation(case_id); enrolment == nullptr && relocation) {
    number = relocation->cpr;
    if (relocation->enrolment) enrolment = state.FindEnrolment(*relocation->enrolment);
  } else if (const domain::Transfer* transfer = state.FindTransfer(case_id); enrolment == nullptr && transfer) {
    number = transfer->cpr;
  }
  if (enrolment != nullptr) number = enrolment->cpr();
  if (!number) return number;
  // Another enrolment may know which number came after it.
  for (const CaseId& id : state.EnrolmentsOf(*number)) {
    const domain::Enrolment* other = state.FindEnrolment(id);
    if (other != nullptr && other->cpr() != *number) return other->cpr();
  }
  return number;
}

std::vector<CaseId> CasesErasedWith(const domain::State& state, const CaseId& case_id) {
  if (state.FindAgreement(case_id) != nullptr) return {case_id};
  const domain::Relocation* relocation = state.FindRelocation(case_id);
  if (relocation != nullptr && domain::IsUndisclosed(*relocation)) return {case_id};
  return FindCitizen(state, case_id).cases;
}

std::vector<std::vector<CaseId>> CasesByCitizen(const domain::State& state) {
  Sets sets;
  std::map<registry::CprNumber, size_t> of_number;
  std::map<CaseId, size_t> of_case;
  const auto set_of = [&sets](auto& known, const auto& key) {
    const auto found = known.find(key);
    return found != known.end() ? found->second : known.emplace(key, sets.Add()).first->second;
  };
  for (const auto& [id, enrolment] : state.enrolments()) {
    const size_t set = set_of(of_case, id);
    for (const registry::CprNumber& number : enrolment.numbers) sets.Join(set, set_of(of_number, number));
    for (const domain::Spell& spell : enrolment.spells) sets.Join(set, set_of(of_case, spell.case_id));
  }
  for (const auto& [id, relocation] : state.relocations()) {
    const size_t set = set_of(of_case, id);
    if (relocation.cpr) sets.Join(set, set_of(of_number, *relocation.cpr));
    if (relocation.enrolment && of_case.contains(*relocation.enrolment)) sets.Join(set, of_case[*relocation.enrolment]);
  }
  for (const auto& [id, transfer] : state.transfers()) {
    const size_t set = set_of(of_case, id);
    sets.Join(set, set_of(of_number, transfer.cpr));
    const auto relocation = transfer.relocation ? of_case.find(*transfer.relocation) : of_case.end();
    if (relocation != of_case.end()) sets.Join(set, relocation->second);
  }

  std::map<size_t, std::vector<CaseId>> cases;
  for (const auto& [id, set] : of_case) cases[sets.Find(set)].push_back(id);
  std::vector<std::vector<CaseId>> citizens;
  citizens.reserve(cases.size());
  for (auto& [set, ids] : cases) citizens.push_back(std::move(ids));
  return citizens;
}

}  // namespace medflyt::privacy
