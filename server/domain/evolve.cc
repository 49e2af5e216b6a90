// What each event changes. Every rule was checked before: here a fact is a fact, and what names nothing known is
// without effect.
#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "server/domain/decide.h"
#include "server/domain/settle.h"

namespace medflyt::domain {

class Evolver {
 public:
  Evolver(State& state, const event::Header& header, const LogPosition& position)
      : state_(state), header_(header), position_(position) {}

  // Agreement.

  void operator()(const event::AgreementProposed& body) {
    AgreementVersion proposed;
    proposed.version = body.version;
    proposed.proposed_by = header_.issuer;
    proposed.terms = body.terms;
    const Agreement* known = state_.FindAgreement(header_.case_id);
    if (known == nullptr) {
      Agreement agreement;
      agreement.id = header_.case_id;
      agreement.provider = body.provider;
      agreement.buyer = body.buyer;
      if (body.version == 1) agreement.versions.push_back(std::move(proposed));
      if (!agreement.versions.empty()) state_.Put(std::move(agreement));
      return;
    }
    state_.EditAgreement(header_.case_id, [&](Agreement& agreement) {
      AgreementVersion& last = agreement.versions.back();
      if (last.state != VersionState::kProposed) {
        if (body.version == last.version + 1) agreement.versions.push_back(std::move(proposed));
      } else if (body.version == last.version && last.proposed_by != header_.issuer &&
                 header_.issuer == agreement.provider) {
        last = std::move(proposed);  // two proposals crossed: at both ends the provider's stands
      }
    });
  }
  void operator()(const event::AgreementAccepted& body) { Answer(body.version, VersionState::kInForce); }
  void operator()(const event::AgreementDeclined& body) { Answer(body.version, VersionState::kDeclined); }
  void operator()(const event::AgreementTerminated& body) {
    state_.EditAgreement(header_.case_id, [&](Agreement& agreement) {
      // Both may give notice at the same time: at both ends the earlier last day stands.
      agreement.last_day = agreement.last_day ? std::min(*agreement.last_day, body.last_day) : body.last_day;
    });
  }

  // Enrolment.

  void operator()(const event::EnrolmentProposed& body) {
    if (state_.UseOf(header_.case_id)) return;
    Enrolment enrolment;
    enrolment.id = header_.case_id;
    enrolment.provider = header_.recipient;
    enrolment.numbers.push_back(body.cpr);
    enrolment.spells.push_back(MakeSpell(header_.issuer, body.agreement, body.from));
    state_.Put(std::move(enrolment));
  }
  void operator()(const event::EnrolmentStarted& body) {
    EditSpell([&](Enrolment& enrolment, Spell& spell) {
      enrolment.started = true;
      spell.days.from = body.from;
    });
  }
  void operator()(const event::EnrolmentPaused& body) {
    state_.EditPauses(header_.case_id, [&](std::vector<Interval>& pauses) { PauseFrom(pauses, body.from); });
  }
  void operator()(const event::EnrolmentResumed& body) {
    state_.EditPauses(header_.case_id, [&](std::vector<Interval>& pauses) { ResumeFrom(pauses, body.from); });
  }
  void operator()(const event::EnrolmentEnded& body) {
    EditSpell([&](Enrolment& enrolment, Spell& spell) {
      EnrolmentEnd end;
      end.from = body.from;
      end.reason = body.reason;
      // Without an officer it follows by rule, from what the responsible municipality said.
      const ResponsibilityEnd* because = header_.officer.empty() ? spell.LatestEnd() : nullptr;
      if (because != nullptr && because->from <= body.from) end.because_of = because->event;
      enrolment.ended = end;
      spell.days.to = std::max(body.from, spell.days.from);
      spell.waiting.reset();
    });
  }
  void operator()(const event::EnrolmentRefused& body) {
    EditSpell([&](Enrolment& enrolment, Spell& spell) {
      enrolment.refused = body.rule;
      spell.waiting.reset();
    });
  }
  void operator()(const event::EnrolmentTransferred& body) {
    using Kind = event::EnrolmentTransferred::Kind;
    switch (body.kind) {
      case Kind::kReceived:
        return Receive(body.from);
      case Kind::kLeft:
        return EditSpell([&](Enrolment&, Spell& spell) {
          spell.days.to = std::max(body.from, spell.days.from);
          spell.waiting.reset();
        });
      case Kind::kRestored:
        return EditSpell([&](Enrolment& enrolment, Spell& spell) {
          enrolment.ended.reset();
          spell.days.to.reset();
        });
      case Kind::kReversed:
        EditSpell([](Enrolment&, Spell& spell) {
          spell.reversed = true;
          spell.occupations.clear();
          spell.waiting.reset();
        });
        return state_.EditTransfer(header_.case_id, [](Transfer& transfer) {
          transfer.state = TransferState::kReversed;
          transfer.stuck = false;
        });
    }
  }
  void operator()(const event::EndReasonRecorded& body) {
    EditSpell([&](Enrolment& enrolment, Spell&) { enrolment.local_end_reason = body.reason; });
  }

