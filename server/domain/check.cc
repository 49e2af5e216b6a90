// Whether a peer may say what it says, here, to us.
#include <algorithm>
#include <string>
#include <variant>

#include "common/base/status.h"
#include "common/event/catalogue.h"
#include "server/domain/decide.h"

namespace medflyt::domain {
namespace {

absl::Status NoRight(std::string_view why) {
  return RuleError(absl::StatusCode::kPermissionDenied, "ISSUER_HAS_NO_RIGHT", "", why);
}
absl::Status UnknownCase() {
  return RuleError(absl::StatusCode::kNotFound, "UNKNOWN_CASE", "case_id",
                   "the event is of a case that is not known here");
}

// One operator for each body that a peer may send; the rest are local.
class Checker {
 public:
  Checker(const State& state, const event::Header& header, const Facts& facts)
      : state_(state), header_(header), facts_(facts) {}

  absl::Status operator()(const event::AgreementProposed& body) const {
    const bool between_us = (body.provider == header_.issuer && body.buyer == state_.self()) ||
                            (body.provider == state_.self() && body.buyer == header_.issuer);
    if (!between_us) return NoRight("the agreement is not one between issuer and recipient");
    const Agreement* agreement = state_.FindAgreement(header_.case_id);
    if (agreement == nullptr) return Fresh();
    if (agreement->provider != body.provider || agreement->buyer != body.buyer) {
      return NoRight("the agreement is one between others");
    }
    return absl::OkStatus();
  }
  absl::Status operator()(const event::AgreementAccepted& body) const { return Answer(body.version); }
  absl::Status operator()(const event::AgreementDeclined& body) const { return Answer(body.version); }
  absl::Status operator()(const event::AgreementTerminated&) const { return Party(); }

  absl::Status operator()(const event::EnrolmentProposed&) const { return Fresh(); }
  absl::Status operator()(const event::EnrolmentStarted&) const { return FromProvider(); }
  absl::Status operator()(const event::EnrolmentPaused&) const { return FromProvider(); }
  absl::Status operator()(const event::EnrolmentResumed&) const { return FromProvider(); }
  absl::Status operator()(const event::EnrolmentEnded& body) const {
    if (body.reason > event::EndReason::kOther) return NoRight("this reason is not stated to other authorities");
    return FromProvider();
  }
  absl::Status operator()(const event::EnrolmentRefused&) const { return FromProvider(); }
  absl::Status operator()(const event::EnrolmentTransferred& body) const {
    if (body.kind != event::EnrolmentTransferred::Kind::kReceived) return FromProvider();
    return Request([&](const Transfer& t) { return t.requester == state_.self() && t.provider == header_.issuer; });
  }

  absl::Status operator()(const event::RelocationAnnounced& body) const {
    MEDFLYT_RETURN_IF_ERROR(Fresh());
    if (!IsMunicipality(header_.issuer, body.from, body.effective_date)) {
      return NoRight("only the municipality that the citizen leaves announces a move");
    }
    if (!IsMunicipality(state_.self(), body.to, body.effective_date)) {
      return NoRight("a move is announced to the municipality moved to alone");
    }
    return absl::OkStatus();
  }
  absl::Status operator()(const event::RelocationCorrected&) const { return FromMunicipalityLeft(); }
  absl::Status operator()(const event::RelocationAnnulled&) const { return FromMunicipalityLeft(); }
  absl::Status operator()(const event::RelocationAcknowledged& body) const { return ToAnnouncement(body.announcement); }
  absl::Status operator()(const event::RelocationDeclined& body) const { return ToAnnouncement(body.announcement); }

  absl::Status operator()(const event::ResponsibilityEnded&) const { return FromResponsible(); }
  absl::Status operator()(const event::ResponsibilityRestored&) const { return FromResponsible(); }
  absl::Status operator()(const event::CitizenRenumbered&) const { return FromResponsible(); }
  absl::Status operator()(const event::TransferRequested&) const { return Fresh(); }
  absl::Status operator()(const event::TransferWithdrawn&) const {
    return Request([&](const Transfer& t) { return t.requester == header_.issuer && t.provider == state_.self(); });
  }
  absl::Status operator()(const event::TransferRefused&) const {
    return Request([&](const Transfer& t) { return t.requester == state_.self() && t.provider == header_.issuer; });
  }

