// On what basis another authority was told each thing of a citizen, from the rows of the citizen's report.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "medflyt/v1/citizen_service.pb.h"
#include "medflyt/v1/views.pb.h"

namespace medflyt::cli {

struct ToldBasis {
  enum class Kind : uint8_t {
    kNotTold,  // local, received, or erased
    kGround,   // a ground that was in force for this case and recipient
    kStated,   // the event names its legal basis itself, and the ground's row is not there
    kByRule,   // follows by rule from what was told before: no officer acted, and no ground was given
    kDuty,     // answers or takes back what was told before, which needs no ground
    kUnknown,  // rests on a ground that is not among the rows
  };
  Kind kind = Kind::kNotTold;
  std::string legal_basis;                // of kGround and kStated
  const v1::EventView* ground = nullptr;  // of kGround: the row that has it, in the report
};

// One for each event of the report, in their order. What they point to is the report's. A ground counts for what stands
// behind it, until the next for the same case and recipient; one for a rectification for that alone.
[[nodiscard]] std::vector<ToldBasis> ToldBases(const v1::ReportCitizenResponse& report);

}  // namespace medflyt::cli
