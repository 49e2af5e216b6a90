// Internal to this folder: what the decisions on the various commands share.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/status.h"
#include "common/event/command.h"
#include "common/event/event.h"
#include "server/domain/facts.h"
#include "server/domain/retention.h"
#include "server/domain/state.h"
#include "server/domain/terms.h"

namespace medflyt::domain {

using Drafts = std::vector<event::Draft>;

[[nodiscard]] absl::Status Invalid(std::string_view rule, std::string_view field, std::string_view message);
[[nodiscard]] absl::Status NotNow(std::string_view rule, std::string_view field, std::string_view message);
[[nodiscard]] absl::Status NotAllowed(std::string_view rule, std::string_view field, std::string_view message);
[[nodiscard]] absl::Status Unknown(std::string_view field);

// The line of a dated table with this key that is in force today. FIELD_REQUIRED, FIELD_TOO_LONG, LEGAL_BASIS_UNKNOWN,
// LEGAL_BASIS_EXPIRED.
template <typename Line>
[[nodiscard]] absl::StatusOr<const Line*> BasisInForce(std::span<const Line> table, std::string_view key, Date today,
                                                       std::string_view field = "legal_basis") {
  MEDFLYT_RETURN_IF_ERROR(CheckText(key, field, kMaxKeyLength));
  const Line* known = nullptr;
  for (const Line& line : table) {
    if (line.key != key) continue;
    known = &line;
    if (today >= line.valid_from && (!line.valid_to || today <= *line.valid_to)) return &line;
  }
  if (known != nullptr) {
    return NotNow(
        "LEGAL_BASIS_EXPIRED", field,
        (known->title.empty() ? known->key : known->key + " (" + known->title + ")") + " is not in force today");
  }
  return Invalid("LEGAL_BASIS_UNKNOWN", field, "the legal basis is not in the table");
}

// What other authorities are told of a reason.
[[nodiscard]] inline event::EndReason Stated(event::EndReason reason) {
  return reason > event::EndReason::kOther ? event::EndReason::kOther : reason;
}

// The one gate for what is told to other authorities: every draft with an officer that discloses something of a citizen
// (DisclosedBy) rests on a ground that is in force and names its categories. The command's own ground is logged in
// front of the drafts for each case that it is new to; that of a rectification stands for this command alone, and of an
// announcement it is none. INVALID_ARGUMENT (DISCLOSURE_NOT_NEEDED, and those of CheckGround), FAILED_PRECONDITION
// (DISCLOSURE_GROUND_REQUIRED, DISCLOSURE_CATEGORY_MISSING, LEGAL_BASIS_EXPIRED).
[[nodiscard]] absl::StatusOr<Drafts> Gate(const State& state, const Facts& facts, const event::Command& command,
                                          Drafts drafts);
// Complete, and on a basis that is in force today. `field` names the ground.
[[nodiscard]] absl::Status CheckGround(const event::DisclosureGround& ground, const Facts& facts,
                                       std::string_view field);
// DISCLOSURE_CATEGORY_MISSING where it does not name a category of what is told.
[[nodiscard]] absl::Status CheckCovers(const event::DisclosureGround& ground, std::span<const event::DataCategory> told,
                                       std::string_view field);

class Decider {
 public:
  Decider(const State& state, std::string_view officer, const std::optional<crypto::Hash>& certificate,
          const Facts& facts)
      : state_(state), officer_(officer), certificate_(certificate), facts_(facts) {}

  using Decision = absl::StatusOr<Drafts>;

  // decide_agreement.cc
  Decision operator()(const event::ProposeAgreement& command) const;
  Decision operator()(const event::AcceptAgreement& command) const;
  Decision operator()(const event::DeclineAgreement& command) const;
  Decision operator()(const event::TerminateAgreement& command) const;

