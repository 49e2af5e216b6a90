// The offline verifier: a log as files, checked against public keys and nothing else. Links neither server nor RocksDB.
//
// Every leaf, tile and root is derived again from the entries; nothing that a file says of another is believed. Reads a
// log in order, one bundle at a time: memory does not grow with the log.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/directory/authority.h"
#include "common/tlog/note_key.h"

namespace medflyt::audit {

// Evidence that a log is not what its owner signed.
enum class FindingCode : uint8_t {
  kCheckpointMissing,
  kCheckpointInvalid,  // not a checkpoint, or not signed by the log's key for trees of its size
  kBundleMissing,      // an entry bundle below the signed size is not there
  kBundleMalformed,    // a bundle does not hold exactly its entries
  kEntryMismatch,      // an entry is not the one whose hash leads to the signed root
  kTileMissing,
  kTileMismatch,  // a tile is not what its leaves lead to
  kRootMismatch,  // neither the entries nor the tiles lead to the signed root
};
// "CHECKPOINT_MISSING", ...
[[nodiscard]] std::string_view NameOf(FindingCode code);

struct Finding {
  FindingCode code;
  std::string path;                // of the file at fault
  std::optional<LeafIndex> entry;  // the first entry concerned, where there is one; of a bad bundle its first

  friend bool operator==(const Finding&, const Finding&) = default;
};

struct Report {
  std::string origin;  // empty where there is no valid checkpoint
  TreeSize size;
  crypto::Hash root;              // as signed
  uint64_t sealed = 0;            // entries that are ciphertext: verified, not opened
  uint64_t ledger = 0;            // entries that are ledger records
  uint64_t unreadable = 0;        // entries in no form of ours; they are part of the tree all the same
  uint64_t tiles = 0;             // tiles compared
  std::vector<Finding> findings;  // at most 100; empty: the log is what was signed

  [[nodiscard]] bool verified() const { return findings.empty(); }
};

// The bytes of a file of a C2SP tlog-tiles directory by its path ("checkpoint", "tile/0/000", ...), or nothing where it
// is absent.
using FileReader = std::function<absl::StatusOr<std::optional<std::string>>(const std::string& path)>;

// Called now and then with the number of entries checked.
using Progress = std::function<void(uint64_t entries, uint64_t of)>;

// Those of the keys that may sign a checkpoint of that size: a retired key vouches for nothing that came after it.
[[nodiscard]] std::vector<tlog::VerifierKey> KeysFor(std::span<const directory::LogKey> keys, TreeSize size);

// Verifies the log against the checkpoint that lies with it, under `keys` (the log's, of type 0x01). An error only
// where `read` fails: what a file says is never an error but a finding. Beyond a bundle that is missing or malformed it
// goes on with the hashes of the tile, where there is one of the right length, and else stops.
[[nodiscard]] absl::StatusOr<Report> VerifyTiles(const FileReader& read, std::span<const directory::LogKey> keys,
                                                 const Progress& progress);

// The files below a directory. What is no regular file is absent; of a file longer than any that a log has, the
// beginning alone is read. UNAVAILABLE where the system cannot read a file.
[[nodiscard]] FileReader DirectoryReader(std::string directory);

}  // namespace medflyt::audit
