#include "common/audit/opened_check.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/event/catalogue.h"

namespace medflyt::audit {

bool OpenedCheck::Look(const SealedFacts& event, LeafIndex entry, const std::string& path, OpenedCounts& counts,
                       Findings& findings) {
  if (!event.opened) {
    ++(event.erased ? counts.erased : counts.without_key);
  } else if (event.opened->newer) {
    ++counts.newer;
  } else if (event.opened->fault) {
    ++counts.failed;
    Note(findings, *event.opened->fault, path, entry);
  } else {
    ++counts.opened;
    return true;
  }
  return false;
}

void OpenedCheck::Add(const SealedFacts& event, LeafIndex entry, const std::string& path, OpenedCounts& counts,
                      Findings& findings, uint64_t maybe_unopened) {
  if (!Look(event, entry, path, counts, findings)) return Skip();
  const event::Header& header = event.opened->header;
  if (!owner_) owner_ = header.issuer;
  if (header.issuer != *owner_) {
    Note(findings, FindingCode::kIssuerForeign, path, entry, header.issuer.ToString());
    ++unopened_;  // the number that should stand here is not known
    return;
  }
  // What its recipient refused as issued without right was answered by that.
  if (!event.refused) CheckRight(*event.opened, entry, path, findings);
  CheckNumber(header, maybe_unopened, entry, path, findings);
}

void OpenedCheck::CheckRight(const OpenedEntry& opened, LeafIndex entry, const std::string& path, Findings& findings) {
  const event::Header& header = opened.header;
  const event::Type type = event::TypeOf(opened.body);
  std::string told(event::NameOf(type));
  if (event::CheckParties(type, header.issuer, header.recipient).ok()) {
    const std::optional<std::string> contradiction = cases_.Add(header, opened.body);
    if (!contradiction) return;
    absl::StrAppend(&told, ": ", *contradiction);
  }
  Note(findings, FindingCode::kIssuedWithoutRight, path, entry, std::move(told));
}

// What was not opened may hold the numbers between, but no more of them than there are such entries.
void OpenedCheck::CheckNumber(const event::Header& header, uint64_t maybe_unopened, LeafIndex entry,
                              const std::string& path, Findings& findings) {
  const uint64_t number = header.number.value();
  const auto pair = pairs_.find(header.recipient);
  const bool begins = pair == pairs_.end();
  if (begins && (begins_late_ || (goes_on_ && header.recipient == *owner_))) {
    pairs_[header.recipient] = {header.number, unopened_};
    return;
  }
  // The number before this one and what is unopened between: of a pair that begins, any of several.
  const uint64_t last = begins ? 0 : pair->second.last.value();
  const uint64_t latest = begins ? before_.value() : last;
  const uint64_t unopened = unopened_ - (begins ? 0 : pair->second.unopened_before);
  const auto told = [&] { return absl::StrCat("number ", number, " to ", header.recipient.ToString()); };
  if (number <= last) {
    Note(findings, FindingCode::kPairNumberReused, path, entry, told());
    return;
  }
  if (number - 1 > latest + unopened + maybe_unopened) {
    Note(findings, FindingCode::kPairNumberGap, path, entry, told());
  } else if (sequence_ == Sequence::kOfOnePair && number - 1 < last + unopened) {
    Note(findings, FindingCode::kPairNumberReused, path, entry, told());
  }
  pairs_[header.recipient] = {header.number, unopened_};
}

}  // namespace medflyt::audit
