#include "client/cli/input.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "client/cli/exit_code.h"
#include "common/base/status.h"

namespace medflyt::cli {
namespace {

constexpr size_t kChunkBytes = 256 << 10;
constexpr size_t kCprFileLimit = 4096;
constexpr char kCprFile[] = "--cpr-file";

}  // namespace

InputFile::InputFile(std::istream* in, std::string path) : in_(in), path_(std::move(path)), buffer_(kChunkBytes) {}

absl::StatusOr<std::unique_ptr<InputFile>> InputFile::Open(Context& context, const std::string& path) {
  if (path == "-") {
    std::unique_ptr<InputFile> input(new InputFile(&context.in(), "standard input"));
    return input;
  }
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return absl::InvalidArgumentError(path + " is a folder");
  std::unique_ptr<InputFile> input(new InputFile(nullptr, path));
  input->in_ = &input->file_;
  // Without a buffer of its own: chunks are large enough.
  input->file_.rdbuf()->pubsetbuf(nullptr, 0);
  errno = 0;
  input->file_.open(path, std::ios::binary);
  if (!input->file_) {
    const std::string message = "cannot open " + path + ": " + std::generic_category().message(errno);
    return errno == EACCES ? absl::PermissionDeniedError(message) : absl::NotFoundError(message);
  }
  if (std::filesystem::is_regular_file(path, error)) {
    const auto bytes = std::filesystem::file_size(path, error);
    if (!error) input->size_ = bytes;
  }
  return input;
}

absl::StatusOr<std::string_view> InputFile::NextChunk() {
  in_->read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  if (in_->bad()) return absl::DataLossError("cannot read " + path_);
  const auto count = static_cast<size_t>(in_->gcount());
  bytes_read_ += count;
  return std::string_view(buffer_.data(), count);
}

absl::StatusOr<std::string> InputFile::ReadAll(size_t limit) {
  std::string all;
  while (true) {
    MEDFLYT_ASSIGN_OR_RETURN(const std::string_view chunk, NextChunk());
    if (chunk.empty()) return all;
    if (all.size() + chunk.size() > limit) {
      return absl::ResourceExhaustedError(path_ + " has more than " + std::to_string(limit) + " bytes");
    }
    all.append(chunk);
  }
}

Progress::Progress(const Context& context, std::string_view task, std::optional<uint64_t> total)
    : context_(context), task_(task), total_(total), next_(context.environment().clock.Now() + absl::Seconds(1)) {}

Progress::~Progress() {
  if (shown_) context_.err() << "\r\x1b[K" << std::flush;
}

void Progress::Update(uint64_t done) {
  constexpr uint64_t kBarColumns = 30;
  if (!context_.environment().err_terminal.is_terminal) return;
  const absl::Time now = context_.environment().clock.Now();
  if (now < next_) return;
  next_ = now + absl::Milliseconds(100);
  shown_ = true;
  std::string line = task_ + " ";
  if (total_ && *total_ > 0) {
    const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(*total_));
    const auto filled = static_cast<size_t>(part * static_cast<double>(kBarColumns));
    line += "[" + std::string(filled, '#') + std::string(kBarColumns - filled, '.') + "] " +
            std::to_string(static_cast<int>(part * 100)) + " %";
  } else {
    line += std::to_string(done);
  }
  context_.err() << "\r\x1b[K" << line << std::flush;
}

Option CprOption() {
  return {.name = kCprFile,
          .value_name = "FILE",
          .help = "read the CPR number from this file, - for standard input",
          .kind = ValueKind::kFile,
          .default_value = "-"};
}

absl::StatusOr<registry::CprNumber> ReadCprNumber(Context& context, const Arguments& arguments) {
  const std::string path = arguments.Text(kCprFile);
  std::string line;
  if (path == "-") {
    if (context.environment().in_terminal.is_terminal) context.err() << "CPR number: " << std::flush;
    std::getline(context.in(), line);
  } else {
    MEDFLYT_ASSIGN_OR_RETURN(const auto input, InputFile::Open(context, path));
    MEDFLYT_ASSIGN_OR_RETURN(line, input->ReadAll(kCprFileLimit));
    line.resize(std::min(line.size(), line.find('\n')));
  }
  auto number = registry::CprNumber::ParseWritten(line);
  line.assign(line.size(), '\0');
  return number;
}

}  // namespace medflyt::cli
