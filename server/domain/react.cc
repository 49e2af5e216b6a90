// What follows by rule. Each function looks at the state and says what is due now; it may be asked again and again.
#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>
#include <variant>

#include "server/domain/decide.h"
#include "server/domain/place.h"
#include "server/domain/query.h"
#include "server/domain/settle.h"
#include "server/domain/terms.h"

namespace medflyt::domain {
namespace {

using Drafts = std::vector<event::Draft>;
using event::ReleaseReason;
using Kind = event::EnrolmentTransferred::Kind;

class Settler {
 public:
  Settler(const State& state, const Facts& facts) : state_(state), facts_(facts) {}

  // A proposal with bad content is declined; a good one waits for an officer.
  [[nodiscard]] Drafts Proposal(const event::Header& header, const event::AgreementProposed& body) const {
    if (header.issuer == state_.self()) return {};
    const Agreement* agreement = state_.FindAgreement(header.case_id);
    if (agreement != nullptr) {
      const AgreementVersion* open = agreement->OpenProposal();
      const bool taken = open != nullptr && open->version == body.version;
      // Where proposals crossed, ours stands as the provider's, and its issuer knows that by the same rule.
      if (taken && open->proposed_by == state_.self()) return {};
      if (taken && CheckTerms(body.terms).ok()) return {};
    }
    event::Draft draft;
    draft.recipient = header.issuer;
    draft.case_id = header.case_id;
    draft.body = event::AgreementDeclined{body.version};
    return {draft};
  }

  // The next in the waiting list for whom there is a place. One at a time: it leads to the next call.
  [[nodiscard]] Drafts Places(const CaseId& agreement_id) const {
    const Agreement* agreement = state_.FindAgreement(agreement_id);
    if (agreement == nullptr || agreement->provider != state_.self()) return {};
    std::optional<Date> none_from;  // nobody who wants a place from that day or later can have one
    for (const auto& [not_head, sequence, id] : state_.WaitingListOf(agreement_id)) {
      const Enrolment& enrolment = *state_.FindEnrolment(id);
      const Spell& spell = enrolment.current();
      if (!spell.waiting || !enrolment.unfinished()) continue;
      const Date wanted = spell.waiting->from;
      if (none_from && wanted >= *none_from) continue;
      // Who is leaving gets no place from the day of leaving on.
      std::optional<Date> until;
      if (const ResponsibilityEnd* end = spell.LatestEnd()) until = end->from;
      const auto place = EarliestPlacement(state_, *agreement, spell.case_id, wanted, until);
      if (!place) {
        if (!until) none_from = wanted;
        continue;
      }
      if (enrolment.started) {
        return {ToResponsible(spell, event::PlaceOccupied{agreement_id, place->number, place->from})};
      }
      return {Reservation(spell, agreement_id, *place)};
    }
    return {};
  }

  // A citizen whose enrolment was proposed gets a place reserved, or a place in the waiting list.
  [[nodiscard]] Drafts ProposedEnrolment(const CaseId& case_id) const {
    const Enrolment* enrolment = state_.FindEnrolment(case_id);
    if (enrolment == nullptr || enrolment->provider != state_.self()) return {};
    if (enrolment->state() != EnrolmentState::kProposed) return {};
    const Spell& spell = enrolment->current();
    const auto refuse = [&](const char* rule) -> Drafts {
      return {ToResponsible(spell, event::EnrolmentRefused{rule})};
    };
    if (EnrolledElsewhere(state_, *enrolment, spell.days.from)) return refuse("CITIZEN_ALREADY_ENROLLED");
    if (spell.responsible == state_.self()) return {};
    if (!spell.agreement) return refuse("AGREEMENT_REQUIRED");
    const Agreement* agreement = AgreementWith(spell.responsible, *spell.agreement);
    if (agreement == nullptr || !agreement->InForceOn(spell.days.from)) return refuse("AGREEMENT_NOT_IN_FORCE");
    if (spell.waiting || spell.OpenOccupation() != nullptr) return {};
    if (const auto number = FreeNumber(state_, *agreement, spell.case_id, spell.days.from)) {
      return {Reservation(spell, agreement->id, {*number, spell.days.from})};
    }
    return {ToResponsible(spell, event::PlaceWaitlisted{agreement->id, spell.days.from, false})};
  }

