// A log as the files of a C2SP tlog-tiles directory, hashed by the words of RFC 6962 and not by the library.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/audit/verify.h"
#include "common/crypto/hash.h"
#include "common/crypto/signer.h"
#include "common/directory/authority.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/note_key.h"

namespace medflyt::testing {

// `seed` tells keys apart: two of one name are a log's and its forger's.
inline tlog::NoteSigner LogSigner(std::string_view origin, char seed) {
  return *tlog::NoteSigner::Create(origin, crypto::Signer(*crypto::Key::FromBytes(std::string(32, seed))));
}

// Keys that are valid for trees of every size.
inline std::vector<directory::LogKey> Always(const std::vector<tlog::VerifierKey>& keys) {
  std::vector<directory::LogKey> always;
  for (const tlog::VerifierKey& key : keys) always.push_back({key, TreeSize(0), std::nullopt});
  return always;
}

class TiledLog {
 public:
  using Files = std::map<std::string, std::string>;

  TiledLog(std::vector<std::string> entries, const tlog::NoteSigner& signer) : entries_(std::move(entries)) {
    std::vector<std::string> nodes;
    for (const std::string& entry : entries_) nodes.push_back(Hashed({std::string_view("\0", 1), entry}));
    const std::string root = nodes.empty() ? Hashed({}) : RangeRoot(nodes, 0, nodes.size());
    for (size_t first = 0; first < entries_.size(); first += 256) {
      const size_t width = std::min<size_t>(256, entries_.size() - first);
      std::string bundle;
      for (size_t i = first; i < first + width; ++i) {
        bundle.push_back(static_cast<char>(entries_[i].size() >> 8));
        bundle.push_back(static_cast<char>(entries_[i].size() & 0xFF));
        bundle += entries_[i];
      }
      files_["tile/entries/" + Index(first / 256, width)] = bundle;
    }
    for (int level = 0; !nodes.empty(); ++level) {
      std::vector<std::string> above;
      for (size_t first = 0; first < nodes.size(); first += 256) {
        const size_t width = std::min<size_t>(256, nodes.size() - first);
        std::string tile;
        for (size_t i = first; i < first + width; ++i) tile += nodes[i];
        files_["tile/" + std::to_string(level) + "/" + Index(first / 256, width)] = tile;
        if (width == 256) above.push_back(RangeRoot(nodes, first, first + 256));
      }
      nodes = std::move(above);
    }
    const auto checkpoint = tlog::Checkpoint::Create(signer.verifier_key().name(), TreeSize(entries_.size()),
                                                     *crypto::Hash::FromBytes(root));
    files_["checkpoint"] = tlog::SignCheckpoint(*checkpoint, signer).Serialize();
  }

  [[nodiscard]] const std::vector<std::string>& entries() const { return entries_; }
  [[nodiscard]] const Files& files() const { return files_; }

 private:
  static std::string Hashed(std::initializer_list<std::string_view> parts) {
    return std::string(crypto::Sha256(parts).bytes());
  }
  static std::string RangeRoot(const std::vector<std::string>& leaves, size_t begin, size_t end) {
    if (end - begin == 1) return leaves[begin];
    size_t split = 1;
    while (split * 2 < end - begin) split *= 2;
    return Hashed(
        {std::string_view("\x01", 1), RangeRoot(leaves, begin, begin + split), RangeRoot(leaves, begin + split, end)});
  }
  // Below a million tiles.
  static std::string Index(size_t index, size_t width) {
    const std::string digits = std::to_string(1'000'000 + index);
    return (index >= 1000 ? "x" + digits.substr(1, 3) + "/" : "") + digits.substr(4) +
           (width == 256 ? "" : ".p/" + std::to_string(width));
  }

  std::vector<std::string> entries_;
  Files files_;
};

inline std::vector<std::string> NumberedEntries(size_t count) {
  std::vector<std::string> entries;
  for (size_t i = 0; i < count; ++i) entries.push_back("entry " + std::to_string(i));
  return entries;
}

inline void WriteFiles(const TiledLog::Files& files, const std::filesystem::path& directory) {
  for (const auto& [path, bytes] : files) {
    std::filesystem::create_directories((directory / path).parent_path());
    std::ofstream(directory / path, std::ios::binary) << bytes;
  }
}

// Borrows `files`.
inline audit::FileReader ReaderOf(const TiledLog::Files& files) {
  return [&files](const std::string& path, std::string& bytes) -> absl::StatusOr<bool> {
    const auto found = files.find(path);
    if (found == files.end()) return false;
    bytes = found->second;
    return true;
  };
}

}  // namespace medflyt::testing

namespace medflyt::audit {

inline void PrintTo(const Finding& finding, std::ostream* out) {
  *out << NameOf(finding.code) << ' ' << finding.path;
  if (finding.entry) *out << " entry " << finding.entry->value();
}

}  // namespace medflyt::audit
