#include "common/event/catalogue.h"

#include <array>
#include <variant>
#include <vector>

#include "common/base/status.h"

namespace medflyt::event {
namespace {

constexpr auto kCase = RetentionClass::kCase;
constexpr auto kAccounting = RetentionClass::kAccounting;
constexpr auto kAccess = RetentionClass::kAccess;

constexpr std::array kIdentity = {DataCategory::kIdentity};
constexpr std::array kService = {DataCategory::kService};
constexpr std::array kResidence = {DataCategory::kResidence};
constexpr std::array kIdentityAndService = {DataCategory::kIdentity, DataCategory::kService};
constexpr std::array kAll = {DataCategory::kIdentity, DataCategory::kService, DataCategory::kResidence};

constexpr Right Between(Type type, std::string_view name, Part issuer, Part recipient, RetentionClass retention) {
  return {type, name, issuer, recipient, retention, false, false};
}
constexpr Right Request(Right right) {
  right.is_request = true;
  return right;
}
constexpr Right MaybeLocal(Right right) {
  right.may_be_local = true;
  return right;
}
constexpr Right Discloses(std::span<const DataCategory> categories, Right right) {
  right.discloses = categories;
  return right;
}
constexpr Right Local(Type type, std::string_view name, RetentionClass retention) {
  return {type, name, Part::kSelf, Part::kSelf, retention, false, true};
}

using enum Type;
using enum Part;

constexpr std::array<Right, kTypeCount> kRights = {
    Request(Between(kAgreementProposed, "AgreementProposed", kParty, kParty, kAccounting)),
    Between(kAgreementAccepted, "AgreementAccepted", kParty, kParty, kAccounting),
    Between(kAgreementDeclined, "AgreementDeclined", kParty, kParty, kAccounting),
    Between(kAgreementTerminated, "AgreementTerminated", kParty, kParty, kAccounting),

    Discloses(kIdentityAndService,
              MaybeLocal(Request(Between(kEnrolmentProposed, "EnrolmentProposed", kResponsible, kProvider, kCase)))),
    Discloses(kService, MaybeLocal(Between(kEnrolmentStarted, "EnrolmentStarted", kProvider, kResponsible, kCase))),
    Discloses(kService, MaybeLocal(Between(kEnrolmentPaused, "EnrolmentPaused", kProvider, kResponsible, kCase))),
    Discloses(kService, MaybeLocal(Between(kEnrolmentResumed, "EnrolmentResumed", kProvider, kResponsible, kCase))),
    Discloses(kService, MaybeLocal(Between(kEnrolmentEnded, "EnrolmentEnded", kProvider, kResponsible, kCase))),
    MaybeLocal(Between(kEnrolmentRefused, "EnrolmentRefused", kProvider, kResponsible, kCase)),
    Discloses(kService,
              MaybeLocal(Between(kEnrolmentTransferred, "EnrolmentTransferred", kProvider, kResponsible, kCase))),
    Local(kEndReasonRecorded, "EndReasonRecorded", kCase),

    Local(kExtractImported, "ExtractImported", kCase),
    Local(kRelocationObserved, "RelocationObserved", kCase),
    Local(kRelocationHeld, "RelocationHeld", kCase),
    Local(kHoldReleaseRequested, "HoldReleaseRequested", kCase),
    Local(kHoldReleased, "HoldReleased", kCase),
    Local(kRelocationExpired, "RelocationExpired", kCase),
    Local(kDisclosureAssessed, "DisclosureAssessed", kCase),
    Discloses(kAll,
              Between(kRelocationAnnounced, "RelocationAnnounced", kMunicipalityLeft, kMunicipalityMovedTo, kCase)),
    Discloses(kResidence, MaybeLocal(Between(kRelocationCorrected, "RelocationCorrected", kMunicipalityLeft,
                                             kMunicipalityMovedTo, kCase))),
    MaybeLocal(Between(kRelocationAnnulled, "RelocationAnnulled", kMunicipalityLeft, kMunicipalityMovedTo, kCase)),
    Between(kRelocationAcknowledged, "RelocationAcknowledged", kMunicipalityMovedTo, kMunicipalityLeft, kCase),
    Between(kRelocationDeclined, "RelocationDeclined", kMunicipalityMovedTo, kMunicipalityLeft, kCase),

    Discloses(kResidence,
              MaybeLocal(Between(kResponsibilityEnded, "ResponsibilityEnded", kResponsible, kProvider, kCase))),
    MaybeLocal(Between(kResponsibilityRestored, "ResponsibilityRestored", kResponsible, kProvider, kCase)),
    Discloses(kIdentity, MaybeLocal(Between(kCitizenRenumbered, "CitizenRenumbered", kResponsible, kProvider, kCase))),
    Discloses(kAll, MaybeLocal(Request(
                        Between(kTransferRequested, "TransferRequested", kMunicipalityMovedTo, kProvider, kCase)))),
    MaybeLocal(Between(kTransferWithdrawn, "TransferWithdrawn", kMunicipalityMovedTo, kProvider, kCase)),
    MaybeLocal(Between(kTransferRefused, "TransferRefused", kProvider, kBuyer, kCase)),
    Local(kAnnouncementVerified, "AnnouncementVerified", kCase),

    Discloses(kService, Between(kPlaceReserved, "PlaceReserved", kProvider, kBuyer, kCase)),
    Discloses(kService, Between(kPlaceOccupied, "PlaceOccupied", kProvider, kBuyer, kCase)),
    Discloses(kService, Between(kPlaceReleased, "PlaceReleased", kProvider, kBuyer, kCase)),
    Discloses(kService, Between(kPlaceWaitlisted, "PlaceWaitlisted", kProvider, kBuyer, kCase)),

    Local(kAccessRecorded, "AccessRecorded", kAccess),

    Local(kErasureRequested, "ErasureRequested", kCase),
    Local(kCasesErased, "CasesErased", kCase),
    Between(kErasureNoticed, "ErasureNoticed", kHolder, kConcerned, kCase),
    Between(kErasureReceipt, "ErasureReceipt", kConcerned, kHolder, kCase),

    Local(kDisclosureGrounded, "DisclosureGrounded", kCase),
    Discloses(kIdentityAndService, MaybeLocal(Between(kValueRectified, "ValueRectified", kHolder, kConcerned, kCase))),
    Between(kEventDisputed, "EventDisputed", kHolder, kConcerned, kCase),

    Local(kFlagSet, "FlagSet", kCase),
    Local(kFlagClearRequested, "FlagClearRequested", kCase),
    Local(kFlagCleared, "FlagCleared", kCase),
};

constexpr bool InOrder() {
  for (size_t i = 0; i < kRights.size(); ++i) {
    if (kRights[i].type != static_cast<Type>(i) || kRights[i].name.empty()) return false;
  }
  return true;
}
static_assert(InOrder(), "one row per type, in the order of Type");

}  // namespace

const Right& RightOf(Type type) { return kRights.at(static_cast<size_t>(type)); }

std::string_view NameOf(Type type) { return RightOf(type).name; }

std::optional<Type> TypeByName(std::string_view name) {
  for (const Right& right : kRights) {
    if (right.name == name) return right.type;
  }
  return std::nullopt;
}

std::span<const DataCategory> DisclosedBy(const Body& body) {
  if (const auto* rectified = std::get_if<ValueRectified>(&body)) {
    return rectified->right.cpr ? std::span<const DataCategory>(kIdentity) : kService;
  }
  return RightOf(TypeOf(body)).discloses;
}

std::set<CaseId> CasesNamedBy(const Event& event) {
  const auto* named = std::visit(
      [](const auto& body) -> const std::vector<CaseId>* {
        if constexpr (requires { body.cases; }) {
          return &body.cases;
        } else {
          return nullptr;
        }
      },
      event.body);
  if (named != nullptr) return {named->begin(), named->end()};
  const bool of_citizen = RightOf(TypeOf(event.body)).retention == RetentionClass::kCase &&
                          !std::holds_alternative<ErasureReceipt>(event.body);
  if (!of_citizen || event.header.case_id.is_zero()) return {};
  return {event.header.case_id};
}

absl::Status CheckParties(Type type, AuthorityId issuer, AuthorityId recipient) {
  const Right& right = RightOf(type);
  const bool local = issuer == recipient;
  if (right.issuer == Part::kSelf && !local) {
    return RuleError(absl::StatusCode::kPermissionDenied, "ISSUER_HAS_NO_RIGHT", "recipient",
                     std::string(right.name) + " is local: it has no other recipient than its issuer");
  }
  if (!right.may_be_local && local) {
    return RuleError(absl::StatusCode::kPermissionDenied, "ISSUER_HAS_NO_RIGHT", "recipient",
                     std::string(right.name) + " is stated to another authority, never to its issuer");
  }
  return absl::OkStatus();
}

}  // namespace medflyt::event
