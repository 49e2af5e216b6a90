// Internal to this folder: the rules of transfer that deciding, evolving and reacting share.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "common/event/event.h"
#include "server/domain/enrolment.h"
#include "server/domain/state.h"
#include "server/domain/transfer.h"

namespace medflyt::domain {

// At the provider: the citizen's running enrolment in which a responsibility's end named the request's announcement, or
// null.
[[nodiscard]] const Enrolment* EnrolmentToTransfer(const State& state, const Transfer& transfer);

// What the conditions of a waiting request say now.
struct Verdict {
  enum class Kind { kWait, kRefuse, kTransfer };
  Kind kind = Kind::kWait;
  std::string_view rule;                 // kRefuse; kWait: the first that does not hold yet
  const Enrolment* enrolment = nullptr;  // kTransfer
};
[[nodiscard]] Verdict Judge(const State& state, const Transfer& transfer);

// The last transfer of a running enrolment, if the announcement that it stands on was taken back.
struct Reversal {
  const Spell* reversed = nullptr;
  const Spell* restored = nullptr;
  Date from;
};
[[nodiscard]] std::optional<Reversal> ReversalOf(const Enrolment& enrolment);

// A draft without an officer, to the responsible of the spell, in its case.
[[nodiscard]] event::Draft ToResponsible(const Spell& spell, event::Body body);

// One PlaceReleased for each place that the spell has on or after that day.
void AppendReleases(const Spell& spell, Date from, event::ReleaseReason reason, std::vector<event::Draft>& drafts);

// The right number, to everyone whom this authority told the wrong one in that case of its own with a provider: the
// provider, and those to whom it announced a move from it under that number. Without an officer.
[[nodiscard]] std::vector<event::Draft> NumberPutRight(const State& state, AuthorityId provider, const CaseId& case_id,
                                                       const CprNumber& wrong, const CprNumber& right);

// Whether that number is the citizen's in that case as it stands here: of an enrolment any that it has or had, of a
// waiting request also that of the enrolment that would be handed over. True where the case has no number.
[[nodiscard]] bool HoldsNumber(const State& state, const CaseId& case_id, const CprNumber& number);

// The citizen's enrolment with that provider that is not finished, other than `but`; or null.
[[nodiscard]] const Enrolment* RunningEnrolment(const State& state, AuthorityId provider, const CprNumber& cpr,
                                                const CaseId* but = nullptr);

// Another enrolment of the citizen with the same provider is not finished, or holds a day from `from` on: on every date
// one municipality is responsible.
[[nodiscard]] bool EnrolledElsewhere(const State& state, const Enrolment& enrolment, Date from);

}  // namespace medflyt::domain
