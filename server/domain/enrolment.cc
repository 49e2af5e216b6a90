#include "server/domain/enrolment.h"

#include <algorithm>
#include <set>

namespace medflyt::domain {

const ResponsibilityEnd* Spell::LatestEnd() const {
  const auto found = std::find_if(ends.rbegin(), ends.rend(), [](const ResponsibilityEnd& e) { return !e.reversed; });
  return found == ends.rend() ? nullptr : &*found;
}

const Occupation* Spell::OpenOccupation() const {
  const auto found =
      std::find_if(occupations.begin(), occupations.end(), [](const Occupation& o) { return !o.days.to; });
  return found == occupations.end() ? nullptr : &*found;
}

bool Spell::PausedOn(Date date) const {
  return std::any_of(pauses.begin(), pauses.end(), [&](const Interval& pause) { return pause.Contains(date); });
}

EnrolmentState Enrolment::state() const {
  if (refused) return EnrolmentState::kRefused;
  const Spell& spell = current();
  // A municipality that was left, or never became responsible, has no part in it any more.
  if (ended || spell.reversed || (started && spell.days.to)) return EnrolmentState::kEnded;
  if (!started) return EnrolmentState::kProposed;
  if (spell.LatestEnd() != nullptr) return EnrolmentState::kTransferring;
  if (!spell.pauses.empty() && !spell.pauses.back().to) return EnrolmentState::kPaused;
  return EnrolmentState::kActive;
}

bool Enrolment::unfinished() const {
  const EnrolmentState now = state();
  return now != EnrolmentState::kEnded && now != EnrolmentState::kRefused;
}

const Spell& Enrolment::current() const {
  const auto found = std::find_if(spells.rbegin(), spells.rend(), [](const Spell& s) { return !s.reversed; });
  return found == spells.rend() ? spells.front() : *found;
}

const Spell* Enrolment::FindSpell(const CaseId& case_id) const {
  const auto found = std::find_if(spells.begin(), spells.end(), [&](const Spell& s) { return s.case_id == case_id; });
  return found == spells.end() ? nullptr : &*found;
}

const StandingFlag* Enrolment::FindFlag(event::ProtectionFlag flag) const {
  const auto found = std::find_if(flags.begin(), flags.end(), [&](const StandingFlag& f) { return f.flag == flag; });
  return found == flags.end() ? nullptr : &*found;
}

namespace {

void AddBounds(std::set<Date>& bounds, const Interval& days, const Interval& within) {
  if (within.Contains(days.from)) bounds.insert(days.from);
  if (days.to && within.Contains(*days.to)) bounds.insert(*days.to);
}

void AddHistory(const Spell& spell, std::vector<HistoryEntry>& history) {
  if (spell.reversed || (spell.days.to && *spell.days.to <= spell.days.from)) return;
  std::set<Date> bounds = {spell.days.from};
  for (const Occupation& occupation : spell.occupations) AddBounds(bounds, occupation.days, spell.days);
  for (const Interval& pause : spell.pauses) AddBounds(bounds, pause, spell.days);
  if (spell.waiting) AddBounds(bounds, {spell.waiting->from, std::nullopt}, spell.days);

  const size_t first = history.size();
  for (const Date date : bounds) {
    HistoryEntry entry;
    entry.days = {date, std::nullopt};
    entry.responsible = spell.responsible;
    entry.case_id = spell.case_id;
    for (const Occupation& occupation : spell.occupations) {
      if (!occupation.reserved() && occupation.days.Contains(date)) {
        entry.place = PlaceRef{occupation.agreement, occupation.number};
      }
    }
    entry.waiting = !entry.place && spell.waiting && date >= spell.waiting->from;
    entry.paused = spell.PausedOn(date);
    if (history.size() > first) {
      HistoryEntry same = history.back();
      same.days = entry.days;
      if (same == entry) continue;
      history.back().days.to = date;
    }
    history.push_back(entry);
  }
  history.back().days.to = spell.days.to;
}

}  // namespace

std::vector<HistoryEntry> HistoryOf(const Enrolment& enrolment) {
  std::vector<HistoryEntry> history;
  if (!enrolment.started) return history;
  for (const Spell& spell : enrolment.spells) AddHistory(spell, history);
  return history;
}

void PauseFrom(std::vector<Interval>& pauses, Date from) {
  while (!pauses.empty() && pauses.back().from >= from) pauses.pop_back();
  if (!pauses.empty() && (!pauses.back().to || *pauses.back().to >= from)) {
    pauses.back().to.reset();
  } else {
    pauses.push_back({from, std::nullopt});
  }
}

void ResumeFrom(std::vector<Interval>& pauses, Date from) {
  while (!pauses.empty() && pauses.back().from >= from) pauses.pop_back();
  if (!pauses.empty() && (!pauses.back().to || *pauses.back().to > from)) pauses.back().to = from;
}

}  // namespace medflyt::domain
