// Internal to this folder: checks of what is said, apart from who says it, and the periods that rules name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "common/event/bodies.h"

namespace medflyt::domain {

inline constexpr uint32_t kMaxCapacity = 10'000;
inline constexpr uint32_t kMaxNoticeDays = 3'660;
inline constexpr size_t kMaxKeyLength = 64;  // legal basis, council case, journal reference
inline constexpr size_t kMaxNecessityLength = 4'000;
inline constexpr int kReservationDays = 30;  // after the later of the day of reserving and the first day
inline constexpr int kUndisclosedDays = 30;  // an observation that was not disclosed
inline constexpr int kUnansweredDays = 60;   // an announcement that was not answered

// INVALID_ARGUMENT with the field and the rule.
[[nodiscard]] absl::Status CheckTerms(const event::AgreementTerms& terms);

// FIELD_REQUIRED, FIELD_TOO_LONG.
[[nodiscard]] absl::Status CheckText(std::string_view value, std::string_view field, size_t longest);

}  // namespace medflyt::domain
