// A temporary folder, the certificates of one authority, and the program run on them.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/support/demo_pki.h"
#include "tests/support/shared.h"
#include "tests/unit/cli/program.h"

namespace medflyt::cli::testing {

class Workspace : public ::testing::Test {
 protected:
  Workspace() {
    std::string pattern = (std::filesystem::temp_directory_path() / "medflyt-commands.XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    program_.clock.now = absl::FromUnixSeconds(1'795'000'000);  // 2026-11-18
  }
  ~Workspace() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string Path(std::string_view name) const { return (folder_ / name).string(); }
  [[nodiscard]] std::string Read(std::string_view name) const { return medflyt::testing::ReadFile(folder_ / name); }
  void Write(std::string_view name, std::string_view bytes) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary | std::ios::trunc) << bytes;
  }
  [[nodiscard]] unsigned ModeOf(std::string_view name) const {
    struct stat facts {};
    return stat(Path(name).c_str(), &facts) == 0 ? facts.st_mode & 0777U : 0;
  }
  // Every file below the folder with its bytes.
  [[nodiscard]] std::map<std::string, std::string> Snapshot() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      files[entry.path().string()] = entry.is_regular_file() ? medflyt::testing::ReadFile(entry.path()) : "folder";
    }
    return files;
  }

  ExitCode Run(const std::vector<std::string>& args, const std::string& input = "") {
    return program_.Run(args, input);
  }
  // What a run with --json printed.
  [[nodiscard]] nlohmann::json Json() const { return nlohmann::json::parse(program_.out, nullptr, false); }

  // The certificates of Odense, made once for all tests of the process.
  static const medflyt::testing::DemoPki& Pki() {
    static const medflyt::testing::DemoPki pki("35209115", "Odense Kommune");
    return pki;
  }

  // node init into `dir`, with some options replaced ("" leaves one out) or added.
  ExitCode Init(const std::string& dir, const std::map<std::string, std::string>& changed = {},
                const std::vector<std::string>& more = {}) {
    EXPECT_TRUE(Pki().ok());
    std::map<std::string, std::string> options = {{"--dir", Path(dir)},
                                                  {"--authority", "35209115"},
                                                  {"--name", "Odense Kommune"},
                                                  {"--code", "0461"},
                                                  {"--since", "2007-01-01"},
                                                  {"--endpoint", "localhost:7461"},
                                                  {"--tls-certificate", Pki().Path("node/cert.pem")},
                                                  {"--tls-key", Pki().Path("node/key.pem")},
                                                  {"--issuers", Pki().Path("ca.pem")}};
    for (const auto& [name, value] : changed) options[name] = value;
    std::vector<std::string> args = {"node", "init", "--json"};
    for (const auto& [name, value] : options) {
      if (!value.empty()) args.insert(args.end(), {name, value});
    }
    args.insert(args.end(), more.begin(), more.end());
    return Run(args);
  }

  std::filesystem::path folder_;
  Program program_;
};

}  // namespace medflyt::cli::testing
