// Decisions on agreements.
#include "server/domain/deciding.h"
#include "server/domain/place.h"
#include "server/domain/terms.h"

namespace medflyt::domain {

absl::StatusOr<const Agreement*> Decider::AgreementAsParty(const CaseId& id) const {
  const Agreement* agreement = state_.FindAgreement(id);
  if (agreement == nullptr) return Unknown("agreement");
  return agreement;
}

absl::StatusOr<const AgreementVersion*> Decider::ProposalToAnswer(const Agreement& agreement, uint32_t version) const {
  const AgreementVersion* proposal = agreement.Find(version);
  if (proposal == nullptr) {
    return RuleError(absl::StatusCode::kNotFound, "UNKNOWN_VERSION", "version", "the agreement has no such version");
  }
  if (proposal->state != VersionState::kProposed) {
    return NotNow("VERSION_NOT_OPEN", "version", "this version has been answered");
  }
  if (proposal->proposed_by == state_.self()) {
    return NotAllowed("OWN_PROPOSAL", "version", "the other party answers this proposal");
  }
  if (agreement.last_day) return NotNow("AGREEMENT_TERMINATED", "agreement", "notice was given");
  return proposal;
}

Decider::Decision Decider::operator()(const event::ProposeAgreement& command) const {
  MEDFLYT_RETURN_IF_ERROR(CheckOfficer());
  if (command.provider == command.buyer) {
    return Invalid("PARTIES_EQUAL", "buyer", "provider and buyer must be two authorities");
  }
  if (command.provider != state_.self() && command.buyer != state_.self()) {
    return NotAllowed("NOT_A_PARTY", "provider", "this authority must be provider or buyer");
  }
  const AuthorityId other = command.provider == state_.self() ? command.buyer : command.provider;
  if (!facts_.directory.IsKnown(other)) {
    return NotNow("AUTHORITY_UNKNOWN", command.provider == other ? "provider" : "buyer",
                  "the authority is not in the peer directory");
  }
  MEDFLYT_RETURN_IF_ERROR(CheckTerms(command.terms));
  if (command.terms.valid_to < facts_.today) {
    return Invalid("VALIDITY_OVER", "terms.valid_to", "the last day is in the past");
  }
  uint32_t version = 1;
  const Agreement* agreement = state_.FindAgreement(command.agreement);
  if (agreement == nullptr) {
    MEDFLYT_RETURN_IF_ERROR(CheckFresh(command.agreement, "agreement"));
  } else {
    if (agreement->provider != command.provider || agreement->buyer != command.buyer) {
      return Invalid("PARTIES_CHANGED", "provider", "a new version has the same provider and buyer");
    }
    if (agreement->last_day) return NotNow("AGREEMENT_TERMINATED", "agreement", "notice was given");
    if (agreement->OpenProposal() != nullptr) {
      return NotNow("PROPOSAL_OPEN", "agreement", "a version of this agreement awaits its answer");
    }
    version = agreement->versions.back().version + 1;
    if (agreement->provider == state_.self()) {
      Agreement proposed = *agreement;
      proposed.versions.push_back({version, state_.self(), VersionState::kProposed, command.terms});
      MEDFLYT_RETURN_IF_ERROR(CheckTakenPlaces(state_, proposed, proposed.versions.back()));
    }
  }
  return Drafts{
      To(other, command.agreement, event::AgreementProposed{version, command.provider, command.buyer, command.terms})};
}

Decider::Decision Decider::operator()(const event::AcceptAgreement& command) const {
  MEDFLYT_RETURN_IF_ERROR(CheckOfficer());
  MEDFLYT_ASSIGN_OR_RETURN(const Agreement* agreement, AgreementAsParty(command.agreement));
  MEDFLYT_ASSIGN_OR_RETURN(const AgreementVersion* proposal, ProposalToAnswer(*agreement, command.version));
  MEDFLYT_RETURN_IF_ERROR(CheckTerms(proposal->terms));
  if (agreement->provider == state_.self()) MEDFLYT_RETURN_IF_ERROR(CheckTakenPlaces(state_, *agreement, *proposal));
  return Drafts{To(agreement->CounterpartOf(state_.self()), agreement->id, event::AgreementAccepted{command.version})};
}

Decider::Decision Decider::operator()(const event::DeclineAgreement& command) const {
  MEDFLYT_RETURN_IF_ERROR(CheckOfficer());
  MEDFLYT_ASSIGN_OR_RETURN(const Agreement* agreement, AgreementAsParty(command.agreement));
  MEDFLYT_RETURN_IF_ERROR(ProposalToAnswer(*agreement, command.version).status());
  return Drafts{To(agreement->CounterpartOf(state_.self()), agreement->id, event::AgreementDeclined{command.version})};
}

Decider::Decision Decider::operator()(const event::TerminateAgreement& command) const {
  MEDFLYT_RETURN_IF_ERROR(CheckOfficer());
  MEDFLYT_ASSIGN_OR_RETURN(const Agreement* agreement, AgreementAsParty(command.agreement));
  if (agreement->last_day) return NotNow("AGREEMENT_TERMINATED", "agreement", "notice was given before");
  const AgreementVersion* in_force = agreement->HighestInForce();
  if (in_force == nullptr) {
    return NotNow("AGREEMENT_NOT_IN_FORCE", "agreement", "no version of the agreement has both signatures");
  }
  const Date earliest = facts_.today + in_force->terms.notice_days;
  if (command.last_day < earliest) {
    return Invalid("NOTICE_TOO_SHORT", "last_day", "with notice the earliest last day is " + FormatIsoDate(earliest));
  }
  if (command.last_day > in_force->terms.valid_to) {
    return Invalid("AFTER_TERM", "last_day",
                   "the agreement ends by itself on " + FormatIsoDate(in_force->terms.valid_to));
  }
  return Drafts{
      To(agreement->CounterpartOf(state_.self()), agreement->id, event::AgreementTerminated{command.last_day})};
}

}  // namespace medflyt::domain