  absl::Status operator()(const event::PlaceReserved& body) const { return Place(body.agreement); }
  absl::Status operator()(const event::PlaceOccupied& body) const { return Place(body.agreement); }
  absl::Status operator()(const event::PlaceReleased& body) const { return Place(body.agreement); }
  absl::Status operator()(const event::PlaceWaitlisted& body) const { return Place(body.agreement); }

  absl::Status operator()(const event::ErasureNoticed& body) const {
    MEDFLYT_RETURN_IF_ERROR(Fresh());
    for (const CaseId& id : body.cases) {
      if (!state_.UseOf(id)) continue;
      if (!IsShared(id)) return NoRight("a case is not one between issuer and recipient");
      if (IsNoticed(id)) {
        return RuleError(absl::StatusCode::kAlreadyExists, "ERASURE_ALREADY_NOTICED", "case_ids",
                         "the issuer has named the case in a notice that is not answered yet");
      }
    }
    return absl::OkStatus();
  }
  absl::Status operator()(const event::ErasureReceipt&) const {
    const ErasureNotice* notice = state_.FindErasureNotice(header_.case_id);
    if (notice == nullptr) return Unknown();
    if (notice->direction != Direction::kOut || notice->peer != header_.issuer) {
      return NoRight("this notice was not made to the issuer");
    }
    return absl::OkStatus();
  }

  // By whoever stated the value.
  absl::Status operator()(const event::ValueRectified& body) const {
    if (body.right.end_reason && *body.right.end_reason > event::EndReason::kOther) {
      return NoRight("this reason is not stated to other authorities");
    }
    if (!body.right.cpr) return FromProvider();
    if (state_.FindRelocation(header_.case_id) != nullptr) return FromMunicipalityLeft();
    if (state_.FindTransfer(header_.case_id) == nullptr) return FromResponsible();
    return Request([&](const Transfer& t) { return t.requester == header_.issuer && t.provider == state_.self(); });
  }

  // By whoever was told of the case, or told it. Whether the event is one of ours there the log knows, and no state.
  absl::Status operator()(const event::EventDisputed&) const {
    if (!IsShared(header_.case_id)) return Unknown();
    const CaseDisputes* known = state_.FindDisputes(header_.case_id);
    return known == nullptr ? absl::OkStatus() : known->CheckRoom(header_.issuer);
  }

  template <typename Local>
  absl::Status operator()(const Local&) const {
    return NoRight("the event is local to its issuer");
  }

 private:
  absl::Status Fresh() const {
    if (!state_.UseOf(header_.case_id)) return absl::OkStatus();
    return RuleError(absl::StatusCode::kAlreadyExists, "CASE_ALREADY_USED", "case_id",
                     "the id names something else here");
  }

  // By the code that it has, or had on that day.
  bool IsMunicipality(AuthorityId authority, MunicipalityCode code, Date on) const {
    return facts_.directory.CodeOf(authority) == code || facts_.directory.AuthorityOf(code, on) == authority;
  }

  absl::Status Unknown() const {
    return state_.UseOf(header_.case_id) ? NoRight("the case is not one of this kind between issuer and recipient")
                                         : UnknownCase();
  }

  // With the issuer, whoever of the two spoke.
  bool IsShared(const CaseId& id) const {
    if (const Relocation* relocation = state_.FindRelocation(id); relocation != nullptr && relocation->announcement) {
      return relocation->announcement->issuer == header_.issuer ||
             relocation->announcement->recipient == header_.issuer;
    }
    return state_.ToldOf(id).contains(header_.issuer);
  }

  // By the issuer, in a notice that is open.
  bool IsNoticed(const CaseId& case_id) const {
    const auto& notices = state_.erasure_notices();
    return std::any_of(notices.begin(), notices.end(), [&](const auto& row) {
      const ErasureNotice& notice = row.second;
      return notice.direction == Direction::kIn && notice.peer == header_.issuer &&
             std::binary_search(notice.cases.begin(), notice.cases.end(), case_id);
    });
  }

