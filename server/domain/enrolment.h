// A citizen's enrolment with a provider. The provider keeps one for each stay, with one spell for each municipality
// that was responsible; a responsible municipality keeps one for each of its own cases, with that one spell.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/date.h"
#include "common/base/id.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "common/event/bodies.h"
#include "common/registry/cpr_number.h"

namespace medflyt::domain {

using registry::CprNumber;

// From `from` to the day before `to`; without `to`, until further notice.
struct Interval {
  Date from;
  std::optional<Date> to;
  friend bool operator==(const Interval&, const Interval&) = default;

  [[nodiscard]] bool Contains(Date date) const { return date >= from && (!to || date < *to); }

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.from, self.to);
  }
};

// A place that a case has or had. Never empty: an occupation that would last no day is not kept.
struct Occupation {
  CaseId agreement;
  uint32_t number = 0;
  Interval days;
  std::optional<Date> expires;  // reserved until this day, inclusive; none: occupied

  [[nodiscard]] bool reserved() const { return expires.has_value(); }

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.agreement, self.number, self.days, self.expires);
  }
};

// A place in the waiting list: heads first, then in the order of the provider's log.
struct Waiting {
  CaseId agreement;
  Date from;              // a place is wanted from this day
  bool head = false;      // a reversal that no longer fits; an officer looks at it
  uint64_t sequence = 0;  // the provider's order; 0 elsewhere

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.agreement, self.from, self.head, self.sequence);
  }
};

// What the responsible municipality said of its responsibility's end.
struct ResponsibilityEnd {
  EventId event;
  Date from;
  event::ResponsibilityEndReason reason = event::ResponsibilityEndReason::kMoved;
  std::optional<crypto::Hash> announcement;
  bool reversed = false;

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.event, self.from, self.reason, self.announcement, self.reversed);
  }
};

// The time for which one municipality is responsible.
struct Spell {
  AuthorityId responsible;
  CaseId case_id;                            // of the responsible with the provider
  std::optional<CaseId> agreement;           // none for the provider's own citizens
  Interval days;                             // empty days possible: responsible was left on its first day
  std::optional<crypto::Hash> announcement;  // it began by a transfer with this announcement; none: by a proposal
  bool reversed = false;                     // a transfer that was reversed: it never was
  std::vector<ResponsibilityEnd> ends;       // in the order told
  std::vector<Interval> pauses;              // ascending, disjoint, not touching, none empty
  std::vector<Occupation> occupations;       // ascending by first day, disjoint
  std::optional<Waiting> waiting;

  // The latest statement that is not reversed, or null.
  [[nodiscard]] const ResponsibilityEnd* LatestEnd() const;
  // The occupation without an end, or null.
  [[nodiscard]] const Occupation* OpenOccupation() const;
  [[nodiscard]] bool PausedOn(Date date) const;

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.responsible, self.case_id, self.agreement, self.days, self.announcement, self.reversed, self.ends,
          self.pauses, self.occupations, self.waiting);
  }
};

enum class EnrolmentState : uint8_t {
  kProposed = 1,
  kActive = 2,
  kPaused = 3,
  kTransferring = 4,  // the responsible said that its responsibility ends
  kEnded = 5,         // for a municipality that was left, too
  kRefused = 6,       // never started
};

struct EnrolmentEnd {
  Date from;  // first day without the enrolment
  event::EndReason reason = event::EndReason::kOther;
  // It ended because of this statement of the responsible, and is restored with it.
  std::optional<EventId> because_of;

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.from, self.reason, self.because_of);
  }
};

// Set by the municipality responsible, and known on its node alone. It holds each move that is observed.
struct StandingFlag {
  event::ProtectionFlag flag = event::ProtectionFlag::kExitProgramme;
  std::optional<std::string> clear_officer;       // the first officer who asks that it is cleared
  std::optional<crypto::Hash> clear_certificate;  // by which

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.flag, self.clear_officer, self.clear_certificate);
  }
};

struct Enrolment {
  CaseId id;  // the case of its first spell
  AuthorityId provider;
  std::vector<CprNumber> numbers;   // the citizen's, oldest first; at least one
  std::vector<CprNumber> replaced;  // stated and put right: never the citizen's, but an announcement may name one
  bool started = false;
  std::optional<std::string> refused;  // the rule
  std::optional<EnrolmentEnd> ended;
  std::optional<event::EndReason> local_end_reason;  // stays on this node
  std::vector<Spell> spells;                         // in log order; at least one
  // In the row of the enrolment, since a row of their own would tell whoever has the disk which case has one.
  std::vector<StandingFlag> flags;  // ascending, each once

  [[nodiscard]] EnrolmentState state() const;
  // Not ended and not refused.
  [[nodiscard]] bool unfinished() const;
  // The latest spell that is not reversed; the first where all are.
  [[nodiscard]] const Spell& current() const;
  [[nodiscard]] const Spell* FindSpell(const CaseId& case_id) const;
  [[nodiscard]] const CprNumber& cpr() const { return numbers.back(); }
  [[nodiscard]] const StandingFlag* FindFlag(event::ProtectionFlag flag) const;

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.id, self.provider, self.numbers, self.started, self.refused, self.ended, self.local_end_reason,
          self.spells, self.replaced);
    visit.Trailing(self.flags);
  }
};

struct PlaceRef {
  CaseId agreement;
  uint32_t number = 0;
  friend bool operator==(const PlaceRef&, const PlaceRef&) = default;
};

// What held for a run of days.
struct HistoryEntry {
  Interval days;
  AuthorityId responsible;
  CaseId case_id;
  std::optional<PlaceRef> place;
  bool waiting = false;  // wants a place and has none
  bool paused = false;
  friend bool operator==(const HistoryEntry&, const HistoryEntry&) = default;
};

// Responsible municipality and place for every date, ascending; each date once. Empty before the start.
[[nodiscard]] std::vector<HistoryEntry> HistoryOf(const Enrolment& enrolment);

// Pauses as told: from `from` on the enrolment is paused, or is not, whatever was told before of later days.
void PauseFrom(std::vector<Interval>& pauses, Date from);
void ResumeFrom(std::vector<Interval>& pauses, Date from);

}  // namespace medflyt::domain
