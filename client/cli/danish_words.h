// What a citizen calls the fields, types and values that other output shows in English.
#pragma once

#include <string>
#include <string_view>

namespace medflyt::cli {

// The Danish word for a name as other output shows it; its label (LabelOf) where there is none.
[[nodiscard]] std::string InDanish(std::string_view word);

}  // namespace medflyt::cli
