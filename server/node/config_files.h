// The files that a configuration names: whether they are there.
#pragma once

#include "absl/status/status.h"
#include "server/node/config.h"

namespace medflyt::node {

// OK where every file and directory that must be there can be opened for reading; what is in them is for their readers.
// INVALID_ARGUMENT (CONFIG_FILE_UNUSABLE) for the first that cannot: field and message name the key, the message also
// the path and what the system says.
[[nodiscard]] absl::Status CheckFiles(const Config& config);

}  // namespace medflyt::node
