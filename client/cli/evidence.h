// What does not hold, kept as evidence.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "client/cli/checkpoint_store.h"
#include "common/base/clock.h"

namespace medflyt::cli {

using EvidenceFile = std::pair<std::string, std::string>;  // name and bytes

// A verification that failed by this rule, with what shows it kept in the store, against the log of that origin. That
// it could not be kept changes nothing but the message, which says where it is.
[[nodiscard]] absl::Status Accuse(const CheckpointStore& store, const Clock& clock, std::string_view origin,
                                  std::string_view rule, const std::vector<EvidenceFile>& files, std::string message);

// Keeps the files, and says where as the end of a message.
[[nodiscard]] std::string KeptWhere(const CheckpointStore& store, const Clock& clock, std::string_view origin,
                                    std::string_view what, const std::vector<EvidenceFile>& files);

}  // namespace medflyt::cli