  // Relocation.

  void operator()(const event::ExtractImported& body) {
    state_.Put(ImportedExtract{body});
    NodeCounters counters = state_.counters();
    counters.last_production_date = body.production_date;
    state_.SetCounters(counters);
  }
  void operator()(const event::RelocationObserved& body) {
    Relocation relocation;
    relocation.id = header_.case_id;
    relocation.direction = Direction::kOut;
    relocation.kind = body.kind;
    relocation.state = body.kind != event::ObservationKind::kMoved ? RelocationState::kObserved
                       : body.hold_reasons.empty()                 ? RelocationState::kInAssessment
                                                                   : RelocationState::kHeld;
    relocation.hold_reasons = body.hold_reasons;
    relocation.enrolment = body.enrolment;
    relocation.from = body.from;
    relocation.to = body.to;
    relocation.effective_date = body.effective_date;
    relocation.uncertain = body.uncertain;
    relocation.concerns = body.concerns;
    relocation.on = DanishDate(header_.recorded_at);
    state_.Put(std::move(relocation));
  }
  void operator()(const event::RelocationHeld& body) {
    EditRelocation([&](Relocation& relocation) {
      relocation.state = RelocationState::kHeld;
      relocation.release_officer.reset();
      relocation.release_certificate.reset();
      relocation.assessment.reset();
      std::vector<event::HoldReason>& reasons = relocation.hold_reasons;
      reasons.insert(reasons.end(), body.reasons.begin(), body.reasons.end());
      std::sort(reasons.begin(), reasons.end());
      reasons.erase(std::unique(reasons.begin(), reasons.end()), reasons.end());
    });
  }
  void operator()(const event::HoldReleaseRequested&) {
    EditRelocation([&](Relocation& relocation) {
      relocation.release_officer = header_.officer;
      relocation.release_certificate = header_.certificate;
    });
  }
  void operator()(const event::HoldReleased&) {
    EditRelocation([](Relocation& relocation) {
      if (Stands(relocation)) {
        relocation.state = RelocationState::kInAssessment;
      } else {
        relocation.hold_reasons.clear();  // of one that is over nothing is left to hold
      }
      relocation.release_officer.reset();
      relocation.release_certificate.reset();
    });
  }
  void operator()(const event::RelocationExpired&) { Close(RelocationState::kExpired); }
  void operator()(const event::DisclosureAssessed& body) {
    EditRelocation([&](Relocation& relocation) {
      relocation.state = body.disclose ? RelocationState::kDisclosed : RelocationState::kNotDisclosed;
      relocation.assessment = ConfirmedGround{header_.officer, body.ground};
      if (body.effective_date) relocation.effective_date = body.effective_date;
    });
  }
  void operator()(const event::RelocationAnnounced& body) {
    Announcement announcement;
    announcement.issuer = header_.issuer;
    announcement.recipient = header_.recipient;
    announcement.ref = {std::string(position_.origin), position_.index, position_.leaf_hash};
    announcement.provider = body.provider;
    announcement.legal_basis = body.legal_basis;
    announcement.on = DanishDate(header_.recorded_at);
    if (header_.issuer == state_.self()) {
      EditRelocation([&](Relocation& relocation) {
        relocation.state = RelocationState::kAnnounced;
        relocation.cpr = body.cpr;
        relocation.announcement = std::move(announcement);
      });
      return;
    }
    Relocation relocation;
    relocation.id = header_.case_id;
    relocation.direction = Direction::kIn;
    relocation.state = RelocationState::kAnnounced;
    relocation.cpr = body.cpr;
    relocation.from = body.from;
    relocation.to = body.to;
    relocation.effective_date = body.effective_date;
    relocation.on = announcement.on;
    relocation.announcement = std::move(announcement);
    state_.Put(std::move(relocation));
  }
  void operator()(const event::RelocationCorrected&) {
    Close(RelocationState::kCorrected);
    SettleDisputes();
  }
  void operator()(const event::RelocationAnnulled&) {
    Close(RelocationState::kAnnulled);
    SettleDisputes();
  }
  void operator()(const event::RelocationAcknowledged&) {
    EditRelocation([](Relocation& relocation) {
      if (Unanswered(relocation)) relocation.state = RelocationState::kAcknowledged;
    });
  }
  void operator()(const event::RelocationDeclined&) {
    EditRelocation([](Relocation& relocation) {
      if (Unanswered(relocation)) relocation.state = RelocationState::kDeclined;
    });
  }

