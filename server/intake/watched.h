// The citizens about whom a registry extract may tell this node something.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "common/base/date.h"
#include "common/base/id.h"
#include "common/directory/identity.h"
#include "common/event/bodies.h"
#include "common/registry/cpr_number.h"
#include "server/domain/state.h"

namespace medflyt::intake {

// A relocation that was observed before and still stands.
struct KnownRelocation {
  CaseId id;
  event::ObservationKind kind = event::ObservationKind::kMoved;
  MunicipalityCode to;
  std::optional<Date> effective_date;
  bool announced = false;  // told to the municipality moved to, whatever that answered
  std::optional<CaseId> concerns;
  std::vector<event::HoldReason> hold_reasons;  // for which it is or was held; sorted
  bool uncertain = false;                       // its date
};

// One case of this authority's: an enrolment for which it is, or lately was, responsible.
struct WatchedCase {
  CaseId enrolment;         // the authority's own case
  bool active = false;      // enrolled, and this authority still responsible: a new move may be observed
  registry::CprNumber cpr;  // the present number
  std::vector<KnownRelocation> relocations;
};

// A copy out of the state, because an extract is read on another thread than the state lives on. It holds personal
// numbers: kept while one extract is read.
class Watched {
 public:
  // Every active enrolment for which the state's own authority is responsible, and every one of its cases with a
  // relocation that stands, since the registry may take that back. On the state's thread.
  [[nodiscard]] static Watched Of(const domain::State& state);

  // By any number that the citizen has or had here; empty for anyone else.
  [[nodiscard]] std::vector<const WatchedCase*> Find(const registry::CprNumber& cpr) const;
  [[nodiscard]] bool empty() const { return cases_.empty(); }

 private:
  std::vector<WatchedCase> cases_;
  std::multimap<registry::CprNumber, size_t> by_number_;  // position in cases_
};

}  // namespace medflyt::intake
