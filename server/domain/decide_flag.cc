// Decisions on protection flags, which hold the moves of a citizen whatever the registry says.
#include <algorithm>
#include <set>
#include <vector>

#include "server/domain/deciding.h"
#include "server/domain/query.h"

namespace medflyt::domain {
namespace {

// Nobody was told of it yet, and an officer may still decide that somebody is.
bool IsUndecided(const Relocation& relocation) {
  return relocation.state == RelocationState::kHeld || relocation.state == RelocationState::kInAssessment ||
         relocation.state == RelocationState::kDisclosed;
}

// Two officers have released it, or it never was held; an officer may say, or has said, whether somebody is told.
bool IsReleased(const Relocation& relocation) {
  return relocation.state == RelocationState::kInAssessment || relocation.state == RelocationState::kDisclosed ||
         relocation.state == RelocationState::kNotDisclosed;
}

absl::Status NeverHeld(std::string_view field) {
  return NotNow("RELOCATION_NEVER_HELD", field,
                "a flag protects the citizen for which this move was not held: hold it, and two officers release it");
}

// It is held for these reasons, and no officer has asked for its release.
bool IsHeldFor(const Relocation& relocation, const std::vector<event::HoldReason>& reasons) {
  return relocation.state == RelocationState::kHeld && !relocation.release_officer && WasHeldFor(relocation, reasons);
}

void SortUnique(std::vector<event::HoldReason>& reasons) {
  std::sort(reasons.begin(), reasons.end());
  reasons.erase(std::unique(reasons.begin(), reasons.end()), reasons.end());
}

std::set<event::ProtectionFlag> FlagsOf(const std::vector<const Enrolment*>& enrolments) {
  std::set<event::ProtectionFlag> flags;
  for (const Enrolment* each : enrolments) {
    for (const StandingFlag& standing : each->flags) flags.insert(standing.flag);
  }
  return flags;
}

// Where this authority is or was responsible; zero where it never was.
CaseId LastOwnCase(const Enrolment& enrolment, AuthorityId self) {
  for (auto spell = enrolment.spells.rbegin(); spell != enrolment.spells.rend(); ++spell) {
    if (spell->responsible == self) return spell->case_id;
  }
  return {};
}

// One enrolment has these numbers instead of its own.
struct Renumbered {
  const Enrolment& enrolment;
  std::vector<registry::CprNumber> numbers;

