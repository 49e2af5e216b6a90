// Files that a command reads, and the one way in which it reads a CPR number.
#pragma once

#include <cstdint>
#include <fstream>
#include <istream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/command.h"
#include "client/cli/context.h"
#include "common/registry/cpr_number.h"

namespace medflyt::cli {

// The bytes of a file, or of standard input where the path is "-", in chunks.
class InputFile {
 public:
  // NOT_FOUND, PERMISSION_DENIED or INVALID_ARGUMENT (a folder), by the path. `context` outlives it.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<InputFile>> Open(Context& context, const std::string& path);

  // Valid until the next call; empty at the end.
  [[nodiscard]] absl::StatusOr<std::string_view> NextChunk();
  // All that is left, at most `limit` bytes; RESOURCE_EXHAUSTED where there is more.
  [[nodiscard]] absl::StatusOr<std::string> ReadAll(size_t limit);

  // In bytes; nothing for standard input and pipes.
  [[nodiscard]] std::optional<uint64_t> size() const { return size_; }
  [[nodiscard]] uint64_t bytes_read() const { return bytes_read_; }

 private:
  InputFile(std::istream* in, std::string path);

  std::ifstream file_;
  std::istream* in_;
  std::string path_;
  std::optional<uint64_t> size_;
  uint64_t bytes_read_ = 0;
  std::vector<char> buffer_;
};

// Shows on a terminal's standard error how far a task is that lasts longer than a second, and clears it at its end.
class Progress {
 public:
  // `total` in the unit of Update, nothing where unknown. `context` outlives it.
  Progress(const Context& context, std::string_view task, std::optional<uint64_t> total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Update(uint64_t done);

 private:
  const Context& context_;
  const std::string task_;
  const std::optional<uint64_t> total_;
  absl::Time next_;
  bool shown_ = false;
};

// --cpr-file FILE: where a command finds the CPR number it is about; by default standard input.
[[nodiscard]] Option CprOption();

// The number from there: the first line, with or without a hyphen; asked for where standard input is a terminal.
// INVALID_ARGUMENT with CPR_NUMBER_MALFORMED or CPR_NUMBER_DATE.
[[nodiscard]] absl::StatusOr<registry::CprNumber> ReadCprNumber(Context& context, const Arguments& arguments);

}  // namespace medflyt::cli