  absl::Status Party() const {
    const Agreement* agreement = state_.FindAgreement(header_.case_id);
    if (agreement == nullptr) return Unknown();
    const bool between_us = agreement->CounterpartOf(state_.self()) == header_.issuer;
    return between_us ? absl::OkStatus() : NoRight("the issuer is not a party to the agreement");
  }

  absl::Status Answer(uint32_t version) const {
    MEDFLYT_RETURN_IF_ERROR(Party());
    const AgreementVersion* answered = state_.FindAgreement(header_.case_id)->Find(version);
    if (answered != nullptr && answered->proposed_by == header_.issuer && answered->state == VersionState::kProposed) {
      return NoRight("a party does not answer its own proposal");
    }
    return absl::OkStatus();
  }

  absl::Status FromProvider() const {
    const Enrolment* enrolment = state_.FindEnrolment(header_.case_id);
    if (enrolment == nullptr) return Unknown();
    if (enrolment->provider != header_.issuer) return NoRight("the issuer is not the provider of this case");
    return absl::OkStatus();
  }

  absl::Status FromResponsible() const {
    const Enrolment* enrolment = state_.FindEnrolment(header_.case_id);
    if (enrolment == nullptr) return Unknown();
    const Spell* spell = enrolment->FindSpell(header_.case_id);
    if (enrolment->provider != state_.self() || spell == nullptr || spell->responsible != header_.issuer) {
      return NoRight("the issuer is not the responsible municipality of this case");
    }
    return absl::OkStatus();
  }

  absl::Status FromMunicipalityLeft() const {
    const Relocation* relocation = state_.FindRelocation(header_.case_id);
    if (relocation == nullptr) return Unknown();
    if (relocation->direction != Direction::kIn || relocation->announcement->issuer != header_.issuer) {
      return NoRight("the issuer did not announce this relocation");
    }
    return absl::OkStatus();
  }

  absl::Status ToAnnouncement(const crypto::Hash& announcement) const {
    const Relocation* relocation = state_.FindRelocation(header_.case_id);
    if (relocation == nullptr) return Unknown();
    if (relocation->direction != Direction::kOut || !relocation->announcement ||
        relocation->announcement->recipient != header_.issuer ||
        relocation->announcement->ref.leaf_hash != announcement) {
      return NoRight("this relocation was not announced to the issuer");
    }
    return absl::OkStatus();
  }

  template <typename Between>
  absl::Status Request(const Between& between_us) const {
    const Transfer* transfer = state_.FindTransfer(header_.case_id);
    if (transfer == nullptr) return Unknown();
    return between_us(*transfer) ? absl::OkStatus() : NoRight("the request is not one between issuer and recipient");
  }

  absl::Status Place(const CaseId& agreement_id) const {
    MEDFLYT_RETURN_IF_ERROR(FromProvider());
    const Agreement* agreement = state_.FindAgreement(agreement_id);
    if (agreement == nullptr || agreement->provider != header_.issuer || agreement->buyer != state_.self()) {
      return NoRight("the place is not of an agreement between issuer and recipient");
    }
    return absl::OkStatus();
  }

  const State& state_;
  const event::Header& header_;
  const Facts& facts_;
};

}  // namespace

absl::Status CheckReceived(const State& state, const event::Event& event, const Facts& facts) {
  const event::Header& header = event.header;
  if (header.recipient != state.self()) {
    return RuleError(absl::StatusCode::kPermissionDenied, "EVENT_FOR_ANOTHER_RECIPIENT", "recipient",
                     "the event names another recipient");
  }
  if (header.issuer == state.self()) return NoRight("an own event is not received");
  MEDFLYT_RETURN_IF_ERROR(event::CheckParties(event::TypeOf(event.body), header.issuer, header.recipient));
  if (event::IsMunicipalitys(event::RightOf(event::TypeOf(event.body)).issuer) &&
      !facts.directory.IsMunicipality(header.issuer)) {
    return NoRight("only a municipality issues it");
  }
  return std::visit(Checker(state, header, facts), event.body);
}

}  // namespace medflyt::domain