  // Responsibility and transfer.

  void operator()(const event::ResponsibilityEnded& body) {
    EditSpell([&](Enrolment&, Spell& spell) {
      spell.ends.push_back({header_.id, body.from, body.reason, body.announcement, false});
    });
  }
  void operator()(const event::ResponsibilityRestored& body) {
    SettleDisputes(&body.ended);
    std::optional<crypto::Hash> announcement;
    EditSpell([&](Enrolment&, Spell& spell) {
      for (ResponsibilityEnd& end : spell.ends) {
        if (end.event != body.ended) continue;
        end.reversed = true;
        announcement = end.announcement;
      }
    });
    const Enrolment* enrolment = state_.FindEnrolment(header_.case_id);
    if (!announcement || enrolment == nullptr || enrolment->provider != state_.self()) return;
    // A transfer that stands on it is reversed by what follows, unless something was built on it: then an officer
    // looks.
    for (const Spell& spell : enrolment->spells) {
      if (spell.announcement != announcement || spell.reversed) continue;
      const bool is_last = enrolment->unfinished() && spell.case_id == enrolment->current().case_id;
      if (!is_last) state_.EditTransfer(spell.case_id, [](Transfer& transfer) { transfer.stuck = true; });
    }
  }
  void operator()(const event::CitizenRenumbered& body) {
    EditSpell([&](Enrolment& enrolment, Spell&) {
      std::erase(enrolment.numbers, body.cpr);
      enrolment.numbers.push_back(body.cpr);
    });
  }
  void operator()(const event::TransferRequested& body) {
    if (state_.UseOf(header_.case_id)) return;
    Transfer transfer(body.cpr);
    transfer.id = header_.case_id;
    transfer.requester = header_.issuer;
    transfer.provider = header_.recipient;
    transfer.agreement = body.agreement;
    transfer.announcement = body.announcement;
    transfer.from = body.from;
    transfer.on = DanishDate(header_.recorded_at);
    if (header_.issuer == state_.self()) {
      if (const Relocation* relocation = state_.RelocationAnnouncedBy(body.announcement.leaf_hash)) {
        transfer.relocation = relocation->id;
      }
    }
    state_.Put(std::move(transfer));
  }
  void operator()(const event::TransferWithdrawn&) {
    state_.EditTransfer(header_.case_id, [](Transfer& transfer) {
      if (transfer.state == TransferState::kWaiting) transfer.state = TransferState::kWithdrawn;
    });
  }
  void operator()(const event::TransferRefused& body) {
    state_.EditTransfer(header_.case_id, [&](Transfer& transfer) {
      transfer.state = TransferState::kRefused;
      transfer.refused = body.rule;
    });
  }
  void operator()(const event::AnnouncementVerified& body) {
    state_.EditTransfer(header_.case_id, [&](Transfer& transfer) {
      if (transfer.state == TransferState::kWaiting) transfer.verified = body;
    });
  }

