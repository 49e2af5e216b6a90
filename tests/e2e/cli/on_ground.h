// The options of a ground for telling other authorities everything of a citizen.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

namespace medflyt::testing {

inline std::vector<std::string> OnGround(std::vector<std::string> args) {
  const std::string necessity = ::testing::TempDir() + "necessity-" + std::to_string(::getpid());
  std::ofstream(necessity) << "The effort must go on\n";
  args.insert(args.end(), {"--legal-basis", "RSL-12A", "--necessity-file", necessity, "--journal", "2026-117", "--data",
                           "identity", "--data", "service", "--data", "residence"});
  return args;
}

}  // namespace medflyt::testing