  // decide_enrolment.cc
  Decision operator()(const event::ProposeEnrolment& command) const;
  Decision operator()(const event::StartEnrolment& command) const;
  Decision operator()(const event::RefuseEnrolment& command) const;
  Decision operator()(const event::PauseEnrolment& command) const;
  Decision operator()(const event::ResumeEnrolment& command) const;
  Decision operator()(const event::EndEnrolment& command) const;

  // decide_flag.cc
  Decision operator()(const event::SetFlag& command) const;
  Decision operator()(const event::ClearFlag& command) const;

  // decide_relocation.cc
  Decision operator()(const event::ImportExtract& command) const;
  Decision operator()(const event::HoldRelocation& command) const;
  Decision operator()(const event::ReleaseHold& command) const;
  Decision operator()(const event::AssessDisclosure& command) const;
  Decision operator()(const event::AnnounceRelocation& command) const;
  Decision operator()(const event::CorrectRelocation& command) const;
  Decision operator()(const event::AnnulRelocation& command) const;
  Decision operator()(const event::AcknowledgeRelocation& command) const;
  Decision operator()(const event::DeclineRelocation& command) const;

  // decide_transfer.cc
  Decision operator()(const event::EndResponsibility& command) const;
  Decision operator()(const event::RestoreResponsibility& command) const;
  Decision operator()(const event::RenumberCitizen& command) const;
  Decision operator()(const event::RequestTransfer& command) const;
  Decision operator()(const event::WithdrawTransfer& command) const;
  Decision operator()(const event::DeclineTransfer& command) const;

  // decide_rectification.cc
  Decision operator()(const event::RectifyValue& command) const;

  // decide_dispute.cc
  Decision operator()(const event::DisputeEvent& command) const;

  // decide_erasure.cc
  Decision operator()(const event::EraseCases& command) const;

  // decide.cc
  Decision operator()(const event::ExpireDue& command) const;
  Decision operator()(const event::RecordAccess& command) const;

 private:
  [[nodiscard]] event::Draft To(AuthorityId recipient, const CaseId& case_id, event::Body body) const {
    event::Draft draft;
    draft.recipient = recipient;
    draft.case_id = case_id;
    draft.officer = std::string(officer_);
    draft.body = std::move(body);
    return draft;
  }
  [[nodiscard]] event::Draft Local(const CaseId& case_id, event::Body body) const {
    return To(state_.self(), case_id, std::move(body));
  }

  // Whoever acts must say who it is, where machines may not act.
  [[nodiscard]] absl::Status CheckOfficer() const;
  // The id begins something new: it is not zero and names nothing here.
  [[nodiscard]] absl::Status CheckFresh(const CaseId& id, std::string_view field) const;

