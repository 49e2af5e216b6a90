// One entry bundle with the tile beside it: what can be said of them alone. Pure but for the reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/audit/event_keys.h"
#include "common/audit/files.h"
#include "common/audit/finding.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/event/event.h"
#include "common/tlog/tile.h"
#include "common/wire/content.h"
#include "common/wire/ledger.h"

namespace medflyt::audit {

// A sealed entry that a key was at hand for.
struct OpenedEntry {
  std::optional<FindingCode> fault;  // then there is neither header nor body
  bool newer = false;                // nor here: content of a kind that this version does not know
  event::Header header;
  event::Body body;
};

// A sealed entry where keys are looked for, in the order of the log.
struct SealedFacts {
  LeafIndex index;
  bool erased = false;                // no key, and it is known why
  std::optional<OpenedEntry> opened;  // nothing where no key is at hand
  bool refused = false;               // received, and its recipient refused it: then it has no effect
};

struct BundleFacts {
  absl::Status status;                   // why a file could not be read; the rest then says nothing
  std::optional<FindingCode> fault;      // the bundle is missing or malformed
  uint64_t outside = 0;                  // entries of a bundle outside the part: `of_entries` is then the tile's word
  std::string of_entries;                // their leaf hashes, one after another; empty after a fault
  crypto::Hash root;                     // over them
  std::optional<std::string> from_tile;  // as stored
  uint64_t sealed = 0;
  uint64_t not_understood = 0;       // of a kind that this version does not know
  std::vector<LeafIndex> malformed;  // in no form that an entry may have
  std::vector<std::pair<LeafIndex, wire::LedgerRecord>> records;
  std::vector<SealedFacts> events;  // only where there are keys
};

// The root over some leaf hashes that stand one after another; of at most one tile.
[[nodiscard]] crypto::Hash RootOfLeaves(std::string_view leaves);

// Opens an entry with its event key, as far as it goes.
[[nodiscard]] OpenedEntry OpenForAudit(std::string_view entry, const crypto::Key& event_key, std::string_view origin,
                                       wire::ContentCodec& codec);

// Reads bundles of one log. One thread.
class BundleExaminer {
 public:
  // Borrows `read` and `keys`; `keys` may be nullptr.
  BundleExaminer(const FileReader& read, std::string origin, TreeSize size, const EventKeys* keys,
                 const std::optional<Part>& part)
      : read_(read), origin_(std::move(origin)), size_(size), keys_(keys), part_(part) {}

  [[nodiscard]] BundleFacts Examine(uint64_t bundle);

 private:
  void ExamineEntry(LeafIndex index, std::string_view entry, BundleFacts& facts);
  void ExamineTile(const tlog::Tile& tile, BundleFacts& facts) const;

  const FileReader& read_;
  const std::string origin_;
  const TreeSize size_;
  const EventKeys* const keys_;
  const std::optional<Part> part_;
  wire::LedgerCodec ledger_;
  wire::ContentCodec content_;
  std::string bundle_;  // the last one's bytes: its memory is used again
};

}  // namespace medflyt::audit
