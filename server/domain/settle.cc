#include "server/domain/settle.h"

#include <algorithm>
#include <utility>

namespace medflyt::domain {
namespace {

Verdict Refuse(std::string_view rule) { return {Verdict::Kind::kRefuse, rule, nullptr}; }
Verdict Wait(std::string_view rule) { return {Verdict::Kind::kWait, rule, nullptr}; }

// Or had it, before that was put right: a request may have been under way.
bool HasNumber(const Enrolment& enrolment, const CprNumber& cpr) {
  const auto among = [&](const std::vector<CprNumber>& numbers) {
    return std::find(numbers.begin(), numbers.end(), cpr) != numbers.end();
  };
  return among(enrolment.numbers) || among(enrolment.replaced);
}

// What the citizen's enrolment, in which that announcement was named, says of the request.
Verdict JudgeNamed(const Transfer& transfer, const Enrolment& enrolment) {
  const crypto::Hash& announcement = transfer.announcement.leaf_hash;
  for (const Spell& spell : enrolment.spells) {
    for (const ResponsibilityEnd& end : spell.ends) {
      if (end.announcement != announcement) continue;
      if (spell.responsible != transfer.verified->issuer) return Refuse("ANNOUNCEMENT_FOREIGN");
      if (end.reversed || spell.reversed) return Refuse("ANNOUNCEMENT_ANNULLED");
      if (!enrolment.unfinished()) return Refuse("ENROLMENT_ENDED");
      if (&spell != &enrolment.current() || &end != spell.LatestEnd()) return Refuse("ANNOUNCEMENT_STALE");
      if (spell.responsible == transfer.requester) return Refuse("ANNOUNCEMENT_FOREIGN");
      if (end.from != transfer.from || end.from < spell.days.from) return Refuse("ANNOUNCEMENT_WRONG_DATE");
      if (!enrolment.started) return Wait("ENROLMENT_NOT_STARTED");
      return {Verdict::Kind::kTransfer, {}, &enrolment};
    }
  }
  return Wait("RESPONSIBILITY_NOT_ENDED");
}

}  // namespace

const Enrolment* EnrolmentToTransfer(const State& state, const Transfer& transfer) {
  const Enrolment* named = nullptr;
  for (const CaseId& id : state.EnrolmentsNaming(transfer.announcement.leaf_hash)) {
    const Enrolment* enrolment = state.FindEnrolment(id);
    if (enrolment == nullptr || !HasNumber(*enrolment, transfer.cpr)) continue;
    if (!enrolment->ended && !enrolment->refused) return enrolment;
    named = enrolment;
  }
  return named;
}

Verdict Judge(const State& state, const Transfer& transfer) {
  if (!transfer.verified) return Wait("ANNOUNCEMENT_NOT_VERIFIED");
  const event::AnnouncementVerified& verified = *transfer.verified;
  if (verified.announcement != transfer.announcement) return Refuse("ANNOUNCEMENT_FOREIGN");
  if (verified.addressee != transfer.requester) return Refuse("ANNOUNCEMENT_FOREIGN");
  if (verified.provider != state.self()) return Refuse("ANNOUNCEMENT_OTHER_PROVIDER");
  if (!verified.same_citizen) return Refuse("ANNOUNCEMENT_OTHER_CITIZEN");
  if (verified.effective_date != transfer.from) return Refuse("ANNOUNCEMENT_WRONG_DATE");
  if (state.AnnouncementUsed(transfer.announcement.leaf_hash)) return Refuse("ANNOUNCEMENT_USED");

  if (const Enrolment* named = EnrolmentToTransfer(state, transfer)) return JudgeNamed(transfer, *named);
  // Named for a citizen who has another number here: either of the two numbers may be about to change, unless each
  // is a citizen of its own.
  if (state.EnrolmentsNaming(transfer.announcement.leaf_hash).empty()) return Wait("RESPONSIBILITY_NOT_ENDED");
  if (RunningEnrolment(state, state.self(), transfer.cpr) != nullptr) return Refuse("ANNOUNCEMENT_OTHER_CITIZEN");
  return Wait("CITIZEN_NUMBER_NOT_KNOWN");
}

std::optional<Reversal> ReversalOf(const Enrolment& enrolment) {
  if (enrolment.ended || enrolment.refused) return std::nullopt;
  const Spell& last = enrolment.current();
  if (!last.announcement) return std::nullopt;
  const Spell* restored = nullptr;
  for (const Spell& spell : enrolment.spells) {
    if (spell.reversed) continue;
    for (const ResponsibilityEnd& end : spell.ends) {
      if (end.announcement != last.announcement) continue;
      if (!end.reversed) return std::nullopt;
      restored = &spell;
    }
  }
  if (restored == nullptr) return std::nullopt;
  return Reversal{&last, restored, last.days.from};
}

event::Draft ToResponsible(const Spell& spell, event::Body body) {
  event::Draft draft;
  draft.recipient = spell.responsible;
  draft.case_id = spell.case_id;
  draft.body = std::move(body);
  return draft;
}

void AppendReleases(const Spell& spell, Date from, event::ReleaseReason reason, std::vector<event::Draft>& drafts) {
  for (const Occupation& occupation : spell.occupations) {
    if (occupation.days.to && *occupation.days.to <= from) continue;
    drafts.push_back(ToResponsible(spell, event::PlaceReleased{occupation.agreement, occupation.number, from, reason}));
  }
}

std::vector<event::Draft> NumberPutRight(const State& state, AuthorityId provider, const CaseId& case_id,
                                         const CprNumber& wrong, const CprNumber& right) {
  std::vector<event::Draft> drafts;
  const auto tell = [&](AuthorityId recipient, const CaseId& in) {
    event::Draft draft;
    draft.recipient = recipient;
    draft.case_id = in;
    draft.body = event::ValueRectified{{.cpr = right, .start = {}, .end = {}, .end_reason = {}}, wrong};
    drafts.push_back(std::move(draft));
  };
  tell(provider, case_id);
  for (const CaseId& id : state.RelocationsOf(case_id)) {
    const Relocation& relocation = *state.FindRelocation(id);
    if (relocation.announcement && relocation.cpr == wrong) tell(relocation.announcement->recipient, id);
  }
  return drafts;
}

bool HoldsNumber(const State& state, const CaseId& case_id, const CprNumber& number) {
  const auto has = [&](const Enrolment& enrolment) {
    return std::find(enrolment.numbers.begin(), enrolment.numbers.end(), number) != enrolment.numbers.end();
  };
  if (const Enrolment* enrolment = state.FindEnrolment(case_id)) return has(*enrolment);
  if (const Relocation* relocation = state.FindRelocation(case_id)) {
    return !relocation->cpr || relocation->cpr == number;
  }
  const Transfer* transfer = state.FindTransfer(case_id);
  if (transfer == nullptr) return true;
  if (transfer->cpr != number) return false;
  const std::set<CaseId>& named = state.EnrolmentsNaming(transfer->announcement.leaf_hash);
  return transfer->state != TransferState::kWaiting || named.empty() ||
         std::any_of(named.begin(), named.end(), [&](const CaseId& id) { return has(*state.FindEnrolment(id)); });
}

const Enrolment* RunningEnrolment(const State& state, AuthorityId provider, const CprNumber& cpr, const CaseId* but) {
  for (const CaseId& id : state.EnrolmentsOf(cpr)) {
    const Enrolment* enrolment = state.FindEnrolment(id);
    if (enrolment == nullptr || enrolment->provider != provider || !enrolment->unfinished()) continue;
    if (but == nullptr || enrolment->id != *but) return enrolment;
  }
  return nullptr;
}

bool EnrolledElsewhere(const State& state, const Enrolment& enrolment, Date from) {
  for (const CprNumber& number : enrolment.numbers) {
    for (const CaseId& id : state.EnrolmentsOf(number)) {
      const Enrolment& other = *state.FindEnrolment(id);
      if (other.id == enrolment.id || other.provider != enrolment.provider) continue;
      if (other.unfinished()) return true;
      for (const Spell& spell : other.spells) {
        const bool empty = spell.reversed || !other.started || (spell.days.to && *spell.days.to <= spell.days.from);
        if (!empty && (!spell.days.to || *spell.days.to > from)) return true;
      }
    }
  }
  return false;
}

}  // namespace medflyt::domain
