// Named connection settings in a file of the user's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace medflyt::cli {

// How to reach a node and as whom. Paths are as a file is opened; an empty field is not set.
struct ConnectionSettings {
  std::string address = {};      // host:port
  std::string server_name = {};  // that the node's certificate must have; the address's host where empty
  std::string ca = {};           // PEM file
  std::string certificate = {};  // PEM file
  std::string key = {};          // PEM file
  std::string officer = {};
  std::string purpose = {};

  friend bool operator==(const ConnectionSettings&, const ConnectionSettings&) = default;
};

// Reads one profile from the text of a profiles file (TOML):
//
//   default_profile = "odense"          # optional
//   [profile.odense]
//   address = "127.0.0.1:7461"
//   ca = "pki/ca.pem"                   # relative to the file's folder
//   ...
//
// Keys are the names of ConnectionSettings' fields. `name` empty: the default profile, and no settings at all where
// there is none. `folder` is that of the file. INVALID_ARGUMENT with PROFILE_SYNTAX, PROFILE_KEY_UNKNOWN or
// PROFILE_VALUE_INVALID; NOT_FOUND with PROFILE_UNKNOWN.
[[nodiscard]] absl::StatusOr<ConnectionSettings> ParseProfile(std::string_view text, std::string_view name,
                                                              std::string_view folder);

// Those fields of `first` that are set, and of `second` where they are not.
[[nodiscard]] ConnectionSettings Merged(const ConnectionSettings& first, const ConnectionSettings& second);

}  // namespace medflyt::cli
