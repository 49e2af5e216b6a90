#include "server/privacy/retention_sweep.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/status.h"
#include "server/keys/access_period.h"
#include "server/privacy/citizen.h"
#include "server/privacy/erasure.h"

namespace medflyt::privacy {
std::vector<Due> DueForErasure(const domain::State& state, const domain::Facts& facts) {
  std::vector<Due> due;
  const auto add = [&](std::vector<CaseId> cases) {
    auto retention = domain::RetentionOf(state, cases, facts);
    if (!retention.ok() || !retention->over_on || facts.today < *retention->over_on) return;
    due.push_back({std::move(cases), *std::move(retention)});
  };
  std::set<CaseId> observations;
  for (const auto& [id, relocation] : state.relocations()) {
    if (!domain::IsUndisclosed(relocation)) continue;
    observations.insert(id);
    add({id});
  }
  for (std::vector<CaseId>& cases : CasesByCitizen(state)) {
    if (cases.size() == 1 && observations.contains(cases.front())) continue;  // it has its own, shorter period
    add(std::move(cases));
  }
  for (const auto& [id, agreement] : state.agreements()) add({id});
  return due;
}

void RetentionSweep::Apply(log::Appender& appender) { outcome_ = Sweep(appender); }

absl::StatusOr<RetentionSweep::Outcome> RetentionSweep::Sweep(log::Appender& appender) {
  Outcome outcome;
  SweepCases(appender, outcome);
  MEDFLYT_RETURN_IF_ERROR(SweepUnclaimedKeys(appender, outcome));
  MEDFLYT_RETURN_IF_ERROR(SweepAccessKeys(appender, outcome));
  return outcome;
}

void RetentionSweep::SweepCases(log::Appender& appender, Outcome& outcome) {
  std::vector<Due> due = DueForErasure(appender.state(), appender.facts());
  outcome.proposed += std::erase_if(due, [](const Due& each) { return !each.retention.period->node_erases; });
  // From anywhere, so that those which are held back again and again do not keep others from their turn.
  if (!due.empty()) {
    uint32_t anywhere = 0;
    random_.Fill(reinterpret_cast<uint8_t*>(&anywhere), sizeof anywhere);
    std::rotate(due.begin(), due.begin() + static_cast<ptrdiff_t>(anywhere % due.size()), due.end());
  }
  for (Due& each : due) {
    if (outcome.erased == kAtOnce || outcome.held_back == kAtOnce) {
      outcome.more = outcome.erased > 0;
      return;
    }
    event::EraseCases command;
    command.erasure = random_.NewId<CaseId>();
    command.cases = std::move(each.cases);
    // An observation that was erased a moment ago is in its citizen's cases still.
    std::erase_if(command.cases, [&](const CaseId& id) { return !appender.state().UseOf(id); });
    if (command.cases.empty()) continue;
    const auto erased = Erase(appender, random_, {"", std::move(command)});
    if (erased.ok()) {
      ++outcome.erased;
      outcome.keys += erased->keys;
      outcome.disclosed += erased->disclosed.size();
    } else {
      ++outcome.held_back;
    }
  }
}

// What a peer gave a key for and was refused: nothing here is about it, and nobody would ever ask for its erasure.
absl::Status RetentionSweep::SweepUnclaimedKeys(log::Appender& appender, Outcome& outcome) {
  std::set<KeyId> unclaimed;
  for (const auto& [id, case_id] : appender.keys().Granted(appender.state().self())) {
    if (!appender.state().UseOf(case_id)) unclaimed.insert(id);
  }
  outcome.keys += unclaimed.size();
  return DestroyKeys(appender, unclaimed);
}

absl::Status RetentionSweep::SweepAccessKeys(log::Appender& appender, Outcome& outcome) {
  const domain::RetentionPeriod* period = domain::PeriodOf(domain::Kept::kAccessRecord, appender.facts());
  if (period == nullptr || !period->node_erases) return absl::OkStatus();
  std::set<KeyId> over;
  for (const KeyId& id : appender.keys().IdsOf(event::RetentionClass::kAccess)) {
    MEDFLYT_ASSIGN_OR_RETURN(const keys::KeyPurpose purpose, appender.keys().PurposeOf(id));
    const auto month = keys::MonthOfAccessPeriod(purpose.case_id);
    if (!month || appender.facts().today < domain::OverOn(Date(*month + 1) - 1, *period)) continue;
    over.insert(id);
  }
  outcome.keys += over.size();
  return DestroyKeys(appender, over);
}

}  // namespace medflyt::privacy
