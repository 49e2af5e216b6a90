#include "client/cli/context.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "client/cli/exit_code.h"
#include "common/base/status.h"

namespace medflyt::cli {

void Context::Note(std::string_view text) const { err() << "medflyt: " << text << '\n'; }

absl::StatusOr<ConnectionSettings> Context::Settings() const {
  const ConnectionSettings given{.address = globals_.Text("--address"),
                                 .server_name = globals_.Text("--server-name"),
                                 .ca = globals_.Text("--ca"),
                                 .certificate = globals_.Text("--certificate"),
                                 .key = globals_.Text("--key"),
                                 .officer = globals_.Text("--officer"),
                                 .purpose = globals_.Text("--purpose")};
  const auto variable = [this](std::string_view name) { return environment_.variable(name).value_or(""); };
  std::string profile = globals_.Text("--profile");
  if (profile.empty()) profile = variable("MEDFLYT_PROFILE");
  std::filesystem::path path = globals_.Text("--profiles");
  const bool path_given = !path.empty();
  if (!path_given) {
    std::filesystem::path base = variable("XDG_CONFIG_HOME");
    if (base.empty() && !variable("HOME").empty()) base = std::filesystem::path(variable("HOME")) / ".config";
    if (!base.empty()) path = base / "medflyt" / "profiles.toml";
  }
  std::ifstream file(path, std::ios::binary);
  if (path.empty() || !file) {
    if (profile.empty() && !path_given) return given;
    return RuleError(absl::StatusCode::kNotFound, "PROFILES_UNREADABLE", "profiles",
                     "the profiles file " + path.string() + " cannot be read");
  }
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  auto settings = ParseProfile(text, profile, path.parent_path().string());
  if (!settings.ok()) return Annotate(settings.status(), path.string());
  return Merged(given, *settings);
}

absl::StatusOr<std::shared_ptr<sdk::Client>> Context::Client() {
  if (client_ != nullptr) return client_;
  MEDFLYT_ASSIGN_OR_RETURN(const ConnectionSettings settings, Settings());
  if (settings.address.empty()) return UsageError("which node? Give --profile or --address");
  MEDFLYT_ASSIGN_OR_RETURN(client_, environment_.connect(settings));
  return client_;
}

}  // namespace medflyt::cli
