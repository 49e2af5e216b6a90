#include "client/cli/checkpoint_store.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/exit_code.h"
#include "client/cli/files.h"
#include "common/base/absl_view.h"
#include "common/base/status.h"
#include "common/crypto/hash.h"

namespace medflyt::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".checkpoint";
constexpr size_t kMaxName = 200;  // file systems allow 255 bytes

absl::Status Damaged(const fs::path& path) {
  return RuleError(absl::StatusCode::kFailedPrecondition, "TRUST_FILE_DAMAGED", "trust",
                   path.string() + " is not what was kept there");
}

bool IsPlain(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         (c == '.' && !first);
}

std::string EncodedName(std::string_view text) {
  std::string name;
  for (const char c : text) {
    if (IsPlain(c, name.empty())) {
      name.push_back(c);
    } else {
      absl::StrAppendFormat(&name, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return name.size() <= kMaxName ? name : "sha256-" + crypto::Sha256(text).ToHex();
}

absl::StatusOr<std::string> ReadWhole(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::PermissionDeniedError(path.string() + " cannot be read");
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

std::string FileOfSize(TreeSize size) { return absl::StrFormat("%020d%s", size.value(), std::string(kSuffix)); }

}  // namespace

fs::path CheckpointStore::FolderOf(std::string_view origin) const { return directory_ / EncodedName(origin); }

absl::StatusOr<std::vector<KeptCheckpoint>> CheckpointStore::All(std::string_view origin) const {
  std::vector<KeptCheckpoint> kept;
  std::error_code error;
  fs::directory_iterator files(FolderOf(origin), error);
  if (error == std::errc::no_such_file_or_directory) return kept;
  if (error) return absl::PermissionDeniedError(FolderOf(origin).string() + ": " + error.message());
  for (; files != fs::directory_iterator(); files.increment(error)) {
    const fs::path path = files->path();
    if (path.extension() != kSuffix) continue;
    MEDFLYT_ASSIGN_OR_RETURN(std::string note, ReadWhole(path));
    auto checkpoint = tlog::StatedCheckpoint(note);
    if (!checkpoint.ok() || checkpoint->origin() != origin || path.filename() != FileOfSize(checkpoint->size())) {
      return Damaged(path);
    }
    kept.push_back({*std::move(checkpoint), std::move(note)});
  }
  if (error) return absl::PermissionDeniedError(FolderOf(origin).string() + ": " + error.message());
  std::sort(kept.begin(), kept.end(),
            [](const KeptCheckpoint& a, const KeptCheckpoint& b) { return a.checkpoint.size() < b.checkpoint.size(); });
  return kept;
}

absl::StatusOr<std::optional<KeptCheckpoint>> CheckpointStore::Latest(std::string_view origin) const {
  MEDFLYT_ASSIGN_OR_RETURN(std::vector<KeptCheckpoint> kept, All(origin));
  if (kept.empty()) return std::optional<KeptCheckpoint>();
  return std::optional<KeptCheckpoint>(std::move(kept.back()));
}

absl::Status CheckpointStore::Keep(std::string_view note) const {
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::Checkpoint checkpoint, tlog::StatedCheckpoint(note));
  const fs::path folder = FolderOf(checkpoint.origin());
  MEDFLYT_RETURN_IF_ERROR(MakeDirectory(folder));
  const absl::Status created = CreateFile(folder / FileOfSize(checkpoint.size()), note, FileMode::kPublic);
  return created.code() == absl::StatusCode::kAlreadyExists ? absl::OkStatus() : created;
}

absl::StatusOr<std::optional<tlog::VerifierKey>> CheckpointStore::PinnedKey(std::string_view origin) const {
  const fs::path path = FolderOf(origin) / "log.key";
  std::error_code error;
  if (!fs::exists(path, error)) return std::optional<tlog::VerifierKey>();
  MEDFLYT_ASSIGN_OR_RETURN(const std::string text, ReadWhole(path));
  auto key = tlog::VerifierKey::Parse(std::string_view(text).substr(0, text.find('\n')));
  if (!key.ok() || key->name() != origin) return Damaged(path);
  return std::optional<tlog::VerifierKey>(*std::move(key));
}

absl::Status CheckpointStore::PinKey(const tlog::VerifierKey& key) const {
  const fs::path folder = FolderOf(key.name());
  MEDFLYT_RETURN_IF_ERROR(MakeDirectory(folder));
  const absl::Status created = CreateFile(folder / "log.key", key.Format() + "\n", FileMode::kPublic);
  return created.code() == absl::StatusCode::kAlreadyExists ? absl::OkStatus() : created;
}

// No origin has such a folder: its name would be encoded.
fs::path CheckpointStore::FileOfNode(std::string_view node) const { return directory_ / "=nodes" / EncodedName(node); }

absl::StatusOr<std::optional<std::string>> CheckpointStore::OriginOf(std::string_view node) const {
  const fs::path path = FileOfNode(node);
  std::error_code error;
  if (!fs::exists(path, error)) return std::optional<std::string>();
  MEDFLYT_ASSIGN_OR_RETURN(std::string origin, ReadWhole(path));
  if (origin.size() < 2 || origin.find('\n') != origin.size() - 1) return Damaged(path);
  origin.pop_back();
  return std::optional(std::move(origin));
}

absl::Status CheckpointStore::RememberOrigin(std::string_view node, std::string_view origin) const {
  const fs::path path = FileOfNode(node);
  MEDFLYT_RETURN_IF_ERROR(MakeDirectory(path.parent_path()));
  return WriteFile(path, std::string(origin) + "\n", FileMode::kPublic);
}

absl::StatusOr<std::string> CheckpointStore::KeepEvidence(
    std::string_view origin, std::string_view what, absl::Time now,
    const std::vector<std::pair<std::string, std::string>>& files) const {
  const std::string name =
      absl::StrCat(absl::FormatTime("%Y%m%dT%H%M%E6SZ", now, absl::UTCTimeZone()), "-", ToAbsl(what));
  const fs::path folder = FolderOf(origin) / "evidence" / name;
  MEDFLYT_RETURN_IF_ERROR(MakeDirectory(folder));
  for (const auto& [file, bytes] : files) {
    MEDFLYT_RETURN_IF_ERROR(WriteFile(folder / file, bytes, FileMode::kPublic));
  }
  return folder.string();
}

Option TrustStoreOption() {
  return {.name = "--trust",
          .value_name = "DIR",
          .help = "where checkpoints that were seen are kept; by default $XDG_STATE_HOME/medflyt/trust",
          .kind = ValueKind::kFile};
}

std::optional<CheckpointStore> KnownTrustStore(const Context& context, const Arguments& arguments) {
  if (const auto given = arguments.Find("--trust")) return CheckpointStore(*given);
  const auto variable = [&](std::string_view name) { return context.environment().variable(name).value_or(""); };
  if (const std::string state = variable("XDG_STATE_HOME"); !state.empty()) {
    return CheckpointStore(fs::path(state) / "medflyt" / "trust");
  }
  if (const std::string home = variable("HOME"); !home.empty()) {
    return CheckpointStore(fs::path(home) / ".local" / "state" / "medflyt" / "trust");
  }
  return std::nullopt;
}

absl::StatusOr<CheckpointStore> TrustStoreOf(const Context& context, const Arguments& arguments) {
  if (auto store = KnownTrustStore(context, arguments)) return *std::move(store);
  return UsageError("where are checkpoints kept? Give --trust, or set HOME");
}

}  // namespace medflyt::cli