  // Everything that follows for one enrolment: first what was taken back, then what ended, then who asks for it.
  [[nodiscard]] Drafts Books(const Enrolment& enrolment) const {
    if (enrolment.provider != state_.self()) return {};
    if (const auto reversal = ReversalOf(enrolment)) return Reverse(*reversal);
    if (Drafts drafts = RestoreEnded(enrolment); !drafts.empty()) return drafts;
    if (Drafts drafts = EndWithoutAnnouncement(enrolment); !drafts.empty()) return drafts;
    if (Drafts drafts = Requests(enrolment); !drafts.empty()) return drafts;
    const Spell& spell = enrolment.current();
    return spell.waiting ? Places(spell.waiting->agreement) : Drafts();
  }

  [[nodiscard]] Drafts Citizen(const CprNumber& cpr) const {
    for (const CaseId& id : state_.EnrolmentsOf(cpr)) {
      if (Drafts drafts = Books(*state_.FindEnrolment(id)); !drafts.empty()) return drafts;
    }
    return {};
  }

  [[nodiscard]] Drafts Request(const CaseId& id) const {
    const Transfer* transfer = state_.FindTransfer(id);
    if (transfer == nullptr || transfer->provider != state_.self()) return {};
    return Request(*transfer);
  }

  // Who holds nothing of the cases that a notice names says so; else officers decide.
  [[nodiscard]] Drafts Notice(const event::Header& header, const event::ErasureNoticed& body) const {
    if (header.issuer == state_.self()) return {};
    const ErasureNotice* notice = state_.FindErasureNotice(header.case_id);
    if (notice == nullptr) return {};
    for (const CaseId& id : body.cases) {
      if (state_.UseOf(id)) return {};
    }
    event::Draft draft;
    draft.recipient = header.issuer;
    draft.case_id = header.case_id;
    draft.body = event::ErasureReceipt();
    return {draft};
  }

  // A place may be free on other days.
  [[nodiscard]] Drafts PlacesOf(const CaseId& case_id) const {
    const Enrolment* enrolment = state_.FindEnrolment(case_id);
    if (enrolment == nullptr || enrolment->provider != state_.self()) return {};
    const std::optional<CaseId>& agreement = enrolment->FindSpell(case_id)->agreement;
    return agreement ? Places(*agreement) : Drafts();
  }

  // Who was told a wrong number and asked for a place under it tells it on, as the law has it told to everyone.
  [[nodiscard]] Drafts TellOn(const event::Header& header, const event::ValueRectified& body) const {
    const Relocation* relocation = state_.FindRelocation(header.case_id);
    if (!body.right.cpr || relocation == nullptr || relocation->direction != Direction::kIn ||
        relocation->cpr != body.right.cpr) {
      return {};
    }
    Drafts drafts;
    for (const CaseId& id : state_.TransfersNaming(relocation->announcement->ref.leaf_hash)) {
      const Transfer& transfer = *state_.FindTransfer(id);
      if (transfer.requester != state_.self() || transfer.cpr != body.wrong_cpr) continue;
      Drafts told = NumberPutRight(state_, transfer.provider, id, *body.wrong_cpr, *body.right.cpr);
      // A provider need not tell itself what conflicts with the number that stands, and changes nothing.
      const Enrolment* enrolment = transfer.provider == state_.self() ? state_.FindEnrolment(id) : nullptr;
      if (enrolment != nullptr && !HoldsNumber(state_, id, *body.wrong_cpr) &&
          !HoldsNumber(state_, id, *body.right.cpr)) {
        std::erase_if(told, [this](const event::Draft& draft) { return draft.recipient == state_.self(); });
      }
      std::move(told.begin(), told.end(), std::back_inserter(drafts));
    }
    return drafts;
  }

 private:
  [[nodiscard]] const Agreement* AgreementWith(AuthorityId buyer, const CaseId& id) const {
    const Agreement* agreement = state_.FindAgreement(id);
    if (agreement == nullptr || agreement->provider != state_.self() || agreement->buyer != buyer) return nullptr;
    return agreement;
  }

  [[nodiscard]] event::Draft Reservation(const Spell& spell, const CaseId& agreement, const Placement& place) const {
    const Date expires = std::max(facts_.today, place.from) + kReservationDays;
    return ToResponsible(spell, event::PlaceReserved{agreement, place.number, place.from, expires});
  }

  // That day, or the end that the municipality told meanwhile: what was taken back may be settled long after, and
  // nothing dated later is said then.
  [[nodiscard]] static Date NotAfterEnd(const Spell& spell, Date from) {
    const ResponsibilityEnd* end = spell.LatestEnd();
    return end == nullptr ? from : std::min(from, end->from);
  }

