// The options of a ground for telling other authorities everything of a citizen.
#pragma once

#include <string>
#include <vector>

namespace medflyt::testing {

inline std::vector<std::string> OnGround(std::vector<std::string> args) {
  args.insert(args.end(), {"--legal-basis", "RSL-12A", "--necessity", "The effort must go on", "--journal", "2026-117",
                           "--data", "identity", "--data", "service", "--data", "residence"});
  return args;
}

}  // namespace medflyt::testing
