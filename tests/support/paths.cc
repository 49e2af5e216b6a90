#include "tests/support/paths.h"

namespace medflyt::testing {

std::string BinDir() { return MEDFLYT_BIN_DIR; }
std::string SourceDir() { return MEDFLYT_SOURCE_DIR; }

}  // namespace medflyt::testing