  // The place that was kept, any other, or the head of the waiting list. The provider's own citizens need none.
  void AppendRestoredPlace(const Spell& spell, Date from, Drafts& drafts) const {
    if (spell.responsible == state_.self() || !spell.agreement) return;
    if (const Date last = NotAfterEnd(spell, from); last < from) {
      // Who is leaving before that gives up the place from the day of leaving on, and gets one should that be taken
      // back too.
      AppendReleases(spell, last, ReleaseReason::kEnded, drafts);
      drafts.push_back(ToResponsible(spell, event::PlaceWaitlisted{*spell.agreement, last, true}));
      return;
    }
    const Agreement* agreement = state_.FindAgreement(*spell.agreement);
    std::optional<uint32_t> number;
    if (agreement != nullptr) {
      std::optional<uint32_t> had;
      if (!spell.occupations.empty()) had = spell.occupations.back().number;
      number = FreeNumber(state_, *agreement, spell.case_id, from, had);
    }
    if (number) {
      drafts.push_back(ToResponsible(spell, event::PlaceOccupied{*spell.agreement, *number, from}));
    } else {
      drafts.push_back(ToResponsible(spell, event::PlaceWaitlisted{*spell.agreement, from, true}));
    }
  }

  // Tells the next responsible of the pauses that the one before was told of and that still last, or the other way
  // round.
  static void AppendPauses(const Spell& told, const Spell& to_tell, Date from, Drafts& drafts) {
    const auto clipped = [&](const std::vector<Interval>& pauses) {
      std::vector<Interval> kept;
      for (Interval pause : pauses) {
        if (pause.to && *pause.to <= from) continue;
        pause.from = std::max(pause.from, from);
        if (NotAfterEnd(to_tell, pause.from) < pause.from) continue;
        if (pause.to && NotAfterEnd(to_tell, *pause.to) < *pause.to) pause.to.reset();
        kept.push_back(pause);
      }
      return kept;
    };
    const std::vector<Interval> wanted = clipped(told.pauses);
    if (NotAfterEnd(to_tell, from) < from || wanted == clipped(to_tell.pauses)) return;
    if (wanted.empty() || wanted.front().from > from) {
      drafts.push_back(ToResponsible(to_tell, event::EnrolmentResumed{from}));
    }
    for (const Interval& pause : wanted) {
      drafts.push_back(ToResponsible(to_tell, event::EnrolmentPaused{pause.from}));
      if (pause.to) drafts.push_back(ToResponsible(to_tell, event::EnrolmentResumed{*pause.to}));
    }
  }

  [[nodiscard]] Drafts Reverse(const Reversal& reversal) const {
    Drafts drafts;
    const Spell& reversed = *reversal.reversed;
    const Spell& restored = *reversal.restored;
    const Date reversed_from = NotAfterEnd(reversed, reversal.from);
    const Date restored_from = NotAfterEnd(restored, reversal.from);
    AppendReleases(reversed, reversed_from, ReleaseReason::kReversed, drafts);
    drafts.push_back(ToResponsible(reversed, event::EnrolmentTransferred{Kind::kReversed, reversed_from}));
    drafts.push_back(ToResponsible(restored, event::EnrolmentTransferred{Kind::kRestored, restored_from}));
    AppendPauses(reversed, restored, reversal.from, drafts);
    AppendRestoredPlace(restored, reversal.from, drafts);
    return drafts;
  }

  // It ended by what the responsible said, and that was taken back.
  [[nodiscard]] Drafts RestoreEnded(const Enrolment& enrolment) const {
    if (!enrolment.ended || !enrolment.ended->because_of) return {};
    const Spell& spell = enrolment.current();
    const auto end = std::find_if(spell.ends.begin(), spell.ends.end(), [&](const ResponsibilityEnd& e) {
      return e.event == *enrolment.ended->because_of && e.reversed;
    });
    if (end == spell.ends.end()) return {};
    // Where the responsible told an earlier end before it could be restored, it ends earlier, and nothing is restored.
    const ResponsibilityEnd* standing = spell.LatestEnd();
    if (standing != nullptr && !standing->announcement && standing->from <= enrolment.ended->from) {
      return EndBecause(spell, *standing);
    }
    const Date from = std::max(enrolment.ended->from, spell.days.from);
    if (EnrolledElsewhere(state_, enrolment, enrolment.started ? from : spell.days.from)) return {};
    Drafts drafts = {ToResponsible(spell, event::EnrolmentTransferred{Kind::kRestored, NotAfterEnd(spell, from)})};
    if (enrolment.started) AppendRestoredPlace(spell, from, drafts);
    return drafts;
  }

