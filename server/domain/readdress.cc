#include "server/domain/readdress.h"

#include <utility>

#include "server/domain/dispute.h"
#include "server/domain/enrolment.h"
#include "server/domain/relocation.h"
#include "server/domain/transfer.h"

namespace medflyt::domain {
namespace {

// Each calls `visit` with all that a row names events by: ids, leaf hashes, places in a log. A row may be const.

template <typename Visit>
void VisitNames(auto& row, Visit visit)
  requires requires { row.spells; }
{
  if (row.ended && row.ended->because_of) visit(*row.ended->because_of);
  for (auto& spell : row.spells) {
    if (spell.announcement) visit(*spell.announcement);
    for (auto& end : spell.ends) {
      visit(end.event);
      if (end.announcement) visit(*end.announcement);
    }
  }
}

template <typename Visit>
void VisitNames(auto& row, Visit visit)
  requires requires { row.announcement->ref; }
{
  if (row.announcement) visit(row.announcement->ref);
}

template <typename Visit>
void VisitNames(auto& row, Visit visit)
  requires requires { row.verified; }
{
  visit(row.announcement);
  if (row.verified) visit(row.verified->announcement);
}

template <typename Visit>
void VisitNames(auto& row, Visit visit)
  requires requires { row.disputes; }
{
  for (auto& dispute : row.disputes) visit(dispute.event);
  if (row.conflict) visit(row.conflict->event);
}

// Compares and changes whatever names an event.
class Names {
 public:
  Names(const EventAddress& before, const EventAddress& now) : before_(before), now_(now) {}

  [[nodiscard]] bool AreIn(const auto& row) const {
    bool found = false;
    VisitNames(row, [&](const auto& name) { found = found || name == Of(before_, name); });
    return found;
  }
  void Change(auto& row) const {
    VisitNames(row, [&](auto& name) {
      if (name == Of(before_, name)) name = Of(now_, name);
    });
  }

 private:
  static const EventId& Of(const EventAddress& address, const EventId&) { return address.id; }
  static const crypto::Hash& Of(const EventAddress& address, const crypto::Hash&) { return address.entry.leaf_hash; }
  static const event::AnnouncementRef& Of(const EventAddress& address, const event::AnnouncementRef&) {
    return address.entry;
  }

  const EventAddress& before_;
  const EventAddress& now_;
};

}  // namespace

// Rows change in their place, so the tables can be walked meanwhile.
class Readdresser {
 public:
  static void Run(State& state, const Names& names) {
    for (const auto& [id, row] : state.enrolments_) {
      if (names.AreIn(row)) state.EditEnrolment(id, [&](Enrolment& each) { names.Change(each); });
    }
    for (const auto& [id, row] : state.relocations_) {
      if (names.AreIn(row)) state.EditRelocation(id, [&](Relocation& each) { names.Change(each); });
    }
    for (const auto& [id, row] : state.transfers_) {
      if (names.AreIn(row)) state.EditTransfer(id, [&](Transfer& each) { names.Change(each); });
    }
    for (const auto& [id, row] : state.disputes_) {
      if (!names.AreIn(row)) continue;
      CaseDisputes changed = row;
      names.Change(changed);
      state.Put(std::move(changed));
    }
  }
};

void Readdress(State& state, const EventAddress& before, const EventAddress& now) {
  Readdresser::Run(state, Names(before, now));
}

}  // namespace medflyt::domain
