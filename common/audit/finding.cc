#include "common/audit/finding.h"

#include <array>
#include <utility>

namespace medflyt::audit {
namespace {

struct Row {
  FindingCode code;
  std::string_view name;
  std::string_view meaning;
};

using enum FindingCode;

constexpr std::array kRows = {
    Row{kCheckpointMissing, "CHECKPOINT_MISSING", "there is no signed checkpoint"},
    Row{kCheckpointInvalid, "CHECKPOINT_INVALID", "the checkpoint is not signed by a key that is believed"},
    Row{kBundleMissing, "BUNDLE_MISSING", "entries below the signed size are not there"},
    Row{kBundleMalformed, "BUNDLE_MALFORMED", "a file of entries does not hold exactly its entries"},
    Row{kEntryMismatch, "ENTRY_MISMATCH", "the entry is not the one that was signed"},
    Row{kTileMissing, "TILE_MISSING", "a tile of hashes is not there"},
    Row{kTileMismatch, "TILE_MISMATCH", "a tile is not what the entries below it lead to"},
    Row{kRootMismatch, "ROOT_MISMATCH", "neither entries nor tiles lead to the signed root"},
    Row{kKeyNotValidAtSize, "KEY_NOT_VALID_AT_SIZE", "signed by a key that may not sign a log of this size"},
    Row{kCosignatureInvalid, "COSIGNATURE_INVALID", "a witness's cosignature does not hold"},
    Row{kQuorumNotMet, "QUORUM_NOT_MET", "fewer witnesses have cosigned than the policy asks"},
    Row{kLogRolledBack, "LOG_ROLLED_BACK", "the log is shorter than a checkpoint of it that was seen before"},
    Row{kLogForked, "LOG_FORKED", "the log is not a continuation of a checkpoint of it that was seen before"},
    Row{kEntryMalformed, "ENTRY_MALFORMED", "the entry has no form that an entry may have"},
    Row{kReceivedOutOfOrder, "RECEIVED_OUT_OF_ORDER", "a peer's event is logged as received twice or out of order"},
    Row{kReceiptAhead, "RECEIPT_AHEAD_OF_EVENT", "receipts are logged for entries that were not there yet"},
    Row{kReceiptOutOfOrder, "RECEIPT_OUT_OF_ORDER", "receipts are logged twice or out of order"},
    Row{kPeerRolledBack, "PEER_LOG_ROLLED_BACK", "receipts name a shorter log of the peer than earlier ones"},
    Row{kPeerForked, "PEER_LOG_FORKED", "receipts name two roots of the peer's log at one size"},
    Row{kGrantAfterDestroying, "GRANT_AFTER_DESTRUCTION", "a key is given away after it was recorded as destroyed"},
    Row{kHandoverMismatch, "LOG_KEY_HANDOVER_MISMATCH", "the log was handed over to another key than is named for it"},
    Row{kGenerationMismatch, "GENERATION_MISMATCH", "what the log says of the one that it goes on from does not hold"},
    Row{kPeerNotAdmitted, "PEER_GENERATION_NOT_ADMITTED",
        "something was taken of a peer's new log that no officers had admitted under a key that its card names"},
    Row{kReceiptMissing, "RECEIPT_MISSING", "the receipts that were logged are not kept beside the log"},
    Row{kReceiptAltered, "RECEIPT_ALTERED", "the receipts kept are not those that were logged"},
    Row{kReceiptInvalid, "RECEIPT_INVALID", "the receipts kept do not prove what was logged of them"},
    Row{kReceivedMissing, "RECEIVED_MISSING", "the entry of a received event is not kept beside the log"},
    Row{kReceivedAltered, "RECEIVED_ALTERED", "the entry kept is not the one that was logged as received"},
    Row{kReceivedUnproven, "RECEIVED_UNPROVEN", "nothing shows that a received event stands in its issuer's log"},
    Row{kKeyMismatch, "KEY_COMMITMENT_MISMATCH", "the key is not the one that the entry committed to"},
    Row{kSealBroken, "ENTRY_SEAL_BROKEN", "the entry does not open with the key that it committed to"},
    Row{kContentMalformed, "CONTENT_MALFORMED", "the opened content is no event"},
    Row{kIssuerForeign, "ISSUER_FOREIGN", "the opened event names another issuer than the log's owner"},
    Row{kPairNumberReused, "PAIR_NUMBER_REUSED", "two opened events to one recipient have one number"},
    Row{kPairNumberGap, "PAIR_NUMBER_GAP", "a number between opened events to one recipient is missing"},
    Row{kIssuedWithoutRight, "ISSUED_WITHOUT_RIGHT",
        "the opened event is not its issuer's to issue, or not to that recipient"},
};

constexpr bool InOrder() {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<size_t>(kRows[i].code) != i) return false;
  }
  return kRows.size() == static_cast<size_t>(kIssuedWithoutRight) + 1;
}
static_assert(InOrder());

}  // namespace

std::string_view NameOf(FindingCode code) { return kRows[static_cast<size_t>(code)].name; }
std::string_view MeaningOf(FindingCode code) { return kRows[static_cast<size_t>(code)].meaning; }

void Findings::Add(Finding finding) {
  size_t& told = told_of_[finding.code];
  if (told == kMaxFindingsOfACode) {
    ++untold_[finding.code];
    return;
  }
  ++told;
  told_.push_back(std::move(finding));
}

void Findings::Append(const Findings& more) {
  for (const Finding& finding : more) Add(finding);
  for (const auto& [code, count] : more.untold_) untold_[code] += count;
}

void Note(Findings& findings, FindingCode code, std::string path, std::optional<LeafIndex> entry, std::string detail) {
  findings.Add({code, std::move(path), entry, std::move(detail)});
}

}  // namespace medflyt::audit
