// An audit bundle out of an exported log.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "client/cli/look.h"
#include "common/audit/event_keys.h"
#include "common/audit/verify.h"

namespace medflyt::sdk {
class Client;
}

namespace medflyt::cli {

struct BundleContents {
  SeenHead head;
  audit::Trust trust;                      // its keys and owners are written; that of the head where it lacks them
  std::optional<std::string> policy_file;  // copied as it is
  audit::EventKeys event_keys;
  std::optional<audit::Part> part;  // that was exported
};

// Adds the keys of the case's events, as far as the node holds them. A recorded read.
[[nodiscard]] absl::Status FetchEventKeys(sdk::Client& client, const std::string& case_id, audit::EventKeys& keys);

// Packs the directory, which was exported for that head, into a file (common/audit/bundle_file.h): whole or not at all,
// and for its owner alone where it holds keys of events.
[[nodiscard]] absl::Status WriteBundle(const std::filesystem::path& directory, const BundleContents& contents,
                                       const std::filesystem::path& file);

}  // namespace medflyt::cli
