#include "server/privacy/retention_sweep.h"

#include <set>
#include <utility>

#include "common/base/status.h"
#include "server/keys/access_period.h"
#include "server/privacy/citizen.h"
#include "server/privacy/erasure.h"

namespace medflyt::privacy {
namespace {

bool IsRule(const absl::Status& status, std::string_view rule) {
  const auto broken = BrokenRuleOf(status);
  return broken && broken->rule == rule;
}

}  // namespace

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
  return due;
}

void RetentionSweep::Apply(log::Appender& appender) { outcome_ = Sweep(appender); }

absl::StatusOr<RetentionSweep::Outcome> RetentionSweep::Sweep(log::Appender& appender) {
  Outcome outcome;
  MEDFLYT_RETURN_IF_ERROR(SweepCases(appender, outcome));
  MEDFLYT_RETURN_IF_ERROR(SweepAccessKeys(appender, outcome));
  return outcome;
}

absl::Status RetentionSweep::SweepCases(log::Appender& appender, Outcome& outcome) {
  for (Due& due : DueForErasure(appender.state(), appender.facts())) {
    if (!due.retention.period->node_erases) {
      ++outcome.proposed;
      continue;
    }
    if (outcome.erased == kAtOnce) {
      outcome.more = true;
      break;
    }
    event::EraseCases command;
    command.erasure = random_.NewId<CaseId>();
    command.cases = std::move(due.cases);
    // An observation that was erased a moment ago is in its citizen's cases still.
    std::erase_if(command.cases, [&](const CaseId& id) { return !appender.state().UseOf(id); });
    if (command.cases.empty()) continue;
    const auto erased = Erase(appender, {"", std::move(command)});
    if (!erased.ok() && !IsRule(erased.status(), "ERASURE_UNDELIVERED")) return erased.status();
    if (erased.ok()) {
      ++outcome.erased;
      outcome.keys += erased->keys;
    } else {
      ++outcome.held_back;
    }
  }
  return absl::OkStatus();
}

absl::Status RetentionSweep::SweepAccessKeys(log::Appender& appender, Outcome& outcome) {
  const domain::RetentionPeriod* period = domain::PeriodOf(domain::Kept::kAccessRecord, appender.facts());
  if (period == nullptr) return absl::OkStatus();
  std::set<KeyId> over;
  for (const KeyId& id : appender.keys().IdsOf(event::RetentionClass::kAccess)) {
    MEDFLYT_ASSIGN_OR_RETURN(const keys::KeyPurpose purpose, appender.keys().PurposeOf(id));
    const auto month = keys::MonthOfAccessPeriod(purpose.case_id);
    if (!month || appender.facts().today < domain::OverOn(Date(*month + 1) - 1, *period)) continue;
    over.insert(id);
  }
  if (!period->node_erases) {
    outcome.proposed += over.size();
    return absl::OkStatus();
  }
  outcome.keys += over.size();
  return DestroyKeys(appender, over);
}

}  // namespace medflyt::privacy
