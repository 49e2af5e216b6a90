#include "client/cli/bundle_export.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "client/sdk/client.h"
#include "common/audit/bundle_file.h"
#include "common/base/status.h"
#include "common/tlog/tile.h"

namespace medflyt::cli {
namespace {

namespace fs = std::filesystem;

absl::Status Failure(const fs::path& path, int error) {
  return absl::FailedPreconditionError(path.string() + ": " + std::generic_category().message(error));
}

// Made anew, so that its mode is ours.
int OpenNew(const fs::path& path, bool secret) {
  ::unlink(path.c_str());
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, secret ? 0600 : 0644);
}

// A new file that takes its name when it is complete and durable.
class Packing {
 public:
  Packing(const fs::path& path, bool secret)
      : path_(path), beside_(path.string() + ".unfinished"), file_(OpenNew(beside_, secret)) {}
  ~Packing() {
    if (file_ < 0) return;
    ::close(file_);
    ::unlink(beside_.c_str());
  }
  Packing(const Packing&) = delete;
  Packing& operator=(const Packing&) = delete;

  absl::Status Member(const std::string& path, std::string_view content) {
    MEDFLYT_ASSIGN_OR_RETURN(std::string bytes, audit::BundleMember(path, content));
    const absl::Status written = Write(bytes);
    crypto::Wipe(bytes);
    return written;
  }
  absl::Status Finish() {
    MEDFLYT_RETURN_IF_ERROR(Write(audit::BundleEnd()));
    if (::fsync(file_) != 0 || ::rename(beside_.c_str(), path_.c_str()) != 0) return Failure(path_, errno);
    return absl::OkStatus();
  }

 private:
  absl::Status Write(std::string_view bytes) {
    if (file_ < 0) return Failure(beside_, ENOENT);
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_, bytes.data(), bytes.size());
      if (written < 0 && errno != EINTR) return Failure(beside_, errno);
      if (written > 0) bytes.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  const fs::path path_;
  const fs::path beside_;
  const int file_;
};

// In the order in which a verification reads them.
std::vector<std::string> TilePaths(TreeSize size, const std::optional<audit::Part>& part) {
  std::vector<std::string> paths = {"checkpoint"};
  for (unsigned level = 0; tlog::TileWidthAt(level, 0, size) > 0; ++level) {
    unsigned width = 0;
    for (uint64_t index = 0; (width = tlog::TileWidthAt(level, index, size)) > 0; ++index) {
      if (level == 0 && (!part || part->Holds(LeafIndex(index * tlog::kTileWidth)))) {
        paths.push_back(tlog::EntryBundlePath(index, width));
      }
      paths.push_back(tlog::TilePath({level, index, width}));
    }
  }
  return paths;
}

absl::StatusOr<std::vector<std::string>> KeptPaths(const fs::path& directory) {
  std::vector<std::string> paths;
  std::error_code error;
  fs::recursive_directory_iterator files(directory / "kept", error);
  for (; !error && files != fs::recursive_directory_iterator(); files.increment(error)) {
    const std::string path = files->path().lexically_relative(directory).generic_string();
    if (files->is_regular_file(error) && !path.ends_with(".unfinished")) paths.push_back(path);
  }
  if (error && error != std::errc::no_such_file_or_directory) return Failure(directory, error.value());
  std::sort(paths.begin(), paths.end());
  return paths;
}

absl::StatusOr<std::string> ReadWhole(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(path.string() + " cannot be read");
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

}  // namespace

absl::Status FetchEventKeys(sdk::Client& client, const std::string& case_id, audit::EventKeys& keys) {
  v1::ListCaseEventsRequest request;
  *request.mutable_context() = client.NewContext();
  request.set_case_id(case_id);
  request.set_with_keys(true);
  do {
    MEDFLYT_ASSIGN_OR_RETURN(v1::ListCaseEventsResponse response,
                             client.Call(&v1::AuditService::Stub::ListCaseEvents, request));
    for (v1::CaseEvent& event : *response.mutable_events()) {
      const auto id = EventId::FromHex(event.event().event_id());
      if (!id) continue;
      keys[*id] = crypto::Key::FromBytes(event.event_key());
      crypto::Wipe(*event.mutable_event_key());
    }
    request.set_first(response.next_first());
  } while (request.first() != 0);
  return absl::OkStatus();
}

absl::Status WriteBundle(const fs::path& directory, const BundleContents& contents, const fs::path& file) {
  const SeenHead& head = contents.head;
  audit::Trust keys;
  keys.keys = contents.trust.keys;
  keys.owners = contents.trust.owners;
  const bool named = std::any_of(keys.keys.begin(), keys.keys.end(), [&](const directory::LogKey& key) {
    return key.key.name() == head.checkpoint.origin();
  });
  if (!named) keys.keys.insert(keys.keys.begin(), {head.key, TreeSize(0), std::nullopt});

  Packing packing(file, !contents.event_keys.empty());
  audit::BundleContent content{head.checkpoint.origin(), head.checkpoint.size(), contents.part};
  MEDFLYT_ASSIGN_OR_RETURN(content.kept, audit::KeptUntil(audit::DirectoryReader(directory.string())));
  MEDFLYT_RETURN_IF_ERROR(packing.Member(std::string(audit::kBundleMember), audit::FormatBundleContent(content)));
  MEDFLYT_RETURN_IF_ERROR(packing.Member(std::string(audit::kBundleKeysMember), audit::FormatBundleKeys(keys)));
  if (contents.policy_file) {
    MEDFLYT_ASSIGN_OR_RETURN(const std::string policy, ReadWhole(*contents.policy_file));
    MEDFLYT_RETURN_IF_ERROR(packing.Member(std::string(audit::kBundlePolicyMember), policy));
  }
  if (!contents.event_keys.empty()) {
    std::string text = audit::FormatEventKeys(contents.event_keys);
    const absl::Status written = packing.Member(std::string(audit::kBundleEventKeysMember), text);
    crypto::Wipe(text);
    MEDFLYT_RETURN_IF_ERROR(written);
  }
  std::vector<std::string> paths = TilePaths(head.checkpoint.size(), contents.part);
  MEDFLYT_ASSIGN_OR_RETURN(const std::vector<std::string> kept, KeptPaths(directory));
  paths.insert(paths.end(), kept.begin(), kept.end());
  for (const std::string& path : paths) {
    MEDFLYT_ASSIGN_OR_RETURN(const std::string bytes, ReadWhole(directory / path));
    MEDFLYT_RETURN_IF_ERROR(packing.Member(path, bytes));
  }
  return packing.Finish();
}

}  // namespace medflyt::cli
