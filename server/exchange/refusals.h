// Events of ours that their recipient refused: they are without effect there, and an officer must look at them.
//
//   kOutbox 'f' ‖ u32 recipient ‖ u64 number   ->  event id (16) ‖ u64 position ‖ u64 position of the ReceiptsLogged ‖
//   rule kIndex  'f' ‖ event id                     ->  u32 recipient ‖ u64 number
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/directory/identity.h"
#include "server/log/appender.h"
#include "server/store/store.h"

namespace medflyt::exchange {

struct Refusal {
  AuthorityId recipient;
  PairNumber number;
  EventId event;
  log::Position position;  // of the event
  // Of the ReceiptsLogged; where the receipt was fetched back after a loss, as `position`. The recipient's signed
  // statement is kept beside it.
  log::Position receipt;
  std::string rule;
  friend bool operator==(const Refusal&, const Refusal&) = default;
};

void StageRefusal(const Refusal& refusal, log::Appender& appender);

// In order of recipient and number. DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::StatusOr<std::vector<Refusal>> ReadRefusals(const store::Reader& store);
// Nothing for an event that was not refused.
[[nodiscard]] absl::StatusOr<std::optional<Refusal>> FindRefusal(const store::Reader& store, const EventId& event);

}  // namespace medflyt::exchange
