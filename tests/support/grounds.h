// On what ground officers in tests tell other authorities of a citizen.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "common/base/status.h"
#include "common/event/command.h"

namespace medflyt::testing {

inline event::DisclosureGround Ground() {
  return {"rsl-12c",
          "the effort goes on",
          "journal-1",
          {event::DataCategory::kIdentity, event::DataCategory::kService, event::DataCategory::kResidence}};
}

// As a system does that asks its officer for the ground when the node says that one is needed. `decide` is called with
// the command, and again with the ground.
template <typename Decide>
auto OnGround(event::Command command, const Decide& decide) {
  auto decided = decide(command);
  const auto broken = BrokenRuleOf(decided.status());
  if (!broken || broken->rule != "DISCLOSURE_GROUND_REQUIRED") return decided;
  command.ground = Ground();
  return decide(command);
}

}  // namespace medflyt::testing
