// What an auditor finds: evidence that a log, or what lies beside it, is not what its owner may have signed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/named_type.h"

namespace medflyt::audit {

enum class FindingCode : uint8_t {
  // The files.
  kCheckpointMissing,
  kCheckpointInvalid,  // not a checkpoint, or not signed by a key that is believed
  kBundleMissing,      // an entry bundle below the signed size is not there
  kBundleMalformed,    // a bundle does not hold exactly its entries
  kEntryMismatch,      // an entry is not the one whose hash leads to the signed root
  kTileMissing,
  kTileMismatch,  // a tile is not what its leaves lead to
  kRootMismatch,  // neither the entries nor the tiles lead to the signed root

  // Who signed, and what was seen before.
  kKeyNotValidAtSize,  // signed by a key of the log that may not sign trees of this size: retired, or not yet begun
  kCosignatureInvalid,
  kQuorumNotMet,   // not cosigned by as many witnesses as the policy asks
  kLogRolledBack,  // smaller than a checkpoint that was kept
  kLogForked,      // at the size of a checkpoint that was kept the log has another root

  // What the entries say.
  kEntryMalformed,        // in no form that an entry may have, in a log whose other entries have one
  kReceivedOutOfOrder,    // an event of a peer is logged as received twice, or after a later one
  kReceiptAhead,          // receipts for entries that stand behind their record, or for entries that nobody receives
  kReceiptOutOfOrder,     // receipts for an entry that already had one
  kPeerRolledBack,        // receipts under a smaller tree of the peer's than earlier ones
  kPeerForked,            // under another root at the same size
  kGrantAfterDestroying,  // a key is given away after it was recorded as destroyed
  kHandoverMismatch,      // the log handed itself over to another key than the one that is believed from there on
  kGenerationMismatch,    // what the log says of the one that it goes on from does not hold, or stands in a wrong place
  kPeerNotAdmitted,       // something is taken of a peer's later log that no officers had admitted under a key of it

  // What is kept beside the log.
  kReceiptMissing,
  kReceiptAltered,    // not the bytes whose digest was logged
  kReceiptInvalid,    // does not prove what was logged of it
  kReceivedMissing,   // the entry of a received event
  kReceivedAltered,   // its hash is not the one that was logged
  kReceivedUnproven,  // nothing shows that it stands in its issuer's log

  // What was opened.
  kKeyMismatch,  // the key is not the one that the entry committed to
  kSealBroken,
  kContentMalformed,
  kIssuerForeign,  // the content names another issuer than the log's owner
  kPairNumberReused,
  kPairNumberGap,
  kIssuedWithoutRight,
};
// CHECKPOINT_MISSING and so on: stable.
[[nodiscard]] std::string_view NameOf(FindingCode code);
// In a sentence, for people.
[[nodiscard]] std::string_view MeaningOf(FindingCode code);

struct Finding {
  FindingCode code;
  std::string path;                // of the file at fault
  std::optional<LeafIndex> entry;  // the first entry concerned, where there is one; of a bad bundle its first
  std::string detail = {};         // who or what: a witness's name, a peer's log, a size; may be empty

  friend bool operator==(const Finding&, const Finding&) = default;
};

// Of each code the first so many are told one by one, and the others counted: so a hundred broken leaves do not hide a
// receipt that was dropped, and memory does not grow with the damage.
inline constexpr size_t kMaxFindingsOfACode = 100;

// In the order in which they were found. One thread.
class Findings {
 public:
  using value_type = Finding;
  using const_iterator = std::vector<Finding>::const_iterator;
  using iterator = const_iterator;

  void Add(Finding finding);
  void Append(const Findings& more);

  // Those that are told.
  [[nodiscard]] const_iterator begin() const { return told_.begin(); }
  [[nodiscard]] const_iterator end() const { return told_.end(); }
  [[nodiscard]] size_t size() const { return told_.size(); }
  [[nodiscard]] bool empty() const { return told_.empty(); }
  [[nodiscard]] const Finding& operator[](size_t index) const { return told_[index]; }
  [[nodiscard]] const Finding& front() const { return told_.front(); }

  // How many there were beyond those, by code; none where all are told.
  [[nodiscard]] const std::map<FindingCode, uint64_t>& untold() const { return untold_; }

  friend bool operator==(const Findings&, const Findings&) = default;

 private:
  std::vector<Finding> told_;
  std::map<FindingCode, size_t> told_of_;
  std::map<FindingCode, uint64_t> untold_;
};

void Note(Findings& findings, FindingCode code, std::string path, std::optional<LeafIndex> entry,
          std::string detail = {});

}  // namespace medflyt::audit
