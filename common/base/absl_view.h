// Debian's Abseil has its own string_view, which is not std's: the two conversions between them.
#pragma once

#include <string_view>

#include "absl/strings/string_view.h"

namespace medflyt {

inline absl::string_view ToAbsl(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view ToStd(absl::string_view s) { return {s.data(), s.size()}; }

}  // namespace medflyt
