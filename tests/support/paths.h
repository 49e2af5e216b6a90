// Where this build's programs and this project's sources are. They stand in one object of their own, so that every
// other one of the tests is compiled alike in every checkout, and a compiler cache knows it.
#pragma once

#include <string>

namespace medflyt::testing {

[[nodiscard]] std::string BinDir();     // of the build
[[nodiscard]] std::string SourceDir();  // the root of the project

}  // namespace medflyt::testing