  // Places.

  void operator()(const event::PlaceReserved& body) { Assign(body.agreement, body.number, body.from, body.expires); }
  void operator()(const event::PlaceOccupied& body) { Assign(body.agreement, body.number, body.from, std::nullopt); }
  void operator()(const event::PlaceReleased& body) {
    EditSpell([&](Enrolment&, Spell& spell) {
      for (Occupation& occupation : spell.occupations) {
        if (occupation.agreement == body.agreement && occupation.number == body.number) EndAt(occupation, body.from);
      }
      DropEmpty(spell);
    });
  }
  void operator()(const event::PlaceWaitlisted& body) {
    uint64_t sequence = 0;
    if (header_.issuer == state_.self()) {
      NodeCounters counters = state_.counters();
      sequence = counters.next_waiting++;
      state_.SetCounters(counters);
    }
    EditSpell([&](Enrolment&, Spell& spell) {
      spell.waiting = Waiting{body.agreement, body.from, body.head, sequence};
    });
  }

  void operator()(const event::AccessRecorded&) {}

  // Erasure.

  void operator()(const event::ErasureRequested& body) {
    DeleteRequestsFor(body.cases);  // the last one for a citizen stands
    Erasure erasure;
    erasure.id = header_.case_id;
    erasure.cases = body.cases;
    erasure.legal_basis = body.legal_basis;
    erasure.journal_reference = body.journal_reference;
    erasure.first_officer = header_.officer;
    erasure.first_certificate = body.certificate;
    erasure.on = DanishDate(header_.recorded_at);
    state_.Put(std::move(erasure));
  }
  void operator()(const event::CasesErased& body) {
    for (const CaseId& id : body.cases) state_.EraseCase(id);
    state_.EditErasure(header_.case_id, [&](Erasure& erasure) {
      erasure.state = ErasureState::kDone;
      erasure.cases.clear();
      erasure.second_officer = header_.officer;
      erasure.on = DanishDate(header_.recorded_at);
    });
    DeleteRequestsFor(body.cases);
  }
  void operator()(const event::ErasureNoticed& body) {
    if (state_.UseOf(header_.case_id)) return;
    const bool ours = header_.issuer == state_.self();
    ErasureNotice notice;
    notice.id = header_.case_id;
    notice.direction = ours ? Direction::kOut : Direction::kIn;
    notice.peer = ours ? header_.recipient : header_.issuer;
    if (!ours) {
      std::copy_if(body.cases.begin(), body.cases.end(), std::back_inserter(notice.cases),
                   [&](const CaseId& id) { return state_.UseOf(id).has_value(); });
      notice.opened = body.opened;
      notice.disclosed = body.disclosed;
      notice.disclosed_left = body.disclosed_left;
    }
    notice.legal_basis = body.legal_basis;
    notice.on = DanishDate(header_.recorded_at);
    state_.Put(std::move(notice));
  }
  // Ours ends a notice of the peer's; the peer's answers ours, once.
  void operator()(const event::ErasureReceipt&) {
    const ErasureNotice* notice = state_.FindErasureNotice(header_.case_id);
    if (notice == nullptr) return;
    const bool ours = header_.issuer == state_.self();
    if (ours && notice->direction == Direction::kIn) {
      state_.DeleteErasureNotice(header_.case_id);
    } else if (!ours && notice->direction == Direction::kOut && !notice->receipted) {
      state_.EditErasureNotice(header_.case_id,
                               [&](ErasureNotice& answered) { answered.receipted = DanishDate(header_.recorded_at); });
    }
  }

