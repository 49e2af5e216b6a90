#include "common/audit/bundle_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/absl_view.h"
#include "common/base/status.h"
#include "common/tlog/text.h"
#include "common/tlog/tile.h"

namespace medflyt::audit {
namespace {

constexpr size_t kBlock = 512;
constexpr uint64_t kMaxContent = (uint64_t{1} << 33) - 1;  // eleven octal digits
constexpr size_t kMaxPath = 100;
constexpr size_t kMaxRead = size_t{32} << 20;      // the largest member that is read: more than a bundle of entries
constexpr size_t kMaxEventKeys = size_t{1} << 30;  // but for that of the keys: ten million of them
constexpr size_t kStretch = 256;                   // members from one remembered place to the next
constexpr size_t kRecent = 16;                     // stretches whose headers are at hand, about 25 kB each

absl::Status Malformed(std::string_view field) {
  return RuleError(absl::StatusCode::kInvalidArgument, "AUDIT_BUNDLE_MALFORMED", field,
                   "is no audit bundle, or not all of one");
}

bool IsMemberPath(std::string_view path) {
  if (path.empty() || path.size() > kMaxPath) return false;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    if (part.empty() || part.front() == '.') return false;
    if (!std::all_of(part.begin(), part.end(), [](char c) { return c > ' ' && c < 0x7F; })) return false;
    if (end + 1 == path.size()) return false;  // ends in a slash
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return true;
}

// `width` - 1 octal digits and a zero byte.
void PutOctal(std::string& block, size_t at, size_t width, uint64_t value) {
  for (size_t i = width - 1; i-- > 0; value >>= 3) block[at + i] = static_cast<char>('0' + (value & 7));
}

std::string HeaderBlock(std::string_view path, uint64_t size) {
  std::string block(kBlock, '\0');
  block.replace(0, path.size(), path);
  PutOctal(block, 100, 8, 0644);
  PutOctal(block, 108, 8, 0);
  PutOctal(block, 116, 8, 0);
  PutOctal(block, 124, 12, size);
  PutOctal(block, 136, 12, 0);
  block.replace(148, 8, 8, ' ');
  block[156] = '0';
  block.replace(257, 8, std::string_view("ustar\00000", 8));
  uint64_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  PutOctal(block, 148, 7, sum);
  block[154] = '\0';
  return block;
}

uint64_t Padded(uint64_t size) { return (size + kBlock - 1) / kBlock * kBlock; }

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  for (;;) {
    const size_t end = line.find(' ');
    words.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return words;
    line.remove_prefix(end + 1);
  }
}

absl::StatusOr<directory::LogKey> ParseKeyLine(const std::vector<std::string_view>& words) {
  const auto from = tlog::ParseDecimal(words[2], merkle::kMaxTreeSize);
  const auto until = tlog::ParseDecimal(words[3], merkle::kMaxTreeSize);
  if (!from || (!until && words[3] != "-")) return Malformed("keys");
  auto key = tlog::VerifierKey::Parse(words[1]);
  if (!key.ok() || key->type() != tlog::SignatureType::kEd25519) return Malformed("keys");
  return directory::LogKey{*std::move(key), TreeSize(*from), until ? std::optional(TreeSize(*until)) : std::nullopt};
}

}  // namespace

absl::StatusOr<std::string> BundleMember(std::string_view path, std::string_view content) {
  if (!IsMemberPath(path) || content.size() > kMaxContent) return Malformed(path);
  std::string member = HeaderBlock(path, content.size());
  member.append(content);
  member.resize(kBlock + Padded(content.size()), '\0');
  return member;
}

std::string BundleEnd() { return std::string(2 * kBlock, '\0'); }

std::string FormatBundleContent(const BundleContent& content) {
  std::string text =
      absl::StrCat(ToAbsl(kBundleHeader), "\norigin ", content.origin, "\nsize ", content.size.value(), "\n");
  if (content.part) {
    absl::StrAppend(&text, "part ", content.part->first.value(), " ", content.part->end.value(), "\n");
  }
  if (content.kept) absl::StrAppend(&text, "kept ", content.kept->value(), "\n");
  return text;
}

absl::StatusOr<BundleContent> ParseBundleContent(std::string_view text) {
  std::vector<std::vector<std::string_view>> lines;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto line = tlog::TakeLine(rest);
    if (!line) return Malformed(kBundleMember);
    lines.push_back(Words(*line));
  }
  if (lines.size() < 3 || lines[1].size() != 2 || lines[2].size() != 2) return Malformed(kBundleMember);
  const auto size = tlog::ParseDecimal(lines[2][1], merkle::kMaxTreeSize);
  if (!size) return Malformed(kBundleMember);
  BundleContent content{std::string(lines[1][1]), TreeSize(*size), std::nullopt};
  auto line = lines.begin() + 3;
  if (line != lines.end() && line->size() == 3) {
    const auto first = tlog::ParseDecimal((*line)[1], *size);
    const auto end = tlog::ParseDecimal((*line)[2], *size);
    if (!first || !end || *first >= *end) return Malformed(kBundleMember);
    content.part = Part{LeafIndex(*first), TreeSize(*end)};
    if (*content.part != Part::Around(content.part->first, content.part->end, content.size)) {
      return Malformed(kBundleMember);
    }
    ++line;
  }
  if (line != lines.end() && line->size() == 2) {
    const auto kept = tlog::ParseDecimal((*line)[1], *size);
    if (!kept) return Malformed(kBundleMember);
    content.kept = TreeSize(*kept);
  }
  // The words themselves, and that there is no more.
  if (FormatBundleContent(content) != text) return Malformed(kBundleMember);
  return content;
}

