#include "common/audit/opened_check.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/event/catalogue.h"

namespace medflyt::audit {

void OpenedCheck::Add(const SealedFacts& event, LeafIndex entry, const std::string& path, OpenedCounts& counts,
                      Findings& findings) {
  if (!event.opened || event.opened->newer || event.opened->fault) {
    ++unopened_;
    if (!event.opened) {
      ++(event.erased ? counts.erased : counts.without_key);
    } else if (event.opened->newer) {
      ++counts.newer;
    } else {
      ++counts.failed;
      Note(findings, *event.opened->fault, path, entry);
    }
    return;
  }
  ++counts.opened;
  const event::Header& header = event.opened->header;
  if (!owner_) owner_ = header.issuer;
  if (header.issuer != *owner_) {
    Note(findings, FindingCode::kIssuerForeign, path, entry, header.issuer.ToString());
    ++unopened_;  // the number that should stand here is not known
    return;
  }
  // What its recipient refused as issued without right was answered by that.
  if (!event.refused) CheckRight(*event.opened, entry, path, findings);
  CheckNumber(header, entry, path, findings);
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
void OpenedCheck::CheckNumber(const event::Header& header, LeafIndex entry, const std::string& path,
                              Findings& findings) {
  const uint64_t number = header.number.value();
  const auto pair = pairs_.find(header.recipient);
  if (begins_late_ && pair == pairs_.end()) {
    pairs_[header.recipient] = {header.number, unopened_};
    return;
  }
  const uint64_t last = pair == pairs_.end() ? 0 : pair->second.last.value();
  const uint64_t unopened = unopened_ - (pair == pairs_.end() ? 0 : pair->second.unopened_before);
  const auto told = [&] { return absl::StrCat("number ", number, " to ", header.recipient.ToString()); };
  if (number <= last) {
    Note(findings, FindingCode::kPairNumberReused, path, entry, told());
    return;
  }
  const uint64_t missing = number - last - 1;
  if (missing > unopened || (sequence_ == Sequence::kOfOnePair && missing != unopened)) {
    Note(findings, number - 1 < last + unopened ? FindingCode::kPairNumberReused : FindingCode::kPairNumberGap, path,
         entry, told());
  }
  pairs_[header.recipient] = {header.number, unopened_};
}

}  // namespace medflyt::audit