  void operator()(const event::DisclosureGrounded& body) {
    if (body.for_rectification) return;  // it carried what stands behind it, and carries nothing more
    CaseGround ground;
    ground.id = header_.case_id;
    ground.recipient = body.recipient;
    ground.confirmed = {header_.officer, body.ground};
    state_.Put(std::move(ground));
  }

  // Rectification: what holds is put right; the log says what was stated before.

  void operator()(const event::ValueRectified& body) {
    SettleDisputes();
    const event::Rectification& right = body.right;
    if (right.cpr && body.wrong_cpr && right.cpr != body.wrong_cpr) {
      PutRight(*body.wrong_cpr, *right.cpr);
      NoteConflict(*right.cpr);
    }
    EditSpell([&](Enrolment& enrolment, Spell& spell) {
      if (right.start && enrolment.started) MoveStart(spell, *right.start);
      if (right.end && enrolment.ended) {
        MoveEnd(spell, enrolment.ended->from, std::max(*right.end, spell.days.from));
        enrolment.ended->from = *right.end;
      }
      if (right.end_reason && enrolment.ended) enrolment.ended->reason = *right.end_reason;
    });
  }

  void operator()(const event::EventDisputed& body) {
    EditDisputes([&](CaseDisputes& row) {
      if (row.HasDispute(body.disputed, header_.issuer)) return;
      row.disputes.push_back(
          {body.disputed, header_.issuer, body.ground, DanishDate(header_.recorded_at), std::nullopt});
    });
  }

  // Protection. Setting a flag anew takes back that somebody asked to have it cleared.

  void operator()(const event::FlagSet& body) {
    EditFlags([&](std::vector<StandingFlag>& flags) {
      std::erase_if(flags, [&](const StandingFlag& each) { return each.flag == body.flag; });
      const auto behind =
          std::find_if(flags.begin(), flags.end(), [&](const StandingFlag& each) { return each.flag > body.flag; });
      flags.insert(behind, StandingFlag{body.flag, std::nullopt, std::nullopt});
    });
  }
  void operator()(const event::FlagClearRequested& body) {
    EditFlags([&](std::vector<StandingFlag>& flags) {
      for (StandingFlag& each : flags) {
        if (each.flag != body.flag) continue;
        each.clear_officer = header_.officer;
        each.clear_certificate = header_.certificate;
      }
    });
  }
  void operator()(const event::FlagCleared& body) {
    EditFlags([&](std::vector<StandingFlag>& flags) {
      std::erase_if(flags, [&](const StandingFlag& each) { return each.flag == body.flag; });
    });
  }