  [[nodiscard]] absl::StatusOr<const Agreement*> AgreementAsParty(const CaseId& id) const;
  [[nodiscard]] absl::StatusOr<const AgreementVersion*> ProposalToAnswer(const Agreement& agreement,
                                                                         uint32_t version) const;
  // An agreement of ours with that provider, in force on that day; `field` names the date.
  [[nodiscard]] absl::Status CheckAgreement(const std::optional<CaseId>& id, AuthorityId provider, Date from,
                                            std::string_view field) const;
  [[nodiscard]] absl::StatusOr<const Enrolment*> EnrolmentAsProvider(const CaseId& id) const;
  [[nodiscard]] absl::StatusOr<const Enrolment*> EnrolmentAsResponsible(const CaseId& id) const;
  // Why each move of this enrolment's citizen is held by the flags that stand, in whichever of the citizen's enrolments
  // they were set, together with other reasons; ascending, each once. Without an enrolment the others alone.
  [[nodiscard]] std::vector<event::HoldReason> HeldFor(const Enrolment* enrolment,
                                                       std::vector<event::HoldReason> others = {}) const;
  // RELOCATION_NEVER_HELD where a flag stands for which it was not held: a new number has shown since that the flag is
  // of the same citizen.
  [[nodiscard]] absl::Status CheckWasHeld(const Relocation& relocation) const;
  // That no move of this spell is held, or was before it was taken back or ran out (RELOCATION_HELD), where the reason
  // would tell of it; and that two officers have released one where a flag stands and the reason is a move
  // (RELOCATION_NEVER_HELD).
  [[nodiscard]] absl::Status CheckEndMayBeTold(const Enrolment& enrolment, const Spell& spell,
                                               event::ResponsibilityEndReason reason) const;
  // What a first officer has asked for another one does, with another client certificate; TWO_OFFICERS_REQUIRED.
  [[nodiscard]] absl::Status CheckSecond(const std::string& officer,
                                         const std::optional<crypto::Hash>& certificate) const;
  // That somebody asked. What was asked before certificates were kept beside it, is asked anew.
  [[nodiscard]] bool IsAsked(const std::optional<std::string>& officer,
                             const std::optional<crypto::Hash>& certificate) const {
    return officer && (certificate || !certificate_);
  }
  [[nodiscard]] absl::StatusOr<const Enrolment*> EnrolmentToPause(const CaseId& id, Date from) const;
  [[nodiscard]] absl::Status CheckBeforeEnd(const Spell& spell, Date from, bool inclusive) const;
  [[nodiscard]] absl::StatusOr<const Relocation*> OwnRelocation(const CaseId& id) const;
  [[nodiscard]] absl::StatusOr<const Relocation*> MoveToDecide(const CaseId& id) const;
  [[nodiscard]] absl::StatusOr<const Relocation*> AnnouncedToUs(const CaseId& id) const;
  void AppendTakenBack(const Relocation& relocation, Drafts& drafts) const;
  // `annulled`: the relocations that the drafts take back.
  [[nodiscard]] absl::Status AppendObservation(const event::Observation& observation, MunicipalityCode own_code,
                                               Drafts& drafts, std::set<CaseId>& annulled, bool& appended) const;
  void AppendExpiredPlaces(const Enrolment& enrolment, Drafts& drafts) const;
  void AppendExpiredRelocation(const Relocation& relocation, Drafts& drafts) const;

  [[nodiscard]] Decision RectifyNumber(const event::RectifyValue& command) const;
  // Sets each flag anew from which the right number of this enrolment would part one of ours.
  void AppendPartedFlags(const Enrolment& enrolment, const CprNumber& right, Drafts& drafts) const;
  [[nodiscard]] Decision RectifyStart(const Enrolment& enrolment, const CaseId& named, Date start) const;
  // That the agreement is in force on each day from `from` to the day before `until`.
  [[nodiscard]] absl::Status CheckInForceBetween(const CaseId& id, Date from, Date until, std::string_view field) const;
  // That the place could be had on the days from `from` to the day before `until`.
  [[nodiscard]] absl::Status CheckPlaceBetween(const Occupation& occupation, Date from, Date until,
                                               std::string_view field) const;
  // The spell that the provider ended, and not because of what the responsible said.
  [[nodiscard]] absl::StatusOr<const Spell*> EndedByProvider(const Enrolment& enrolment) const;
  [[nodiscard]] Decision RectifyEnd(const Enrolment& enrolment, Date end) const;
  [[nodiscard]] Decision RectifyEndReason(const Enrolment& enrolment, event::EndReason reason) const;

  [[nodiscard]] absl::Status CheckErasureByOfficer(const event::EraseCases& command, const Retention& retention) const;
  [[nodiscard]] Decision EraseByPeriod(const event::EraseCases& command, const Retention& retention) const;
  // The erasure, the notices to whom was told of the cases, and the receipts for what others told us.
  void AppendErasure(const CaseId& erasure, const event::EraseCases& command, const std::string& legal_basis,
                     Drafts& drafts) const;

  const State& state_;
  std::string_view officer_;
  const std::optional<crypto::Hash>& certificate_;  // of whoever acts
  const Facts& facts_;
};

}  // namespace medflyt::domain
