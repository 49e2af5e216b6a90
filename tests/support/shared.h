// Test data that is not part of the project: $MEDFLYT_SHARED, else ../shared beside the repository.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/paths.h"

namespace medflyt::testing {

// The path of `relative` in the shared folder, or nothing where it is absent.
inline std::optional<std::filesystem::path> SharedPath(std::string_view relative) {
  const char* configured = std::getenv("MEDFLYT_SHARED");
  const std::filesystem::path root = configured != nullptr
                                         ? std::filesystem::path(configured)
                                         : std::filesystem::path(SourceDir()).parent_path() / "shared";
  const std::filesystem::path path = root / relative;
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path;
}

// The file's bytes; empty where it cannot be read.
inline std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace medflyt::testing

// Leaves the test, visibly counted by tests/run.sh, where the shared folder lacks `relative`.
#define MEDFLYT_SHARED_OR_SKIP(variable, relative)                                                        \
  const auto variable##_or = ::medflyt::testing::SharedPath(relative);                                    \
  if (!variable##_or) GTEST_SKIP() << "SKIPPED-SHARED: " << (relative) << " is not in the shared folder"; \
  const std::filesystem::path& variable = *variable##_or