  [[nodiscard]] static event::EndReason ReasonOf(event::ResponsibilityEndReason reason) {
    switch (reason) {
      case event::ResponsibilityEndReason::kMoved:
        return event::EndReason::kMoved;
      case event::ResponsibilityEndReason::kDead:
        return event::EndReason::kDead;
      case event::ResponsibilityEndReason::kEmigrated:
      case event::ResponsibilityEndReason::kOther:
        return event::EndReason::kOther;
    }
    return event::EndReason::kOther;
  }

  [[nodiscard]] static Drafts EndBecause(const Spell& spell, const ResponsibilityEnd& end) {
    // Dated as told, even where it began later: then it never was, and nothing is said of a later day.
    Drafts drafts = {ToResponsible(spell, event::EnrolmentEnded{end.from, ReasonOf(end.reason)})};
    AppendReleases(spell, end.from, ReleaseReason::kEnded, drafts);
    return drafts;
  }

  // Nothing was disclosed, so nobody will ask.
  [[nodiscard]] static Drafts EndWithoutAnnouncement(const Enrolment& enrolment) {
    if (!enrolment.unfinished()) return {};
    const ResponsibilityEnd* end = enrolment.current().LatestEnd();
    if (end == nullptr || end->announcement) return {};
    return EndBecause(enrolment.current(), *end);
  }

  // One waiting request that can be answered now. Its answer leads to the next call.
  [[nodiscard]] Drafts Requests(const Enrolment& enrolment) const {
    std::set<CaseId> waiting;
    for (const CprNumber& number : enrolment.numbers) {
      const std::set<CaseId>& ids = state_.WaitingTransfersOf(number);
      waiting.insert(ids.begin(), ids.end());
    }
    for (const Spell& spell : enrolment.spells) {
      for (const ResponsibilityEnd& end : spell.ends) {
        if (!end.announcement) continue;
        const std::set<CaseId>& ids = state_.TransfersNaming(*end.announcement);
        waiting.insert(ids.begin(), ids.end());
      }
    }
    for (const CaseId& id : waiting) {
      if (Drafts drafts = Request(id); !drafts.empty()) return drafts;
    }
    return {};
  }

  [[nodiscard]] static event::Draft Refusal(const Transfer& transfer, std::string_view rule) {
    event::Draft draft;
    draft.recipient = transfer.requester;
    draft.case_id = transfer.id;
    draft.body = event::TransferRefused{std::string(rule)};
    return draft;
  }

  [[nodiscard]] Drafts Request(const Transfer& transfer) const {
    if (transfer.state != TransferState::kWaiting) return {};
    const Verdict verdict = Judge(state_, transfer);
    switch (verdict.kind) {
      case Verdict::Kind::kWait:
        return {};
      case Verdict::Kind::kRefuse:
        return {Refusal(transfer, verdict.rule)};
      case Verdict::Kind::kTransfer:
        return Hand(*verdict.enrolment, transfer);
    }
    return {};
  }

  // All conditions hold: the books change hands.
  [[nodiscard]] Drafts Hand(const Enrolment& enrolment, const Transfer& transfer) const {
    const Spell& former = enrolment.current();
    const bool own = transfer.requester == state_.self();
    const Agreement* agreement = nullptr;
    if (!own) {
      if (transfer.agreement) agreement = AgreementWith(transfer.requester, *transfer.agreement);
      if (agreement == nullptr || !agreement->InForceOn(transfer.from)) {
        Drafts drafts = {Refusal(transfer, "AGREEMENT_NOT_IN_FORCE")};
        Drafts ended = EndBecause(former, *former.LatestEnd());
        std::move(ended.begin(), ended.end(), std::back_inserter(drafts));
        return drafts;
      }
    }
    Drafts drafts = {ToResponsible(former, event::EnrolmentTransferred{Kind::kLeft, transfer.from})};
    AppendReleases(former, transfer.from, ReleaseReason::kTransferred, drafts);
    Spell next;
    next.responsible = transfer.requester;
    next.case_id = transfer.id;
    drafts.push_back(ToResponsible(next, event::EnrolmentTransferred{Kind::kReceived, transfer.from}));
    AppendPauses(former, next, transfer.from, drafts);
    if (own) return drafts;
    if (const auto number = FreeNumber(state_, *agreement, transfer.id, transfer.from)) {
      drafts.push_back(ToResponsible(next, event::PlaceOccupied{agreement->id, *number, transfer.from}));
    } else {
      drafts.push_back(ToResponsible(next, event::PlaceWaitlisted{agreement->id, transfer.from, false}));
    }
    return drafts;
  }