 private:
  // The wrong number was never the citizen's, so nobody is found by it any more; an announcement may still name it.
  void PutRight(const CprNumber& wrong, const CprNumber& right) {
    EditSpell([&](Enrolment& enrolment, Spell&) {
      std::vector<CprNumber>& numbers = enrolment.numbers;
      if (std::find(numbers.begin(), numbers.end(), wrong) == numbers.end()) return;
      std::erase(numbers, right);
      std::replace(numbers.begin(), numbers.end(), wrong, right);
      std::erase(enrolment.replaced, right);
      enrolment.replaced.push_back(wrong);
    });
    // What conflicts with what stands changes nothing.
    const Enrolment* enrolment = state_.FindEnrolment(header_.case_id);
    if (enrolment != nullptr && !HoldsNumber(state_, header_.case_id, right)) return;
    const auto is_wrong = [&](const CprNumber& number) {
      return number == wrong ||
             (enrolment != nullptr &&
              std::find(enrolment->replaced.begin(), enrolment->replaced.end(), number) != enrolment->replaced.end());
    };
    const auto in_relocation = [&](Relocation& relocation) {
      if (relocation.cpr && is_wrong(*relocation.cpr)) relocation.cpr = right;
    };
    EditRelocation(in_relocation);
    std::optional<CaseId> announced;
    state_.EditTransfer(header_.case_id, [&](Transfer& transfer) {
      if (is_wrong(transfer.cpr)) transfer.cpr = right;
      announced = transfer.relocation;
    });
    if (announced) state_.EditRelocation(*announced, in_relocation);
  }
  // The last number that another authority put right in this case tells whether it agrees.
  void NoteConflict(const CprNumber& right) {
    if (header_.issuer == state_.self()) return;
    EditDisputes([&](CaseDisputes& row) {
      row.conflict.reset();
      if (HoldsNumber(state_, header_.case_id, right)) return;
      row.conflict.emplace(right);
      row.conflict->event = header_.id;
      row.conflict->by = header_.issuer;
      row.conflict->on = DanishDate(header_.recorded_at);
    });
  }
  // Of what the issuer stated in this case, or of that one event. A case is between two, so it is the issuer's unless
  // the issuer disputes it.
  void SettleDisputes(const EventId* only = nullptr) {
    EditDisputes([&](CaseDisputes& row) {
      for (Dispute& dispute : row.disputes) {
        if (dispute.settled || dispute.by == header_.issuer || (only != nullptr && dispute.event != *only)) continue;
        dispute.settled = DanishDate(header_.recorded_at);
      }
    });
  }
  void EditFlags(absl::FunctionRef<void(std::vector<StandingFlag>&)> change) {
    EditSpell([&](Enrolment& enrolment, Spell&) { change(enrolment.flags); });
  }
  void EditDisputes(absl::FunctionRef<void(CaseDisputes&)> change) {
    if (!state_.UseOf(header_.case_id)) return;
    const CaseDisputes* known = state_.FindDisputes(header_.case_id);
    CaseDisputes row = known == nullptr ? CaseDisputes() : *known;
    row.id = header_.case_id;
    change(row);
    if (known != nullptr || !row.empty()) state_.Put(std::move(row));
  }
  static void MoveStart(Spell& spell, Date start) {
    for (Occupation& occupation : spell.occupations) {
      if (occupation.days.from == spell.days.from || occupation.days.from < start) occupation.days.from = start;
    }
    DropEmpty(spell);
    if (spell.waiting) spell.waiting->from = std::max(spell.waiting->from, start);
    spell.days.from = start;
    if (spell.days.to) spell.days.to = std::max(*spell.days.to, start);
  }
  static void MoveEnd(Spell& spell, Date before, Date end) {
    for (Occupation& occupation : spell.occupations) {
      if (occupation.days.to == before) occupation.days.to = end;
      EndAt(occupation, end);
    }
    DropEmpty(spell);
    spell.days.to = end;
  }

  static bool Unanswered(const Relocation& relocation) {
    return relocation.state == RelocationState::kAnnounced || relocation.state == RelocationState::kExpired;
  }
  static void EndAt(Occupation& occupation, Date day) {
    if (!occupation.days.to || *occupation.days.to > day) occupation.days.to = day;
  }
  static void DropEmpty(Spell& spell) {
    std::erase_if(spell.occupations, [](const Occupation& o) { return o.days.to && *o.days.to <= o.days.from; });
  }

  [[nodiscard]] Spell MakeSpell(AuthorityId responsible, std::optional<CaseId> agreement, Date from) const {
    Spell spell;
    spell.responsible = responsible;
    spell.case_id = header_.case_id;
    spell.agreement = agreement;
    spell.days.from = from;
    return spell;
  }

