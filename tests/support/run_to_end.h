// Programs that the tests run and that are not of this build.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace medflyt::testing {

// Runs a program to its end: its exit code (-1 where it did not exit), and all that it printed.
inline std::pair<int, std::string> RunToEnd(const std::vector<std::string>& argv) {
  std::string command;
  for (const std::string& word : argv) {
    command += "'";
    for (const char c : word) command += c == '\'' ? std::string("'\\''") : std::string(1, c);
    command += "' ";
  }
  FILE* out = popen((command + "2>&1 </dev/null").c_str(), "r");
  if (out == nullptr) return {-1, ""};
  std::string text;
  std::array<char, 4096> part{};
  while (const size_t size = std::fread(part.data(), 1, part.size(), out)) text.append(part.data(), size);
  const int status = pclose(out);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text};
}

}  // namespace medflyt::testing
