#include "client/cli/profile.h"

#include <toml++/toml.h>

#include <array>
#include <filesystem>

#include "common/base/status.h"

namespace medflyt::cli {
namespace {

struct FieldOfProfile {
  std::string_view name;
  std::string ConnectionSettings::*field;
  bool is_path = false;
};

constexpr std::array<FieldOfProfile, 7> kFields = {{{"address", &ConnectionSettings::address},
                                                    {"server_name", &ConnectionSettings::server_name},
                                                    {"ca", &ConnectionSettings::ca, true},
                                                    {"certificate", &ConnectionSettings::certificate, true},
                                                    {"key", &ConnectionSettings::key, true},
                                                    {"officer", &ConnectionSettings::officer},
                                                    {"purpose", &ConnectionSettings::purpose}}};

absl::Status Wrong(std::string_view rule, std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, rule, field, message);
}

absl::StatusOr<ConnectionSettings> SettingsOf(const toml::table& table, const std::string& path,
                                              std::string_view folder) {
  ConnectionSettings settings;
  for (const auto& [key, node] : table) {
    const std::string where = path + "." + std::string(key.str());
    const FieldOfProfile* field = nullptr;
    for (const FieldOfProfile& candidate : kFields) {
      if (candidate.name == key.str()) field = &candidate;
    }
    if (field == nullptr) return Wrong("PROFILE_KEY_UNKNOWN", where, "profiles have no such key");
    const auto text = node.value_exact<std::string>();
    if (!text || text->empty()) return Wrong("PROFILE_VALUE_INVALID", where, "must be text, and not empty");
    settings.*(field->field) = field->is_path ? (std::filesystem::path(folder) / *text).string() : *text;
  }
  return settings;
}

}  // namespace

absl::StatusOr<ConnectionSettings> ParseProfile(std::string_view text, std::string_view name, std::string_view folder) {
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return Wrong("PROFILE_SYNTAX", "line " + std::to_string(error.source().begin.line), error.description());
  }
  const toml::table* profiles = nullptr;
  std::string wanted(name);
  for (const auto& [key, node] : root) {
    if (key.str() == "profile" && node.is_table()) {
      profiles = node.as_table();
    } else if (key.str() == "default_profile") {
      const auto chosen = node.value_exact<std::string>();
      if (!chosen) return Wrong("PROFILE_VALUE_INVALID", "default_profile", "must be text");
      if (wanted.empty()) wanted = *chosen;
    } else {
      return Wrong("PROFILE_KEY_UNKNOWN", key.str(), "a profiles file has no such key");
    }
  }
  std::optional<ConnectionSettings> found;
  if (profiles != nullptr) {
    for (const auto& [key, node] : *profiles) {
      const std::string path = "profile." + std::string(key.str());
      const toml::table* table = node.as_table();
      if (table == nullptr) return Wrong("PROFILE_VALUE_INVALID", path, "must be a table");
      MEDFLYT_ASSIGN_OR_RETURN(ConnectionSettings settings, SettingsOf(*table, path, folder));
      if (key.str() == wanted) found = std::move(settings);
    }
  }
  if (found) return *std::move(found);
  if (wanted.empty()) return ConnectionSettings();
  return RuleError(absl::StatusCode::kNotFound, "PROFILE_UNKNOWN", "profile." + wanted, "there is no such profile");
}

ConnectionSettings Merged(const ConnectionSettings& first, const ConnectionSettings& second) {
  ConnectionSettings merged = first;
  for (const FieldOfProfile& field : kFields) {
    if ((merged.*(field.field)).empty()) merged.*(field.field) = second.*(field.field);
  }
  return merged;
}

}  // namespace medflyt::cli