  [[nodiscard]] const std::vector<registry::CprNumber>& Of(const Enrolment& each) const {
    return &each == &enrolment ? numbers : each.numbers;
  }
  // Those that numbers link to `first`, itself included, among all that may be.
  [[nodiscard]] std::vector<const Enrolment*> LinkedTo(const Enrolment& first,
                                                       std::vector<const Enrolment*> rest) const {
    std::erase(rest, &first);
    std::vector<const Enrolment*> found = {&first};
    for (size_t i = 0; i < found.size(); ++i) {
      const std::vector<registry::CprNumber>& known = Of(*found[i]);
      const auto linked = std::stable_partition(rest.begin(), rest.end(), [&](const Enrolment* each) {
        const std::vector<registry::CprNumber>& its = Of(*each);
        return std::find_first_of(its.begin(), its.end(), known.begin(), known.end()) == its.end();
      });
      found.insert(found.end(), linked, rest.end());
      rest.erase(linked, rest.end());
    }
    return found;
  }
};

}  // namespace

std::vector<event::HoldReason> Decider::HeldFor(const Enrolment* enrolment,
                                                std::vector<event::HoldReason> others) const {
  if (enrolment != nullptr) {
    for (const event::ProtectionFlag flag : FlagsOf(FindByNumber(state_, enrolment->cpr()).enrolments)) {
      others.push_back(event::HoldReasonOf(flag));
    }
  }
  SortUnique(others);
  return others;
}

absl::Status Decider::CheckWasHeld(const Relocation& relocation) const {
  const Enrolment* enrolment = state_.FindEnrolment(*relocation.enrolment);
  if (enrolment == nullptr) return Unknown("relocation");
  if (WasHeldFor(relocation, HeldFor(enrolment))) return absl::OkStatus();
  return NeverHeld("relocation");
}

absl::Status Decider::CheckEndMayBeTold(const Enrolment& enrolment, const Spell& spell,
                                        event::ResponsibilityEndReason reason) const {
  using enum event::ResponsibilityEndReason;
  if (reason != kMoved && reason != kOther) return absl::OkStatus();
  std::vector<const Relocation*> moves;
  for (const CaseId& id : state_.RelocationsOf(spell.case_id)) moves.push_back(state_.FindRelocation(id));
  std::vector<event::HoldReason> reasons = HeldFor(&enrolment);
  bool withdrawn = false;
  for (const Relocation* move : moves) {
    if (move->state == RelocationState::kHeld) {
      return NotNow("RELOCATION_HELD", "enrolment", "a move of the citizen is held: two officers release it first");
    }
    if (!WasWithdrawn(*move)) continue;
    withdrawn = true;
    reasons.insert(reasons.end(), move->hold_reasons.begin(), move->hold_reasons.end());
  }
  SortUnique(reasons);
  const bool was_released = std::any_of(moves.begin(), moves.end(), [&reasons](const Relocation* move) {
    return IsReleased(*move) && WasHeldFor(*move, reasons);
  });
  if (was_released || reasons.empty()) return absl::OkStatus();
  if (withdrawn) {
    return NotNow("RELOCATION_HELD", "enrolment",
                  "a move of the citizen was held before it was taken back or ran out: two officers release it first");
  }
  return reason == kOther ? absl::OkStatus() : NeverHeld("reason");
}

// Which of those that it parts is the citizen whom the flag protects is not for one officer to say: it stands on in
// each, and two clear it where it does not belong.
void Decider::AppendPartedFlags(const Enrolment& enrolment, const registry::CprNumber& right, Drafts& drafts) const {
  const std::vector<const Enrolment*> before = FindByNumber(state_, enrolment.cpr()).enrolments;
  const std::set<event::ProtectionFlag> flags = FlagsOf(before);
  if (flags.empty()) return;
  Renumbered after{enrolment, enrolment.numbers};
  after.numbers.back() = right;
  std::vector<const Enrolment*> all = before;
  for (const Enrolment* each : FindByNumber(state_, right).enrolments) {
    if (std::find(all.begin(), all.end(), each) == all.end()) all.push_back(each);
  }
  for (const Enrolment* each : before) {
    const CaseId own = LastOwnCase(*each, state_.self());
    if (own.is_zero()) continue;
    const std::set<event::ProtectionFlag> kept = FlagsOf(after.LinkedTo(*each, all));
    for (const event::ProtectionFlag flag : flags) {
      if (!kept.contains(flag)) drafts.push_back(Local(own, event::FlagSet{flag}));
    }
  }
}

Decider::Decision Decider::operator()(const event::SetFlag& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Enrolment* enrolment, EnrolmentAsResponsible(command.enrolment));
  if (!enrolment->unfinished() || enrolment->current().case_id != command.enrolment) {
    return NotNow("ENROLMENT_NOT_ACTIVE", "enrolment", "this authority is not responsible any more");
  }
  const StandingFlag* standing = enrolment->FindFlag(command.flag);
  if (standing != nullptr && !standing->clear_officer) {
    return RuleError(absl::StatusCode::kAlreadyExists, "FLAG_ALREADY_SET", "flag", "the flag stands already");
  }
  Drafts drafts = {Local(command.enrolment, event::FlagSet{command.flag})};
  const std::vector<event::HoldReason> reasons = HeldFor(enrolment, {event::HoldReasonOf(command.flag)});
  for (const Enrolment* each : FindByNumber(state_, enrolment->cpr()).enrolments) {
    for (const Spell& spell : each->spells) {
      for (const CaseId& moved : state_.RelocationsOf(spell.case_id)) {
        const Relocation& relocation = *state_.FindRelocation(moved);
        if (!IsUndecided(relocation) || IsHeldFor(relocation, reasons)) continue;
        drafts.push_back(Local(relocation.id, event::RelocationHeld{reasons}));
      }
    }
  }
  return drafts;
}

Decider::Decision Decider::operator()(const event::ClearFlag& command) const {
  MEDFLYT_ASSIGN_OR_RETURN(const Enrolment* enrolment, EnrolmentAsResponsible(command.enrolment));
  const StandingFlag* standing = enrolment->FindFlag(command.flag);
  if (standing == nullptr) return NotNow("FLAG_NOT_SET", "flag", "the flag does not stand in this enrolment");
  if (!IsAsked(standing->clear_officer, standing->clear_certificate)) {
    return Drafts{Local(command.enrolment, event::FlagClearRequested{command.flag})};
  }
  MEDFLYT_RETURN_IF_ERROR(CheckSecond(*standing->clear_officer, standing->clear_certificate));
  return Drafts{Local(command.enrolment, event::FlagCleared{command.flag, *standing->clear_officer})};
}

}  // namespace medflyt::domain