  void EditSpell(absl::FunctionRef<void(Enrolment&, Spell&)> change) {
    state_.EditEnrolment(header_.case_id, [&](Enrolment& enrolment) {
      for (Spell& spell : enrolment.spells) {
        if (spell.case_id == header_.case_id) return change(enrolment, spell);
      }
    });
  }
  void EditRelocation(absl::FunctionRef<void(Relocation&)> change) { state_.EditRelocation(header_.case_id, change); }

  // The relocation no longer leads anywhere. Its number stays, so that a citizen's report and erasure find it.
  void Close(RelocationState closed) {
    EditRelocation([&](Relocation& relocation) {
      relocation.state = closed;
      relocation.release_officer.reset();
      relocation.release_certificate.reset();
    });
  }

  // Requests of officers that share a case with these.
  void DeleteRequestsFor(const std::vector<CaseId>& cases) {
    std::vector<CaseId> requests;
    for (const auto& [id, erasure] : state_.erasures()) {
      const bool shares = std::any_of(erasure.cases.begin(), erasure.cases.end(), [&](const CaseId& each) {
        return std::binary_search(cases.begin(), cases.end(), each);
      });
      if (shares) requests.push_back(id);
    }
    for (const CaseId& id : requests) state_.DeleteErasure(id);
  }

  void Answer(uint32_t version, VersionState answer) {
    state_.EditAgreement(header_.case_id, [&](Agreement& agreement) {
      AgreementVersion& last = agreement.versions.back();
      if (last.version != version || last.state != VersionState::kProposed) return;
      if (last.proposed_by != header_.issuer) last.state = answer;
    });
  }

  // The books change hands: at the provider a new spell of the same enrolment, at the requester an enrolment of its
  // own.
  void Receive(Date from) {
    const Transfer* transfer = state_.FindTransfer(header_.case_id);
    if (transfer == nullptr || state_.FindEnrolment(header_.case_id) != nullptr) return;
    Spell spell = MakeSpell(transfer->requester, transfer->agreement, from);
    spell.announcement = transfer->announcement.leaf_hash;
    if (transfer->provider == state_.self()) {
      if (transfer->requester == state_.self()) spell.agreement.reset();
      const Enrolment* enrolment = EnrolmentToTransfer(state_, *transfer);
      if (enrolment == nullptr) return;
      state_.EditEnrolment(enrolment->id, [&](Enrolment& e) { e.spells.push_back(std::move(spell)); });
    } else {
      Enrolment enrolment;
      enrolment.id = header_.case_id;
      enrolment.provider = transfer->provider;
      enrolment.numbers.push_back(transfer->cpr);
      enrolment.started = true;
      enrolment.spells.push_back(std::move(spell));
      state_.Put(std::move(enrolment));
    }
    state_.EditTransfer(header_.case_id, [](Transfer& t) { t.state = TransferState::kDone; });
  }

  void Assign(const CaseId& agreement, uint32_t number, Date from, std::optional<Date> expires) {
    EditSpell([&](Enrolment&, Spell& spell) {
      spell.waiting.reset();
      std::vector<Occupation>& occupations = spell.occupations;
      for (Occupation& occupation : occupations) {
        if (occupation.reserved()) EndAt(occupation, occupation.days.to ? from : occupation.days.from);
      }
      DropEmpty(spell);
      if (!expires && !occupations.empty()) {
        Occupation& last = occupations.back();
        const bool same = last.agreement == agreement && last.number == number && !last.reserved();
        if (same && last.days.to == from) {  // restored to the place it had
          last.days.to.reset();
          return;
        }
      }
      occupations.push_back({agreement, number, {from, std::nullopt}, expires});
    });
  }

  State& state_;
  const event::Header& header_;
  const LogPosition& position_;
};

void Evolve(State& state, const event::Event& event, const LogPosition& position) {
  std::visit(Evolver(state, event.header, position), event.body);
}

}  // namespace medflyt::domain
