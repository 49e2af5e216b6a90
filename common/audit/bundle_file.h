// An audit bundle: one file with a log, what is kept beside it, keys, policy and the keys of events that may be opened.
//
// It is an uncompressed POSIX tar archive (ustar), so others' tools unpack it. Members are regular files with the paths
// below and nothing else, each once; mode 0644, owner, group and time 0; at the end two blocks of zeros, nothing after.
//
//   bundle         the first member: kBundleHeader, "origin ORIGIN", "size N", each a line; of a part of the log
//                  "part FIRST END" too: only entries [FIRST, END) are carried, beside all tiles; then, where what is
//                  kept beside the log is carried, "kept N", with the number in kept/complete. (A bundle by an older
//                  program lacks that line and may carry it all the same.)
//   keys           lines "key VERIFIER-KEY FROM UNTIL" (tree sizes, UNTIL "-" while it lasts), "owner ORIGIN CVR"
//   policy         C2SP tlog-policy; may be absent
//   event-keys     event_keys.h; may be absent. A secret: whoever has the bundle can open these events.
//   checkpoint, tile/...   C2SP tlog-tiles
//   kept/...       files.h
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/audit/files.h"
#include "common/audit/verify.h"

namespace medflyt::audit {

inline constexpr std::string_view kBundleHeader = "medflyt audit bundle v1";
inline constexpr std::string_view kBundleMember = "bundle";
inline constexpr std::string_view kBundleKeysMember = "keys";
inline constexpr std::string_view kBundlePolicyMember = "policy";
inline constexpr std::string_view kBundleEventKeysMember = "event-keys";

// The bytes of one member, padded: header block and content. INVALID_ARGUMENT (AUDIT_BUNDLE_MALFORMED) for a path that
// does not fit (1 to 100 bytes of printable ASCII, no empty or dotted part) or content of 8 GiB or more.
[[nodiscard]] absl::StatusOr<std::string> BundleMember(std::string_view path, std::string_view content);
// What stands behind the last member.
[[nodiscard]] std::string BundleEnd();

// What the first member says; it proves nothing, and must be held against the checkpoint.
struct BundleContent {
  std::string origin;
  TreeSize size;
  std::optional<Part> part;  // of the log that is carried; all, where it is absent
  // Up to there what is kept beside the log is carried, as kept/complete must say too. Absent where it is not carried,
  // and in bundles by older programs.
  std::optional<TreeSize> kept = {};
  friend bool operator==(const BundleContent&, const BundleContent&) = default;
};
// Its text, and back. INVALID_ARGUMENT (AUDIT_BUNDLE_MALFORMED) for any other text.
[[nodiscard]] std::string FormatBundleContent(const BundleContent& content);
[[nodiscard]] absl::StatusOr<BundleContent> ParseBundleContent(std::string_view text);

// Keys and owners as text, and back. INVALID_ARGUMENT (AUDIT_BUNDLE_MALFORMED) for any other text.
[[nodiscard]] std::string FormatBundleKeys(const Trust& trust);
[[nodiscard]] absl::StatusOr<Trust> ParseBundleKeys(std::string_view text);

// A bundle on disk. Its members' places are remembered, about 100 bytes each; their content is read when it is asked
// for. Thread-safe.
class BundleFile {
 public:
  // INVALID_ARGUMENT (AUDIT_BUNDLE_MALFORMED) unless the file is a bundle from its first to its last byte, which says
  // nothing about the log in it; NOT_FOUND or UNAVAILABLE where the system cannot read it.
  [[nodiscard]] static absl::StatusOr<std::shared_ptr<const BundleFile>> Open(const std::string& path);
  ~BundleFile();
  BundleFile(const BundleFile&) = delete;
  BundleFile& operator=(const BundleFile&) = delete;

  // A member's content into `bytes`; false where there is none.
  [[nodiscard]] absl::StatusOr<bool> Read(const std::string& path, std::string& bytes) const;
  [[nodiscard]] bool Has(const std::string& path) const { return members_.contains(path); }
  [[nodiscard]] size_t size() const { return members_.size(); }
  // Any member below that folder.
  [[nodiscard]] bool HasBelow(std::string_view folder) const;

 private:
  struct Place {
    uint64_t offset = 0;
    uint64_t size = 0;
  };
  BundleFile(int file, std::string path) : file_(file), path_(std::move(path)) {}
  [[nodiscard]] absl::Status Index(uint64_t size);
  [[nodiscard]] absl::Status ReadAt(uint64_t offset, size_t size, std::string& bytes) const;

  const int file_;
  const std::string path_;
  absl::flat_hash_map<std::string, Place> members_;
};

// Reads the members of a bundle, which lives as long as the reader.
[[nodiscard]] FileReader BundleReader(std::shared_ptr<const BundleFile> bundle);

}  // namespace medflyt::audit
