// What a node holds of a citizen, for the citizen: a page in Danish that prints well and needs nothing beside it, and
// the same as JSON (GDPR, article 15).
#pragma once

#include <string>

#include "absl/time/time.h"
#include "medflyt/v1/citizen_service.pb.h"

namespace medflyt::cli {

struct CitizenReport {
  std::string citizen;             // the CPR number, masked
  absl::Time made_at;              // shown as a Danish date in the page, in UTC in the JSON
  v1::ReportCitizenResponse held;  // of all pages together
};

// UTF-8. What an event, a look-up or a name holds is text in it, whatever it looks like. CPR numbers are masked.
[[nodiscard]] std::string ReportPage(const CitizenReport& report);
[[nodiscard]] std::string ReportJson(const CitizenReport& report);

}  // namespace medflyt::cli
