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
//
// Our own export writes them in this order: tiles as a verification reads them, those of level 0 each behind its
// entries and then each level above; what is kept in ascending order of its paths. Of a bundle, only the first member
// is fixed.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/audit/files.h"
#include "common/audit/verify.h"
#include "common/base/mutex.h"

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

// A bundle on disk. Its members' content is read when it is asked for. Of one in the order of our own export the place
// of each 256th member is remembered, and the headers of a few stretches between, so memory is less than a byte a
// member; of one in any other order the place of every member, about 100 bytes each. Thread-safe.
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
  [[nodiscard]] size_t size() const { return size_; }
  // How many places are remembered.
  [[nodiscard]] size_t indexed() const { return marks_.size() + places_.size(); }

 private:
  struct Place {
    uint64_t offset = 0;  // of the content
    uint64_t size = 0;
  };
  struct Header {
    std::string path;
    Place place;
    uint64_t next = 0;  // where the next one stands
  };
  // Where a member stands in the order of our own export.
  struct Key {
    unsigned section = 0;
    uint64_t index = 0;  // of a tile in its level
    bool tile = false;   // of level 0: behind its entries
    std::string path;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Mark {
    Key key;
    uint64_t offset = 0;  // of the header
  };
  using Stretch = std::vector<std::pair<Key, Place>>;  // members from one mark to the next

  BundleFile(int file, std::string path, uint64_t bytes) : file_(file), path_(std::move(path)), bytes_(bytes) {}
  // Nothing for a path that our own export does not write.
  [[nodiscard]] static std::optional<Key> KeyOf(const std::string& path);
  [[nodiscard]] absl::Status Index();
  // Visits each header and where it stands.
  [[nodiscard]] absl::Status Walk(const std::function<absl::Status(uint64_t at, const Header& header)>& visit);
  // Nothing behind the last member.
  [[nodiscard]] absl::StatusOr<std::optional<Header>> HeaderAt(uint64_t at) const;
  [[nodiscard]] absl::StatusOr<std::optional<Place>> Find(const std::string& path) const;
  [[nodiscard]] absl::StatusOr<std::shared_ptr<const Stretch>> StretchOf(size_t mark) const;
  [[nodiscard]] absl::StatusOr<std::shared_ptr<const Stretch>> ReadStretch(size_t mark) const;
  [[nodiscard]] absl::Status ReadAt(uint64_t offset, size_t size, std::string& bytes) const;

  const int file_;
  const std::string path_;
  const uint64_t bytes_;
  size_t size_ = 0;
  uint64_t end_ = 0;         // behind the last member
  std::vector<Mark> marks_;  // where the members are in order; else all of them are in places_
  absl::flat_hash_map<std::string, Place> places_;
  mutable Mutex mutex_;
  // The last used, the newest first: a verification reads in a few places at once, and in each in order.
  mutable std::vector<std::pair<size_t, std::shared_ptr<const Stretch>>> recent_ MEDFLYT_GUARDED_BY(mutex_);
};

// Reads the members of a bundle, which lives as long as the reader.
[[nodiscard]] FileReader BundleReader(std::shared_ptr<const BundleFile> bundle);

}  // namespace medflyt::audit