std::string FormatBundleKeys(const Trust& trust) {
  std::string text;
  for (const directory::LogKey& key : trust.keys) {
    absl::StrAppend(&text, "key ", key.key.Format(), " ", key.from.value(), " ",
                    key.until ? std::to_string(key.until->value()) : "-", "\n");
  }
  for (const auto& [origin, owner] : trust.owners)
    absl::StrAppend(&text, "owner ", origin, " ", owner.ToString(), "\n");
  return text;
}

absl::StatusOr<Trust> ParseBundleKeys(std::string_view text) {
  Trust trust;
  while (!text.empty()) {
    const auto line = tlog::TakeLine(text);
    if (!line) return Malformed("keys");
    const std::vector<std::string_view> words = Words(*line);
    if (words.size() == 4 && words[0] == "key") {
      MEDFLYT_ASSIGN_OR_RETURN(directory::LogKey key, ParseKeyLine(words));
      trust.keys.push_back(std::move(key));
    } else if (words.size() == 3 && words[0] == "owner") {
      const auto owner = AuthorityId::Parse(words[2]);
      if (!owner || !tlog::IsKeyName(words[1])) return Malformed("keys");
      trust.owners.emplace(words[1], *owner);
    } else {
      return Malformed("keys");
    }
  }
  return trust;
}

absl::StatusOr<std::shared_ptr<const BundleFile>> BundleFile::Open(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    const std::string text = path + ": " + std::generic_category().message(errno);
    return errno == ENOENT || errno == ENOTDIR ? absl::NotFoundError(text) : absl::PermissionDeniedError(text);
  }
  struct stat facts {};
  const bool regular = fstat(file, &facts) == 0 && S_ISREG(facts.st_mode);
  // Whatever becomes of it, it closes the file.
  std::shared_ptr<BundleFile> bundle(new BundleFile(file, path, regular ? static_cast<uint64_t>(facts.st_size) : 0));
  if (!regular) return Malformed("");
  MEDFLYT_RETURN_IF_ERROR(bundle->Index());
  return std::shared_ptr<const BundleFile>(std::move(bundle));
}

BundleFile::~BundleFile() { ::close(file_); }

