// The rules of opened events, in the order of the log.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/audit/bundle_facts.h"
#include "common/audit/case_parties.h"
#include "common/audit/finding.h"
#include "common/audit/report.h"
#include "common/base/named_type.h"
#include "common/directory/identity.h"

namespace medflyt::audit {

// One authority's events: issuer, pair numbers, rights. Of this log, or received from whichever logs it has had, for
// numbers go on from one to the next. Remembers one number a recipient, and in `cases` the parties of what was opened.
class OpenedCheck {
 public:
  // `owner` is the authority that issued them; nothing where nobody says so: then the first opened event does. Where
  // the sequence begins late, any number may be a pair's first. Borrows `cases`, which the events that its owner
  // received tell of too.
  OpenedCheck(std::optional<AuthorityId> owner, bool begins_late, CaseParties& cases)
      : begins_late_(begins_late), owner_(owner), cases_(cases) {}

  // The next sealed entry; `entry` and `path` are where findings point. So many unopened ones, of logs whose owner is
  // not known, may be of this sequence, too.
  void Add(const SealedFacts& event, LeafIndex entry, const std::string& path, OpenedCounts& counts, Findings& findings,
           uint64_t maybe_unopened = 0);
  // Counts it, and notes what is wrong with it by itself; true where it says who issued what.
  [[nodiscard]] static bool Look(const SealedFacts& event, LeafIndex entry, const std::string& path,
                                 OpenedCounts& counts, Findings& findings);

  // The log goes on from another, in which this pair's last number was that.
  void GoesOn(AuthorityId recipient, PairNumber last) { pairs_.try_emplace(recipient, Pair{last, 0}); }
  // Pairs that are not named have had none, but for the owner with itself, of whom nothing is said.
  void GoesOn() { goes_on_ = true; }
  // The first number is at most the one behind this: those up to it may be recorded again, from any of them on.
  void BeginsUpTo(PairNumber last) { before_ = last; }

  // Events that could not be looked at, as the next of the sequence.
  void Skip(uint64_t count = 1) { unopened_ += count; }

  // Where every entry of the sequence has a number of one pair, as those received from one issuer have, a gap shows
  // whatever lies between.
  enum class Sequence { kOfManyPairs, kOfOnePair };
  void SetSequence(Sequence sequence) { sequence_ = sequence; }

 private:
  struct Pair {
    PairNumber last;
    uint64_t unopened_before = 0;  // unopened entries up to there
  };
  void CheckRight(const OpenedEntry& opened, LeafIndex entry, const std::string& path, Findings& findings);
  void CheckNumber(const event::Header& header, uint64_t maybe_unopened, LeafIndex entry, const std::string& path,
                   Findings& findings);

  const bool begins_late_;
  bool goes_on_ = false;
  PairNumber before_;  // of a pair that begins
  std::optional<AuthorityId> owner_;
  CaseParties& cases_;
  Sequence sequence_ = Sequence::kOfManyPairs;
  uint64_t unopened_ = 0;
  std::map<AuthorityId, Pair> pairs_;  // by recipient
};

}  // namespace medflyt::audit