  const State& state_;
  const Facts& facts_;
};

// Where the provider itself asks for a citizen, nothing is opened: it has the announcement, which was proven when it
// was received.
std::optional<event::Draft> VerifiedOwnRequest(const State& state, const CaseId& request) {
  const Transfer* transfer = state.FindTransfer(request);
  if (transfer == nullptr || transfer->verified || transfer->requester != state.self() ||
      transfer->provider != state.self()) {
    return std::nullopt;
  }
  for (const auto& [id, relocation] : state.relocations()) {
    if (!LeadsOn(relocation) || !relocation.announcement || !relocation.cpr || !relocation.effective_date ||
        relocation.announcement->ref != transfer->announcement) {
      continue;
    }
    event::Draft draft;
    draft.recipient = state.self();
    draft.case_id = request;
    draft.body = event::AnnouncementVerified{transfer->announcement,
                                             relocation.announcement->issuer,
                                             relocation.announcement->recipient,
                                             relocation.announcement->provider,
                                             SameCitizen(state, *relocation.cpr, transfer->cpr),
                                             *relocation.effective_date};
    return draft;
  }
  return std::nullopt;
}

}  // namespace

std::vector<event::Draft> React(const State& state, const event::Event& event, const Facts& facts) {
  const Settler settler(state, facts);
  const CaseId& case_id = event.header.case_id;
  const auto books = [&]() -> Drafts {
    const Enrolment* enrolment = state.FindEnrolment(case_id);
    if (enrolment == nullptr || enrolment->provider != state.self()) return {};
    for (const CprNumber& number : enrolment->numbers) {
      if (Drafts drafts = settler.Citizen(number); !drafts.empty()) return drafts;
    }
    return {};
  };
  switch (event::TypeOf(event.body)) {
    using enum event::Type;
    case kAgreementProposed:
      return settler.Proposal(event.header, std::get<event::AgreementProposed>(event.body));
    case kAgreementAccepted:
    case kAgreementDeclined:
    case kAgreementTerminated:
      return settler.Places(case_id);
    case kEnrolmentProposed:
      return settler.ProposedEnrolment(case_id);
    case kEnrolmentStarted:
    case kEnrolmentEnded:
    case kEnrolmentRefused:
    case kEnrolmentTransferred:
    case kResponsibilityEnded:
    case kResponsibilityRestored:
    case kCitizenRenumbered:
      return books();
    case kTransferRequested:
      if (auto verified = VerifiedOwnRequest(state, case_id)) return {*std::move(verified)};
      return settler.Request(case_id);
    case kAnnouncementVerified:
      return settler.Request(case_id);
    case kTransferRefused: {
      const Transfer* transfer = state.FindTransfer(case_id);
      if (transfer == nullptr || transfer->provider != state.self()) return {};
      return settler.Citizen(transfer->cpr);
    }
    case kPlaceReserved:
      return settler.Places(std::get<event::PlaceReserved>(event.body).agreement);
    case kPlaceOccupied:
      return settler.Places(std::get<event::PlaceOccupied>(event.body).agreement);
    case kPlaceReleased:
      return settler.Places(std::get<event::PlaceReleased>(event.body).agreement);
    case kPlaceWaitlisted:
      return settler.Places(std::get<event::PlaceWaitlisted>(event.body).agreement);
    case kErasureNoticed:
      return settler.Notice(event.header, std::get<event::ErasureNoticed>(event.body));
    case kValueRectified: {
      const auto& body = std::get<event::ValueRectified>(event.body);
      if (Drafts drafts = settler.TellOn(event.header, body); !drafts.empty()) return drafts;
      if (Drafts drafts = books(); !drafts.empty()) return drafts;
      // Whose number the wrong one really is may have waited for it.
      if (Drafts drafts = body.wrong_cpr ? settler.Citizen(*body.wrong_cpr) : Drafts(); !drafts.empty()) return drafts;
      if (Drafts drafts = settler.Request(case_id); !drafts.empty()) return drafts;
      return settler.PlacesOf(case_id);
    }
    case kDisclosureGrounded:
    case kEnrolmentPaused:
    case kEnrolmentResumed:
    case kEndReasonRecorded:
    case kExtractImported:
    case kRelocationObserved:
    case kRelocationHeld:
    case kHoldReleaseRequested:
    case kHoldReleased:
    case kRelocationExpired:
    case kDisclosureAssessed:
    case kRelocationAnnounced:
    case kRelocationCorrected:
    case kRelocationAnnulled:
    case kRelocationAcknowledged:
    case kRelocationDeclined:
    case kTransferWithdrawn:
    case kAccessRecorded:
    case kErasureRequested:
    case kCasesErased:
    case kErasureReceipt:
    case kEventDisputed:
    case kFlagSet:
    case kFlagClearRequested:
    case kFlagCleared:
      return {};
  }
  return {};
}

}  // namespace medflyt::domain