absl::Status BundleFile::ReadAt(uint64_t offset, size_t size, std::string& bytes) const {
  bytes.resize(size);
  size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(file_, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::UnavailableError(path_ + ": " + std::generic_category().message(errno));
    if (got == 0) return Malformed("");
    done += static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

std::optional<BundleFile::Key> BundleFile::KeyOf(const std::string& path) {
  constexpr std::array kFirst = {kBundleMember, kBundleKeysMember, kBundlePolicyMember, kBundleEventKeysMember,
                                 std::string_view("checkpoint")};
  constexpr unsigned kTiles = kFirst.size();
  constexpr unsigned kKept = kTiles + 64;
  if (path.starts_with("kept/")) return Key{kKept, 0, false, path};
  if (path.starts_with("tile/")) {
    const auto parts = tlog::ParseTilePath(path);
    if (!parts.ok()) return std::nullopt;
    return Key{kTiles + parts->tile.level, parts->tile.index, !parts->entries, path};
  }
  const auto* const first = std::find(kFirst.begin(), kFirst.end(), path);
  if (first == kFirst.end()) return std::nullopt;
  return Key{static_cast<unsigned>(first - kFirst.begin()), 0, false, path};
}

absl::Status BundleFile::Index() {
  bool in_order = true;
  std::optional<Key> last;
  MEDFLYT_RETURN_IF_ERROR(Walk([&](uint64_t at, const Header& header) {
    auto key = KeyOf(header.path);
    // Ascending, so that none stands there twice.
    in_order = in_order && key && (!last || *last < *key);
    if (in_order) {
      if (size_ % kStretch == 0) marks_.push_back({*key, at});
      last = std::move(key);
    }
    ++size_;
    return absl::OkStatus();
  }));
  if (in_order) return absl::OkStatus();
  marks_ = {};
  return Walk([&](uint64_t, const Header& header) {
    return places_.emplace(header.path, header.place).second ? absl::OkStatus() : Malformed(header.path);
  });
}

absl::Status BundleFile::Walk(const std::function<absl::Status(uint64_t at, const Header& header)>& visit) {
  uint64_t at = 0;
  for (;;) {
    MEDFLYT_ASSIGN_OR_RETURN(const auto header, HeaderAt(at));
    if (!header) break;
    if (at == 0 && header->path != kBundleMember) return Malformed(kBundleMember);
    MEDFLYT_RETURN_IF_ERROR(visit(at, *header));
    at = header->next;
  }
  std::string end;
  MEDFLYT_RETURN_IF_ERROR(ReadAt(at, static_cast<size_t>(std::min<uint64_t>(bytes_ - at, 2048)), end));
  if (at == 0 || end != BundleEnd()) return Malformed("");
  end_ = at;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<BundleFile::Header>> BundleFile::HeaderAt(uint64_t at) const {
  if (bytes_ < at + kBlock) return Malformed("");
  std::string block;
  MEDFLYT_RETURN_IF_ERROR(ReadAt(at, kBlock, block));
  if (block[0] == '\0') return std::optional<Header>();
  const std::string path(block.c_str(), ::strnlen(block.data(), kMaxPath));
  uint64_t content = 0;
  const char* const digits = block.data() + 124;
  const auto parsed = std::from_chars(digits, digits + 11, content, 8);
  // One form only: what is not byte for byte the header that we write is refused, checksum and all.
  if (parsed.ec != std::errc() || !IsMemberPath(path) || block != HeaderBlock(path, content)) return Malformed(path);
  if (content > bytes_ - at - kBlock) return Malformed(path);
  return std::optional(Header{path, {at + kBlock, content}, at + kBlock + Padded(content)});
}

absl::StatusOr<std::optional<BundleFile::Place>> BundleFile::Find(const std::string& path) const {
  if (marks_.empty()) {
    const auto place = places_.find(path);
    return place == places_.end() ? std::nullopt : std::optional(place->second);
  }
  const auto key = KeyOf(path);
  if (!key) return std::optional<Place>();
  const auto next = std::upper_bound(marks_.begin(), marks_.end(), *key,
                                     [](const Key& sought, const Mark& mark) { return sought < mark.key; });
  if (next == marks_.begin()) return std::optional<Place>();
  MEDFLYT_ASSIGN_OR_RETURN(const auto stretch, StretchOf(static_cast<size_t>(next - marks_.begin()) - 1));
  const auto member = std::lower_bound(stretch->begin(), stretch->end(), *key,
                                       [](const auto& each, const Key& sought) { return each.first < sought; });
  return member == stretch->end() || member->first != *key ? std::nullopt : std::optional(member->second);
}

absl::StatusOr<std::shared_ptr<const BundleFile::Stretch>> BundleFile::StretchOf(size_t mark) const {
  // Read under the lock: the other threads are about to ask for the same one.
  const MutexLock lock(mutex_);
  auto found = std::find_if(recent_.begin(), recent_.end(), [mark](const auto& each) { return each.first == mark; });
  if (found == recent_.end()) {
    MEDFLYT_ASSIGN_OR_RETURN(auto stretch, ReadStretch(mark));
    if (recent_.size() == kRecent) recent_.pop_back();
    recent_.emplace_back(mark, std::move(stretch));
    found = recent_.end() - 1;
  }
  std::rotate(recent_.begin(), found, found + 1);
  return recent_.front().second;
}

absl::StatusOr<std::shared_ptr<const BundleFile::Stretch>> BundleFile::ReadStretch(size_t mark) const {
  Stretch stretch;
  stretch.reserve(kStretch);
  const uint64_t end = mark + 1 < marks_.size() ? marks_[mark + 1].offset : end_;
  for (uint64_t at = marks_[mark].offset; at < end;) {
    MEDFLYT_ASSIGN_OR_RETURN(const auto header, HeaderAt(at));
    auto key = header ? KeyOf(header->path) : std::nullopt;
    // It was in order when it was opened.
    if (!key || (!stretch.empty() && !(stretch.back().first < *key))) return Malformed(header ? header->path : "");
    stretch.emplace_back(*std::move(key), header->place);
    at = header->next;
  }
  return std::make_shared<const Stretch>(std::move(stretch));
}

absl::StatusOr<bool> BundleFile::Read(const std::string& path, std::string& bytes) const {
  MEDFLYT_ASSIGN_OR_RETURN(const auto place, Find(path));
  if (!place) return false;
  // One that is longer is wrong for every reader.
  const size_t most = path == kBundleEventKeysMember ? kMaxEventKeys : kMaxRead;
  const auto size = static_cast<size_t>(std::min<uint64_t>(place->size, most));
  MEDFLYT_RETURN_IF_ERROR(ReadAt(place->offset, size, bytes));
  return true;
}

FileReader BundleReader(std::shared_ptr<const BundleFile> bundle) {
  return
      [bundle = std::move(bundle)](const std::string& path, std::string& bytes) { return bundle->Read(path, bytes); };
}

}  // namespace medflyt::audit
